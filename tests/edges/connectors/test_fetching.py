"""What is fetched by a schedule: queries, files, addresses and CRMs, each event once."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from sevenfold.channels.outside import Outside
from sevenfold.cli import main
from sevenfold.connectors.databases import read_query
from sevenfold.connectors.fetching import Fetched, is_due
from sevenfold.connectors.model import Connector
from sevenfold.connectors.services import ConnectorError
from sevenfold.events.times import parse_ms
from sevenfold.server.background import fetch_due
from tests.edges.connectors.peers import TOKEN, Crm, playing
from tests.edges.hooks.support import NOW, World, workspace

LOOPBACK = Outside((ip_network("127.0.0.0/8"),))
PAID: dict[str, Any] = {
    "event": "Invoice Paid",
    "time": "paid_at",
    "user_id": {"column": "customer", "type": "string"},
    "message_id": ["id"],
    "properties": {"revenue": {"column": "amount", "type": "number"}},
}
HOUR = 3_600_000


@pytest.fixture
def crm() -> Iterator[Crm]:
    yield Crm()


def database(folder: Path) -> Path:
    path = folder / "billing.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER, customer INTEGER, amount REAL, paid_at TEXT)")
        rows = [(one, one % 3, 10.5 * one, f"2026-05-2{one % 8}T10:00:00Z") for one in range(1, 8)]
        connection.executemany("INSERT INTO invoices VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return path


def connected(**connector: Any) -> Any:
    return workspace(connectors={"nightly": {"schedule": "FREQ=HOURLY", **connector}})


async def due(world: World, **more: Any) -> Any:
    found = await fetch_due(
        world.live.workspace, world.back.inbox, world.back.store, world.clock.now(), outside=LOOPBACK, **more
    )
    return found.get("nightly")


@pytest.mark.parametrize(
    ("begun", "now", "expected"),
    [
        (0, "2026-05-28T20:00:00Z", True),
        ("2026-05-28T03:00:00Z", "2026-05-28T20:00:00Z", False),
        ("2026-05-28T02:59:59Z", "2026-05-28T03:00:00Z", True),
        ("2026-05-27T03:00:01Z", "2026-05-28T02:59:59Z", False),
    ],
)
def test_a_schedule_comes_round_in_the_workspaces_zone(begun: Any, now: str, expected: bool) -> None:
    model = msgspec.convert(
        {"type": "sql", "schedule": "FREQ=DAILY;BYHOUR=4;BYMINUTE=0;BYSECOND=0"}, Connector
    )
    # Four in the morning in London in May is three o'clock UTC.
    assert is_due(model, parse_ms(begun) or 0, parse_ms(now) or 0, "Europe/London") is expected


def test_rows_of_a_query_become_events_once_and_only_when_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_URL", f"sqlite:{database(tmp_path)}")
    query = "SELECT * FROM invoices WHERE paid_at >= :since AND paid_at < :until ORDER BY id"
    settings = {"url": "env:BILLING_URL", "query": query}

    async def story() -> None:
        world = World(tmp_path / "data", connected(type="sql", settings=settings, map=[{"events": [PAID]}]))
        first = await due(world)
        assert (first.events, first.known, first.refused, first.bad) == (7, 0, 0, 0)
        assert await due(world) is None
        world.clock.advance(HOUR)
        later = await due(world)
        assert (later.events, later.known) == (0, 0)  # `:since` left them out
        again = await due(world, even_if_not_due=True)
        assert again.events == 0
        paid = [one for one in world.events if one["event"] == "Invoice Paid"]
        assert len(paid) == 7 and paid[0]["timestamp"].startswith("2026-05-21")
        assert [one["timestamp"] for one in paid] == sorted(one["timestamp"] for one in paid)
        assert (await world.person("1"))["identifiers"]["user_id"] == ["1"]

    asyncio.run(story())


def test_a_fetch_that_fails_is_told_and_begins_again_from_the_last_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_URL", f"sqlite:{tmp_path / 'none.sqlite'}")
    settings = {"url": "env:BILLING_URL", "query": "SELECT * FROM invoices WHERE paid_at >= :since"}

    async def story() -> None:
        world = World(tmp_path / "data", connected(type="sql", settings=settings, map=[{"events": [PAID]}]))
        failed = await due(world)
        assert isinstance(failed, ConnectorError) and str(tmp_path) not in str(failed)
        assert world.back.store.fetched("nightly") == (NOW, 0, "connector_invalid")
        database(tmp_path).rename(tmp_path / "none.sqlite")
        world.clock.advance(HOUR)
        assert (await due(world)).events == 7

    asyncio.run(story())


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM invoices",
        "DROP TABLE invoices",
        "ATTACH 'x' AS y",
        "PRAGMA query_only = OFF",
        "SELECT 1; DELETE FROM invoices",
        "WITH x AS (SELECT 1) DELETE FROM invoices",
        "INSERT INTO invoices VALUES (1,1,1,1)",
        "",
    ],
)
def test_nothing_is_written_to_a_database(tmp_path: Path, query: str) -> None:
    path = database(tmp_path)
    with pytest.raises(ConnectorError):
        list(read_query(f"sqlite:{path}", query, "a", "b"))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM invoices").fetchone() == (7,)
    connection.close()


def test_values_of_a_query_are_bound_and_never_become_part_of_it(tmp_path: Path) -> None:
    path = database(tmp_path)
    (rows,) = read_query(
        f"sqlite:{path}", "SELECT :since AS a, ':until' AS b, 1 AS c", "x'; DROP TABLE y; --", "u"
    )
    assert rows == [{"a": "x'; DROP TABLE y; --", "b": ":until", "c": 1}]


def test_duckdb_is_read_and_reaches_no_files(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT 1 AS id, TIMESTAMP '2026-05-01 10:00:00' AS made"
            ", 2.50::DECIMAL(9,2) AS x"
        )
    (rows,) = read_query(
        f"duckdb:{path}", "SELECT * FROM t WHERE made > CAST(:since AS TIMESTAMP)", "2026-01-01", "z"
    )
    assert rows == [{"id": 1, "made": "2026-05-01T10:00:00", "x": 2.5}]
    for query in ("SELECT * FROM read_csv('/etc/passwd')", "INSERT INTO t SELECT * FROM t"):
        with pytest.raises(ConnectorError):
            list(read_query(f"duckdb:{path}", query, "a", "b"))


@pytest.mark.parametrize(
    ("url", "words"), [("oracle:x", "no such kind"), ("postgresql://u:secret@x/y", "not installed")]
)
def test_a_database_that_cannot_be_read_says_why_and_shows_no_password(url: str, words: str) -> None:
    if "postgres" in url:
        try:
            import psycopg  # type: ignore[import-not-found]  # noqa: F401

            pytest.skip("the driver is installed here")
        except ImportError:
            pass
    with pytest.raises(ConnectorError) as raised:
        list(read_query(url, "SELECT 1", "a", "b"))
    assert words in str(raised.value) and "secret" not in str(raised.value)


def test_files_and_addresses_are_read_by_the_usual_importers(tmp_path: Path, crm: Crm) -> None:
    lines = [
        {"id": one, "customer": "u1", "amount": one, "paid_at": "2026-05-20T10:00:00Z"} for one in range(3)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    (tmp_path / "a.ndjson").write_bytes(content)
    (tmp_path / "b.csv").write_text("id,customer,amount,paid_at\n9,u2,7,2026-05-21T10:00:00Z\n")
    crm.files["/data.ndjson"] = gzip.compress(content)

    async def story() -> None:
        with playing(crm) as address:
            for where, events in [(str(tmp_path / "*.*"), 4), (f"{address}/data.ndjson", 0)]:
                model = connected(type="file", settings={"from": where}, map=[{"events": [PAID]}])
                world = World(tmp_path / f"data{events}", model)
                found = await due(world)
                # The same rows have the same ids, wherever they are read from.
                assert isinstance(found, Fetched) and found.events == (events or 3)
            model = connected(type="file", settings={"from": f"{address}/moved"}, map=[{"events": [PAID]}])
            world = World(tmp_path / "moved", model)
            refused = await due(world)
            assert isinstance(refused, ConnectorError) and "302" in str(refused)

    asyncio.run(story())


def test_an_address_of_a_private_network_is_not_fetched(tmp_path: Path, crm: Crm) -> None:
    async def story() -> None:
        with playing(crm) as address:
            model = connected(type="file", settings={"from": f"{address}/x.ndjson"}, map=[{"events": [PAID]}])
            world = World(tmp_path, model)
            found = await fetch_due(model, world.back.inbox, world.back.store, NOW, outside=Outside())
        assert crm.calls == [] and not isinstance(found["nightly"], Fetched)

    asyncio.run(story())


def test_hubspot_is_asked_for_what_changed_page_by_page(
    tmp_path: Path, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_TOKEN", TOKEN)
    for one in range(250):
        crm.companies[str(one)] = {
            "name": f"C{one}",
            "account_id": f"acct-{one}",
            "plan": "team",
            "arr": "1200",
            "hubspot_owner_id": "csm-1",
            "renewal_date": "2026-09-01",
            "hs_lastmodifieddate": "2026-05-20T10:00:00.000Z",
        }
    crm.deals["d1"] = {
        "dealstage": "closedwon",
        "dealtype": "renewal",
        "account_id": "acct-7",
        "amount": "1200",
        "closedate": "2026-05-21T10:00:00Z",
        "hs_lastmodifieddate": "2026-05-21T10:00:00.000Z",
    }
    crm.busy = 2

    async def story() -> None:
        with playing(crm) as address:
            settings = {"token": "env:HUB_TOKEN", "base_url": address}
            world = World(tmp_path, connected(type="hubspot", settings=settings))
            found = await due(world)
            assert (found.events, found.bad) == (251, 0)
            assert len([one for one in crm.calls if one[1].endswith("companies/search")]) == 3
            ident = await world.live.ask("lookup", of="account", value="acct-7")
            account = await world.live.ask("profile", of="account", id=ident["id"])
            assert account["traits"]["plan"] == "team"
            renewed = next(one for one in world.events if one.get("event") == "Subscription Renewed")
            assert renewed["context"]["groupId"] == "acct-7" and renewed["properties"]["amount"] == 1200
            world.clock.advance(HOUR)
            assert (await due(world)).events == 0

    asyncio.run(story())


def test_salesforce_is_asked_with_its_own_token_and_query(
    tmp_path: Path, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SF_ID", "cid")
    monkeypatch.setenv("SF_SECRET", "cs&=")
    crm.accounts = [
        {
            "attributes": {"type": "Account"},
            "Id": "001A",
            "Account_Id__c": "acme",
            "Plan__c": "team",
            "LastModifiedDate": "2026-05-20T10:00:00.000+0000",
        }
    ]

    async def story() -> None:
        with playing(crm) as address:
            settings = {
                "client_id": "env:SF_ID",
                "client_secret": "env:SF_SECRET",
                "base_url": address,
                "query": "SELECT Id, Account_Id__c, Plan__c FROM Account WHERE LastModifiedDate >= :since",
            }
            world = World(tmp_path, connected(type="salesforce", settings=settings))
            assert (await due(world)).events == 1
            ident = await world.live.ask("lookup", of="account", value="acme")
            assert (await world.live.ask("profile", of="account", id=ident["id"]))["traits"]["plan"] == "team"

    asyncio.run(story())


def test_the_command_fetches_into_the_log_of_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_URL", f"sqlite:{database(tmp_path)}")
    monkeypatch.setenv("SEVENFOLD_DATA_FOLDER", str(tmp_path / "data"))
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "workspace.yaml").write_text("name: shop\n")
    settings = {"url": "env:BILLING_URL", "query": "SELECT * FROM invoices"}
    connectors = {
        "nightly": {
            "type": "sql",
            "schedule": "FREQ=DAILY",
            "settings": settings,
            "map": [{"events": [PAID]}],
        }
    }
    (tmp_path / "shop" / "connectors.yaml").write_text(json.dumps(connectors))
    runner = CliRunner()
    first = runner.invoke(
        main, ["import-scheduled", str(tmp_path / "shop"), "--json"], catch_exceptions=False
    )
    assert first.exit_code == 0, first.output
    assert json.loads(first.output) == {"nightly": {"events": 7, "known": 0, "refused": 0}}
    assert "Nothing is due" in runner.invoke(main, ["import-scheduled", str(tmp_path / "shop")]).output
    again = runner.invoke(main, ["import-scheduled", str(tmp_path / "shop"), "--now", "--json"])
    assert json.loads(again.output) == {"nightly": {"events": 0, "known": 7, "refused": 0}}
