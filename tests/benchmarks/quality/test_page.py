"""The page: what names hold is shown and not run, and where an interval leaves 0 out it shows."""

from benchmarks.quality.page import page
from benchmarks.quality.tables import Cell, Line, Table

LINES = [
    Line("markov", "baseline", None, [Cell(0.3, 0.01, False)], 0.1),
    Line("<i>net</i>", "model", "ce", [Cell(0.4, None, True)], 12.0),
    Line("other", "model", "ce", [None], 12.0),
]
TABLE = Table("next-track", "all test sessions", ["mrr@20"], LINES)


def difference(low: float, high: float):
    return {
        "a": "<i>net</i>", "b": "markov", "metric": "mrr@20", "protocol": "next-track",
        "difference": (low + high) / 2, "interval95": [low, high],
    }  # fmt: skip


def shown(*intervals: tuple[float, float]) -> str:
    return page("a < b", "note", [TABLE], [difference(*each) for each in intervals], "<svg></svg>")


def test_names_are_text():
    text = shown((0.1, 0.2))
    assert "<i>" not in text
    assert "&lt;i&gt;net&lt;/i&gt;" in text
    assert "<title>a &lt; b</title>" in text


def test_the_best_stands_out_the_first_model_is_set_apart_and_a_gap_is_a_dash():
    text = shown()
    assert '<td class="best">0.400</td>' in text
    assert "<td>0.300 <small>± 0.010</small></td>" in text
    assert text.count("first-model") == 2  # the style and one row
    assert "<td>–</td>" in text


def test_a_difference_is_coloured_where_its_interval_leaves_zero_out():
    text = shown((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.2))
    assert '<td class="above">+0.1500</td>' in text
    assert '<td class="below">-0.1500</td>' in text
    assert '<td class="">+0.0500</td>' in text
