"""`segue train` as a person or a script calls it; the data is simulated and small."""

import json

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from cli.train import train
from models.checkpoint import learner_directory, load_learner
from models.data.sources import open_source
from models.items.track_embeddings import write_embeddings
from models.recipe import prepare
from models.split import Split
from streams.bundle import open_bundle
from streams.scoring import load_scorer
from streams.settings import ScoringSettings
from tests.colistening import factorised

DATA = "simulated:sessions=80,tracks=100,seed=1"
app = typer.Typer()
app.command()(train)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "v1"
    result = run(
        "--data", DATA, "--out", out, "--epochs", 2, "--fraction", 0.5, "--split-seed", 4,
        "--name", "mine", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return out, result


def test_stdout_is_json_and_what_happens_meanwhile_is_told_on_stderr(trained):
    out, result = trained
    answer = json.loads(result.stdout)
    assert (answer["bundle"], answer["name"]) == (str(out), "mine")
    assert [row["model"] for row in answer["rows"]] == ["mine", "popularity", "markov"]
    assert 0 <= answer["rows"][0]["metrics"]["hit_rate@10"] <= 1
    assert answer["sessions"] == {"train": 32, "valid": 8, "test": 8, "unused": 32}
    assert "training: epoch 1, loss" in result.stderr
    assert "writing the bundle" in result.stderr


def test_the_manifest_says_what_was_trained_on_and_how(trained):
    out, _ = trained
    manifest = open_bundle(out).manifest
    training = manifest.training
    assert (training["data"], training["simulated"], training["sessions"]) == (
        "simulated",
        True,
        32,
    )
    assert training["loss"]["name"] == "skip-contrastive"
    assert (training["epochs"], training["schedule"]["epochs"]) == (2, 2)
    assert (manifest.metrics["part"], manifest.metrics["protocol"]) == ("valid", "next-track")


def test_the_sessions_that_training_never_saw_can_be_found_again(trained):
    out, _ = trained
    split = Split.of(open_bundle(out).manifest.training)
    assert (split.seed, split.train_fraction) == (4, 0.5)
    parts = split.parts(open_source(DATA).load().deduplicated())
    learner = load_learner(learner_directory(out))
    unseen = {*parts.test.session_ids, *parts.unused.session_ids}
    assert not unseen & {*learner.replay.session_ids, *learner.anchor.session_ids}
    assert not {*learner.replay.session_ids} & {*learner.anchor.session_ids}
    assert set(learner.track_ids) == set(parts.train.compacted().track_ids)


def test_flags_win_over_settings_and_those_over_the_file(tmp_path):
    file, out = tmp_path / "small.toml", tmp_path / "v1"
    file.write_text(
        '[model]\nwidth = 16\nheads = 2\nlength = 9\n[loss]\nname = "ce"\n'
        '[schedule]\nepochs = 3\nbatch = 32\nshape = "cosine"\n'
    )
    result = run(
        "--data", DATA, "--out", out, "--config", file, "--epochs", 1, "--set", "schedule.epochs=2",
        "--set", "model.length=7", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    manifest = open_bundle(out).manifest
    schedule = manifest.training["schedule"]
    assert (manifest.config["width"], manifest.config["length"]) == (16, 7)
    assert (schedule["epochs"], schedule["batch"], schedule["shape"]) == (1, 32, "cosine")
    assert manifest.training["loss"]["name"] == "ce"


def test_a_data_set_of_one_session_is_refused_with_its_numbers(tmp_path):
    with pytest.raises(ValueError, match="has 1 distinct sessions, of which 1 are to train on"):
        run("--data", "simulated:sessions=1,tracks=100,seed=1", "--out", tmp_path / "v1")


def test_a_markov_bundle_has_counts_alone(tmp_path):
    out = tmp_path / "markov"
    result = run("--data", DATA, "--model", "markov", "--out", out, "--json")
    assert json.loads(result.stdout)["learner"] is None
    bundle = open_bundle(out)
    assert bundle.counts is not None
    assert bundle.encoder is None
    assert not learner_directory(out).exists()


def test_a_hybrid_is_a_network_with_counts_that_can_be_fine_tuned(tmp_path):
    out = tmp_path / "v1"
    result = run(
        "--data", DATA, "--model", "hybrid", "--out", out, "--epochs", 1, "--set",
        "model.width=32", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"][0]["model"] == "hybrid"
    bundle = open_bundle(out)
    assert bundle.counts is not None
    assert (bundle.counts.reach, bundle.manifest.width) == (5, 32)
    config = bundle.manifest.config
    assert (bundle.manifest.architecture, config["network"]) == ("hybrid", "sasrec")
    counted = load_learner(learner_directory(out)).counted
    assert counted is not None
    assert counted.weight == config["counts"]["weight"] > 0


def test_a_second_stage_is_in_the_bundle_and_the_figures_are_of_sessions_it_did_not_see(tmp_path):
    out = tmp_path / "v1"
    result = run(
        "--data", DATA, "--model", "hybrid", "--out", out, "--epochs", 1, "--second-stage",
        "--set", "model.width=32", "--set", "rerank.epochs=1", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["training"]["rerank"]["epochs"] == 1
    assert told["part"] == "half of valid"
    second = load_scorer(out, ScoringSettings(provider="cpu")).bundle.second_stage
    assert second is not None
    assert second.candidates == 100
    assert learner_directory(out).is_dir()


def test_a_second_stage_that_no_bundle_can_hold_is_refused_before_training(tmp_path):
    few = "rerank.candidates=50"
    with pytest.raises(ValueError, match=r"rerank\.candidates is 50, expected 100 or more"):
        run("--data", DATA, "--out", tmp_path / "v1", "--set", few)
    with pytest.raises(ValueError, match="1 sessions to validate with, expected two or more"):
        run(
            "--data", "simulated:sessions=12,tracks=100", "--out", tmp_path / "v1", "--second-stage"
        )
    with pytest.raises(ValueError, match="--second-stage out"):
        run("--data", DATA, "--model", "markov", "--out", tmp_path / "v1", "--second-stage")


def test_without_json_there_is_a_table_that_says_simulated(tmp_path):
    result = run("--data", DATA, "--model", "markov", "--out", tmp_path / "markov")
    assert "simulated (simulated), validation sessions" in result.stdout
    assert "popularity" in result.stdout


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (("--strengths", "1;2"), "expected numbers like 1,2"),
        (("--strengths", "4"), "expected some of 1, 2, 3"),
        (("--temperature", "0"), "temperature 0"),
        (("--loss", "bce"), "loss.name is 'bce', expected one of ce, skip-contrastive"),
        (("--model", "gpt"), "architecture 'gpt', expected one of sasrec"),
        (("--set", "model.depth=3"), "sasrec has no depth; its sizes are blocks"),
        (("--set", "schedule.epoch=3"), "schedule has no epoch; its keys are batch"),
        (("--model", "markov", "--set", "loss.alpha=1"), "markov has nothing to configure"),
        (("--fraction", "0"), "fraction 0"),
        (("--data", "nowhere:x"), "unknown data 'nowhere:x'"),
    ],
)
def test_misuse_is_named_before_anything_is_trained(tmp_path, wrong, named):
    with pytest.raises(ValueError, match=named):
        run("--data", DATA, "--out", tmp_path / "v1", *wrong)
    assert not (tmp_path / "v1").exists()


def test_a_bundle_that_exists_is_not_written_over(tmp_path):
    (tmp_path / "v1").mkdir()
    with pytest.raises(ValueError, match="v1 exists"):
        run("--data", DATA, "--out", tmp_path / "v1")


def test_content_features_are_given_as_a_file(tmp_path):
    tracks = open_source(DATA).load().track_ids
    file = tmp_path / "features.parquet"
    pl.DataFrame({"track_id": tracks, "tempo": range(len(tracks)), "key": 3}).write_parquet(file)
    given = ("--data", DATA, "--epochs", 1, "--model", "gru4rec", "--loss", "bpr-max")
    content = ("--set", "model.inputs=content-mlp", "--set", "schedule.mode=session-parallel")
    result = run(*given, *content, "--out", tmp_path / "v1", "--features", file, "--json")
    assert result.exit_code == 0, result.output
    manifest = open_bundle(tmp_path / "v1").manifest
    assert (manifest.architecture, manifest.config["features"]) == ("gru4rec", 2)
    assert (tmp_path / "v1.learner").exists()
    with pytest.raises(ValueError, match="need their number of columns"):
        run(*given, *content, "--out", tmp_path / "v2")


def test_item_embeddings_from_a_file_are_begun_with_and_told_of_in_the_manifest(tmp_path):
    file = tmp_path / "items.safetensors"
    prepared = prepare(open_source(DATA))
    write_embeddings(file, factorised(prepared.train, 12, split=prepared.split.record()))
    result = run(
        "--data", DATA, "--out", tmp_path / "v1", "--items", file, "--freeze-items", "--epochs", 1,
        "--set", "model.width=16", "--set", "model.heads=2", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "does not say" not in result.stderr
    items = open_bundle(tmp_path / "v1").manifest.training["items"]
    assert (items["known"], items["of"]) == (prepared.train.n_items,) * 2
    assert (items["width"], items["frozen"], items["about"]["model"]) == (12, True, "ppmi")


def test_item_embeddings_of_another_division_are_refused(tmp_path):
    file = tmp_path / "items.safetensors"
    prepared = prepare(open_source(DATA))
    write_embeddings(file, factorised(prepared.train, 12, split=prepared.split.record()))
    with pytest.raises(ValueError, match="another division of simulated: seed 0 there and 1 here"):
        run("--data", DATA, "--out", tmp_path / "v1", "--items", file, "--split-seed", 1)


def test_freezing_without_item_embeddings_is_refused(tmp_path):
    with pytest.raises(ValueError, match="give --items too"):
        run("--data", DATA, "--out", tmp_path / "v1", "--freeze-items")
