"""The whole way, through a running service: an event, a signed mail, its bounce, and nothing more to that
address.
"""

from __future__ import annotations

import email
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from sevenfold.channels.bounces import ReturnAddress
from sevenfold.channels.dkim import private_pem
from tests.edges.channels.peers.smtp import PASSWORD, USER, SmtpPeer
from tests.edges.channels.test_bounces import report
from tests.edges.server.serving import Served, served

SECRET, HOOK = "signs return addresses", "hands mails over"
FILES = {
    "workspace.yaml": "name: shop\ntitle: Shop\n",
    "channels.yaml": """
mail:
  type: email
  provider: smtp
  rate: 100 per 1s
  settings:
    host: 127.0.0.1
    port: env:TEST_SMTP_PORT
    security: none
    username: sevenfold
    password: env:TEST_SMTP_PASSWORD
    from: Shop <hello@shop.test>
    bounce_address: bounces@bounce.shop.test
    bounce_secret: env:TEST_BOUNCE_SECRET
    inbound_password: env:TEST_HOOK_PASSWORD
    dkim_domain: shop.test
    dkim_selector: s1
    dkim_key: file:DKIM
""",
    "consent.yaml": "categories:\n  news: {default: opt_out}\n",
    "signals.yaml": "orders: {kind: count, event: Order Completed}\n",
    "segments.yaml": "buyers: {when: orders >= 1}\n",
    "templates.yaml": """
thanks: {channel: mail, category: news, subject: "Order {{ event.order }}",
         text: "Thank you. {{ links.unsubscribe }}"}
""",
    "journeys.yaml": """
thanks:
  triggers: [{kind: event, event: Order Completed}]
  key: order
  re_entry: {per_entity: true}
  steps:
    say: {kind: message, template: thanks}
""",
}


def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    """What it gives once it gives anything."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing came of {what}")


def order(service: Served, number: str, address: str) -> None:
    event = {
        "type": "track",
        "event": "Order Completed",
        "userId": address,
        "messageId": f"order-{number}",
        "properties": {"order": number},
        "context": {"traits": {"email": address}},
    }
    assert service.post("/v1/batch", {"batch": [event]}).status_code == 200


def suppressed(service: Served, address: str) -> list[Any]:
    answer = service.api("GET", "/api/suppressions/lookup", params={"address": address})
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    key = tmp_path / "dkim.pem"
    key.write_text(private_pem(generate_private_key(65537, 2048)))
    for name, text in FILES.items():
        (folder / name).write_text(text.replace("DKIM", str(key)))
    return folder


def test_a_bounced_address_gets_no_further_mail(workspace: Path, tmp_path: Path) -> None:
    with SmtpPeer(login=True) as peer:
        environment = {
            "TEST_SMTP_PORT": str(peer.port),
            "TEST_SMTP_PASSWORD": PASSWORD,
            "TEST_BOUNCE_SECRET": SECRET,
            "TEST_HOOK_PASSWORD": HOOK,
        }
        assert USER == "sevenfold"
        with served(tmp_path / "data", str(workspace), environment=environment) as service:
            service.until_ready()
            order(service, "1", "perm@dest.test")
            (first,) = until(lambda: peer.taken)
            mail = email.message_from_bytes(first.content)
            assert mail["Subject"] == "Order 1"
            assert "d=shop.test" in str(mail["DKIM-Signature"])
            assert first.recipients == ["perm@dest.test"]
            back = ReturnAddress("bounces@bounce.shop.test", SECRET)
            effect, _ = back.read(first.sender)
            assert effect

            forged = report(to=ReturnAddress("bounces@bounce.shop.test", "guessed").bounce(effect))
            for raw, password, status in (
                (report(to=first.sender), "wrong", 401),
                (forged, HOOK, 200),
            ):
                answer = service.http.post("/hooks/mail", content=raw, auth=("bounces", password))
                assert answer.status_code == status, answer.text
            assert not suppressed(service, "perm@dest.test")

            for _ in range(2):
                answer = service.http.post(
                    "/hooks/mail", content=report(to=first.sender), auth=("bounces", HOOK)
                )
                assert answer.status_code == 200, answer.text
            left = until(lambda: suppressed(service, "perm@dest.test"))
            assert left == [{"channel": "mail", "reason": "bounce"}]

            order(service, "2", "perm@dest.test")
            order(service, "3", "else@dest.test")
            until(lambda: len(peer.taken) >= 2)
            assert [one.recipients for one in peer.taken[1:]] == [["else@dest.test"]]
            assert service.stop() == 0
    written = (tmp_path / "data.stderr").read_text()
    for private in (PASSWORD, SECRET, HOOK, "dest.test", "PRIVATE KEY"):
        assert private not in written
