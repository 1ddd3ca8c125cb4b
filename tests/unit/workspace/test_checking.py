"""Everything the check refuses or doubts, one sentence a row."""

from __future__ import annotations

import pytest

from sevenfold.workspace.checking import check
from sevenfold.workspace.problems import CODES
from tests.unit.workspace.worlds import BASE, problems, workspace


def test_the_workspace_of_these_tests_has_no_problems() -> None:
    assert problems() == []


def only(text: str) -> tuple[str, str, str]:
    found = problems(text)
    assert len(found) == 1, "\n".join(map(str, found))
    problem = found[0]
    assert problem.code in CODES
    return problem.code, problem.field, f"{problem.message} ({problem.suggestion})"


def condition(text: str, of: str = "person") -> tuple[str, str]:
    """What is said about one condition."""
    found = problems(f"segments:\n  x:\n    of: {of}\n    when: >-\n      {text}\n")
    assert len(found) <= 1, "\n".join(map(str, found))
    return (found[0].code, f"{found[0].message} ({found[0].suggestion})") if found else ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "logins > 2 and spent >= 10.5",
        "quiet > 14d",
        "14d < quiet",
        "quiet <= 0s",
        "in_stage < 2w",
        "visits.current > 20m",
        "visits.current > visits.average",
        "visits.previous > 60000",
        "steps.stalled",
        "steps.next == 'report'",
        "used.top != 'a'",
        "used.unused > 0",
        "source == 'Paid'",
        "source.intent >= 60",
        "trait.plan == 'pro'",
        "trait.plan in ('a', 'b')",
        "trait.plan contains 'x'",
        "trait.seats * 2 > logins + 1",
        "trait.beta",
        "trait.beta == true",
        "not segment.active",
        "stage.main == 'trial'",
        "stage.main in ('trial', 'customer')",
        "score.health < 40",
        "band.health == 'red'",
        "missing band.health",
        "velocity.health == 'down'",
        "account.team > 3",
        "account.trait.arr >= 1000",
        "account.trait.tier == 'gold'",
        "account.segment.big",
        "trait.renewal == trait.renewal",
        "exists trait.extras",
        "exists quiet",
        "40 <= score.health < 60",
    ],
)
def test_a_condition_that_makes_sense_is_accepted(text: str) -> None:
    assert condition(text) == ("", "")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("logins >", "bad_expression", "ends too early (column 9 of `logins >`)"),
        ("login_count > 2", "unknown_name", "unknown signal `login_count`"),
        ("loginss > 2", "unknown_name", "did you mean `logins`?"),
        ("team > 3", "wrong_subject", "write `account.team`"),
        ("quiet == 14d", "type_mismatch", "moves all the time"),
        ("quiet > 14", "type_mismatch", "such as `quiet > 14d`"),
        ("quiet > logins", "type_mismatch", "durations only"),
        ("quiet > in_stage", "type_mismatch", "durations only"),
        ("quiet", "type_mismatch", "not true or false"),
        ("quiet in (3)", "type_mismatch", "durations only"),
        ("logins > 14d", "type_mismatch", "use a signal of kind `since`"),
        ("logins == '3'", "type_mismatch", "never equals"),
        ("trait.plan == 3", "type_mismatch", "the text `trait.plan` never equals a number"),
        ("trait.plan > 'a'", "type_mismatch", "has no order"),
        ("trait.plan", "type_mismatch", "not true or false"),
        ("trait.beta == 'true'", "type_mismatch", "never equals"),
        ("trait.beta > true", "type_mismatch", "has no order"),
        ("logins", "type_mismatch", "compare it with something"),
        ("logins contains '3'", "type_mismatch", "`contains` needs a text"),
        ("trait.plan in ('a', 3)", "type_mismatch", "never equals"),
        ("trait.plan + 1 > 2", "type_mismatch", "cannot be added"),
        ("quiet * 2 > 3", "type_mismatch", "cannot be added"),
        ("trait.renewal > '2024-01-01'", "type_mismatch", "`since_date` or `until_date`"),
        ("1 < 2", "wrong_value", "two constants"),
        ("stage.main == 'custommer'", "unknown_name", "did you mean `customer`?"),
        ("stage.main in ('trial', 'gone')", "unknown_name", "it has trial, customer"),
        ("band.health == 'unknown'", "unknown_name", "write `missing band.health`"),
        ("velocity.health == 'rising'", "unknown_name", "it has up, flat, down"),
        ("steps.next == 'repor'", "unknown_name", "did you mean `report`?"),
        ("source == 'Piad'", "unknown_name", "did you mean `Paid`?"),
        ("logins > 9000000000001", "bad_number", "beyond 9e12"),
        ("logins * 99999999999999 > 1", "bad_number", "beyond 9e12"),
        ("quiet > 300w", "bad_duration", "at most 1825d"),
        ("property.x == 1", "unknown_name", "only inside `where`"),
        ("trait.extras == 'x'", "never_known", "type json"),
        ("trait.extras contains 'x'", "never_known", "type json"),
        ("exists logins", "always_known", "never unknown"),
        ("exists segment.active", "always_known", "never unknown"),
    ],
)
def test_a_condition_that_makes_none_is_explained(text: str, code: str, said: str) -> None:
    found = condition(text)
    assert found[0] == code
    assert said in found[1]


def test_the_place_inside_a_tree_of_conditions_is_named() -> None:
    code, field, said = only(
        "segments: {x: {when: {all: [logins > 1, {not: {any: [logins < 9, plan == 'a']}}]}}}"
    )
    assert (code, field) == ("unknown_name", "segments.x.when.all[1].not.any[1]")
    assert "did you mean `trait.plan`?" in said


def test_an_empty_tree_is_refused() -> None:
    assert only("segments: {x: {when: {all: []}}}")[:2] == ("wrong_value", "segments.x.when.all")


@pytest.mark.parametrize(
    ("signal", "code", "field", "said"),
    [
        ("{kind: count, event: A, window: soon}", "bad_duration", ".window", "is not a duration"),
        ("{kind: count, event: A, window: 0d}", "bad_duration", ".window", "too short"),
        ("{kind: count, event: A, window: 2000d}", "bad_duration", ".window", "too long"),
        ("{kind: count, event: A, window: 1000h}", "bad_duration", ".window", "above 35d count whole days"),
        ("{kind: count, event: []}", "wrong_value", ".event", "no event is named"),
        ("{kind: count, event: ''}", "wrong_value", ".event", "1 to 256 characters"),
        ("{kind: count, event: 'A*B'}", "wrong_value", ".event", "only at the end"),
        ("{kind: count, event: [A, '*B']}", "wrong_value", ".event[1]", "only at the end"),
        ("{kind: count, event: $stage main/customer}", "", "", ""),
        ("{kind: count, event: $stage main/custmer}", "unknown_name", ".event", "did you mean `customer`?"),
        ("{kind: count, event: $stage mian/customer}", "unknown_name", ".event", "did you mean `main`?"),
        ("{kind: count, event: $segment actve}", "unknown_name", ".event", "did you mean `active`?"),
        (
            "{kind: count, of: account, event: $left active}",
            "wrong_subject",
            ".event",
            "of person, not of account",
        ),
        ("{kind: count, event: $exit main}", "unknown_name", ".event", "unknown derived event"),
        ("{kind: count, of: orders, event: A}", "unknown_name", ".of", "did you mean `order`?"),
        ("{kind: count, event: A, where: property.x > 3}", "", "", ""),
        ("{kind: count, event: A, where: x > 3}", "unknown_name", ".where", "write `property.x`"),
        ("{kind: count, event: A, where: property.x > 3d}", "type_mismatch", ".where", "write milliseconds"),
        ("{kind: sum, event: A, property: 'a..b'}", "wrong_value", ".property", "is not a path"),
        ("{kind: sum, event: A, property: $}", "wrong_value", ".property", "the whole body"),
        ("{kind: last, event: A, property: $, type: json}", "", "", ""),
        ("{kind: last, event: A, property: $}", "wrong_value", ".property", "the whole body"),
        ("{kind: trend, event: A, window: 36h}", "bad_duration", ".window", "at least 2d"),
        ("{kind: trend, event: A, window: 60h}", "bad_duration", ".window", "whole days"),
        ("{kind: baseline, event: A, baseline: 100h}", "bad_duration", ".baseline", "whole days"),
        ("{kind: baseline, event: A, minimum: 0}", "wrong_value", ".minimum", "at least 1"),
        ("{kind: sessions, event: A, gap: 0s}", "bad_duration", ".gap", "too short"),
        ("{kind: sequence, first: A, then: B, within: never}", "bad_duration", ".within", "not a duration"),
        ("{kind: sequence, first: A, then: [], within: 1d}", "wrong_value", ".then", "no event is named"),
        (
            "{kind: sequence, first: A, first_where: x, then: B, within: 1d}",
            "unknown_name",
            ".first_where",
            "property.x",
        ),
        ("{kind: values, event: A, property: f, quiet: x}", "bad_duration", ".quiet", "not a duration"),
        (
            "{kind: values, event: A, property: f, catalogue: feature}",
            "unknown_name",
            ".catalogue",
            "`features`",
        ),
        ("{kind: since_change, trait: plan}", "", "", ""),
        ("{kind: since_change, trait: plann}", "unknown_name", ".trait", "did you mean `plan`?"),
        ("{kind: since_change, trait: tier}", "wrong_subject", ".trait", "account.trait.tier"),
        ("{kind: until_date, date: renewal}", "", "", ""),
        ("{kind: until_date, date: plan}", "unknown_name", ".date", "`plan` is a text, not a date"),
        ("{kind: stage_time, lifecycle: mian}", "unknown_name", ".lifecycle", "did you mean `main`?"),
        (
            "{kind: stage_time, of: account, lifecycle: main}",
            "wrong_subject",
            ".lifecycle",
            "say `of: person`",
        ),
        (
            "{kind: score_history, score: helth, measure: min}",
            "unknown_name",
            ".score",
            "did you mean `health`?",
        ),
        ("{kind: ratio, numerator: logins, denominator: visits.events}", "", "", ""),
        (
            "{kind: ratio, numerator: logins, denominator: quiet}",
            "type_mismatch",
            ".denominator",
            "is a clock",
        ),
        ("{kind: ratio, numerator: login, denominator: spent}", "unknown_name", ".numerator", "`logins`"),
        (
            "{kind: ratio, numerator: trait.seats, denominator: spent}",
            "unknown_name",
            ".numerator",
            "is no signal",
        ),
        ("{kind: ratio, numerator: a b, denominator: spent}", "bad_name", ".numerator", "left over"),
        ("{kind: formula, formula: logins - 2 * spent + 1}", "", "", ""),
        ("{kind: formula, formula: logins -}", "bad_expression", ".formula", "ends too early"),
        ("{kind: formula, formula: '3 + 4'}", "wrong_value", ".formula", "names no signal"),
        ("{kind: formula, formula: logins - reply}", "type_mismatch", ".formula", "is a text"),
        ("{kind: formula, formula: logins - team}", "wrong_subject", ".formula", "account.team"),
        ("{kind: rollup, aggregate: sum, signal: logins}", "wrong_subject", ".of", "say `of: account`"),
        ("{kind: rollup, of: account, aggregate: sum}", "missing_field", ".aggregate", "needs a `signal`"),
        (
            "{kind: rollup, of: account, aggregate: count, signal: logins}",
            "wrong_value",
            ".signal",
            "takes no signal",
        ),
        (
            "{kind: rollup, of: account, aggregate: sum, signal: quiet}",
            "type_mismatch",
            ".signal",
            "is a clock",
        ),
        (
            "{kind: rollup, of: account, aggregate: sum, signal: logins, when: logins > 1}",
            "wrong_value",
            ".when",
            "only `count`",
        ),
        (
            "{kind: rollup, of: account, aggregate: sum, signal: team}",
            "wrong_subject",
            ".signal",
            "of account",
        ),
        (
            "{kind: rollup, of: account, aggregate: sum, over: accounts, signal: team, weight: arr}",
            "",
            "",
            "",
        ),
        (
            "{kind: rollup, of: account, aggregate: sum, over: accounts, signal: team, weight: tier}",
            "type_mismatch",
            ".weight",
            "",
        ),
        ("{kind: channel, of: account}", "wrong_subject", ".of", "only a person"),
        ("{kind: milestones, start: A, steps: []}", "wrong_value", ".steps", "no steps"),
        (
            "{kind: milestones, start: A, steps: [{name: next, event: B}]}",
            "bad_name",
            ".steps[0].name",
            "cannot name",
        ),
        (
            "{kind: milestones, start: A, steps: [{name: a b, event: B}]}",
            "bad_name",
            ".steps[0].name",
            "cannot name",
        ),
        (
            "{kind: milestones, start: A, steps: [{name: b, event: B}, {name: b, event: C}]}",
            "duplicate_key",
            ".steps[1].name",
            "",
        ),
        (
            "{kind: milestones, start: A, steps: [{name: b, event: B, within: 1y}]}",
            "bad_duration",
            ".steps[0].within",
            "",
        ),
    ],
)
def test_signals(signal: str, code: str, field: str, said: str) -> None:
    found = problems(f"signals: {{x: {signal}}}")
    if not code:
        assert found == []
        return
    assert [(p.code, p.field) for p in found] == [(code, f"signals.x{field}")], found
    assert said in f"{found[0].message} ({found[0].suggestion})"


@pytest.mark.parametrize("name", ["account", "trait", "segment", "and", "true", "in", "a b", "7d", "a-b"])
def test_a_signal_needs_a_name_that_conditions_can_write(name: str) -> None:
    assert only(f"signals: {{'{name}': {{kind: count, event: A}}}}")[:2] == ("bad_name", f"signals.{name}")


@pytest.mark.parametrize(
    ("text", "code", "field", "said"),
    [
        ("segments: {x: {}}", "wrong_value", "segments.x", "manual: true"),
        ("segments: {x: {when: logins > 1, manual: true}}", "wrong_value", "segments.x", "manual: true"),
        ("segments: {a/b: {manual: true}}", "bad_name", "segments.a/b", "letters"),
        ("traits: {t: {of: order}}", "wrong_subject", "traits.t.of", "only a person and an account"),
        ("traits: {t: {path: 'a..b'}}", "wrong_value", "traits.t.path", "is not a path"),
        ("traits: {value: {of: account}}", "bad_name", "catalogues.contracts.columns.value", "rename one"),
        (
            "catalogues: {x: {key: k, subject: order}}",
            "wrong_subject",
            "catalogues.x.subject",
            "person or account",
        ),
        (
            "catalogues: {x: {key: k, subject: account, columns: {value: number}}}",
            "bad_name",
            "catalogues.x.columns.value",
            "stands in catalogue `contracts` too",
        ),
        ("entities: {person: {key: k}}", "bad_name", "entities.person", "are taken"),
        ("entities: {e: {key: ''}}", "wrong_value", "entities.e.key", "cannot be empty"),
        ("timezone: Europe/Berlni", "unknown_name", "timezone", "did you mean `Europe/Berlin`?"),
        ("timezone: ../../etc/passwd", "unknown_name", "timezone", "unknown time zone"),
        ("currency: usd", "wrong_value", "currency", "three capital letters"),
        ("name: a/b", "bad_name", "name", "cannot name a workspace"),
        ("identity: {order: [user_id, user_id]}", "wrong_value", "identity.order", "once"),
        ("identity: {default_region: Germany}", "wrong_value", "identity.default_region", "such as"),
        ("identity: {types: {email: {limit: 0}}}", "wrong_value", "identity.types.email.limit", "at least 1"),
        (
            "identity: {types: {email: {per: x}}}",
            "bad_duration",
            "identity.types.email.per",
            "not a duration",
        ),
        ("identity: {types: {emial: {}}}", "unknown_name", "identity.types.emial", "did you mean `email`?"),
        ("acquisition: [{channel: a, intent: 101}]", "wrong_value", "acquisition[0].intent", "from 0 to 100"),
        (
            "acquisition: [{channel: a, intent: 1}, {channel: b, intent: 1}]",
            "unreachable",
            "acquisition[0]",
            "put it last",
        ),
        (
            "acquisition: [{channel: a, intent: 1, when: page.colour == 'x'}]",
            "unknown_name",
            "acquisition[0].when",
            "page field",
        ),
    ],
)
def test_everything_else_of_a_workspace(text: str, code: str, field: str, said: str) -> None:
    found = only(text)
    assert found[:2] == (code, field)
    assert said in found[2]


STAGES = "lifecycles: {{x: {{stages: [{{name: a}}, {{name: b, enter: logins > 1}}, {}]}}}}"


@pytest.mark.parametrize(
    ("stage", "code", "field", "said"),
    [
        ("{name: c, enter: logins > 2, from: [b], exit: logins < 1, exit_to: a, rank: 9}", "", "", ""),
        ("{name: b, enter: logins > 2}", "duplicate_key", "name", "stands twice"),
        ("{name: c, enter: logins > 2, from: [d]}", "unknown_name", "from[0]", "unknown stage `d`"),
        (
            "{name: c, enter: logins > 2, exit: logins < 1, exit_to: d}",
            "unknown_name",
            "exit_to",
            "unknown stage",
        ),
        (
            "{name: c, enter: logins > 2, exit_to: a}",
            "unreachable",
            "exit_to",
            "means nothing without `exit`",
        ),
        ("{name: c, enter: logins > 2, rank: 1}", "wrong_value", "rank", "that of stage `b` too"),
        ("{name: c}", "unreachable", "", "nothing leads to stage `c`"),
        ("{name: c, enter: logins > 2, from: [c]}", "unreachable", "", "nothing leads"),
        ("{name: c/d, enter: logins > 2}", "bad_name", "name", "without /"),
        ("{name: c, enter: loginss > 2}", "unknown_name", "enter", "did you mean `logins`?"),
        ("{name: c, enter: logins > 2, exit: quiet == 3d}", "type_mismatch", "exit", "moves all the time"),
    ],
)
def test_stages(stage: str, code: str, field: str, said: str) -> None:
    found = problems(STAGES.format(stage))
    if not code:
        assert found == []
        return
    where = f"lifecycles.x.stages[2].{field}" if field else "lifecycles.x.stages[2]"
    assert [(p.code, p.field) for p in found] == [(code, where)], found
    assert said in f"{found[0].message} ({found[0].suggestion})"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{stages: []}", "stages"),
        ("{initial: z, stages: [{name: a}, {name: b, enter: logins > 1}]}", "initial"),
        ("{applies: nothing > 1, stages: [{name: a}, {name: b, enter: logins > 1}]}", "applies"),
    ],
)
def test_lifecycles(text: str, field: str) -> None:
    problem, *_ = problems(f"lifecycles: {{x: {text}}}")
    assert problem.field == f"lifecycles.x.{field}"


def test_a_stage_that_another_exits_to_needs_no_enter_condition() -> None:
    stages = "{name: a}, {name: b, enter: logins > 1, exit: logins < 1, exit_to: c}, {name: c}"
    assert problems(f"lifecycles: {{x: {{stages: [{stages}]}}}}") == []


def score(**fields: str) -> str:
    given = {
        "lifecycle": "main",
        "measures": "{use: {signal: logins, points: [[0, 0], [5, 100]]}}",
        "weights": "[{weights: {use: 1}}]",
        "bands": "[{name: red, from: 0}]",
    } | fields
    return f"scores: {{x: {{{', '.join(f'{key}: {value}' for key, value in given.items() if value)}}}}}"


@pytest.mark.parametrize(
    ("fields", "code", "field", "said"),
    [
        ({}, "", "", ""),
        ({"measures": "{use: {when: logins > 1}}"}, "", "", ""),
        (
            {"measures": "{use: {signal: quiet, points: [[0d, 100], [7d, 50], [1w, 0]]}}"},
            "wrong_value",
            "measures.use.points[2]",
            "must ascend",
        ),
        (
            {"measures": "{use: {signal: quiet, points: [[7, 100]]}}"},
            "type_mismatch",
            "measures.use.points[0][0]",
            "duration",
        ),
        (
            {"measures": "{use: {signal: logins, points: [[7d, 100]]}}"},
            "type_mismatch",
            "measures.use.points[0][0]",
            "number",
        ),
        ({"measures": "{use: {signal: visits.average, points: [[0, 0], [10m, 100]]}}"}, "", "", ""),
        (
            {"measures": "{use: {signal: logins, points: [[0, 0], [1, 101]]}}"},
            "wrong_value",
            "measures.use.points[1][1]",
            "0 to 100",
        ),
        (
            {"measures": "{use: {signal: logins, points: []}}"},
            "wrong_value",
            "measures.use.points",
            "no points",
        ),
        ({"measures": "{use: {signal: logins}}"}, "missing_field", "measures.use", "`points` is missing"),
        ({"measures": "{use: {}}"}, "wrong_value", "measures.use", "either a `signal` or"),
        (
            {"measures": "{use: {signal: logins, when: logins > 1}}"},
            "wrong_value",
            "measures.use",
            "either a `signal` or",
        ),
        (
            {"measures": "{use: {when: logins > 1, points: [[0, 1]]}}"},
            "wrong_value",
            "measures.use.when",
            "neither",
        ),
        ({"measures": "{use: {signal: source, values: {Paid: 50}}}"}, "", "", ""),
        (
            {"measures": "{use: {signal: source, points: [[0, 1]]}}"},
            "type_mismatch",
            "measures.use",
            "needs `values`",
        ),
        (
            {"measures": "{use: {signal: logins, values: {a: 1}}}"},
            "type_mismatch",
            "measures.use.values",
            "maps texts",
        ),
        (
            {"measures": "{use: {signal: steps.stalled, values: {yes: 1}}}"},
            "type_mismatch",
            "measures.use.values.yes",
            "never",
        ),
        (
            {"measures": "{use: {signal: loginss, points: [[0, 1]]}}"},
            "unknown_name",
            "measures.use.signal",
            "`logins`",
        ),
        (
            {"measures": "{use: {signal: trait.renewal, points: [[0, 1]]}}"},
            "type_mismatch",
            "measures.use.signal",
            "a date",
        ),
        (
            {"weights": "[{weights: {usee: 1, use: 1}}]"},
            "unknown_name",
            "weights[0].weights.usee",
            "did you mean `use`?",
        ),
        (
            {"weights": "[{weights: {use: -1}}, {weights: {use: 1}, segment: active}]"},
            "wrong_value",
            "weights[0].weights.use",
            "at least 0",
        ),
        ({"weights": "[{weights: {use: 0}}]"}, "wrong_value", "weights[0].weights", "add up to nothing"),
        ({"weights": "[]"}, "wrong_value", "weights", "there are no weights"),
        (
            {"weights": "[{weights: {use: 1}}, {weights: {use: 1}, stage: trail}]"},
            "unknown_name",
            "weights[1].stage",
            "`trial`",
        ),
        (
            {"weights": "[{weights: {use: 1}}, {weights: {use: 1}, segment: actve}]"},
            "unknown_name",
            "weights[1].segment",
            "`active`",
        ),
        (
            {"weights": "[{weights: {use: 1}}, {weights: {use: 1}, segment: big}]"},
            "wrong_subject",
            "weights[1].segment",
            "of account",
        ),
        (
            {"weights": "[{weights: {use: 1}}, {weights: {use: 1}, tier: gold}]"},
            "missing_field",
            "weights[1].tier",
            "`tier` trait",
        ),
        (
            {"weights": "[{weights: {use: 1}}, {weights: {use: 2}}]"},
            "unreachable",
            "weights[1]",
            "these never do",
        ),
        (
            {"weights": "[{weights: {use: 1}, stage: trial}]"},
            "never_known",
            "weights",
            "no weights hold in stage `customer`",
        ),
        (
            {"lifecycle": "", "weights": "[{weights: {use: 1}}, {weights: {use: 1}, stage: trial}]"},
            "missing_field",
            "weights[1].stage",
            "name a `lifecycle`",
        ),
        ({"lifecycle": "mian"}, "unknown_name", "lifecycle", "did you mean `main`?"),
        ({"tier": "plan"}, "", "", ""),
        ({"tier": "seats"}, "type_mismatch", "tier", "a tier is a text"),
        ({"tier": "tier"}, "wrong_subject", "tier", "is of account"),
        ({"bands": "[]"}, "wrong_value", "bands", "starts at 0"),
        ({"bands": "[{name: a, from: 10}]"}, "wrong_value", "bands", "starts at 0"),
        (
            {"bands": "[{name: a, from: 0}, {name: b, from: 60}, {name: c, from: 60}]"},
            "wrong_value",
            "bands[2].from",
            "ascend",
        ),
        ({"bands": "[{name: a, from: 0}, {name: a, from: 60}]"}, "duplicate_key", "bands[1].name", "twice"),
        ({"bands": "[{name: unknown, from: 0}]"}, "bad_name", "bands[0].name", "below the coverage floor"),
        ({"coverage_floor": "1.5"}, "wrong_value", "coverage_floor", "from 0 to 1"),
        ({"hysteresis": "-1"}, "wrong_value", "hysteresis", "from 0 to 100"),
        (
            {"overrides": "[{when: logins > 1, cap: 120, reason: r}]"},
            "wrong_value",
            "overrides[0].cap",
            "from 0 to 100",
        ),
        (
            {"overrides": "[{when: logn > 1, cap: 20, reason: r}]"},
            "unknown_name",
            "overrides[0].when",
            "`logins`",
        ),
        ({"members": "{score: health, weight: 1}"}, "wrong_subject", "members", "only an account"),
    ],
)
def test_scores(fields: dict[str, str], code: str, field: str, said: str) -> None:
    found = [p for p in problems(score(**fields)) if not p.message.startswith("at most")]
    if not code:
        assert found == []
        return
    assert (found[0].code, found[0].field) == (code, f"scores.x.{field}"), found
    assert said in f"{found[0].message} ({found[0].suggestion})"


def test_a_score_whose_coverage_can_never_reach_the_floor_is_doubted() -> None:
    measures = "{use: {signal: logins, points: [[0, 0], [5, 100]]}, odd: {signal: trait.extras}}"
    found = problems(score(measures=measures, weights="[{weights: {use: 1, odd: 2}}]"))
    assert [p.code for p in found] == ["never_known", "never_known"]
    assert "at most 33% of the weight can ever be known" in found[1].message


def test_a_score_may_be_known_by_a_default_alone() -> None:
    measures = "{odd: {signal: trait.extras, default: 50}}"
    (problem,) = problems(score(measures=measures, weights="[{weights: {odd: 1}}]"))
    assert problem.field == "scores.x.measures.odd.signal"


def test_an_account_score_takes_member_scores() -> None:
    text = """
    scores:
      x:
        of: account
        measures: {team: {signal: team, points: [[0, 0], [5, 100]]}}
        members: {score: health, weight: 40, roles: {admin: 2}}
        weights: [{weights: {team: 60, members: 40}}]
        bands: [{name: red, from: 0}]
    """
    assert problems(text) == []
    assert [p.field for p in problems(text.replace("score: health", "score: healt"))] == [
        "scores.x.members.score"
    ]


def test_a_signal_that_nothing_uses_is_doubted() -> None:
    found = check(workspace("signals: {x: {kind: count, event: A}}"))
    assert ("signals.x", "warning") in [(p.field, p.severity) for p in found if p.code == "unused"]
    assert "signals.logins" not in [p.field for p in found]


# -------------------------------------------------------------------------------------------------- circles


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        (
            "segments: {x: {when: segment.y}, y: {when: not segment.x}}",
            "segments.x",
            "segment `x` → segment `y` → segment `x`",
        ),
        ("segments: {x: {when: segment.x or logins > 1}}", "segments.x", "segment `x` → segment `x`"),
        (
            "signals: {x: {kind: ratio, numerator: y, denominator: logins},"
            " y: {kind: formula, formula: x + 1}}",
            "signals.x",
            "circle",
        ),
        (
            "signals: {x: {kind: rollup, of: account, aggregate: sum, over: accounts, signal: x}}",
            "signals.x",
            "circle",
        ),
        (
            "segments: {low: {when: score.health < 40}}\n" + score(measures="{use: {when: segment.low}}"),
            "scores.x",
            "known only after the scores",
        ),
        (
            "lifecycles: {p: {stages: [{name: a}, {name: b, enter: \"stage.q == 'b'\"}]},"
            " q: {stages: [{name: a}, {name: b, enter: \"stage.p == 'b'\"}]}}",
            "lifecycles.p",
            "circle",
        ),
        (
            "signals: {x: {kind: rollup, of: account, aggregate: count, when: account.team > 3}}",
            "signals.x",
            "signal `x` → signal `team`",
        ),
        (
            "segments: {rich: {when: account.segment.big}}\n"
            "signals: {x: {kind: rollup, of: account, aggregate: count, when: segment.rich}}",
            "signals.x",
            "signal `x` → segment `rich` → segment `big`",
        ),
    ],
)
def test_a_circle_is_refused(text: str, field: str, said: str) -> None:
    found = [p for p in problems(text) if p.code == "cycle"]
    assert [p.field for p in found] == [field], found
    assert said in found[0].message


def test_a_segment_over_its_own_score_in_a_measure_is_refused() -> None:
    text = (
        "segments: {low: {when: score.health < 40}}\nscores: {health: {measures: {use: {when: segment.low}}"
    )
    text += ", weights: [{weights: {use: 1}}], bands: [{name: red, from: 0}]}}"
    assert [p.code for p in problems(text)] == ["cycle"]


@pytest.mark.parametrize(
    "text",
    [
        # stage <-> score, directly and through segments that need the stage alone
        "lifecycles: {main: {stages: [{name: trial}, {name: customer, enter: score.health > 50}]}}",
        "segments: {trial: {when: \"stage.main == 'trial'\"}}\n"
        + score(measures="{use: {when: segment.trial}}"),
        # a stage that asks for itself, also through a segment or the time in it
        "lifecycles: {main: {stages: [{name: trial},"
        " {name: customer, enter: in_stage > 3d and stage.main == 'trial'}]}}",
        # account traits change by events alone
        "signals: {x: {kind: rollup, of: account, aggregate: count, when: account.trait.tier == 'gold'}}",
        # history is read from closed days
        "signals: {fall: {kind: score_history, score: health, measure: slope}}\n"
        "scores: {health: {measures: {use: {signal: fall, points: [[-1, 0], [1, 100]]}},"
        " weights: [{weights: {use: 1}}], bands: [{name: red, from: 0}]}}",
    ],
)
def test_a_stage_and_a_score_may_need_each_other(text: str) -> None:
    assert [p for p in problems(text) if p.code == "cycle"] == []


def test_every_problem_has_a_known_code_and_tells_errors_from_warnings() -> None:
    found = check(
        workspace("segments: {x: {when: nothing > 1}}\nsignals: {x: {kind: count, event: A}}", BASE)
    )
    assert {p.code for p in found} <= set(CODES)
    assert {p.severity for p in found} == {"error", "warning"}
