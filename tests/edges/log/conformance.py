"""What every log must do, whatever it is made of. `test_logs.py` runs it over each implementation."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from sevenfold.clock import SetClock
from sevenfold.errors import LogError
from sevenfold.events.dedup import message_key
from sevenfold.events.reasons import Reason
from sevenfold.events.steps import Dropped
from sevenfold.limits import RECORD_EVENTS_MAX
from sevenfold.log.base import Entry, Log, NewControl, NewEvents, NewTick, Record

Open = Callable[[], Log]


def events(*ids: str, time: int | None = None, source: str = "web") -> NewEvents:
    """A batch of small events with these message ids."""
    entries = [
        Entry(source, 5, json.dumps({"messageId": i}).encode()) if time is None else _at(source, i, time)
        for i in ids
    ]
    return NewEvents(entries, [message_key(source, i) for i in ids])


def _at(source: str, message_id: str, time: int) -> Entry:
    return Entry(source, time, json.dumps({"messageId": message_id}).encode(), time)


def ids(records: list[Record]) -> list[str]:
    return [json.loads(e.raw)["messageId"] for record in records for e in record.entries]


class LogConformance:
    """Subclass it with fixtures `clock` (a SetClock) and `log` (an empty log on that clock)."""

    def test_an_empty_log_starts_at_nought(self, log: Log) -> None:
        assert (log.next_position, log.last_time, log.read()) == (0, 0, [])

    def test_it_gives_back_what_was_appended_in_order(self, log: Log, clock: SetClock) -> None:
        clock.set(1_000)
        receipts = log.append([events("a", "b"), NewControl({"op": "erase", "user": "u"}), events("c")])
        assert [receipt.position for receipt in receipts] == [0, 2, 3]
        records = log.read()
        assert ids(records) == ["a", "b", "c"]
        assert [r.kind for r in records] == ["events", "control", "events"]
        assert records[1].control == {"op": "erase", "user": "u"}
        assert (log.next_position, log.last_time) == (4, 1_000)
        first = records[0].entries[0]
        assert (first.source, first.received, first.time) == ("web", 5, 1_000)

    def test_engine_time_never_goes_back(self, log: Log, clock: SetClock) -> None:
        clock.set(500)
        log.append([events("a")])
        clock.set(300)
        assert log.append([events("b")])[0].time == 500
        assert log.append([NewTick(400)])[0].time == 500
        assert log.append([NewTick(700)])[0].time == 700
        assert log.last_time == 700

    def test_imports_bring_their_own_time_for_each_event(self, log: Log, clock: SetClock) -> None:
        clock.set(9_999)
        batch = events("a", "b", "c", time=0)
        for entry, time in zip(batch.entries, (10, 30, 20), strict=True):
            entry.time = time
        receipt = log.append([batch])[0]
        assert [e.time for e in log.read()[0].entries] == [10, 30, 30]
        assert receipt.time == log.last_time == 30

    def test_a_duplicate_is_left_out_and_named(self, log: Log) -> None:
        log.append([events("a", "b")])
        receipt = log.append([events("b", "c", "c")])[0]
        assert (receipt.position, receipt.duplicates) == (2, (0, 2))
        assert ids(log.read()) == ["a", "b", "c"]

    def test_duplicates_within_one_append_are_left_out(self, log: Log) -> None:
        receipts = log.append([events("a"), events("a", "b")])
        assert receipts[1].duplicates == (0,)
        assert ids(log.read()) == ["a", "b"]

    def test_a_batch_of_duplicates_takes_no_position(self, log: Log) -> None:
        log.append([events("a")])
        receipt = log.append([events("a")])[0]
        assert (receipt.position, receipt.duplicates, log.next_position) == (1, (0,), 1)
        assert sum(record.count for record in log.read()) == 1

    def test_the_same_id_from_another_source_is_another_event(self, log: Log) -> None:
        log.append([events("a"), events("a", source="app")])
        assert ids(log.read()) == ["a", "a"]

    def test_ticks_take_no_position(self, log: Log) -> None:
        log.append([NewTick(10), events("a"), NewTick(20), NewTick(30), events("b")])
        assert log.next_position == 2
        assert [(r.kind, r.position) for r in log.read()] == [
            ("tick", 0),
            ("events", 0),
            ("tick", 1),
            ("events", 1),
        ]
        assert log.read()[2].time == 30, "a tick that follows a tick takes its place"

    @pytest.mark.parametrize(
        ("start", "expected"),
        [(0, ["a", "b", "c", "d"]), (1, ["a", "b", "c", "d"]), (2, ["c", "d"]), (3, ["c", "d"]), (4, [])],
    )
    def test_it_reads_from_the_record_that_holds_a_position(
        self, log: Log, start: int, expected: list[str]
    ) -> None:
        log.append([events("a", "b")])
        log.append([NewTick(10), events("c", "d")])
        assert ids(log.read(start)) == expected

    def test_the_tick_before_a_position_is_shown_again(self, log: Log) -> None:
        log.append([events("a"), NewTick(10)])
        assert [r.kind for r in log.read(1)] == ["tick"]
        log.append([NewTick(20)])
        assert [r.time for r in log.read(1)] == [20]

    def test_it_reads_no_more_records_than_asked(self, log: Log) -> None:
        for number in range(5):
            log.append([NewControl({"op": "n", "number": number})])
        assert [r.position for r in log.read(1, limit=2)] == [1, 2]

    def test_it_refuses_positions_before_the_start(self, log: Log) -> None:
        with pytest.raises(LogError):
            log.read(-1)

    @pytest.mark.parametrize(
        "bad",
        [
            NewControl({"no op": 1}),
            NewEvents([Entry("s", 1, b"{}")], []),
            NewEvents([Entry("s", 1, b"{}")], [b"short"]),
            NewEvents([Entry("s", 1, b"x" * (17 << 20))], [bytes(16)]),
            NewEvents(
                [Entry("s", 1, b"{}")] * (RECORD_EVENTS_MAX + 1), [bytes(16)] * (RECORD_EVENTS_MAX + 1)
            ),
        ],
        ids=["control without op", "no keys", "short key", "too many bytes", "too many events"],
    )
    def test_it_refuses_what_no_log_takes_and_stores_none_of_it(self, log: Log, bad: Any) -> None:
        with pytest.raises(LogError):
            log.append([events("a"), bad])
        assert log.read() == []
        assert log.append([events("a")])[0].duplicates == ()

    def test_a_rewritten_record_keeps_its_place_times_and_keys(self, log: Log, clock: SetClock) -> None:
        clock.set(77)
        log.append([events("a", "secret"), events("c")])
        old = log.read()[0]
        entries = [Entry(e.source, e.received, e.raw, e.time) for e in old.entries]
        entries[1] = Entry("web", 0, b'{"messageId":"erased"}', entries[1].time)
        log.rewrite(Record(old.position, old.time, "events", entries))
        assert ids(log.read()) == ["a", "erased", "c"]
        assert log.append([events("secret")])[0].duplicates == (0,)

    def test_it_refuses_a_rewrite_that_changes_the_shape(self, log: Log) -> None:
        log.append([events("a", "b")])
        old = log.read()[0]
        with pytest.raises(LogError):
            log.rewrite(Record(old.position, old.time, "events", old.entries[:1]))
        with pytest.raises(LogError):
            log.rewrite(Record(77, old.time, "events", old.entries))

    def test_dead_letters_are_kept_with_their_reason(self, log: Log) -> None:
        first = Dropped(Reason.NOT_JSON, "truncated", b'{"a', 12, "web")
        second = Dropped(Reason.TOO_LARGE, "33 KB", b"x", 13, "app")
        log.add_dead_letters([first, second, first])
        log.add_dead_letters([second])
        letters = log.dead_letters()
        assert [letter.dropped for letter in letters] == [first, second]
        assert [x.dropped for x in log.dead_letters(after=letters[0].id)] == [second]
        assert [x.dropped for x in log.dead_letters(reason="not_json")] == [first]
        assert log.dead_letter_counts() == {"not_json": 1, "too_large": 1}
        log.remove_dead_letters([letters[0].id])
        assert [x.dropped for x in log.dead_letters()] == [second]

    def test_threads_append_at_once_and_nothing_is_lost_or_doubled(self, log: Log) -> None:
        def work(name: int) -> None:
            for number in range(25):
                # Every id is sent by two threads; exactly one of them gets it in.
                log.append([events(f"{name // 2}-{number}")])

        threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = ids(log.read(limit=10_000))
        assert sorted(found) == sorted(f"{name}-{number}" for name in range(3) for number in range(25))
        assert log.next_position == 75

    def test_a_closed_log_takes_nothing(self, log: Log) -> None:
        log.close()
        with pytest.raises(LogError):
            log.append([events("a")])
