import asyncio
from types import SimpleNamespace
from typing import Any

import faust
import msgspec
import pytest
from faust.types import TP

from streams.session import Limits, Session, pack
from streams.worker.store import SessionStore
from streams.worker.table import SessionTable

LIMITS = Limits(retention_ms=1000)


def session(offset: int, appended_ms: int, partition: int = 0, **more) -> Session:
    return Session(
        partition=partition, offset=offset, appended_ms=appended_ms, event_ids=("e",), **more
    )


def change(key: bytes | None, value: Session | bytes | None, partition: int = 0) -> Any:
    """What recovery reads from the changelog."""
    raw = pack(value) if isinstance(value, Session) else value
    return SimpleNamespace(
        message=SimpleNamespace(
            topic="changelog", key=key, value=raw, partition=partition, offset=5
        )
    )


class LoggedTable(SessionTable):
    """Writes its changelog to a list; what a broker does with it is tested on one."""

    logged: list[tuple[int, bytes, bytes | None]]
    away = False

    async def _log(self, partition: int, key: bytes, value: bytes | None) -> None:
        if self.away:
            raise ConnectionError("away")
        self.logged.append((partition, key, value))


@pytest.fixture
def table() -> LoggedTable:
    app = faust.App("test-table", autodiscover=False, broker="aiokafka://nowhere:1")
    table = LoggedTable(app, name="sessions", key_type=bytes, value_type=bytes)
    table.logged = []
    return table


class Changelog:
    """A producer that is told which offset each record gets."""

    def __init__(self, *offsets: int) -> None:
        self._offsets = list(offsets)

    async def send(self, *_: object) -> "asyncio.Future[Any]":
        sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        sent.set_result(SimpleNamespace(offset=self._offsets.pop(0)))
        return sent


def known_after(start: int, *offsets: int) -> int:
    """Up to where a worker that recovered to `start` and wrote at `offsets` need not read again."""
    return written_after(start, *offsets)[0]


def written_after(start: int, *offsets: int) -> tuple[int, dict[int, list[tuple[int, int]]]]:
    """The same, and what somebody else must have written between."""

    async def written() -> tuple[int, dict[int, list[tuple[int, int]]]]:
        app: Any = faust.App("test-table", autodiscover=False, broker="aiokafka://nowhere:1")
        table = SessionTable(app, name="sessions", key_type=bytes, value_type=bytes)
        app._producer = Changelog(*offsets)
        recovery, tp = app.tables.recovery, TP(table.changelog_topic_name, 0)
        recovery.active_tps.add(tp)
        recovery.active_offsets[tp] = start
        for number in range(len(offsets)):
            await table.save(f"s{number}", session(number, number))
        known: int = recovery.active_offsets[tp]
        return known, table.data.unread

    return asyncio.run(written())


def test_offsets_that_are_not_ours_are_to_be_read_once():
    assert written_after(4, 5, 6, 7)[1] == {}
    assert written_after(4, 5, 8, 9, 12)[1] == {0: [(6, 8), (10, 12)]}


def recovered(table: SessionTable, *changes: Any) -> SessionStore:
    table.data.apply_changelog_batch(changes, lambda key: key, lambda value: value)
    return table.data


def swept(table: SessionTable, now_ms: dict[int, int], committed: int | None = 1000) -> int:
    return asyncio.run(table.sweep(now_ms, lambda partition: committed, LIMITS))


def test_what_was_saved_is_loaded(table):
    one = session(5, 50)
    asyncio.run(table.save("s1", one))
    assert table.load("s1") == one
    assert table.load("s2") is None


def test_a_save_goes_to_the_changelog_partition_of_its_event(table):
    asyncio.run(table.save("s1", session(5, 50, partition=3)))
    assert table.logged == [(3, b"s1", pack(session(5, 50, partition=3)))]


def test_a_save_the_changelog_did_not_take_is_not_known_here(table):
    old, new = session(5, 50), session(6, 60)
    asyncio.run(table.save("s1", old))
    table.away = True
    with pytest.raises(ConnectionError):
        asyncio.run(table.save("s1", new))
    assert table.load("s1") == old


def test_a_record_that_cannot_be_read_is_a_session_that_begins_anew(table):
    table.data.put(b"s1", b"\x00garbage", 0)
    assert table.load("s1") is None


def test_recovery_keeps_the_last_record_of_each_session(table):
    recovered(
        table,
        change(b"s1", session(1, 10)),
        change(b"s2", session(2, 20)),
        change(b"s1", session(3, 30)),
    )
    assert table.load("s1") == session(3, 30)
    assert table.load("s2") == session(2, 20)


def test_recovery_forgets_what_was_removed(table):
    store = recovered(
        table, change(b"s1", session(1, 10)), change(b"s1", None), change(b"s9", None)
    )
    assert table.load("s1") is None
    assert store.data == {}
    assert store._key_partition == {}


def test_recovery_passes_over_a_record_without_a_key(table):
    assert recovered(table, change(None, session(1, 10))).data == {}


def test_a_worker_that_wakes_late_does_not_put_the_clock_back(table):
    recovered(table, change(b"s1", session(9, 90)), change(b"s1", session(8, 80)))
    assert table.load("s1") == session(9, 90)


def test_a_record_of_the_same_event_written_again_counts(table):
    again = session(9, 90, begun=4)
    recovered(table, change(b"s1", session(9, 90)), change(b"s1", again))
    assert table.load("s1") == again


def test_a_topic_made_anew_begins_with_small_offsets_and_counts(table):
    recovered(table, change(b"s1", session(900, 90)), change(b"s1", session(0, 91)))
    assert table.load("s1") == session(0, 91)


def test_offsets_of_two_partitions_are_not_compared(table):
    recovered(table, change(b"s1", session(900, 90), 0), change(b"s1", session(1, 10, 1), 1))
    assert table.load("s1") == session(1, 10, 1)


def test_a_record_after_one_that_cannot_be_read_counts(table):
    recovered(table, change(b"s1", b"\x00"), change(b"s1", session(1, 10)))
    assert table.load("s1") == session(1, 10)


@pytest.mark.parametrize(("now_ms", "removed"), [(1090, 0), (1091, 1)])
def test_the_sweep_removes_what_no_event_could_use(table, now_ms, removed):
    one = session(9, 90)
    recovered(table, change(b"s1", one))
    assert swept(table, {0: now_ms}) == removed == one.expired(now_ms, LIMITS)
    assert (table.load("s1") is None) is bool(removed)
    assert table.logged == [(0, b"s1", None)] * removed


@pytest.mark.parametrize("committed", [None, 0, 9])
def test_the_sweep_keeps_what_may_be_delivered_again(table, committed):
    recovered(table, change(b"s1", session(9, 90)))
    assert swept(table, {0: 5000}, committed) == 0
    assert table.load("s1") is not None


def test_the_sweep_stops_at_the_first_session_that_is_young(table):
    recovered(table, change(b"old", session(1, 10)), change(b"young", session(2, 4900)))
    asyncio.run(table.save("old2", session(3, 20)))
    assert swept(table, {0: 5000}) == 1
    assert set(table.data.data) == {b"young", b"old2"}


def test_a_session_that_is_used_moves_behind_the_others(table):
    for offset, name in enumerate(("s1", "s2", "s1")):
        asyncio.run(table.save(name, session(offset, offset)))
    assert list(table.data.data) == [b"s2", b"s1"]


def test_the_sweep_leaves_partitions_alone_of_which_nothing_was_seen(table):
    recovered(table, change(b"s1", session(9, 90, 1), 1), change(b"s2", session(9, 90)))
    assert swept(table, {0: 5000}) == 1
    assert set(table.data.data) == {b"s1"}


def test_the_sweep_passes_over_a_record_that_cannot_be_read(table):
    recovered(table, change(b"s1", b"\x00"), change(b"s2", session(9, 90)))
    assert swept(table, {0: 5000}) == 1
    assert table.load("s2") is None


def test_many_sessions_of_a_quiet_partition_do_not_hide_the_others(table):
    recovered(
        table,
        *(change(b"quiet%d" % number, session(1, 10, 1), 1) for number in range(300)),
        change(b"old", session(9, 90)),
    )
    assert swept(table, {0: 5000}) == 1
    assert table.load("old") is None


def test_a_partition_whose_clock_is_behind_does_not_hide_the_others(table):
    recovered(table, change(b"behind", session(1, 10, 1), 1), change(b"old", session(9, 90)))
    assert swept(table, {0: 5000, 1: 20}) == 1
    assert set(table.data.data) == {b"behind"}


def test_a_session_the_sweep_could_not_remove_is_removed_later(table):
    recovered(table, change(b"s1", session(9, 90)))
    table.away = True
    with pytest.raises(ConnectionError):
        swept(table, {0: 5000})
    table.away = False
    assert swept(table, {0: 5000}) == 1


def test_a_sweep_is_short(table):
    recovered(table, *(change(b"%d" % number, session(number, 10)) for number in range(300)))
    assert swept(table, {0: 5000}) == 256
    assert swept(table, {0: 5000}) == 44


def test_what_a_worker_wrote_alone_is_not_read_again():
    assert known_after(41, 42, 43, 44) == 44
    assert known_after(-1, 0, 1) == 1


def test_what_another_wrote_between_is_read_before_the_partition_is_answered_again():
    assert known_after(41, 42, 44, 45) == 42
    assert known_after(41, 50) == 41


def test_what_a_late_worker_has_written_over_is_written_again(table):
    recovered(table, change(b"s1", session(9, 90)), change(b"s1", session(8, 80)))
    assert asyncio.run(table.mend([0])) == 1
    assert table.logged == [(0, b"s1", pack(session(9, 90)))]
    assert asyncio.run(table.mend([0])) == 0


def noticed(
    table: LoggedTable, unread: dict[int, list[tuple[int, int]]], *late: tuple[bytes, Session]
) -> list[tuple[int, int, int]]:
    """What was read of a changelog where somebody wrote these between our own records."""
    asked: list[tuple[int, int, int]] = []

    async def read(partition: int, start: int, end: int) -> Any:
        asked.append((partition, start, end))
        return [(key, pack(value)) for key, value in late]

    table.data.unread.update(unread)
    asyncio.run(table.notice([0], read))
    return asked


def test_what_a_late_worker_wrote_between_our_records_is_read_and_written_over(table):
    newest = session(9, 900)
    table.data.put(b"s", pack(newest), 0)
    late = [(b"s", session(4, 400)), (b"unknown", session(5, 500))]
    assert noticed(table, {0: [(7, 9)], 1: [(3, 4)]}, *late) == [(0, 7, 9)]  # 1 is not ours
    assert table.data.unread == {}
    assert asyncio.run(table.mend([0])) == 1
    assert table.logged == [(0, b"s", pack(newest))]


def test_what_is_as_new_as_ours_is_left(table):
    table.data.put(b"s", pack(session(9, 900)), 0)
    noticed(table, {0: [(7, 8)]}, (b"s", session(9, 900)))
    assert asyncio.run(table.mend([0])) == 0


def test_a_newer_record_after_a_late_one_needs_no_mending(table):
    recovered(
        table,
        change(b"s1", session(9, 90)),
        change(b"s1", session(8, 80)),
        change(b"s1", session(10, 100)),
    )
    recovered(table, change(b"s2", session(9, 90)), change(b"s2", session(8, 80)))
    asyncio.run(table.save("s2", session(10, 100)))
    table.logged.clear()
    assert asyncio.run(table.mend([0])) == 0
    assert table.logged == []


def test_what_was_removed_or_is_not_ours_is_not_mended(table):
    recovered(table, change(b"s1", session(9, 90)), change(b"s1", session(8, 80)))
    recovered(table, change(b"s1", None))
    recovered(table, change(b"s2", session(9, 90, 1), 1), change(b"s2", session(8, 80, 1), 1))
    asyncio.run(table.mend([0]))
    assert table.logged == []


def test_what_could_not_be_mended_is_mended_later(table):
    recovered(table, change(b"s1", session(9, 90)), change(b"s1", session(8, 80)))
    table.away = True
    with pytest.raises(ConnectionError):
        asyncio.run(table.mend([0]))
    table.away = False
    assert asyncio.run(table.mend([0])) == 1


def buried(table: LoggedTable, committed: int | None, held: tuple[int, ...] = (0,)) -> int:
    return asyncio.run(table.bury(held, lambda partition: committed))


def forgotten(offset: int) -> Session:
    return session(offset, 50, occurred_ms=-1)


def test_a_forgotten_session_gets_its_tombstone_once_that_is_committed(table):
    asyncio.run(table.save("s1", forgotten(5)))
    assert (buried(table, None), buried(table, 5), buried(table, 6, ())) == (0, 0, 0)
    assert table.load("s1") is not None
    assert buried(table, 6) == 1
    assert table.logged[-1] == (0, b"s1", None)
    assert table.load("s1") is None
    assert buried(table, 6) == 0


def test_a_session_that_began_anew_is_not_buried(table):
    asyncio.run(table.save("s1", forgotten(5)))
    asyncio.run(table.save("s1", session(6, 60)))
    assert buried(table, 100) == 0
    assert table.load("s1") == session(6, 60)


def test_a_worker_that_takes_over_buries_what_was_left(table):
    recovered(table, change(b"s1", forgotten(5)), change(b"s2", session(6, 60)))
    assert buried(table, 100) == 1
    assert table.load("s2") is not None


def test_a_tombstone_that_is_not_taken_is_written_later(table):
    asyncio.run(table.save("s1", forgotten(5)))
    table.away = True
    with pytest.raises(ConnectionError):
        buried(table, 6)
    table.away = False
    assert buried(table, 6) == 1


def test_a_record_of_a_newer_version_is_not_taken_and_ends_the_worker(table, monkeypatch):
    said: list[Exception] = []
    monkeypatch.setattr(table.app, "refuse", said.append, raising=False)
    raw = msgspec.msgpack.encode([*msgspec.msgpack.decode(pack(session(1, 1))), "more"])
    assert recovered(table, change(b"s1", raw)).data == {}
    assert "changelog partition 0 offset 5: a newer version" in str(said[0])
