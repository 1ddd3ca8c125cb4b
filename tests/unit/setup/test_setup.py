"""Guided set-up: what a sample holds, which event is which, what is then covered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

import sevenfold as sf
from sevenfold.limits import SETUP_NAME_ITEMS_MAX
from sevenfold.setup.coverage import Coverage
from sevenfold.setup.matching import match
from sevenfold.setup.needs import Need, needs
from sevenfold.setup.proposal import Proposal, SetupError, propose
from sevenfold.setup.sample import sample_of
from sevenfold.setup.writing import write
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace


def calls(*events: str, **properties: Any) -> list[bytes]:
    return [
        msgspec.json.encode({"type": "track", "event": name, "userId": "u1", "properties": properties})
        for name in events
    ]


def best(wanted: str, *yours: str, properties: Iterable[str] = ()) -> tuple[str, bool] | None:
    need = Need(wanted, properties=set(properties))
    found = match({wanted: need}, sample_of(calls(*yours, **dict.fromkeys(properties, 1))))
    return (found[0].given, found[0].sure) if found else None


@pytest.fixture(scope="module")
def pack() -> Workspace:
    return sf.load("seven-stage")


# ---------------------------------------------------------------------------------------------------- samples


def test_a_sample_counts_names_people_and_properties_and_skips_what_it_cannot_read() -> None:
    page = msgspec.json.encode({"type": "page", "name": "Pricing", "anonymousId": "a1"})
    traits = msgspec.json.encode({"type": "identify", "userId": "u2", "traits": {"plan": "pro"}})
    sample = sample_of([*calls("Bought", "Bought", total=3), page, traits, b"{", b'{"type": 7, "event": []}'])
    assert (sample.total, sample.unreadable, len(sample.people)) == (5, 1, 3)
    assert (sample.events["Bought"].count, dict(sample.events["Bought"].properties)) == (2, {"total": 2})
    assert sample.events["Pricing"].type == "page" and dict(sample.traits) == {"plan": 1}


def test_a_source_that_makes_names_up_does_not_fill_the_memory() -> None:
    sample = sample_of(calls(*(f"Event {number}" for number in range(SETUP_NAME_ITEMS_MAX + 7))))
    assert (len(sample.events), sample.other_names) == (SETUP_NAME_ITEMS_MAX, 7)


# --------------------------------------------------------------------------------------------------- matching


@pytest.mark.parametrize(
    ("wanted", "yours"),
    [
        ("Signed Up", "user_signup"),
        ("Signed Up", "UserSignedUp"),
        ("Signed In", "login"),
        ("Order Completed", "purchase"),
        ("Order Completed", "orders/create"),
        ("Product Added", "add_to_cart"),
        ("Invoice Paid", "invoice.payment_succeeded"),
        ("Project Created", "create-project"),
        ("Teammate Invited", "TEAM_MEMBER_INVITED"),
    ],
)
def test_an_event_is_known_by_the_names_that_others_use(wanted: str, yours: str) -> None:
    assert best(wanted, "Clicked Something", yours) == (yours, True)


def test_what_only_resembles_is_offered_and_not_taken() -> None:
    assert best("Workflow Completed", "workflow finished") is None
    found = best("Workflow Completed", "Workflow Run Completed")
    assert found == ("Workflow Run Completed", False)


def test_properties_speak_for_a_match_that_words_suggest_and_never_for_another() -> None:
    need = {"Report Exported": Need("Report Exported", properties={"rows", "format"})}
    plain = match(need, sample_of(calls("Report Table Exported")))[0].confidence
    with_properties = match(need, sample_of(calls("Report Table Exported", rows=1, format="csv")))[0]
    assert plain < with_properties.confidence <= 0.9
    assert best("Report Exported", "Clicked", properties=["rows", "format"]) is None


def test_one_event_of_yours_stands_for_one_of_the_packs() -> None:
    need = {name: Need(name) for name in ("Order Completed", "Order Placed")}
    found = match(need, sample_of(calls("purchase")))
    assert [one.given for one in found] == ["purchase"]


def test_what_comes_under_its_own_name_is_not_matched_with_another() -> None:
    assert best("Signed Up", "Signed Up", "user_signup") is None


# --------------------------------------------------------------------------------------------------- coverage


def states(coverage: Coverage, lifecycle: str) -> dict[str, str]:
    return {one.stage: one.state for one in coverage.stages() if one.lifecycle == lifecycle}


def test_with_everything_sent_every_stage_is_covered_and_every_journey_can_start(pack: Workspace) -> None:
    covered = Coverage(pack, needs(pack))
    assert {one.state for one in covered.stages()} == {"covered"}
    assert all(one.can_start and not one.missing for one in covered.journeys())
    assert all(one.share == pytest.approx(1) and not one.missing for one in covered.scores())


def test_with_nothing_sent_only_where_everybody_begins_is_there(pack: Workspace) -> None:
    covered = states(Coverage(pack, (), ()), "customer")
    assert covered["capture"] != "missing"
    assert all(covered[stage] == "missing" for stage in ("activation", "engagement", "retention", "advocacy"))


def test_each_event_that_goes_makes_no_stage_surer(pack: Workspace) -> None:
    rank = {"missing": 0, "partly": 1, "covered": 2}
    every = list(needs(pack))
    before = states(Coverage(pack, every), "customer")
    for count in range(len(every) - 1, -1, -10):
        after = states(Coverage(pack, every[:count]), "customer")
        assert all(rank[after[stage]] <= rank[before[stage]] for stage in after)
        before = after


def test_a_stage_names_the_events_that_it_lacks(pack: Workspace) -> None:
    present = set(needs(pack)) - {"Social Mention"}
    found = next(one for one in Coverage(pack, present).stages() if one.stage == "advocacy")
    assert (found.state, found.missing) == ("partly", ("Social Mention",))


# -------------------------------------------------------------------------------------------- the whole thing

SHOP = {
    "workspace.yaml": "name: shop\nsignals: {orders: {kind: count, event: Order Completed}}\n",
    "lifecycle.yaml": "main: {stages: [{name: visitor}, {name: buyer, enter: orders > 0}]}\n",
}


def renamed(pack: Workspace, phase: str | None = None, **chosen: list[str]) -> Proposal:
    events = calls("user_signup", "login", "create_project", "flow done")
    given = {name.replace("_", " "): names for name, names in chosen.items()}
    return propose("seven-stage", pack, sample_of(events), phase=phase, chosen=given)


def test_what_is_said_by_hand_stands_above_what_was_found(pack: Workspace) -> None:
    found = renamed(pack, Signed_In=["flow done"], Signed_Up=[])
    assert found.names["Signed In"] == ["flow done"] and "Signed Up" not in found.names
    assert found.names["Project Created"] == ["create_project"]
    assert {"Signed Up", "Teammate Invited"} <= {one.name for one in found.missing}
    assert found.unused == ("login", "user_signup")


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"Signed_Upp": ["x"]}, "listens to no event `Signed Upp`"), ({"phase": "zero"}, "no phase")],
)
def test_what_is_not_there_is_said(pack: Workspace, asked: Mapping[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        renamed(pack, **asked)


def test_a_workspace_under_your_names_finds_what_the_packs_names_would(tmp_path: Path) -> None:
    """The same people in the same stages, whatever the events are called."""
    for name, text in SHOP.items():
        (tmp_path / name).write_text(text)
    at = "2026-01-05T10:00:00Z"
    theirs = [{"timestamp": at, "event": "Order Completed", "user_id": user} for user in ("a", "b")]
    ours = [{**one, "event": "purchase"} for one in theirs]
    (tmp_path / "events.yaml").write_text("Order Completed: purchase\n")
    under_ours = load(tmp_path)
    (tmp_path / "events.yaml").unlink()
    expected = sf.replay(load(tmp_path), theirs).transitions.drop_columns(["cause_name"])
    assert sf.replay(under_ours, ours).transitions.drop_columns(["cause_name"]).equals(expected)
    assert expected.column("to").to_pylist().count("buyer") == 2


def test_the_workspace_that_is_written_has_no_errors(tmp_path: Path, pack: Workspace) -> None:
    files, loaded = write(renamed(pack), tmp_path / "mine")
    assert not loaded.errors and (tmp_path / "mine" / "events.yaml") in files
    assert "user_signup" in needs(loaded.workspace) and "Signed Up" not in needs(loaded.workspace)
