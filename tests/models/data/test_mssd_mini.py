"""The dense subset: its levels, its order, and the real file's figures."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from models.data.canonical import to_sessions
from models.data.mssd_mini import read
from models.sessions import Sessions, split_by_session

HEADER = '"user_id","song_id","previous_song","skipped"'


def test_levels_become_outcome_codes(tmp_path):
    path = tmp_path / "mini.csv"
    path.write_text(
        "\n".join([HEADER, "7,11,-1,0", "7,12,11,1", "7,11,12,2", "9,13,-1,3", "9,11,13,4"])
    )
    frame = read(tmp_path)
    assert frame.select("session_id", "position", "track_id", "outcome").rows() == [
        ("7", 0, "11", 4),
        ("7", 1, "12", 3),
        ("7", 2, "11", 2),
        ("9", 0, "13", 1),
        ("9", 1, "11", 1),
    ]


@pytest.mark.parametrize("line", ["7,x,11,1", "7,12,11,5", "7,12,11,"])
def test_a_malformed_row_is_named_by_its_line(tmp_path, line):
    (tmp_path / "mini.csv").write_text("\n".join([HEADER, "7,11,-1,0", line]))
    with pytest.raises(ValueError, match="line 3"):
        read(tmp_path / "mini.csv")


def test_sessions_in_pieces_and_wrong_columns_are_refused(tmp_path):
    path = tmp_path / "mini.csv"
    path.write_text("\n".join([HEADER, "7,11,-1,0", "8,11,-1,0", "7,12,11,0"]))
    with pytest.raises(ValueError, match="stand together"):
        read(path)
    path.write_text("user_id,song_id\n1,2\n")
    with pytest.raises(ValueError, match="expected the columns"):
        read(path)
    with pytest.raises(ValueError, match="found 0"):
        read(tmp_path / "nowhere")


@pytest.mark.data
def test_the_real_file_has_its_known_size_and_duplicates(data_dir):
    frame = read(data_dir / "mssd-mini")
    sessions = to_sessions(frame)
    assert (frame.height, len(sessions), sessions.n_items) == (193_693, 10_000, 5_792)
    assert len(sessions.deduplicated()) == 9_158
    assert (sessions.lengths.min(), sessions.lengths.max()) == (15, 20)


@pytest.mark.data
def test_a_bigram_chain_on_the_real_file_is_as_good_as_measured_elsewhere(data_dir):
    sessions = to_sessions(read(data_dir / "mssd-mini")).deduplicated()
    train, _, test = split_by_session(sessions, 0)
    assert 0.57 < bigram_hit_rate(train, test, 10) < 0.63


def bigram_hit_rate(train: Sessions, test: Sessions, k: int) -> float:
    """Share of next tracks among the k most frequent followers, filled up with popular tracks."""
    followers: dict[int, Counter[int]] = {}
    for i in range(len(train)):
        items = train.session(i)[0].tolist()
        for item, following in pairwise(items):
            followers.setdefault(item, Counter())[following] += 1
    popular = np.argsort(-train.counts()[1:], kind="stable")[: k + 1] + 1
    hits = total = 0
    for i in range(len(test)):
        items = test.session(i)[0].tolist()
        for item, following in pairwise(items):
            ranked = [x for x, _ in followers.get(item, Counter()).most_common() if x != item]
            ranked += [x for x in popular.tolist() if x != item and x not in ranked]
            hits += following in ranked[:k]
            total += 1
    return hits / total
