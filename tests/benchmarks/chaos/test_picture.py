"""The picture: well-formed, with every fault on it and nothing outside."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.chaos.picture import HEIGHT, WIDTH, columns, picture

TIMES = st.floats(0, 5000)
POINTS = st.lists(st.tuples(TIMES, st.floats(0, 500)), max_size=50)
FAULTS = st.lists(
    st.builds(
        lambda began, seconds, lane: {
            "kind": "worker-kill", "target": "broker 1, <leader> & more", "lane": lane,
            "began": began, "ended": began + seconds,
        },
        TIMES, st.floats(0, 60), st.sampled_from(["worker", "broker", "link", "load", "side"]),
    ),
    max_size=20,
)  # fmt: skip


@given(POINTS, FAULTS)
def test_it_is_well_formed_and_everything_is_inside(points, faults):
    root = ET.fromstring(picture(points, faults, "a & b"))
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in ("x", "x1", "x2"):
                assert 0 <= float(value) <= WIDTH
            if name in ("y", "y1", "y2"):
                assert 0 <= float(value) <= HEIGHT
    labels = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert sum(label.startswith("worker-kill") for label in labels) == len(faults)


def test_a_fault_that_was_left_out_is_not_drawn():
    assert "worker-kill" not in picture([], [{"kind": "worker-kill", "skipped": "why"}], "title")


def test_a_column_has_the_median_and_the_slowest_of_its_moment():
    found = columns([(0.1, 1.0), (0.2, 9.0), (0.3, 2.0), (0.7, 5.0)])
    assert [(column.median, column.most) for column in found] == [(2.0, 9.0), (5.0, 5.0)]
