"""A scenario says what a model would say: journeys over predictions are proved without any model."""

from __future__ import annotations

import msgspec
import pytest

from sevenfold.scenarios.running import run
from sevenfold.scenarios.timeline import ScenarioError, parse_scenario
from sevenfold.workspace.models import Workspace

WORKSPACE = {
    "name": "mine",
    "traits": {},
    "signals": {"until_next": {"kind": "until_date", "date": "prediction.next_order"}},
    "segments": {
        "soon": {"when": "until_next <= 2d"},
        "of_risky_team": {"when": "account.prediction.team_churn >= 0.5"},
    },
    "predictions": {
        "churn_risk": {"target": {"event": "Cancelled"}, "horizon": "30d"},
        "next_order": {"kind": "time_to", "target": {"event": "Ordered"}, "horizon": "90d"},
        "team_churn": {"of": "account", "target": {"event": "Cancelled"}, "horizon": "30d"},
    },
    "journeys": {
        "save": {
            "triggers": [{"kind": "prediction", "prediction": "churn_risk", "above": 0.7}],
            "steps": {"rest": {"kind": "wait", "for": "7d"}},
        }
    },
}
TIMELINE = """
title: Who is likely to leave is looked after at once
timeline:
  - {at: day 1 09:00, who: ana, track: Signed In, account: acme}
  - {at: day 1 09:00, who: ana, group: acme}
  - {at: day 2 09:00, who: ana, predictions: {churn_risk: 0.6, next_order: day 9 12:00}}
  - {at: day 2 09:00, expect: ana, prediction: {churn_risk: 0.6, next_order: day 9 12:00}, outside: [save]}
  - {at: day 3 09:00, who: ana, predictions: {churn_risk: 0.75}}
  - {at: day 3 09:00, expect: ana, inside: [save], not_in: [soon]}
  - {at: day 3 10:00, account: acme, predictions: {team_churn: 0.5}}
  - {at: day 3 10:01, expect: ana, in: [of_risky_team]}
  - {at: day 3 10:01, expect: acme, of: account, prediction: {team_churn: 0.5}}
  - {at: day 7 12:00, expect: ana, in: [soon]}
  - {at: day 8 09:00, who: ana, predictions: {churn_risk: null}}
  - {at: day 8 09:00, expect: ana, prediction: {churn_risk: null}}
"""


def workspace() -> Workspace:
    return msgspec.convert(WORKSPACE, Workspace)


def test_a_scenario_sets_predictions_and_expects_what_follows() -> None:
    report = run(parse_scenario(TIMELINE.encode(), "mine.yaml"), workspace())
    assert report.passed, report.failures
    assert report.checks == 8


def test_a_scenario_says_what_was_foretold_instead() -> None:
    text = TIMELINE.replace("prediction: {churn_risk: 0.6,", "prediction: {churn_risk: 0.7,")
    (failure,) = run(parse_scenario(text.encode(), "mine.yaml"), workspace()).failures
    assert (failure.question, failure.expected, failure.happened) == ("prediction churn_risk", "0.7", "0.6")


def test_a_prediction_that_the_workspace_has_not_is_named_with_its_line() -> None:
    text = TIMELINE.replace("predictions: {churn_risk: 0.75}", "predictions: {chrun_risk: 0.75}")
    with pytest.raises(ScenarioError, match="no prediction `chrun_risk` of a person") as caught:
        run(parse_scenario(text.encode(), "mine.yaml"), workspace())
    assert caught.value.where == "mine.yaml:8"
    assert "churn_risk" in str(caught.value.fix)
