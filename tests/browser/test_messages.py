"""Each kind of message in a real browser: seen, used with mouse and keyboard, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route

from .conftest import Visit

Shot = Callable[..., Any]


def test_a_banner_is_shown_and_its_link_counts_as_a_click(visit: Visit, shot: Shot) -> None:
    visit.open().show("banner")
    visit.box(".bar").wait_for()
    shot(visit)
    ident = visit.ident()
    visit.box("text=Show me").click()
    clicked = visit.come("In-App Clicked")["properties"]
    assert clicked["button"] == "link" and clicked["journey"] == "show_banner" and clicked["step"] == "say"
    assert clicked["template"] == "banner" and clicked["message_id"] == ident
    assert visit.box(".bar").count() == 0
    visit.until(lambda: visit.outcomes(ident) == ["delivered", "clicked", "closed"])


def test_a_modal_keeps_the_keyboard_inside_and_gives_it_back(visit: Visit, shot: Shot) -> None:
    visit.open()
    visit.page.focus("#name")
    visit.show("modal")
    visit.box(".modal").wait_for()
    shot(visit)
    focused = "document.activeElement.shadowRoot?.activeElement?.textContent"
    assert visit.call(focused).startswith("Shall we set it up")
    walked = []
    for _ in range(6):
        visit.page.keyboard.press("Tab")
        walked.append(visit.call(focused))
    assert walked[:4] == ["this is how", "Guide me", "A simpler way", "×"]
    assert visit.page.evaluate("document.activeElement.id") != "name"
    visit.page.keyboard.press("Escape")
    visit.until(lambda: visit.box(".modal").count() == 0)
    assert visit.call("document.activeElement.id") == "name"
    visit.come("In-App Dismissed")


def test_nothing_of_a_messages_markup_runs_or_styles(visit: Visit) -> None:
    visit.open().show("modal")
    visit.box(".modal").wait_for()
    html = visit.box(".modal").inner_html()
    assert "<strong>four minutes</strong>" in html and "Nothing is deleted." in html
    assert "style=" not in html and "onclick" not in html and "<script" not in html


def test_help_and_the_simpler_way_are_events(visit: Visit) -> None:
    visit.open().show("modal")
    visit.box("text=A simpler way").click()
    assert visit.come("Simpler Way Chosen")["properties"]["journey"] == "show_modal"
    visit.open().show("modal")
    visit.box("text=Guide me").click()
    assert visit.come("Help Requested")["properties"]["template"] == "modal"


def test_a_tooltip_points_at_its_element_and_waits_for_it(visit: Visit, shot: Shot) -> None:
    visit.site.pages["/empty"] = "<main>Nothing to point at.</main>"
    visit.open("/empty").show("tooltip")
    visit.page.wait_for_timeout(700)
    assert visit.box(".tip").count() == 0
    visit.open()
    visit.box(".tip").wait_for()
    shot(visit)
    anchor, ring = visit.page.locator("#invite").bounding_box(), visit.box(".ring").bounding_box()
    assert anchor and ring and abs(anchor["x"] - ring["x"]) < 1 and abs(anchor["y"] - ring["y"]) < 1
    visit.page.set_viewport_size({"width": 800, "height": 600})
    visit.page.wait_for_timeout(100)
    moved, ring = visit.page.locator("#invite").bounding_box(), visit.box(".ring").bounding_box()
    assert moved and ring and moved["x"] != anchor["x"] and abs(moved["x"] - ring["x"]) < 1
    visit.page.keyboard.press("Escape")
    visit.come("In-App Dismissed")
    assert visit.box(".tip").count() == 0 and visit.box(".ring").count() == 0


def test_a_tour_goes_from_step_to_step_and_on_after_a_reload(visit: Visit, shot: Shot) -> None:
    visit.open().show("tour")
    visit.box(".tip").wait_for()
    shot(visit)
    visit.box("text=Next").click()
    visit.box("h2:has-text('Run a report')").wait_for()
    assert visit.box(".tip").inner_text().count("2 of 2") == 1
    focused = "document.activeElement.shadowRoot?.activeElement?.textContent"
    walked = []
    for _ in range(3):
        visit.page.keyboard.press("Tab")
        walked.append(visit.call(focused))
    assert walked == ["Help me", "A simpler way", "Back"]
    visit.page.keyboard.press("Enter")
    visit.box("h2:has-text('Invite somebody')").wait_for()
    visit.box("text=Next").press("Enter")
    visit.box("h2:has-text('Run a report')").wait_for()
    visit.open("/elsewhere")
    visit.box("h2:has-text('Run a report')").wait_for()
    visit.box("text=Help me").click()
    visit.come("Help Requested")
    visit.box("text=Done").click()
    visit.come("Tour Completed")
    steps = [one["properties"]["step_name"] for one in visit.events("Tour Step Viewed")]
    assert steps[:4] == ["invite", "report", "invite", "report"] and visit.box(".tip").count() == 0
    ident = visit.events("Tour Completed")[0]["properties"]["message_id"]
    visit.until(lambda: "closed" in visit.outcomes(ident))
    visit.open()
    visit.page.wait_for_timeout(500)
    assert visit.box(".tip").count() == 0


def test_a_checklist_ticks_what_happens(visit: Visit, shot: Shot) -> None:
    visit.open().show("checklist")
    visit.box(".panel").wait_for()
    shot(visit)
    assert visit.box("progress").evaluate("(bar) => [bar.value, bar.max]") == [1, 3]
    visit.call("sevenfold.track('Source Connected')")
    assert visit.come("Checklist Item Completed")["properties"]["item"] == "source"
    assert visit.box("progress").evaluate("(bar) => bar.value") == 2
    visit.open()
    visit.box(".panel").wait_for()
    assert visit.box("progress").evaluate("(bar) => bar.value") == 2


def test_a_video_is_played_in_a_box_of_its_own(visit: Visit, shot: Shot) -> None:
    visit.open().show("video")
    visit.box("video").wait_for()
    shot(visit)
    assert visit.box("video").get_attribute("src") == "/clip.mp4"
    visit.box("video").dispatch_event("play")
    assert visit.come("Video Started")["properties"]["video"] == "/clip.mp4"
    visit.box("text=Help me").click()
    visit.come("Help Requested")


def test_an_inbox_counts_what_is_unread_and_opens_it(visit: Visit, shot: Shot) -> None:
    visit.open().show("inbox_one").show("inbox_two")
    bell = visit.page.locator("[data-sevenfold-inbox]")
    visit.until(lambda: bell.get_attribute("data-sevenfold-inbox") == "2")
    bell.click()
    visit.box("summary >> nth=0").click()
    shot(visit)
    opened = visit.come("In-App Opened")["properties"]["message_id"]
    assert bell.get_attribute("data-sevenfold-inbox") == "1"
    visit.until(lambda: visit.outcomes(opened) == ["delivered", "opened"])
    visit.page.keyboard.press("Escape")
    visit.until(lambda: visit.box(".list").count() == 0)
    visit.open()
    visit.until(lambda: bell.get_attribute("data-sevenfold-inbox") == "1")


def test_a_slot_keeps_its_variant_and_stands_at_once_on_the_next_page(visit: Visit, shot: Shot) -> None:
    visit.open().call("sevenfold.track('Show hero')")
    hero = visit.page.locator("[data-sevenfold-slot=hero]")
    visit.until(lambda: "Made for" in hero.inner_text())
    shot(visit)
    variant = hero.inner_text()
    # The server is out of reach, and the page shows what it showed.
    visit.page.route("**/v1/inapp/**", lambda route: route.abort())
    visit.open("/next")
    visit.until(lambda: hero.inner_text() == variant)
    visit.page.unroute("**/v1/inapp/**")
    visit.open("/again").page.wait_for_timeout(500)
    assert hero.inner_text() == variant


def test_both_variants_of_a_slot_reach_somebody(visitor: Callable[..., BrowserContext], site: Any) -> None:
    found = set()
    for _ in range(12):
        visit = Visit(visitor().new_page(), site).open()
        visit.call("sevenfold.track('Show hero')")
        hero = visit.page.locator("[data-sevenfold-slot=hero] h2")
        found.add(hero.inner_text())
        visit.page.close()
        if len(found) == 2:
            break
    assert found == {"Made for teams", "Made for you"}


def test_a_popup_waits_for_time_depth_and_page(visit: Visit, shot: Shot) -> None:
    visit.site.pages["/long/read"] = "<main><p>Long.</p>" + "<p>And longer.</p>" * 200 + "</main>"
    visit.open().show("late")
    visit.page.wait_for_timeout(600)
    assert visit.box().count() == 0
    visit.open("/long/read").page.wait_for_timeout(1_100)
    assert visit.box().count() == 0
    visit.page.evaluate("window.scrollTo(0, document.body.scrollHeight * 0.8)")
    visit.box("text=Still here?").wait_for()
    shot(visit)


def test_one_message_interrupts_at_a_time_and_not_too_often(visit: Visit) -> None:
    visit.site.options = {"gap": 600}
    visit.open().show("modal").show("video")
    visit.box(".modal").first.wait_for()
    visit.page.wait_for_timeout(300)
    assert visit.box(".modal").count() == 1
    visit.page.keyboard.press("Escape")
    visit.page.wait_for_timeout(200)
    assert visit.box(".modal").count() == 0
    visit.box(".modal").wait_for()


def test_what_is_revoked_leaves_the_screen(visit: Visit) -> None:
    visit.open().show("banner")
    visit.box(".bar").wait_for()
    visit.call("sevenfold.track('Hide banner')")
    visit.until(lambda: visit.box(".bar").count() == 0)
    assert visit.events("In-App Dismissed") == []


def test_one_click_is_answered_in_the_message(visit: Visit, shot: Shot) -> None:
    visit.open().show("upgrade")
    visit.box("text=Take the next plan").click()
    # Nobody may be called at an address of our own network.
    assert visit.come("In-App Action Failed")["properties"]["reason"] == "action_failed"
    visit.box("p:has-text('That did not work')").wait_for()
    answer = {"success": True, "message": "You are on the next plan."}
    visit.page.route("**/v1/inapp/act", lambda route: route.fulfill(json=answer))
    visit.box("text=Take the next plan").click()
    visit.box("p:has-text('You are on the next plan.')").wait_for()
    shot(visit)
    assert visit.come("In-App Action Completed")["properties"]["button"] == "upgrade"
    assert visit.box("text=Take the next plan").is_disabled()


def test_a_page_may_show_a_message_in_its_own_way(visit: Visit) -> None:
    visit.open()
    visit.call("sevenfold.on('message', (lease) => { window.mine = lease.title; return false; })")
    visit.show("modal")
    visit.until(lambda: visit.call("window.mine") == "Shall we set it up together?")
    visit.call("window.mine = 0")
    visit.page.wait_for_timeout(1_100)
    assert visit.box().count() == 0 and visit.call("window.mine") == 0


def test_a_script_is_told_what_a_slot_holds(visit: Visit) -> None:
    visit.site.pages["/app"] = "<main>A page that draws itself.</main>"
    visit.site.calls = "sevenfold.page(); told = []; sevenfold.slot('hero', (one) => told.push(one?.slot));"
    visit.open("/app").call("sevenfold.track('Show hero')")
    visit.until(lambda: visit.call("told") == ["hero"])
    visit.come("In-App Shown")
    visit.open("/app")
    visit.until(lambda: visit.call("told") == ["hero"])


def test_a_message_that_cannot_be_drawn_breaks_nothing(visit: Visit) -> None:
    visit.open()
    visit.page.route("**/v1/inapp/start", lambda route: broken(route))
    warned: list[str] = []
    visit.page.on("console", lambda line: warned.append(line.text))
    visit.open("/again")
    visit.until(lambda: [text for text in warned if "cannot be shown" in text])
    visit.show("banner")
    visit.box(".bar").wait_for()


def broken(route: Route) -> None:
    answer = route.fetch()
    told = answer.json()
    lease = {"id": "x", "kind": "form", "ttl_ms": 10_000, "payload": {"fields": [{"type": "select"}]}}
    told["leases"]["fresh"], told["leases"]["active"] = [lease], ["x"]
    route.fulfill(response=answer, json=told)


@pytest.mark.parametrize("name", ["right_to_left", "nps"])
def test_it_reads_from_right_to_left(visit: Visit, shot: Shot, name: str) -> None:
    visit.site.direction = "rtl"
    visit.open().show(name)
    visit.box().wait_for()
    shot(visit)
    box, close = visit.box().bounding_box(), visit.box(".x").bounding_box()
    assert box and close and close["x"] < box["x"] + box["width"] / 2


def test_it_fits_a_telephone(visitor: Callable[..., BrowserContext], site: Any, shot: Shot) -> None:
    visit = Visit(visitor(viewport={"width": 360, "height": 640}, has_touch=True).new_page(), site).open()
    for name in ("nps", "modal", "tour"):
        visit.show(name)
        box = visit.box().first
        box.wait_for()
        shot(visit, name)
        size = box.bounding_box()
        assert size and size["x"] >= 0 and size["x"] + size["width"] <= 360
        for button in visit.box("button:visible, a.b:visible").all():
            target = button.bounding_box()
            assert target and target["height"] >= 44, button.inner_text()
        visit.box(".x").first.click()
        visit.until(lambda: visit.box().count() == 0)


def test_motion_is_left_out_where_it_is_unwanted(visitor: Callable[..., BrowserContext], site: Any) -> None:
    named = []
    for motion in ("reduce", "no-preference"):
        visit = Visit(visitor(reduced_motion=motion).new_page(), site).open().show("banner")
        visit.box(".bar").wait_for()
        named.append(visit.box(".bar").evaluate("(box) => getComputedStyle(box).animationName"))
    assert named == ["none", "in"]


def test_forced_colours_keep_everything_to_be_seen(
    visitor: Callable[..., BrowserContext], site: Any, shot: Shot
) -> None:
    visit = Visit(visitor(forced_colors="active").new_page(), site).open().show("nps")
    visit.box(".panel").wait_for()
    visit.box("label:has-text('9')").click()
    shot(visit)
    chosen, other = (
        visit.box(f"label:has-text('{score}') span").evaluate(
            "(box) => getComputedStyle(box).backgroundColor"
        )
        for score in (9, 3)
    )
    assert chosen != other
    assert visit.box(".panel").evaluate("(box) => getComputedStyle(box).borderTopWidth") == "1px"
