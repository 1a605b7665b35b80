#!/bin/sh
# Train a model, put it into the registry and make it the champion. Run in the learner's image.
#   first-model.sh          only where the models topic has no champion: promote the newest version
#                           in the registry, or train one on simulated listeners
#   first-model.sh DATA     train on DATA (NAME:PATH as for `segue train`) whatever there is
set -eu
name=sasrec
folder=$SEGUE_MODELS__ROOT/$name
data=${1:-}

there() {
    segue models list --bootstrap "$SEGUE_KAFKA__BOOTSTRAP" --json | python -c '
import json, sys

rows = [row for row in json.load(sys.stdin) if row["name"] == sys.argv[1] and not row["error"]]
champions = ["champion " + row["version"] for row in rows if row["stage"] == "champion"]
print(*champions or ["newest " + row["version"] for row in rows][-1:] or ["none"])
' "$name"
}

make() {
    mkdir -p "$folder"
    rm -rf "$folder/.new" "$folder/.new.learner" # of a start that was broken off
    version=$(segue train --data "$1" --model sasrec --loss skip-contrastive --name "$name" \
        --seconds "${SEGUE_FIRST_MODEL_SECONDS:-180}" --threads 2 --out "$folder/.new" --json |
        python -c 'import json, sys; print(json.load(sys.stdin)["version"])')
    # The version is known only now, and the registry finds a bundle by it.
    mv "$folder/.new.learner" "$folder/$version.learner"
    mv "$folder/.new" "$folder/$version"
}

if [ -n "$data" ]; then
    make "$data"
else
    found=$(there)
    version=${found#* }
    case $found in
        champion*)
            echo "first-model: $name $version is the champion already"
            exit 0
            ;;
        none)
            echo "first-model: no $name yet, training one on simulated listeners"
            make simulated
            ;;
    esac
fi
segue models promote "$name" "$version"
