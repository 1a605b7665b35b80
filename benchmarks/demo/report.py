"""The report of a demo: what the figures came to, and everything needed to remake them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..machine import provenance
from .base import Base
from .quality import HitRates
from .snapshot import Snapshot

LATENCY = (
    "from the broker's append of an event to its append of the first recommendation for it, "
    "whole milliseconds of the broker's clock"
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """How a demo was run."""

    data: str  # as it was asked for
    seed: int
    seconds: float
    rate: float
    every: float  # seconds from fine-tune to fine-tune
    command: Sequence[str]


def report(now: Snapshot, base: Base, run: Run, poison: int, interrupted: bool) -> dict[str, Any]:
    """Sum a demo up; `poison` is how many events broke the contract on purpose."""
    tally = now.tally
    training = base.manifest.training
    return {
        "events_in": tally.events_in,
        "answered": tally.answered,
        "dead_lettered": tally.dead_lettered,
        "missing": len(tally.missing),
        "missing_offsets": tally.missing[:100],
        "repeats": tally.repeats,
        "conflicts": tally.conflicts[:100],
        "wrong_reasons": tally.wrong_reasons,
        "state_equal": None if now.sessions is None else not now.sessions.unequal,
        "sessions_compared": None if now.sessions is None else now.sessions.compared,
        "latency_ms": now.overall._asdict() if now.overall else None,
        "latency_is": LATENCY,
        "hit_rate_at_10": rounded(now.rates),
        "occurrences": now.occurrences,
        "hit_rate_at_10_by_version": {
            version: {
                "hit_rate_at_10": round(counted["hits"] / counted["occurrences"], 4),
                "occurrences": counted["occurrences"],
            }
            for version, counted in now.by_version.items()
        },
        "offline": {
            "protocol": "next-track",
            "sessions": "test",
            "hit_rate_at_10": {
                "model": base.offline_hit_rate(base.manifest.name),
                "popularity": base.offline_hit_rate("popularity"),
                "markov": base.offline_hit_rate("markov"),
            },
        },
        "skips": now.skips,
        "skips_of_hits": now.listed_skips,
        "finetunes": [
            {
                "version": record.get("version"),
                "verdict": record["verdict"],
                "reasons": record.get("reasons", []),
                "metrics": record.get("numbers", {}),
            }
            for record in now.finetunes
        ],
        "swaps": now.swaps.get("swapped", 0),
        "swaps_by_outcome": dict(now.swaps),
        "model_versions": list(now.versions),
        "recommendations_by_version": dict(now.versions),
        "fallbacks": dict(now.fallbacks),
        "dead_letters_by_reason": dict(now.dead_letters),
        "poison_sent": poison,
        "data": {
            "name": training["data"],
            "simulated": training["simulated"],
            "asked": run.data,
        },
        "base": {"version": base.manifest.version, "sessions": training["sessions"]},
        "interrupted": interrupted,
        "seed": run.seed,
        "seconds": run.seconds,
        "rate": run.rate,
        "every": run.every,
        **provenance(run.command),
    }


def rounded(rates: HitRates | None) -> dict[str, float] | None:
    """Hit rates with as many digits as mean something."""
    return None if rates is None else {k: round(rate, 4) for k, rate in rates._asdict().items()}
