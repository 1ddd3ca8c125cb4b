"""Keys are never forgotten, wherever they lie: in the set, in arrays, in runs on disk, in merged runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from sevenfold import limits
from sevenfold.clock import SetClock
from sevenfold.events import dedup
from sevenfold.events.dedup import Keys, NoOlderKeys, SeenKeys, message_key
from sevenfold.log.key_runs import KeyRuns
from sevenfold.log.sqlite import SqliteLog
from tests.edges.log.conformance import events, ids


def key(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def test_source_and_id_do_not_run_into_each_other() -> None:
    assert message_key("a", "bc") != message_key("ab", "c")
    assert message_key("a", "\ud800") != message_key("a", "?")


def test_equal_first_halves_are_told_apart() -> None:
    first, second = bytes(8) + b"\x01" * 8, bytes(8) + b"\x02" * 8
    keys = Keys.of([first])
    halves = np.frombuffer(first + second, dtype="<u8").reshape(-1, 2)
    assert keys.contains_each(halves).tolist() == [True, False]


@pytest.mark.parametrize("on_disk", [False, True])
def test_every_key_is_remembered_and_no_other(
    on_disk: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dedup, "DEDUP_FRESH_IDS_MAX", 50)
    older = KeyRuns(tmp_path / "keys") if on_disk else NoOlderKeys()
    if isinstance(older, KeyRuns):
        older.reaching = 1
    seen = SeenKeys(older, window=400)
    for start in range(0, 10_000, 7):
        batch = [key(number) for number in range(start, start + 7)]
        assert seen.seen(batch) == [False] * 7
        seen.add(batch)
    everything = [key(number) for number in range(10_003)]
    assert all(seen.seen(everything))
    assert not any(seen.seen([key(number) for number in range(10_003, 30_000)]))
    assert seen.seen([key(-1), key(-1), key(5)]) == [False, True, True]
    if isinstance(older, KeyRuns):
        older.settle()
        # 25 generations were written; merging keeps the files few.
        assert len(list((tmp_path / "keys").glob("run-*.keys"))) < limits.DEDUP_RUNS_PER_TIER_MAX * 2
        again = SeenKeys(KeyRuns(tmp_path / "keys"), window=400)
        again.know_older(1)
        assert all(again.seen(everything[:9_000]))


def test_keys_that_cannot_be_written_are_remembered_and_written_later(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    runs = KeyRuns(folder)
    known = [Keys.of(map(key, range(start, start + 100))) for start in (0, 100)]
    halves = np.stack((known[0].high, known[0].low), axis=1)
    runs.reaching = 1
    folder.rename(tmp_path / "away")
    runs.add(known[0])
    runs.settle()
    assert runs.contains_each(halves).all()
    assert runs.covers == 0
    (tmp_path / "away").rename(folder)
    runs.reaching = 2
    runs.add(known[1])
    runs.settle()
    assert (runs.covers, len(runs)) == (2, 200)
    assert KeyRuns(folder).contains_each(halves).all()


@pytest.fixture
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedup, "DEDUP_FRESH_IDS_MAX", 8)
    monkeypatch.setattr("sevenfold.log.sqlite.DEDUP_WINDOW_IDS_MAX", 20)


def fill(folder: Path, start: int, stop: int) -> None:
    log = SqliteLog(folder, SetClock())
    for number in range(start, stop):
        assert log.append([events(str(number))])[0].duplicates == ()
    log.close()


@pytest.mark.usefixtures("small_window")
def test_a_log_opened_again_knows_old_and_new_messages(tmp_path: Path) -> None:
    for start in range(0, 100, 25):
        fill(tmp_path, start, start + 25)
    log = SqliteLog(tmp_path, SetClock())
    assert log.append([events(*map(str, range(102)))])[0].duplicates == tuple(range(100))
    log.close()


@pytest.mark.usefixtures("small_window")
@pytest.mark.parametrize("harm", ["manifest", "run", "all"])
def test_damaged_runs_are_made_again_from_the_log(tmp_path: Path, harm: str) -> None:
    fill(tmp_path, 0, 60)
    folder = tmp_path / "keys"
    if harm == "manifest":
        (folder / "runs.json").write_text("{")
    elif harm == "run":
        run = next(folder.glob("run-*.keys"))
        run.write_bytes(run.read_bytes()[:-8])
    else:
        for path in folder.iterdir():
            path.unlink()
    log = SqliteLog(tmp_path, SetClock())
    assert log.append([events(*map(str, range(62)))])[0].duplicates == tuple(range(60))
    assert len(ids(log.read())) == 62
    log.close()
