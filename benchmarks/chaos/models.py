"""Damaged bundles through the very path a swap takes: `segue chaos models`.

The many are given to a follower in this process, which opens, verifies, times and warms them as a
worker's does; one of each kind goes to a real worker by announcements, while it answers events.
"""

from __future__ import annotations

import hashlib
import math
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from streams.bundle import Bundle
from streams.events import ModelAnnouncement
from streams.golden import TOLERANCE
from streams.pace import QUICK_SECONDS, SESSIONS
from streams.ranking import BundleScorer, History, Ranking
from streams.scoring import Scorer, load_scorer, make_engine
from streams.settings import ScoringSettings
from streams.slot import ModelSlot
from streams.swap import Follower

from .corruptions import KINDS, at_random, each_kind
from .damage import MANIFEST, Damage, Files, signed, slower

Progress = Callable[[str, int, int], None]
PROBES = 64  # sessions whose answers prove two bundles equal
TEN_TIMES = 12.0  # how much slower the slow one is made, so that it is ten times at the least
SETTINGS = ScoringSettings(provider="cpu")


class Verdict(NamedTuple):
    """What became of one: `refused` with a reason, `equal`, or `served`."""

    outcome: str
    reason: str  # why it was refused, or how it differs


class Trial:
    """A slot in which a sound bundle serves, and a follower that is told of damaged ones."""

    def __init__(self, sound: Path, folder: Path) -> None:
        self.folder, self.sound = folder, sound
        self.files: Files = {file.name: file.read_bytes() for file in sorted(sound.iterdir())}
        self.scorer = load_scorer(sound, SETTINGS)
        if self.scorer.bundle.encoder is None:
            raise ValueError(
                f"bundle {sound} holds counts alone; give one with a network to damage"
            )
        self._slot = ModelSlot(self.scorer)
        self._reasons: list[str] = []
        self._follower = Follower(
            "",
            "",
            self.scorer.name,
            self._slot,
            lambda path: load_scorer(path, SETTINGS),
            slow_factor=SETTINGS.slow_factor,
            on_refusal=self._reasons.append,
        )
        self._probes = probes(self.scorer.bundle)
        self._answers = answers(self.scorer.bundle, self._probes)

    def judge(self, damage: Damage) -> Verdict:
        """Announce it to the follower; the sound bundle serves before and after."""
        path = place(damage.files, self.files, self.sound, self.folder / "candidate")
        sha256 = announced_sha256(damage, self.scorer.bundle.sha256)
        self._reasons.clear()
        self._follower.act(announcement_of(self.scorer.name, "candidate", path, sha256))
        serving = self._slot.current
        if serving is self.scorer:
            return Verdict("refused", self._reasons[0])
        assert serving is not None
        self._slot.rollback()
        differs = difference(self._answers, answers(serving.bundle, self._probes))
        return Verdict("served", differs) if differs else Verdict("equal", "same answers")

    def sound_copy_serves(self) -> bool:
        """Whether a copy that nothing was done to is taken: else refusals would say nothing."""
        # With other metrics: the very bundle that serves would not be loaded again.
        copy = Damage("none", signed(self.files, metrics={"copied": 1.0}), True)
        return self.judge(copy).outcome == "equal"

    def slow(self) -> Files:
        """The bundle, made to take TEN_TIMES as long here and now."""
        usual, more = self.seconds(self.scorer), 8
        path = place(slower(self.files, more), self.files, self.sound, self.folder / "slower")
        each = max(1e-6, (self.seconds(load_scorer(path, SETTINGS)) - usual) / more)
        wanted = max(TEN_TIMES * usual, 3 * QUICK_SECONDS)
        return slower(self.files, math.ceil((wanted - usual) / each))

    @staticmethod
    def seconds(scorer: Scorer) -> float:
        """What a batch of SESSIONS takes, the best of some."""
        history = [(scorer.bundle.catalog.track_ids[0], 1)] * 50
        taken = []
        for _ in range(9):
            began = time.perf_counter()
            scorer.rank([history] * SESSIONS)
            taken.append(time.perf_counter() - began)
        return min(taken)


def run_trial(
    trial: Trial, count: int, seed: int, progress: Progress = lambda *_: None
) -> tuple[dict[str, Any], list[Damage]]:
    """Judge each kind once and `count` at random; give the result, and the kinds for a worker."""
    rng = random.Random(seed)
    refused: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    of_signed: Counter[str] = Counter()
    served: list[dict[str, Any]] = []
    control = trial.sound_copy_serves()
    kinds = list(each_kind(rng, trial.files, trial.slow))
    total = len(kinds) + count
    candidates = iter(kinds), at_random(rng, trial.files, count)
    for number, damage in enumerate(d for source in candidates for d in source):
        progress("damaged bundles", number, total)
        verdict = trial.judge(damage)
        of_signed[verdict.outcome] += damage.signed
        if verdict.outcome == "refused":
            refused[damage.kind] += 1
            reasons[verdict.reason] += 1
        elif verdict.outcome == "served":
            served.append({"number": number, "kind": damage.kind, "said": verdict.reason})
    result = {
        "count": total,
        "kinds": len(KINDS),
        "served": len(served),
        "refused": dict(sorted(refused.items())),
        "reasons": dict(sorted(reasons.items())),
        "equal": total - refused.total() - len(served),
        "signed": {name: of_signed[name] for name in ("refused", "equal", "served")},
        "sound_copy_serves": control,
        "seed": seed,
        "faults": served[:10],
    }
    return result, kinds


def place(files: Mapping[str, bytes], original: Files, sound: Path, path: Path) -> Path:
    """Write a bundle's files; those that are as they were become links."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    for name, raw in files.items():
        if raw is original.get(name):
            os.link(sound / name, path / name)
        else:
            (path / name).write_bytes(raw)
    return path


def announcement_of(name: str, version: str, path: Path, sha256: str) -> ModelAnnouncement:
    """Announce a folder as the champion, whatever is in it."""
    return ModelAnnouncement(
        name=name,
        version=version,
        uri=path.resolve().as_uri(),
        sha256=sha256,
        parent=None,
        stage="champion",
        metrics={},
        announced_at="2100-01-01T00:00:00Z",
    )


def announced_sha256(damage: Damage, sound: str) -> str:
    """What is announced: the damaged manifest's hash where it was written after the damage."""
    return hashlib.sha256(damage.files[MANIFEST]).hexdigest() if damage.signed else sound


def probes(bundle: Bundle) -> list[History]:
    """Sessions that no golden question asks; among them one of no track."""
    rng = random.Random(1)
    tracks = bundle.catalog.track_ids
    length = bundle.manifest.length
    asked: list[History] = [
        [(rng.choice(tracks), rng.randrange(5)) for _ in range(rng.randint(1, length))]
        for _ in range(PROBES)
    ]
    return [*asked, []]


def answers(bundle: Bundle, histories: list[History]) -> list[Ranking]:
    """All that the bundle answers them: every candidate it gives."""
    engine = make_engine(bundle, SETTINGS)
    return BundleScorer(bundle, engine, k=bundle.manifest.cutoff).rank(histories)


def difference(expected: list[Ranking], found: list[Ranking]) -> str:
    """How two bundles' answers differ by more than a machine's rounding; "" when they do not."""
    for number, (right, other) in enumerate(zip(expected, found, strict=True)):
        if right.fallback != other.fallback or len(right.items) != len(other.items):
            return f"session {number}: {other.fallback} and {len(other.items)} tracks"
        scores = dict(other.items)
        last = right.items[-1][1]
        for rank, (track, score) in enumerate(right.items):
            near = TOLERANCE["cpu"] * max(1.0, abs(score))
            # A track at the end of the list may fall out of it by rounding.
            here = scores.get(track, other.items[-1][1] if score - last <= near else math.nan)
            if not (abs(here - score) <= near and abs(other.items[rank][1] - score) <= near):
                return f"session {number}: {track} scores {here} and not {score}"
    return ""
