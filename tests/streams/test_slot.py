"""What an announcement asks for, given the scorers that are loaded."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import ModelAnnouncement
from streams.slot import Action, ModelSlot, action, adopts, needed


def scorer(version: str, sha256: str = "", created_at: str = "2026-11-21T10:00:00Z") -> Any:
    """Stand in for a loaded bundle: a slot looks at nothing else of it."""
    manifest = SimpleNamespace(created_at=created_at)
    bundle = SimpleNamespace(sha256=sha256 or f"sha of {version}", manifest=manifest)
    return SimpleNamespace(version=version, bundle=bundle)


def said(version: str, stage: Any = "champion", at: str = "2026-11-21T11:00:00Z"):
    return ModelAnnouncement(
        name="n",
        version=version,
        uri=f"/models/n/{version}",
        sha256=f"sha of {version}",
        parent=None,
        stage=stage,
        metrics={},
        announced_at=at,
    )


def slot_of(*versions: str) -> ModelSlot:
    """Swap these in, one after the other."""
    slot = ModelSlot()
    for version in versions:
        slot.swap(scorer(version))
    return slot


def versions(slot: ModelSlot) -> tuple[str | None, str | None]:
    return (
        slot.current.version if slot.current else None,
        slot.previous.version if slot.previous else None,
    )


def test_a_swap_keeps_the_scorer_before_it():
    assert versions(slot_of("a", "b", "c")) == ("c", "b")


def test_a_rollback_forgets_the_withdrawn_scorer():
    slot = slot_of("a", "b")
    assert slot.rollback()
    assert versions(slot) == ("a", None)


def test_a_slot_with_nothing_before_keeps_what_serves():
    slot = slot_of("a")
    assert not slot.rollback()
    assert versions(slot) == ("a", None)


@pytest.mark.parametrize(
    ("loaded", "entry", "asked"),
    [
        ([], said("a"), Action.LOAD),
        (["a"], said("a"), Action.ALREADY),
        (["a"], said("b"), Action.LOAD),
        (["a", "b"], said("a"), Action.RETURN),
        (["a", "b"], said("b", "rolled_back"), Action.BACK),
        (["a", "b"], said("a", "rolled_back"), Action.NOTHING),
        (["b"], said("b", "rolled_back"), Action.NOTHING),
        (["a"], said("b", "candidate"), Action.NOTHING),
        ([], said("b", "rolled_back"), Action.NOTHING),
    ],
)
def test_what_an_announcement_asks_for(loaded, entry, asked):
    assert action(entry, slot_of(*loaded)) is asked


def test_a_version_written_again_is_another_bundle():
    slot = ModelSlot(scorer("a", sha256="of the first writing"))
    assert action(said("a"), slot) is Action.LOAD


def test_a_champion_that_was_replaced_before_anyone_acted_is_not_loaded():
    entries = [said("b"), said("b", "rolled_back"), said("a"), said("c", "candidate")]
    assert needed(entries) == [
        said("b", "rolled_back"),
        said("a"),
        said("c", "candidate"),
    ]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["champion", "rolled_back"]))))
def test_the_last_champion_and_every_withdrawal_are_kept_in_order(entries):
    history = [said(version, stage) for version, stage in entries]
    kept = needed(history)
    champions = [entry for entry in history if entry.stage == "champion"]
    assert [entry for entry in kept if entry.stage == "champion"] == champions[-1:]
    assert [e for e in kept if e.stage != "champion"] == [
        e for e in history if e.stage != "champion"
    ]


@pytest.mark.parametrize(
    ("created_at", "adopted"),
    [
        ("2026-11-21T10:59:59Z", True),  # announced after the bundle was made
        ("2026-11-21T12:30:00+01:00", False),  # the bundle is the later decision
    ],
)
def test_at_the_start_the_later_decision_counts(created_at, adopted):
    slot = ModelSlot(scorer("a", created_at=created_at))
    assert adopts(said("b", at="2026-11-21T11:00:00Z"), slot) is adopted


def test_a_worker_without_a_bundle_takes_the_champion():
    assert adopts(said("b"), ModelSlot())
