"""The whole benchmark on simulated listeners, quickly; interrupted, it goes on."""

import json

from benchmarks.graph_init.run import main

ARGUMENTS = ["--data", "simulated", "--quick", "--json"]


def test_a_table_is_filled_in_pieces_and_says_what_it_compares(tmp_path, capsys):
    arguments = [*ARGUMENTS, "--work", str(tmp_path)]
    assert main([*arguments, "--minutes", "0"]) == 1
    assert "goes on" in capsys.readouterr().err
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert [(row["model"], row["init"]) for row in result["rows"]] == [
        (model, init)
        for model in ("gru4rec", "sasrec")
        for init in ("random", "random placed", "graph")
    ]
    for row in result["rows"]:
        assert 0 <= row["hit_rate@10"]["mean"] <= 1
        assert row["cold_targets"][0] > 0
        assert (row["cold_hit_rate@10"]["over_random"] is None) == (row["init"] == "random")
    assert "A quick run" in (tmp_path / "graph_init.md").read_text()
    assert main(arguments) == 0  # nothing is trained again
    assert "training on" not in capsys.readouterr().err
