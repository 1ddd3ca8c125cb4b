"""Lines, lanes and times to come."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from sevenfold.server.sender.items import Item
from sevenfold.server.sender.queues import Queues


def item(
    effect: str, person: str = "p", journey: str = "j", expires: int = 1_000, transactional: bool = False
) -> Item:
    return Item(
        effect=effect,
        shape="message",
        channel="email",
        transactional=transactional,
        journey=journey,
        of="person",
        subject=person,
        t=0,
        expires=expires,
        data={"recipient": person},
    )


def taken(queues: Queues, transactional: bool = False) -> list[str]:
    found = []
    while (one := queues.take(("email", transactional), lambda _: True)) is not None:
        found.append(one.effect)
    return found


def test_only_the_first_of_a_line_can_be_taken() -> None:
    queues = Queues()
    for effect, person in (("a1", "ada"), ("a2", "ada"), ("b1", "bob")):
        assert queues.add(item(effect, person))
    assert taken(queues) == ["a1", "b1"]
    queues.end("a1")
    assert taken(queues) == ["a2"]


def test_a_line_waits_while_its_first_is_tried_again_and_others_do_not() -> None:
    queues = Queues()
    for effect, person in (("a1", "ada"), ("a2", "ada"), ("b1", "bob")):
        queues.add(item(effect, person))
    taken(queues)
    queues.again_at(queues.items["a1"], 100)
    queues.end("b1")
    queues.add(item("b2", "bob"))
    assert taken(queues) == ["b2"]
    assert queues.next_time() == 100
    assert queues.pass_time(100) == []
    assert taken(queues) == ["a1"]


def test_a_receipt_does_not_wait_for_a_newsletter() -> None:
    queues = Queues()
    queues.add(item("news"))
    taken(queues)
    queues.add(item("receipt", transactional=True))
    assert taken(queues, transactional=True) == ["receipt"]


def test_journeys_are_taken_from_in_turn() -> None:
    queues = Queues()
    for number in range(4):
        queues.add(item(f"big{number}", f"p{number}", "big"))
    queues.add(item("small", "q", "small"))
    assert taken(queues) == ["big0", "small", "big1", "big2", "big3"]


def test_a_journey_that_may_not_go_holds_up_no_other() -> None:
    queues = Queues()
    queues.add(item("slow", "p", "slow"))
    queues.add(item("fast", "q", "fast"))
    found = queues.take(("email", False), lambda one: one.journey != "slow")
    assert found is not None and found.effect == "fast"
    assert taken(queues) == ["slow"]


def test_what_came_to_its_end_is_given_back_unless_it_is_on_its_way() -> None:
    queues = Queues()
    for effect in ("a1", "a2", "b1"):
        queues.add(item(effect, effect[0], expires=50))
    busy = queues.take(("email", False), lambda _: True)
    assert busy is not None and busy.effect == "a1"
    assert queues.next_time() == 50
    assert sorted(one.effect for one in queues.pass_time(50)) == ["a2", "b1"]
    queues.again_at(busy, 60)
    assert [one.effect for one in queues.pass_time(1_050)] == ["a1"]


def test_the_same_thing_is_held_once() -> None:
    queues = Queues()
    assert queues.add(item("a"))
    assert not queues.add(item("a"))
    assert len(queues) == 1


actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 3), st.integers(0, 2)),
        st.tuples(st.just("take"), st.just(0), st.just(0)),
        st.tuples(st.just("end"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("again"), st.integers(0, 9), st.integers(0, 30)),
        st.tuples(st.just("drop"), st.integers(0, 40), st.just(0)),
        st.tuples(st.just("pass"), st.integers(1, 20), st.just(0)),
    ),
    max_size=80,
)


@given(actions)
def test_whatever_happens_lines_keep_their_order_and_nothing_is_lost(
    script: list[tuple[str, int, int]],
) -> None:
    queues, now, number = Queues(), 0, 0
    lines: dict[str, list[str]] = defaultdict(list)
    busy: list[Item] = []
    for what, first, second in script:
        if what == "add":
            number += 1
            lines[f"p{first}"].append(f"e{number}")
            queues.add(item(f"e{number}", f"p{first}", f"j{second}", expires=10**9))
        elif what == "take":
            found = queues.take(("email", False), lambda _: True)
            if found is not None:
                assert lines[found.subject][0] == found.effect
                busy.append(found)
        elif what in ("end", "again") and busy:
            one = busy.pop(first % len(busy))
            if what == "end":
                queues.end(one.effect)
                lines[one.subject].remove(one.effect)
            else:
                queues.again_at(one, now + second)
        elif what == "drop":
            held = queues.items.get(f"e{first}")
            if held is not None and held.state != "busy":
                queues.end(held.effect)
                lines[held.subject].remove(held.effect)
        elif what == "pass":
            now += first
            queues.pass_time(now)
    for one in busy:
        queues.end(one.effect)
        lines[one.subject].remove(one.effect)
    queues.pass_time(10**8)
    while (found := queues.take(("email", False), lambda _: True)) is not None:
        assert lines[found.subject].pop(0) == found.effect
        queues.end(found.effect)
    assert not any(lines.values()) and len(queues) == 0 and queues.count(("email", False)) == 0
