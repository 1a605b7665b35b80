"""`segue graph` as a person or a script calls it."""

import json

import pytest
from typer.testing import CliRunner, Result

from cli.graph import app
from models.data.sources import open_source
from models.graphs.folder import load_graph
from models.items.track_embeddings import read_embeddings
from models.recipe import prepare
from models.split import Split

DATA = "simulated:sessions=300,tracks=120,seed=1"
SMALL = ("--k-core", 3, "--width", 8, "--batch", 256, "--at", "5,20", "--learning-rate", 0.01)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("graphs") / "g"
    result = run("train", "--data", DATA, "--epochs", 4, "--out", out, "--json", *SMALL)
    assert result.exit_code == 0, result.output
    return out, result


def test_stdout_has_a_row_for_each_epoch_and_stderr_what_was_read(trained):
    out, result = trained
    answer = json.loads(result.stdout)
    assert [row["epoch"] for row in answer["epochs"]] == [1, 2, 3, 4]
    for row in answer["epochs"]:
        assert row["metrics"].keys() == {"recall@5", "ndcg@5", "recall@20", "ndcg@20"}
        assert row["loss"] > 0
        assert row["seconds"] >= 0
    assert answer["sizes"]["before"]["playlists"] == 300
    assert answer["part"] == "valid"
    assert "3-core" in result.stderr
    assert "training: epoch 1 of 4" in result.stderr
    assert not out.with_name("g.training").exists()


def test_members_stand_side_by_side_in_the_width(tmp_path):
    out = tmp_path / "g"
    asked = ("--epochs", 1, "--members", 4, "--json", *SMALL)
    result = run("train", "--data", DATA, "--out", out, *asked)
    answer = json.loads(result.stdout)
    assert (answer["config"]["width"], answer["schedule"]["members"]) == (8, 4)
    assert load_graph(out).schedule.members == 4
    with pytest.raises(ValueError, match="a width that 3 divides"):
        run("train", "--data", DATA, "--members", 3, *SMALL)


def test_the_network_of_the_epoch_that_ranked_best_is_kept(tmp_path):
    out = tmp_path / "g"  # so fast that it soon gets worse
    result = run(
        "train", "--data", DATA, "--epochs", 12, "--out", out, "--json", *SMALL[:-2],
        "--learning-rate", 0.3,
    )  # fmt: skip
    answer = json.loads(result.stdout)
    best = max(answer["epochs"], key=lambda row: row["metrics"]["recall@5"])
    assert answer["kept_epoch"] == best["epoch"] < 12
    asked = run("eval", "--model", out, "--part", "valid", "--at", "5,20", "--json")
    metrics = json.loads(asked.stdout)["metrics"]
    assert {name: metrics[name] for name in best["metrics"]} == best["metrics"]


def test_a_network_is_asked_for_its_test_edges(trained):
    out, _ = trained
    for mask in ((), ("--unmasked",)):
        result = run("eval", "--model", out, "--at", "5,20", "--json", *mask)
        answer = json.loads(result.stdout)
        assert answer["part"] == "test"
        assert answer["masked"] is not bool(mask)
        assert 0 < answer["metrics"]["recall@20"] <= 1
        assert 0 < answer["metrics"]["roc_auc"] <= 1
    assert "recall@20" in run("eval", "--model", out, "--part", "valid").stdout


def test_a_test_set_that_came_along_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.txt").write_text("".join(f"{u} {u % 3} 4\n" for u in range(9)))
    (tmp_path / "test.txt").write_text("".join(f"{u} {3 + 2 * (u % 2)}\n" for u in range(9)))
    arguments = ("train", "--data", f"gowalla:{tmp_path}", "--epochs", 2, "--at", 2, "--json")
    answer = json.loads(run(*arguments).stdout)
    assert (answer["part"], answer["k_core"], answer["schedule"]["supervision"]) == ("test", 0, 0)
    assert answer["epochs"][1]["metrics"].keys() == {"recall@2", "ndcg@2"}
    assert answer["kept_epoch"] == 2  # a test set chooses nothing
    assert not list((tmp_path / ".segue" / "graph").iterdir())
    with pytest.raises(ValueError, match="3-core would tear apart"):
        run(*arguments, "--k-core", 3)


def test_pairs_are_data_and_epochs_between_evaluations_have_no_figures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.txt").write_text("".join(f"{u} {u % 3} {u % 5} 7\n" for u in range(40)))
    result = run(
        "train", "--data", f"pairs:{tmp_path}/pairs.txt", "--k-core", 2, "--epochs", 3, "--at", 3,
        "--eval-every", 2, "--json",
    )  # fmt: skip
    rows = json.loads(result.stdout)["epochs"]
    assert [bool(row["metrics"]) for row in rows] == [False, True, True]


def test_an_empty_core_says_which_k_would_do():
    with pytest.raises(ValueError, match="a K of at most"):
        run("train", "--data", DATA, "--k-core", 200)


def test_cutoffs_must_be_numbers():
    with pytest.raises(ValueError, match="numbers like 20,300"):
        run("train", "--data", DATA, "--at", "ten")


def test_a_cutoff_beyond_the_tracks_is_refused_before_any_training(tmp_path):
    with pytest.raises(ValueError, match=r"cut-off 200 is not within 1\..*ask for one that is"):
        run(
            "train", "--data", DATA, "--epochs", 1, *SMALL, "--at", "5,200", "--out", tmp_path / "g"
        )
    assert not list(tmp_path.iterdir())


def test_tracks_of_training_sessions_are_embedded_for_sequence_models(tmp_path):
    split = ("--training-sessions", "--split-seed", 4)
    out, items = tmp_path / "g", tmp_path / "items.safetensors"
    result = run("train", "--data", DATA, "--epochs", 1, "--out", out, *SMALL, *split)
    assert result.exit_code == 0
    answer = json.loads(run("embed", "--model", out, "--out", items, "--json").stdout)
    found = read_embeddings(items)
    assert (answer["tracks"], answer["width"]) == (len(found), 8) == (found.matrix.shape)
    prepared = prepare(open_source(DATA), seed=4)
    assert Split.of(found.about) == prepared.split
    assert set(found.track_ids) <= set(prepared.train.track_ids)
    network = load_graph(out)
    assert set(network.playlists.playlist_ids) <= set(prepared.train.session_ids)
    assert f"{len(found)} tracks, width 8" in run("embed", "--model", out, "--out", items).stdout


def test_data_without_sessions_has_no_training_sessions(tmp_path):
    (tmp_path / "pairs.txt").write_text("0 1 2\n")
    with pytest.raises(ValueError, match="unknown data"):
        run("train", "--data", f"pairs:{tmp_path}/pairs.txt", "--training-sessions")
