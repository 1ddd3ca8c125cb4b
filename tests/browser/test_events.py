"""What a page sends: batches that arrive once whatever happens, visits, attention, consent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext

from .conftest import Visit


def twice(visit: Visit) -> list[str]:
    """Ids of messages that the log has more than once."""
    return [
        one for one, count in Counter(event["messageId"] for event in visit.site.log()).items() if count > 1
    ]


def batches(visit: Visit) -> int:
    return sum(path == "POST /v1/batch" for path, _ in visit.site.asked)


def test_events_are_segments_and_go_in_batches(visit: Visit) -> None:
    visit.open("/pricing?utm_source=news&utm_campaign=may&utm_content=b")
    visit.come("page")
    before = batches(visit)
    visit.call("for (let i = 0; i < 15; i++) sevenfold.track('Clicked', {i})")
    visit.come("Clicked", 15)
    assert batches(visit) == before + 1
    assert [one["properties"]["i"] for one in visit.events("Clicked")] == list(range(15))
    page = visit.events("page")[0]
    assert page["properties"]["path"] == "/pricing" and page["properties"]["title"] == "Pricing"
    context = page["context"]
    assert context["campaign"] == {"source": "news", "name": "may", "content": "b"}
    assert context["page"]["search"].startswith("?utm_source") and context["locale"] == "en-US"
    assert context["timezone"] and context["userAgent"] and context["library"]["name"] == "sevenfold.js"


def test_the_lines_of_the_guide_work_as_they_stand(visit: Visit) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "snippet.md").read_text()
    lines, tag = re.findall(r"```html\n(.*?)```", guide, re.DOTALL)[:2]
    assert len(lines.splitlines()) == 7
    for path, text in (("/lines", lines), ("/tag", tag)):
        text = text.replace("https://events.example.com", visit.site.events)
        text = text.replace("wk_your_write_key", visit.site.key)
        visit.site.documents[path] = (
            f"<!doctype html><title>{path}</title><script>violations=[]</script>{text}"
        )
        visit.open(path)
        visit.until(lambda path=path: [p for p in visit.events("page") if p["properties"]["path"] == path])
    visit.call("sevenfold.track('Clicked')")
    visit.come("Clicked")


def test_who_logs_in_is_the_visitor_they_were(visit: Visit) -> None:
    visit.open()
    before = visit.id
    visit.call(
        "sevenfold.identify('u-' + sevenfold.anonymousId(), {email: 'grace@example.com', plan: 'pro'})"
    )
    visit.call("sevenfold.group('acme', {name: 'Acme'}); sevenfold.track('Report Run')")
    ran = visit.come("Report Run")
    assert ran["userId"] == f"u-{before}" and ran["anonymousId"] == before
    assert ran["context"]["groupId"] == "acme"
    assert visit.events("identify")[0]["traits"]["plan"] == "pro"
    visit.open("/again")
    assert visit.come("page", 2)["userId"] == f"u-{before}"
    visit.call("sevenfold.reset()")
    assert visit.id != before and visit.call("sevenfold.userId()") is None
    visit.call("sevenfold.alias('u-2', 'u-1')")
    assert visit.come("alias")["previousId"] == "u-1"


def test_every_event_arrives_once_through_refusals_and_lost_answers(visit: Visit) -> None:
    visit.open()
    visit.come("page")
    visit.site.after_taking = True
    visit.site.replies.extend([(500, ""), (503, "1")])
    visit.call("for (let i = 0; i < 5; i++) sevenfold.track('Bought', {i})")
    visit.until(lambda: not visit.site.replies)
    assert len(visit.events("Bought")) == 5
    visit.call("sevenfold.track('Last')")
    visit.come("Last")
    assert len(visit.events("Bought")) == 5 and twice(visit) == []


def test_a_server_that_asks_for_time_gets_it(visit: Visit) -> None:
    visit.open()
    visit.come("page")
    visit.site.replies.append((429, "2"))
    visit.call("sevenfold.track('Bought')")
    visit.until(lambda: not visit.site.replies)
    count = batches(visit)
    visit.call("sevenfold.track('Bought'); sevenfold.flush(); window.dispatchEvent(new Event('online'))")
    visit.page.wait_for_timeout(1_400)
    assert batches(visit) == count
    visit.come("Bought", 2)


def test_what_was_done_offline_is_sent_by_the_next_page(
    visitor: Callable[..., BrowserContext], site: Any
) -> None:
    context = visitor()
    visit = Visit(context.new_page(), site).open()
    visit.come("page")
    mine = visit.id
    visit.page.route("**/v1/batch", lambda route: route.abort())
    visit.call("for (let i = 0; i < 4; i++) sevenfold.track('Offline', {i})")
    visit.page.wait_for_timeout(300)
    visit.page.close()
    later = Visit(context.new_page(), site).open("/later")
    later.come("Offline", 4)
    assert later.id == mine and twice(later) == []
    assert [one["properties"]["i"] for one in later.events("Offline")] == [0, 1, 2, 3]


def test_a_refused_event_is_not_tried_for_ever(visit: Visit) -> None:
    visit.open()
    visit.come("page")
    visit.site.replies.append((400, ""))
    visit.call("sevenfold.track('Refused')")
    visit.until(lambda: not visit.site.replies)
    visit.call("sevenfold.track('Large', {text: 'x'.repeat(40000)}); sevenfold.track('Fine')")
    visit.come("Fine")
    assert visit.events("Refused", "Large") == []


def test_long_texts_of_many_bytes_arrive(visit: Visit) -> None:
    visit.open()
    visit.come("page")
    visit.call("for (let i = 0; i < 10; i++) sevenfold.track('Written', {text: '\u5b57'.repeat(5000)})")
    visit.come("Written", 10)


def test_time_and_depth_of_a_page_are_told_when_it_is_left(visit: Visit) -> None:
    visit.site.pages["/faq"] = "<main>" + "<p>An answer.</p>" * 100 + "</main>"
    visit.site.calls = "sevenfold.page('FAQ');"
    visit.open("/faq")
    visit.page.wait_for_timeout(600)
    visit.call("window.scrollTo(0, document.body.scrollHeight / 2)")
    visit.page.wait_for_timeout(100)
    # Somebody looks at another tab for a while: that is no reading.
    hide = "Object.defineProperty(document, 'visibilityState', {value: '%s', configurable: true});"
    hide += "document.dispatchEvent(new Event('visibilitychange'))"
    visit.call(hide % "hidden")
    first = visit.come("Page Left")["properties"]
    visit.page.wait_for_timeout(700)
    visit.call(hide % "visible")
    visit.page.wait_for_timeout(300)
    visit.site.calls = "sevenfold.page();"
    visit.open("/other")
    second = visit.come("Page Left", 2)["properties"]
    assert first["name"] == second["name"] == "FAQ" and first["path"] == "/faq"
    assert 550 <= first["duration_ms"] < 2_500 and 250 <= second["duration_ms"] < 2_500
    assert second["total_ms"] == first["duration_ms"] + second["duration_ms"]
    assert 40 <= second["scroll_percent"] <= 80
    assert twice(visit) == []
    # So that a condition such as "15 minutes of FAQ" is a sum.
    found = visit.site.run(visit.site.live.ask("visitor", anonymous=visit.id))["person"]
    profile = visit.site.run(visit.site.live.ask("profile", of="person", id=found))
    assert profile["signals"]["faq_ms_2d"] == second["total_ms"]


def test_a_new_address_is_a_page_view_unless_the_site_tells_of_it_itself(visit: Visit) -> None:
    visit.open()
    visit.call("history.pushState({}, '', '/reports')")
    assert visit.come("page", 2)["properties"]["path"] == "/reports"
    assert visit.events("page")[1]["properties"]["referrer"].endswith("/")
    visit.call("history.pushState({}, '', '/told'); sevenfold.page('Told')")
    visit.page.wait_for_timeout(500)
    assert [one.get("name") for one in visit.events("page")] == [None, None, "Told"]
    visit.page.go_back()
    assert visit.come("page", 4)["properties"]["path"] == "/reports"


def test_a_visit_ends_after_half_an_hour(visit: Visit) -> None:
    visit.open()
    first = visit.call("sevenfold.session()")
    visit.call("sevenfold.track('One')")
    assert visit.come("One")["context"]["sessionId"] == first["id"]
    visit.call("const real = Date.now; Date.now = () => real() + 29 * 60000; sevenfold.track('Two')")
    visit.call("Date.now = ((now) => () => now() + 31 * 60000)(Date.now); sevenfold.track('Three')")
    three, two = visit.come("Three"), visit.events("Two")[0]
    assert two["context"]["sessionId"] == first["id"]
    assert three["context"]["sessionId"] != first["id"]
    assert three["context"]["session"]["number"] == 2 and three["context"]["session"]["first"] is True


def test_nothing_is_stored_or_sent_before_somebody_agrees(visit: Visit) -> None:
    visit.site.options = {"consent": "opt-in"}
    asked = len(visit.site.asked)
    visit.open().call("sevenfold.track('Early'); sevenfold.identify('u-early')")
    visit.page.wait_for_timeout(400)
    assert [path for path, _ in visit.site.asked[asked:]] == ["GET /sevenfold.js"]
    assert visit.call("localStorage.length + document.cookie.length") == 0
    visit.call("sevenfold.consent({product: true, offers: false})")
    told = visit.come("Segment Consent Preference Updated")
    assert told["context"]["consent"] == {"categoryPreferences": {"product": True, "offers": False}}
    early = visit.come("Early")
    assert early["anonymousId"] == told["anonymousId"] and "consent" not in early["context"]
    assert visit.call("localStorage.length") > 0 and "sevenfold_id" in visit.call("document.cookie")
    mine = visit.id
    visit.open("/next")
    assert visit.come("page", 2)["anonymousId"] == mine
    visit.call("sevenfold.consent(false); sevenfold.track('Late')")
    visit.until(lambda: len([e for e in visit.site.named(told["event"]) if e["anonymousId"] == mine]) == 2)
    assert visit.call("localStorage.length + document.cookie.length") == 0
    visit.page.wait_for_timeout(200)
    assert visit.site.named("Late") == [] and visit.call("sevenfold.anonymousId()") is None


def test_a_browser_that_sends_global_privacy_control_is_asked_first(
    visitor: Callable[..., BrowserContext], site: Any
) -> None:
    context = visitor()
    context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {value: true})"
    )
    visit = Visit(context.new_page(), site).open()
    visit.page.wait_for_timeout(300)
    assert visit.call("localStorage.length + document.cookie.length") == 0
    visit.call("sevenfold.consent(true)")
    visit.come("page")
