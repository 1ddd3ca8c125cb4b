"""What the check says about predictions: each refusal, one sentence a row, and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.workspace.exporting import export
from sevenfold.workspace.loading import examine, load
from sevenfold.workspace.problems import CODES
from tests.unit.workspace.worlds import problems

GOOD = """
predictions:
  churn:
    target: {event: Subscription Cancelled, where: property.reason != 'test'}
    horizon: 60d
    population: stage.main == 'customer' and logins > 1
    features: [logins, trait.plan, score.health, stage.main, prediction.next, account.team]
    excluded: [reply]
    fallback: {score: health, falling: true}
  worth:
    kind: amount
    target: {event: Order Completed, property: total}
    horizon: 365d
  next: {kind: time_to, target: {event: Order Completed}, horizon: 180d}
"""


def test_predictions_of_every_kind_are_fine() -> None:
    assert [one for one in problems(GOOD) if one.field.startswith("predictions")] == []


def only(fields: str, more: str = "") -> tuple[str, str, str]:
    target = "" if "target:" in fields else "    target: {event: Gone}\n"
    horizon = "" if "horizon:" in fields else "    horizon: 30d\n"
    written = "".join(f"    {line}\n" for line in fields.splitlines())
    found = problems(f"predictions:\n  p:\n{target}{horizon}{written}{more}")
    assert len(found) == 1, "\n".join(map(str, found))
    assert found[0].code in CODES
    return found[0].code, found[0].field.removeprefix("predictions.p."), found[0].message


@pytest.mark.parametrize(
    ("fields", "code", "field", "says"),
    [
        ("of: order", "wrong_subject", "of", "nothing is foretold of a order"),
        ("target: {}", "wrong_value", "target", "either an `event` or a condition"),
        ("target: {when: logins > 3, where: property.a}", "wrong_value", "target.where", "there is none"),
        ("target: {event: $stage main/gone}", "unknown_name", "target.event", "has no stage `gone`"),
        ("kind: amount", "missing_field", "target", "a `property` of an event"),
        ("target: {event: Gone, property: x}", "wrong_value", "target.property", "adds nothing up"),
        ("horizon: soon", "bad_duration", "horizon", "soon"),
        ("retrain: 0d", "bad_duration", "retrain", "0d"),
        ("minimum_outcomes: 0", "wrong_value", "minimum_outcomes", "0"),
        ("population: login > 1", "unknown_name", "population", "unknown signal `login`"),
        ("features: []", "wrong_value", "features", "something to learn from"),
        ("features: [login]", "unknown_name", "features[0]", "unknown signal `login`"),
        ("features: [trait.extras]", "type_mismatch", "features[0]", "no model can use"),
        ("features: [prediction.p]", "cycle", "features[0]", "learned from itself"),
        ("excluded: [trait.nobody]", "unknown_name", "excluded[0]", "unknown trait"),
        ("fallback: {score: helth}", "unknown_name", "fallback.score", "unknown score"),
        (
            "kind: time_to\nfallback: {score: health}",
            "wrong_value",
            "fallback",
            "a score says nothing about time to",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(fields: str, code: str, field: str, says: str) -> None:
    found = only(fields)
    assert found[:2] == (code, field)
    assert says in found[2]


def test_whom_it_is_asked_about_must_not_hang_on_the_answer_but_through_a_stage() -> None:
    more = "segments:\n  hot: {when: prediction.p > 0.5}\n"
    assert only("population: segment.hot", more)[0] == "cycle"
    through_a_stage = """
predictions:
  p: {target: {event: Gone}, horizon: 30d, population: "stage.second == 'b' or stage.second == 'a'"}
lifecycles:
  second: {stages: [{name: a}, {name: b, enter: prediction.p > 0.5}]}
"""
    assert problems(through_a_stage) == []


def test_conditions_treat_a_probability_as_a_number_and_a_predicted_date_as_a_date() -> None:
    def said(condition: str) -> list[str]:
        text = GOOD + f'segments:\n  x: {{when: "{condition}"}}\n'
        return [one.message for one in problems(text) if one.field.startswith("segments.x")]

    assert said("prediction.churn >= 0.7 and 2 * prediction.worth > spent") == []
    assert said("prediction.chrun > 0.5") == ["unknown prediction `chrun`"]
    assert said("prediction.next > 3") == ["a date is compared with dates only"]
    assert said("account.prediction.churn > 0.5")[0].startswith("prediction `churn` is of person")


def test_dates_and_roll_ups_may_rest_on_predictions() -> None:
    text = (
        GOOD
        + """
signals:
  due: {kind: until_date, date: prediction.next}
  risk: {kind: rollup, of: account, aggregate: average, signal: prediction.churn}
  wrong: {kind: since_date, date: prediction.churn}
segments:
  soon: {when: due < 3d}
  risky: {of: account, when: risk > 0.4}
"""
    )
    found = [one for one in problems(text) if one.severity == "error"]
    assert [(one.field, one.code) for one in found] == [("signals.wrong.date", "unknown_name")]


def test_problems_name_file_and_line_and_a_prediction_survives_the_export(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "workspace.yaml").write_text("name: mine\n")
    (folder / "predictions.yaml").write_text(
        "churn:\n  target: {event: Gone}\n  horizon: 30d\n  population: logins > 1\n"
    )
    (problem,) = examine(folder).errors
    assert (Path(problem.file).name, problem.line, problem.suggestion) == ("predictions.yaml", 4, "")
    (folder / "signals.yaml").write_text("logins: {kind: count, event: Signed In}\n")
    workspace = load(folder)
    export(workspace, tmp_path / "again")
    assert load(tmp_path / "again").predictions == workspace.predictions


def test_a_layer_above_changes_one_value_of_a_prediction(tmp_path: Path) -> None:
    for name, files in {
        "below": {"predictions.yaml": "churn: {target: {event: Gone}, horizon: 30d}\n"},
        "above": {"overrides.yaml": "predictions.churn.horizon: 90d\n"},
    }.items():
        (tmp_path / name).mkdir()
        extends = "extends: ../below\n" if name == "above" else ""
        (tmp_path / name / "workspace.yaml").write_text(f"name: {name}\n{extends}")
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    assert load(tmp_path / "above").predictions["churn"].horizon == "90d"
