"""Every gate through the whole fold: a workspace, events, and the effects they leave."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.messages.world import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    TEMPLATES,
    World,
    decisions,
    of,
    sends,
    steps,
    the,
)

NEWS = {"categories": {"news": {"default": "opt_in"}, "billing": {"required": True}}}


def test_a_message_that_nothing_stops_is_owed() -> None:
    world = World(journeys={"greet": sends(data={"headline": "Hi"})})
    effects = world.do()
    message = the(effects, "message")
    assert steps(effects) == ["decided"]
    assert message.name == "greet"
    assert message.data["channel"] == "email" and message.data["address"] == "ada@shop.example"
    assert message.data["recipient"] == message.subject
    assert message.data["expires"] == NOON + DAY
    assert message.data["data"] == {"headline": "Hi"}
    assert len(message.data["version"]) == 32
    ((effect, owed),) = world.desk.book.to_send()
    assert effect == message.data["effect"]
    assert owed == {"journey": "greet", "step": "message", "visit": 1} | {
        key: value for key, value in message.data.items() if key != "run"
    }


def test_a_message_brings_the_properties_its_template_speaks_of() -> None:
    text = {"channel": "email", "subject": "{{ event.order_id }}", "text": "{{ event['total'] | money }}"}
    world = World(templates={"order": text}, journeys={"greet": sends("order")})
    message = the(world.do("Go", order_id="o1", total=5, secret="x"), "message")
    assert message.data["event"] == {"order_id": "o1", "total": 5}


# ------------------------------------------------------------------------------------------- consent


def test_without_consent_nothing_is_sent() -> None:
    world = World(consent=NEWS, journeys={"greet": sends(category="news")})
    effects = world.do()
    assert decisions(effects) == ["held hello no_consent"]
    assert steps(effects) == ["no_consent"]
    world.control("consent", person={"user_id": "ada"}, category="news", status="in", source="form")
    assert decisions(world.do()) == ["message hello"]


def test_the_templates_category_goes_before_the_steps() -> None:
    hello = {**TEMPLATES["hello"], "category": "news"}
    world = World(consent=NEWS, templates={"hello": hello}, journeys={"greet": sends(category="billing")})
    assert decisions(world.do()) == ["held hello no_consent"]


def test_a_required_category_cannot_be_refused() -> None:
    world = World(consent=NEWS, journeys={"greet": sends(category="billing")})
    world.know()
    world.control("consent", person={"user_id": "ada"}, status="out")
    assert decisions(world.do()) == ["message hello"]


def test_a_message_without_a_category_needs_one_where_some_are_declared() -> None:
    assert decisions(World(consent=NEWS).do()) == ["held hello no_consent"]


def test_who_leaves_all_mail_gets_none_even_without_categories() -> None:
    world = World()
    world.do("Email Unsubscribed")
    assert decisions(world.do()) == ["held hello no_consent"]


# ----------------------------------------------------------------------- suppression and reachability


def test_a_suppressed_address_gets_nothing() -> None:
    world = World()
    world.control("suppress", channel="email", address="ADA@shop.example")
    assert decisions(world.do()) == ["held hello suppressed"]
    world.control("unsuppress", channel="email", address="ada@shop.example")
    assert decisions(world.do()) == ["message hello"]


def test_nobody_is_reached_without_an_address() -> None:
    world = World()
    world.know(email=None)
    effects = world.do()
    assert decisions(effects) == ["held hello unreachable"]
    assert the(effects, "held").data["detail"] == {"needs": "email"}


def test_a_channels_condition_says_who_can_be_reached() -> None:
    world = World(
        signals={"wrote": {"kind": "since", "event": "Wrote"}},
        channels={"whatsapp": {"type": "whatsapp", "reachable": "wrote < 24h"}},
        templates={"wa": {"channel": "whatsapp", "body": "Hi"}},
        journeys={"greet": sends("wa")},
    )
    assert decisions(world.do()) == ["held wa unreachable"]
    world.do("Wrote")
    assert decisions(world.do()) == ["message wa"]
    world.wait(DAY)
    assert decisions(world.do()) == ["held wa unreachable"]


def test_the_present_address_is_written_to() -> None:
    world = World()
    world.know(email="old@shop.example")
    world.t += MINUTE
    world.know(email="new@shop.example")
    assert the(world.do(), "message").data["address"] == "new@shop.example"
    world.t += MINUTE
    world.know(email="old@shop.example")
    assert the(world.do(), "message").data["address"] == "old@shop.example"


@pytest.mark.parametrize(
    ("path", "traits"),
    [("trait.slack_id", {"slack_id": " U17 "}), ("trait.chat", {"slack": {"id": "U17"}})],
)
def test_an_address_may_be_a_trait(path: str, traits: dict[str, Any]) -> None:
    channels = {"team": {"type": "slack", "address": path}}
    world = World(
        channels=channels,
        traits={"chat": {"path": "slack.id"}},
        templates={"s": {"channel": "slack", "body": "x"}},
        journeys={"greet": sends("s")},
    )
    assert decisions(world.do()) == ["held s unreachable"]
    world.know(**traits)
    message = the(world.do(), "message")
    assert (message.data["channel"], message.data["address"]) == ("team", "U17")


def test_a_channel_that_is_switched_off_delivers_nothing() -> None:
    world = World()
    effects = world.control("channel", name="email", on=False)
    assert [(one.kind, one.name, one.data) for one in effects] == [("channel", "email", {"on": False})]
    assert decisions(world.do()) == ["held hello undeliverable"]
    world.control("channel", name="email", on=True)
    assert decisions(world.do()) == ["message hello"]


# ---------------------------------------------------------------------------------- stages and guards


def test_a_stage_may_suppress_the_rest_of_a_journey() -> None:
    world = World(
        signals={"active": {"kind": "count", "event": "Project Created"}},
        journeys={"greet": sends(journey={"suppressed_by": "active >= 1"})},
    )
    assert decisions(world.do()) == ["message hello"]
    world.do("Project Created")
    effects = world.do()
    assert decisions(effects) == ["held hello stage_suppressed"]
    assert steps(effects) == ["stage_suppressed"]


GUARD = {"no_ask": {"when": "opened > closed", "intents": ["ask"], "reason": "a ticket is open"}}
TICKETS = {
    "opened": {"kind": "count", "event": "Ticket Opened"},
    "closed": {"kind": "count", "event": "Ticket Resolved"},
}


def test_a_guard_holds_the_messages_it_names_while_it_is_true() -> None:
    journeys = {"review": sends(intent="ask"), "greet": sends("ping")}
    world = World(signals=TICKETS, messaging={"guards": GUARD}, journeys=journeys)
    world.do("Ticket Opened")
    effects = world.do()
    assert decisions(effects) == ["held hello guarded", "message ping"]
    assert the(effects, "held").data["detail"] == {"guard": "no_ask", "why": "a ticket is open"}
    world.do("Ticket Resolved")
    assert decisions(world.do()) == ["message hello", "message ping"]


@pytest.mark.parametrize(
    ("names", "held"),
    [
        ({}, True),
        ({"categories": ["news"]}, True),
        ({"tags": ["b", "x"]}, True),
        ({"journeys": ["greet"]}, True),
        ({"journeys": ["other"], "intents": ["ask"]}, False),
    ],
)
def test_a_guard_names_messages_by_category_tag_or_journey(names: dict[str, Any], held: bool) -> None:
    consent = {"categories": {"news": {"default": "opt_out"}}}
    world = World(
        signals=TICKETS,
        consent=consent,
        messaging={"guards": {"g": {"when": "opened == 0", **names}}},
        journeys={"greet": sends(category="news", tags=["a"], journey={"tags": ["b"]})},
    )
    assert decisions(world.do()) == (["held hello guarded"] if held else ["message hello"])


# ------------------------------------------------------------------------------------------ holdouts


def test_a_steps_own_share_is_held_out() -> None:
    world = World(journeys={"greet": sends(holdout=30.0)})
    outcomes = [decisions(world.do(user=f"user{i}"))[0] for i in range(200)]
    held = outcomes.count("held hello held_out")
    assert 40 <= held <= 80 and held + outcomes.count("message hello") == 200
    assert decisions(world.do(user="user0"))[0] == outcomes[0]


def test_a_ghost_goes_through_all_gates_and_takes_a_place_among_ghosts() -> None:
    world = World(
        messaging={"caps": {"one": {"limit": 1, "per": "1d"}}},
        journeys={"greet": sends(journey={"holdout": 100.0})},
    )
    effects = world.do()
    assert decisions(effects) == ["would_send hello"]
    assert steps(effects) == ["would_send"]
    held = world.do()
    assert decisions(held) == ["held hello capped"] and the(held, "held").data["ghost"]
    assert list(world.desk.book.to_send()) == []


def test_a_ghosts_place_is_nothing_to_real_messages_but_real_ones_count_for_ghosts() -> None:
    world = World(
        messaging={"caps": {"one": {"limit": 1, "per": "1d"}}},
        journeys={"ghosts": sends(event="A", journey={"holdout": 100.0}), "real": sends("ping", event="B")},
    )
    assert decisions(world.do("A")) == ["would_send hello"]
    assert decisions(world.do("B")) == ["message ping"]
    world.wait(23 * HOUR)
    assert decisions(world.do("A", "bob")) == ["would_send hello"]
    assert decisions(world.do("B", "cid")) == ["message ping"]
    assert decisions(world.do("A", "cid")) == ["held hello capped"]


def test_ghosts_receive_what_is_transactional() -> None:
    world = World(journeys={"greet": sends("receipt", journey={"holdout": 100.0})})
    assert decisions(world.do()) == ["message receipt"]


# --------------------------------------------------------------------------------------- arbitration


def both(first: dict[str, Any], second: dict[str, Any], **priorities: int) -> dict[str, Any]:
    return {
        "one": sends("hello", journey={"priority": priorities.get("one", 50)}, **first),
        "two": sends("ping", journey={"priority": priorities.get("two", 50)}, **second),
    }


def test_of_one_topic_the_higher_priority_wins() -> None:
    world = World(journeys=both({"topic": "offer"}, {"topic": "offer"}, two=90))
    effects = world.do()
    assert decisions(effects) == ["message ping", "held hello outranked"]
    assert the(effects, "held").data["detail"] == {"by": "two/message"}


def test_of_conflicting_intents_the_first_written_wins() -> None:
    conflicts = [{"between": ["apology", "ask"], "within": "3d"}]
    world = World(messaging={"conflicts": conflicts}, journeys=both({"intent": "ask"}, {"intent": "apology"}))
    assert decisions(world.do()) == ["message hello", "held ping outranked"]


def test_a_least_gap_leaves_no_room_beside_a_message() -> None:
    world = World(messaging={"minimum_gap": "2h"}, journeys=both({}, {}))
    assert decisions(world.do()) == ["message hello", "held ping outranked"]


def test_a_topic_goes_out_once_in_its_time_across_journeys_and_channels() -> None:
    journeys = {
        "one": sends("hello", event="A", topic="offer"),
        "two": sends("ping", event="B", topic="offer"),
    }
    world = World(messaging={"topics": {"offer": {"once_per": "3d"}}}, journeys=journeys)
    assert decisions(world.do("A")) == ["message hello"]
    world.wait(3 * DAY - 1)
    effects = world.do("B")
    assert decisions(effects) == ["held ping topic"]
    assert the(effects, "held").data["detail"] == {"topic": "offer", "last": NOON}
    world.wait(1)
    assert decisions(world.do("B")) == ["message ping"]


def test_conflicting_intents_hold_each_other_back_for_their_time() -> None:
    journeys = {
        "one": sends("hello", event="A", intent="ask"),
        "two": sends("ping", event="B", intent="apology"),
    }
    conflicts = [{"between": ["apology", "ask"], "within": "2d"}]
    world = World(messaging={"conflicts": conflicts}, journeys=journeys)
    assert decisions(world.do("B")) == ["message ping"]
    assert decisions(world.do("A")) == ["held hello conflict"]
    world.wait(2 * DAY)
    assert decisions(world.do("A")) == ["message hello"]


def test_the_least_gap_defers() -> None:
    world = World(messaging={"minimum_gap": "2h"})
    world.do()
    world.wait(HOUR)
    effects = world.do()
    assert decisions(effects) == ["deferred hello gap"]
    assert the(effects, "deferred").data["until"] == NOON + 2 * HOUR
    assert decisions(world.wait(HOUR - 1)) == []
    assert decisions(world.wait(1)) == ["message hello"]


# ---------------------------------------------------------------------------------------------- caps


def test_a_cap_drops() -> None:
    world = World(messaging={"caps": {"two": {"limit": 2, "per": "1d"}}})
    effects = world.do() + world.do() + world.do()
    assert decisions(effects) == ["message hello", "message hello", "held hello capped"]
    assert the(effects, "held").data["detail"] == {"cap": "two", "limit": 2}
    world.wait(DAY)
    assert decisions(world.do()) == ["message hello"]


def test_a_cap_defers_until_the_oldest_leaves_and_then_asks_all_gates_again() -> None:
    world = World(
        consent={"categories": {"news": {"default": "opt_out"}}},
        messaging={"caps": {"one": {"limit": 1, "per": "6h", "over": "defer"}}},
        journeys={"greet": sends(category="news")},
    )
    world.do()
    assert decisions(world.do()) == ["deferred hello capped"]
    world.wait(HOUR)
    world.control("consent", person={"user_id": "ada"}, status="out")
    assert decisions(world.wait(5 * HOUR)) == ["held hello no_consent"]


def test_two_who_wait_for_one_place_take_it_one_after_the_other() -> None:
    world = World(messaging={"caps": {"one": {"limit": 1, "per": "6h", "over": "defer"}}})
    for _ in range(3):
        world.do()
    assert decisions(world.wait(6 * HOUR)) == ["message hello", "deferred hello capped"]
    assert decisions(world.wait(6 * HOUR)) == ["message hello"]


def test_a_wait_beyond_the_time_to_live_is_expired_at_once() -> None:
    world = World(
        messaging={"caps": {"one": {"limit": 1, "per": "6h", "over": "defer"}}},
        journeys={"greet": sends(ttl="6h", on={"expired": "exit"})},
    )
    world.do()
    effects = world.do()
    assert decisions(effects) == ["held hello expired"]
    assert the(effects, "held").data["detail"] == {"waiting": "capped", "cap": "one"}


def test_the_next_template_is_tried_where_a_cap_hands_over() -> None:
    caps = {"mail": {"limit": 1, "per": "1d", "channel": "email", "over": "next"}}
    world = World(messaging={"caps": caps}, journeys={"greet": sends(["hello", "ping"])})
    assert decisions(world.do()) == ["message hello"]
    effects = world.do()
    assert decisions(effects) == ["message ping"]
    assert the(effects, "message").data["tried"] == [{"template": "hello", "reason": "capped"}]


def test_the_last_templates_reason_is_the_outcome() -> None:
    world = World(journeys={"greet": sends(["hello", "push"])})
    world.control("suppress", channel="email", address="ada@shop.example")
    effects = world.do()
    assert decisions(effects) == ["held push unreachable"]
    assert the(effects, "held").data["tried"] == [{"template": "hello", "reason": "suppressed"}]


def test_caps_follow_engagement() -> None:
    world = World(
        signals={"logins": {"kind": "count", "event": "Signed In"}},
        segments={"active": {"when": "logins >= 1"}},
        messaging={"caps": {"c": {"limit": 1, "per": "1d", "limits": {"active": 3}}}},
    )
    world.do("Signed In", "bob")
    quiet = [decisions(world.do(user="ada"))[0] for _ in range(4)]
    active = [decisions(world.do(user="bob"))[0] for _ in range(4)]
    assert quiet.count("message hello") == 1 and active.count("message hello") == 3


def test_a_cap_may_be_for_people_in_a_stage() -> None:
    stages = [{"name": "new"}, {"name": "grown", "enter": "logins >= 1"}]
    world = World(
        signals={"logins": {"kind": "count", "event": "Signed In"}},
        lifecycles={"life": {"stages": stages, "initial": "new"}},
        messaging={"caps": {"c": {"limit": 1, "per": "1d", "stage": {"life": "grown"}}}},
    )
    assert [decisions(world.do())[0] for _ in range(2)] == ["message hello"] * 2
    world.do("Signed In")
    # What was sent before the stage was not in the cap's scope.
    assert decisions(world.do()) == ["message hello"]
    assert decisions(world.do()) == ["held hello capped"]


@pytest.mark.parametrize(
    ("scope", "counts"),
    [
        ({"channel": "sms"}, False),
        ({"channel": "email"}, True),
        ({"journey": "other"}, False),
        ({"journey": "greet"}, True),
        ({"tag": "soft"}, True),
        ({"tag": "hard"}, False),
        ({"category": "news"}, True),
        ({"category": "billing"}, False),
    ],
)
def test_a_cap_holds_only_what_is_in_its_scope(scope: dict[str, Any], counts: bool) -> None:
    consent = {"categories": {"news": {"default": "opt_out"}, "billing": {}}}
    caps = {"c": {"limit": 1, "per": "1d", **scope}}
    world = World(
        consent=consent, messaging={"caps": caps}, journeys={"greet": sends(category="news", tags=["soft"])}
    )
    world.do()
    assert decisions(world.do()) == (["held hello capped"] if counts else ["message hello"])


def test_transactional_messages_are_not_capped_and_do_not_count() -> None:
    journeys = {"order": sends("receipt", event="Order"), "greet": sends()}
    world = World(messaging={"caps": {"c": {"limit": 1, "per": "1d"}}}, journeys=journeys)
    assert decisions(world.do("Order") + world.do("Order") + world.do()) == [
        *("message receipt", "message receipt", "message hello")
    ]
    assert decisions(world.do("Order")) == ["message receipt"]


def test_transactional_messages_count_where_the_cap_says_so() -> None:
    journeys = {"order": sends("receipt", event="Order"), "greet": sends()}
    world = World(
        messaging={"caps": {"c": {"limit": 1, "per": "1d", "transactional": True}}}, journeys=journeys
    )
    world.do("Order")
    assert decisions(world.do() + world.do("Order")) == ["held hello capped", "message receipt"]


def test_a_calendar_cap_begins_anew_with_its_day() -> None:
    caps = {"c": {"limit": 1, "calendar": "day", "zone": "Europe/Berlin", "over": "defer"}}
    world = World(messaging={"caps": caps})
    world.do()
    deferred = the(world.do(), "deferred")
    assert deferred.data["until"] == NOON + 11 * HOUR
    assert decisions(world.wait(11 * HOUR)) == ["message hello"]


def test_a_run_may_be_limited_to_some_messages() -> None:
    step = {"kind": "message", "template": "hello"}
    journey = sends(journey={"limits": {"messages": 2}, "steps": {"a": step, "b": step, "c": step}})
    world = World(journeys={"greet": journey})
    effects = world.do()
    assert decisions(effects) == ["message hello", "message hello", "held hello capped"]
    assert the(effects, "held").data["detail"] == {"cap": "limits.messages"}
    assert world.desk.run_counts == {}


# ------------------------------------------------------------------------------------------- quiet


QUIET = [{"windows": [{"from": "11:00", "to": "14:00"}]}]


def test_quiet_hours_defer_until_they_end() -> None:
    world = World(messaging={"quiet_hours": QUIET}, traits={"timezone": {"type": "string"}})
    world.know(timezone="UTC")
    effects = world.do()
    assert decisions(effects) == ["deferred hello quiet"]
    deferred = the(effects, "deferred")
    assert deferred.data["until"] == NOON + 2 * HOUR
    assert deferred.data["detail"] == {"zone": "UTC", "from": "person"}
    assert decisions(world.wait(2 * HOUR)) == ["message hello"]


def test_quiet_hours_are_the_persons_own() -> None:
    world = World(messaging={"quiet_hours": QUIET}, traits={"timezone": {"type": "string"}})
    world.know(timezone="America/New_York")
    assert decisions(world.do()) == ["message hello"]


def test_quiet_hours_are_never_off_where_the_zone_is_not_known() -> None:
    night = [{"windows": [{"days": ["tue"], "from": "00:00", "to": "12:00"}]}]
    world = World(messaging={"quiet_hours": night})
    effects = world.do()
    assert decisions(effects) == ["deferred hello quiet"]
    assert the(effects, "deferred").data["detail"]["from"] == "everywhere"


def test_quiet_hours_may_be_of_a_channel() -> None:
    quiet = [{**QUIET[0], "channels": ["email"], "zone": "UTC", "otherwise": "next"}]
    world = World(messaging={"quiet_hours": quiet}, journeys={"greet": sends(["hello", "ping"])})
    assert decisions(world.do()) == ["message ping"]


@pytest.mark.parametrize(
    ("fields", "decided"),
    [
        ({"quiet_hours": "ignore"}, ["message hello"]),
        ({"quiet_hours": "discard"}, ["held hello quiet"]),
        ({"journey": {"quiet_hours": "discard"}}, ["held hello quiet"]),
        ({"journey": {"quiet_hours": "discard"}, "quiet_hours": "ignore"}, ["message hello"]),
    ],
)
def test_a_step_or_journey_says_what_quiet_hours_do(fields: dict[str, Any], decided: list[str]) -> None:
    quiet = [{**QUIET[0], "zone": "UTC"}]
    world = World(messaging={"quiet_hours": quiet}, journeys={"greet": sends(**fields)})
    assert decisions(world.do()) == decided


# ---------------------------------------------------------------------------------- accounts, choice


def test_an_account_writes_to_the_members_with_a_role_who_joined_first() -> None:
    to = {"roles": ["admin"], "max": 2}
    journey = sends(to=to, journey={"of": "account"})
    world = World(journeys={"greet": journey})
    for user, role in (("eve", "user"), ("dan", "admin"), ("cid", "admin"), ("bob", "admin")):
        world.know(user)
        world.send("group", user, groupId="acme", traits={"role": role})
    world.wait(2_000)
    effects = world.send("track", "eve", event="Go", context={"groupId": "acme"}) + world.wait(2_000)
    messages = of(effects, "message")
    assert [one.data["address"] for one in messages] == ["dan@shop.example", "cid@shop.example"]
    assert len({one.data["effect"] for one in messages}) == 2
    assert all(one.of == "account" for one in messages)
    assert steps(effects) == ["decided"]


def test_an_account_without_such_members_reaches_nobody() -> None:
    world = World(journeys={"greet": sends(to={"roles": ["admin"]}, journey={"of": "account"})})
    world.know()
    world.send("group", "ada", groupId="acme")
    world.wait(2_000)
    effects = world.send("track", "ada", event="Go", context={"groupId": "acme"}) + world.wait(2_000)
    assert decisions(effects) == ["held hello unreachable"]


def test_one_member_who_gets_it_is_enough() -> None:
    to = {"max": 3}
    world = World(journeys={"greet": sends(to=to, journey={"of": "account"})})
    for user, email in (("dan", None), ("cid", "cid@shop.example")):
        world.know(user, email=email)
        world.send("group", user, groupId="acme")
    world.wait(2_000)
    effects = world.send("track", "dan", event="Go", context={"groupId": "acme"}) + world.wait(2_000)
    assert decisions(effects) == ["held hello unreachable", "message hello"]
    assert steps(effects) == ["decided"]


def test_the_channel_somebody_answers_to_goes_first() -> None:
    journeys = {"one": sends("ping", event="Sms"), "greet": sends(["hello", "ping"], choose="responses")}
    world = World(journeys=journeys)
    assert decisions(world.do()) == ["message hello"]
    world.tell(the(world.do("Sms"), "message"), "sent", "clicked")
    assert decisions(world.do()) == ["message ping"]
    assert decisions(world.do(user="bob")) == ["message hello"]


def test_an_entitys_journey_writes_to_its_person() -> None:
    order = sends(event="Order Shipped", journey={"of": "order", "re_entry": "once"})
    world = World(entities={"order": {"key": "order_id"}}, journeys={"shipped": order})
    message = the(world.do("Order Shipped", order_id="o1"), "message")
    assert message.of == "order" and message.data["address"] == "ada@shop.example"
    assert message.data["recipient"] == world.fold.id_of(world.fold.person, 1)


def test_entities_of_one_person_share_the_persons_caps() -> None:
    order = sends(event="Order Shipped", journey={"of": "order", "re_entry": "once"})
    world = World(
        entities={"order": {"key": "order_id"}},
        messaging={"caps": {"one": {"limit": 1, "per": "1d"}}},
        journeys={"shipped": order},
    )
    effects = world.do("Order Shipped", order_id="o1") + world.do("Order Shipped", order_id="o2")
    assert decisions(effects) == ["message hello", "held hello capped"]


def test_messages_may_wait_for_others_and_are_then_decided_by_priority() -> None:
    journeys = {
        "low": sends("hello", event="A", topic="offer", journey={"priority": 10}),
        "high": sends("ping", event="B", topic="offer", journey={"priority": 90}),
    }
    world = World(messaging={"arbitration": "5m"}, journeys=journeys)
    assert decisions(world.do("A")) == []
    world.wait(MINUTE)
    assert decisions(world.do("B")) == []
    effects = world.wait(4 * MINUTE)
    assert decisions(effects) == ["message ping", "held hello outranked"]


def test_everybody_in_the_universal_holdout_is_a_ghost_in_every_journey() -> None:
    journeys = {"greet": sends(), "order": sends("receipt", event="Order")}
    world = World(messaging={"holdout": {"share": 100.0}}, journeys=journeys)
    assert decisions(world.do() + world.do("Order")) == ["would_send hello", "message receipt"]


def test_a_deferred_message_of_an_account_tells_each_member_why() -> None:
    world = World(
        messaging={"caps": {"one": {"limit": 1, "per": "6h", "over": "defer"}}},
        journeys={"greet": sends(), "all": sends(to={"max": 5}, event="All", journey={"of": "account"})},
    )
    for user in ("dan", "cid"):
        world.know(user)
        world.send("group", user, groupId="acme")
        world.do(user=user)
    world.wait(HOUR)
    effects = world.send("track", "dan", event="All", context={"groupId": "acme"}) + world.wait(2_000)
    assert decisions(effects) == ["deferred hello capped", "deferred hello capped"]
    assert decisions(world.wait(5 * HOUR)) == ["message hello", "message hello"]


def test_a_member_who_would_have_to_wait_is_left_out_when_another_gets_it() -> None:
    world = World(
        messaging={"caps": {"one": {"limit": 1, "per": "6h", "over": "defer"}}},
        journeys={"greet": sends(), "all": sends(to={"max": 5}, event="All", journey={"of": "account"})},
    )
    for user in ("dan", "cid"):
        world.know(user)
        world.send("group", user, groupId="acme")
    world.do(user="dan")
    effects = world.send("track", "dan", event="All", context={"groupId": "acme"}) + world.wait(2_000)
    assert decisions(effects) == ["held hello capped", "message hello"]
    assert decisions(world.wait(DAY)) == []
