"""What is older than the settings keep it goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sevenfold.clock import SetClock
from sevenfold.effects import Effect
from sevenfold.events.reasons import Reason
from sevenfold.events.steps import Dropped
from sevenfold.log.memory import MemoryLog
from sevenfold.server.history import History, HistoryWriter
from sevenfold.server.live import Watched
from sevenfold.server.retention import DAY_MS, forget_dead_letters, keep_within
from sevenfold.settings import load_settings


def test_what_is_too_old_goes_and_the_rest_stays(tmp_path: Path) -> None:
    clock = SetClock(1_000 * DAY_MS)
    store = MemoryLog(clock)
    store.add_dead_letters(
        [Dropped(Reason.NO_EVENT_NAME, "", str(day).encode(), day * DAY_MS, "s") for day in (900, 960, 999)]
    )
    writer = HistoryWriter(tmp_path)
    effects = [Effect(day * DAY_MS, "entered", "person", "a" * 16, "x", {}) for day in (100, 900, 999)]
    writer.take_effects(Watched(0, effects))
    writer.close()
    settings = load_settings({}, data_folder=tmp_path, history_days=200, dead_letter_days=90)
    assert asyncio.run(keep_within(store, settings, clock)) == {"dead_letters": 1, "history": 2}
    assert [one.dropped.raw for one in store.dead_letters()] == [b"960", b"999"]
    history = History(tmp_path)
    assert [one.number for one in history.effects().items] == [2, 1]
    assert history.status()["through"] == 3
    history.close()
    assert asyncio.run(keep_within(store, settings, clock)) == {"dead_letters": 0, "history": 0}


def test_many_dead_letters_go_page_by_page() -> None:
    store = MemoryLog(SetClock(0))
    store.add_dead_letters([Dropped(Reason.NO_EVENT_NAME, "", str(n).encode(), n, "s") for n in range(2_500)])
    assert forget_dead_letters(store, 2_300) == 2_300
    assert len(store.dead_letters(limit=1_000)) == 200
