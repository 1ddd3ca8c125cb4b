"""What every warehouse must do, whatever it is made of. `test_warehouses.py` runs it over each
implementation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from sevenfold.errors import SevenfoldError
from sevenfold.warehouse.base import Batch, Progress, Warehouse, WarehouseBusyError, WarehouseError
from sevenfold.warehouse.projector import SCHEMAS, arrow_table
from sevenfold.warehouse.schema import TABLES, VIEWS

DAY = 86_400_000
EMPTY: dict[str, Any] = {"id": 0, "time": 0, "integer": 0, "money": None, "number": None, "boolean": False}


def row(table: str, **given: Any) -> tuple[Any, ...]:
    """A row of a table in which only some columns matter."""
    columns = next(one for one in TABLES if one.name == table).columns
    assert set(given) <= {column.name for column in columns}
    return tuple(given.get(column.name, EMPTY.get(column.type, "")) for column in columns)


def event(position: int, person: int, name: str, time: int, **more: Any) -> tuple[Any, ...]:
    given = {"type": "track", "properties": "{}", "context": None, "currency": None, "order_id": None}
    given |= {"position": position, "person": person, "name": name, "time": time, "taken": time}
    return row("events", **given | more)


def batch(progress: Progress, forwards: dict[int, int] | None = None, **rows: list[tuple[Any, ...]]) -> Batch:
    return Batch({name: arrow_table(name, held) for name, held in rows.items()}, progress, forwards)


def names_of(warehouse: Warehouse) -> list[str]:
    return list(warehouse.query("SELECT name FROM events ORDER BY position")["name"].to_pylist())


class WarehouseConformance:
    """The tests; a subclass gives the fixture `warehouse`, an empty one."""

    def test_an_empty_warehouse_has_every_table_and_view(self, warehouse: Warehouse) -> None:
        for one in (*TABLES, *VIEWS):
            found = warehouse.query(f"SELECT * FROM {one.name}")
            assert found.column_names == [column.name for column in one.columns]
            assert found.num_rows == 0
        assert warehouse.through() == Progress()

    def test_what_is_appended_is_found_and_the_progress_says_so(self, warehouse: Warehouse) -> None:
        rows = [event(0, 7, "A", 5), event(1, 8, "B", 6)]
        assert warehouse.append(batch(Progress(2, 0, 6), events=rows)) == 2
        assert names_of(warehouse) == ["A", "B"]
        assert warehouse.through() == Progress(2, 0, 6)

    def test_every_column_comes_back_as_it_was_stored(self, warehouse: Warehouse) -> None:
        values = {
            "position": 3, "time": -5, "taken": 9, "person": (1 << 64) - 1, "account": 1, "type": "page",
            "name": "Ünïcode ' \\ \n", "source": "web", "value": -1_500_000, "currency": "EUR",
            "order_id": "o-1",
            "properties": '{"a":"b"}', "context": None,
        }  # fmt: skip
        warehouse.append(batch(Progress(4, 0, 9), events=[tuple(values.values())]))
        assert warehouse.query("SELECT * FROM events").to_pylist() == [values]

    def test_a_batch_that_was_taken_already_changes_nothing(self, warehouse: Warehouse) -> None:
        first = batch(Progress(2, 0, 6), events=[event(0, 7, "A", 5), event(1, 8, "B", 6)])
        warehouse.append(first)
        assert warehouse.append(first) == 0
        assert names_of(warehouse) == ["A", "B"]

    def test_a_batch_that_begins_before_the_progress_adds_only_what_is_new(
        self, warehouse: Warehouse
    ) -> None:
        warehouse.append(batch(Progress(2, 1, 6), events=[event(0, 7, "A", 5), event(1, 8, "B", 6)],
                               goals=[row("goals", number=0, goal="x")]))  # fmt: skip
        both = [row("goals", number=0, goal="x"), row("goals", number=1, goal="y")]
        new = warehouse.append(
            batch(Progress(3, 2, 7), events=[event(1, 8, "B", 6), event(2, 7, "C", 7)], goals=both)
        )
        assert new == 2
        assert names_of(warehouse) == ["A", "B", "C"]
        assert warehouse.query("SELECT goal FROM goals ORDER BY number")["goal"].to_pylist() == ["x", "y"]

    def test_scores_of_a_day_are_stored_once_though_they_have_no_number_of_their_own(
        self, warehouse: Warehouse
    ) -> None:
        day = [row("scores", number=4, time=DAY, subject=n, score="health", value=50.0) for n in (1, 2)]
        warehouse.append(batch(Progress(1, 4, DAY), scores=day))
        warehouse.append(batch(Progress(2, 4, DAY), scores=day))
        assert warehouse.query("SELECT COUNT(*) AS n FROM scores")["n"][0].as_py() == 2

    def test_parameters_are_values_and_never_sql(self, warehouse: Warehouse) -> None:
        warehouse.append(batch(Progress(1, 0, 5), events=[event(0, 7, "it's '; DROP", 5)]))
        found = warehouse.query(
            "SELECT person FROM events WHERE name = $name AND time <= $until",
            {"name": "it's '; DROP", "until": 5},
        )
        assert found["person"].to_pylist() == [7]

    # ----------------------------------------------------------------------------------------- people

    def _merged(self, warehouse: Warehouse) -> None:
        """7, 8 and 9 did one thing each; 8 became part of 7 on day 1, 7 of 9 on day 2."""
        events = [event(0, 7, "A", 0), event(1, 8, "B", 0), event(2, 9, "C", 0)]
        subjects = [row("subjects", number=n, of="person", subject=7 + n) for n in range(3)]
        merges = [
            row("identity", number=3, time=DAY, change="merged", subject=7, other=8),
            row("identity", number=4, time=2 * DAY, change="merged", subject=9, other=7),
        ]
        warehouse.append(
            batch(Progress(3, 5, 2 * DAY), {8: 9, 7: 9}, events=events, subjects=subjects, identity=merges)
        )

    def _people(self, warehouse: Warehouse) -> list[int]:
        return list(warehouse.query("SELECT person FROM events ORDER BY position")["person"].to_pylist())

    def test_a_merge_gives_past_events_to_whom_the_person_is_part_of(self, warehouse: Warehouse) -> None:
        self._merged(warehouse)
        assert self._people(warehouse) == [9, 9, 9]
        people = warehouse.query("SELECT id, person FROM people ORDER BY id").to_pylist()
        assert people == [{"id": 7, "person": 9}, {"id": 8, "person": 9}, {"id": 9, "person": 9}]
        assert warehouse.forwards() == {7: 9, 8: 9}

    def test_a_merge_taken_back_gives_them_back(self, warehouse: Warehouse) -> None:
        self._merged(warehouse)
        back = row("identity", number=5, time=3 * DAY, change="unmerged", subject=9, other=7)
        warehouse.append(batch(Progress(3, 6, 3 * DAY), {8: 7}, identity=[back]))
        assert self._people(warehouse) == [7, 7, 9]
        warehouse.append(batch(Progress(3, 7, 4 * DAY), {}))
        assert self._people(warehouse) == [7, 8, 9]

    def test_people_are_seen_as_they_were_merged_at_any_time(self, warehouse: Warehouse) -> None:
        self._merged(warehouse)
        assert self._people(warehouse.as_of(0)) == [7, 8, 9]
        assert self._people(warehouse.as_of(DAY)) == [7, 7, 9]
        assert self._people(warehouse.as_of(2 * DAY)) == [9, 9, 9]
        assert self._people(warehouse) == [9, 9, 9]

    def test_erasing_removes_every_row_about_a_person_and_nothing_else(self, warehouse: Warehouse) -> None:
        goals = [row("goals", number=n, of="person", subject=7 + n, goal="x") for n in range(2)]
        decided = [row("decisions", number=2, of="account", subject=99, person=7, kind="message")]
        events = [event(0, 7, "A", 5), event(1, 8, "B", 6)]
        warehouse.append(batch(Progress(2, 3, 6), events=events, goals=goals, decisions=decided))
        assert warehouse.erase([7]) == 3
        assert names_of(warehouse) == ["B"]
        assert warehouse.query("SELECT subject FROM goals")["subject"].to_pylist() == [8]
        assert warehouse.query("SELECT COUNT(*) AS n FROM decisions")["n"][0].as_py() == 0
        assert warehouse.through() == Progress(2, 3, 6)

    def test_a_cleared_warehouse_can_be_filled_again(self, warehouse: Warehouse) -> None:
        self._merged(warehouse)
        warehouse.clear()
        assert warehouse.through() == Progress() and warehouse.forwards() == {}
        warehouse.append(batch(Progress(1, 0, 5), events=[event(0, 8, "A", 5)]))
        assert self._people(warehouse) == [8]

    # ------------------------------------------------------------------------------------------ views

    def test_a_message_has_its_first_outcomes_and_no_machine_opens_it(self, warehouse: Warehouse) -> None:
        decided = row("decisions", number=0, time=1, kind="message", message=5, person=7, channel="email")
        told = [("sent", 2, False), ("opened", 3, True), ("opened", 5, False), ("opened", 9, False),
                ("clicked", 6, True)]  # fmt: skip
        outcomes = [
            row("outcomes", number=n + 1, time=time, message=5, outcome=outcome, machine=machine)
            for n, (outcome, time, machine) in enumerate(told)
        ]
        warehouse.append(batch(Progress(0, 6, 9), decisions=[decided], outcomes=outcomes))
        found = warehouse.query("SELECT sent, delivered, opened, clicked FROM messages").to_pylist()
        assert found == [{"sent": 2, "delivered": None, "opened": 5, "clicked": None}]

    def test_an_order_counts_once_however_often_it_is_told(self, warehouse: Warehouse) -> None:
        events = [event(n, 7, "Order Completed", n, order_id=of, value=n) for n, of in enumerate("aab")]
        events.append(event(3, 7, "Order Completed", 3, order_id=None, value=3))
        warehouse.append(batch(Progress(4, 0, 3), events=events))
        assert sorted(warehouse.query("SELECT position FROM orders")["position"].to_pylist()) == [0, 2, 3]

    def test_a_run_stands_with_its_end(self, warehouse: Warehouse) -> None:
        starts = [
            row("run_starts", number=n, time=n, run=n + 1, journey="j", of="person", subject=7)
            for n in (0, 1)
        ]
        ends = [
            row("run_ends", number=2, time=9, run=1, journey="j", reason="completed", of="person", subject=7)
        ]
        warehouse.append(batch(Progress(0, 3, 9), run_starts=starts, run_ends=ends))
        found = warehouse.query("SELECT run, ended, reason FROM runs ORDER BY run").to_pylist()
        assert found == [
            {"run": 1, "ended": 9, "reason": "completed"},
            {"run": 2, "ended": None, "reason": None},
        ]

    # ------------------------------------------------------------------------------- what people write

    def test_a_person_may_ask_one_select_and_gets_so_many_rows(self, warehouse: Warehouse) -> None:
        warehouse.append(batch(Progress(3, 0, 5), events=[event(n, 7, "A", 5) for n in range(3)]))
        assert warehouse.select("SELECT name FROM events;", rows=2).num_rows == 2
        assert warehouse.select("WITH e AS (SELECT name FROM events) SELECT * FROM e", rows=9).num_rows == 3

    @pytest.mark.parametrize(
        "sql",
        [
            "DROP TABLE stored_events", "INSERT INTO forwards VALUES (1, 2)", "DELETE FROM stored_events",
            "SELECT 1; SELECT 2", "SET threads = 8", "SELECT * FROM file('/etc/passwd')",
            "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
            "SELECT * FROM url('http://127.0.0.1/')", "ATTACH 'x.db'", "COPY stored_events TO 'x.csv'",
            "CREATE TABLE x (a INTEGER)", "nonsense", "SELECT nothing FROM events", "",
        ],
    )  # fmt: skip
    def test_nothing_else_is_answered(self, warehouse: Warehouse, sql: str) -> None:
        warehouse.append(batch(Progress(1, 0, 5), events=[event(0, 7, "A", 5)]))
        with pytest.raises(WarehouseError):
            warehouse.select(sql, rows=10)
        assert names_of(warehouse) == ["A"]

    def test_a_query_that_takes_too_long_is_ended(self, warehouse: Warehouse) -> None:
        rows = [event(n, 7, "A", n) for n in range(4_000)]
        warehouse.append(batch(Progress(4_000, 0, 4_000), events=rows))
        every = "events AS a, events AS b, events AS c, events AS d"
        endless = f"SELECT COUNT(*) AS n FROM {every} WHERE a.time + b.time > c.time + d.time"
        with pytest.raises(WarehouseBusyError):
            warehouse.query(endless, seconds=0.3)
        assert warehouse.query("SELECT COUNT(*) AS n FROM events")["n"][0].as_py() == 4_000

    # ------------------------------------------------------------------------------------------- files

    @pytest.mark.parametrize("table", ["events", "orders", "people"])
    def test_a_table_leaves_as_parquet_and_csv(
        self, warehouse: Warehouse, tmp_path: Path, table: str
    ) -> None:
        events = [event(n, 7, "Order Completed", 5, order_id=str(n)) for n in range(3)]
        warehouse.append(batch(Progress(3, 0, 5), events=events))
        expected = warehouse.query(f"SELECT * FROM {table}")
        assert warehouse.export(table, tmp_path / "t.parquet", "parquet") == expected.num_rows
        assert warehouse.export(table, tmp_path / "t.csv", "csv") == expected.num_rows
        found = pq.read_table(tmp_path / "t.parquet").to_pylist()
        # A view has no order of its own.
        assert sorted(found, key=repr) == sorted(expected.to_pylist(), key=repr)
        if expected.num_rows:
            assert pc.read_csv(tmp_path / "t.csv").num_rows == expected.num_rows

    def test_a_table_that_is_not_there_is_said_not_to_be(self, warehouse: Warehouse, tmp_path: Path) -> None:
        with pytest.raises(WarehouseError, match="no table `secrets`"):
            warehouse.export("secrets", tmp_path / "t.csv", "csv")

    def test_rows_of_other_columns_are_refused_and_nothing_of_the_batch_stays(
        self, warehouse: Warehouse
    ) -> None:
        good = arrow_table("goals", [row("goals", number=0, goal="x")])
        bad = pa.table({"position": [1]})
        with pytest.raises(SevenfoldError):
            warehouse.append(Batch({"events": bad, "goals": good}, Progress(1, 1, 1)))
        assert warehouse.through() == Progress()
        assert warehouse.query("SELECT * FROM goals").num_rows == 0


assert set(SCHEMAS) == {table.name for table in TABLES}
