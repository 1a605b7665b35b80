"""What grew: medians at minute five against the end, for processes that lived that long."""

import os
from collections.abc import Callable

from benchmarks.chaos.soak import Sample, compared, flat, sample

MB = 2**20


def samples(
    rss: Callable[[float], float],
    *,
    worker: int = 0,
    pid: int = 7,
    until: int = 1200,
    descriptors: int = 30,
    threads: int = 12,
) -> list[Sample]:
    return [
        Sample(second, worker, pid, round(rss(second)), descriptors, threads)
        for second in range(0, until, 5)
    ]


def test_memory_that_stays_is_flat():
    found = compared(samples(lambda second: 300 * MB))
    assert [told["rss_growth"] for told in found] == [0.0]
    assert flat(found)


def test_memory_that_grows_by_more_than_two_percent_is_not():
    assert not flat(compared(samples(lambda second: 300 * MB * (1 + second / 1e4))))


def test_what_is_taken_in_the_first_minutes_does_not_count():
    assert flat(compared(samples(lambda second: 300 * MB if second > 200 else 100 * MB)))


def test_a_descriptor_left_open_now_and_then_is_seen():
    mine = [
        one._replace(descriptors=30 + int(one.second / 200)) for one in samples(lambda _: 300 * MB)
    ]
    assert not flat(compared(mine))


def test_descriptors_that_a_fault_takes_or_gives_for_a_moment_are_no_leak():
    steady = samples(lambda _: 300 * MB)
    mine = [
        one._replace(descriptors=23 if 250 < one.second < 265 else 38 if one.second > 1150 else 30)
        for one in steady
    ]
    assert flat(compared(mine))


def test_a_process_that_began_later_is_not_compared_and_nothing_compared_is_not_flat():
    young = [one for one in samples(lambda _: MB) if one.second > 600]
    assert compared(young) == []
    assert not flat([])


def test_a_run_that_ended_before_minute_five_compares_nothing():
    assert compared(samples(lambda _: MB, until=120)) == []


def test_a_process_is_looked_at_and_one_that_is_gone_is_not():
    mine = sample(1.0, 0, os.getpid())
    assert mine is not None
    assert mine.rss > 10 * MB
    assert mine.threads >= 1
    assert mine.descriptors >= 3
    assert sample(1.0, 0, 2**22 + 1) is None
