"""Which channel first."""

from __future__ import annotations

import pytest

from sevenfold.messages.channels import Channel, Channels
from sevenfold.messages.choice import Responses, preferred
from sevenfold.messages.ledger import Kind
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.profiles.build import Environment
from sevenfold.profiles.columns import Table

DECLARED = {kind: DeliveryChannel(type=kind) for kind in ("email", "sms", "app_push", "in_app")}
CHANNELS = Channels(DECLARED, []).all


def order(counts: dict[str, tuple[int, int]], intent: str | None = None, category: str | None = None) -> str:
    kinds = [Kind("j", "s", "t", one.name, category, None, intent, (), False) for one in CHANNELS]
    places = preferred(kinds, CHANNELS, [counts.get(one.name, (0, 0)) for one in CHANNELS])
    return " ".join(CHANNELS[place].name for place in places)


def test_without_responses_and_purpose_it_is_as_written() -> None:
    assert order({}) == "email sms app_push in_app"


def test_the_channel_the_person_answers_to_goes_first() -> None:
    assert order({"email": (40, 2), "app_push": (5, 3)}) == "app_push email sms in_app"


def test_messages_without_an_answer_do_not_move_a_channel() -> None:
    assert order({"email": (40, 0)}) == "email sms app_push in_app"


@pytest.mark.parametrize(
    ("intent", "category", "first"),
    [
        (None, "transactional", "email"),
        ("winback", None, "sms"),
        ("milestone", None, "app_push"),
        ("onboarding", "newsletter", "in_app"),
        (None, "adoption", "in_app"),
    ],
)
def test_without_responses_the_purpose_decides(intent: str | None, category: str | None, first: str) -> None:
    assert order({}, intent, category).split()[0] == first


def test_a_channels_own_purposes_replace_the_usual_ones() -> None:
    sms = Channel("sms", DeliveryChannel(type="sms", purposes=["receipt"]), 0)
    assert "receipt" in sms.purposes and "winback" not in sms.purposes


def responses() -> Responses:
    table = Table(Environment(), "person", 8)
    table.new_row()
    table.new_row()
    return Responses(Channels(DECLARED, []), table)


def test_counts_are_of_each_person_and_channel() -> None:
    counted = responses()
    counted.got(1, 0)
    counted.got(1, 0)
    counted.responded(1, 0)
    assert counted.of(1, 0) == (2, 1)
    assert counted.of(1, 1) == counted.of(2, 0) == (0, 0)


def test_what_happened_lately_counts_more() -> None:
    counted = responses()
    for _ in range(2_000):
        counted.got(1, 3)
    got, _ = counted.of(1, 3)
    assert 500 <= got < 1_024
    for _ in range(700):
        counted.got(1, 3)
        counted.responded(1, 3)
    got, responded = counted.of(1, 3)
    assert responded * 2 > got


def test_a_merge_adds() -> None:
    counted = responses()
    for row, times in ((1, 3), (2, 4)):
        for _ in range(times):
            counted.got(row, 2)
            counted.responded(row, 2)
    counted.merge(1, 2)
    assert counted.of(1, 2) == (7, 7)
