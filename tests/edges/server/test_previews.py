"""What a change would do, asked before it is made, and compared with what it then does."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import msgspec
import pytest

from sevenfold.channels.outside import permit
from tests.edges.admin.api_world import Api, small
from tests.edges.channels.peers.smtp import SmtpPeer
from tests.edges.server.console_world import Console


def weights(api: Api, score: str, **change: float) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.to_builtins(api.live.workspace.scores[score].weights)
    for one in found:
        one["weights"] = {name: value * change.get(name, 1) for name, value in one["weights"].items()}
    return found


def values(api: Api, score: str) -> dict[str, tuple[float | None, str | None]]:
    found = {}
    for id_, one in api.live.fold.subjects("person").items():
        found[id_] = one["scores"][score]["value"], one["bands"][score]
    return found


def test_other_weights_do_what_their_preview_says_and_the_preview_does_nothing(saas: Api) -> None:
    first = next(iter(saas.live.workspace.scores["health"].measures))
    asked = weights(saas, "health", **{first: 5})
    before = values(saas, "health")
    shown = saas.post("/api/scores/health/preview", {"weights": asked, "limit": 20})
    assert values(saas, "health") == before
    assert saas.live.fold.person.scores["health"].model == saas.live.workspace.scores["health"]
    assert shown["looked_at"] == shown["of_all"] == len(before)
    saas.control(op="weights", score="health", weights=asked)
    after = values(saas, "health")
    moved = Counter((before[id_][1], after[id_][1]) for id_ in before)
    assert {(one, other): count for one, other, count in shown["moves"]} == moved
    for one in shown["examples"]:
        assert (one["before"], one["band_before"]) == before[one["id"]]
        assert (one["after"], one["band_after"]) == after[one["id"]]
        assert one["identifiers"]
    assert shown["examples"]


def test_weights_that_name_what_is_not_there_are_refused_with_what_was_meant(saas: Api) -> None:
    asked = weights(saas, "health")
    first = next(iter(asked[0]["weights"]))
    asked[0]["weights"][first + "x"] = 1
    found = saas.request("POST", "/api/scores/health/preview", json={"weights": asked})
    assert found.status_code == 404 and first in found.json()["fix"]


def test_a_condition_counts_whom_the_segment_made_of_it_then_has(saas: Api) -> None:
    name = "customers"
    when = msgspec.to_builtins(saas.live.workspace.segments[name].when)
    shown = saas.post("/api/segments/preview", {"when": when, "limit": 3})
    segment = saas.get(f"/api/segments/{name}")
    assert (shown["count"], shown["complete"]) == (segment["size"], True)
    assert shown["share"] == pytest.approx(segment["share"])
    assert len(shown["items"]) == min(3, shown["count"]) and shown["items"][0]["atoms"]
    wrong = saas.request("POST", "/api/segments/preview", json={"when": "logins_of_nobody > 3"})
    assert wrong.status_code in (400, 404) and "logins_of_nobody" in wrong.json()["message"]


# -------------------------------------------------------------------------------------- templates, channels


@pytest.fixture(scope="module")
def mail() -> Iterator[SmtpPeer]:
    with SmtpPeer() as peer:
        yield peer


@pytest.fixture
def console(tmp_path: Path, mail: SmtpPeer) -> Iterator[Console]:
    settings = {
        "host": "127.0.0.1",
        "port": mail.port,
        "security": "none",
        "from": "Shop <mail@shop.example>",
    }
    channels = {"mail": {"type": "email", "provider": "smtp", "settings": settings}}
    workspace = small(channels=channels, traits={"name": {"type": "string"}})
    permit("127.0.0.0/8")
    with Console(tmp_path, workspace) as made:
        assert isinstance(made, Console)
        made.event("identify", "ada", traits={"email": "ada@shop.example", "name": "Ada"})
        for role in ("viewer", "editor"):
            made.member(role)  # type: ignore[arg-type]
        yield made
    permit("")


def test_a_template_is_shown_as_somebody_real_would_get_it(console: Console) -> None:
    ada = console.person("ada")
    shown = console.by("viewer", "POST", "/api/templates/hello/render", json={"person": ada})
    assert shown["content"]["text"].startswith("Hello Ada: https://example.com/unsubscribe")
    assert shown["error"] is None and "person.name" in shown["needs"]
    written = {"channel": "email", "subject": "Hi {{ person.name }}", "text": "{{ event.code }}"}
    body = {"person": ada, "template": {**written, "transactional": True}, "event": {"code": "X1"}}
    shown = console.by("viewer", "POST", "/api/templates/hello/render", json=body)
    assert (shown["content"]["subject"], shown["content"]["text"].strip()) == ("Hi Ada", "X1")
    body["template"] = {**written, "text": "{% if %}"}
    shown = console.by("viewer", "POST", "/api/templates/hello/render", json=body)
    assert shown["content"] is None and shown["error"]["message"]
    assert console.as_member("viewer", "POST", "/api/templates/no/render", json={}).status_code == 404


def test_a_test_goes_to_a_member_and_is_no_message_of_the_engine(console: Console, mail: SmtpPeer) -> None:
    ada, position = console.person("ada"), console.live.log.next_position
    sent = console.by("editor", "POST", "/api/templates/hello/test-send", json={"person": ada})
    assert (sent["verdict"], sent["address"]) == ("accepted", "editor@example.com")
    (letter,) = [one for one in mail.taken if "editor@example.com" in one.recipients]
    assert b"[Test] Hello" in letter.content and b"Hello Ada" in letter.content
    assert console.live.log.next_position == position
    other = {"person": ada, "address": "ada@shop.example"}
    found = console.as_member("editor", "POST", "/api/templates/hello/test-send", json=other)
    assert found.status_code == 403 and "member" in found.json()["message"]


class NameServer:
    """A name server on loopback that knows one domain."""

    def __init__(self, records: dict[tuple[str, str], str]) -> None:
        self.records = records
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            raw, client = self.socket.recvfrom(4_096)
            if raw == b"end":
                return
            asked = dns.message.from_wire(raw)
            answer = dns.message.make_response(asked)
            (one,) = asked.question
            kind = dns.rdatatype.to_text(one.rdtype)
            text = self.records.get((one.name.to_text(omit_final_dot=True), kind))
            if text is not None:
                answer.answer.append(dns.rrset.from_text(one.name, 60, "IN", kind, text))
            self.socket.sendto(answer.to_wire(), client)

    def close(self) -> None:
        self.socket.sendto(b"end", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


def test_a_channel_is_verified_by_its_dns_and_its_provider(tmp_path: Path, mail: SmtpPeer) -> None:
    server = NameServer(
        {
            ("shop.example", "TXT"): '"v=spf1 include:_spf.mail.example -all"',
            ("_dmarc.shop.example", "TXT"): '"v=DMARC1; p=reject; rua=mailto:dmarc@shop.example"',
            ("shop.example", "MX"): "10 mx.shop.example.",
        }
    )
    settings = {"host": "127.0.0.1", "port": mail.port, "security": "none", "from": "mail@shop.example"}
    channels = {"mail": {"type": "email", "provider": "smtp", "settings": settings}}
    permit("127.0.0.0/8")
    try:
        with Console(tmp_path, small(channels=channels), dns_servers=server.address) as console:
            assert isinstance(console, Console)
            asked = {"selectors": ["s1"], "spf": "_spf.mail.example"}
            shown = console.ask("POST", "/api/channels/mail/verify", json=asked)
            found = {one["what"]: one["standing"] for one in shown["findings"]}
            assert found["spf"] in ("fine", "warning") and found["dmarc"] == "fine"
            assert found["provider"] == "fine"
            assert [one for one in found if one.startswith("dkim")]
            assert not shown["ok"]
            shut = {**channels["mail"], "settings": {**settings, "port": 1}}
            broken = {"channel": shut, "domain": "shop.example"}
            shown = console.ask("POST", "/api/channels/mail/verify", json=broken)
            assert {one["what"]: one["standing"] for one in shown["findings"]}["provider"] == "wrong"
    finally:
        permit("")
        server.close()
