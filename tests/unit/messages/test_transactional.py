"""Transactional messages that a program asks for: what they are free of, and what not."""

from __future__ import annotations

from typing import Any

import pytest

from sevenfold.effects import Effect
from sevenfold.engine.controls import ControlError
from sevenfold.messages.transactional import SEND, effect_of
from tests.unit.messages.world import DAY, HOUR, World, of, sends, the

STRICT: dict[str, Any] = {
    "consent": {"categories": {"news": {"default": "opt_in"}}},
    "messaging": {
        "caps": {"one": {"limit": 1, "per": "1d"}},
        "quiet_hours": [{"windows": [{"from": "11:00", "to": "14:00"}]}],
        "minimum_gap": "1d",
        "holdout": {"share": 100},
        "guards": {"never": {"when": "exists trait.email"}},
    },
    "traits": {"email": {}},
}


def send(
    world: World, key: str = "k1", template: str = "receipt", user: Any = "ada", **fields: Any
) -> list[Effect]:
    person = user if isinstance(user, dict) else {"user_id": user}
    return world.control("send", key=key, template=template, person=person, **fields)


def test_it_is_owed_at_once_with_its_values() -> None:
    world = World(
        templates={"receipt": {"channel": "email", "subject": "Order", "text": "{{ person.name }}"}}
    )
    world.know(name="Ada")
    message = the(send(world, data={"order": 7}, locale="de"), "message")
    assert (message.name, message.data["effect"]) == (SEND, effect_of("k1"))
    assert message.data["address"] == "ada@shop.example"
    assert message.data["values"]["person.name"] == "Ada"
    assert (message.data["event"], message.data["locale"]) == ({"order": 7}, "de")
    assert message.data["expires"] == world.t + DAY
    assert message.data["transactional"] is True
    ((effect, data),) = world.desk.book.to_send()
    assert effect == effect_of("k1")
    assert {**data, "journey": SEND} == data and data["template"] == "receipt"


def test_consent_caps_quiet_hours_gap_holdouts_and_guards_do_not_hold_it() -> None:
    templates = {
        "bill": {"channel": "email", "subject": "s", "text": "t", "category": "news"},
        "offer": {"channel": "email", "subject": "s", "text": "t", "category": "news"},
    }
    world = World(**STRICT, templates=templates, journeys={"greet": sends("offer")})
    world.know()
    world.control("consent", person={"user_id": "ada"}, status="out")
    assert the(world.do(), "held").data["reason"] == "no_consent"
    for number in range(3):
        assert [one.kind for one in send(world, f"k{number}", "bill")] == ["message"]


def test_it_takes_no_place_in_a_cap_and_leaves_no_gap() -> None:
    messaging = {"caps": {"one": {"limit": 1, "per": "1d"}}, "minimum_gap": "1d"}
    world = World(messaging=messaging, journeys={"greet": sends()})
    world.know()
    send(world)
    assert [one.kind for one in of(world.do(), "message", "held", "deferred")] == ["message"]


@pytest.mark.parametrize("why", ["manual", "bounce", "complaint"])
def test_a_suppressed_address_holds_it(why: str) -> None:
    world = World()
    world.know()
    world.control("suppress", address="ada@shop.example", reason=why)
    held = the(send(world), "held")
    assert (held.name, held.data["reason"], held.data["effect"]) == (SEND, "suppressed", effect_of("k1"))
    assert not list(world.desk.book.to_send())


def test_a_hard_bounce_of_one_holds_the_next() -> None:
    world = World()
    world.know()
    first = the(send(world), "message")
    world.tell(first, "claimed", "sent")
    world.tell(first, "bounced", permanent=True)
    assert the(send(world, "k2"), "held").data["reason"] == "suppressed"


def test_somebody_without_an_address_cannot_be_reached() -> None:
    world = World()
    held = the(send(world, user={"user_id": "nobody"}), "held")
    assert (held.data["reason"], held.data["detail"]) == ("unreachable", {"needs": "email"})


def test_a_channel_that_is_off_holds_it() -> None:
    world = World()
    world.know()
    world.control("channel", name="email", on=False)
    assert the(send(world), "held").data["reason"] == "undeliverable"


def test_a_person_nobody_has_heard_of_is_created() -> None:
    world = World()
    effects = send(world, user={"email": "new@shop.example"})
    assert [one.kind for one in effects] == ["created", "message"]
    assert effects[1].data["address"] == "new@shop.example"


def test_a_key_is_good_for_one_message_also_after_a_snapshot_and_its_outcome() -> None:
    world = World()
    world.know()
    message = the(send(world), "message")
    assert [one.kind for one in send(world)] == ["send_repeated"]
    world.tell(message, "claimed", "sent", "delivered")
    world.again().wait(7 * DAY)
    repeated = the(send(world), "send_repeated")
    assert repeated.data["effect"] == message.data["effect"]
    assert the(send(world, "k2"), "message").data["effect"] != message.data["effect"]


def test_its_outcomes_are_signals_and_told_apart_from_those_of_journeys() -> None:
    world = World(signals={"receipts": {"kind": "count", "event": "$message delivered receipt"}})
    world.know()
    message = the(send(world), "message")
    told = world.tell(message, "claimed", "sent", "delivered")
    assert {one.name for one in of(told, "outcome")} == {SEND}
    assert world.fold.read("person", 1)["signals"]["receipts"] == 1


def test_its_time_to_live_is_bounded() -> None:
    world = World()
    world.know()
    assert the(send(world, ttl="2h"), "message").data["expires"] == world.t + 2 * HOUR
    for wrong in ("8d", "soon", "0h"):
        with pytest.raises(ControlError) as caught:
            send(world, "k2", ttl=wrong)
        assert caught.value.where == "ttl"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"template": "receit"}, "template"),
        ({"template": None}, "template"),
        ({"key": ""}, "key"),
        ({"key": 7}, "key"),
        ({"person": None}, "person"),
        ({"person": {"email": "no address"}}, "person"),
        ({"data": [1]}, "data"),
        ({"data": {"text": "x" * 70_000}}, "data"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(fields: dict[str, Any], where: str) -> None:
    world = World()
    world.know()
    before = len(world.desk.book)
    with pytest.raises(ControlError) as caught:
        world.control("send", **{"key": "k", "template": "receipt", "person": {"user_id": "ada"}, **fields})
    assert caught.value.where == where
    assert len(world.desk.book) == before


def test_a_merged_person_gets_it_and_nothing_takes_it_back() -> None:
    world = World()
    world.know("ada")
    world.know("lovelace", email=None)
    message = the(send(world), "message")
    world.control("merge", members=[{"user_id": "lovelace"}, {"user_id": "ada"}])
    told = world.tell(message, "claimed", "sent")
    (person,) = {one.subject for one in of(told, "outcome")}
    assert person == world.fold.id_of(world.fold.person, world.fold.identity.find("user_id", "ada"))
    assert not of(world.effects, "cancelled", "revoked")
