"""An entry says all that its answers depend on."""

from benchmarks.factorisation.entries import FOUR, SUBJECTS


def test_only_a_sum_says_how_many_it_is_of():
    entries = {entry.name: entry for entry in SUBJECTS["ml-100k"].entries}
    name = "fm-gcn-att+previous"
    assert "members" not in entries[name].record()
    assert entries[FOUR + name].record() == {
        **entries[name].record(), "name": FOUR + name, "members": 4,
    }  # fmt: skip
