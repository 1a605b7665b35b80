"""The run, small: tables are filled, answers are kept, and only full clean runs are results."""

import json

import numpy as np
import pytest

from benchmarks.factorisation import run as runner
from benchmarks.factorisation.run import Options, main, run
from models.data.canonical import write_frame
from models.data.listeners import Listeners
from models.data.simulated import simulate


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Simulated sessions under the name that the tables are of."""
    out = tmp_path_factory.mktemp("data") / "films"
    frame = simulate(Listeners(sessions=60, tracks=200), np.random.default_rng(0))
    write_frame(frame, out, name="ml-100k", simulated=True, source="made", created_by="test")
    return f"parquet:{out}"


def test_a_quick_run_has_every_row_and_is_no_result(films, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "results")
    options = Options(data=films, quick=True, work=tmp_path / "work", json=True)
    assert run(options, ["segue", "fm", "bench"]) == 0
    result = json.loads(capsys.readouterr().out)
    (form,) = result["forms"]
    assert len(form["rows"]) == 17
    assert [row["name"] for row in form["rows"] if row["ours"] is None] == [
        "NeuACF",
        "NeuACF++",
    ] * 2
    assert form["sizes"]["asked"] == 60
    assert result["data"]["simulated"]
    assert "not to be quoted" in result["note"]
    assert {(each["a"], each["b"]) for each in form["comparisons"]} >= {
        ("fm-gcn", "fm"), ("fm-gcn-att+previous", "fm+previous"), ("fm+previous", "fm"),
    }  # fmt: skip
    text = (tmp_path / "work" / "fm_ml-100k.md").read_text("utf-8")
    assert "| FM-GCN | ours | 0.7370 |" in text
    assert not (tmp_path / "results").exists()


def test_a_run_out_of_time_goes_on_where_it_was(films, tmp_path, capsys):
    options = {"data": films, "entries": ("popularity", "fm"), "seeds": (0, 1), "quick": False}
    work = tmp_path / "work"
    assert run(Options(**options, work=work, minutes=0), []) == 1
    assert "the time is over" in capsys.readouterr().err
    arguments = ["--data", films, "--entries", "popularity,fm", "--seeds", "0,1", "--work",
                 str(work), "--json"]  # fmt: skip
    assert main(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    kept = {path.name: path.read_bytes() for path in work.glob("*.?.*.json")}
    assert len(kept) == 3  # a baseline has no second seed
    assert run(Options(**options, work=work, minutes=0, json=True), []) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["forms"] == first["forms"]
    assert first["forms"][0]["entries"]["fm"]["sampled_hit_rate@10"]["sd"] is not None


def test_a_change_of_what_is_asked_is_another_answer(films, tmp_path, capsys):
    for validation in (False, True):
        options = Options(
            data=films, entries=("popularity",), validation=validation, work=tmp_path, json=True
        )
        assert run(options, []) == 0
        form = json.loads(capsys.readouterr().out)["forms"][0]
        assert form["asked"] == ("the item before their last" if validation else "their last item")
    assert len(list(tmp_path.glob("popularity.*.json"))) == 2


def test_other_data_and_entries_are_refused_with_what_there_is(films):
    with pytest.raises(ValueError, match="no table of 'simulated': expected ml-100k or mssd-mini"):
        run(Options(data="simulated:sessions=5"), [])
    with pytest.raises(ValueError, match="no entry fmm: expected some of popularity, item-knn"):
        run(Options(data=films, entries=("fmm",)), [])
