"""What is owed as a sender looks at it."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.messages.ledger import Kind
from sevenfold.messages.outcomes import Book, Owed

DATA = msgspec.msgpack.encode({"template": "hi"})
KINDS = [
    Kind(journey, "s", "t", channel, None, None, None, (), transactional)
    for channel in ("email", "sms")
    for journey in ("a", "b")
    for transactional in (False, True)
]
GROUPS = [(channel, transactional) for channel in ("email", "sms") for transactional in (False, True)]


def owed(effect: str, row: int, code: int, **fields: Any) -> Owed:
    made = {"unit": 0, "run": "r", "slot": 1, "number": 1, "visit": 1, "t": 0, "data": DATA}
    return Owed(effect=effect, row=row, code=code, **{**made, **fields})


def open_of(book: Book) -> list[Owed]:
    """What holds up what comes after it, in the order of decision."""
    return [one for one in book._owed.values() if not one.settled and not one.was("unknown")]


def group_of(one: Owed) -> tuple[str, bool]:
    return KINDS[one.code].channel, KINDS[one.code].transactional


def heads(book: Book, group: tuple[str, bool]) -> set[str]:
    """The law: the first of each subject's line, where nobody has claimed it."""
    first: dict[int, Owed] = {}
    for one in open_of(book):
        if group_of(one) == group:
            first.setdefault(one.row, one)
    return {one.effect for one in first.values() if not one.was("claimed")}


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 3), st.integers(0, 7)),
        st.tuples(
            st.sampled_from(["claimed", "unknown", "sent", "failed", "give_back", "reopen"]),
            st.integers(0, 30),
            st.just(0),
        ),
    ),
    max_size=60,
)


@given(steps, st.integers(0, 60))
def test_the_index_says_what_the_book_says(script: list[tuple[str, int, int]], asked_at: int) -> None:
    book = Book()
    number = 0
    for place, (what, first, second) in enumerate(script):
        if place == asked_at:
            book.waiting(KINDS)
        if what == "add":
            number += 1
            book.add(owed(f"e{number}", first, second))
        elif (one := book.get(f"e{first}")) is not None:
            if what == "give_back":
                book.give_back(one)
            elif what == "reopen":
                book.reopen(one)
            else:
                book.hear(one, what, place)
    waiting = book.waiting(KINDS)
    for group in GROUPS:
        found = {one.effect for one in waiting.heads(group, frozenset(), 100, 100)}
        assert found == heads(book, group)
        unclaimed = [one for one in open_of(book) if group_of(one) == group and not one.was("claimed")]
        given = list(waiting.all_of(group))
        assert {one.effect for one in given} == {one.effect for one in unclaimed}
        assert waiting.count(group) == len(given)
        for row in range(4):
            line = [one.effect for one in given if one.row == row]
            assert line == [one.effect for one in unclaimed if one.row == row]
    unresolved = {
        one.effect
        for one in book._owed.values()
        if not one.settled and (one.was("claimed") or one.was("unknown"))
    }
    assert set(waiting.unresolved) == unresolved


def test_of_many_journeys_each_gives_its_share() -> None:
    book = Book()
    for number in range(10):
        book.add(owed(f"a{number}", number, 0))
    book.add(owed("b", 99, 2))
    waiting = book.waiting(KINDS)
    found = waiting.heads(("email", False), frozenset(), 3, 100)
    assert [one.effect for one in found] == ["a0", "b", "a1", "a2"]
    # What is held counts towards the share.
    held = frozenset({"a0", "a1"})
    assert [one.effect for one in waiting.heads(("email", False), held, 3, 100)] == ["a2", "b"]
    assert waiting.groups() == {("email", False): {"a": 10, "b": 1, "": 11}}


def test_a_claim_is_taken_once_and_again_only_when_it_was_given_back_or_is_unknown() -> None:
    book = Book()
    one = owed("e", 1, 0)
    book.add(one)
    assert book.hear(one, "claimed", 1)
    assert not book.hear(one, "claimed", 2)
    book.give_back(one)
    assert one.tries == 1 and book.hear(one, "claimed", 3)
    book.hear(one, "unknown", 4)
    book.give_back(one)
    assert not book.hear(one, "claimed", 5)
    book.reopen(one)
    assert book.hear(one, "claimed", 6)
    book.hear(one, "sent", 7)
    book.give_back(one)
    book.reopen(one)
    assert not book.hear(one, "claimed", 8) and not book.hear(one, "expired", 9)


def test_what_was_taken_back_cannot_be_claimed() -> None:
    book = Book()
    one = owed("e", 1, 0)
    book.add(one)
    book.settle(one, 1)
    assert not book.hear(one, "claimed", 2)


def test_what_is_shown_holds_up_nobody() -> None:
    book = Book()
    tip, later = owed("tip", 1, 0, leased=True), owed("later", 1, 0)
    book.add(tip)
    book.add(later)
    waiting = book.waiting(KINDS)
    book.hear(tip, "sent", 1)
    assert set(waiting.shown) == {"tip"}
    assert [one.effect for one in waiting.heads(("email", False), frozenset(), 9, 9)] == ["later"]
    book.hear(tip, "delivered", 2)
    assert not waiting.shown
