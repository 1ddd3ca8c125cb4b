"""Microsoft Teams: adaptive cards to a workflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from sevenfold.channels.base import Adapter, Outgoing
from sevenfold.channels.outside import Outside
from sevenfold.channels.teams import Teams, TeamsSettings, card
from sevenfold.messages.rendered import Rendered, RenderedButton
from tests.edges.channels.conformance import RETRY_AFTER_S, WORDS, AdapterConformance, Behaviour, Stand, send
from tests.edges.channels.conformance import outgoing as email
from tests.edges.channels.peers.chat import FLOW, TeamsPeer
from tests.edges.channels.peers.http import Answered, Hang, HangUp

LOOPBACK = Outside((ip_network("127.0.0.0/8"),))


def note(number: int = 0, **content: Any) -> Outgoing:
    rendered = Rendered(
        template="hi", digest="0", channel="teams", locale="de", **({"body": WORDS} | content)
    )
    return email(number, address=None, content=rendered)


def teams(base_url: str, outside: Outside = LOOPBACK, sig: str = "teamssignature", **changes: Any) -> Teams:
    given = {"url": f"{base_url}{FLOW}?api-version=2016-06-01&sig={sig}"} | changes
    return Teams(msgspec.convert(given, TeamsSettings), outside=outside)


class TeamsStand(Stand):
    secrets = ("teamssignature", FLOW)
    absent = {"bad_recipient": "the workflow chooses where messages go"}  # noqa: RUF012

    def __init__(self, peer: TeamsPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return teams(url, timeout_s=self.short_s if impatient else 5.0)

    def behave(self, how: Behaviour) -> None:
        answers = {
            "permanent": Answered(400, {"error": {"code": "InvalidRequest"}}),
            "transient": Answered(502, ""),
            "throttled": Answered(429, "", {"Retry-After": str(RETRY_AFTER_S)}),
            "auth": Answered(401, {"error": {"code": "AuthorizationFailed"}}),
            "garbage": Answered(200, "<html>hello</html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(answers[how])  # type: ignore[arg-type]

    def taken(self) -> Sequence[str]:
        return [one["body"][0]["id"] for one in self.peer.cards]

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints

    def message(self, number: int = 0) -> Outgoing:
        return note(number)


@pytest.fixture
def peer() -> Iterator[TeamsPeer]:
    with TeamsPeer() as made:
        yield made


class TestTeams(AdapterConformance):
    """Everything that every adapter must do."""

    @pytest.fixture
    def stand(self, peer: TeamsPeer) -> TeamsStand:
        return TeamsStand(peer)

    def test_a_check_finds_wrong_credentials(self, stand: Stand) -> None:
        pytest.skip("nothing can be asked of a workflow without running it")


def test_a_card_has_title_text_picture_and_buttons(peer: TeamsPeer) -> None:
    button = RenderedButton(label="Open", link="https://shop.test/b", name="open")
    message = note(title="News", image="https://shop.test/i.png", buttons=(button,))
    (result,) = send(teams(peer.url), message)
    (made,) = peer.cards
    assert [one["type"] for one in made["body"]] == ["TextBlock", "TextBlock", "Image"]
    assert made["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": "https://shop.test/b"}]
    assert result.provider_id == "08581"


def test_a_task_shows_its_evidence(peer: TeamsPeer) -> None:
    data = {"task": "t1", "evidence": {"logins_7d": 3, "plan": "pro"}}
    send(teams(peer.url), msgspec.structs.replace(note(), data=data))
    facts = peer.cards[0]["body"][1]["facts"]
    assert facts == [{"title": "logins_7d", "value": "3"}, {"title": "plan", "value": "pro"}]


def test_a_payload_is_a_card_its_body_or_the_whole_message() -> None:
    block = {"type": "TextBlock", "text": "x"}
    for payload in ([block], {"body": [block], "version": "1.5"}):
        made = card(note(payload=payload))["attachments"][0]["content"]
        assert made["body"] == [{"id": note().effect, **block}]
    whole = {"attachments": [{"content": {"body": [block]}}]}
    assert card(note(payload=whole)) == {"type": "message", **whole}


def test_what_says_nothing_or_too_much_goes_nowhere(peer: TeamsPeer) -> None:
    results = send(teams(peer.url), note(body=None), note(body="x" * 30_000))
    assert [one.reason for one in results] == ["empty", "too_large"]
    assert not peer.asked


@pytest.mark.parametrize(
    ("status", "body", "verdict", "reason"),
    [
        (200, "1", "accepted", ""),
        (200, {"ok": 1}, "accepted", ""),
        (200, "Microsoft Teams endpoint returned HTTP error 429", "throttled", "rate"),
        (404, "", "config_error", "gone"),
        (410, "", "config_error", "gone"),
        (400, {"error": {"code": "WorkflowTriggerIsNotEnabled"}}, "config_error", "gone"),
        (413, "", "permanent", "too_large"),
        (302, "", "config_error", "endpoint"),
    ],
)
def test_answers_say_who_is_to_blame(
    peer: TeamsPeer, status: int, body: Any, verdict: str, reason: str
) -> None:
    peer.next(Answered(status, body))
    (result,) = send(teams(peer.url), note())
    assert (result.verdict, result.reason) == (verdict, reason)


def test_a_workflow_with_another_signature_pauses_the_channel(peer: TeamsPeer) -> None:
    (result,) = send(teams(peer.url, sig="other"), note())
    assert (result.verdict, result.scope) == ("config_error", "account")


def test_a_workflow_at_a_private_address_is_not_called(peer: TeamsPeer) -> None:
    (result,) = send(teams(peer.url, Outside()), note())
    assert (result.verdict, result.reason) == ("config_error", "address_refused")
    assert not peer.asked
