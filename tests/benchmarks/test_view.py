"""What a person reads: every figure is there, in 80 columns, with and without a terminal."""

import io
from typing import Any

from rich.console import Console, RenderableType

from benchmarks.demo import view
from benchmarks.demo.figures import Percentiles, Shown
from benchmarks.demo.quality import HitRates
from benchmarks.demo.snapshot import Snapshot
from streams.audit import Tally
from streams.events import Source

LONG = "t_0479f24c-27d2-46d6-a00c-7ec928f2b539"
ACCEPTED = {
    "verdict": "accepted",
    "version": "20270115-080000",
    "reasons": [],
    "numbers": {
        "window_champion_mrr@20": 0.4123,
        "window_candidate_mrr@20": 0.4312,
        "window_champion_hit_rate@10": 0.6,
        "window_candidate_hit_rate@10": 0.61,
        "window_targets": 1712,
        "improvement_probability": 0.981,
        "anchor_change_mrr@20": -0.004,
    },
}
REFUSED: dict[str, Any] = {
    "verdict": "refused",
    "version": None,
    "reasons": ["no better"],
    "numbers": {},
}
NOW = Snapshot(
    elapsed=42,
    tally=Tally(6204, 6188, 8, [(0, 1)] * 8, 3, ["x"], 0),
    per_second=149.4,
    recent=Percentiles(4, 9, 18),
    overall=Percentiles(5, 11, 31),
    rates=HitRates(model=0.612, popularity=0.131, markov=0.587),
    occurrences=5912,
    played=6100,
    skips=1952,
    serving="20270115-080000",
    swaps={"swapped": 1, "refused": 0},
    versions={"20270115-075900": 4000, "20270115-080000": 2188},
    finetunes=[REFUSED, ACCEPTED],
    latest=(Shown("live-1", "20270115-080000", None, Source(0, 0), []), LONG),
)


def printed(renderable: RenderableType, width: int = 80) -> str:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=False).print(renderable)
    return file.getvalue()


def test_the_screen_holds_every_figure_in_80_columns():
    text = printed(view.screen(NOW, "mssd-mini (real sessions)", 120, "training: epoch 2"))
    assert max(len(line) for line in text.splitlines()) <= 80
    for figure in (
        "0:42 of 2:00", "149", "p50 4 ms, p99 18 ms", "p50 5 ms, p99 31 ms", "1,952 (32%)",
        "6,204", "6,188", "3 repeats", "1 conflicts", "0.612", "0.587", "0.131", "5,912",
        "serving 20270115-080000", "hot swaps 1, refused bundles 0", "training: epoch 2",
        "mrr@20 0.412 → 0.431", "p 0.98", "anchor -0.4%", "refused: no better",
    ):  # fmt: skip
        assert figure in " ".join(text.replace("│", " ").split()), figure


def test_the_screen_of_the_first_moment_says_that_there_is_nothing_yet():
    text = printed(view.screen(Snapshot(), "simulated", 60, ""))
    assert "no track was followed yet" in text
    assert "no latency yet" in text


def test_one_line_holds_the_identity_and_the_hit_rates():
    text = view.line(NOW)
    assert "6,204 in = 6,188 answered + 8 dead-lettered + 8 not yet" in text
    assert "hit@10 model 0.612, Markov 0.587, popularity 0.131" in text
    assert "\n" not in text


def test_ids_of_tracks_are_cut_so_that_a_list_can_be_read():
    shown = Shown("live-1", "1", None, Source(0, 0), [])
    text = view.first(shown, LONG, 3.21)
    assert text == "first live recommendation after 3.2 s: live-1: t_0479f24c-2… →  (1)"


def test_a_verdict_without_numbers_still_has_its_reason():
    assert view.verdict(REFUSED) == "refused: no better"
