"""Each analysis of events agrees with a computation in lists and loops, on whatever people may have done."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sevenfold.measures import Answer, QuestionError, ask, names, question_from
from sevenfold.measures.answer import Caveat
from sevenfold.measures.events import periods
from sevenfold.measures.rfm import _OF_SCORES
from sevenfold.warehouse.base import Batch, Progress
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.projector import arrow_table
from tests.unit.measures import brute
from tests.unit.measures.brute import DAY, Event

START = 1_704_067_200_000
NOW = START + 45 * DAY
WAREHOUSE = DuckWarehouse(threads=1)
NAMES = "ABCD"
HOUR = 3_600_000
events_of = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.one_of(st.integers(0, 60), st.integers(0, 40 * 24 * 4)).map(lambda n: START + n * HOUR // 4),
        st.sampled_from(NAMES),
        st.sampled_from(["free", "pro", ""]),
    ),
    min_size=1,
    max_size=40,
)


def filled(events: list[Event]) -> DuckWarehouse:
    """The warehouse with these events; late ones stand where they arrived."""
    WAREHOUSE.clear()
    rows = [
        (
            n,
            time,
            NOW,
            person,
            0,
            "track",
            name,
            "web",
            n * 1_000_000,
            None,
            None,
            f'{{"plan":"{plan}"}}' if plan else "{}",
            None,
        )
        for n, (person, time, name, plan) in enumerate(events)
    ]
    WAREHOUSE.append(Batch({"events": arrow_table("events", rows)}, Progress(len(rows), 0, NOW)))
    return WAREHOUSE


def asked(events: list[Event], name: str, **fields: Any) -> Answer:
    return ask(filled(events), question_from(name, fields))


@settings(max_examples=25)
@given(
    events=events_of,
    order=st.sampled_from(["ordered", "any", "exact"]),
    hours=st.sampled_from([1, 8, 400]),
    entry=st.sampled_from(["first", "best"]),
    count=st.sampled_from(["uniques", "totals"]),
    hold=st.booleans(),
    without=st.sampled_from(["", "D"]),
    steps=st.sampled_from(["A", "AB", "ABC", "CBA"]),
)
def test_a_funnel_is_what_following_each_person_by_hand_gives(
    events: list[Event], order: str, hours: int, entry: str, count: str, hold: bool, without: str, steps: str
) -> None:
    without = "" if order == "exact" else without
    answer = asked(
        events,
        "funnel",
        steps=list(steps),
        order=order,
        within=f"{hours}h",
        entry=entry,
        count=count,
        hold=["plan"] if hold else [],
        without=[without] if without else [],
    )
    expected = brute.funnel(
        events, steps, order=order, window=hours * HOUR, entry=entry, count=count, without=without, hold=hold
    )
    assert answer.frame("steps")["count"].to_pylist() == expected


@settings(max_examples=20)
@given(
    events=events_of,
    kind=st.sampled_from(["on", "on_or_after", "bracket"]),
    start=st.sampled_from("*A"),
    back=st.sampled_from("*B"),
    mode=st.sampled_from(["rolling", "calendar"]),
    unit=st.sampled_from(["day", "week", "month"]),
)
def test_retention_is_what_counting_each_person_by_hand_gives(
    events: list[Event], kind: str, start: str, back: str, mode: str, unit: str
) -> None:
    edges = [0, 1, 3, 7] if kind == "bracket" else list(range(7))
    extra: dict[str, Any] = {"brackets": edges} if kind == "bracket" else {"periods": 6}
    answer = asked(events, "retention", kind=kind, start=start, back=back, mode=mode, unit=unit, **extra)
    expected = brute.retention(
        events, start=start, back=back, kind=kind, mode=mode, unit=unit, edges=edges, now=NOW
    )
    found = answer.frame("curve")
    assert list(zip(*(found[c].to_pylist() for c in ("period", "n", "returned")), strict=True)) == expected


@settings(max_examples=10)
@given(events=events_of, unit=st.sampled_from(["day", "week", "month"]))
def test_lifecycle_divides_everybody_active_and_who_is_no_more(events: list[Event], unit: str) -> None:
    rows = asked(events, "lifecycle", unit=unit).frame().to_pylist()
    expected = brute.lifecycle(events, unit, NOW)
    assert [
        (row["period"], row["new"], row["current"], row["resurrected"], row["dormant"]) for row in rows
    ] == [(periods.label(unit, period), *counts) for period, counts in expected.items()]  # type: ignore[arg-type]


@settings(max_examples=10)
@given(events=events_of, unit=st.sampled_from(["week", "month"]))
def test_stickiness_counts_the_days_of_each(events: list[Event], unit: str) -> None:
    rows = asked(events, "stickiness", unit=unit).frame("days").to_pylist()
    expected = brute.stickiness(events, unit, NOW)
    found = {(row["period"], row["days"]): row["people"] for row in rows if row["people"]}
    assert found == {(periods.label(unit, period), n): people for (period, n), people in expected.items()}  # type: ignore[arg-type]


@settings(max_examples=25)
@given(
    events=events_of,
    anchor=st.sampled_from(["", "A"]),
    depth=st.integers(1, 4),
    direction=st.sampled_from(["after", "before"]),
    repeats=st.booleans(),
)
def test_paths_are_those_walked_session_by_session(
    events: list[Event], anchor: str, depth: int, direction: str, repeats: bool
) -> None:
    answer = asked(
        events, "paths", anchor=anchor, depth=depth, direction=direction, repeats=repeats, gap="2h", top=9
    )
    walked = brute.paths(
        events, anchor=anchor, depth=depth, gap=2 * HOUR, before=direction == "before", repeats=repeats
    )
    flows: Counter[Any] = Counter()
    for path, n in walked.items():
        for step in range(1, depth + 1):
            if path[step - 1] is not None:
                flows[step, path[step - 1], path[step] or "(end)"] += n
    found = {(r["step"], r["source"], r["target"]): r["paths"] for r in answer.frame("flows").to_pylist()}
    assert found == dict(flows)
    assert answer["paths"].value == walked.total()


@settings(max_examples=10)
@given(events=events_of)
def test_rfm_scores_equal_values_equally(events: list[Event]) -> None:
    rows = asked(events, "rfm", event="*").frame("segments").to_pylist()
    expected = brute.rfm(events, lambda r, f: _OF_SCORES[r, f], NOW)
    assert {row["segment"]: row["people"] for row in rows if row["people"]} == dict(expected)


@settings(max_examples=10)
@given(events=events_of, unit=st.sampled_from(["day", "week", "month"]))
def test_trends_count_every_event_in_its_period(events: list[Event], unit: str) -> None:
    rows = asked(events, "trends", unit=unit, breakdown="plan").frame().to_pylist()
    expected = Counter(
        (periods.label(unit, brute.bucket(unit, t)), plan or "(not set)") for _, t, _, plan in events
    )  # type: ignore[arg-type]
    assert {(row["period"], row["group"]): row["events"] for row in rows if row["events"]} == dict(expected)


@settings(max_examples=10)
@given(events=events_of)
def test_cohorts_add_up_what_their_members_do(events: list[Event]) -> None:
    rows = asked(events, "cohorts", unit="week", event="B").frame().to_pylist()
    first = {person: line[0][1] for person, line in brute.timelines(events).items()}
    expected: Counter[Any] = Counter()
    for person, time, name, _ in events:
        cohort, period = brute.bucket("week", first[person]), brute.bucket("week", time)
        if name == "B" and period < brute.bucket("week", NOW):
            expected[periods.label("week", cohort), period - cohort] += 1
    assert {(row["cohort"], row["period"]): row["events"] for row in rows if row["events"]} == dict(expected)


# ------------------------------------------------------------------------------------------ what is said

TWO = [(1, START, "A", "pro"), (1, START + DAY, "B", "pro"), (2, START, "A", "free")]


def test_a_funnel_says_where_people_are_lost_and_that_they_are_few() -> None:
    answer = asked(TWO, "funnel", steps=["A", "B"], within="2d", breakdown="plan")
    assert answer.sentence == "1 of 2 people (50.0%) came from A to B. Most are lost between A and B (1)."
    assert [doubt.caveat for doubt in answer.caveats] == [Caveat.SAMPLE_TOO_SMALL]
    assert answer["conversion"].value == 0.5 and answer["conversion"].n == 2
    assert answer["median_time_to_convert"].value == DAY
    groups = answer.frame("breakdown").to_pylist()
    assert [(row["group"], row["step"], row["count"]) for row in groups] == [
        ("free", 1, 1),
        ("free", 2, 0),
        ("pro", 1, 1),
        ("pro", 2, 1),
    ]


def test_the_window_of_a_funnel_includes_its_last_moment() -> None:
    assert asked(TWO, "funnel", steps=["A", "B"], within="24h")["converted"].value == 1
    assert asked(TWO, "funnel", steps=["A", "B"], within="23h")["converted"].value == 0


def test_entries_of_a_funnel_lie_in_the_period_and_later_steps_need_not() -> None:
    inside = {"since": "2024-01-01", "until": "2024-01-01T12:00:00Z", "within": "7d"}
    assert asked(TWO, "funnel", steps=["A", "B"], **inside)["converted"].value == 1
    assert asked(TWO, "funnel", steps=["A", "B"], since="2024-01-02", within="7d")["entered"].value == 0


def test_what_is_worth_money_is_told_in_units_of_money() -> None:
    assert asked(TWO, "trends", measure="value", unit="month").frame()["value"].to_pylist() == [3.0, 0.0][:1]


def test_conditions_on_properties_choose_events() -> None:
    for text, n in [
        ("A[plan = pro]", 1),
        ("A[plan != pro]", 1),
        ("A | B", 3),
        ("*[value >= 1]", 2),
        ("A[plan ~ re]", 1),
        ("A[nothing]", 0),
        ("page:", 0),
        ("track: B", 1),
    ]:
        assert asked(TWO, "trends", event=text)["events"].value == n, text


@pytest.mark.parametrize(
    ("name", "fields", "where"),
    [
        ("funnel", {"steps": []}, "steps"),
        ("funnel", {"steps": ["A"], "within": "soon"}, "within"),
        ("funnel", {"steps": ["A"], "since": "2024-02-01", "until": "2024-01-01"}, "until"),
        ("funnel", {"steps": ["A"], "order": "sideways"}, "order"),
        ("funnel", {"steps": ["A"], "colour": "red"}, ""),
        ("funnel", {"steps": ["A[x"]}, ""),
        ("funnel", {"steps": ["A"], "hold": ["a'; DROP"]}, ""),
        ("retention", {"kind": "bracket", "brackets": [3, 1]}, "brackets"),
        ("retention", {"periods": 0}, "periods"),
        ("paths", {"depth": 99}, "depth"),
        ("trends", {"since": "yesterday"}, "since"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(name: str, fields: dict[str, Any], where: str) -> None:
    with pytest.raises(QuestionError) as error:
        question_from(name, fields)
    assert where in error.value.where


def test_an_analysis_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(QuestionError, match="retention"):
        question_from("horoscope", {})


def test_every_product_analysis_is_found_by_its_name_and_says_what_it_does() -> None:
    found = names()
    for name in (
        "cohorts",
        "funnel",
        "lifecycle",
        "paths",
        "retention",
        "rfm",
        "stage-funnel",
        "stickiness",
        "trends",
    ):
        assert name in found


def test_an_answer_is_json_without_what_json_cannot_say() -> None:
    held = asked(TWO, "funnel", steps=["B", "A"]).to_json()
    assert held["question"]["analysis"] == "funnel" and held["tables"]["steps"][1]["mean_ms"] is None
    assert isinstance(asked(TWO, "funnel", steps=["A"]).frame(), pa.Table)


@pytest.mark.parametrize(
    "name", ["cohorts", "funnel", "lifecycle", "paths", "retention", "rfm", "stickiness", "trends"]
)
def test_where_nothing_happened_there_is_an_answer(name: str) -> None:
    WAREHOUSE.clear()
    answer = ask(WAREHOUSE, question_from(name, {"steps": ["A", "B"]} if name == "funnel" else {}))
    assert answer.sentence and answer.to_json()
