"""The set-up's calendar: order, what is live, and what is refused."""

from __future__ import annotations

import pytest

from sevenfold.workspace.phases import in_week, standings
from tests.unit.workspace.worlds import problems, workspace

JOURNEYS = """
journeys:
  first: {triggers: [{kind: event, event: A}], steps: {end: {kind: exit}}}
  second: {state: draft, triggers: [{kind: event, event: B}], steps: {end: {kind: exit}}}
"""
PHASES = f"""{JOURNEYS}
phases:
  later: {{title: Later, weeks: [5], journeys: [second]}}
  start: {{title: Start, weeks: [1, 4], stages: [main/trial], journeys: [first], events: [Signed In]}}
"""


def test_phases_come_in_the_order_of_their_weeks_and_are_live_with_all_their_journeys() -> None:
    told = [(one.name, one.when, one.is_live, one.waiting) for one in standings(workspace(PHASES))]
    assert told == [("start", "weeks 1-4", True, ()), ("later", "from week 5", False, ("second",))]


@pytest.mark.parametrize(("week", "name"), [(1, "start"), (4, "start"), (5, "later"), (40, "later")])
def test_the_calendar_says_which_phase_a_week_belongs_to(week: int, name: str) -> None:
    found = in_week(workspace(PHASES), week)
    assert found is not None and found.name == name


def test_before_the_first_week_there_is_no_phase() -> None:
    assert in_week(workspace(PHASES), 0) is None


@pytest.mark.parametrize(
    ("phase", "code", "field", "said"),
    [
        ("{title: X, weeks: [4, 1]}", "wrong_value", "phases.x.weeks", "no span of weeks"),
        ("{title: X, weeks: []}", "wrong_value", "phases.x.weeks", "no span of weeks"),
        ("{title: X, weeks: [1], stages: [main/trail]}", "unknown_name", "phases.x.stages[0]", "main/trial"),
        ("{title: X, weeks: [1], journeys: [frist]}", "unknown_name", "phases.x.journeys[0]", "`first`"),
        ("{title: X, weeks: [9], journeys: [second]}", "wrong_value", "phases.x.journeys[0]", "already"),
    ],
)
def test_a_phase_that_makes_no_sense_is_explained(phase: str, code: str, field: str, said: str) -> None:
    (found,) = problems(f"{PHASES}  x: {phase}\n")
    assert (found.code, found.field) == (code, field)
    assert said in f"{found.message} ({found.suggestion})"
