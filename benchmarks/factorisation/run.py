"""Factorisation machines beside the figures of Ibero, Pérez & Martínez (UPC, 2021), row by row.

The last item of each user is asked for: among 99 that the user does not have (drawn once, by seed),
among all of those, and among all items. Answers are kept as they are made: the same command goes on
after an interruption, and `--minutes` ends a run in time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, commit, provenance, write_result, write_text
from benchmarks.progress import say
from models.data.canonical import without_repeats
from models.data.sources import open_source

from .entries import SUBJECTS, Entry, Subject
from .report import comparisons, row, systems
from .sitting import Answer, Sitting
from .table import markdown

WORK = Path(".segue/fm")
FULL_SEEDS = (0, 1, 2)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is run."""

    data: str
    seeds: tuple[int, ...] = FULL_SEEDS
    entries: tuple[str, ...] = ()  # none: all
    quick: bool = False
    validation: bool = False  # ask for the items before the last ones instead
    minutes: float = 600.0
    work: Path = WORK
    json: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """`segue bench factorisation`: as `segue fm bench`."""
    parser = argparse.ArgumentParser(prog="segue bench factorisation", description=__doc__)
    parser.add_argument("--data", required=True, help="ml-100k:DIR or mssd-mini:PATH")
    parser.add_argument("--seeds", default=",".join(map(str, FULL_SEEDS)))
    parser.add_argument("--entries", default="", help="some of them, with commas between")
    parser.add_argument("--quick", action="store_true", help="one seed, two epochs")
    parser.add_argument("--validation", action="store_true", help="ask for the items before last")
    parser.add_argument("--minutes", type=float, default=600.0, help="none begins after them")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--json", action="store_true")
    given = vars(parser.parse_args(arguments))
    given["seeds"] = tuple(int(seed) for seed in given["seeds"].split(","))
    given["entries"] = tuple(filter(None, given["entries"].split(",")))
    return run(Options(**given), ["segue", "bench", "factorisation", *(arguments or sys.argv[3:])])


def run(options: Options, command: Sequence[str]) -> int:
    """Fill the tables; 0 when they are whole, 1 when the time was over before."""
    source = open_source(options.data)
    if source.name not in SUBJECTS:
        raise ValueError(
            f"there is no table of {source.name!r}: expected {' or '.join(sorted(SUBJECTS))}"
        )
    subject = SUBJECTS[source.name]
    entries = _chosen(subject, options)
    seeds = options.seeds[:1] if options.quick else options.seeds
    deadline = time.monotonic() + 60 * options.minutes
    frame = source.frame()
    forms = {"as published": frame}
    if subject.duplicates:
        forms = {
            "all sessions": frame,
            "without sessions that repeat another's tracks": without_repeats(frame)[0],
        }
    found = []
    for name, rows in forms.items():
        sitting = Sitting(
            subject, rows, 2 if options.validation else 1, options.work, commit(), say
        )
        answers = _answers(sitting, entries, seeds, deadline)
        if answers is None:
            say(f"the time is over; {options.work} keeps what is done, and the same command "
                 "goes on")  # fmt: skip
            return 1
        found.append({"name": name, **_form(sitting, answers)})
    whole = not (options.quick or options.validation or options.entries)
    result = {
        **provenance(command),
        "data": {"name": source.name, "simulated": source.simulated},
        "seeds": list(seeds),
        "note": "" if whole else "A part or a trial: not to be quoted.",
        "settings": [entry.record() for entry in entries],
        "forms": found,
    }
    _publish(result, options, whole and tuple(seeds) == FULL_SEEDS)
    return 0


def _chosen(subject: Subject, options: Options) -> list[Entry]:
    known = {entry.name: entry for entry in subject.entries}
    if wrong := [name for name in options.entries if name not in known]:
        raise ValueError(f"no entry {', '.join(wrong)}: expected some of {', '.join(known)}")
    chosen = [known[name] for name in options.entries or known]
    return [entry.quick() for entry in chosen] if options.quick else chosen


def _answers(
    sitting: Sitting, entries: Sequence[Entry], seeds: Sequence[int], deadline: float
) -> dict[str, list[Answer]] | None:
    answers: dict[str, list[Answer]] = {}
    for entry in entries:
        for seed in seeds if entry.trained else seeds[:1]:
            answer = sitting.answer(entry, seed, deadline)
            if answer is None:
                return None
            answers.setdefault(entry.name, []).append(answer)
        figures = answers[entry.name][-1].ranked.figures()
        say(f"{entry.name}: HR@10 {figures['sampled_hit_rate@10']:.4f} of 100, "
             f"{figures['new_hit_rate@10']:.4f} of all that is new")  # fmt: skip
    return answers


def _form(sitting: Sitting, answers: Mapping[str, Sequence[Answer]]) -> dict[str, Any]:
    subject = sitting.subject
    entries = systems(answers)
    return {
        "asked": "their last item" if sitting.back == 1 else "the item before their last",
        "sizes": sitting.sizes(),
        "fingerprint": sitting.fingerprint,
        "protocol": subject.protocol,
        "rows": [
            row(each, entries, subject.protocol)
            for each in subject.rows
            if each.entry is None or each.entry in entries
        ],
        "entries": entries,
        "comparisons": comparisons(subject, answers),
        "commits": sorted({each.commit for given in answers.values() for each in given}),
    }


def _publish(result: dict[str, Any], options: Options, full: bool) -> None:
    """Show a result and write it: to results/ where it is full and of clean code, else to work."""
    commits = {name for form in result["forms"] for name in form["commits"]}
    clean = not any(name.endswith("-dirty") or name == "unknown" for name in commits)
    folder = RESULTS if full and clean else options.work
    file = folder / f"fm_{result['data']['name']}.json"
    text = markdown(result)
    write_result(file, result)
    write_text(file.with_suffix(".md"), text)
    say(f"written to {file} and {file.with_suffix('.md').name}")
    print(json.dumps(result) if options.json else text)
