"""The writer takes anything twice, in any pieces, and loses nothing when it is killed or the disk is full."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from sevenfold.effects import Effect
from sevenfold.log.base import Record
from sevenfold.server.history import (
    History,
    HistoryError,
    HistoryGapError,
    HistoryUnwritableError,
    HistoryWriter,
    rebuild,
    remove,
)
from sevenfold.server.history.schema import FILE, SHELF_FILE
from sevenfold.server.live import Watched
from tests.edges.history.dumping import content
from tests.edges.history.worlds import World, company


@pytest.mark.parametrize("seed", range(6))
def test_however_effects_and_records_are_cut_and_repeated_the_history_is_the_same(
    world: World, folder: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    effects, records = world.effects, world.records
    writer = HistoryWriter(tmp_path)
    while writer.through < len(effects) or writer.position < world.log.next_position:
        if chance.random() < 0.5:
            first = max(0, writer.through - chance.randrange(60))
            writer.take_effects(Watched(first, effects[first : first + chance.randrange(1, 150)]))
        else:
            at = max(0, writer.position - chance.randrange(40))
            known = next((i for i, one in enumerate(records) if one.end > at), len(records))
            writer.take_records(records[known : known + chance.randrange(1, 30)])
        if chance.random() < 0.2:
            writer.commit()
        if chance.random() < 0.05:
            writer.close()
            writer = HistoryWriter(tmp_path)
    writer.close()
    assert content(tmp_path) == content(folder)


def test_a_record_that_grew_is_taken_from_where_it_is_new(tmp_path: Path, world: World) -> None:
    record = next(one for one in world.records if one.kind == "events" and one.count > 10)
    part = Record(record.position, record.time, "events", record.entries[:4])
    before = [one for one in world.records if one.end <= record.position]
    writer = HistoryWriter(tmp_path)
    writer.take_records([*before, part])
    assert writer.take_records([record]) == record.count - 4
    writer.close()
    reader = History(tmp_path, world.log)
    counted = sum(one.count for one in reader.counts(["events"], 0))
    assert counted == sum(len(one.entries) for one in [*before, record])
    reader.close()


def test_the_history_made_again_from_the_log_is_the_one_that_was_written_live(
    world: World, folder: Path, tmp_path: Path
) -> None:
    assert rebuild(tmp_path, world.log) == (len(world.effects), world.log.next_position)
    assert content(tmp_path) == content(folder)
    assert rebuild(tmp_path, world.log) == (len(world.effects), world.log.next_position)
    assert content(tmp_path) == content(folder)
    remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [SHELF_FILE]


_FEEDING = """
import sys
from pathlib import Path
import msgspec
from sevenfold.effects import Effect
from sevenfold.log.base import Record
from sevenfold.server.history import HistoryWriter
from sevenfold.server.live import Watched

folder, source = Path(sys.argv[1]), Path(sys.argv[2])
effects, records = msgspec.msgpack.decode(source.read_bytes(), type=tuple[list[Effect], list[Record]])
writer = HistoryWriter(folder)
print("open", flush=True)
step = 0
while writer.through < len(effects) or writer.position < records[-1].end:
    writer.take_effects(Watched(writer.through, effects[writer.through : writer.through + 20]))
    left = [one for one in records if one.end > writer.position]
    writer.take_records(left[:3])
    step += 1
    if step % 3 == 0:
        writer.commit()
    print(step, flush=True)
writer.close()
"""


def test_a_writer_that_is_killed_goes_on_where_it_was(world: World, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(msgspec.msgpack.encode((world.effects, world.records)))
    made = tmp_path / "made"
    chance, kills = random.Random(5), 0
    for _ in range(60):
        with subprocess.Popen(
            [sys.executable, "-c", _FEEDING, str(made), str(source)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            after = chance.randrange(3, 40)
            for line in process.stdout:
                if line.strip() == str(after):
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                    break
        if process.returncode == 0:
            break
    assert kills >= 2
    assert process.returncode == 0
    assert content(made) == content(folder)


def test_effects_and_records_with_something_missing_before_them_are_refused(
    world: World, tmp_path: Path
) -> None:
    writer = HistoryWriter(tmp_path)
    with pytest.raises(HistoryGapError) as refused:
        writer.take_effects(Watched(1, world.effects[1:5]))
    assert "0 is wanted next" in str(refused.value)
    with pytest.raises(HistoryGapError):
        writer.take_records(world.records[1:3])
    assert (writer.through, writer.position) == (0, 0)
    writer.close()


def _room(writer: HistoryWriter, pages: int) -> None:
    """Lets the file have so many pages: beyond them SQLite says what it says of a full disk."""
    writer._connection.execute(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_is_explained_and_nothing_is_lost(world: World, folder: Path, tmp_path: Path) -> None:
    effects = world.effects
    writer = HistoryWriter(tmp_path)
    writer.take_effects(Watched(0, effects[:50]))
    writer.commit()
    writer.shelf.add_links("a-message", [("link-1", 0, "https://example.com/a")])
    pages: int = writer._connection.execute("PRAGMA page_count").fetchone()[0]
    _room(writer, pages + 1)
    with pytest.raises(HistoryUnwritableError) as full:
        for at in range(50, len(effects), 50):
            writer.take_effects(Watched(at, effects[at : at + 50]))
        writer.commit()
    assert full.value.code == "history_unwritable"
    assert "disk is full" in full.value.message
    assert writer.through == 50
    _room(writer, 1 << 30)
    writer.take_effects(Watched(writer.through, effects[writer.through :]))
    writer.take_records(world.records)
    writer.close()
    reader = History(tmp_path)
    assert reader.link("link-1") == ("a-message", "https://example.com/a")
    reader.close()
    assert content(tmp_path) == content(folder)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HistoryUnwritableError) as refused:
        HistoryWriter(tmp_path / "file" / "data")
    assert refused.value.fix


def test_a_history_of_another_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    HistoryWriter(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE meta SET value = 99 WHERE name = 'format'")
    connection.close()
    with pytest.raises(HistoryError, match="made again from the log"):
        HistoryWriter(tmp_path)
    with pytest.raises(HistoryError, match="format 99"):
        History(tmp_path).effects()


def test_a_file_that_is_no_history_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"something else entirely" * 400)
    with pytest.raises(HistoryError, match="delete it"):
        HistoryWriter(tmp_path)


def test_readers_see_whole_groups_while_the_writer_writes(world: World, tmp_path: Path) -> None:
    writer = HistoryWriter(tmp_path)
    reader = History(tmp_path)
    over = threading.Event()
    seen: list[int] = []
    wrong: list[str] = []

    def look() -> None:
        while not over.is_set():
            page = reader.effects(limit=1_000)
            through = reader.status()["through"]
            numbers = [one.number for one in page.items]
            if numbers:
                if numbers != list(range(numbers[0], numbers[-1] - 1, -1)):
                    wrong.append("a gap")
                if numbers[0] + 1 > through:
                    wrong.append("beyond what is stored")
                seen.append(numbers[0])

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for watched in world.told:
        writer.take_effects(watched)
        writer.commit()
    over.set()
    for thread in threads:
        thread.join(30)
    writer.close()
    assert wrong == []
    assert reader.effects(limit=1).items[0].number == len(world.effects) - 1
    reader.close()


def test_what_is_old_goes_and_what_goes_on_stays(tmp_path: Path) -> None:
    world = company(accounts=3, days=40)
    writer = HistoryWriter(tmp_path)
    for watched in world.told:
        writer.take_effects(watched)
    writer.take_records(world.records)
    writer.commit()
    reader = History(tmp_path, world.log)
    effects = world.effects
    cut = effects[len(effects) * 2 // 3].time
    active = {one.id for one in reader.runs(active=True, limit=1_000).items}
    rounds = 0
    while writer.forget(cut, rows_max=50):
        rounds += 1
    assert rounds > 3
    kept = reader.effects(limit=1_000).items
    assert {one.number for one in kept} == {n for n, one in enumerate(effects) if one.time >= cut}
    assert {one.id for one in reader.runs(active=True, limit=1_000).items} == active
    assert all(one.time >= cut for one in reader.messages(limit=1_000).items)
    assert all(one.time >= cut for one in reader.controls(limit=1_000).items)
    assert writer.through == len(effects)
    reader.close()
    writer.close()


def test_effects_of_made_up_ids_are_taken_too(tmp_path: Path) -> None:
    writer = HistoryWriter(tmp_path)
    effect = Effect(
        5, "message", "person", "no hex at all", "j", {"effect": "short", "recipient": "no hex at all"}
    )
    writer.take_effects(Watched(0, [effect]))
    writer.commit()
    reader = History(tmp_path)
    found = reader.message("short")
    assert found is not None
    assert found.person == "no hex at all"
    assert [one.number for one in reader.effects(subject="no hex at all").items] == [0]
    reader.close()
    writer.close()


def test_links_and_what_waits_to_be_shown_outlive_a_history_that_is_deleted(tmp_path: Path) -> None:
    writer = HistoryWriter(tmp_path)
    writer.shelf.add_links("m1", [("l1", 0, "https://a.example/")])
    writer.shelf.add_lease("m2", "a" * 16, "web", {"kind": "banner", "text": "Hello"}, 10, 99)
    writer.close()
    remove(tmp_path)
    HistoryWriter(tmp_path).close()
    reader = History(tmp_path)
    assert reader.link("l1") == ("m1", "https://a.example/")
    assert [one.content["text"] for one in reader.leases_of("a" * 16)] == ["Hello"]
    reader.close()


def test_links_are_stored_while_somebody_else_is_at_the_history(tmp_path: Path) -> None:
    writer = HistoryWriter(tmp_path)
    with writer._lock:
        waiting = threading.Thread(target=lambda: (writer.shelf.add_links("m", []), writer.shelf.commit()))
        waiting.start()
        waiting.join(5)
        assert not waiting.is_alive()
    writer.close()
