"""Where steps lead: unreachable ones, loops without a wait, steps without an end, and waits nothing ends."""

from __future__ import annotations

import random
from textwrap import dedent

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.journeys.audit.graph import EXIT, StepGraph, circles
from sevenfold.journeys.plan import Journey
from sevenfold.workspace.checking import check, check_journey
from sevenfold.workspace.models import Workspace
from tests.unit.journeys.audits import JOURNEY, found, model, only, steps

ENDLESS = "triggers: [{kind: event, event: Signed Up}]\n"


def said(text: str, head: str = "") -> list[tuple[str, str, str]]:
    return [
        (p.severity, p.code, p.field.removeprefix("journeys.first.steps.")) for p in found(steps(text, head))
    ]


def test_a_step_that_no_way_leads_to_is_doubted() -> None:
    text = "a: {kind: goal, goal: x, next: c}\nb: {kind: goal, goal: y}\nc: {kind: goal, goal: z}"
    assert said(text) == [("warning", "unreachable", "b")]


def test_steps_after_a_wait_for_ever_are_doubted_with_the_reason() -> None:
    text = "a: {kind: wait, forever: true}\nb: {kind: goal, goal: y}"
    problem = only(steps(text), severity="warning")
    assert (
        problem[:2] == ("unreachable", "journeys.first.steps.b") and "`a` holds people for ever" in problem[2]
    )


def test_a_next_that_is_never_followed_is_doubted() -> None:
    text = "a: {kind: branch, paths: [{when: logins > 1, go: b}], else: b, next: b}\nb: {kind: goal, goal: y}"
    assert said(text) == [("warning", "unreachable", "a.next")]


@pytest.mark.parametrize(
    "loop",
    [
        "a: {kind: goal, goal: x, next: a}",
        "a: {kind: message, template: welcome}\nb: {kind: branch, paths: [{when: logins > 1, go: a}]}",
        "a: {kind: wait, at: '09:00'}\nb: {kind: branch, paths: [{when: logins > 1, go: a}]}",
        "a: {kind: wait, paths: [{when: logins > 1, go: a}], timeout: 3d}",
        "a: {kind: wait, date: {date: trait.renewal}, next: a}",
        "a: {kind: split, paths: {x: {share: 50, go: a}, y: {share: 50}}}",
        "a: {kind: wait, windows: [{from: '09:00', to: '17:00'}], next: a}",
    ],
)
def test_a_loop_that_could_run_without_waiting_is_refused(loop: str) -> None:
    assert ("error", "endless", "a") in said(loop)


@pytest.mark.parametrize(
    "loop",
    [
        "a: {kind: wait, for: 7d}\nb: {kind: message, template: welcome, next: a}",
        "a: {kind: wait, session: true}\nb: {kind: branch, paths: [{when: logins > 1, go: a}]}",
        "a: {kind: wait, paths: [{event: A, go: a}], timeout: 3d}",
        "a: {kind: wait, paths: [{when: logins > 1, require_new: true, go: a}], timeout: 3d}",
        "a: {kind: task, task: call, on: {saved: a}}",
    ],
)
def test_a_loop_in_which_time_passes_is_fine(loop: str) -> None:
    assert said(loop) == []


def test_every_loop_is_named_once_with_its_steps() -> None:
    text = """
    a: {kind: goal, goal: x}
    b: {kind: branch, paths: [{when: logins > 1, go: a}, {when: logins > 2, go: d}]}
    c: {kind: goal, goal: y}
    d: {kind: goal, goal: z}
    e: {kind: branch, paths: [{when: logins > 3, go: d}]}
    """
    problems = found(steps(dedent(text)))
    assert [p.field for p in problems] == ["journeys.first.steps.a", "journeys.first.steps.d"]
    assert "`a` → `b` → `a`" in problems[0].message and "put a wait" in problems[0].suggestion


def test_steps_without_any_end_are_refused_unless_exits_end_runs() -> None:
    loop = "a: {kind: wait, for: 7d}\nb: {kind: goal, goal: x, next: a}"
    assert said(loop, ENDLESS) == [("error", "dead_end", "a")]
    assert said(loop) == []
    assert said(loop, f"{ENDLESS}goals: {{g: {{event: A}}}}\n") == []
    assert said(loop, f"{ENDLESS}goals: {{g: {{event: A, exit: false}}}}\n") == [("error", "dead_end", "a")]


def test_a_wait_for_ever_without_exits_is_doubted() -> None:
    assert said("a: {kind: wait, forever: true}", ENDLESS) == [("warning", "never_ends", "a")]
    assert said("a: {kind: wait, forever: true}") == []


def test_a_wait_without_timeout_is_doubted_where_nothing_else_ends_the_run() -> None:
    wait = "a: {kind: wait, paths: [{event: A}]}"
    assert said(wait, ENDLESS) == [("warning", "never_ends", "a")]
    assert said(wait) == []
    assert said("a: {kind: wait, paths: [{event: A}], timeout: 3d}", ENDLESS) == []


@pytest.mark.parametrize(
    "path",
    [
        "{when: logins < 0}",
        "{when: logins > 5 and logins < 3}",
        "{when: trait.plan == 'a' and trait.plan == 'b'}",
        "{when: \"trait.plan in ('a', 'b') and trait.plan == 'c'\"}",
        "{when: segment.active and not segment.active}",
        "{when: 'false'}",
        "{event: A, where: property.x == 1 and property.x == 2}",
        "{event: A, where: property.x > 3 and property.x <= 3}",
    ],
)
def test_a_wait_for_what_cannot_happen_is_refused_without_a_timeout(path: str) -> None:
    field = "a.paths[0].event" if "event" in path else "a.paths[0].when"
    wait = f"a: {{kind: wait, paths: [{path}]}}"
    assert said(wait) == [("warning", "unreachable", field), ("error", "never_ends", "a")]
    assert said(wait[:-1] + ", timeout: 3d}") == [("warning", "unreachable", field)]


@pytest.mark.parametrize(
    "paths",
    [
        "[{when: 'true', go: exit}, {when: logins > 1, go: b}]",
        "[{when: logins >= 0, go: exit}, {when: trait.plan == 'a', go: b}]",
        "[{when: logins > 1, go: exit}, {when: logins > 1 and segment.active, go: b}]",
        "[{when: logins > 1, go: exit}, {when: (logins > 1), go: b}]",
    ],
)
def test_a_path_behind_one_that_is_always_taken_is_doubted(paths: str) -> None:
    text = f"a: {{kind: branch, paths: {paths}}}\nb: {{kind: goal, goal: x}}"
    assert said(text) == [("warning", "unreachable", "a.paths[1]")]


def test_an_else_that_is_never_taken_is_doubted() -> None:
    text = "a: {kind: branch, paths: [{when: exists logins, go: exit}], else: b}\nb: {kind: goal, goal: x}"
    assert ("warning", "unreachable", "a.else") in said(text)


def test_a_path_for_the_unknown_is_reached_behind_the_same_condition() -> None:
    paths = "[{when: trait.seats > 1, go: exit}, {when: trait.seats > 1, go: b, unknown: true}]"
    assert said(f"a: {{kind: branch, paths: {paths}}}\nb: {{kind: goal, goal: x}}") == []


OTHER = """
journeys:
  second:
    triggers: [{kind: api}]
    re_entry: RULE
    steps: {back: {kind: start_journey, journey: first}}
"""


@pytest.mark.parametrize(("rule", "severity"), [("after_exit", "error"), ("once", "warning")])
def test_journeys_that_start_each_other_without_a_wait_are_named(rule: str, severity: str) -> None:
    head = "triggers: [{kind: api}]\nre_entry: after_exit\n"
    text = steps("go: {kind: start_journey, journey: second}", head)
    problem = only(text, OTHER.replace("RULE", rule), severity)
    assert problem[0] == "endless" and "`first` → `second` → `first`" in problem[2]
    waited = steps("rest: {kind: wait, for: 1d}\ngo: {kind: start_journey, journey: second}", head)
    assert found(waited, OTHER.replace("RULE", rule)) == []


def test_only_journeys_with_an_api_trigger_are_started_by_others() -> None:
    other = OTHER.replace("kind: api", "kind: event, event: A").replace("RULE", "once")
    other = other.replace("{kind: start_journey, journey: first}", "{kind: goal, goal: x}")
    problem = only(steps("go: {kind: start_journey, journey: second}"), other)
    assert problem[0] == "wrong_value" and "`{kind: api}`" in problem[2]


def test_a_journey_has_a_bounded_number_of_steps() -> None:
    text = "\n".join(f"s{n}: {{kind: goal, goal: x}}" for n in range(501))
    assert only(steps(text))[0] == "too_large"


def test_a_journey_without_steps_is_refused() -> None:
    assert only(JOURNEY.partition("steps:")[0] + "steps: {}\n")[0] == "wrong_value"


# --------------------------------------------------------------------------------------------- properties

IDS = ["a", "b", "c", "d", "e", "f"]
TARGETS = st.sampled_from([*IDS, EXIT])


def kinds(target: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, object]]:
    """Steps of many kinds, mostly well formed, with ways to anywhere."""

    def step(**fields: object) -> dict[str, object]:
        return {key: value for key, value in fields.items() if value is not None}

    maybe = st.none() | target
    event = st.builds(lambda go: step(event="A", go=go), maybe)
    change = st.builds(
        lambda go, when, new: step(when=when, go=go, require_new=new),
        maybe,
        st.sampled_from(["logins > 2", "false", "logins < 0", "logins >= 0"]),
        st.booleans(),
    )
    timeout = st.none() | st.sampled_from(["1d", "2h", "3d"])
    paths = st.lists(event | change, min_size=1, max_size=2)
    return st.one_of(
        st.builds(
            lambda n, f: step(kind="wait", next=n, **{"for": f}),
            maybe,
            st.sampled_from(["1d", "3h", "2w", "0s"]),
        ),
        st.builds(lambda n: step(kind="wait", next=n, at="09:00"), maybe),
        st.builds(lambda n, t: step(kind="wait", next=n, session=True, timeout=t), maybe, timeout),
        st.builds(
            lambda n, p, t, o: step(kind="wait", next=n, paths=p, timeout=t, on_timeout=o if t else None),
            *(maybe, paths, timeout, maybe),
        ),
        st.builds(lambda n: step(kind="wait", next=n, forever=True), maybe),
        st.builds(
            lambda n, go, other: step(
                kind="branch", next=n, paths=[{"when": "logins > 1", "go": go}], **other
            ),
            *(maybe, target, st.builds(lambda t: {} if t is None else {"else": t}, maybe)),
        ),
        st.builds(
            lambda n, go: step(kind="split", next=n, paths={"x": step(share=50, go=go), "y": {"share": 50}}),
            *(maybe, maybe),
        ),
        st.builds(lambda n: step(kind="goal", goal="x", next=n), maybe),
        st.builds(lambda: step(kind="exit")),
        st.builds(lambda n: step(kind="wait", next=n), maybe),
    )


JOURNEYS = st.builds(
    lambda steps, exits: {
        "triggers": [{"kind": "event", "event": "Signed Up"}],
        "steps": dict(zip(IDS, steps, strict=False)),
        "exits": exits,
    },
    st.lists(kinds(TARGETS), min_size=1, max_size=6),
    st.sampled_from([[], [], [{"event": "Left"}]]),
)


def passes(plan: dict[str, object]) -> bool:
    model = msgspec.convert(
        {
            "name": "x",
            "signals": {"logins": {"kind": "count", "event": "Signed In", "window": "7d"}},
            "journeys": {"first": plan},
        },
        Workspace,
    )
    return not any(problem.severity == "error" for problem in check(model))


@given(JOURNEYS, st.integers(0, 2**32))
def test_no_run_of_a_journey_that_passes_the_audit_can_be_stranded(
    plan: dict[str, object], seed: int
) -> None:
    if not passes(plan):
        return
    journey = msgspec.convert(plan, Journey)
    graph = StepGraph(journey)
    luck = random.Random(seed)
    at, instant = graph.ids[0], 0
    for _ in range(60):
        step = graph.steps[at]
        if getattr(step, "forever", False):
            return
        ways = [way.target for way in graph.ways[at]]
        if step.__struct_config__.tag == "exit":
            return
        assert ways, f"nobody goes on from {at}, and nothing holds them there"
        # A run that stays has a timer, or something that can wake it, or exits that end it.
        timed = any(getattr(step, field, None) for field in ("for_", "at", "timeout", "session"))
        wakes = [*(field for field, _ in step.watched()), *(field for field, *_ in step.heard())]
        assert step.__struct_config__.tag != "wait" or timed or wakes or journey.exits
        instant = 0 if step.waits() else instant + 1
        assert instant <= len(graph.ids), "a loop without time"
        target = luck.choice(ways)
        if target == EXIT:
            return
        assert target in graph.steps
        at = target


@given(JOURNEYS)
def test_from_every_step_of_a_journey_that_passes_an_end_can_be_reached(plan: dict[str, object]) -> None:
    if not passes(plan):
        return
    journey = msgspec.convert(plan, Journey)
    graph = StepGraph(journey)
    ends = graph.ending(lambda one: not graph.ways[one])
    assert journey.exits or graph.reached() <= ends


@given(st.dictionaries(st.sampled_from(IDS), st.lists(st.sampled_from(IDS), max_size=3), max_size=6))
def test_a_circle_is_found_exactly_where_there_is_one(graph: dict[str, list[str]]) -> None:
    left = {node: {t for t in targets if t in graph} for node, targets in graph.items()}
    while ready := [node for node, targets in left.items() if not targets & left.keys()]:
        for node in ready:
            del left[node]
    found_ = circles(graph)
    assert bool(found_) == bool(left)
    for circle in found_:
        assert all(after in graph[node] for node, after in zip(circle, [*circle[1:], circle[0]], strict=True))


# ------------------------------------------------------------------------------------------------- blocks

BLOCK = """
a:
  kind: intervention
  recovered: logins > 2
  message: {template: welcome}
  in_app: {template: tip}
  human: {task: call, when: trait.seats > 10}
  saved: b
  lost: exit
b: {kind: goal, goal: saved}
"""


def test_a_block_is_looked_at_as_what_it_writes_out() -> None:
    assert said(BLOCK, ENDLESS) == []
    assert ("warning", "unreachable", "b") in said(BLOCK.replace("saved: b", "saved: exit"), ENDLESS)
    loop = BLOCK.replace("b: {kind: goal, goal: saved}", "b: {kind: goal, goal: saved, next: a}")
    assert ("error", "endless", "a") in said(loop, ENDLESS)


@pytest.mark.parametrize(
    ("before", "after", "code", "field"),
    [
        ("logins > 2", "logns > 2", "unknown_name", "a.recovered"),
        ("template: welcome", "template: welcom", "unknown_name", "a.message.template"),
        ("task: call", "task: cal", "unknown_name", "a.human.task"),
        ("seats > 10", "seat > 10", "unknown_name", "a.human.when"),
        ("{template: tip}", "{template: tip, within: 0h}", "bad_duration", "a.in_app.within"),
        ("saved: b", "saved: c", "unknown_name", "a.saved"),
    ],
)
def test_what_is_wrong_with_a_block_is_said_once_where_its_author_wrote_it(
    before: str, after: str, code: str, field: str
) -> None:
    assert before in BLOCK
    errors = [one for one in said(BLOCK.replace(before, after), ENDLESS) if one[0] == "error"]
    assert errors == [("error", code, field)]


def test_a_block_without_a_layer_is_refused() -> None:
    assert said("a: {kind: intervention, recovered: logins > 2}") == [("error", "missing_field", "a")]


# -------------------------------------------------------------------------------------------- publishing


def test_publishing_asks_about_one_journey_alone() -> None:
    wrong = model(
        JOURNEY.replace("for: 3d", "for: 0s"), OTHER.replace("RULE", "once").replace("first", "frst")
    )
    assert [p.field for p in check_journey(wrong, "first")] == ["journeys.first.steps.pause.for"]
    assert [p.field for p in check_journey(wrong, "second")] == ["journeys.second.steps.back.journey"]
    assert check_journey(model(JOURNEY), "first") == []
