"""Moments of truth: what is planted is found, what is not there is not, time does not pass for an effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sevenfold as sf
from sevenfold.errors import SevenfoldError
from sevenfold.measures.answer import Answer, QuestionError
from sevenfold.measures.shared.conditions import condition_sql, events_sql
from sevenfold.measures.statistics.multiple import adjusted_p
from sevenfold.measures.touchpoints import Stage, Touchpoints, separate
from sevenfold.playback.touchpoints import moments_of_truth, question_of
from sevenfold.report.touchpoints import WIDTH, interval
from sevenfold.workspace.loading import examine, load
from sevenfold.workspace.packs import pack_path

WORKSPACE = """\
name: w
signals:
  bought: {kind: count, event: Bought}
  used: {kind: count, event: Used}
lifecycles:
  life:
    stages:
      - {name: new}
      - {name: onboarding, enter: bought >= 1}
      - {name: usage, enter: used >= 1}
touchpoints:
  onboarding:
    lifecycle: life
    team: onboarding
    meet_within: 5d
    within: 20d
    touchpoints:
      call: {event: Call Held, good: property.rating >= 4, bad: property.rating <= 2}
      letter: {event: Letter Read}
      rare: {event: Fair Visited}
  usage: {lifecycle: life}
"""
DAY = 86_400_000
START = 1_700_000_000_000


def happened(day: float, who: str, name: str, **properties: Any) -> dict[str, Any]:
    time = START + round(day * DAY)
    return {"timestamp": time, "event": name, "user_id": who, "message_id": f"{who}{name}{day}", **properties}


def stories() -> list[dict[str, Any]]:
    """400 customers. A call that goes well brings 80 % on, one that goes badly 10 %, none 40 %; a letter is
    read by every second one and changes nothing. Fifty more use it within a day and could meet nothing.
    """
    draw = np.random.default_rng(9)
    found = []
    for number in range(400):
        who, begins = f"u{number}", float(draw.uniform(0, 30))
        found.append(happened(begins, who, "Bought"))
        rate = 0.4
        if number % 2:
            rating = 5 if draw.random() < 0.7 else 1
            rate = 0.8 if rating == 5 else 0.1
            found.append(happened(begins + 2, who, "Call Held", rating=rating))
        if number % 4 < 2:
            found.append(happened(begins + 3, who, "Letter Read"))
        if number < 5:
            found.append(happened(begins + 3, who, "Fair Visited"))
        if draw.random() < rate:
            found.append(happened(begins + float(draw.uniform(6, 20)), who, "Used"))
    for number in range(50):
        found += [happened(1.0, f"q{number}", "Bought"), happened(1.5, f"q{number}", "Used")]
    found += [happened(58.0, f"late{number}", "Bought") for number in range(10)]
    return sorted(found, key=lambda one: one["timestamp"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace, and a replay of the stories in it."""
    made = tmp_path_factory.mktemp("touchpoints")
    (made / "w").mkdir()
    (made / "w" / "workspace.yaml").write_text(WORKSPACE)
    sf.replay(made / "w", stories(), out=made / "out", until="2024-01-14")
    return made


@pytest.fixture(scope="module")
def answer(folder: Path) -> Answer:
    return moments_of_truth(load(folder / "w"), folder / "out")


def row(answer: Answer, touchpoint: str, met: str = "at all") -> dict[str, Any]:
    rows = answer.frame("touchpoints").to_pylist()
    return next(one for one in rows if (one["touchpoint"], one["met"]) == (touchpoint, met))


def test_a_planted_moment_of_truth_is_found_and_a_meeting_without_effect_is_not(answer: Answer) -> None:
    good, bad, letter = row(answer, "call", "good"), row(answer, "call", "bad"), row(answer, "letter")
    assert good["verdict"] == bad["verdict"] == "moment of truth"
    assert good["low"] < 0.4 < good["high"]
    assert bad["high"] < 0
    assert letter["verdict"] == "no clear difference"
    assert letter["low"] < 0 < letter["high"]
    assert "call in onboarding, met well" in answer.sentence


def test_too_few_are_not_compared(answer: Answer) -> None:
    rare = row(answer, "rare")
    assert (rare["n_met"], rare["verdict"], rare["q"]) == (5, "too few", None)
    assert {str(doubt.caveat) for doubt in answer.caveats} >= {
        "not_causal", "multiple_tests", "sample_too_small", "incomplete_left_out",
    }  # fmt: skip


def test_who_went_on_before_they_could_meet_anything_is_on_neither_side(answer: Answer) -> None:
    """Fifty went on within half a day: with them, not to be called would look like the better way."""
    call = row(answer, "call")
    assert call["n_met"] + call["n_not"] == 400
    (onboarding, _) = answer.frame("stages").to_pylist()
    assert onboarding["decided_early"] == 50


def test_drop_off_is_the_share_that_did_not_go_on_in_time(answer: Answer) -> None:
    used = {one["user_id"] for one in stories() if one["event"] == "Used"}
    onboarding = answer.frame("stages").to_pylist()[0]
    assert (onboarding["entered"], onboarding["watched"]) == (460, 450)
    assert onboarding["went_on"] == len(used)
    assert onboarding["drop_off"] == pytest.approx(1 - len(used) / 450)
    assert onboarding["low"] < onboarding["drop_off"] < onboarding["high"]
    assert answer["drop_off.onboarding"].n == 450


def test_meetings_that_separate_nothing_are_seldom_called_a_moment_of_truth() -> None:
    """Of 300 worlds with 20 touchpoints and no effect, at most about one in twenty has a finding."""
    draw = np.random.default_rng(11)
    false = 0
    for _ in range(300):
        outcome = draw.random(200) < 0.5
        p_values = [separate(draw.random(200) < 0.4, outcome).p for _ in range(20)]
        false += min(adjusted_p(p_values)) <= 0.05
    assert false <= 300 * 0.05 + 3 * (300 * 0.05 * 0.95) ** 0.5


def test_a_split_counts_both_sides_and_has_newcombes_interval() -> None:
    met = np.array([True] * 70 + [False] * 80)
    outcome = np.array([True] * 56 + [False] * 14 + [True] * 48 + [False] * 32)
    split = separate(met, outcome)
    assert (split.met, split.met_hits, split.other, split.other_hits) == (70, 56, 80, 48)
    # Newcombe (1998), table II, example (a): 56/70 - 48/80, method 10.
    assert [round(one, 4) for one in split.difference] == [0.2, 0.0524, 0.3339]


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("property.rating >= 4", "COALESCE((TRY_CAST("),
        ("property.kind in ('a', 'b')", " OR "),
        ("not property.kind == 'a' and exists property.x", "IS NOT NULL"),
        ("property.url contains 'docs'", "LIKE '%docs%'"),
        ("", "TRUE"),
    ],
)
def test_conditions_become_sql(text: str, sql: str) -> None:
    assert sql in condition_sql(text)


@pytest.mark.parametrize(
    "text", ["rating >= 4", "property.a > property.b", "property.x matches 'a*'", "property.a >"]
)
def test_what_a_warehouse_cannot_be_asked_is_refused(text: str) -> None:
    with pytest.raises(QuestionError):
        condition_sql(text)


def test_quotes_stay_inside_their_text() -> None:
    assert "'it''s'" in events_sql(("it's",))
    assert "starts_with(name, 'Docs')" in events_sql(("Docs*",))


def test_a_question_that_makes_no_sense_is_refused() -> None:
    stage = Stage("a", within="soon")
    for wrong in (
        Touchpoints(lifecycle="l", stages=()),
        Touchpoints(lifecycle="l", stages=(stage,)),
        Touchpoints(lifecycle="l", stages=(Stage("a"),), by="order"),
        Touchpoints(lifecycle="l", stages=(Stage("a"),), minimum=1),
    ):
        with pytest.raises(QuestionError):
            wrong.check()


def test_a_workspace_without_a_map_is_told_so(folder: Path) -> None:
    with pytest.raises(SevenfoldError, match="no touchpoints"):
        question_of(load(pack_path("lending")))
    with pytest.raises(SevenfoldError) as caught:
        question_of(load(folder / "w"), "lief")
    assert caught.value.fix == "did you mean `life`?"


def test_mistakes_in_a_map_are_found_with_their_likely_fix(tmp_path: Path) -> None:
    wrong = WORKSPACE.replace("team: onboarding", "interventions: [tutorials]")
    wrong = wrong.replace("rating >= 4", "rating >").replace("  usage: {lifecycle", "  usaeg: {lifecycle")
    (tmp_path / "workspace.yaml").write_text(wrong.replace("property.rating <= 2", "bought >= 1"))
    told = sorted((one.field, one.code) for one in examine(tmp_path).errors)
    assert told == [
        ("touchpoints.onboarding.interventions[0]", "unknown_name"),
        ("touchpoints.onboarding.touchpoints.call.bad", "unknown_name"),
        ("touchpoints.onboarding.touchpoints.call.good", "bad_expression"),
        ("touchpoints.usaeg", "unknown_name"),
    ]


def test_the_map_of_the_pack_is_complete() -> None:
    model = load(pack_path("engagement-model"))
    assert list(model.touchpoints) == [stage.name for stage in model.lifecycles["engagement"].stages]
    for name, stage in model.touchpoints.items():
        assert stage.goal and stage.expectation and stage.pain_points and stage.team, name
        assert stage.touchpoints, name
    assert "onboarding_help" in model.touchpoints["onboarding"].interventions


def test_an_interval_is_drawn_where_it_is() -> None:
    drawn = interval(0.5, 0.25, 0.75, 1.0)
    assert len(drawn) == WIDTH
    assert [drawn.index(mark) for mark in "┊├●┤"] == [12, 15, 18, 21]
    assert interval(None, None, None, 1.0).strip() == "┊"
