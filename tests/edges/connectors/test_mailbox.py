"""Replies by e-mail become events of whoever wrote: what they wrote themselves, machines told apart."""

from __future__ import annotations

import asyncio
import base64
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from sevenfold.connectors.mailbox import own_words
from tests.edges.hooks.support import World, workspace

LOGIN = "mail:pass-word"
REPLIES: dict[str, Any] = {
    "triggers": [{"kind": "event", "event": ["Email Received", "WhatsApp Received"]}],
    "re_entry": {"unlimited": 100},
    "steps": {"answer": {"kind": "task", "task": "reply", "reason": "they wrote back"}},
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("MAIL_LOGIN", LOGIN)
    settings = {"secret": "env:MAIL_LOGIN", "authserv": "mx.shop.test"}
    model = workspace(
        connectors={"replies": {"type": "mailbox", "settings": settings}},
        journeys={"replies": REPLIES},
        tasks={"reply": {"title": "Answer", "outcomes": ["answered"], "due": "4h"}},
    )
    return World(tmp_path, model)


def mail(text: str = "Is it blue?", **headers: str) -> bytes:
    made = EmailMessage()
    given = {
        "From": "Ada <ADA@example.org>",
        "To": "hello@shop.test",
        "Subject": "Re: Größe",
        "Message-ID": "<1@example.org>",
        "Authentication-Results": "mx.shop.test; spf=pass; dmarc=pass header.from=example.org",
    }
    for name, value in (given | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        if value:
            made[name] = value
    made.set_content(text)
    return made.as_bytes()


def handed(world: World, raw: bytes, login: str = LOGIN) -> Any:
    headers = {
        "authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
        "content-type": "message/rfc822",
    }

    async def story() -> Any:
        async with world.client() as client:
            return await client.post("/in/replies", content=raw, headers=headers)

    return asyncio.run(story())


def test_a_reply_is_an_event_with_its_own_words_and_a_task(world: World) -> None:
    raw = mail(
        "Is it blue?\n\nAda\n\nOn Mon, 4 May 2026 at 10:00, Shop <hello@shop.test> wrote:\n> Our cups\n"
    )
    assert handed(world, raw).json()["events"] == 1
    assert handed(world, raw).json() == {"success": True, "events": 0, "known": 1, "refused": 0}
    (event,) = world.events
    assert event["event"] == "Email Received" and event["context"]["traits"] == {"email": "ada@example.org"}
    assert (
        event["properties"]["text"] == "Is it blue?\n\nAda" and event["properties"]["subject"] == "Re: Größe"
    )
    assert [one.data["reason"] for one in world.effects if one.kind == "task"] == ["they wrote back"]


@pytest.mark.parametrize(
    "headers", [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<x.test>"}]
)
def test_an_automatic_answer_is_no_reply(world: World, headers: dict[str, str]) -> None:
    handed(world, mail(**headers))
    assert [one["event"] for one in world.events] == ["Email Answered Automatically"]
    assert not [one for one in world.effects if one.kind == "task"]


@pytest.mark.parametrize(
    "results",
    ["", "mx.shop.test; dmarc=fail", "evil.test; dmarc=pass", 'mx.shop.test; spf=pass; comment="dmarc"'],
)
def test_a_mail_that_the_server_did_not_find_to_be_its_senders_is_nothing(world: World, results: str) -> None:
    answer = handed(world, mail(Authentication_Results=results))
    assert answer.status_code == 200 and answer.json()["events"] == 0 and world.events == []


def test_who_does_not_know_the_password_hands_nothing_over(world: World) -> None:
    assert handed(world, mail(), "mail:guess").status_code == 401
    assert world.events == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff" * 1_000,
        b"From: nobody\n\nx",
        b"From: a@b.c\nContent-Type: text/plain; charset=nonsense\n\n\xff",
        b"From: a@b.c\nContent-Type: multipart/mixed; boundary=x\n\n"
        + b"--x\nContent-Type: multipart/mixed; boundary=x\n\n" * 500,
    ],
)
def test_mails_made_to_hurt_are_refused_or_say_nothing(world: World, raw: bytes) -> None:
    assert handed(world, raw).status_code in (200, 400)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Yes.\n> quoted", "Yes."),
        ("Ja.\nAm 04.05.2026 um 10:00 schrieb Shop:\n> x", "Ja."),
        ("Oui.\nLe 4 mai 2026 à 10:00, Shop a écrit :\n> x", "Oui."),
        ("No\n-- \nAda, Berlin", "No"),
        ("One\n----- Original Message -----\nx", "One"),
        ("From me to you", "From me to you"),
        ("x" * 9_000, "x" * 4_000),
    ],
)
def test_what_is_quoted_is_left_out(text: str, own: str) -> None:
    assert own_words(text) == own
