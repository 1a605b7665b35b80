"""`segue bench quality --suite` on a few simulated listeners: contract, files, going on."""

import contextlib
import io
import json
import re

import pytest

from benchmarks.quality.run import main
from models.counting.standard import BASELINES

DATA = "simulated:sessions=150,tracks=100"
ROW = {"model", "kind", "loss", "protocol", "seed", "metrics", "seconds", "epochs"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("quality")


@pytest.fixture(scope="module")
def options(folder) -> list[str]:
    asked = ["--suite", "mssd-mini", "--data", DATA, "--quick", "--seeds", "0,1"]
    kept = ["--work", str(folder / "work"), "--out", str(folder / "out.json")]
    return [*asked, "--models", "sasrec", *kept]


@pytest.fixture(scope="module")
def printed(options) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([*options, "--json"]) == 0
    return out.getvalue()


def test_stdout_is_the_contract_and_nothing_else(printed):
    result = json.loads(printed)
    assert set(result) == {"suite", "data", "rows", "comparisons"}
    assert result["suite"] == "mssd-mini"
    assert (result["data"]["name"], result["data"]["simulated"]) == ("simulated", True)
    assert len(result["data"]["sha256"]) == 64
    assert all(set(row) == ROW for row in result["rows"])
    places = [(row["model"], row["protocol"], row["seed"]) for row in result["rows"]]
    assert len(set(places)) == len(places)
    assert {row["seed"] for row in result["rows"]} == {0, 1}
    assert {row["protocol"] for row in result["rows"]} == {"next-track", "leave-last-out"}
    kinds = {row["model"]: (row["kind"], row["loss"], row["epochs"]) for row in result["rows"]}
    assert kinds["popularity"] == ("baseline", None, 0)
    assert kinds["sasrec"] == ("model", "ce", 3)
    for found in result["comparisons"]:
        low, high = found["interval95"]
        assert low <= found["difference"] <= high
        assert {"a", "b", "metric", "difference", "interval95"} <= set(found)


def test_every_row_has_every_figure(printed):
    rows = json.loads(printed)["rows"]
    names = ("hit_rate", "recall", "mrr", "ndcg")
    wanted = {f"{name}@{k}" for name in names for k in (1, 5, 10, 20)}
    wanted |= {"coverage@10", "gini@10", "popularity_lift@10", "skip_auc", "novel_mrr@20"}
    for row in rows:
        assert wanted <= set(row["metrics"])
        assert ("sampled_hit_rate@10" in row["metrics"]) == (row["protocol"] == "leave-last-out")


def test_the_files_say_the_same_and_where_it_was_measured(printed, folder):
    kept = json.loads((folder / "out.json").read_text())
    assert {name: kept[name] for name in ("suite", "data", "rows", "comparisons")} == json.loads(
        printed
    )
    assert {"machine", "commit", "commits", "command", "seeds", "curves", "quick"} <= set(kept)
    assert [len(curve["losses"]) for curve in kept["curves"]] == [3] * len(kept["curves"])
    text = (folder / "out.md").read_text()
    assert "A quick look" in text
    assert "| markov |" in text
    page = (folder / "out.html").read_text()
    assert page.count("<table>") >= 4
    assert "<svg" in page
    assert not re.search(r"(src|href)=.?[^#\"]|url\([^#]|<script|<link|@import", page)
    assert (folder / "out.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_run_makes_nothing_again_and_says_the_same(printed, options, capsys):
    assert main([*options, "--json"]) == 0
    again = capsys.readouterr()
    assert again.out == printed
    assert "made in" not in again.err
    assert again.err.count("kept from an earlier run") == 2 * (len(BASELINES) + 1)


def test_without_json_the_tables_are_printed(options, printed, capsys):
    assert main(options) == 0
    out = capsys.readouterr().out
    assert out.startswith("# simulated, asked as by the suite mssd-mini")
    assert "**next-track, all test sessions**" in out


@pytest.mark.parametrize(
    "wrong",
    [[], ["--suite", "none"], ["--suite", "mssd-mini", "--seeds", "0,0"],
     ["--suite", "mssd-mini", "--seeds", "a"]],
)  # fmt: skip
def test_misuse_is_refused(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "segue bench quality: error" in capsys.readouterr().err
