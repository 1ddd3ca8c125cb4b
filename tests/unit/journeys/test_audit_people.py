"""What the audit says about people's work: the directory, calendars, tasks, playbooks, saves and offers."""

from __future__ import annotations

import pytest

from tests.unit.journeys.audits import JOURNEY, found, only

FINE = """
calendars:
  office:
    windows: [{days: [mon, tue], from: '09:00', to: '17:00'}]
    zone: Europe/Berlin
    holidays: [2026-12-25]
tasks:
  call:
    title: Call {trait.plan}
    due: 48h
    calendar: office
    owners: [{trait: tier, when: logins > 2}, {role: csm, choose: least_loaded}]
    escalate: [{after: 24h, role: sales}, {after: 48h, owner_manager: true, reassign: true}]
    evidence: [logins, account.trait.tier, stage.main]
    talk_track: They had {logins} logins
  visit: {title: Visit, of: account, owners: [{trait: tier}]}
playbooks:
  save:
    items:
      ask: {title: Ask, decide: ['yes', 'no']}
      go: {title: Go, task: visit, after: ['ask:yes']}
      say: {title: Say, template: welcome}
saves: {won: {at_risk: score.health < 40, recovered: score.health >= 60, within: 14d}}
offers: {ten: {prefix: TEN, expires: 14d, cost: 5.5, redeemed: Code Used}}
"""


def test_work_for_people_that_is_fine() -> None:
    assert found(JOURNEY, FINE) == []


@pytest.mark.parametrize(
    ("text", "code", "field", "said"),
    [
        ("people: {catalogue: tem}", "unknown_name", "people.catalogue", "`team`?"),
        ("people: {catalogue: team, key: mail}", "unknown_name", "people.key", "`email`?"),
        ("people: {catalogue: team, manager: boss}", "unknown_name", "people.manager", "it has email, role"),
        ("calendars: {o: {windows: []}}", "wrong_value", "calendars.o.windows", "without hours"),
        (
            "calendars: {o: {windows: [{from: '9', to: '17'}]}}",
            "bad_time",
            "calendars.o.windows[0]",
            "no time",
        ),
        (
            "calendars: {o: {windows: [{days: [mon], from: '09:00', to: '09:30'}]}}",
            "bad_time",
            "calendars.o.windows",
            "60 minutes a week",
        ),
        ("calendars: {o: {windows: [{}], zone: Nowhere}}", "bad_time", "calendars.o.zone", "no time zone"),
        (
            "calendars: {o: {windows: [{}], holidays: [yule]}}",
            "bad_time",
            "calendars.o.holidays[0]",
            "no date",
        ),
        ("tasks: {t: {title: T}}", "missing_field", "tasks.t.owners", "nobody would get"),
        ("tasks: {t: {title: T, of: oder, owners: [{role: csm}]}}", "unknown_name", "tasks.t.of", "`order`?"),
        ("tasks: {t: {title: T, owners: [{role: cms}]}}", "unknown_name", "tasks.t.owners[0].role", "`csm`?"),
        ("tasks: {t: {title: T, owners: [{}]}}", "missing_field", "tasks.t.owners[0]", "`trait`, `role`"),
        (
            "tasks: {t: {title: T, owners: [{trait: x}]}}",
            "unknown_name",
            "tasks.t.owners[0].trait",
            "declare",
        ),
        (
            "tasks: {t: {title: T, owners: [{role: csm, when: logns > 1}]}}",
            "unknown_name",
            "tasks.t.owners[0].when",
            "`logins`?",
        ),
        (
            "tasks: {t: {title: T, owners: [{role: csm}], due: 0h}}",
            "bad_duration",
            "tasks.t.due",
            "too short",
        ),
        (
            "tasks: {t: {title: T, owners: [{role: csm}], calendar: o}}",
            "unknown_name",
            "tasks.t.calendar",
            "`o`",
        ),
        (
            "tasks: {t: {title: T, owners: [{role: csm}], escalate: [{after: 2h}]}}",
            "missing_field",
            "tasks.t.escalate[0]",
            "nobody",
        ),
        (
            "tasks: {t: {title: T, owners: [{role: csm}], escalate: [{after: 9h, role: csm}, "
            "{after: 2h, role: csm}]}}",
            "wrong_value",
            "tasks.t.escalate[1].after",
            "earliest first",
        ),
        (
            "tasks: {t: {title: T, owners: [{role: csm}], evidence: [logns]}}",
            "unknown_name",
            "tasks.t.evidence[0]",
            "`logins`?",
        ),
        (
            "tasks: {t: {title: 'At {lgins}', owners: [{role: csm}]}}",
            "unknown_name",
            "tasks.t.title",
            "`logins`?",
        ),
        (
            "tasks: {t: {title: T, owners: [{role: csm}], outcomes: [saved, timeout]}}",
            "wrong_value",
            "tasks.t.outcomes",
            "nobody closes",
        ),
        (
            "tasks: {t: {title: T, owners: [{role: csm}], outcomes: []}}",
            "wrong_value",
            "tasks.t.outcomes",
            "each",
        ),
        ("playbooks: {p: {items: {}}}", "wrong_value", "playbooks.p.items", "no items"),
        (
            "playbooks: {p: {items: {a: {title: A, task: call}}}}",
            "wrong_subject",
            "playbooks.p.items.a.task",
            "about person",
        ),
        (
            "playbooks: {p: {items: {a: {title: A, after: [b]}}}}",
            "unknown_name",
            "playbooks.p.items.a.after[0]",
            "`b`",
        ),
        (
            "playbooks: {p: {items: {a: {title: A, after: [b]}, b: {title: B}}}}",
            "cycle",
            "playbooks.p.items.a.after",
            "`a` → `b` → `a`",
        ),
        (
            "playbooks: {p: {items: {a: {title: A, decide: [x]}, b: {title: B, after: ['a:y']}}}}",
            "unknown_name",
            "playbooks.p.items.b.after[0]",
            "it has x",
        ),
        (
            "playbooks: {p: {items: {a: {title: A, decide: [x], template: welcome}}}}",
            "wrong_value",
            "playbooks.p.items.a",
            "items of their own",
        ),
        (
            "saves: {s: {at_risk: logns < 1, recovered: logins > 1}}",
            "unknown_name",
            "saves.s.at_risk",
            "`logins`?",
        ),
        (
            "saves: {s: {at_risk: logins < 1, recovered: logins > 1, held: long}}",
            "bad_duration",
            "saves.s.held",
            "not a duration",
        ),
        ("offers: {o: {}}", "missing_field", "offers.o", "`codes`, `catalogue`, `prefix`"),
        ("offers: {o: {codes: [A, A]}}", "wrong_value", "offers.o.codes", "twice"),
        ("offers: {o: {catalogue: team}}", "unknown_name", "offers.o.column", "column of catalogue"),
        ("offers: {o: {prefix: X, cost: -1}}", "wrong_value", "offers.o.cost", "from 0"),
    ],
)
def test_work_for_people_that_is_refused(text: str, code: str, field: str, said: str) -> None:
    problem = only(JOURNEY, text)
    assert problem[:2] == (code, field) and said in problem[2], problem


def test_roles_need_a_directory() -> None:
    problem = only(JOURNEY, "tasks: {call: {title: T, owners: [{role: csm}]}}\npeople:")
    assert problem[:2] == ("unknown_name", "tasks.call.owners[0].role") and "people: {catalogue" in problem[2]


def test_a_directory_without_rows_may_have_any_role() -> None:
    empty = "catalogues: {team: {key: email, columns: {role: string}}}"
    assert found(JOURNEY, f"{empty}\ntasks: {{call: {{title: T, owners: [{{role: anything}}]}}}}") == []
