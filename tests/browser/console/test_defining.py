"""Segments, stages, scores, templates and channels, edited in the console: seen on real people before they
count.
"""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import expect

from .world import NARROW, WAIT_MS, WIDE, Console, settled, violations

expect.set_options(timeout=WAIT_MS)

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
PLACES = [
    "/segments", "/segments/account_off_baseline", "/lifecycle", "/lifecycle/account/retention",
    "/lifecycle/scores/account_health", "/templates", "/templates/stall_email", "/channels", "/learning",
    "/analyses", "/analyses/retention",
]  # fmt: skip
LOOKS = [(WIDE, "light"), (NARROW, "dark")]


def test_a_segment_is_counted_while_it_is_written_and_has_members_once_published(desk: Console) -> None:
    page = desk.page("/segments")
    page.get_by_role("button", name="New segment").click()
    page.get_by_role("textbox", name="Name").fill("quick_ones")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Who belongs to it").fill("sign_ins_7d >= 1")
    would = page.get_by_text(re.compile(r"^\d+ would be in it now"))
    expect(would).to_be_visible()
    count = int((would.inner_text()).split()[0])
    assert count > 0
    page.get_by_role("button", name="Save as a draft").first.click()
    page.get_by_role("button", name="Compare and publish").click()
    expect(page.get_by_role("dialog").get_by_text("quick_ones")).to_be_visible()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("It is in force now")).to_be_visible()
    expect(page.get_by_text(f"{count} of Person in it now")).to_be_visible()
    assert desk.ask("GET", "/api/segments/quick_ones")["size"] == count


def test_what_cannot_be_read_is_said_where_it_is_written(desk: Console) -> None:
    page = desk.page("/segments/odd_ones")
    page.get_by_label("Who belongs to it").fill("logins_that_nobody_counts >= 1")
    expect(page.get_by_text(re.compile("logins_that_nobody_counts"))).to_have_count(2)
    assert desk.ask("GET", "/api/workspace/drafts") == []


def test_other_weights_are_tried_on_real_people_before_they_count(desk: Console) -> None:
    page = desk.page("/lifecycle/scores/account_health")
    slider = page.get_by_role("slider", name="Use")
    before = int(slider.get_attribute("aria-valuenow") or 0)
    slider.focus()
    slider.press("End")
    expect(page.get_by_text(re.compile(r"would be in another band"))).to_be_visible()
    assert int(slider.get_attribute("aria-valuenow") or 0) > before
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Move a weight")).to_be_visible()
    assert desk.ask("GET", "/api/workspace/drafts") == []


def test_a_template_is_shown_as_somebody_real_would_get_it(desk: Console) -> None:
    page = desk.page("/templates/hello_site")
    preview = page.get_by_role("region", name="Preview")
    title = page.get_by_label("Title")
    title.fill("{{ person.first_name | default: 'Friend' }}, what is it for?")
    expect(preview.get_by_text("what is it for?")).to_be_visible()
    title.fill("{% if %}")
    expect(preview.get_by_role("alert")).to_be_visible()


def test_a_channel_says_whether_it_works(desk: Console) -> None:
    page = desk.page("/channels")
    page.get_by_role("button", name="Does it work?").nth(1).click()
    expect(page.get_by_role("status").filter(has_text="Nothing is wrong")).to_be_visible()


def test_a_question_is_in_the_address_and_can_be_kept(desk: Console) -> None:
    page = desk.page("/analyses")
    page.get_by_role("link", name=re.compile("^Trends")).click()
    page.get_by_role("combobox", name="Event").fill("Signed In")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name="Over time").first).to_be_visible()
    assert "Signed" in page.url
    desk_sees = page.get_by_text(re.compile(r"events;")).inner_text()
    again = desk.page(page.url.removeprefix(desk.url))
    expect(again.get_by_text(desk_sees)).to_be_visible()
    with again.expect_download() as saved:
        again.get_by_role("button", name="CSV").first.click()
    assert saved.value.path().read_text().startswith("group,period,value")
    again.get_by_role("button", name="Keep", exact=True).click()
    again.get_by_role("textbox", name="Name").fill("Sign-ins")
    again.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(again.get_by_text("Sign-ins is kept")).to_be_visible()
    again.goto(f"{desk.url}/analyses")
    settled(again)
    expect(again.get_by_role("link", name="Sign-ins")).to_be_visible()


@pytest.mark.parametrize("path", PLACES)
def test_places_can_be_used_by_everybody(desk: Console, path: str) -> None:
    # Each place in one look in ordinary runs, in all of them in a soak.
    looks = LOOKS if SOAK else [LOOKS[PLACES.index(path) % len(LOOKS)]]
    for size, scheme in looks:
        page = desk.page(path, size, scheme)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            "it is wider than the screen"
        )
