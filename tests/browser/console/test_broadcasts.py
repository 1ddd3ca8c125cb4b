"""Broadcasts in a real browser: made step by step, acknowledged, received; approval by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from sevenfold.server import console_files

from .shop import Shop, shop, until
from .world import NARROW, WIDE, Console, settled, violations

PASSWORD = "seven slow silver trains"


@pytest.fixture(scope="module")
def store(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    if console_files.folder() is None:
        pytest.skip("the console is not built; run: make console")
    with shop(tmp_path_factory.mktemp("shop"), browser) as made:
        yield made


def pick(page: Page, label: str, option: str) -> None:
    """Picks an option of a field that offers some."""
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def logged_in(desk: Console, email: str, name: str, role: str) -> httpx.Client:
    """Another member, who has come by an invitation."""
    token = desk.ask("POST", "/api/members", {"email": email, "name": name, "role": role})["token"]
    client = httpx.Client(base_url=desk.url, timeout=60, trust_env=False)
    made = client.post("/api/setup", json={"token": token, "name": name, "password": PASSWORD})
    assert made.status_code == 201, made.text
    return client


def test_a_broadcast_goes_to_a_segment_once_its_size_is_acknowledged(store: Shop) -> None:
    desk = store.desk
    for user in ("ada", "bob"):
        store.happen(user, "Order Completed", order="1")
    store.happen("cyd", "Shop Visited")
    page = desk.page("/broadcasts/new")
    until(page, lambda: {one["name"]: one["size"] for one in desk.ask("GET", "/api/segments")}["buyers"] == 2)
    page.reload()
    settled(page)
    page.get_by_label("What is it about?").fill("Spring is here")
    pick(page, "Segment or list", "buyers (2)")
    expect(page.get_by_text("2 people", exact=True)).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Next").click()
    pick(page, "Template", "spring")
    expect(page.get_by_text("Everything is green.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Make the broadcast").click()
    # Nothing is sent before somebody has seen how many it concerns.
    page.get_by_label("I have seen that this goes to 2 people").check(timeout=60_000)
    assert store.mail_to("ada@example.com") == []
    page.get_by_role("button", name="Start").click()
    for user in ("ada", "bob"):
        until(
            page, lambda who=user: store.mail_to(f"{who}@example.com") == ["Spring is here"], f"{user}: none"
        )
    expect(page.get_by_text("Done", exact=True)).to_be_visible()
    assert store.mail_to("cyd@example.com") == []
    assert violations(page) == []


def test_a_journey_is_published_only_once_a_second_member_approved_it(store: Shop) -> None:
    desk = store.desk
    second = logged_in(desk, "nils@example.com", "Nils Holm", "publisher")
    desk.ask("PUT", "/api/approvals/needed", {"needed": True})
    try:
        page = desk.page("/journeys/comeback?step=rest")
        panel = page.get_by_role("region", name="What is selected")
        panel.get_by_label("How long", exact=True).fill("20d")
        expect(page.get_by_text("Draft saved")).to_be_visible()
        page.get_by_role("button", name="Publish…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Publish", exact=True).click(timeout=60_000)
        dialog.get_by_label("A word for whoever approves").fill("Sooner is better")
        dialog.get_by_role("button", name="Ask for approval").click()
        expect(dialog.get_by_text("It is published once somebody approves it.")).to_be_visible()
        assert desk.ask("GET", "/api/journeys/comeback")["version"] == 1

        # Whoever asked cannot approve; somebody else sees what changes, and does.
        page.goto(f"{desk.url}/approvals")
        expect(page.get_by_text("somebody else has to decide")).to_be_visible()
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        context = desk.context()
        context.add_cookies(
            [{"name": one.name, "value": one.value or "", "url": desk.url} for one in second.cookies.jar]
        )
        theirs = context.new_page()
        theirs.goto(f"{desk.url}/approvals")
        expect(theirs.get_by_text("Step rest changed")).to_be_visible(timeout=60_000)
        expect(theirs.get_by_text("Sooner is better")).to_be_visible()
        assert violations(theirs) == []
        theirs.get_by_role("button", name="Approve").click()
        theirs.get_by_text("Approved", exact=True).first.click()
        theirs.get_by_role("button", name="Publish it").click()
        theirs.get_by_role("dialog").get_by_role("button", name="Publish", exact=True).click(timeout=60_000)
        until(theirs, lambda: desk.ask("GET", "/api/journeys/comeback")["version"] == 2)
        assert desk.ask("GET", "/api/journeys/comeback")["plan"]["steps"]["rest"]["for"] == "20d"
    finally:
        desk.ask("PUT", "/api/approvals/needed", {"needed": False})
        second.close()


@pytest.mark.parametrize(
    ("size", "scheme"), [(WIDE, "light"), (NARROW, "light"), (WIDE, "dark"), (NARROW, "dark")]
)
def test_pages_around_broadcasts_are_accessible(store: Shop, size: tuple[int, int], scheme: str) -> None:
    page = store.desk.page("/broadcasts", size, scheme)
    assert violations(page) == []
    for path in ("/calendar", "/approvals", "/touchpoints", "/broadcasts/new"):
        page.goto(store.desk.url + path)
        settled(page)
        assert violations(page) == [], path


def test_what_is_planned_stands_in_the_calendar_on_its_day(store: Shop) -> None:
    desk = store.desk
    at = datetime.now(UTC) + timedelta(days=2)
    held = desk.ask("GET", "/api/workspace")
    workspace = held["workspace"]
    workspace["broadcasts"] = {
        **workspace.get("broadcasts", {}),
        "later": {
            "title": "Later this week",
            "segment": "buyers",
            "template": "spring",
            "at": at.strftime("%Y-%m-%dT12:00Z"),
        },
    }
    desk.ask("POST", "/api/workspace/apply", {"workspace": workspace, "expected": held["version"]})
    page = desk.page("/calendar")
    if at.month != datetime.now(UTC).month:
        page.get_by_role("button", name="The month after").click()
    expect(page.get_by_role("link", name="Later this week")).to_be_visible()
