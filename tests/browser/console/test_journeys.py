"""Journeys in a real browser: built by mouse and keyboard, tried, published, and heard of by mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sevenfold.server import console_files

from .shop import Shop, shop, until
from .world import NARROW, WIDE, settled, violations


@pytest.fixture(scope="module")
def store(browser: Browser, company_built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("shop"), browser) as made:
        yield made


@pytest.fixture(scope="module")
def company_built() -> None:
    if console_files.folder() is None:
        pytest.skip("the console is not built; run: make console")


def box(page: Page, step: str) -> Any:
    """A step on the canvas."""
    return page.locator(f'[data-box="{step}"]')


def field(page: Page, name: str) -> Any:
    """A field of what is selected."""
    return page.get_by_role("region", name="What is selected").get_by_label(name, exact=True)


def add(page: Page, kind: str) -> None:
    """Picks a kind of step from the menu that is open."""
    page.get_by_role("menuitem", name=kind, exact=True).click()


def pick(page: Page, label: str, option: str) -> None:
    """Picks an option of a field that offers some."""
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def saved(page: Page) -> None:
    expect(page.get_by_text("Draft saved")).to_be_visible()


def test_a_journey_is_built_tried_published_and_sends_a_mail(store: Shop) -> None:
    desk, page = store.desk, store.desk.page("/journeys")
    page.get_by_role("button", name="New journey").click()
    page.get_by_label("What is it for?").fill("Thank buyers")
    page.get_by_role("button", name="Open the canvas").click()
    settled(page)

    # Who enters: a form made of the schema, with the workspace's own names.
    pick(page, "Another way in", "Something happens")
    page.get_by_role("combobox", name="Event").fill("Order Comp")
    page.get_by_role("option", name="Order Completed").click()
    page.get_by_role("button", name="Close", exact=True).click()

    # The first step by mouse, the second by keyboard alone.
    page.get_by_role("button", name="Add a step between Who enters and End").click()
    add(page, "Message")
    expect(box(page, "message")).to_be_visible()

    # Nothing is chosen yet: the audit says so at the step, before anybody publishes it.
    expect(page.get_by_role("button", name="1 problem", exact=True)).to_be_visible()
    expect(box(page, "message")).to_have_attribute("data-error", "true")
    pick(page, "Template", "thanks")
    expect(box(page, "message")).not_to_have_attribute("data-error", "true")
    page.get_by_role("button", name="Close", exact=True).click()

    box(page, "message").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    page.get_by_role("menuitem", name="Wait", exact=True).press("Enter")
    expect(box(page, "wait")).to_be_visible()
    saved(page)
    plan = desk.ask("GET", "/api/drafts/thank_buyers")["draft"]["plan"]
    assert plan["steps"] == {
        "message": {"kind": "message", "template": "thanks"},
        "wait": {"kind": "wait", "for": "1d"},
    }

    # Tried on somebody made up: each decision with why, time run forward.
    page.get_by_text("Test", exact=True).click()
    page.get_by_role("button", name="Try it").click()
    trial = page.get_by_role("status")
    expect(trial.get_by_text("Message thanks on email")).to_be_visible(timeout=60_000)
    expect(trial.get_by_text("Waits until")).to_be_visible()
    expect(trial.get_by_text("Ends: completed")).to_be_visible()
    page.get_by_text("Canvas", exact=True).click()

    # Published; then somebody buys, and a mail arrives.
    page.get_by_role("button", name="Publish…").click()
    page.get_by_role("dialog").get_by_role("button", name="Publish", exact=True).click(timeout=60_000)
    expect(page.get_by_text("Version 1 is live.")).to_be_visible()
    store.happen("ada", "Order Completed", order="A-1")
    subjects = until(page, lambda: store.mail_to("ada@example.com"), "no mail arrives")
    assert subjects == ["Thank you for order A-1"]
    expect(box(page, "wait")).to_contain_text("1", timeout=20_000)


def test_people_inside_go_where_the_author_says_when_a_changed_step_is_published(store: Shop) -> None:
    desk = store.desk
    for user in ("eve", "fay"):
        store.happen(user, "Shop Visited")
    page = desk.page("/journeys/comeback")
    until(page, lambda: store.running("comeback").get("rest") == 2)
    box(page, "rest").click()
    panel = page.get_by_role("region", name="What is selected")
    expect(panel.get_by_text("Here now")).to_be_visible()
    panel.get_by_role("button", name="Who is here").click()
    expect(panel.get_by_role("link")).to_have_count(2)
    field(page, "How long").fill("31d")
    saved(page)
    page.get_by_role("button", name="Publish…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="At rest: 2")).to_be_visible(timeout=60_000)
    pick(page, "At rest: 2", "Move, keeping the time they waited")
    dialog.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 2 is live.")).to_be_visible()
    versions = desk.ask("GET", "/api/journeys/comeback")["versions"]
    assert [(one["version"], one["runs"]) for one in versions if one["runs"]] == [(2, 2)]

    # What changed can be read, and taken back.
    page.get_by_text("Versions", exact=True).click()
    expect(page.get_by_text("Step rest changed")).to_be_visible()
    page.get_by_role("button", name="Go back to version 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Go back to version 1").click()
    expect(page.get_by_text("Version 3 is live.")).to_be_visible()
    assert desk.ask("GET", "/api/journeys/comeback")["plan"]["steps"]["rest"]["for"] == "30d"


def test_changes_are_undone_and_done_again_by_keyboard(store: Shop) -> None:
    page = store.desk.page("/journeys/undoing")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add a step between Who enters and End").click()
    add(page, "Wait")
    box(page, "wait").focus()
    page.keyboard.press("d")
    expect(box(page, "wait_2")).to_be_visible()
    box(page, "wait_2").focus()
    page.keyboard.press("Delete")
    expect(box(page, "wait_2")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(box(page, "wait_2")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(box(page, "wait")).to_have_count(0)
    page.get_by_role("button", name="Redo").click()
    expect(box(page, "wait")).to_be_visible()
    # The same journey as text: what is written there is drawn.
    page.get_by_role("button", name="YAML source").click()
    source = page.get_by_role("textbox", name="YAML source")
    source.fill("title: Undoing\ntriggers: []\nsteps:\n  later: {kind: wait, for: 2d}\n")
    expect(box(page, "later")).to_contain_text("wait 2d")
    saved(page)


def test_a_journey_is_paused_and_goes_on(store: Shop) -> None:
    page = store.desk.page("/journeys/comeback")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("Paused").first).to_be_visible()
    assert store.desk.ask("GET", "/api/journeys/comeback")["state"] == "paused"
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Resume").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_text("Live").first).to_be_visible()


def test_a_plan_is_back_tested_beside_the_version_in_force(store: Shop) -> None:
    store.happen("gil", "Shop Visited")
    page = store.desk.page("/journeys/comeback?view=backtest")
    page.get_by_role("button", name="Back-test", exact=True).click()
    expect(page.get_by_role("heading", name="What is different for the same people")).to_be_visible(
        timeout=90_000
    )
    expect(page.get_by_role("row", name="Entries")).to_contain_text("3")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_journeys_are_accessible(store: Shop, size: tuple[int, int], scheme: str) -> None:
    page = store.desk.page("/journeys", size, scheme)
    assert violations(page) == []
    places = ("comeback?step=rest", "comeback?view=test", "comeback?view=versions", "conflicts")
    for path in places if scheme == "light" else places[:2]:
        page.goto(f"{store.desk.url}/journeys/{path}")
        settled(page)
        assert violations(page) == [], path
