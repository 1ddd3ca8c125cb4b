"""Health and tasks are written to the CRM: what is new, to the company that is meant, and nothing twice."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from sevenfold.channels.outside import Outside
from sevenfold.connectors.services import ConnectorError
from sevenfold.server.background import write_step
from tests.edges.connectors.peers import TOKEN, Crm, playing
from tests.edges.hooks.support import World, workspace

LOOPBACK = Outside((ip_network("127.0.0.0/8"),))
SCORES: dict[str, Any] = {
    "account_health": {
        "of": "account",
        "measures": {"uses": {"signal": "account_uses", "points": [[0, 0], [10, 100]]}},
        "weights": [{"weights": {"uses": 1}}],
        "bands": [{"name": "red", "from": 0}, {"name": "green", "from": 60}],
    }
}
RESCUE: dict[str, Any] = {
    "of": "account",
    "triggers": [{"kind": "event", "event": "Trouble"}],
    "re_entry": {"unlimited": 9},
    "steps": {
        "call": {"kind": "task", "task": "rescue", "reason": "they are in trouble", "next": "end"},
        "end": {"kind": "exit"},
    },
}


def shop(connector: dict[str, Any]) -> Any:
    write = {"score": "account_health", "health": "sf_health", "band": "sf_band", "tasks": True}
    connector["write"] = write | connector["write"]
    return workspace(
        connectors={"crm": connector},
        signals={"account_uses": {"of": "account", "kind": "count", "event": "Used"}},
        segments={},
        scores=SCORES,
        journeys={"rescue": RESCUE},
        tasks={
            "rescue": {
                "title": "Call them",
                "talk_track": "Ask what went wrong",
                "outcomes": ["saved"],
                "due": "2d",
                "of": "account",
            }
        },
    )


async def written(world: World) -> None:
    world.project()
    while await write_step(world.back, LOOPBACK):
        pass


async def used(world: World, times: int, account: str = "acme") -> None:
    for _ in range(times):
        await world.event("Used", context={"groupId": account})
    # Accounts close at ticks.
    world.clock.advance(2_000)
    await world.live.pass_time()
    world.project()


def hubspot(address: str) -> dict[str, Any]:
    settings = {"token": "env:HUB_TOKEN", "base_url": address}
    return {"type": "hubspot", "settings": settings, "write": {"key": "account_id"}}


def salesforce(address: str) -> dict[str, Any]:
    settings = {"client_id": "env:SF_ID", "client_secret": "env:SF_SECRET", "base_url": address}
    return {"type": "salesforce", "settings": settings, "write": {"key": "Account_Id__c"}}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", TOKEN)
    monkeypatch.setenv("SF_ID", "cid")
    monkeypatch.setenv("SF_SECRET", "cs&=")


@pytest.mark.parametrize("make", [hubspot, salesforce])
def test_health_tasks_and_their_end_are_written_and_only_what_is_new(tmp_path: Path, make: Any) -> None:
    crm = Crm()
    crm.companies["77"] = {"account_id": "acme", "hs_lastmodifieddate": "2026-05-20T10:00:00Z"}
    crm.accounts = [
        {"Id": "001A", "Account_Id__c": "acme"},
        {"Id": "001B", "Account_Id__c": "o'neil \\ sons"},
    ]
    company = crm.companies["77"] if make is hubspot else crm.accounts[0]

    async def story() -> None:
        with playing(crm) as address:
            world = World(tmp_path, shop(make(address)))
            await written(world)
            await used(world, 8)
            await written(world)
            assert company["sf_health"] == 80 and company["sf_band"] == "green"
            calls = len(crm.calls)
            world.back.store.keep_mark("crm", 0)
            await written(world)  # as after a crash
            assert len(crm.calls) == calls
            await world.event("Trouble", context={"groupId": "acme"})
            world.clock.advance(2_000)
            await world.live.pass_time()
            await written(world)
            (task,) = crm.tasks.values()
            assert "Call them" in task.values() and any("went wrong" in str(one) for one in task.values())
            told = next(one for one in world.effects if one.kind == "task")
            close = {"op": "task", "action": "close", "task": told.data["task"], "outcome": "saved"}
            await world.live.control(close)
            await written(world)
            assert ("COMPLETED" if make is hubspot else "Completed") in task.values()
            if make is salesforce:
                await used(world, 8, "o'neil \\ sons")
                await written(world)
                assert crm.accounts[1]["sf_band"] == "green" and "sf_band" in crm.accounts[0]

    asyncio.run(story())


def test_a_company_that_nobody_or_two_are_is_left_to_people(tmp_path: Path) -> None:
    crm = Crm()
    for one in ("1", "2"):
        crm.companies[one] = {"account_id": "acme", "hs_lastmodifieddate": "2026-05-20T10:00:00Z"}

    async def story() -> None:
        with playing(crm) as address:
            world = World(tmp_path, shop(hubspot(address)))
            await written(world)
            await used(world, 8)
            await used(world, 8, "unheard of")
            await written(world)
        assert all("sf_health" not in one for one in crm.companies.values())
        assert {method for method, _, _ in crm.calls} == {"POST"}  # searches, and no change

    asyncio.run(story())


def test_what_a_crm_that_is_down_did_not_take_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sevenfold.connectors.crm_client.CRM_ATTEMPTS_RUNS_MAX", 2)
    crm = Crm()
    crm.companies["77"] = {"account_id": "acme", "hs_lastmodifieddate": "2026-05-20T10:00:00Z"}

    async def story() -> None:
        with playing(crm) as address:
            world = World(tmp_path, shop(hubspot(address)))
            await written(world)
            crm.busy = 3
            await used(world, 8)
            with pytest.raises(ConnectorError) as raised:
                await written(world)
            assert "429" in str(raised.value) and TOKEN not in str(raised.value)
            await written(world)
        assert crm.companies["77"]["sf_band"] == "green"

    asyncio.run(story())
