"""What is owed: kept until an outcome ends it, and remembered for what may come later."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sevenfold.limits import MESSAGE_SETTLED_MS_MAX
from sevenfold.messages.outcomes import OUTCOMES, Book, Owed

DATA = msgspec.msgpack.encode({"template": "hi"})


def owed(effect: str = "e1", run: str = "r1", **fields: Any) -> Owed:
    made = {"unit": 0, "row": 1, "slot": 1, "number": 1, "visit": 1, "code": 0, "t": 0, "data": DATA}
    return Owed(effect=effect, run=run, **{**made, **fields})


def book(*ones: Owed) -> Book:
    made = Book()
    for one in ones:
        made.add(one)
    return made


def test_what_nobody_claimed_is_to_be_sent_in_the_order_of_decision() -> None:
    kept = book(owed("b"), owed("a"), owed("c"))
    kept.hear(kept.get("a") or owed(), "claimed", 1)
    assert [effect for effect, _ in kept.to_send()] == ["b", "c"]
    assert list(kept.unresolved()) == [("a", {"template": "hi"})]


@pytest.mark.parametrize(
    "outcome", ["sent", "delivered", "opened", "clicked", "bounced", "failed", "render_error", "expired"]
)
def test_an_outcome_ends_what_is_owed(outcome: str) -> None:
    one = owed()
    kept = book(one)
    assert kept.hear(one, outcome, 1)
    assert one.settled and one.data == b""
    assert [*kept.to_send(), *kept.unresolved(), *kept.of_run("r1")] == []
    assert kept.get("e1") is one


@pytest.mark.parametrize("outcome", ["claimed", "unknown"])
def test_what_became_of_it_is_unknown_and_stays_visible(outcome: str) -> None:
    one = owed()
    kept = book(one)
    kept.hear(one, outcome, 1)
    assert [effect for effect, _ in kept.unresolved()] == ["e1"]
    assert kept.of_run("r1") == [one]


def test_a_delay_by_the_rate_limit_leaves_it_to_be_sent() -> None:
    one = owed()
    kept = book(one)
    kept.hear(one, "rate_limited", 1)
    assert [effect for effect, _ in kept.to_send()] == ["e1"]


def test_what_waits_in_the_product_is_owed_until_it_is_shown() -> None:
    one = owed(leased=True)
    kept = book(one)
    kept.hear(one, "sent", 1)
    assert kept.of_run("r1") == [one]
    kept.hear(one, "delivered", 2)
    assert kept.of_run("r1") == []


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_what_may_repeat_is_told_again(outcome: str) -> None:
    one = owed()
    kept = book(one)
    assert kept.hear(one, outcome, 1)
    assert kept.hear(one, outcome, 2) == (outcome in ("opened", "clicked", "rate_limited", "unknown"))


def test_what_is_settled_is_forgotten_after_a_while() -> None:
    kept = book(owed("old"), owed("new"))
    kept.hear(kept.get("old") or owed(), "sent", 0)
    kept.hear(kept.get("new") or owed(), "sent", MESSAGE_SETTLED_MS_MAX - 1)
    assert len(kept) == 2
    later = owed("later")
    kept.add(later)
    kept.hear(later, "sent", MESSAGE_SETTLED_MS_MAX)
    assert kept.get("old") is None and kept.get("new") is not None


def test_it_survives_a_snapshot() -> None:
    kept = book(owed("a"), owed("b", run="r2"))
    kept.hear(kept.get("a") or owed(), "sent", 5)
    again = Book()
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(kept.dump())))
    assert [effect for effect, _ in again.to_send()] == ["b"]
    assert [one.effect for one in again.of_run("r2")] == ["b"]
    found = again.get("a")
    assert found is not None and found.settled and found.was("sent")
    assert again.dump() == kept.dump()
