"""The suppression lists: by channel, by digest of the normalised address."""

from __future__ import annotations

import msgspec
import pytest

from sevenfold.messages.channels import Channel, Channels
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.messages.suppression import Suppressions, normal_address

EMAIL = Channel("email", DeliveryChannel(type="email"), 0)
SMS = Channel("sms", DeliveryChannel(type="sms"), 1)
PAGER = Channel("pager", DeliveryChannel(type="webhook", address="trait.pager"), 2)


@pytest.mark.parametrize(
    ("channel", "written", "compared"),
    [
        (EMAIL, " Ada@Example.ORG ", "ada@example.org"),
        (EMAIL, "no address", "no address"),
        (SMS, "030 901820", "+4930901820"),
        (SMS, "+49 30 901820", "+4930901820"),
        (PAGER, " 17 ", "17"),
    ],
)
def test_addresses_are_compared_as_they_are_normalised(channel: Channel, written: str, compared: str) -> None:
    assert normal_address(channel, written, "DE") == compared


def test_an_address_is_on_the_list_of_its_channel_only() -> None:
    lists = Suppressions("shop")
    assert lists.add(EMAIL, lists.digest("ada@example.org"), "bounce")
    assert lists.holds(EMAIL, "ada@example.org")
    assert not lists.holds(SMS, "ada@example.org")
    assert not lists.holds(EMAIL, "bob@example.org")


def test_the_first_reason_stays() -> None:
    lists = Suppressions("shop")
    digest = lists.digest("ada@example.org")
    assert lists.add(EMAIL, digest, "bounce")
    assert not lists.add(EMAIL, digest, "manual")
    assert lists.reason(EMAIL, "ada@example.org") == "bounce"
    assert lists.reason(SMS, "ada@example.org") is None


def test_an_address_can_be_taken_off_again() -> None:
    lists = Suppressions("shop")
    digest = lists.digest("ada@example.org")
    lists.add(EMAIL, digest, "manual")
    assert lists.remove(EMAIL, digest)
    assert not lists.remove(EMAIL, digest)
    assert not lists.holds(EMAIL, "ada@example.org")


def test_digests_of_two_workspaces_differ() -> None:
    assert Suppressions("shop").digest("a@b.co") != Suppressions("bank").digest("a@b.co")


def test_lists_survive_a_snapshot() -> None:
    lists, again = Suppressions("shop"), Suppressions("shop")
    lists.add(EMAIL, lists.digest("a@b.co"), "complaint")
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(lists.dump())))
    assert again.reason(EMAIL, "a@b.co") == "complaint"


def test_a_template_finds_its_channel_by_name_or_by_kind() -> None:
    declared = {"news": DeliveryChannel(type="email"), "mail": DeliveryChannel(type="email")}
    channels = Channels(declared, ["email", "sms", "mail"])
    assert [one.name for one in channels.all] == ["news", "mail", "sms"]
    assert channels.of_template("mail").name == "mail"
    assert channels.of_template("email").name == "news"
    assert channels.of_template("sms").address == "phone"
    assert [one.name for one in channels.meant("email")] == ["news", "mail"]
    assert channels.meant("pigeon") == []
