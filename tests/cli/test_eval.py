"""`segue eval` as a person or a script calls it; the data is simulated and small."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.eval import evaluate
from models.data.sources import open_source
from models.recipe import make_markov, prepare

DATA = "simulated:sessions=80,tracks=100,seed=1"
app = typer.Typer()
app.command()(evaluate)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "v1"
    make_markov(prepare(open_source(DATA), train_fraction=0.5), out, name="mine")
    return out


def test_rows_of_the_bundle_and_of_both_baselines_as_json(bundle):
    result = run("--bundle", bundle, "--data", DATA, "--protocol", "next-track", "--json")
    answer = json.loads(result.stdout)
    assert (answer["protocol"], answer["data"], answer["simulated"]) == (
        "next-track", "simulated", True,
    )  # fmt: skip
    assert [row["model"] for row in answer["rows"]] == ["mine", "popularity", "markov"]
    assert "8 of 8 sessions" in result.stderr


def test_the_baselines_are_fit_on_the_training_sessions_of_the_bundle(bundle):
    """A bundle of the same counts cannot differ from them."""
    answer = json.loads(run("--bundle", bundle, "--data", DATA, "--json").stdout)
    mine, _, markov = (row["metrics"] for row in answer["rows"])
    assert mine["targets"] > 50
    for name in ("hit_rate@1", "hit_rate@10", "mrr@20", "ndcg@10", "heard_hit_rate@10"):
        assert mine[name] == markov[name]


def test_leave_last_out_has_sampled_figures_beside_the_full_ones(bundle):
    result = run("--bundle", bundle, "--data", DATA, "--protocol", "leave-last-out", "--json")
    metrics = json.loads(result.stdout)["rows"][0]["metrics"]
    assert metrics["targets"] == 8
    assert metrics["sampled_hit_rate@10"] >= metrics["hit_rate@10"]


def test_equal_parts_of_the_sessions_show_how_much_figures_vary(bundle):
    arguments = ("--bundle", bundle, "--data", DATA, "--subsamples", 4)
    found = json.loads(run(*arguments, "--json").stdout)["rows"][0]["subsamples"]
    assert (found["count"], found["sessions"]) == (4, 2)
    assert 0 < found["metrics"]["mrr@20"]["sd"] < 1
    assert "mine, over 4 parts of 2 sessions: HR@1 0." in run(*arguments).stdout


def test_the_table_says_what_was_ranked(bundle):
    result = run("--bundle", bundle, "--data", DATA)
    assert "simulated (simulated), test sessions, next-track, full ranking" in result.stdout
    assert "targets" in result.stdout


def test_other_data_is_refused(bundle, tmp_path):
    with pytest.raises(ValueError, match="the split was made of 80"):
        run("--bundle", bundle, "--data", "simulated:sessions=70,tracks=100,seed=1")
