"""What comes back to the desk: outcomes, statements about consent, merges, snapshots, runs that end."""

from __future__ import annotations

from typing import Any

import pytest

from sevenfold.carry import carry
from sevenfold.engine import ControlError
from tests.unit.messages.world import (
    DAY,
    HOUR,
    MINUTE,
    World,
    decisions,
    iso,
    of,
    sends,
    steps,
    the,
)

CAP = {"caps": {"one": {"limit": 1, "per": "1d"}}}
NEWS = {"categories": {"news": {"default": "opt_in"}, "tips": {"default": "opt_out"}}}
NEWSLETTER = {"greet": sends(category="news")}


def told(effects: list[Any], kind: str) -> list[dict[str, Any]]:
    return [one.data for one in of(effects, kind)]


# ------------------------------------------------------------------------------------------ outcomes


@pytest.mark.parametrize("outcome", ["failed", "bounced", "render_error", "expired"])
def test_a_message_that_failed_gives_its_place_back(outcome: str) -> None:
    world = World(messaging=CAP)
    message = the(world.do(), "message")
    assert decisions(world.do()) == ["held hello capped"]
    effects = world.tell(message, outcome)
    assert [one.kind for one in effects] == ["outcome", "released"]
    assert the(effects, "released").data["reason"] == outcome
    assert decisions(world.do()) == ["message hello"]


@pytest.mark.parametrize("outcome", ["claimed", "sent", "delivered", "opened", "clicked", "unknown"])
def test_a_message_that_did_not_fail_keeps_its_place(outcome: str) -> None:
    world = World(messaging=CAP)
    world.tell(the(world.do(), "message"), outcome)
    assert decisions(world.do()) == ["held hello capped"]


def test_a_place_is_given_back_once() -> None:
    world = World(messaging={"caps": {"two": {"limit": 2, "per": "1d"}}})
    first, second = the(world.do(), "message"), the(world.do(), "message")
    world.tell(first, "bounced", "failed", "bounced")
    assert decisions(world.do()) == ["message hello"]
    assert decisions(world.do()) == ["held hello capped"]
    world.tell(second, "failed")
    assert decisions(world.do()) == ["message hello"]


def test_outcomes_are_events_of_the_person() -> None:
    world = World(
        signals={
            "got": {"kind": "count", "event": "$message sent", "window": "7d"},
            "opened_hello": {"kind": "count", "event": "$message opened hello"},
        },
        segments={"reader": {"when": "opened_hello >= 1"}, "spared": {"when": "got == 0"}},
    )
    message = the(world.do(), "message")
    effects = world.tell(message, "claimed", "sent", "opened")
    assert [(one.kind, one.name) for one in of(effects, "entered", "left")] == [
        *(("left", "spared"), ("entered", "reader"))
    ]
    assert [one.name for one in of(world.wait(7 * DAY), "entered")] == ["spared"]


def test_opens_by_machines_count_as_nothing() -> None:
    world = World(
        signals={"opens": {"kind": "count", "event": "$message opened"}},
        segments={"reader": {"when": "opens >= 1"}},
        journeys={"greet": sends(on={"opened": "exit"})},
    )
    effects = world.tell(the(world.do(), "message"), "sent")
    message = world.effects[-1]
    effects = world.tell(message, "opened", machine=True)
    assert told(effects, "outcome")[0]["machine"] is True
    assert of(effects, "entered", "step") == []


def test_a_permanent_bounce_suppresses_the_address_on_its_channel() -> None:
    journeys = {"greet": sends(), "sms": sends("ping", event="Sms")}
    world = World(journeys=journeys)
    effects = world.tell(the(world.do(), "message"), "bounced", permanent=True)
    assert told(effects, "suppressed")[0]["reason"] == "bounce"
    assert decisions(world.do()) == ["held hello suppressed"]
    assert decisions(world.do("Sms")) == ["message ping"]


def test_a_passing_bounce_suppresses_nothing() -> None:
    world = World()
    world.tell(the(world.do(), "message"), "bounced")
    assert decisions(world.do()) == ["message hello"]


def test_a_complaint_suppresses_the_address() -> None:
    world = World()
    effects = world.tell(the(world.do(), "message"), "sent", "complained")
    assert told(effects, "suppressed")[0]["reason"] == "complaint"
    assert decisions(world.do()) == ["held hello suppressed"]


def test_an_outcome_of_a_message_nobody_remembers_is_told() -> None:
    world = World()
    effects = world.control("outcome", effect="0" * 16, outcome="sent")
    assert told(effects, "outcome") == [{"effect": "0" * 16, "outcome": "sent", "stranger": True}]
    assert world.desk.book.strangers == 1


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("outcome", {"effect": "0", "outcome": "lost"}),
        ("consent", {"person": {"user_id": "ada"}, "status": "maybe"}),
        ("consent", {"status": "in"}),
        ("suppress", {"channel": "email"}),
        ("suppress", {"channel": "email", "address": "a@b.co", "reason": "mood"}),
        ("channel", {"name": "email", "on": "no"}),
        ("channel", {"on": False}),
        ("import_opt_outs", {"opt_outs": "all"}),
    ],
)
def test_a_record_that_makes_no_sense_is_refused(op: str, fields: dict[str, Any]) -> None:
    with pytest.raises(ControlError):
        World(consent=NEWS).control(op, **fields)


@pytest.mark.parametrize(
    ("op", "fields", "named"),
    [
        ("consent", {"person": {"user_id": "eve"}, "status": "in", "channel": "pigeon"}, "channel"),
        ("consent", {"person": {"user_id": "eve"}, "status": "in", "category": "spam"}, "category"),
        ("import_opt_outs", {"opt_outs": ["eve@shop.example"], "category": "spam"}, "category"),
        ("suppress", {"channel": "pigeon", "address": "a@b.co"}, "channel"),
        ("unsuppress", {"channel": "pigeon", "address": "a@b.co"}, "channel"),
        ("channel", {"name": "pigeon", "on": False}, "channel"),
    ],
)
def test_what_the_workspace_does_not_have_any_more_is_ignored(
    op: str, fields: dict[str, Any], named: str
) -> None:
    world = World(consent=NEWS)
    effects = world.control(op, **fields)
    ignored = the(effects, "ignored")
    assert ignored.name == op and ignored.data["reason"] == "unknown" and named in ignored.data
    people = 1 if "person" in fields or "opt_outs" in fields else 0
    assert len(of(effects, "created")) == people and len(effects) == people + 1


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("outcome", {"effect": "0" * 16, "outcome": "sent"}),
        ("consent", {"person": {"user_id": "eve"}, "status": "in"}),
        ("import_opt_outs", {"opt_outs": ["eve@shop.example"]}),
        ("suppress", {"address": "a@b.co"}),
        ("channel", {"name": "email", "on": False}),
    ],
)
def test_a_log_that_knows_of_messages_folds_under_a_workspace_that_does_not(
    op: str, fields: dict[str, Any]
) -> None:
    world = World(journeys={}, templates={})
    assert world.fold.journeys is None
    assert [one.kind for one in world.control(op, **fields)] in ([], ["created"])


# ------------------------------------------------------------------------------ waiting for outcomes


def waiting(**on: str) -> dict[str, Any]:
    journey = sends(on=on, outcome_within="2h")
    journey["steps"]["next"] = {"kind": "exit", "reason": "went on"}
    journey["steps"]["there"] = {"kind": "exit", "reason": "was led"}
    return {"greet": journey}


def ended(effects: list[Any]) -> str:
    return str(the(effects, "ended").data["reason"])


def test_a_run_waits_for_the_outcomes_its_step_names() -> None:
    world = World(journeys=waiting(opened="there"))
    effects = world.do()
    assert of(effects, "ended") == [] and the(effects, "wait").data["for"] == "outcome"
    message = the(effects, "message")
    assert of(world.tell(message, "claimed", "sent", "delivered"), "step") == []
    effects = world.tell(message, "opened")
    assert (steps(effects), ended(effects)) == (["opened"], "was led")


def test_a_run_goes_on_when_no_outcome_came_in_time() -> None:
    world = World(journeys=waiting(opened="there"))
    message = the(world.do(), "message")
    world.tell(message, "sent")
    effects = world.wait(2 * HOUR)
    assert (steps(effects), ended(effects)) == (["timeout"], "went on")
    assert of(world.tell(message, "opened"), "step", "ended") == []


def test_a_run_goes_on_at_once_when_nothing_more_can_come() -> None:
    world = World(journeys=waiting(opened="there"))
    effects = world.tell(the(world.do(), "message"), "failed")
    assert (steps(effects), ended(effects)) == (["failed"], "went on")


def test_a_failure_may_lead_somewhere() -> None:
    world = World(journeys=waiting(failed="there"))
    effects = world.tell(the(world.do(), "message"), "failed")
    assert ended(effects) == "was led"


def test_a_held_message_leads_on_at_once() -> None:
    world = World(messaging=CAP, journeys=waiting(opened="next", capped="there"))
    world.do()
    effects = world.do()
    assert (steps(effects), ended(effects)) == (["capped"], "was led")


def test_a_ghost_is_taken_to_have_got_it_and_not_to_have_opened_it() -> None:
    for on, outcome, reason, after in (
        ({"sent": "there"}, "sent", "was led", 0),
        ({"opened": "there"}, "timeout", "went on", 2 * HOUR),
    ):
        journeys = waiting(**on)
        journeys["greet"]["holdout"] = 100.0
        world = World(journeys=journeys)
        effects = world.do() + world.wait(2 * HOUR)
        assert decisions(effects) == ["would_send hello"]
        assert (steps(effects), ended(effects)) == ([outcome], reason)
        assert the(effects, "ended").data["after"] == after


def test_an_accounts_run_waits_for_the_first_of_its_members_to_answer() -> None:
    journeys = waiting(opened="there")
    journeys["greet"] |= {"of": "account"}
    journeys["greet"]["steps"]["message"]["to"] = {"max": 2}
    world = World(journeys=journeys)
    for user in ("dan", "cid"):
        world.know(user)
        world.send("group", user, groupId="acme")
    effects = world.send("track", "dan", event="Go", context={"groupId": "acme"}) + world.wait(2_000)
    first, second = of(effects, "message")
    assert of(world.tell(first, "failed"), "step") == []
    effects = world.tell(second, "sent", "opened")
    assert (steps(effects), ended(effects)) == (["opened"], "was led")


def test_an_accounts_run_goes_on_when_the_last_of_its_messages_failed() -> None:
    journeys = waiting(opened="there")
    journeys["greet"] |= {"of": "account"}
    journeys["greet"]["steps"]["message"]["to"] = {"max": 2}
    world = World(journeys=journeys)
    for user in ("dan", "cid"):
        world.know(user)
        world.send("group", user, groupId="acme")
    effects = world.send("track", "dan", event="Go", context={"groupId": "acme"}) + world.wait(2_000)
    first, second = of(effects, "message")
    assert of(world.tell(first, "failed", "bounced", "expired"), "step") == []
    effects = world.tell(second, "bounced")
    assert (steps(effects), ended(effects)) == (["bounced"], "went on")


def test_an_outcome_that_comes_late_wakes_no_other_wait() -> None:
    journeys = waiting(opened="there")
    journeys["greet"]["steps"] = {
        "message": journeys["greet"]["steps"]["message"],
        "rest": {"kind": "wait", "for": "1d"},
        "back": {"kind": "branch", "paths": [], "else": "message"},
        "there": {"kind": "exit", "reason": "was led"},
    }
    world = World(messaging={"topics": {}}, journeys=journeys)
    first = the(world.do(), "message")
    assert steps(world.wait(2 * HOUR)) == ["timeout"]
    assert of(world.tell(first, "opened"), "step", "ended") == []
    second = the(world.wait(DAY), "message")
    assert of(world.tell(first, "opened"), "step", "ended") == []
    assert ended(world.tell(second, "opened")) == "was led"


def test_a_run_that_left_is_not_woken_by_an_outcome() -> None:
    journeys = waiting(opened="there")
    journeys["greet"]["exits"] = [{"event": "Bought", "reason": "bought"}]
    world = World(journeys=journeys)
    message = the(world.do(), "message")
    assert ended(world.do("Bought")) == "bought"
    world.do()
    assert of(world.tell(message, "opened"), "step", "ended") == []


# ---------------------------------------------------------------------------------- in the product


def in_app(**step: Any) -> dict[str, Any]:
    journey = sends("tip", expires="3d", **step)
    journey["steps"]["rest"] = {"kind": "wait", "for": "1d"}
    journey["exits"] = [{"event": "Bought", "reason": "bought"}]
    return {"greet": journey}


def test_what_waits_in_the_product_is_taken_back_when_the_run_is_cut_short() -> None:
    world = World(messaging=CAP, journeys=in_app())
    message = the(world.do(), "message")
    assert message.data["shown_until"] == world.t + 3 * DAY
    world.tell(message, "claimed", "sent")
    effects = world.do("Bought")
    assert [one.kind for one in effects] == ["revoked", "released", "ended"]
    assert the(effects, "revoked").data["effect"] == message.data["effect"]
    assert decisions(world.do()) == ["message tip"]


@pytest.mark.parametrize("shown", ["delivered", "opened", "clicked"])
def test_what_was_shown_is_not_taken_back(shown: str) -> None:
    world = World(journeys=in_app())
    world.tell(the(world.do(), "message"), "sent", shown)
    assert of(world.do("Bought"), "revoked") == []


@pytest.mark.parametrize("last", [[], [("over", {"kind": "exit", "reason": "said"})]])
def test_a_run_that_comes_to_its_end_leaves_what_it_said(last: list[Any]) -> None:
    journeys = in_app()
    del journeys["greet"]["steps"]["rest"]
    journeys["greet"]["steps"] |= dict(last)
    world = World(journeys=journeys)
    effects = world.do()
    assert of(effects, "ended") and not of(effects, "revoked")
    assert len(list(world.desk.book.to_send())) == 1


def test_a_step_may_leave_it_there() -> None:
    world = World(journeys=in_app(revoke=False))
    world.do()
    assert of(world.do("Bought"), "revoked") == []


def test_mail_is_never_taken_back_when_a_run_ends() -> None:
    journeys = in_app()
    journeys["greet"]["steps"]["message"]["template"] = "hello"
    world = World(journeys=journeys)
    world.do()
    assert of(world.do("Bought"), "revoked", "cancelled") == []


# ------------------------------------------------------------------------------------------- consent


def test_everything_said_about_consent_is_in_the_trace() -> None:
    world = World(consent=NEWS, journeys=NEWSLETTER)
    person = {"user_id": "ada"}
    effects = world.control("consent", person=person, channel="email", category="news", status="in")
    assert told(effects, "consent") == [
        {
            "status": "in",
            "source": "control",
            "changed": [{"channel": "email", "category": "news", "from": ""}],
        }
    ]
    effects = world.control("consent", person=person, category="news", status="out", source="centre")
    data = the(effects, "consent").data
    assert data["source"] == "centre" and len(data["changed"]) == 4
    assert world.control("consent", person=person, category="news", status="out") == []


def test_somebody_nobody_has_heard_of_may_say_something() -> None:
    world = World(consent=NEWS, journeys=NEWSLETTER)
    world.control("consent", person={"email": "ada@shop.example"}, category="news", status="in")
    assert decisions(world.do()) == ["message hello"]


def test_what_was_said_earlier_and_comes_later_changes_nothing() -> None:
    world = World(consent=NEWS, journeys=NEWSLETTER)
    person = {"user_id": "ada"}
    world.control("consent", person=person, category="news", status="in", at=iso(world.t - HOUR))
    effects = world.control("consent", person=person, category="news", status="out", at=iso(world.t - DAY))
    assert of(effects, "consent") == []


RULES = {
    **NEWS,
    "events": [
        {"event": "Subscribed", "status": "in", "channel": "email", "category": "property.form.list"},
        {"event": "Confirmed", "status": "confirmed", "category": "news"},
        {"event": "Left", "status": "out", "where": "property.reason != 'mistake'"},
    ],
}


def test_events_change_consent_by_the_workspaces_rules() -> None:
    world = World(consent=RULES, journeys=NEWSLETTER)
    assert decisions(world.do()) == ["held hello no_consent"]
    effects = world.do("Subscribed", form={"list": "News"})
    assert the(effects, "consent").data["source"] == "event Subscribed"
    assert decisions(world.do()) == ["message hello"]
    world.do("Left", reason="mistake")
    assert decisions(world.do()) == ["message hello"]
    world.do("Left", reason="bored")
    assert decisions(world.do()) == ["held hello no_consent"]


def test_a_category_nobody_knows_changes_nothing() -> None:
    world = World(consent=RULES, journeys=NEWSLETTER)
    assert of(world.do("Subscribed", form={"list": "weather"}) + world.do("Subscribed"), "consent") == []


def test_with_double_opt_in_only_confirmed_is_a_yes() -> None:
    categories = {"news": {"default": "opt_in", "double": True}}
    world = World(consent={**RULES, "categories": categories}, journeys=NEWSLETTER)
    world.do("Subscribed", form={"list": "news"})
    assert decisions(world.do()) == ["held hello no_consent"]
    world.do("Confirmed")
    assert decisions(world.do()) == ["message hello"]


def test_who_unsubscribes_by_mail_leaves_mail_alone() -> None:
    journeys = {"greet": sends(category="tips"), "sms": sends("ping", event="Sms", category="tips")}
    world = World(consent=NEWS, journeys=journeys)
    world.do("Email Unsubscribed")
    assert decisions(world.do()) == ["held hello no_consent"]
    assert decisions(world.do("Sms")) == ["message ping"]


def test_a_rule_of_the_workspace_replaces_what_unsubscribing_means() -> None:
    rule = {"event": "Email Unsubscribed", "status": "out", "channel": "email", "category": "news"}
    world = World(consent={**NEWS, "events": [rule]}, journeys={"greet": sends(category="tips")})
    world.do("Email Unsubscribed")
    assert decisions(world.do()) == ["message hello"]


def test_preferences_in_an_events_context_are_statements_for_all_channels() -> None:
    world = World(consent=NEWS, journeys=NEWSLETTER)
    world.know()
    world.do("Seen")
    consent = {"categoryPreferences": {"News": True, "tips": False, "weather": True, "odd": "yes"}}
    effects = world.send("track", event="Seen", context={"consent": consent})
    found = {data["status"]: data["changed"] for data in told(effects, "consent")}
    assert {one["category"] for one in found["in"]} == {"news"}
    assert {one["category"] for one in found["out"]} == {"tips"}
    assert decisions(world.do()) == ["message hello"]


def test_opt_outs_are_imported_also_of_people_nobody_has_heard_of() -> None:
    world = World(consent=NEWS, journeys={"greet": sends(category="tips")})
    rows = ["ada@shop.example", {"person": {"user_id": "bob"}}, {"email": "nobody"}]
    effects = world.control("import_opt_outs", opt_outs=rows, source="old tool", channel="email")
    assert told(effects, "opt_outs") == [
        {"channel": "email", "category": None, "source": "old tool", "rows": 3, "unusable": 1}
    ]
    for user in ("ada", "bob"):
        assert decisions(world.do(user=user)) == ["held hello no_consent"]
    assert decisions(world.do(user="cid")) == ["message hello"]


# -------------------------------------------------------------------------------------------- merges


def merge(world: World, one: str, other: str) -> list[Any]:
    return world.control("merge", members=[{"user_id": one}, {"user_id": other}])


def test_after_a_merge_the_strictest_consent_stands() -> None:
    world = World(consent=NEWS, journeys=NEWSLETTER)
    world.control("consent", person={"user_id": "ada"}, category="news", status="in")
    world.control("consent", person={"user_id": "bob"}, category="news", status="out")
    effects = merge(world, "ada", "bob")
    assert the(effects, "consent").data["source"] == "merge"
    assert decisions(world.do()) == ["held hello no_consent"]


def test_after_a_merge_both_peoples_messages_count() -> None:
    world = World(messaging={"caps": {"two": {"limit": 2, "per": "1d"}}})
    world.do(user="ada")
    world.do(user="bob")
    merge(world, "ada", "bob")
    assert decisions(world.do()) == ["held hello capped"]


def test_what_the_younger_of_two_equal_runs_owes_is_cancelled() -> None:
    waits = {**sends(), "re_entry": "once"}
    waits["steps"]["rest"] = {"kind": "wait", "for": "1d"}
    caps = {"two": {"limit": 2, "per": "1d"}}
    world = World(messaging={"caps": caps}, journeys={"greet": waits, "more": sends(event="More")})
    first, second = the(world.do(user="ada"), "message"), the(world.do(user="bob"), "message")
    effects = merge(world, "ada", "bob")
    told = [one.kind for one in of(effects, "cancelled", "released", "ended")]
    assert told == ["cancelled", "released", "ended"]
    assert the(effects, "cancelled").data["effect"] == second.data["effect"]
    assert [effect for effect, _ in world.desk.book.to_send()] == [first.data["effect"]]
    assert decisions(world.do("More") + world.do("More")) == ["message hello", "held hello capped"]


def test_what_a_sender_has_claimed_is_not_cancelled() -> None:
    waits = sends(journey={"re_entry": "once"})
    waits["steps"]["rest"] = {"kind": "wait", "for": "1d"}
    world = World(journeys={"greet": waits})
    world.do(user="ada")
    world.tell(the(world.do(user="bob"), "message"), "claimed")
    assert of(merge(world, "ada", "bob"), "cancelled") == []


def test_an_outcome_after_a_merge_is_the_winners() -> None:
    world = World(
        messaging=CAP,
        signals={"opens": {"kind": "count", "event": "$message opened"}},
        segments={"reader": {"when": "opens >= 1"}},
    )
    world.know("ada")
    message = the(world.do(user="bob"), "message")
    merge(world, "ada", "bob")
    effects = world.tell(message, "sent", "opened")
    entered = the(effects, "entered")
    assert entered.subject == world.fold.id_of(world.fold.person, 1)
    world.tell(message, "bounced", permanent=True)
    # The address of the loser, told last, is the winner's now.
    assert decisions(world.do()) == ["held hello suppressed"]


# ------------------------------------------------------------------------------- snapshots, webhooks


def test_a_snapshot_keeps_everything_the_desk_knows() -> None:
    journeys = {"sms": sends("ping", event="Sms", category="tips")}
    world = World(consent=NEWS, messaging=CAP, journeys=journeys)
    message = the(world.do("Sms"), "message")
    world.control("suppress", channel="email", address="eve@shop.example")
    world.control("channel", name="in_app", on=False)
    before = world.desk.dump()
    world.again()
    assert world.desk.dump() == before
    assert decisions(world.do("Sms")) == ["held ping capped"]
    world.tell(message, "failed")
    assert decisions(world.do("Sms")) == ["message ping"]


@pytest.mark.parametrize("changed", [False, True])
def test_a_changed_workspace_forgets_nothing_that_was_said_or_sent(changed: bool) -> None:
    journeys = {
        "greet": sends(category="tips"),
        "news": sends(["hello", "ping"], event="N", choose="responses"),
    }
    old = World(consent=NEWS, messaging=CAP, journeys=journeys)
    message = the(old.do(), "message")
    old.tell(message, "sent", "clicked")
    old.control("consent", person={"user_id": "bob"}, category="tips", status="out")
    old.control("consent", person={"user_id": "ada"}, channel="sms", category="news", status="in")
    categories = {"new": {"default": "opt_in"}, **NEWS["categories"]} if changed else NEWS["categories"]
    channels = {"post": {"type": "webhook"}} if changed else {}
    new = World(consent={"categories": categories}, messaging=CAP, journeys=journeys, channels=channels)
    said = old.desk.consents.said(1), old.desk.consents.said(2)
    told = old.desk.responses.of(1, old.desk.channels.named["email"].index)
    new.fold, new.t = carry(old.fold, new.workspace), old.t
    for row, before in zip((1, 2), said, strict=True):
        now = new.desk.consents.said(row)
        assert {name: now[name] for name in before} == before
    # Bob said no on every channel there was, so he says no on a new one; Ada said something else.
    assert new.desk.consents.said(2).get("post", {}) == ({"tips": "out"} if changed else {})
    assert "post" not in new.desk.consents.said(1)
    assert new.desk.responses.of(1, new.desk.channels.named["email"].index) == told == (1, 1)
    assert decisions(new.do()) == ["held hello capped"]
    assert decisions(new.do(user="bob")) == ["held hello no_consent"]
    late = iso(new.t - 1)
    assert new.control("consent", person={"user_id": "bob"}, category="tips", status="in", at=late) == []
    assert the(new.tell(message, "bounced"), "released")
    assert decisions(new.do()) == ["message hello"]


def test_a_changed_policy_counts_what_was_sent_under_the_one_before() -> None:
    old = World(messaging={"caps": {"one": {"limit": 1, "per": "1d"}}})
    old.do()
    assert decisions(old.do()) == ["held hello capped"]
    policy = {
        "caps": {"texts": {"limit": 1, "per": "1d", "channel": "sms"}, "two": {"limit": 2, "per": "2d"}}
    }
    new = World(messaging=policy)
    new.fold, new.t = carry(old.fold, new.workspace), old.t
    new.wait(DAY)
    assert decisions(new.do() + new.do()) == ["message hello", "held hello capped"]


def hooks(**step: Any) -> dict[str, Any]:
    return {
        "triggers": [{"kind": "event", "event": "Go"}],
        "re_entry": {"unlimited": 5},
        "steps": {
            "call": {"kind": "webhook", "channel": "crm", "payload": {"a": 1}, **step},
            "next": {"kind": "exit", "reason": "went on"},
            "there": {"kind": "exit", "reason": "was led"},
        },
    }


CRM = {"crm": {"type": "webhook"}}


def test_a_webhook_is_called_once_and_its_run_goes_on() -> None:
    world = World(channels=CRM, journeys={"j": hooks()})
    effects = world.do()
    call = the(effects, "webhook")
    assert (call.data["payload"], call.data["channel"], call.data["method"]) == ({"a": 1}, "crm", "POST")
    assert ended(effects) == "went on"
    assert [effect for effect, _ in world.desk.book.to_send()] == [call.data["effect"]]


@pytest.mark.parametrize(("outcome", "reason"), [("sent", "went on"), ("failed", "was led")])
def test_a_run_waits_for_a_webhooks_outcome(outcome: str, reason: str) -> None:
    world = World(channels=CRM, journeys={"j": hooks(on={"failed": "there"})})
    call = the(world.do(), "webhook")
    assert ended(world.tell(call, "claimed", outcome)) == reason


def test_a_webhook_that_does_not_answer_is_waited_for_no_longer() -> None:
    world = World(channels=CRM, journeys={"j": hooks(on={"failed": "there"}, outcome_within="10m")})
    world.do()
    effects = world.wait(10 * MINUTE)
    assert (steps(effects), ended(effects)) == (["timeout"], "went on")


def test_ghosts_call_no_webhooks() -> None:
    world = World(channels=CRM, journeys={"j": {**hooks(on={"sent": "there"}), "holdout": 100.0}})
    effects = world.do()
    assert [one.kind for one in of(effects, "webhook", "would_call")] == ["would_call"]
    assert ended(effects) == "was led"


def test_a_webhook_whose_channel_is_off_has_failed() -> None:
    world = World(channels=CRM, journeys={"j": hooks(on={"failed": "there"})})
    world.control("channel", name="crm", on=False)
    effects = world.do()
    assert the(effects, "held").data["reason"] == "undeliverable"
    assert ended(effects) == "was led"
