"""Killed at any moment, under load, nothing acknowledged is lost, nothing is decided or accepted twice, and
what is there in the end is what an uninterrupted run over the same log gives.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.engine.definition import UNDEFINED
from sevenfold.log.reader import LogReader
from sevenfold.server.history import History
from sevenfold.server.serve import LOG_FOLDER
from sevenfold.snapshots import Recovered, fold_record, latest, read, records_from
from tests.edges.server.serving import Served, start

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
KILLS = 50 if SOAK else 4
PEOPLE = 40
PAUSE_S = 0.01 if SOAK else 0.05
"""Between batches of a client. Four kills need no thousands of mails to be told apart."""
WORKSPACE = {
    "workspace.yaml": "name: killed\n",
    "channels.yaml": """
email: {type: email, provider: smtp, unknown: hold, settings: {host: 127.0.0.1, port: PORT, security: none,
from: shop@example.com}} """,
    "consent.yaml": "categories:\n  news: {default: opt_out}\n",
    "signals/signals.yaml": """
orders: {kind: count, of: person, event: Order Completed}
orders_1h: {kind: count, of: person, event: Order Completed, window: 1h}
""",
    "segments/segments.yaml": "buyers: {of: person, when: orders >= 3}\n",
    "templates/hello.yaml": """
hello: {channel: email, category: news, subject: "Order {{ event.order }}", text: "Thanks {{ signal.orders }}
{{ links.unsubscribe }}"} """,
    "journeys/thanks.yaml": """
thanks:
  triggers: [{kind: event, event: Order Completed}]
  re_entry: {unlimited: 1000}
  steps:
    pause: {kind: wait, for: 500ms}
    say: {kind: message, template: hello}
""",
}


class Mailbox:
    """A real SMTP server that remembers what it accepted."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        await asyncio.sleep(0.002)
        self.accepted[str(message_from_bytes(envelope.content)["Message-ID"])] += 1
        return "250 accepted"


class Load:
    """Clients that send events and try again until they are acknowledged, as the real ones do."""

    def __init__(self, seed: int) -> None:
        self.url = ""
        self.key = ""
        self.acknowledged: set[str] = set()
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(name,)) for name in "ab"]
        for thread in self._threads:
            thread.start()

    def _send(self, name: str) -> None:
        number = 0
        with httpx.Client(timeout=5, trust_env=False) as client:
            while not self._stop.is_set():
                batch = []
                for _ in range(self._random.randint(1, 30)):
                    number += 1
                    user = f"u{self._random.randrange(PEOPLE)}"
                    batch.append(self._event(f"{name}{number}", user))
                while not self._acknowledged(client, batch):
                    time.sleep(0.05)
                self.acknowledged.update(one["messageId"] for one in batch)
                time.sleep(PAUSE_S)

    def _event(self, message: str, user: str) -> dict[str, Any]:
        if self._random.random() < 0.3:
            traits = {"email": f"{user}@example.com"}
            return {"type": "identify", "messageId": message, "userId": user, "traits": traits}
        buying = self._random.random() < (0.2 if SOAK else 0.1)
        name = "Order Completed" if buying else "Product Viewed"
        return {
            "type": "track", "messageId": message, "userId": user, "event": name,
            "properties": {"order": message},
        }  # fmt: skip

    def _acknowledged(self, client: httpx.Client, batch: list[dict[str, Any]]) -> bool:
        try:
            reply = client.post(f"{self.url}/v1/batch", json={"batch": batch}, auth=(self.key, ""))
        except httpx.HTTPError:
            return self._stop.is_set()
        return reply.status_code == 200

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    handler = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop(no_assert=True)


def written(folder: Path, port: int) -> Path:
    for name, text in WORKSPACE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("PORT", str(port)))
    return folder


def settled(service: Served, seconds: float = 180) -> None:
    """Waits until everything is folded, sent and stored, and nothing more is due."""
    end, calm = time.monotonic() + seconds, 0
    status: dict[str, Any] = {}
    while calm < 8:
        assert time.monotonic() < end, f"the service does not come to rest: {status}"
        time.sleep(0.2)
        try:
            status = service.api("GET", "/api/status").json()
        except httpx.HTTPError:
            continue
        sender = status.get("delivery", {}).get("sender", {})
        still = status.get("fold_lag") == 0 and status.get("history_lag") == 0 and sender.get("waiting") == 0
        calm = calm + 1 if still and sender.get("running") else 0


def told(effects: list[Effect]) -> list[tuple[int, str, str, str, str]]:
    return [(e.time, e.kind, e.of, e.subject, e.name) for e in effects]


@pytest.mark.parametrize("seed", [1] if not SOAK else [1, 2, 3])
def test_killed_under_load_it_loses_nothing_and_repeats_nothing(
    seed: int, tmp_path: Path, mailbox: tuple[Mailbox, int]
) -> None:
    chance = random.Random(seed)
    box, port = mailbox
    folder = tmp_path / "data"
    service = start(folder, str(written(tmp_path / "workspace", port)))
    load = Load(seed)
    load.url, load.key = service.url, service.write_key
    try:
        write_key, api_key = service.write_key, service.api_key
        service.until_ready()
        for number in range(KILLS):
            time.sleep(chance.uniform(0.3, 1.5))
            victim = ("hub", "fold", "delivery", "hub")[number % 4]
            print(f"seed {seed}: kill {number} ends the {victim}")
            if victim == "hub":
                service.kill()
                service = start(folder)
                service.write_key, service.api_key = write_key, api_key
                load.url = service.url
            else:
                found = service.children().get(victim)
                if found is not None:
                    found.kill()
        time.sleep(1)
        load.end()
        settled(service)
        assert service.stop() == 0
    finally:
        load.end()
        if service.process.poll() is None:
            service.kill()
    check(folder, load, box)


def check(folder: Path, load: Load, box: Mailbox) -> None:
    reader = LogReader(folder / LOG_FOLDER)
    again = Recovered(Fold(UNDEFINED))
    effects: list[Effect] = []
    stored: Counter[str] = Counter()
    for record in records_from(reader, 0):
        for entry in record.entries:
            stored[json.loads(entry.raw)["messageId"]] += 1
        effects += fold_record(again, record)
    reader.close()
    assert load.acknowledged - set(stored) == set(), "acknowledged events are lost"
    assert [message for message, times in stored.items() if times > 1] == [], "events are stored twice"
    assert len(load.acknowledged) > 100

    history = History(folder)
    seen: list[tuple[int, str, str, str, str]] = []
    after: int | None = -1
    while after is not None:
        page = history.effects(after=after, limit=500)
        seen += [(e.time, e.kind, e.of, e.subject, e.name) for e in page.items]
        after = page.next
    history.close()
    assert seen == told(effects), "the history is not what the log says"

    decided = [effect.data["effect"] for effect in effects if effect.kind == "message"]
    assert len(decided) == len(set(decided)) > 10
    assert [key for key, times in box.accepted.items() if times > 1] == [], "a message was accepted twice"
    assert len(box.accepted) <= len(decided)
    unknown = {e.data["effect"] for e in effects if e.kind == "outcome" and e.data["outcome"] == "unknown"}
    assert len(decided) - len(box.accepted) <= len(unknown), "a message was neither sent nor is unknown"

    snapshot = latest(folder / "snapshots")
    assert snapshot is not None
    ended = read(snapshot)
    assert ended.emitted == again.fold.emitted
    for of in ("person", "account"):
        assert ended.subjects(of) == again.fold.subjects(of)
