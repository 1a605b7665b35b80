"""What the demo starts from: sessions, a base model, a Markov chain beside it, the unseen sessions.

The base model learns from half of the training sessions, so that the stream holds news: sessions
that it never saw and, where the data has an order of time, what came later. Everything is kept
under a key of data, choices and code, and used again while that is the same. How a model is trained
and judged is `segue train` and `segue eval`, which run as processes of their own.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.digests import code_digest, digest
from streams.manifest import Manifest, decode_manifest

from .processes import Child, Processes, segue
from .steps import Steps

SIMULATED = "simulated:sessions=8000,tracks=1000"
"""The demo's own data: enough for a network to pass a Markov chain, and trained on in a minute."""
EPOCHS = {"simulated": 14, "mssd-mini": 5}
"""By kind of data; elsewhere as many as `segue train` runs. A base as a first day would leave it:
past a Markov chain, which on simulated listeners, who stray more, takes longer, and no further."""
IN_ORDER = ("simulated",)
"""Kinds of data in order of time. Their base learns from the first 40 % of the sessions, and the
stream plays on from the 50th: new tracks and changed playlists are there to be learned."""
FRACTION = 0.5  # of the training sessions
KEPT = 4  # bases of other data, choices or code that stay
_CODE = ("models/**/*.py", "export/*.py", "streams/*.py", "benchmarks/demo/[bd]*.py")
_DONE = "complete.json"
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # two spin against each other on two cores


@dataclass(frozen=True)
class Choices:
    """What a base depends on, besides its data and the code."""

    seed: int = 0
    epochs: int | None = None  # None: EPOCHS


@dataclass(frozen=True)
class Base:
    """A folder that holds everything; `offline` are the rows of `segue eval`."""

    folder: Path
    manifest: Manifest
    offline: list[dict[str, Any]]

    @property
    def bundle(self) -> Path:
        """The base model; what fine-tuning needs lies beside it."""
        return self.folder / "bundle"

    @property
    def markov(self) -> Path:
        """A bundle of transition counts of the same training sessions."""
        return self.folder / "markov"

    @property
    def stream(self) -> Path:
        """Sessions that neither trained nor validated the base, as a canonical data set."""
        return self.folder / "stream"

    def offline_hit_rate(self, model: str) -> float | None:
        """Next-track hit rate @10 on the test sessions; `popularity` and `markov` are rows too."""
        rates = {row["model"]: row["metrics"]["hit_rate@10"] for row in self.offline}
        return rates.get(model)


def ready_base(steps: Steps, processes: Processes, root: Path, spec: str, choices: Choices) -> Base:
    """Give the base of these choices, made now where it is not there.

    Raises:
        ValueError: `spec` names no data.
        StepError: a step failed.
    """
    folder = root / _key(spec, choices)
    if (folder / _DONE).is_file():
        base = _opened(folder)
        steps.note(f"base model {base.manifest.version} is there: same data, choices and code")
        folder.touch()
        return base
    _tidy(root, folder)
    folder.mkdir(parents=True)
    _make(steps, processes, folder, spec, choices)
    return _opened(folder)


def _make(steps: Steps, processes: Processes, folder: Path, spec: str, choices: Choices) -> None:
    def run(name: str, *arguments: str | os.PathLike[str]) -> Child:
        return processes.start(name, arguments, environment=_ONE_THREAD)

    divide = (sys.executable, "-m", "benchmarks.demo.divide")
    data = f"parquet:{folder / 'data'}"
    child = run("data", *divide, "sessions", spec, folder / "data")
    steps.finish(f"read {spec}", child)
    steps.note(child.tail(1))

    kind = spec.partition(":")[0]
    common = ["--data", data, "--split-seed", str(choices.seed), "--fraction", str(FRACTION)]
    common += ["--in-order"] if kind in IN_ORDER else []
    train = segue("train", *common, "--model", "sasrec", "--loss", "skip-contrastive")
    train += ["--seed", str(choices.seed), "--out", folder / "bundle", "--json"]
    epochs = choices.epochs or EPOCHS.get(kind)
    if epochs is not None:
        train += ["--epochs", str(epochs)]
    markov = segue("train", *common, "--model", "markov", "--out", folder / "markov", "--json")
    steps.note(
        f"the base model sees {FRACTION:.0%} of the training sessions, the stream holds news"
    )
    counting = run("train-markov", *markov)
    steps.finish("train SASRec, count a Markov chain", run("train", *train), counting)
    judge = segue("eval", "--bundle", folder / "bundle", "--data", data, "--json")
    unseen = (*divide, "unseen", folder / "data", folder / "bundle", folder / "stream")
    judged, divided = run("eval", *judge), run("unseen", *unseen, str(choices.seed))
    steps.finish("rank the test sessions, set unseen ones aside", judged, divided)
    steps.note(divided.tail(1))
    said = next(line for line in reversed(judged.said().splitlines()) if line.startswith("{"))
    (folder / _DONE).write_text(json.dumps(json.loads(said)["rows"]), encoding="utf-8")


def _opened(folder: Path) -> Base:
    manifest = decode_manifest((folder / "bundle" / "manifest.json").read_bytes())
    return Base(folder, manifest, json.loads((folder / _DONE).read_text(encoding="utf-8")))


def _key(spec: str, choices: Choices) -> str:
    parts = [spec, asdict(choices), FRACTION, list(_fingerprint(spec)), code_digest(_CODE)]
    return digest([json.dumps(parts).encode()])


def _fingerprint(spec: str) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of every file of the data; nothing for what is simulated."""
    _, _, rest = spec.partition(":")
    path = Path(rest).expanduser()
    if spec.partition(":")[0] == "simulated" or not path.exists():
        return  # what it is called but is not there, the reader will say
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            status = file.stat()
            yield str(file.resolve()), status.st_size, status.st_mtime_ns


def _tidy(root: Path, folder: Path) -> None:
    """Remove what a run that was stopped left, and bases that have not been used for longest."""
    shutil.rmtree(folder, ignore_errors=True)
    others = sorted(root.glob("*"), key=lambda other: other.stat().st_mtime)
    for other in others[: max(0, len(others) - KEPT)]:
        shutil.rmtree(other, ignore_errors=True)
