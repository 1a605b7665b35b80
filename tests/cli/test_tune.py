"""`segue tune` as a person or a script calls it; the data is simulated and small."""

import json
import tomllib

from models.configuration import configuration

DATA = "simulated:sessions=80,tracks=100,seed=1"
SMALL = (
    "--set", "model.width=16", "--set", "model.heads=2", "--set", "schedule.epochs=2",
    "--set", "schedule.batch=32", "--set", "model.blocks=1", "--set", "model.expansion=1",
)  # fmt: skip


def test_the_best_is_written_as_train_reads_it_below_the_table_of_all(tmp_path, segue):
    out = tmp_path / "best.toml"
    asked = ("tune", "--data", DATA, "--out", str(out), *SMALL, "--trials")
    answer = segue(*asked, "2", "--json")
    assert answer.code == 0, answer.err
    record = json.loads(answer.out)
    assert [trial["trial"] for trial in record["trials"]] == [1, 2]
    assert "trial 2 complete, validation" in answer.err
    text = out.read_text()
    assert f"# Found by `segue tune --data {DATA}" in text
    assert "# | trial | state | validation |" in text
    found = configuration(tomllib.loads(text))
    assert (found.schedule.epochs, found.model(5).width) == (2, 16)
    winner = next(trial for trial in record["trials"] if trial["trial"] == record["best"])
    assert found.schedule.learning_rate == winner["values"]["schedule.learning_rate"]
    assert "schedule.batch" not in winner["values"]

    again = segue(*asked, "3")  # goes on with the study
    assert again.code == 0, again.err
    assert "trial 3 complete" in again.err
    assert "trial 1 complete" not in again.err
    assert "| **" in again.out


def test_a_study_of_other_data_is_refused(tmp_path, segue):
    asked = ("tune", "--out", str(tmp_path / "best.toml"), *SMALL, "--trials", "1", "--data")
    assert segue(*asked, DATA).code == 0
    refused = segue(*asked, "simulated:sessions=90,tracks=100,seed=1")
    assert refused.code == 2
    assert "holds a search with another data" in refused.err


def test_no_time_for_a_trial_is_said(tmp_path, segue):
    answer = segue(
        "tune", "--data", DATA, "--out", str(tmp_path / "x.toml"), *SMALL, "--minutes", "0"
    )
    assert answer.code == 2
    assert "none of 0 trials was trained to its end; give more minutes" in answer.err
