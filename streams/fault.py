"""One place where the promise was not kept, and what to do about places of its kind."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Kind = Literal["missing", "conflicting", "reason", "state"]

REMEDY: Final[dict[Kind, str]] = {
    "missing": (
        "has a worker been down? Start it and audit again: what was not committed comes again. "
        "If it stays missing, keep the worker's log and the topics: an event was lost"
    ),
    "conflicting": (
        "players that kept the first list see another under the same id. Did two groups of workers "
        "answer one topic, was a changelog lost, or did a player repeat an event after more than "
        "64 others or two hours?"
    ),
    "reason": (
        "the dead letter says something else than decoding its event does: compare both at that "
        "offset; do workers of two versions run?"
    ),
    "state": (
        "was it audited with the worker's session settings and --group? If so, keep the changelog: "
        "lists of this session are made from a wrong history until it ends"
    ),
}
"""What to do next, for people."""


class Fault(NamedTuple):
    """Where it is (of the events topic, as far as it is known), and what is wrong with it."""

    kind: Kind
    partition: int
    offset: int
    session_id: str | None
    said: str
