"""The service as its users meet it: events in, messages out, outcomes back, and everything still there
afterwards.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from sevenfold.server.measures.line import WarehouseOptions
from sevenfold.server.measures.process import serve as serve_warehouse
from sevenfold.snapshots import head_of, latest
from tests.edges.channels.peers.smtp import SmtpPeer
from tests.edges.server.serving import START_S, Served, served, start

FILES = {
    "workspace.yaml": "name: shop\n",
    "channels.yaml": """
email:
  type: email
  provider: smtp
  settings: {host: 127.0.0.1, port: PORT, security: none, from: Shop <shop@example.com>}
""",
    "consent.yaml": "categories:\n  news: {default: opt_out, title: News}\n",
    "signals/signals.yaml": "orders: {kind: count, of: person, event: Order Completed}\n",
    "segments/segments.yaml": "buyers: {of: person, when: orders >= 2}\n",
    "templates/hello.yaml": """
hello:
  channel: email
  category: news
  subject: "Order {{ event.order }}"
  html: '<p>Hello {{ person.first_name | default: "there" }}, <a href="https://shop.example/o/{{ event.order
  }}">your order</a>. <a href="{{ links.unsubscribe }}">Leave</a></p>' """,
    "journeys/thanks.yaml": """
thanks:
  triggers: [{kind: event, event: Order Completed}]
  re_entry: {unlimited: 100}
  steps:
    say: {kind: message, template: hello}
""",
}


@pytest.fixture(scope="module")
def smtp() -> Iterator[SmtpPeer]:
    with SmtpPeer() as peer:
        yield peer


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, smtp: SmtpPeer) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("PORT", str(smtp.port)))
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, workspace: Path) -> Iterator[Served]:
    """One that runs while several tests look at it, each with a customer of its own."""
    with served(tmp_path_factory.mktemp("running") / "data", str(workspace)) as found:
        yield found


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, workspace: Path, smtp: SmtpPeer) -> Served:
    """One that sent two mails to u1 and was stopped in order; tests go on in copies of its folder."""
    with served(tmp_path_factory.mktemp("stopped") / "data", str(workspace)) as found:
        customer(found, "u1")
        order(found, 1, "u1")
        order(found, 2, "u1")
        eventually(lambda: len(mails(smtp, "u1")) == 2)
        eventually(lambda: outcomes(found) == ["sent", "sent"])
        assert found.stop() == 0
    return found


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    """What `look` finds, as soon as it finds anything."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def order(service: Served, number: int, user: str) -> None:
    properties = {"order": str(number)}
    event = {"userId": user, "event": "Order Completed", "messageId": f"{user}-{number}"}
    reply = service.post("/v1/track", {**event, "properties": properties})
    assert reply.status_code == 200, reply.text


def clicks(service: Served, effect: str) -> list[dict[str, Any]]:
    found = service.api("GET", f"/api/messages/{effect}").json()["outcomes"]
    return [one for one in found if one["outcome"] == "clicked"]


def customer(service: Served, user: str) -> None:
    traits = {"email": f"{user}@example.com", "first_name": "Kim"}
    assert (
        service.post("/v1/identify", {"userId": user, "messageId": user, "traits": traits}).status_code == 200
    )


def refused_serve(*arguments: str) -> str:
    """What a service that cannot start says."""
    command = [sys.executable, "-m", "sevenfold.cli", "serve", *arguments]
    found = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)
    assert found.returncode == 2 and "Traceback" not in found.stderr
    return found.stderr


def mails(smtp: SmtpPeer, user: str) -> list[Message]:
    found = [message_from_bytes(one.content) for one in smtp.taken]
    return [one for one in found if one["To"] == f"{user}@example.com"]


def outcomes(service: Served) -> list[str]:
    found = service.api("GET", "/api/messages").json()["items"]
    return [one["status"] for one in found]


def test_an_event_becomes_a_mail_and_what_the_customer_does_with_it_comes_back(
    service: Served, smtp: SmtpPeer
) -> None:
    customer(service, "kim")
    order(service, 1, "kim")
    mail = eventually(lambda: mails(smtp, "kim"))[0]
    assert mail["Subject"] == "Order 1"
    html = mail.get_payload(decode=True).decode() if not mail.is_multipart() else ""
    for part in mail.walk():
        if part.get_content_type() == "text/html":
            html = part.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert "Kim" in html
    link = re.search(r'href="([^"]+/l/[^"]+)"', html)
    assert link is not None
    eventually(lambda: outcomes(service) == ["sent"])
    clicked = httpx.get(
        link[1], follow_redirects=False, trust_env=False, headers={"User-Agent": "Mozilla/5.0"}
    )
    assert clicked.status_code == 302 and clicked.headers["location"] == "https://shop.example/o/1"
    # So soon after it was sent it may have been a scanner: it is written down, and marked.
    effect = service.api("GET", "/api/messages").json()["items"][0]["effect"]
    told = eventually(lambda: clicks(service, effect))
    assert [one["machine"] for one in told] == [True]

    leave = mail["List-Unsubscribe"].strip("<>").split(">")[0]
    gone = httpx.post(leave, data={"List-Unsubscribe": "One-Click"}, trust_env=False)
    assert gone.status_code == 200
    order(service, 2, "kim")
    eventually(lambda: "held" in outcomes(service))
    assert len(mails(smtp, "kim")) == 1


def test_the_fold_and_the_delivery_are_started_again_when_they_end(service: Served, smtp: SmtpPeer) -> None:
    customer(service, "lee")
    for number, name in enumerate(("fold", "delivery", "fold", "delivery")):
        eventually(lambda name=name: service.children().get(name)).kill()
        order(service, number, "lee")
        eventually(lambda number=number: len(mails(smtp, "lee")) == number + 1)


def test_a_second_service_in_one_folder_is_refused_with_a_reason(service: Served) -> None:
    assert "Another process owns this log" in refused_serve("--data", str(service.folder), "--port", "0")


def test_a_port_that_is_taken_is_an_error_that_says_so(service: Served, tmp_path: Path) -> None:
    port = str(urlsplit(service.url).port)
    assert "cannot listen" in refused_serve("--data", str(tmp_path / "other"), "--port", port)


def test_a_folder_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path, workspace: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(AssertionError, match="did not start") as found:
        start(blocked, str(workspace))
    assert "blocked" in str(found.value) and "Traceback" not in str(found.value)


def test_a_warehouse_whose_service_was_gone_before_it_had_begun_ends(tmp_path: Path) -> None:
    socket = tmp_path / "warehouse.sock"
    serve_warehouse(WarehouseOptions(str(socket), str(tmp_path), str(tmp_path / "log"), hub=0))
    assert not socket.exists() and not list(tmp_path.iterdir())


@contextmanager
def going_on(stopped: Served, data: Path) -> Iterator[Served]:
    """A service that goes on with a folder of the one that was stopped."""
    with served(data) as again:
        again.api_key, again.write_key = stopped.api_key, stopped.write_key
        again.until_ready()
        yield again


def test_what_was_there_is_there_after_a_stop_and_nothing_is_folded_again(
    tmp_path: Path, stopped: Served, smtp: SmtpPeer
) -> None:
    data = shutil.copytree(stopped.folder, tmp_path / "data")
    snapshot = latest(data / "snapshots")
    assert snapshot is not None
    position = int(snapshot.name.removeprefix("fold-").removesuffix(".snapshot"))
    with going_on(stopped, data) as again:
        assert again.api("GET", "/api/status").json()["position"] == position
        person = again.api("GET", "/api/people/lookup", params={"value": "u1"}).json()["id"]
        profile = again.api("GET", f"/api/people/{person}").json()
        assert profile["signals"]["orders"] == 2
        assert "buyers" in profile["segments"]
        order(again, 2, "u1")
        order(again, 3, "u1")
        eventually(lambda: len(mails(smtp, "u1")) == 3)
        assert head_of(snapshot)["emitted"] > 0
        assert again.stop() == 0


def test_the_history_is_made_again_when_it_is_deleted(
    tmp_path: Path, stopped: Served, smtp: SmtpPeer
) -> None:
    data = shutil.copytree(stopped.folder, tmp_path / "data")
    for file in data.glob("history.sqlite*"):
        file.unlink()
    before = len(mails(smtp, "u1"))
    with going_on(stopped, data) as again:
        eventually(lambda: outcomes(again) == ["sent", "sent"])
        html = mails(smtp, "u1")[0].as_bytes()
        link = re.search(rb"/l/[A-Za-z0-9_-]+", html)
        assert link is not None
        # The service before lay at another port; links are known all the same.
        assert again.http.get(link[0].decode(), follow_redirects=False).status_code == 302
    assert len(mails(smtp, "u1")) == before
