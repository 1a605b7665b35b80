"""Schedules that cannot be are refused with what is expected."""

import pytest

from models.graphs.schedule import GraphSchedule


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0}, "1 or more"),
        ({"batch": -1}, "0 or more"),
        ({"learning_rate": 0}, "above 0"),
        ({"shape": "linear"}, "cosine"),
        ({"decay": -1}, "not below"),
        ({"supervision": 1}, "below 1"),
        ({"hard_last": 0}, "do not grow"),
        ({"hard_first": 0.1, "hard_last": 0.5}, "do not grow"),
        ({"fanouts": (0,)}, "1 or more"),
        ({"fanouts": (5,), "negatives": "hard"}, "whole graph"),
        ({"members": 0}, "1 or more"),
        ({"members": 2, "negatives": "hard"}, "all members together"),
        ({"loss": "ce"}, "bce"),
        ({"draw": "tracks"}, "playlists"),
        ({"negatives": "none"}, "adaptive"),
    ],
)
def test_what_cannot_be_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        GraphSchedule(**given)
