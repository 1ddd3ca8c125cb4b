"""What the warehouse holds is what the fold decided and the log holds, in whatever pieces it is fed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sevenfold.clock import SetClock
from sevenfold.engine import Fold
from sevenfold.engine.definition import record_of
from sevenfold.events.dedup import message_key
from sevenfold.events.times import parse_ms
from sevenfold.library import load
from sevenfold.log.base import Entry, NewControl, NewEvents
from sevenfold.log.sqlite import SqliteLog
from sevenfold.measures import ask, question_from
from sevenfold.server.measures.follow import rebuild
from sevenfold.simulate.saas.company import SaasCompany
from sevenfold.warehouse.base import Progress
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.of_frame import warehouse_of
from sevenfold.warehouse.owners import OwnersReader, OwnersWriter, unknown
from sevenfold.warehouse.projector import Following, Projector
from sevenfold.warehouse.rows import key, shown
from sevenfold.warehouse.schema import TABLES, stored_name
from sevenfold.workspace.models import Workspace

START = 1_704_067_200_000
Raw = tuple[int, bytes]


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load("seven-stage")


@pytest.fixture(scope="module")
def company() -> list[Raw]:
    events = SaasCompany(seed=3, accounts=3, days=15, start_ms=START).events()
    return sorted((parse_ms(event["timestamp"]) or 0, json.dumps(event).encode()) for event in events)


def projected(
    workspace: Workspace, events: list[Raw], piece: int, flush: int = 0
) -> tuple[DuckWarehouse, Fold]:
    """A warehouse of these events, folded some at a time, stored every so many pieces."""
    warehouse, fold = DuckWarehouse(threads=1), Fold(workspace)
    following = Following(Projector(warehouse, workspace), fold)
    for n, at in enumerate(range(0, len(events), piece)):
        some, first = events[at : at + piece], fold.emitted
        effects = fold.events(some)
        following.took_events([Entry("web", t, raw, t) for t, raw in some])
        following.took_effects(first, effects)
        if flush and n % flush == 0:
            following.projector.flush()
    following.projector.flush()
    return warehouse, fold


def held(warehouse: DuckWarehouse) -> dict[str, list[Any]]:
    """Everything stored."""
    return {
        table.name: warehouse.query(f"SELECT * FROM {stored_name(table)} ORDER BY ALL").to_pylist()
        for table in TABLES
    }


@pytest.fixture(scope="module")
def whole(workspace: Workspace, company: list[Raw]) -> Iterator[tuple[DuckWarehouse, Fold]]:
    warehouse, fold = projected(workspace, company, 1_000)
    yield warehouse, fold
    warehouse.close()


def test_every_event_and_every_effect_stands_in_the_warehouse_once(
    whole: tuple[DuckWarehouse, Fold], company: list[Raw]
) -> None:
    warehouse, fold = whole
    positions = warehouse.query("SELECT position FROM stored_events ORDER BY position")[
        "position"
    ].to_pylist()
    assert positions == list(range(len(company)))
    # `assignments` stand beside the run or step they come with, `scores` are no effects.
    beside = ("events", "members", "scores", "assignments")
    numbers: list[int] = []
    for table in TABLES:
        if table.name not in beside:
            numbers += warehouse.query(f"SELECT number FROM {stored_name(table)}")["number"].to_pylist()
    assert sorted(numbers) == list(range(fold.emitted))


def test_people_of_events_are_those_that_the_fold_knows(
    whole: tuple[DuckWarehouse, Fold], company: list[Raw]
) -> None:
    warehouse, fold = whole
    ids = {fold.id_of(fold.person, row) for row in range(1, fold.person.table.rows)}
    accounts = {fold.id_of(fold.account, row) for row in range(1, fold.account.table.rows)}
    found = warehouse.query("SELECT DISTINCT person, account FROM stored_events")
    assert {shown(one) for one in found["person"].to_pylist()} == ids
    assert {shown(one) for one in found["account"].to_pylist() if one} <= accounts
    rows = warehouse.query("SELECT person, properties FROM stored_events WHERE type = 'identify'").to_pylist()
    emails = {json.loads(row["properties"]).get("email") for row in rows}
    assert len(emails - {None}) == len({row["person"] for row in rows})


def test_pieces_and_commits_make_no_difference(
    whole: tuple[DuckWarehouse, Fold], workspace: Workspace, company: list[Raw]
) -> None:
    other, _ = projected(workspace, company, 97, flush=3)
    assert held(other) == held(whole[0])
    other.close()


def test_feeding_everything_again_from_the_start_changes_nothing(
    whole: tuple[DuckWarehouse, Fold], workspace: Workspace, company: list[Raw]
) -> None:
    warehouse, _ = whole
    before, fold = held(warehouse), Fold(workspace)
    following = Following(Projector(warehouse, workspace), fold)
    for at in range(0, len(company), 1_000):
        some, first = company[at : at + 1_000], fold.emitted
        effects = fold.events(some)
        following.took_events([Entry("web", t, raw, t) for t, raw in some])
        following.took_effects(first, effects)
    following.projector.flush()
    assert held(warehouse) == before


def test_a_log_gives_the_same_warehouse_however_often_it_is_made(company: list[Raw], tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log", SetClock(START))
    log.append([NewControl(record_of(Workspace(name="small")), START)])
    for at in range(0, 1_000, 500):
        entries = [Entry("web", t, raw, t) for t, raw in company[at : at + 500]]
        keys = [message_key("web", str(json.loads(entry.raw)["messageId"])) for entry in entries]
        log.append([NewEvents(entries, keys)])
    first, second = DuckWarehouse(threads=1), DuckWarehouse(threads=1)
    for warehouse in (first, second):
        rebuild(warehouse, log)
    assert held(first) == held(second)
    assert first.through() == Progress(log.next_position, first.through().number, log.last_time)
    assert first.query("SELECT COUNT(*) AS n FROM events")["n"][0].as_py() == log.next_position - 1
    log.close()
    first.close()
    second.close()


def test_a_merge_moves_what_somebody_did_before_they_were_known() -> None:
    lines = [
        {"type": "track", "anonymousId": "a", "event": "Viewed", "messageId": "1"},
        {"type": "identify", "userId": "u", "messageId": "2", "traits": {"email": "u@example.com"}},
        {"type": "identify", "anonymousId": "a", "messageId": "3", "traits": {"email": "u@example.com"}},
        {
            "type": "track",
            "userId": "u",
            "event": "Bought",
            "messageId": "4",
            "properties": {"revenue": "12.50"},
        },
    ]
    events = [(START + n * 1_000, json.dumps(line).encode()) for n, line in enumerate(lines)]
    warehouse, fold = projected(Workspace(name="small"), events, 1)
    assert len(set(warehouse.query("SELECT person FROM stored_events")["person"].to_pylist())) == 2
    assert len(set(warehouse.query("SELECT person FROM events")["person"].to_pylist())) == 1
    assert len(warehouse.forwards()) == len(fold.forward) == 1
    answer = ask(warehouse, question_from("funnel", {"steps": ["Viewed", "Bought"]}))
    assert answer["converted"].value == 1
    before = warehouse.as_of(START + 1_000).query("SELECT person FROM events")
    assert len(set(before["person"].to_pylist())) == 2
    bought = warehouse.query("SELECT value FROM events WHERE name = 'Bought'")["value"].to_pylist()
    assert bought == [12_500_000]
    warehouse.close()


def test_owners_are_kept_by_position_and_a_lost_stretch_is_known(tmp_path: Path) -> None:
    import numpy as np

    def ids(*values: int) -> Any:
        return np.array(values, dtype=np.uint64)

    writer = OwnersWriter(tmp_path, 0)
    writer.write(0, ids(1, 2), ids(0, 9))
    writer.write(2, ids(key("f" * 16)), ids(0))
    writer.write(1, ids(2), ids(9))
    writer.keep()
    writer.close()
    reader = OwnersReader(tmp_path)
    assert reader.through == 3
    people, accounts = reader.read(1, 2)
    assert people.tolist() == [2, (1 << 64) - 1] and accounts.tolist() == [9, 0]
    assert unknown(tmp_path) == []
    OwnersWriter(tmp_path, 5).close()
    assert unknown(tmp_path) == [[3, 5]] and reader.through == 5


def test_a_table_of_events_is_a_warehouse_without_a_workspace() -> None:
    import pandas as pd

    frame = pd.DataFrame({
        "timestamp": pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-03"], utc=True),
        "event": ["B", "A", "A"], "user_id": ["u", "u", "w"], "plan": ["pro", None, "free"],
    })  # fmt: skip
    warehouse = warehouse_of(frame)
    answer = ask(warehouse, question_from("funnel", {"steps": ["A", "B[plan = pro]"]}))
    assert answer.frame()["count"].to_pylist() == [2, 1]
    warehouse.close()
