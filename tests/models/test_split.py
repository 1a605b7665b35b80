"""A split can be made again from what a manifest says, and parts never overlap."""

import json
from dataclasses import replace

import pytest

from models.sessions import Sessions, packed
from models.split import Split

DISTINCT = packed((f"s{i}", [("a", 1), (f"t{i}", 1)]) for i in range(40))
SPLIT = Split(data="mine", simulated=False, sessions=40, seed=3, train_fraction=0.5)


def names(sessions: Sessions) -> set[str]:
    return set(sessions.session_ids)


def test_every_session_is_in_one_part():
    parts = SPLIT.parts(DISTINCT)
    assert [len(part) for part in parts] == [16, 4, 4, 16]
    assert set().union(*map(names, parts)) == names(DISTINCT)


def test_the_record_makes_the_same_parts_again():
    again = Split.of({"split": SPLIT.record(), "seed": 9}).parts(DISTINCT)
    for one, other in zip(SPLIT.parts(DISTINCT), again, strict=True):
        assert one.same_as(other)


def test_the_record_survives_json():
    assert Split.of(json.loads(json.dumps({"split": SPLIT.record()}))) == SPLIT


def test_a_smaller_share_trains_on_a_part_of_the_same_sessions():
    whole = Split(data="mine", simulated=False, sessions=40, seed=3)
    assert names(SPLIT.parts(DISTINCT).train) < names(whole.parts(DISTINCT).train)
    assert names(SPLIT.parts(DISTINCT).test) == names(whole.parts(DISTINCT).test)
    assert len(whole.parts(DISTINCT).unused) == 0


def test_in_order_nothing_is_asked_about_a_time_before_trainings():
    parts = replace(SPLIT, in_order=True).parts(DISTINCT)
    dealt = [part.session_ids for part in parts]
    assert [len(names) for names in dealt] == [16, 4, 4, 16]
    assert tuple(name for names in dealt for name in names) == DISTINCT.session_ids


def test_duplicates_are_dropped_unless_the_split_keeps_them():
    twice = DISTINCT.select([0, 0, 1])
    assert len(SPLIT.kept(twice)) == 2
    assert replace(SPLIT, duplicates=True).kept(twice) is twice


def test_data_that_has_changed_is_refused():
    with pytest.raises(ValueError, match="has 39 distinct sessions, the split was made of 40"):
        SPLIT.parts(DISTINCT.select(range(39)))


@pytest.mark.parametrize("training", [{}, {"split": None}, {"split": {"shape": 1}}])
def test_a_bundle_that_does_not_say_is_refused(training):
    with pytest.raises(ValueError, match="does not say how its training data was split"):
        Split.of(training)


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5])
def test_a_share_that_leaves_nothing_is_refused(fraction):
    with pytest.raises(ValueError, match=f"fraction {fraction}"):
        Split(data="mine", simulated=False, sessions=1, train_fraction=fraction)


def test_leave_one_out_holds_out_the_ends_of_sessions_and_drops_none():
    plays = {"long": "abcd", "three": "xyz", "two": "ab"}
    distinct = packed((name, [(t, 1) for t in tracks]) for name, tracks in plays.items())
    parts = Split(data="mine", simulated=False, sessions=3, leave_one_out=True).parts(distinct)

    def tracks(sessions: Sessions) -> dict[str, str]:
        found = enumerate(sessions.session_ids)
        return {name: "".join(t for t, _ in sessions.occurrences(i)) for i, name in found}

    assert tracks(parts.train) == {"long": "ab", "three": "x", "two": "ab"}
    assert tracks(parts.valid) == {"long": "abc", "three": "xy"}
    assert tracks(parts.test) == {"long": "abcd", "three": "xyz"}
    assert len(parts.unused) == 0


@pytest.mark.parametrize("other", [{"in_order": True}, {"train_fraction": 0.5}])
def test_leave_one_out_goes_with_no_other_way_to_split(other):
    with pytest.raises(ValueError, match="trains on all sessions"):
        Split(data="mine", simulated=False, sessions=3, leave_one_out=True, **other)
