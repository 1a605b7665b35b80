"""Training speeds: plain models compute what ours do, and rounds are summed up rightly."""

import json

import pytest
import torch

from benchmarks.training_speed import contenders, plain, run
from models.data.sources import open_source
from models.encoders.gru4rec import GRU4Rec, GRU4RecConfig
from models.losses.loss import LossConfig
from models.losses.next_track import ranking_of
from models.losses.ranking import value_and_gradient
from models.sessions import Sessions, packed
from models.training.session_parallel import parallel_steps

CASES = [case for case in contenders.CASES if case.name != "sasrec, full cross entropy, batch 128"]
DATA = "simulated:sessions=60,tracks=100,seed=1"


def test_the_plain_loss_is_ours():
    scores = torch.randn(3, 7, generator=torch.Generator().manual_seed(0))
    loss = LossConfig(name="bpr-max", bpreg=1.95, elu=0.5)
    own = torch.eye(3, 7, dtype=torch.bool)
    asked = torch.cat([scores.diagonal()[:, None], scores], dim=1)
    log_weight = torch.zeros(3, 7).masked_fill(own, -torch.inf)
    ours, _ = value_and_gradient(ranking_of(loss, 7), asked, log_weight)
    torch.testing.assert_close(plain.bpr_max(scores, 1.95, 0.5), ours.mean())


@torch.no_grad()
def test_the_plain_model_is_ours():
    ours = GRU4Rec(GRU4RecConfig(items=9, width=4, outcomes=False, item_bias=True)).eval()
    theirs = plain.PlainGRU4Rec(9, 4, 0.3, sparse=True).eval()
    theirs.embedding.weight.copy_(ours.item_embedding.weight)
    theirs.bias.weight.zero_()
    theirs.gru.load_state_dict(ours.gru.state_dict())
    items, hidden, candidates = torch.tensor([1, 5]), torch.randn(1, 2, 4), torch.tensor([2, 3, 9])
    states, _ = ours.step(ours.look_up(items), torch.zeros(2, dtype=torch.int64), hidden)
    found, _ = theirs(items, hidden, candidates)
    torch.testing.assert_close(found, ours.logits(states)[:, candidates])


def test_the_plain_batches_are_our_steps_until_a_slot_has_no_session_left():
    words = ["abc", "defga", "bc", "hab"]
    plays = [(f"s{i}", [(letter, 1) for letter in word]) for i, word in enumerate(words)]
    sessions = packed(plays, [*"abcdefgh"])
    steps = parallel_steps(sessions, 2)
    lists = [sessions.session(i)[0].tolist() for i in range(4)]
    for number, (items, targets, begins) in enumerate(plain.session_parallel(lists, 2)):
        assert items.tolist() == steps.items[number].tolist()
        assert targets.tolist() == steps.targets[number].tolist()
        assert begins.tolist() == steps.begins[number].tolist()
    assert number == 3


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_contender_takes_steps_and_counts_events(case):
    sessions = open_source(DATA).load().select(range(12)).compacted()
    for make in filter(None, (case.ours, case.plain, case.sparse)):
        contender = make(sessions)
        assert next(contender) > 0
        assert next(contender) > 0


def test_a_case_is_run_in_rounds_and_compared(monkeypatch, tmp_path, capsys):
    counted = iter([10] * 10**6)

    def made(sessions: Sessions) -> contenders.Contender:
        return counted

    case = contenders.Case("c", "simulated", made, made, made, 5.0, None, "others")
    monkeypatch.setattr(run, "CASES", (case,))
    arguments = ["--data", DATA, "--rounds", "3", "--seconds", "0.01", "--json"]
    run.main([*arguments, "--out", f"{tmp_path}/speed.json"])
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert len(row["ratio_wall_rounds"]) == len(row["ratio_sparse_cpu_rounds"]) == 3
    assert row["known"] == {"events_per_second": 5.0, "of": "others"}
    assert row["ratio_known"] == row["ours"]["events_per_second"]["median"] / 5
    assert json.loads((tmp_path / "speed.json").read_text())["threads"] == 1


def test_data_of_no_case_is_refused_with_the_cases():
    with pytest.raises(SystemExit, match="bpr-max"):
        run.main(["--data", "mssd:nowhere"])


def test_the_newest_occurrences_of_each_session_are_kept():
    plays = [(f"s{i}", [(a, 1) for a in word]) for i, word in enumerate(["abcd", "", "ef", "gab"])]
    newest = run._newest(packed(plays, [*"abcdefg"]), 2)
    assert [newest.session(i)[0].tolist() for i in range(4)] == [[3, 4], [], [5, 6], [1, 2]]
