"""`segue fm`, on films that a test writes."""

import json

import pytest

from tests.films import write_films


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return write_films(tmp_path_factory.mktemp("films"))


@pytest.mark.parametrize(
    "options",
    [
        ("--new-people",),
        ("--context", "previous", "--context", "hour", "--embedding", "gcn", "--loss", "bce"),
        ("--embedding", "attention"),
    ],
)
def test_a_machine_is_trained_asked_and_written(segue, films, tmp_path, options):
    out = tmp_path / "machine"
    answer = segue("fm", "train", "--data", films, *options, "--epochs", "2", "--out", str(out),
                   "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert (told["out"], told["items"], told["users"]) == (str(out), 150, 60)
    assert 0 <= told["figures"]["sampled_hit_rate@10"] <= 1
    assert "epoch 2 of 2" in answer.err
    assert (out / "machine.safetensors").is_file()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("train", "--data", "ml-100k:/nowhere", "--out", "x"), "no such path"),
        (("train", "--data", "simulated", "--out", "x", "--new-people", "--context", "hour"),
         "leave --context"),
        (("bench", "--data", "simulated", "--seeds", "one"), "seeds are 'one'"),
    ],
)  # fmt: skip
def test_misuse_says_what_to_change(segue, arguments, complaint):
    answer = segue("fm", *arguments)
    assert answer.code == 2
    assert complaint in answer.err


def test_the_tables_are_a_command(segue, films, tmp_path):
    answer = segue("fm", "bench", "--data", films, "--quick", "--entries", "popularity,fm",
                   "--work", str(tmp_path), "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    rows = json.loads(answer.out)["forms"][0]["rows"]
    assert {row["entry"] for row in rows} == {"popularity", "fm", None}
