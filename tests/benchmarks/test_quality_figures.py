"""`segue bench quality` on a few simulated listeners: what it writes, and what its answer means."""

import json

import pytest

from benchmarks.quality import main

DATA = "simulated:sessions=120,tracks=100"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "quality.json"
    code = main(["--data", DATA, "--epochs", "1", "--seeds", "0,1", "--out", str(out)])
    return code, json.loads(out.read_text()), out.with_suffix(".md").read_text()


def test_every_part_and_protocol_has_a_row_for_each_model(run):
    _, result, _ = run
    assert [(group["part"], group["protocol"]) for group in result["results"]] == [
        ("test", "next-track"),
        ("test", "leave-last-out"),
        ("test without shared runs", "next-track"),
        ("test without shared runs", "leave-last-out"),
    ]
    models = ["popularity", "markov", "sasrec, cross entropy", "sasrec, skip-contrastive"]
    assert all([row["model"] for row in group["rows"]] == models for group in result["results"])


def test_figures_have_a_mean_a_spread_and_each_seed(run):
    _, result, _ = run
    figure = result["results"][0]["rows"][1]["metrics"]["hit_rate@10"]
    assert figure["mean"] == pytest.approx(sum(figure["seeds"]) / 2)
    assert figure["sd"] > 0


def test_a_difference_lies_in_its_interval(run):
    _, result, _ = run
    difference = result["results"][0]["differences"][0]
    assert (difference["model"], difference["than"]) == ("sasrec, cross entropy", "markov")
    value = difference["mrr@20"]
    assert value["low"] <= value["mean"] <= value["high"] < 0  # one epoch beats nobody


def test_the_answer_is_no_when_a_seed_is_not_above_the_chain(run):
    code, result, _ = run
    assert (code, result["above_markov_on_every_seed"]) == (1, False)


def test_the_table_and_the_json_say_where_it_was_measured(run):
    _, result, table = run
    assert {"machine", "commit", "command", "seeds", "schedule"} <= set(result)
    assert "data simulated; seeds 0, 1" in table
    assert "| markov |" in table
