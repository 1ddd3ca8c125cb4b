"""Which openings and clicks are a person's: the table of `machines`, line by line."""

from __future__ import annotations

from typing import Any

import pytest

from sevenfold.server.tracking.machines import GMAIL_PREFETCH, Look, machine

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
CUBOT = "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/91.0 Mobile Safari/537.36"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def look(what: str = "clicked", agent: str = CHROME, more_headers: str = "", **more: Any) -> str:
    headers = {"user-agent": agent} if agent else {}
    if more_headers:
        headers[more_headers] = "prefetch;prerender"
    given: dict[str, Any] = {"since_sent": 60_000, "address": "203.0.113.9", **more}
    return machine(Look(what=what, headers=headers, **given))  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["opened", "clicked"])
@pytest.mark.parametrize("agent", [CHROME, IPHONE, CUBOT])
def test_a_browser_is_a_person(what: str, agent: str) -> None:
    assert look(what, agent) == ""


@pytest.mark.parametrize(
    ("agent", "why"),
    [
        ("", "no_agent"),
        ("Googlebot/2.1 (+http://www.google.com/bot.html)", "scanner"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "scanner"),
        ("facebookexternalhit/1.1", "scanner"),
        ("WhatsApp/2.23.20.0", "scanner"),
        ("curl/8.5.0", "scanner"),
        ("python-requests/2.32", "scanner"),
        ("Go-http-client/2.0", "scanner"),
        ("Barracuda Sentinel (EE)", "scanner"),
        ("Mozilla/5.0 (Windows NT 10.0) Proofpoint URL Defense", "scanner"),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0; Pro)", "scanner"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/142.0 Safari/537.36", "scanner"),
    ],
)
def test_what_names_itself_a_machine_is_one(agent: str, why: str) -> None:
    assert look(agent=agent) == why


def test_a_look_at_where_a_link_leads_is_a_machine() -> None:
    assert look(method="HEAD") == "head"


@pytest.mark.parametrize("header", ["sec-purpose", "purpose", "x-purpose", "x-moz"])
def test_a_browser_that_fetches_ahead_says_so(header: str) -> None:
    assert look(more_headers=header) == "prefetch"


def test_apples_privacy_proxy_opens_everything_and_so_nothing() -> None:
    assert look("opened", "Mozilla/5.0") == "privacy_proxy"
    assert look("clicked", "Mozilla/5.0") == ""


def test_gmail_shows_pictures_to_people_and_fetches_some_ahead() -> None:
    assert look("opened", GMAIL) == ""
    assert look("opened", GMAIL, since_sent=500) == "too_soon"
    assert look("opened", GMAIL_PREFETCH) == "gmail_prefetch"


@pytest.mark.parametrize(
    "address", ["17.58.101.4", "::ffff:17.58.101.4", "64.235.150.1", "148.163.130.7", "104.47.55.1"]
)
def test_mail_systems_are_known_by_their_networks(address: str) -> None:
    assert look(address=address) == "network"
    assert look("opened", address=address) == "network"


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::1", "", "not an address", "18.0.0.1"])
def test_other_networks_say_nothing(address: str) -> None:
    assert look(address=address) == ""


def test_nobody_reads_a_mail_within_seconds_but_a_notification_can_be_tapped_at_once() -> None:
    assert look(since_sent=2_999) == "too_soon" and look(since_sent=3_000) == ""
    assert look(since_sent=500, kind="app_push") == "" and look(since_sent=500, kind="sms") == ""
    assert look(since_sent=None) == ""


def test_a_third_link_at_once_is_a_scanners() -> None:
    assert [look(links=n) for n in (1, 2, 3, 9)] == ["", "", "several", "several"]
    assert look(links=5, kind="sms") == ""
