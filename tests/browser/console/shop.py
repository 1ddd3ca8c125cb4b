"""A small shop whose mail arrives somewhere: what the tests of journeys and broadcasts are served."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.edges.channels.peers.smtp import SmtpPeer

from .world import Console, console

FILES = {
    "workspace.yaml": "name: shop\ntitle: A shop\n",
    "channels.yaml": """
email:
  type: email
  provider: smtp
  settings: {host: 127.0.0.1, port: PORT, security: none, from: shop@example.com}
""",
    "consent.yaml": "categories:\n  news: {default: opt_out}\n",
    "traits.yaml": "plan: {type: string}\n",
    "signals/signals.yaml": """
orders: {kind: count, of: person, event: Order Completed}
visits: {kind: count, of: person, event: Shop Visited}
""",
    "segments/segments.yaml": """
buyers: {of: person, when: orders >= 1, description: Bought at least once}
visitors: {of: person, when: visits >= 1}
""",
    "templates/mail.yaml": """
thanks:
  channel: email
  category: news
  subject: Thank you for order {{ event.order }}
  text: We pack it now. {{ links.unsubscribe }}
spring:
  channel: email
  category: news
  subject: Spring is here
  text: Everything is green. {{ links.unsubscribe }}
""",
    "journeys/return.yaml": """
comeback:
  title: Come back
  triggers: [{kind: event, event: Shop Visited}]
  category: news
  steps:
    rest: {kind: wait, for: 30d}
    mail: {kind: message, template: spring}
""",
}
UNTIL_S = 40.0


def subjects_to(peer: SmtpPeer, address: str) -> list[str]:
    """The subjects of the mails that somebody got."""
    mine = [one.content for one in peer.taken if address in one.recipients]
    return [str(message_from_bytes(content, policy=policy.default)["Subject"]) for content in mine]


class Shop:
    """A served shop, its console, and its mail."""

    def __init__(self, desk: Console, mail: SmtpPeer) -> None:
        self.desk, self.mail = desk, mail
        self._people: set[str] = set()

    def happen(self, user: str, event: str, **properties: Any) -> None:
        """Somebody does something."""
        served = self.desk.served
        if user not in self._people:
            self._people.add(user)
            traits = {"email": f"{user}@example.com"}
            served.post("/v1/identify", {"userId": user, "traits": traits}).raise_for_status()
        body = {"userId": user, "event": event, "properties": properties}
        served.post("/v1/track", body).raise_for_status()

    def mail_to(self, address: str) -> list[str]:
        """The subjects of the mails that somebody got."""
        return subjects_to(self.mail, address)

    def running(self, journey: str) -> dict[str, int]:
        """How many stand at each step of a journey, whatever the version."""
        found: dict[str, int] = {}
        for version in self.desk.ask("GET", f"/api/journeys/{journey}")["versions"]:
            for step, runs in version["standing"].items():
                found[step] = found.get(step, 0) + runs
        return found


def until(page: Page, holds: Callable[[], Any], what: str = "it does not come") -> Any:
    """Waits until something holds, and gives it."""
    end = time.monotonic() + UNTIL_S
    while not (found := holds()):
        assert time.monotonic() < end, what
        page.wait_for_timeout(100)
    return found


@contextmanager
def shop(folder: Path, browser: Browser) -> Iterator[Shop]:
    """A shop that has just opened, with one admin."""
    with SmtpPeer() as mail:
        workspace = folder / "workspace"
        for name, text in FILES.items():
            path = workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("PORT", str(mail.port)))
        with console(folder / "data", browser, str(workspace)) as desk:
            yield Shop(desk.set_up(), mail)
