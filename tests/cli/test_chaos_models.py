"""`segue chaos models` and `segue chaos inputs` at their edges; runs are in tests/benchmarks."""

import pytest

from tests.bundles import counts_files, place


@pytest.mark.parametrize("verb", ["models", "inputs"])
def test_less_than_none_is_2(segue, verb):
    answer = segue("chaos", verb, "--count", "-1")
    assert (answer.code, answer.out) == (2, "")


def test_a_bundle_that_holds_no_network_is_2_and_one_line(segue, tmp_path):
    bundle = place(counts_files(), tmp_path / "counts")
    answer = segue("chaos", "models", "--count", "1", "--bundle", str(bundle), "--json")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines()[-1].endswith("give one with a network to damage")


def test_a_bundle_that_is_not_there_is_1(segue, tmp_path):
    answer = segue("chaos", "inputs", "--count", "1", "--bundle", str(tmp_path / "nothing"))
    assert answer.code == 1
    assert "is not a directory" in answer.err
