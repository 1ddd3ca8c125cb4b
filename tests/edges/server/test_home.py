"""The home page's figures are those of the fold and the history; the search finds whoever is meant."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.edges.admin.api_world import Api

DAY = 86_400_000


@pytest.fixture(scope="module")
def home(saas: Api) -> Any:
    return saas.get("/api/home")


def test_flows_are_the_changes_of_stage_of_a_day_and_a_week(saas: Api, home: Any) -> None:
    for name, days in (("flow_day", 1), ("flow_week", 7)):
        since = saas.clock.now() - days * DAY
        counted = Counter(
            (one.name, one.data.get("from"), one.data.get("to"))
            for one in saas.effects
            if one.kind == "stage" and one.time >= since
        )
        shown = {(one["lifecycle"], one["before"], one["after"]): one["count"] for one in home[name]}
        assert shown == dict(counted) and (days == 1 or shown)


def test_health_is_spread_as_the_fold_counts_it(saas: Api, home: Any) -> None:
    scores = {one["name"]: one for one in saas.get("/api/scores")}
    assert [one["name"] for one in home["health"]] == ["account_health", "health"] or home["health"]
    for one in home["health"]:
        assert one == scores[one["name"]]


def test_movers_moved_as_their_history_says_and_say_why(saas: Api, home: Any) -> None:
    shown = [one for movers in home["movers"] for one in (*movers["down"], *movers["up"])]
    assert shown
    for movers in home["movers"]:
        changes = [one["change"] for one in movers["down"]]
        assert changes == sorted(changes) and all(one < 0 for one in changes)
        assert all(one["change"] > 0 for one in movers["up"])
    fold = saas.live.fold
    for one in shown:
        profile = saas.get(f"/api/{'people' if one['of'] == 'person' else 'accounts'}/{one['id']}")
        score = next(each["score"] for each in home["movers"] if one in (*each["down"], *each["up"]))
        assert profile["scores"][score]["value"] == one["value"]
        parts = profile["scores"][score]["contributions"]
        for reason in one["because"]:
            assert parts[reason["measure"]]["value"] == reason["value"]
            assert (reason["points"] < 0) == (one["change"] < 0)
    assert fold.t


def test_tasks_and_renewals_are_counted_and_narrowed_to_an_owner(saas: Api, home: Any) -> None:
    open_tasks = saas.get("/api/tasks")["items"]
    assert home["tasks"]["open"] == len(open_tasks)
    assert home["tasks"]["overdue"] == sum(one["overdue"] for one in open_tasks)
    owners = {one["owner"] for one in open_tasks if one["owner"]}
    if owners:
        owner = sorted(owners)[0]
        mine = saas.get("/api/home", owner=owner)["tasks"]
        assert mine["open"] == sum(one["owner"] == owner for one in open_tasks)
    renewals = home["renewals"]
    ending = 0
    for account in saas.get("/api/accounts")["items"]:
        traits = saas.get(f"/api/accounts/{account['id']}")["traits"]
        ending += "renewal_date" in traits
    assert renewals["known"]
    assert sum(one["accounts"] for one in renewals["classes"].values()) <= ending


def test_problems_are_those_of_the_history(saas: Api, home: Any) -> None:
    unknown = saas.get("/api/messages", status="unknown")["items"]
    assert home["problems"]["unresolved"] == min(200, len(unknown)) or home["problems"]["unresolved"] >= 50
    for one in home["problems"]["messages"]:
        assert one["count"] > 0 and saas.get(f"/api/messages/{one['latest']}")["status"] == one["status"]


def test_lift_is_worked_out_beside_and_says_when_it_cannot_be(saas: Api) -> None:
    for _ in range(5):
        lift = saas.get("/api/home")["lift"]
        if not lift["pending"]:
            break
    assert not lift["pending"] and lift["missing"] == "the warehouse is starting"


def test_figures_are_at_most_a_minute_old(saas: Api, home: Any) -> None:
    assert saas.get("/api/home")["as_of"] == home["as_of"]
    saas.clock.advance(60_000)
    assert saas.get("/api/home")["as_of"] == home["as_of"] + 60_000


# ----------------------------------------------------------------------------------------------------
# searching


def test_people_are_found_by_the_beginning_of_an_identifier_or_of_a_word_in_it(saas: Api) -> None:
    saas.event("identify", "zoe-1", traits={"email": "zoe.maxwell@quartz.example", "name": "Zoé Maxwell"})
    ident = saas.person("zoe-1")
    for text in ("zoe", "zoe-1", "ZOE.M", "maxw", "quartz", "Zoé", "Maxwell"):
        found = saas.get("/api/search", q=text)
        assert ident in {one["id"] for one in found["people"]}, text
        assert found["complete"]
    assert saas.get("/api/search", q="oe.max")["people"] == []
    (first, *_) = saas.get("/api/search", q="zoe")["people"]
    assert (first["id"], first["name"], first["first"]) == (ident, "Zoé Maxwell", True)


def test_accounts_are_found_by_key_and_name(saas: Api) -> None:
    saas.event("group", "zoe-1", groupId="quartz-industries", traits={"name": "Quartz & Sons"})
    for text in ("quartz-i", "industries", "Quartz", "sons"):
        found = saas.get("/api/search", q=text)["accounts"]
        assert [one["identifiers"]["account_id"] for one in found] == [["quartz-industries"]], text


def test_objects_of_the_workspace_and_pages_are_found(saas: Api) -> None:
    found = saas.get("/api/search", q="renewal")["objects"]
    assert {"journey", "segment"} <= {one["kind"] for one in found}
    journey = next(one for one in found if one["kind"] == "journey")
    assert saas.get("/api/journeys/" + journey["name"])["title"] == journey["title"]
    assert saas.get("/api/search", q="audit")["objects"][0]["path"] == "/settings/audit"
    assert saas.get("/api/search", q="x")["people"] == []
