"""A run as JSON has it, and whether the promise was kept and the bars were met."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..demo.figures import percentiles
from . import judge
from .plan import Plan
from .schedule import alone
from .stage import Outcome
from .timeline import Done

TAKEOVER = 3.0
"""Seconds that a takeover may take on top of the session timeout."""
SIGTERM = 10.0
DIVERGING = "finetune-diverging"
_TAKEN_OVER = ("worker-kill", "worker-lost", "worker-cut")


def report(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """Everything, the audit's identity first (docs/reliability.md says what the names mean)."""
    audit = outcome.findings.record()
    lost = judge.lost(outcome.ledger, outcome.found)
    held = outcome.crew.held()
    faults = [_fault(done, plan, outcome, held) for done in outcome.done]
    endings = outcome.crew.endings()
    return {
        **{name: value for name, value in audit.items() if name != "faults"},
        "troubles": audit["faults"],
        "sent": outcome.sent,
        "acknowledged": len(outcome.ledger),
        "not_acknowledged": outcome.failed,
        "lost": len(lost),
        "faults": faults,
        "takeover_seconds": _takeovers(faults),
        "takeover_bar_seconds": plan.shape.session_timeout + TAKEOVER,
        "sigterm": [
            {"worker": e.worker, "status": e.status, "seconds": round(e.seconds, 2)}
            for e in endings
            if e.seconds is not None
        ],
        "ended_by_themselves": [
            {"second": round(e.at - outcome.began, 1), "worker": e.worker, "status": e.status}
            for e in endings
            if not e.asked
        ],
        "not_ready_after_healing": outcome.silent,
        "drain_seconds": outcome.drain_seconds,
        "latency_ms": _latency(outcome),
        "sent_late_seconds": outcome.behind,
        **({} if outcome.serving is None else {"learning": _learning(outcome)}),
        "seed": plan.seed,
        "seconds": plan.seconds,
        "rate": plan.rate,
        "nodes": plan.shape.nodes,
        "workers": plan.shape.workers,
        "session_timeout_seconds": plan.shape.session_timeout,
    }


def kept(record: dict[str, Any]) -> bool:
    """Whether nothing is missing, conflicting, unequal, wrongly reasoned or lost.

    And, where there was a fine-tune job, that nothing served but whole, announced champions.
    """
    broken = ("missing", "conflicting", "wrong_reasons", "lost")
    learning = record.get("learning", {})
    served_wrongly = learning.get("unannounced") or learning.get("unsound")
    return bool(
        record["state_equal"]
        and not any(record[name] for name in broken)
        and not served_wrongly
        and not any(map(_ruined, record["faults"]))
    )


def bars(record: dict[str, Any]) -> list[str]:
    """The bars that were missed, in words."""
    bar = record["takeover_bar_seconds"]
    missed = [
        f"{fault['kind']} at {fault['second']:g} s: taken over after {fault['takeover']:g} s, "
        f"the bar is {bar:g} s"
        for fault in record["faults"]
        if fault.get("alone") and fault.get("takeover", 0) > bar
    ]
    missed += [
        f"SIGTERM: worker {end['worker']} ended with {end['status']} after {end['seconds']:g} s, "
        f"the bar is 0 within {SIGTERM:g} s"
        for end in record["sigterm"]
        if end["status"] or end["seconds"] > SIGTERM
    ]
    learning = record.get("learning", {})
    missed += [
        f"worker {number} does not serve the last champion"
        for number in learning.get("not_on_the_champion", [])
    ]
    missed += [
        f"the fine-tune job ended by itself with status {status}"
        for status in learning.get("job_ended_by_itself", [])
    ]
    missed += [
        f"{fault['kind']} at {fault['second']:g} s: {fault['came_to']}, expected a refusal"
        for fault in record["faults"]
        if fault["kind"] == DIVERGING and not fault.get("came_to", "").startswith("refused")
    ]
    return missed + [
        f"worker {number} did not answer again" for number in record["not_ready_after_healing"]
    ]


def _ruined(fault: dict[str, Any]) -> bool:
    """Whether the gate let through what a fine-tune that diverged has made."""
    return bool(fault["kind"] == DIVERGING and fault.get("came_to", "").startswith("accepted"))


def _learning(outcome: Outcome) -> dict[str, Any]:
    assert outcome.serving is not None
    return outcome.serving.record(outcome.found.lists)


def _fault(done: Done, plan: Plan, outcome: Outcome, held: Sequence[Any]) -> dict[str, Any]:
    fault = done.fault
    told: dict[str, Any] = {
        "second": fault.second,
        "kind": fault.kind,
        "target": done.hit or fault.target,
        "seconds": fault.seconds,
    }
    if done.came_to:
        told["came_to"] = done.came_to
    if done.skipped or done.began is None:
        return {**told, "skipped": done.skipped}
    told["began"] = round(done.began - outcome.began, 2)
    if done.ended is not None:
        told["ended"] = round(done.ended - outcome.began, 2)
    if fault.kind in _TAKEN_OVER and len(outcome.crew.workers) > 1:
        seconds = judge.takeover(done, held, outcome.found)
        if seconds is not None:
            told["takeover"] = seconds
            told["alone"] = alone(fault, plan.faults, plan.shape.session_timeout)
    return told


def _takeovers(faults: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of kills while nothing else was disturbed; what else happens may take its own time."""
    seconds = [fault["takeover"] for fault in faults if fault.get("alone")]
    return {"count": len(seconds), "most": max(seconds, default=None)}


def _latency(outcome: Outcome) -> dict[str, float] | None:
    found = [round(1000 * s) for _, s in judge.latencies(outcome.ledger, outcome.found)]
    summed = percentiles(found)
    return None if summed is None else {**summed._asdict(), "most": float(max(found))}
