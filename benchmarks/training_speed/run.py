"""How fast models train: ours against plain PyTorch, in one run, one torch thread, taken in turns.

Rounds alternate between the contenders, so that what else the machine does falls on all of them; a
round is some seconds of steps, after warm-up steps that do not count. Wall seconds and the
process's own CPU seconds are both given, since a neighbour takes from the first alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.machine import RESULTS, provenance, write_result
from benchmarks.progress import say
from models.data.sources import open_source
from models.sessions import Sessions

from .contenders import CASES, Case, Contender

WARM_UP = 5  # steps
NEWEST = 201  # films of each person that an epoch reads, as SASRec's length is 200
TRAINED = 0.9  # of 30Music's sessions, the first; the last tenth is for tests elsewhere


class Round(NamedTuple):
    """What one contender did in its turn."""

    events: int
    wall: float  # seconds
    cpu: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases whose data is given; 0 if ours is at least twice as fast in every one."""
    options = _options(arguments)
    data = dict(spec.split(":", 1) for spec in options.data)
    cases = [c for c in CASES if c.data in data and (not options.case or options.case in c.name)]
    if not cases:
        raise SystemExit(f"no case has its data among {sorted(data)}; there are "
                         f"{[f'{case.name} ({case.data})' for case in CASES]}")  # fmt: skip
    torch.set_num_threads(1)
    rows = []
    for case in cases:
        sessions = _sessions(case.data, data[case.data])
        rows.append(_compared(case, sessions, options.rounds, options.seconds))
        say(_line(rows[-1]))
    result = {
        **provenance(),
        "threads": 1,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "rows": rows,
    }
    if options.out is not None:
        write_result(options.out, result)
    print(json.dumps(result) if options.json else "\n".join(map(_line, rows)))
    return 0 if all(row["ratio_wall"] >= 2 for row in rows) else 1


def _compared(case: Case, sessions: Sessions, rounds: int, seconds: float) -> dict[str, Any]:
    """Let both take turns, and give medians and the spread of each."""
    makers = {"ours": case.ours, "plain": case.plain}
    if case.sparse is not None:
        makers["plain, sparse gradients"] = case.sparse
    contenders: dict[str, Contender] = {}
    for side, make in makers.items():
        torch.manual_seed(0)
        contenders[side] = make(sessions)
        for _ in range(WARM_UP):
            next(contenders[side])
    taken: dict[str, list[Round]] = {side: [] for side in makers}
    for number in range(rounds):
        # Who goes first alternates too.
        for side in list(contenders)[:: 1 if number % 2 == 0 else -1]:
            taken[side].append(_round(contenders[side], seconds))
            say(f"{case.name}: round {number + 1} of {rounds}, {side}")
    events = int(sessions.offsets[-1]) - len(sessions)  # targets of an epoch
    sides = {side: _speed(found, events) for side, found in taken.items()}
    row: dict[str, Any] = {
        "case": case.name,
        "data": case.data,
        "targets_an_epoch": events,
        **sides,
    }
    for side in list(makers)[1:]:
        for clock in ("wall", "cpu"):
            name = f"{clock}" if side == "plain" else f"sparse_{clock}"
            row[f"ratio_{name}"], row[f"ratio_{name}_rounds"] = _ratio(
                taken["ours"], taken[side], clock
            )
    if case.known is not None:
        row["known"] = {"events_per_second": case.known, "of": case.known_of}
        row["ratio_known"] = sides["ours"]["events_per_second"]["median"] / case.known
    if case.known_epoch is not None:
        row["known"] = {"seconds_an_epoch": case.known_epoch, "of": case.known_of}
        row["ratio_known"] = case.known_epoch / sides["ours"]["seconds_an_epoch"]
    return row


def _ratio(ours: list[Round], theirs: list[Round], clock: str) -> tuple[float, list[float]]:
    """Give how many times as fast ours is, the median and in each round."""
    ratios = [
        (one.events / getattr(one, clock)) / (other.events / getattr(other, clock))
        for one, other in zip(ours, theirs, strict=True)
    ]
    return statistics.median(ratios), ratios


def _round(contender: Contender, seconds: float) -> Round:
    """Take steps for so many wall seconds."""
    events, wall, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        events += next(contender)
    return Round(events, time.perf_counter() - wall, time.process_time() - cpu)


def _speed(rounds: list[Round], events: int) -> dict[str, Any]:
    wall = [r.events / r.wall for r in rounds]
    cpu = [r.events / r.cpu for r in rounds]
    return {
        "events_per_second": _spread(wall),
        "events_per_cpu_second": _spread(cpu),
        "seconds_an_epoch": events / statistics.median(wall),
        "cpu_seconds_an_epoch": events / statistics.median(cpu),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def _sessions(name: str, path: str) -> Sessions:
    """Read what is trained on, as the known figures have it.

    Of 30Music the first nine tenths, of MovieLens-1M everyone's newest films: a row for each.
    """
    source = open_source(f"{name}:{path}")
    sessions = source.load()
    if name == "30music":
        sessions = sessions.select(range(round(TRAINED * len(sessions))))
    if name == "ml-1m":
        sessions = _newest(sessions, NEWEST)
    return sessions.compacted()


def _newest(sessions: Sessions, length: int) -> Sessions:
    """Keep the last `length` occurrences of each session."""
    lengths = np.minimum(sessions.lengths, length)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.repeat(sessions.offsets[1:] - offsets[1:], lengths) + np.arange(offsets[-1])
    return replace(
        sessions, offsets=offsets, items=sessions.items[flat], outcomes=sessions.outcomes[flat]
    )


def _line(row: dict[str, Any]) -> str:
    beside = ""
    if known := row.get("known"):
        figure, of = known.values()
        beside = f"; {row['ratio_known']:.2f} x {of} ({figure})"
    sides = (
        f"{side} {row[side]['events_per_second']['median']:.0f} events/s "
        f"({row[side]['seconds_an_epoch']:.1f} s an epoch, "
        f"{row[side]['events_per_cpu_second']['median']:.0f} a CPU second)"
        for side in ("ours", "plain", "plain, sparse gradients")
        if side in row
    )
    ratios = [f"{row['ratio_wall']:.2f} x plain by wall", f"{row['ratio_cpu']:.2f} x by CPU"]
    if "ratio_sparse_wall" in row:
        ratios += [
            f"{row['ratio_sparse_wall']:.2f} x plain with sparse gradients by wall",
            f"{row['ratio_sparse_cpu']:.2f} x by CPU",
        ]
    return f"{row['case']} ({row['data']}): {'; '.join(sides)}: {', '.join(ratios)}{beside}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench training-speed", description=__doc__)
    parser.add_argument("--data", action="append", required=True, metavar="NAME:PATH",
                        help="30music:PATH, ml-1m:PATH; may be given twice")  # fmt: skip
    parser.add_argument("--case", help="only cases whose name holds this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a contender's round")
    parser.add_argument("--out", type=Path, default=RESULTS / "training_speed.json")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)
