"""`segue fm` and `segue recommend --like`, on films that a test writes."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """RecBole's two files: 150 films of two kinds, which nobody mixes."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(0)
    lines = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    for user in range(60):
        seen = rng.permutation(75)[:12] + 75 * (user % 2)
        lines += [f"{user}\t{item}\t4\t{second}" for second, item in enumerate(seen.tolist())]
    (folder / "ml-100k.inter").write_text("\n".join(lines) + "\n", encoding="utf-8")
    titles = ["item_id:token\tmovie_title:token_seq\trelease_year:token"]
    titles += [
        f"{i}\t{'Quiet' if i < 75 else 'Loud'} Film {i}\t{1900 + i % 75}" for i in range(150)
    ]
    (folder / "ml-100k.item").write_text("\n".join(titles) + "\n", encoding="utf-8")
    return f"ml-100k:{folder}"


def test_a_machine_is_trained_asked_and_then_recommends_by_title(segue, films, tmp_path):
    out = str(tmp_path / "machine")
    trained = segue("fm", "train", "--data", films, "--new-people", "--epochs", "15", "--rate",
                    "0.05", "--out", out, "--json")  # fmt: skip
    assert trained.code == 0, trained.err
    told = json.loads(trained.out)
    assert told["items"] == 150
    assert 0 <= told["figures"]["sampled_hit_rate@10"] <= 1
    assert "epoch 15 of 15" in trained.err
    liked = segue("recommend", "--like", "loud film 80", "--like", "81", "--model", out, "--top",
                  "5", "--json")  # fmt: skip
    assert liked.code == 0, liked.err
    answer = json.loads(liked.out)
    assert answer["liked"]["loud film 80"][0]["title"] == "Loud Film 80 (1905)"
    titles = [item["title"] for item in answer["items"]]
    assert len(titles) == 5
    assert all(title.startswith("Loud") for title in titles)
    shown = segue("recommend", "--like", "loud film 80", "--model", out, "--top", "1")
    assert shown.out.startswith("  1  Loud Film")


def test_one_can_be_trained_on_the_spot(segue, films):
    answer = segue("recommend", "--like", "quiet film 3", "--data", films, "--top", "3", "--json")
    assert answer.code == 0, answer.err
    assert len(json.loads(answer.out)["items"]) == 3


def test_an_unknown_title_is_misuse_and_says_what_is_close(segue, films, tmp_path):
    out = str(tmp_path / "machine")
    segue("fm", "train", "--data", films, "--new-people", "--epochs", "1", "--out", out)
    answer = segue("recommend", "--like", "lowd film 80", "--model", out)
    assert answer.code == 2
    assert "no track fits 'lowd film 80'; close to it: Loud Film 80 (1905)" in answer.err


def test_a_machine_of_known_users_is_refused(segue, films, tmp_path):
    out = str(tmp_path / "machine")
    segue("fm", "train", "--data", films, "--context", "previous", "--context", "hour",
          "--embedding", "gcn", "--loss", "bce", "--epochs", "1", "--out", out)  # fmt: skip
    answer = segue("recommend", "--like", "81", "--model", out)
    assert answer.code == 2
    assert "reads user, previous, hour, expected previous alone" in answer.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("recommend", "--like", "x"), "either --model DIR or --data"),
        (("recommend", "--like", "x", "--model", "/nowhere"), "holds no factorisation machine"),
        (("fm", "train", "--data", "ml-100k:/nowhere", "--out", "x"), "no such path"),
        (("fm", "train", "--data", "simulated", "--out", "x", "--new-people", "--context",
          "hour"), "leave --context"),
        (("fm", "bench", "--data", "simulated", "--seeds", "one"), "seeds are 'one'"),
    ],
)  # fmt: skip
def test_misuse_says_what_to_change(segue, arguments, complaint):
    answer = segue(*arguments)
    assert answer.code == 2
    assert complaint in answer.err


def test_the_tables_are_a_command(segue, films, tmp_path):
    answer = segue("fm", "bench", "--data", films, "--quick", "--entries", "popularity,fm",
                   "--work", str(tmp_path), "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    rows = json.loads(answer.out)["forms"][0]["rows"]
    assert {row["entry"] for row in rows} == {"popularity", "fm", None}
