"""A message that waited is looked at once more when it is claimed: who has said no since gets nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.journeys.running import Running, on, step

MAIL: dict[str, Any] = {
    "channels": {"email": {"type": "email"}},
    "consent": {
        "categories": {"news": {"default": "opt_out"}, "bills": {"default": "opt_out", "required": True}}
    },
    "messaging": {"caps": {"daily": {"limit": 1, "per": "1d"}}},
    "templates": {
        "hello": {
            "channel": "email",
            "category": "news",
            "subject": "Hello",
            "text": "{{ links.unsubscribe }}",
        },
        "bill": {
            "channel": "email",
            "category": "bills",
            "transactional": True,
            "subject": "Bill",
            "text": "Bill",
        },
    },
}
ADA = {"user_id": "a"}


def decided(template: str = "hello", **fields: Any) -> tuple[Running, str]:
    """A message to somebody, decided and not yet claimed."""
    steps = {"say": step("message", template=template, **fields), "w": step("wait", for_="9d")}
    world = Running(
        {"j": {"triggers": [on("Signed Up")], "re_entry": {"unlimited": 9}, "steps": steps}}, **MAIL
    )
    world.identify("0s", "a", email="ada@example.com")
    world.track("1s", "a", "Signed Up")
    return world, str(world.of("message")[0].data["effect"])


def claimed(world: Running, effect: str, at: str = "2h") -> list[tuple[str, Any]]:
    found = world.control(at, "outcome", effect=effect, outcome="claimed")
    return [(one.kind, one.data.get("reason") or one.data.get("outcome")) for one in found]


def test_a_message_to_somebody_who_has_unsubscribed_since_is_not_claimed() -> None:
    world, effect = decided()
    world.control("1h", "consent", person=ADA, channel="email", category="news", status="out")
    assert claimed(world, effect) == [("cancelled", "no_consent"), ("released", "no_consent")]
    assert claimed(world, effect, "3h") == []
    assert world.again(1, snapshots=True) == world.told


def test_a_message_to_an_address_that_is_left_alone_since_is_not_claimed() -> None:
    world, effect = decided()
    world.control("1h", "suppress", channel="email", address="ada@example.com")
    assert claimed(world, effect) == [("cancelled", "suppressed"), ("released", "suppressed")]


def test_its_place_under_the_cap_is_free_again() -> None:
    world, effect = decided()
    world.control("1h", "consent", person=ADA, channel="email", category="news", status="out")
    claimed(world, effect)
    world.control("3h", "consent", person=ADA, channel="email", category="news", status="in")
    world.track("4h", "a", "Signed Up")
    assert len(world.of("message")) == 2


def test_whoever_says_nothing_gets_it() -> None:
    world, effect = decided()
    assert claimed(world, effect) == [("outcome", "claimed")]


@pytest.mark.parametrize("status", ["out", "pending"])
def test_a_bill_is_sent_whatever_was_said(status: str) -> None:
    world, effect = decided("bill")
    world.control("1h", "consent", person=ADA, channel="email", status=status)
    assert claimed(world, effect) == [("outcome", "claimed")]


def test_a_run_that_waits_for_the_outcome_goes_on() -> None:
    world, effect = decided(on={"failed": "w", "delivered": "w"}, outcome_within="5d")
    world.control("1h", "consent", person=ADA, channel="email", category="news", status="out")
    found = world.control("2h", "outcome", effect=effect, outcome="claimed")
    assert [one.data.get("outcome") for one in found if one.kind == "step"] == ["failed"]


def test_what_may_have_arrived_is_not_sent_again_and_keeps_its_place() -> None:
    world, effect = decided()
    claimed(world, effect)
    world.control("3h", "outcome", effect=effect, outcome="unknown")
    world.control("4h", "consent", person=ADA, channel="email", category="news", status="out")
    found = world.control("5h", "outcome", effect=effect, outcome="claimed", again=True)
    assert [(one.kind, one.data.get("unknown")) for one in found] == [("cancelled", True)]


def test_a_claim_that_is_told_twice_takes_nothing_back() -> None:
    world, effect = decided()
    claimed(world, effect)
    world.control("3h", "consent", person=ADA, channel="email", category="news", status="out")
    assert claimed(world, effect, "4h") == []
