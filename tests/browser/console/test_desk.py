"""The console's daily work in a real browser: the first member, finding somebody, why, accounts, tasks, keys,
members, erasure; and that everybody can read it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from .world import EMAIL, NAME, NARROW, PASSWORD, WIDE, Console, console, settled, violations


@pytest.fixture(scope="module")
def page(desk: Console) -> Iterator[Page]:
    """One page of the admin, for tests that go where they want."""
    found = desk.page("/")
    errors: list[str] = []
    found.on("pageerror", lambda error: errors.append(str(error)))
    yield found
    assert errors == []


def go(page: Page, desk: Console, path: str) -> Page:
    page.goto(desk.url + path)
    settled(page)
    return page


def somebody(desk: Console) -> dict[str, Any]:
    """A person with a stage that was changed, and an address."""
    listed = desk.ask("GET", "/api/people?limit=200&lifecycle=customer&stage=activation")["items"]
    return next(one for one in listed if one["identifiers"].get("email"))


def test_the_first_start_makes_an_admin_who_comes_to_the_set_up(
    browser: Browser, company: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing but a token: no member, no event. The first event is seen while one looks on."""
    folder = tmp_path_factory.mktemp("first") / "data"
    with console(folder, browser, "seven-stage") as new:
        page = new.context().new_page()
        page.goto(f"{new.url}/")
        expect(page).to_have_url(re.compile("/setup"))
        page.goto("about:blank")
        page.goto(f"{new.url}/setup#{new.setup_token}")
        page.get_by_label("Name").fill(NAME)
        page.get_by_label("E-mail").fill(EMAIL)
        page.locator("input[type=password]").fill("short")
        page.get_by_role("button", name="Set up").click()
        expect(page.get_by_text("At least 12 characters", exact=True)).to_be_visible()
        page.locator("input[type=password]").fill(PASSWORD)
        page.get_by_role("button", name="Set up").click()
        expect(page.get_by_role("heading", name="Set-up", level=1)).to_be_visible()
        expect(page.get_by_text("Nothing came yet.")).to_be_visible()
        page.get_by_role("button", name="Make a key for events").click()
        line = page.locator("pre", has_text="curl")
        expect(line).to_contain_text("wk_")
        key = re.search(r"wk_[\w-]+", line.inner_text())
        assert key is not None
        event = {"userId": "u1", "event": "Signed Up"}
        assert new.http.post("/v1/track", json=event, auth=(key[0], "")).status_code == 200
        expect(page.get_by_text(re.compile("1 event came"))).to_be_visible()
        page.get_by_role("link", name="Home").click()
        expect(page.get_by_role("region", name="Moves between stages")).to_be_visible()


def test_log_in_refuses_a_wrong_password_and_log_out_ends_the_session(desk: Console) -> None:
    page = desk.context().new_page()
    page.goto(f"{desk.url}/people")
    expect(page).to_have_url(re.compile(r"/login\?next=%2Fpeople"))
    page.get_by_label("E-mail").fill(EMAIL)
    page.locator("input[type=password]").fill("not the right words")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
    page.get_by_role("button", name=re.compile(NAME)).click()
    page.get_by_role("menuitem", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.request.get(f"{desk.url}/api/people").status == 401
    page.context.close()


def test_a_log_in_leads_to_no_other_site(desk: Console) -> None:
    page = desk.page("/login?next=//evil.example/")
    expect(page).to_have_url(f"{desk.url}/")


def test_the_keyboard_alone_finds_a_profile(desk: Console, page: Page) -> None:
    person = somebody(desk)
    go(page, desk, "/")
    page.keyboard.press("Control+k")
    page.get_by_placeholder("People, accounts, journeys, places").type(person["identifiers"]["email"][0][:9])
    expect(page.get_by_role("button", name=re.compile(person["name"])).first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/people/[0-9a-f]{16}$"))
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Tasks", level=1)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page.get_by_role("table", name="People").get_by_role("link").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/people/[0-9a-f]{16}$"))


def test_each_line_of_a_timeline_answers_why(desk: Console, page: Page) -> None:
    person = somebody(desk)
    go(page, desk, f"/people/{person['id']}")
    line = page.get_by_role("listitem").filter(has_text="Capture → Activation")
    line.get_by_role("button", name=re.compile("^Why")).click()
    expect(line).to_contain_text("The rule: enter activation")
    expect(line).to_contain_text("✓ segment identified (yes)")
    expect(line).to_contain_text("Set off by")


def test_a_stage_shows_each_condition_with_the_value_it_sees_now(desk: Console, page: Page) -> None:
    person = somebody(desk)
    go(page, desk, f"/people/{person['id']}")
    page.get_by_role("button", name="Why? Customer activation").click()
    told = desk.ask("GET", f"/api/people/{person['id']}/why?lifecycle=customer")["now"]["rules"]
    box = page.get_by_role("dialog")
    expect(box).to_contain_text("Enter activation")
    expect(box.get_by_role("img", name="holds")).to_have_count(
        sum(rule["holds"] is True for rule in told)
        + sum(atom["holds"] is True for rule in told for atom in rule["atoms"])
    )
    page.keyboard.press("Escape")


def test_a_score_is_the_sum_of_the_points_that_are_shown(desk: Console, page: Page) -> None:
    listed = desk.ask("GET", "/api/people?limit=50&score=health&band=green")["items"]
    person = listed[0]
    go(page, desk, f"/people/{person['id']}?tab=health")
    rows = page.get_by_role("table", name="What Health is made of").get_by_role("row")
    points = [
        float(text.split(" of ")[0])
        for text in rows.locator("td:last-child").all_inner_texts()
        if " of " in text
    ]
    value = desk.ask("GET", f"/api/people/{person['id']}")["scores"]["health"]["value"]
    assert points and sum(points) == pytest.approx(value, abs=0.06 * len(points))
    days = desk.ask("GET", f"/api/people/{person['id']}/scores/health")["days"]
    times = [one["time"] for one in days]
    assert times == sorted(times) and all(
        0 <= one["value"] <= 100 for one in days if one["value"] is not None
    )


def test_a_pack_is_looked_at_before_it_is_put_in_force(desk: Console, page: Page) -> None:
    go(page, desk, "/set-up")
    packs = {one["name"]: one["title"] for one in desk.ask("GET", "/api/packs")}
    page.get_by_role("combobox", name="Another pack").click()
    page.get_by_role("option", name=packs["d2c"], exact=True).click()
    page.get_by_role("button", name="Put it in force").click()
    files = desk.ask("GET", "/api/packs/d2c")["files"]
    count = len(desk.ask("POST", "/api/workspace/diff", {"files": files})["changes"])
    expect(page.get_by_role("dialog")).to_contain_text(f"{count} objects change.")
    page.get_by_role("button", name="Cancel").click()
    assert desk.ask("GET", "/api/workspace")["name"] == "seven-stage"


def test_a_message_is_shown_as_it_was_sent(desk: Console, page: Page) -> None:
    sent = desk.ask("GET", "/api/messages?channel=email&limit=50")["items"]
    one = next(held for held in sent if held["decision"] == "message" and held["person"])
    go(page, desk, f"/people/{one['person']}?tab=messages")
    page.get_by_role("button", name=re.compile("^Show ")).first.click()
    again = desk.ask("GET", f"/api/messages/{one['effect']}/rendered")
    assert again["missing"] is None and again["subject"]
    frame = page.frame_locator("iframe")
    expect(frame.locator("body")).not_to_be_empty()
    assert "/u/" not in (again["html"] or ""), "a look at a mail cannot unsubscribe who was sent it"
    page.keyboard.press("Escape")


def test_an_account_has_its_people_its_contract_and_what_people_think_of_it(
    desk: Console, page: Page
) -> None:
    account = desk.ask("GET", "/api/accounts?limit=1")["items"][0]
    members = desk.ask("GET", f"/api/accounts/{account['id']}/members?limit=200")["items"]
    go(page, desk, f"/accounts/{account['id']}")
    table = page.get_by_role("table", name="Members")
    expect(table.get_by_role("link")).to_have_count(len(members))
    expect(page.get_by_role("region", name="Contract")).to_contain_text("Worth a year")
    pulse = page.get_by_role("region", name="How does it feel?")
    pulse.get_by_text("Mixed", exact=True).click()
    pulse.get_by_label("Because").fill("Their sponsor is on leave.")
    pulse.get_by_role("button", name="Save").click()
    expect(pulse).to_contain_text("Their sponsor is on leave.")
    held = desk.ask("GET", f"/api/accounts/{account['id']}/judgements")["pulse"]
    assert (held["value"], held["author"]) == ("yellow", NAME)
    page.get_by_role("tab", name="Notes").click()
    page.get_by_label("Text").fill("Spoke with Ada about the new reports.")
    page.get_by_role("button", name="Add").click()
    notes = page.get_by_role("list", name="Notes and calls")
    expect(notes).to_contain_text("Spoke with Ada about the new reports.")
    expect(notes).to_contain_text(NAME)


def test_a_task_is_put_off_and_then_closed_with_an_outcome(desk: Console, page: Page) -> None:
    task = desk.ask("GET", "/api/tasks?limit=200")["items"][-1]
    go(page, desk, f"/tasks/{task['id']}")
    article = page.get_by_role("article")
    expect(article).to_contain_text("Evidence")
    page.get_by_role("button", name="Snooze").click()
    page.get_by_role("menuitem", name="Until tomorrow").click()
    expect(article).to_contain_text("Snoozed until")
    assert desk.ask("GET", f"/api/tasks/{task['id']}")["task"]["snoozed"] is not None
    page.get_by_label("Note").fill("They will stay.")
    first = task["outcomes"][0].replace("_", " ").capitalize()
    article.get_by_role("button", name=first, exact=True).click()
    expect(article).to_contain_text(f"Closed by {EMAIL}: {first}: They will stay.")
    closed = desk.ask("GET", f"/api/tasks/{task['id']}")["task"]
    assert closed["closed"] is not None and closed["outcome"] == task["outcomes"][0]


def test_a_key_is_made_used_and_revoked(desk: Console, page: Page) -> None:
    go(page, desk, "/settings/keys")
    page.get_by_label("Name").fill("our back office")
    page.get_by_role("button", name="Make", exact=True).click()
    secret = page.locator("[data-secret]").inner_text()
    bearer = {"authorization": f"Bearer {secret}"}
    assert desk.served.http.get("/api/segments", headers=bearer).status_code == 200
    page.get_by_role("button", name="Revoke our back office").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    row = page.get_by_role("row", name=re.compile("our back office"))
    expect(row).to_contain_text("revoked")
    assert desk.served.http.get("/api/segments", headers=bearer).status_code == 401


def test_somebody_who_is_invited_chooses_a_password_and_may_only_what_their_role_says(
    desk: Console, page: Page
) -> None:
    go(page, desk, "/settings/members")
    page.get_by_label("E-mail").fill("otto@example.com")
    page.get_by_role("textbox", name="Name", exact=True).fill("Otto")
    page.get_by_role("button", name="Invite", exact=True).click()
    link = page.locator("[data-secret]").inner_text()
    assert link.startswith(f"{desk.url}/setup#")
    other = desk.context().new_page()
    other.goto(link)
    expect(other.get_by_text("You were invited as otto@example.com")).to_be_visible()
    other.locator("input[type=password]").fill("seven slow green boats")
    other.get_by_role("button", name="Set up").click()
    expect(other.get_by_role("heading", name="Home", level=1)).to_be_visible()
    other.goto(f"{desk.url}/settings/keys")
    expect(other.get_by_role("tab", name="You")).to_be_visible()
    expect(other.get_by_role("tab", name="Keys")).to_have_count(0)
    assert other.request.get(f"{desk.url}/api/keys").status == 403
    other.context.close()


def test_a_person_is_erased_with_a_certificate(desk: Console, page: Page) -> None:
    person = desk.ask("GET", "/api/people?limit=200")["items"][-1]
    value = next(iter(person["identifiers"].values()))[0]
    go(page, desk, "/settings/privacy")
    page.get_by_label("Address or id").fill(value)
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("button", name="Erase").click()
    box = page.get_by_role("dialog")
    sure = box.get_by_role("button", name="Erase")
    expect(sure).to_be_disabled()
    box.get_by_role("textbox").fill(person["name"] or value)
    sure.click()
    expect(page.get_by_role("status").filter(has_text="Certificate")).to_be_visible()
    assert desk.http.get(f"/api/people/lookup?value={value}").status_code == 404


PLACES = [
    "/",
    "/tasks",
    "/people",
    "/accounts",
    "/set-up",
    "/set-up/results",
    "/settings/me",
    "/settings/keys",
]


WAYS = [(NARROW, "dark")]
if os.environ.get("HYPOTHESIS_PROFILE") == "soak":
    WAYS += [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light")]


@pytest.mark.parametrize(("size", "scheme"), WAYS)
def test_everybody_can_read_every_page(desk: Console, size: tuple[int, int], scheme: str) -> None:
    """No violation of WCAG 2.2 A and AA that axe finds, and nothing wider than the screen."""
    person, account = somebody(desk)["id"], desk.ask("GET", "/api/accounts?limit=1")["items"][0]["id"]
    task = desk.ask("GET", "/api/tasks?limit=1")["items"][0]["id"]
    page = desk.page("/", size, scheme)
    wrong = {}
    for path in [*PLACES, f"/people/{person}", f"/accounts/{account}", f"/tasks/{task}"]:
        go(page, desk, path)
        found = violations(page)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if found or wide > 1:
            wrong[path] = [*found, f"{wide} pixels too wide"] if wide > 1 else found
    assert wrong == {}
