"""The schedule: the same for a seed, never two faults in one lane, over before the load is."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.chaos import schedule
from benchmarks.chaos.kinds import KINDS, LEARNING, Shape, chosen, kinds, needs_job
from benchmarks.chaos.schedule import Fault

SHAPES = st.builds(
    Shape,
    nodes=st.sampled_from([1, 3]),
    workers=st.integers(1, 4),
    session_timeout=st.floats(1, 15),
    filled=st.booleans(),
    prometheus=st.booleans(),
    learning=st.booleans(),
)
SEEDS = st.integers(0, 2**32)
SECONDS = st.floats(12, 900)


@given(SEEDS, SECONDS, SHAPES)
def test_a_seed_is_a_schedule(seed, seconds, shape):
    assert schedule.mixed(seed, seconds, shape) == schedule.mixed(seed, seconds, shape)


def test_another_seed_is_another_schedule():
    shape = Shape()
    assert len({tuple(schedule.mixed(seed, 300, shape)) for seed in range(50)}) == 50


@given(SEEDS, SECONDS, SHAPES)
def test_faults_of_a_lane_never_overlap_and_all_are_over_before_the_load(seed, seconds, shape):
    faults = schedule.mixed(seed, seconds, shape)
    assert faults == sorted(faults)
    assert all(fault.second >= schedule.FIRST and fault.seconds > 0 for fault in faults)
    assert all(fault.end <= seconds - schedule.LAST + 1e-6 for fault in faults)
    for one, other in combinations(faults, 2):
        if schedule.lanes(one) & schedule.lanes(other):
            assert one.end < other.second or other.end < one.second


@given(SEEDS, SHAPES)
def test_a_fault_has_what_it_needs(seed, shape):
    for fault in schedule.mixed(seed, 600, shape):
        assert fault.kind in kinds(shape)
        if fault.target.startswith("worker "):
            assert int(fault.target.split()[1]) < shape.workers
        if fault.target.startswith("broker "):
            assert 1 <= int(fault.target.split()[1]) <= shape.nodes
        if fault.kind in ("worker-stop", "worker-cut"):
            assert fault.seconds > 2 * shape.session_timeout


@given(SEEDS)
def test_an_hour_has_every_kind(seed):
    shape = Shape(filled=True, prometheus=True, learning=True)
    assert {fault.kind for fault in schedule.mixed(seed, 3600, shape)} == set(KINDS)


def test_a_lane_stands_for_its_kinds_that_can_be_had_here():
    links = {"link-delay", "link-resets", "link-half-open", "link-cut"}
    assert chosen(["link", "burst"], Shape(workers=2)) == links | {"worker-cut", "burst"}
    assert chosen(["link"], Shape(workers=1)) == links
    assert chosen(["learning"], Shape(learning=True)) == LEARNING - {"models-disk-full"}
    assert chosen(["tickle"], Shape()) == {"tickle"}  # refused by the schedule


def test_what_happens_to_a_fine_tune_job_needs_one():
    assert LEARNING.isdisjoint(kinds(Shape(filled=True, prometheus=True)))
    assert needs_job(["worker-kill", "finetune-slow"])
    assert needs_job(["learning"])
    assert not needs_job(["worker", "link-cut"])


def test_only_what_is_asked_for_is_in_it():
    faults = schedule.mixed(3, 300, Shape(), ["worker-kill", "link-cut"])
    assert {fault.kind for fault in faults} == {"worker-kill", "link-cut"}


def test_a_worker_that_is_cut_off_keeps_the_links_for_itself():
    cut = Fault(10, "worker-cut", "worker 0", 15)
    assert schedule.lanes(cut) == {"worker", "link"}
    assert not schedule.alone(Fault(20, "worker-kill", "worker 1", 5), [cut], 6)


@pytest.mark.parametrize("kind", ["worker-tickle", "quorum-loss"])
def test_a_kind_that_cannot_be_had_is_refused(kind):
    with pytest.raises(ValueError, match=rf"{kind} cannot be had with 1 brokers"):
        schedule.mixed(0, 300, Shape(nodes=1), [kind])


@pytest.mark.parametrize(("nodes", "workers"), [(2, 3), (3, 0)])
def test_a_cluster_that_cannot_be_is_refused(nodes, workers):
    with pytest.raises(ValueError, match="expected 1 or 3"):
        Shape(nodes, workers)


@given(SEEDS, st.integers(1, 100), SHAPES)
def test_rounds_of_kills_and_bounces_are_as_many_as_asked_and_apart(seed, rounds, shape):
    for made in (schedule.kills, schedule.bounces):
        faults = made(seed, rounds, shape)
        assert len(faults) == rounds
        assert faults == made(seed, rounds, shape)
        assert all(one.end < other.second for one, other in pairwise(faults))


def test_thirty_kills_have_those_during_start_and_recovery_among_them():
    kinds = [fault.kind for fault in schedule.kills(1, 30, Shape())]
    assert kinds.count("kill-at-start") >= 7
    assert kinds.count("kill-in-recovery") >= 7


def test_a_fault_is_alone_when_no_broker_link_or_worker_is_disturbed_near_it():
    kill = Fault(10, "worker-kill", "worker 0", 5)
    assert schedule.alone(kill, [kill, Fault(11, "burst", "players", 5)], 6)
    assert schedule.alone(kill, [kill, Fault(22, "link-cut", "all", 5)], 6)
    assert not schedule.alone(kill, [kill, Fault(20, "link-cut", "all", 5)], 6)
    assert not schedule.alone(kill, [Fault(1, "broker-kill", "leader", 4), kill], 6)
