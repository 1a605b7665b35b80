"""What a run came to, from made-up topics: lost events, latency, takeover."""

from benchmarks.chaos import judge
from benchmarks.chaos.crew import Held
from benchmarks.chaos.judge import Acknowledged, Read
from benchmarks.chaos.schedule import Fault
from benchmarks.chaos.timeline import Done

LEDGER = [Acknowledged("e0", 0, 0, 100.0), Acknowledged("e1", 1, 0, 100.5)]


def held(at: float, worker: int, *partitions: int) -> Held:
    return Held(at, worker, frozenset(partitions))


def killed(target: str = "worker 0", began: float = 200.0) -> Done:
    return Done(Fault(100, "worker-kill", target, 10), target, began=began, ended=began + 10)


def test_nothing_is_lost_while_every_event_is_where_it_was_said_to_be():
    found = Read(events={(0, 0): "e0", (1, 0): "e1", (1, 1): "somebody else's"})
    assert judge.lost(LEDGER, found) == []


def test_an_event_that_is_gone_or_is_another_is_lost():
    assert judge.lost(LEDGER, Read(events={(0, 0): "e0"})) == LEDGER[1:]
    assert judge.lost(LEDGER, Read(events={(0, 0): "e0", (1, 0): "e7"})) == LEDGER[1:]


def test_latency_is_from_the_first_send_to_the_first_answer():
    twice = [*LEDGER, Acknowledged("e0", 0, 5, 103.0)]
    found = Read(answered={"e0": 100.25, "e1": 100.5})
    assert judge.latencies(twice, found) == [(100.0, 0.25), (100.5, 0.0)]


def test_what_is_not_answered_has_no_latency():
    assert judge.latencies(LEDGER, Read()) == []


def test_takeover_lasts_until_the_last_partition_is_answered_by_another():
    holds = [held(150, 0, 1, 2), held(150, 1, 3), held(206, 1, 1, 3), held(207, 2, 2)]
    found = Read(answers={1: [199.0, 206.5], 2: [200.01, 209.0], 3: [201.0]})
    assert judge.takeover(killed(), holds, found) == 9.0


def test_a_killed_workers_own_return_is_no_takeover():
    holds = [held(150, 0, 1), held(203, 0, 1)]
    assert judge.takeover(killed(), holds, Read(answers={1: [204.0]})) is None


def test_a_worker_without_partitions_is_not_taken_over():
    assert judge.takeover(killed(), [held(150, 0)], Read()) is None
    assert judge.takeover(killed(), [], Read()) is None
