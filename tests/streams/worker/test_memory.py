"""What is freed is given back, holes among what is held too."""

import ctypes
import platform
from pathlib import Path

import pytest

from streams.worker import memory
from streams.worker.memory import give_back

MB = 1 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_holes_left_by_a_backlog_are_given_back():
    records = [bytes(2000) for _ in range(50_000)]
    pins = records[::100]
    grown = resident()
    del records
    assert give_back()
    assert grown - resident() > 50 * MB
    assert len(pins) == 500


def test_where_there_is_no_such_call_nothing_is_done(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    monkeypatch.setattr(memory, "_trim", memory._found())
    assert not give_back()
