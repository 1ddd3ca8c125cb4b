"""The line on which messages come: one tab holds it, others hear; servers refuse, people change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext

from sevenfold.server.inapp import proof_of, proof_secret

from .conftest import Visit

ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"
PUSH_KEY = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"


def streams(site: Any, since: int) -> int:
    return sum(path == "GET /v1/inapp/stream" for path, _ in site.asked[since:])


def test_one_tab_holds_the_line_and_another_takes_it_over(
    visitor: Callable[..., BrowserContext], site: Any
) -> None:
    context = visitor()
    asked = len(site.asked)
    first, second = Visit(context.new_page(), site), Visit(context.new_page(), site)
    first.open()
    first.come("page")
    first.until(lambda: streams(site, asked) == 1)
    second.open("/two").page.wait_for_timeout(300)
    assert streams(site, asked) == 1
    # It comes to the tab in front, whoever holds the line, and is closed in all of them.
    second.show("inbox_one")
    for tab in (first, second):
        tab.until(lambda tab=tab: tab.page.locator("[data-sevenfold-inbox='1']").count())
    first.page.close()
    second.until(lambda: streams(site, asked) == 2)
    second.show("inbox_two")
    second.until(lambda: second.page.locator("[data-sevenfold-inbox='2']").count())


def test_what_is_closed_in_one_tab_is_closed_in_all(
    visitor: Callable[..., BrowserContext], site: Any
) -> None:
    context = visitor()
    first, second = Visit(context.new_page(), site), Visit(context.new_page(), site)
    first.open().show("checklist")
    first.box(".panel").wait_for()
    second.open("/two")
    second.box(".panel").wait_for()
    second.box(".x").click()
    first.until(lambda: first.box(".panel").count() == 0)


def test_where_no_stream_can_be_held_asking_stands_in(visit: Visit) -> None:
    visit.site.streams = False
    visit.page.clock.install()
    visit.page.goto(visit.site.home)
    visit.until(lambda: visit.call("!!sevenfold.flush"))
    asked = len(visit.site.asked)

    def polled() -> bool:
        visit.page.clock.run_for(2_000)
        return any(path == "GET /v1/inapp/poll" for path, _ in visit.site.asked[asked:])

    visit.until(polled, 15)
    visit.show("inbox_one")

    def heard() -> bool:
        visit.page.clock.run_for(5_000)
        return bool(visit.page.locator("[data-sevenfold-inbox='1']").count())

    visit.until(heard, 15)


def test_a_message_follows_somebody_to_another_browser_only_with_a_proof(
    visitor: Callable[..., BrowserContext], site: Any
) -> None:
    visit = Visit(visitor().new_page(), site).open()
    user = f"user-{visit.id}"
    visit.call(f"sevenfold.identify('{user}')")
    visit.show("inbox_one")
    visit.until(lambda: visit.page.locator("[data-sevenfold-inbox='1']").count())
    proof = proof_of(proof_secret(site.services.secrets, "site"), user)
    other = Visit(visitor().new_page(), site).open()
    other.call(f"sevenfold.identify('{user}', {{}}, {{proof: '{proof}'}})")
    other.until(lambda: other.page.locator("[data-sevenfold-inbox='1']").count())
    other.call("sevenfold.reset()")
    other.until(lambda: other.page.locator("[data-sevenfold-inbox='']").count())


def test_push_is_asked_for_after_a_click_and_told_as_an_address(
    visitor: Callable[..., BrowserContext], site: Any
) -> None:
    context = visitor()
    context.grant_permissions(["notifications"], origin=site.home)
    page = context.new_page()
    # What a push service would answer: there is none within reach.
    keys = "{p256dh: 'BPoint', auth: 'c2VjcmV0'}"
    page.add_init_script(
        "PushManager.prototype.subscribe = async (options) => { window.asked = options;"
        f"return {{toJSON: () => ({{endpoint: '{ENDPOINT}', keys: {keys}}})}}; }};"
    )
    page.route("**/v1/inapp/start", lambda route: with_push_key(route))
    visit = Visit(page, site).open()
    visit.come("page")
    visit.page.wait_for_timeout(300)
    assert visit.call("sevenfold.subscribe()") is True
    event = visit.come("Push Subscribed")
    assert event["context"]["device"]["token"] == f"{ENDPOINT}#BPoint.c2VjcmV0"
    assert event["context"]["device"]["type"] == "web"
    assert visit.call("new Uint8Array(window.asked.applicationServerKey).length") == 65
    worker = visit.until(lambda: context.service_workers and context.service_workers[0])
    assert "/sevenfold-push.js?key=" in worker.url
    found = {
        "title": "Done",
        "body": "It is ready.",
        "navigate": site.home + "/report",
        "data": {"id": "0" * 16},
    }
    worker.evaluate(
        "(shown) => self.dispatchEvent(new PushEvent('push', {data: JSON.stringify({notification: shown})}))",
        found,
    )
    assert visit.come("Push Notification Received")["properties"]["message_id"] == "0" * 16
    titles = "async () => (await self.registration.getNotifications()).map((one) => one.title)"
    visit.until(lambda: worker.evaluate(titles) == ["Done"])
    worker.evaluate(
        "async () => { const [notification] = await self.registration.getNotifications();"
        "self.dispatchEvent(new NotificationEvent('notificationclose', {notification})); }"
    )
    visit.come("Push Notification Dismissed")
    worker.evaluate(
        "async () => { const [notification] = await self.registration.getNotifications();"
        "self.dispatchEvent(new NotificationEvent('notificationclick', {notification})); }"
    )
    visit.come("Push Notification Tapped")
    assert ("POST /v1/inapp/push", "") in site.asked
    fresh = f"{{toJSON: () => ({{endpoint: '{ENDPOINT}/2', keys: {keys}}})}}"
    worker.evaluate(
        "self.dispatchEvent(Object.assign(new ExtendableEvent('pushsubscriptionchange'),"
        f"{{newSubscription: {fresh}}}))"
    )
    moved = visit.come("Push Subscribed", 2)
    assert moved["context"]["device"]["token"] == f"{ENDPOINT}/2#BPoint.c2VjcmV0"


def with_push_key(route: Any) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, json={**answer.json(), "push_key": PUSH_KEY})
