"""What the audit says about journeys: names, triggers, rules and the fields of steps."""

from __future__ import annotations

import pytest

from sevenfold.engine import Fold
from tests.unit.journeys.audits import JOURNEY, found, model, only, steps


def test_the_journey_of_these_tests_is_fine() -> None:
    assert found() == []


def trigger(text: str, more: str = "") -> str:
    return JOURNEY.replace("{kind: event, event: Signed Up}", text) + more


@pytest.mark.parametrize(
    "text",
    [
        "{kind: event, event: [Signed Up, 'Order *'], where: property.plan == 'pro'}",
        "{kind: segment, segment: active}",
        "{kind: segment, segment: active, change: left}",
        "{kind: stage, lifecycle: main, stage: customer}",
        "{kind: condition, when: score.health < 60 and trait.plan == 'pro'}",
        "{kind: condition, when: account.trait.tier == 'a'}",
        "{kind: score, score: health, below: 40}",
        "{kind: trait, trait: plan}",
        "{kind: trait, trait: seats, to: 3}",
        "{kind: trait, trait: beta, to: true}",
        "{kind: date, date: trait.renewal, offset: -7d, at: '09:00', yearly: true}",
        "{kind: schedule, rrule: 'FREQ=WEEKLY;BYDAY=MO', start: 2026-03-01T09:00, zone: Europe/Berlin}",
        "{kind: api}",
        "{kind: business, event: Price Dropped, pace: 1000/1h, match: {signal: used, property: feature}}",
    ],
)
def test_triggers_that_are_fine(text: str) -> None:
    assert found(trigger(text)) == []
    Fold(model(trigger(text)))


@pytest.mark.parametrize(
    ("text", "code", "field", "said"),
    [
        ("{kind: segment, segment: activ}", "unknown_name", "segment", "did you mean `active`?"),
        ("{kind: segment, segment: big}", "wrong_subject", "segment", "of account, not of person"),
        ("{kind: stage, lifecycle: man, stage: trial}", "unknown_name", "lifecycle", "did you mean `main`?"),
        ("{kind: stage, lifecycle: main, stage: trail}", "unknown_name", "stage", "did you mean `trial`?"),
        ("{kind: condition, when: loggins > 2}", "unknown_name", "when", "did you mean `logins`?"),
        ("{kind: condition, when: event.plan == 'a'}", "unknown_name", "when", "in conditions of a journey"),
        ("{kind: score, score: helth, below: 40}", "unknown_name", "score", "did you mean `health`?"),
        ("{kind: score, score: health}", "missing_field", "", "none of `below`, `above`"),
        ("{kind: score, score: health, below: 40, above: 60}", "wrong_value", "", "keep one of them"),
        ("{kind: score, score: health, below: 140}", "wrong_value", "below", "from 0 to 100"),
        ("{kind: trait, trait: pla}", "unknown_name", "trait", "did you mean `plan`?"),
        ("{kind: trait, trait: trait.plan}", "unknown_name", "trait", "write `plan`"),
        ("{kind: trait, trait: seats, to: many}", "type_mismatch", "to", "never 'many'"),
        ("{kind: trait, trait: plan, to: 3}", "type_mismatch", "to", "a text"),
        ("{kind: date, date: trait.plan}", "type_mismatch", "date", "is a text, not a date"),
        ("{kind: date, date: renewal}", "unknown_name", "date", "did you mean `trait.renewal`?"),
        ("{kind: date, date: trait.renewal, at: '25:00'}", "bad_time", "at", "no time of day"),
        ("{kind: date, date: trait.renewal, at: '24:00'}", "bad_time", "at", "the next day"),
        ("{kind: date, date: trait.renewal, offset: soon}", "bad_duration", "offset", "no length of time"),
        ("{kind: schedule, rrule: FREQ=WEAKLY}", "bad_time", "rrule", "FREQ=WEAKLY"),
        ("{kind: schedule, rrule: FREQ=DAILY, zone: Europe/Berln}", "bad_time", "zone", "`Europe/Berlin`?"),
        ("{kind: schedule, rrule: FREQ=DAILY, start: noon}", "bad_time", "start", "no time"),
        ("{kind: event, event: 'Sign*ed Up'}", "wrong_value", "event", "only at the end"),
        ("{kind: event, event: []}", "wrong_value", "event", "no event is named"),
        ("{kind: event, event: $segment active}", "wrong_value", "event", "`stage` or `segment`"),
        ("{kind: event, event: $message sent welcome}", "wrong_value", "event", "`on`"),
        ("{kind: event, event: $anything}", "wrong_value", "event", "do not listen"),
        ("{kind: event, event: A, where: logins > 2}", "unknown_name", "where", "`property.logins`"),
        ("{kind: business, event: 'Price *'}", "wrong_value", "event", "one name"),
        ("{kind: business, event: A, pace: fast}", "wrong_value", "pace", "3 per 30d"),
        ("{kind: business, event: A, match: {signal: used}}", "wrong_value", "match", "`property`"),
        (
            "{kind: business, event: A, match: {signal: usd, property: x}}",
            "unknown_name",
            "match.signal",
            "did you mean `used`?",
        ),
        (
            "{kind: business, event: A, match: {signal: logins, property: x}}",
            "type_mismatch",
            "match.signal",
            "remember",
        ),
    ],
)
def test_triggers_that_are_refused(text: str, code: str, field: str, said: str) -> None:
    problem = only(trigger(text))
    assert problem[0] == code and said in problem[2], problem
    assert problem[1] == "journeys.first.triggers[0]" + (f".{field}" if field else "")


def test_a_journey_nothing_can_start_is_refused() -> None:
    assert only(JOURNEY.replace("[{kind: event, event: Signed Up}]", "[]"))[:2] == (
        "wrong_value",
        "journeys.first.triggers",
    )


# ------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("more", "code", "field", "said"),
    [
        ("of: oder", "unknown_name", "of", "did you mean `order`?"),
        ("audience: segment.activ", "unknown_name", "audience", "did you mean `active`?"),
        ("suppressed_by: stage.main == 'custmer'", "unknown_name", "suppressed_by", "`customer`?"),
        ("late_after: 2 days", "bad_duration", "late_after", "not a duration"),
        ("late_after: 2000d", "bad_duration", "late_after", "at most 1825d"),
        ("ttl: 0s", "bad_duration", "ttl", "too short"),
        ("re_entry: {per_entity: true}", "missing_field", "re_entry.per_entity", "key: order_id"),
        ("re_entry: {unlimited: 0}", "wrong_value", "re_entry.unlimited", "from 1 to 1000"),
        ("re_entry: {unlimited: 2, after: 3d}", "wrong_value", "re_entry", "keep one of them"),
        ("re_entry: {}", "missing_field", "re_entry", "none of"),
        ("re_entry: {after: never}", "bad_duration", "re_entry.after", "not a duration"),
        ("key: order.id", "bad_name", "key", "order_id"),
        ("limits: {entries: three per day}", "wrong_value", "limits.entries", "3 per 30d"),
        ("limits: {entries: 3 per 2000d}", "wrong_value", "limits.entries", "1825d"),
        ("limits: {entries: 0 per 3d}", "wrong_value", "limits.entries", "from 1"),
        ("limits: {runs: 0}", "wrong_value", "limits.runs", "from 1"),
        ("limits: {messages: 0}", "wrong_value", "limits.messages", "from 1"),
        ("holdout: 120", "wrong_value", "holdout", "from 0 to 100"),
        ("holdout: 10.005", "wrong_value", "holdout", "0.01"),
        ("priority: 101", "wrong_value", "priority", "from 0 to 100"),
        ("visits_max: 0", "wrong_value", "visits_max", "from 1 to 1000"),
        ("programme: growth", "unknown_name", "programme", "messaging.programmes"),
        ("category: new", "unknown_name", "category", "did you mean `news`?"),
        ("goals: {g: {}}", "missing_field", "goals.g", "`event`, `when`"),
        ("goals: {g: {event: A, when: logins > 2}}", "wrong_value", "goals.g", "keep one"),
        ("goals: {g: {when: logins > 2, value: total}}", "wrong_value", "goals.g.value", "property"),
        ("goals: {g: {event: A, value: event.total}}", "bad_name", "goals.g.value", "write `total`"),
        ("goals: {g: {event: A, within: soon}}", "bad_duration", "goals.g.within", "not a duration"),
        ("goals: {g: {when: logins > 2, where: property.a}}", "wrong_value", "goals.g", "`event`"),
    ],
)
def test_rules_that_are_refused(more: str, code: str, field: str, said: str) -> None:
    problem = only(f"{JOURNEY}{more}\n")
    assert problem[:2] == (code, f"journeys.first.{field}") and said in problem[2], problem


@pytest.mark.parametrize("rule", ["{}", "{event: A, when: logins > 2}"])
def test_an_exit_is_either_an_event_or_a_condition(rule: str) -> None:
    assert only(JOURNEY.replace("{event: Subscription Cancelled}", rule))[1] == "journeys.first.exits[0]"


def test_a_key_needs_a_trigger_that_brings_an_event() -> None:
    text = trigger("{kind: segment, segment: active}", "key: order_id\nre_entry: {per_entity: true}\n")
    assert only(text)[:2] == ("never_known", "journeys.first.key")
    assert found(trigger("{kind: api}", "key: order_id\nre_entry: {per_entity: true}\n")) == []


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (trigger("{kind: condition, when: logins < 0}"), "triggers[0].when"),
        (trigger("{kind: condition, when: logins >= 0}"), "triggers[0].when"),
        (trigger("{kind: event, event: A, where: property.a > 3 and property.a < 2}"), "triggers[0].where"),
        (JOURNEY + "audience: segment.active and not segment.active\n", "audience"),
        (JOURNEY + "suppressed_by: 'true'\n", "suppressed_by"),
        (JOURNEY + "goals: {g: {when: logins < 0}}\n", "goals.g.when"),
        (JOURNEY.replace("event: Subscription Cancelled", "when: exists logins"), "exits[0].when"),
    ],
)
def test_conditions_that_decide_nothing_are_doubted(text: str, field: str) -> None:
    problems = [p for p in found(text) if p.code != "always_known"]
    assert [(p.severity, p.code, p.field) for p in problems] == [
        ("warning", "unreachable", f"journeys.first.{field}")
    ]


# -------------------------------------------------------------------------------- what conditions may read

BRANCH = "a: {kind: branch, paths: [{when: CONDITION, go: exit}]}"
ORDER = "of: order\ntriggers: [{kind: event, event: Order Completed}]\nexits: [{event: Order Cancelled}]\n"


def test_the_event_that_started_the_run_is_known_in_conditions() -> None:
    assert found(steps(BRANCH.replace("CONDITION", "event.plan == 'pro' and logins > 2"))) == []


def test_the_event_is_not_known_where_no_trigger_brings_one() -> None:
    head = "triggers: [{kind: segment, segment: active}]\n"
    problem = only(steps(BRANCH.replace("CONDITION", "event.plan == 'pro'"), head))
    assert problem[:2] == ("unknown_name", "journeys.first.steps.a.paths[0].when")
    assert "`event`, `business` or `api`" in problem[2]


def test_an_orders_journey_may_ask_about_the_person() -> None:
    asked = "person.trait.plan == 'pro' and person.logins > 2 and order_total > 5"
    assert found(steps(BRANCH.replace("CONDITION", asked), ORDER)) == []
    Fold(model(steps(BRANCH.replace("CONDITION", asked), ORDER)))
    assert found(steps(BRANCH.replace("CONDITION", "person.account.trait.tier == 'a'"), ORDER)) == []


def test_an_order_may_wait_for_its_person() -> None:
    wait = "a: {kind: wait, paths: [{when: person.logins > 2}], timeout: 3d}"
    assert found(steps(wait, ORDER)) == []


@pytest.mark.parametrize(
    "rule", ["exits: [{when: person.logins > 2}]", "goals: {g: {when: person.logins > 2}}"]
)
def test_exits_and_goals_of_an_order_may_read_its_person(rule: str) -> None:
    head = ORDER.replace("exits: [{event: Order Cancelled}]\n", "")
    assert found(steps("a: {kind: wait, for: 3d}", f"{head}{rule}\n")) == []


def test_the_goals_of_steps_count_as_well() -> None:
    text = "\n".join(f"s{n}: {{kind: goal, goal: g{n}}}" for n in range(31))
    assert only(steps(text))[0] == "too_large"


def test_a_persons_journey_does_not_write_person() -> None:
    problem = only(steps(BRANCH.replace("CONDITION", "person.logins > 2")))
    assert problem[0] == "wrong_subject" and "write `logins`" in problem[2]


def test_one_comparison_reads_the_event_or_the_subject_but_not_both() -> None:
    problem = only(steps(BRANCH.replace("CONDITION", "event.seats > trait.seats")))
    assert problem[0] == "type_mismatch" and "different things" in problem[2]


# ----------------------------------------------------------------------------------------------- steps


@pytest.mark.parametrize(
    "text",
    [
        "{kind: wait, for: 3d}",
        "{kind: wait, for: 1mo, at: '09:00', days: [mon, tue], zone: Europe/Berlin}",
        "{kind: wait, at: '9:30', jitter: 10m}",
        "{kind: wait, date: {date: trait.renewal, offset: -7d, at: '09:00', past: exit}}",
        "{kind: wait, date: {date: event.due}}",
        "{kind: wait, session: true, timeout: 14d}",
        "{kind: wait, paths: [{event: A, where: property.a > 1}, {when: logins > 2, require_new: true}], "
        "timeout: 3d, on_timeout: exit, reset: {event: B}}",
        "{kind: wait, windows: [{days: [sat, sun]}, {from: '09:00', to: '17:00'}]}",
        "{kind: wait, for: 2d, windows: [{from: '22:00', to: '02:00'}]}",
        "{kind: split, paths: {a: {share: 33.33}, b: {share: 33.33}, c: {share: 33.34, go: exit}}}",
        "{kind: update_trait, set: {plan: pro, seats: {add: 2}, beta: true}}",
        "{kind: update_trait, set: {plan: {from: event.plan}, seats: {from: logins}, renewal: '2026-03-01'}}",
        "{kind: goal, goal: done, value: total}",
        "{kind: task, task: call, on: {saved: exit, timeout: exit}, within: 3d}",
        "{kind: task, task: call, evidence: [logins, event.plan], reason: 'At {logins}'}",
        "{kind: webhook, channel: hook, payload: {a: 1}, on: {failed: exit}}",
        "{kind: message, template: tip, expires: 7d, on: {clicked: exit, capped: exit}}",
        "{kind: message, template: [welcome, order], offer: codes}",
    ],
)
def test_steps_that_are_fine(text: str) -> None:
    assert found(steps(f"a: {text}")) == []
    Fold(model(steps(f"a: {text}")))


@pytest.mark.parametrize(
    ("text", "code", "field", "said"),
    [
        ("{kind: wait}", "missing_field", "", "none of"),
        ("{kind: wait, for: 3d, session: true}", "wrong_value", "", "keep one of them"),
        ("{kind: wait, for: 0s}", "bad_duration", "for", "more than nothing"),
        ("{kind: wait, for: 2000d}", "bad_duration", "for", "at most 1825d"),
        ("{kind: wait, for: later}", "bad_duration", "for", "no length of time"),
        ("{kind: wait, at: '25:00'}", "bad_time", "at", "no time of day"),
        ("{kind: wait, at: '24:00'}", "bad_time", "at", "the next day"),
        ("{kind: wait, for: 3d, days: [mon]}", "wrong_value", "days", "`at`"),
        ("{kind: wait, at: '09:00', days: []}", "wrong_value", "days", "every day"),
        ("{kind: wait, for: 3d, zone: Europe/Berln}", "bad_time", "zone", "`Europe/Berlin`?"),
        ("{kind: wait, for: 3d, timeout: 4d}", "wrong_value", "timeout", "time out"),
        ("{kind: wait, paths: [{event: A}], timeout: 0d}", "bad_duration", "timeout", "more than nothing"),
        ("{kind: wait, paths: [{event: A}], on_timeout: exit}", "wrong_value", "on_timeout", "no `timeout`"),
        ("{kind: wait, paths: [{event: A}], reset: {event: B}}", "wrong_value", "reset", "`timeout`"),
        (
            "{kind: wait, paths: [{event: A}], timeout: 1d, reset: {event: B, max: 0}}",
            "wrong_value",
            "reset.max",
            "from 1 to 1000",
        ),
        ("{kind: wait, paths: [{}], timeout: 1d}", "missing_field", "paths[0]", "`event`, `when`"),
        ("{kind: wait, paths: [{event: A, when: logins > 1}]}", "wrong_value", "paths[0]", "keep one"),
        ("{kind: wait, paths: [{event: A, require_new: true}]}", "wrong_value", "paths[0]", "always a new"),
        ("{kind: wait, paths: [{when: logns > 1}]}", "unknown_name", "paths[0].when", "`logins`?"),
        ("{kind: wait, paths: [{event: A, where: lo > 1}]}", "unknown_name", "paths[0].where", "property.lo"),
        ("{kind: wait, date: {date: trait.plan}}", "type_mismatch", "date.date", "not a date"),
        ("{kind: wait, date: {date: trait.renewal, past: nowhere}}", "unknown_name", "date.past", "no step"),
        ("{kind: wait, windows: [{from: '09:00', to: '09:00'}]}", "bad_time", "windows[0]", "empty"),
        ("{kind: wait, windows: [{from: '25:00'}]}", "bad_time", "windows[0]", "no time of day"),
        ("{kind: wait, forever: true, jitter: 1h}", "wrong_value", "jitter", "for ever"),
        ("{kind: branch, paths: []}", "wrong_value", "paths", "0 paths"),
        (
            "{kind: branch, paths: [{when: logins >, go: exit}]}",
            "bad_expression",
            "paths[0].when",
            "ends too",
        ),
        ("{kind: branch, paths: [{when: logins > 1, go: b}]}", "unknown_name", "paths[0].go", "no step `b`"),
        ("{kind: branch, paths: [{when: logins > 1, go: exit}], else: b}", "unknown_name", "else", "`b`"),
        ("{kind: goal, goal: x, next: b}", "unknown_name", "next", "no step `b`"),
        ("{kind: split, paths: {a: {share: 50}, b: {share: 49}}}", "wrong_value", "paths", "1 too little"),
        ("{kind: split, paths: {a: {share: 60}, b: {share: 60}}}", "wrong_value", "paths", "20 too much"),
        ("{kind: split, paths: {a: {share: 50.001}, b: {share: 50}}}", "wrong_value", "", "0.01"),
        ("{kind: split, paths: {a: {share: 100}}}", "wrong_value", "paths", "1 paths"),
        (
            "{kind: split, paths: {a.b: {share: 50}, '1': {share: 50, go: x}}}",
            "unknown_name",
            "paths.1.go",
            "no step `x`",
        ),
        ("{kind: update_trait, set: {pln: pro}}", "unknown_name", "set.pln", "did you mean `plan`?"),
        ("{kind: update_trait, set: {plan: 3}}", "type_mismatch", "set.plan", "is a string"),
        ("{kind: update_trait, set: {seats: true}}", "type_mismatch", "set.seats", "is a number"),
        ("{kind: update_trait, set: {plan: {add: 1}}}", "type_mismatch", "set.plan", "nothing can be added"),
        ("{kind: update_trait, set: {plan: {from: logins}}}", "type_mismatch", "set.plan", "`logins`"),
        ("{kind: update_trait, set: {plan: {copy: logins}}}", "missing_field", "set.plan", "`from`, `add`"),
        ("{kind: update_trait, set: {renewal: soon}}", "type_mismatch", "set.renewal", "no date"),
        ("{kind: update_trait, set: {}}", "wrong_value", "set", "no trait"),
        ("{kind: goal, goal: ''}", "wrong_value", "goal", "no name"),
        ("{kind: goal, goal: x, value: event.total}", "bad_name", "value", "write `total`"),
        ("{kind: goal, goal: x, value: cart.total}", "bad_name", "value", "at the top"),
        ("{kind: wait, date: {date: event.a.b}}", "bad_name", "date.date", "at the top"),
        ("{kind: update_trait, set: {plan: {from: event.a.b}}}", "bad_name", "set.plan", "at the top"),
        ("{kind: start_journey, journey: secnd}", "unknown_name", "journey", "unknown journey"),
        ("{kind: task, task: cal}", "unknown_name", "task", "did you mean `call`?"),
        ("{kind: task, task: call, on: {savd: exit}}", "unknown_name", "on.savd", "did you mean `saved`?"),
        ("{kind: task, task: call, on: {timeout: exit}}", "wrong_value", "on.timeout", "no `within`"),
        ("{kind: task, task: call, within: 3d}", "wrong_value", "within", "without `on`"),
        ("{kind: task, task: call, evidence: [logns]}", "unknown_name", "evidence[0]", "`logins`?"),
        ("{kind: task, task: call, reason: 'At {lgins}'}", "unknown_name", "reason", "`logins`?"),
        ("{kind: webhook}", "missing_field", "", "`channel`, `url`"),
        ("{kind: webhook, channel: mail}", "wrong_value", "channel", "of type email"),
        ("{kind: webhook, url: ftp://x}", "wrong_value", "url", "https://"),
        ("{kind: webhook, url: 'https://x', method: FETCH}", "unknown_name", "method", "FETCH"),
        ("{kind: webhook, url: 'https://x', on: {done: exit}}", "unknown_name", "on.done", "done"),
        ("{kind: message, template: welcom}", "unknown_name", "template", "did you mean `welcome`?"),
        ("{kind: message, template: []}", "wrong_value", "template", "0 templates"),
        ("{kind: message, template: [welcome, welcom]}", "unknown_name", "template[1]", "`welcome`?"),
        ("{kind: message, template: welcome, category: nws}", "unknown_name", "category", "`news`?"),
        ("{kind: message, template: welcome, on: {opend: exit}}", "unknown_name", "on.opend", "`opened`?"),
        ("{kind: message, template: welcome, on: {opened: x}}", "unknown_name", "on.opened", "no step `x`"),
        ("{kind: message, template: welcome, offer: code}", "unknown_name", "offer", "`codes`?"),
        ("{kind: message, template: welcome, holdout: -1}", "wrong_value", "holdout", "from 0"),
        ("{kind: message, template: welcome, ttl: 0s}", "bad_duration", "ttl", "too short"),
        ("{kind: message, template: welcome, to: {max: 3}}", "wrong_value", "to", "only an account"),
        ("{kind: message, template: tip}", "missing_field", "", "expires: 7d"),
    ],
)
def test_steps_that_are_refused(text: str, code: str, field: str, said: str) -> None:
    problem = only(steps(f"a: {text}"))
    assert problem[0] == code and said in problem[2], problem
    assert problem[1].startswith("journeys.first.steps.a" + (f".{field}" if field else ""))


def test_a_step_cannot_be_called_exit() -> None:
    assert only(steps("exit: {kind: goal, goal: x}"))[0] == "bad_name"


def test_an_accounts_message_says_which_members_get_it() -> None:
    head = "of: account\ntriggers: [{kind: segment, segment: big}]\nexits: [{when: team > 99}]\n"
    assert only(steps("a: {kind: message, template: welcome}", head))[0] == "missing_field"
    assert found(steps("a: {kind: message, template: welcome, to: {roles: [admin]}}", head)) == []


def test_an_entity_has_no_traits_to_update() -> None:
    assert only(steps("a: {kind: update_trait, set: {plan: pro}}", ORDER))[0] == "wrong_subject"
