"""A skip suite runs in pieces to the same result, and its rows exist for every suite."""

import json

import pytest

from benchmarks.skips import run as skips
from benchmarks.skips.suite import Row
from benchmarks.skips.suites import PLAIN, SUITES
from models.encoders.architectures import ARCHITECTURES, make_config
from models.losses.loss import LossConfig

DATA = "simulated:sessions=60,tracks=100,playlists=8,pushed_share=0.3,pushed_tracks=10"


def run(tmp_path, *more: str) -> int:
    return skips.main(
        [
            *("--suite", "simulated", "--data", DATA, "--seeds", "0", "--rows", "S-;S+ (c = e)"),
            *("--work", str(tmp_path / "work"), "--out", str(tmp_path / "out.json"), *more),
        ]
    )


def test_a_run_that_was_stopped_goes_on_and_says_what_it_found(tmp_path, capsys, monkeypatch):
    assert run(tmp_path, "--seconds", "0") == 1
    assert "run it again to go on" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()

    code = run(tmp_path, "--json")
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result == json.loads((tmp_path / "out.json").read_text())
    assert [row["model"] for row in result["rows"]] == ["S-", "S+ (c = e)"]
    assert code == (0 if result["verdicts"][0]["met"] else 1)
    assert result["data"]["simulated"] is True
    assert result["rows"][0]["contexts"]

    monkeypatch.setattr(skips, "answers_of", None)  # nothing is trained again
    assert run(tmp_path) == code
    again = json.loads((tmp_path / "out.json").read_text())
    assert again["rows"] == result["rows"]


def test_a_row_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no row S0"):
        run(tmp_path, "--rows", "S0")


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_rows_can_be_built_and_pairs_are_of_rows(suite):
    names = [row.name for row in suite.rows]
    assert len(set(names)) == len(names)
    assert {name for pair in suite.pairs for name in pair} <= set(names)
    for row in suite.rows:
        if row.architecture in ARCHITECTURES:
            make_config(row.architecture, {"items": 10, **row.sizes})


def test_what_a_row_is_called_does_not_make_it_another():
    suite = SUITES["variants"]
    row = Row(name="a", loss=LossConfig(alpha=0.3))
    assert suite.identity(row, 0) == suite.identity(Row(name="b", loss=row.loss), 0)
    assert suite.identity(row, 0) != suite.identity(row, 1)
    assert suite.identity(row, 0) != suite.identity(Row(name="a"), 0)
    assert suite.identity(row, 0)["loss"] == {"alpha": 0.3}
    assert PLAIN == {"outcomes": False}
