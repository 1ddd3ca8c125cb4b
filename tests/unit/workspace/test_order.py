"""The order in which a subject's segments, scores and lifecycles are evaluated."""

from __future__ import annotations

import msgspec

from sevenfold.workspace.names import Names
from sevenfold.workspace.order import Order, evaluation_order
from tests.unit.workspace.worlds import workspace

TEXT = """
signals:
  fall: {kind: score_history, score: health, measure: slope}
segments:
  z: {when: segment.y}
  y: {when: logins > 1}
  x: {when: "stage.main == 'trial'"}
  w: {when: segment.x or segment.y}
  v: {when: in_stage > 3d}
  u: {when: score.health > 3}
  t: {when: account.stage.firm == 'a'}
  s: {when: fall < 0}
  r: {when: velocity.health == 'down'}
lifecycles:
  firm: {of: account, stages: [{name: a}, {name: b, enter: team > 1}]}
scores:
  sum:
    measures: {health: {signal: score.health, points: [[0, 0], [100, 100]]}}
    weights: [{weights: {health: 1}}]
    bands: [{name: red, from: 0}]
"""


def test_segments_without_stage_or_score_come_first_then_scores_stages_and_the_rest() -> None:
    order = evaluation_order(Names(workspace(TEXT)), "person")
    assert order == Order(
        segments=("active", "friends", "y", "z", "t"),
        scores=("health", "sum"),
        lifecycles=("main",),
        late_segments=("x", "w", "v", "u", "s", "r"),
    )


def test_each_kind_of_subject_has_its_own_order() -> None:
    order = evaluation_order(Names(workspace(TEXT)), "account")
    assert order == Order(segments=("big",), scores=(), lifecycles=("firm",), late_segments=())


def test_a_score_that_needs_another_comes_after_it() -> None:
    base = workspace(TEXT)
    scores = {"sum": base.scores["sum"], "health": base.scores["health"]}
    turned = msgspec.structs.replace(base, scores=scores)
    assert evaluation_order(Names(turned), "person").scores == ("health", "sum")


def test_names_in_a_circle_keep_the_written_order() -> None:
    text = "segments: {p: {when: segment.q}, q: {when: segment.p}}"
    assert evaluation_order(Names(workspace(text)), "person").segments == ("active", "friends", "p", "q")
