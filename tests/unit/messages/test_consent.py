"""Consent: what was said for each channel and purpose, when, and what a merge makes of it."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.messages.channels import Channels
from sevenfold.messages.consent import CONFIRMED, IN, NOTHING, OUT, PENDING, STATUSES, Consents
from sevenfold.messages.fields import Fields
from sevenfold.messages.policy import Consent, DeliveryChannel
from sevenfold.profiles.build import Environment
from sevenfold.profiles.columns import Table

CATEGORIES = {
    "news": {"default": "opt_in", "channels": {"push": "opt_out"}},
    "billing": {"required": True},
    "tips": {"default": "opt_out", "double": True},
}


def table() -> Table:
    made = Table(Environment(), "person", 16)
    for _ in range(8):
        made.new_row()
    return made


def consents(categories: object = CATEGORIES) -> Consents:
    declared = {"email": DeliveryChannel(type="email"), "push": DeliveryChannel(type="app_push")}
    model = msgspec.convert({"categories": categories}, Consent)
    made = table()
    found = Consents(model, Channels(declared, []), made)
    for _, values in made.bags.values():
        values.extend([None] * (made.rows - len(values)))
    return found


def status(book: Consents, row: int, channel: str, category: str) -> int:
    return book.status(row, book.purpose(category or None, book.channels.named[channel]).pair)


def test_nobody_has_said_anything_at_first() -> None:
    book = consents()
    assert book.said(1) == {}
    assert status(book, 1, "email", "news") == NOTHING


def test_a_statement_is_about_a_channel_and_a_category() -> None:
    book = consents()
    changes = book.say(1, IN, 1_000, book.channels.meant("email"), "news")
    assert [(one.channel, one.category, one.before) for one in changes] == [("email", "news", NOTHING)]
    assert book.said(1) == {"email": {"news": "in"}}
    assert book.said(2) == {}


def test_a_statement_about_everything_covers_messages_without_a_category_too() -> None:
    book = consents()
    assert len(book.say(1, OUT, 1_000, book.channels.meant(None), None)) == 2 * 4
    assert book.said(1)["push"] == {"": "out", "news": "out", "billing": "out", "tips": "out"}


def test_a_channel_is_meant_by_its_kind_too() -> None:
    book = consents()
    book.say(1, OUT, 1_000, book.channels.meant("app_push"), "news")
    assert book.said(1) == {"push": {"news": "out"}}


def test_silence_means_what_the_category_says_for_the_channel() -> None:
    book = consents()
    email, push = book.channels.named["email"], book.channels.named["push"]
    assert not book.purpose("news", email).silence
    assert book.purpose("news", push).silence
    assert book.purpose("billing", email).required
    assert book.purpose("tips", email).double


def test_a_message_without_a_category_passes_only_where_none_is_declared() -> None:
    assert not consents().purpose(None, consents().channels.named["email"]).known
    without = consents({})
    assert without.purpose(None, without.channels.named["email"]).known
    assert not without.purpose("news", without.channels.named["email"]).known


def test_saying_the_same_again_changes_nothing() -> None:
    book = consents()
    book.say(1, IN, 1_000, book.channels.meant("email"), "news")
    assert book.say(1, IN, 2_000, book.channels.meant("email"), "news") == []


@pytest.mark.parametrize("order", list(permutations([(1_000, IN), (2_000, OUT), (3_000, CONFIRMED)])))
def test_what_was_said_last_counts_in_whatever_order_it_comes(order: list[tuple[int, int]]) -> None:
    book = consents()
    for te, said in order:
        book.say(1, said, te, book.channels.meant("email"), "news")
    assert status(book, 1, "email", "news") == CONFIRMED


def test_a_late_statement_counts_where_nothing_later_was_said() -> None:
    book = consents()
    book.say(1, OUT, 2_000, book.channels.meant("email"), "news")
    book.say(1, IN, 1_000, book.channels.meant(None), None)
    assert status(book, 1, "email", "news") == OUT
    assert status(book, 1, "push", "news") == IN
    book.say(1, OUT, 1_500, book.channels.meant("push"), "news")
    assert status(book, 1, "push", "news") == OUT


def test_of_two_statements_at_one_time_the_later_in_the_log_counts() -> None:
    book = consents()
    book.say(1, OUT, 1_000, book.channels.meant("email"), "news")
    book.say(1, IN, 1_000, book.channels.meant("email"), "news")
    assert status(book, 1, "email", "news") == IN


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (NOTHING, IN, IN),
        (IN, OUT, OUT),
        (CONFIRMED, IN, IN),
        (CONFIRMED, PENDING, PENDING),
        (PENDING, OUT, OUT),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_merge_keeps_the_stricter(one: int, other: int, together: int, swapped: bool) -> None:
    book = consents()
    for row, said in ((1, one), (2, other)):
        if said:
            book.say(row, said, 1_000, book.channels.meant("email"), "news")
    winner, loser = (2, 1) if swapped else (1, 2)
    book.merge(winner, loser)
    assert status(book, winner, "email", "news") == together


def test_a_merge_says_what_it_changed() -> None:
    book = consents()
    book.say(1, IN, 1_000, book.channels.meant("email"), "news")
    book.say(2, OUT, 500, book.channels.meant("email"), "news")
    ((change, now),) = book.merge(1, 2)
    assert (change.channel, change.category, change.before, now) == ("email", "news", IN, OUT)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(1, 4)), max_size=12))
def test_merging_the_same_people_in_any_order_gives_the_same_consent(
    said: list[tuple[int, int, int]],
) -> None:
    found = set()
    for order in permutations((1, 2, 3)):
        book = consents()
        for row, te, what in said:
            book.say(row, what, te, book.channels.meant("email"), "news")
        first, second, third = order
        book.merge(second, third)
        book.merge(first, second)
        found.add(STATUSES[status(book, first, "email", "news")])
    assert len(found) == 1


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4095)), max_size=30))
def test_numbers_packed_into_columns_do_not_touch_each_other(bits: int, puts: list[tuple[int, int]]) -> None:
    made = table()
    fields = Fields(made, "x", 41, bits)
    kept = [0] * 41
    for place, value in puts:
        value &= fields.most
        fields.put(3, place, value)
        kept[place] = value
    assert [fields.get(3, place) for place in range(41)] == kept
    assert [fields.get(2, place) for place in range(41)] == [0] * 41
