"""The conformance suite over DuckDB and over ClickHouse, and what only one of them does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sevenfold.errors import InputError
from sevenfold.warehouse.base import Progress, Warehouse, WarehouseError
from sevenfold.warehouse.duck import DuckWarehouse, open_warehouse
from tests.edges.warehouse.conformance import WarehouseConformance, batch, event, names_of


@pytest.fixture(scope="module")
def duck() -> Iterator[Warehouse]:
    warehouse = DuckWarehouse()
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    pytest.importorskip("chdb", reason="the extra `clickhouse` is not installed")
    from sevenfold.warehouse.clickhouse import ClickHouseWarehouse

    warehouse = ClickHouseWarehouse(f"chdb://{tmp_path_factory.mktemp('chdb')}")
    yield warehouse
    warehouse.close()


class TestDuckDB(WarehouseConformance):
    @pytest.fixture
    def warehouse(self, duck: Warehouse) -> Warehouse:
        duck.clear()
        return duck


class TestClickHouse(WarehouseConformance):
    @pytest.fixture
    def warehouse(self, clickhouse: Warehouse) -> Warehouse:
        clickhouse.clear()
        return clickhouse


def test_a_file_keeps_what_it_has(tmp_path: Path) -> None:
    warehouse = DuckWarehouse(tmp_path / "warehouse.duckdb")
    warehouse.append(batch(Progress(1, 0, 5), {8: 7}, events=[event(0, 8, "A", 5)]))
    warehouse.close()
    again = open_warehouse(tmp_path)
    assert names_of(again) == ["A"] and again.through() == Progress(1, 0, 5)
    assert again.query("SELECT person FROM events")["person"].to_pylist() == [7]
    again.close()


def test_where_there_is_no_warehouse_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no warehouse"):
        open_warehouse(tmp_path)
    (tmp_path / "warehouse.duckdb").write_bytes(b"not a database" * 1_000)
    with pytest.raises(WarehouseError):
        open_warehouse(tmp_path)


def test_what_a_person_asks_cannot_allow_itself_more() -> None:
    warehouse = DuckWarehouse()
    with pytest.raises(WarehouseError):
        warehouse.query("SET enable_external_access = true")
    warehouse.close()
