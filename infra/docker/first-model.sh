#!/bin/sh
# See to it that the models topic names a champion: keep the one it has, else promote the newest
# version in the registry, else train one on simulated listeners. Run in the learner's image.
set -eu
name=sasrec
found=$(segue models list --bootstrap "$SEGUE_KAFKA__BOOTSTRAP" --json | python -c '
import json, sys

rows = [row for row in json.load(sys.stdin) if row["name"] == sys.argv[1] and not row["error"]]
champions = [row["version"] for row in rows if row["stage"] == "champion"]
print("champion" if champions else "newest" if rows else "none", *champions or [r["version"] for r in rows][-1:])
' "$name")
case $found in
    champion*)
        echo "first-model: $name ${found#* } is the champion already"
        exit 0
        ;;
    newest*) version=${found#* } ;;
    *)
        version=simulated
        echo "first-model: no $name yet, training one on simulated listeners"
        segue train --data simulated --model sasrec --loss skip-contrastive --name "$name" \
            --seconds "${SEGUE_FIRST_MODEL_SECONDS:-120}" --threads 2 \
            --out "$SEGUE_MODELS__ROOT/$name/$version"
        ;;
esac
segue models promote "$name" "$version"
