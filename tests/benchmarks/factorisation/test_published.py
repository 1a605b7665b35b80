"""The paper's rows, and who of ours answers to each."""

import pytest

from benchmarks.factorisation.entries import SUBJECTS


def test_the_paper_has_thirteen_rows_of_its_own_and_four_that_quote_a_network():
    rows = SUBJECTS["ml-100k"].rows
    assert sum(row.entry is not None for row in rows) == 13
    assert [row.name for row in rows if row.entry is None] == ["NeuACF", "NeuACF++"] * 2


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_row_has_an_entry_that_is_there(name):
    subject = SUBJECTS[name]
    names = [entry.name for entry in subject.entries]
    assert len(set(names)) == len(names)
    assert {row.entry for row in subject.rows} - {None} <= set(names)


@pytest.mark.parametrize("name", SUBJECTS)
def test_an_entry_has_the_contexts_that_its_name_says(name):
    for entry in SUBJECTS[name].entries:
        if "+" in entry.name:
            assert set(entry.name.split("+")[1:]) <= {*entry.contexts}
        else:
            assert entry.contexts == (() if entry.user else ("previous",))
