"""Tables: means, spreads and the best of each column, as they are read."""

from dataclasses import replace

from benchmarks.quality.suite import FOLDER, read_suite
from benchmarks.quality.tables import Cell, heading, markdown, tables

SUITE = replace(
    read_suite(FOLDER / "mssd-mini.toml"),
    protocols=("next-track",),
    columns=("mrr@20", "heard_mrr@20", "popularity_lift@10"),
)


def row(model: str, seed: int, **metrics: float | None):
    return {
        "model": model, "kind": "model", "loss": "ce", "protocol": "next-track", "seed": seed,
        "metrics": {name.replace("_at_", "@"): v for name, v in metrics.items()},
        "seconds": 2.0 * seed, "epochs": 3,
    }  # fmt: skip


def test_a_cell_is_mean_and_deviation_over_the_seeds_and_the_best_is_marked():
    rows = [row("a", seed, mrr_at_20=0.4 + 0.1 * seed) for seed in (0, 1, 2)]
    rows += [row("b", seed, mrr_at_20=0.3) for seed in (0, 1, 2)]
    (table,) = tables(SUITE, rows)
    assert table.columns == ["mrr@20"]
    first, second = table.lines
    (cell,) = first.cells
    assert cell is not None
    assert (round(cell.mean, 6), round(cell.sd or 0, 6), cell.best) == (0.5, 0.1, True)
    assert second.cells == [Cell(0.3, 0.0, False)]
    assert first.seconds == 2
    assert "| a | **0.500 ± 0.100** | 2.0 |" in markdown(table)


def test_one_seed_has_no_deviation_and_what_is_missing_is_a_dash():
    rows = [row("a", 0, mrr_at_20=0.4), row("b", 0, mrr_at_20=None)]
    (table,) = tables(SUITE, rows)
    assert markdown(table)[-2:] == ["| a | **0.400** | 0.0 |", "| b | - | 0.0 |"]


def test_a_lift_of_popularity_is_never_the_best():
    (table,) = tables(SUITE, [row("a", 0, popularity_lift_at_10=0.9)])
    assert table.lines[0].cells == [Cell(0.9, None, False)]


def test_novel_sessions_have_a_table_of_their_own():
    rows = [row("a", 0, mrr_at_20=0.4, novel_targets=5, novel_mrr_at_20=0.2)]
    whole, novel = tables(SUITE, rows)
    assert novel.part == "test sessions that share no run of 10 tracks with training"
    assert (whole.headings, novel.headings) == (["MRR@20"], ["MRR@20"])
    assert novel.lines[0].cells == [Cell(0.2, None, True)]


def test_figures_have_the_names_of_papers():
    names = {
        "hit_rate@10": "HR@10", "novel_ndcg@5": "NDCG@5", "heard_mrr@20": "MRR@20 heard",
        "sampled_hit_rate@1": "HR@1 sampled", "skip_auc": "skip AUC",
        "novel_skip_auc": "skip AUC", "popularity_lift@10": "popularity lift@10",
    }  # fmt: skip
    assert {name: heading(name) for name in names} == names
