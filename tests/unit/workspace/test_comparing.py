"""Differences between workspaces, as people read them."""

from __future__ import annotations

import pytest

from sevenfold.workspace.comparing import Change, diff
from sevenfold.workspace.exporting import export
from sevenfold.workspace.loading import load
from tests.unit.workspace.conftest import Make
from tests.unit.workspace.worlds import BASE, workspace


def changes(text: str) -> list[Change]:
    return diff(workspace(), workspace(text))


def test_a_workspace_does_not_differ_from_itself() -> None:
    assert changes("") == []


def test_added_and_removed_objects_are_named() -> None:
    a, b = workspace(), workspace("segments: {new: {when: logins > 9}}")
    assert [str(change) for change in diff(a, b)] == ["added segments `new`"]
    assert [str(change) for change in diff(b, a)] == ["removed segments `new`"]


def test_a_changed_field_shows_both_values() -> None:
    (change,) = changes("signals: {logins: {kind: count, event: Signed In, window: 30d}}")
    assert str(change) == "changed signals `logins`\n    window: 7d → 30d"


def test_a_field_that_appears_was_nothing_before() -> None:
    (change,) = changes("signals: {spent: {kind: sum, event: Order Completed, property: total, window: 30d}}")
    assert [str(field) for field in change.fields] == ["window: nothing → 30d"]


@pytest.mark.parametrize(
    "text",
    [
        "segments: {active: {when: '(logins  >  2)'}}",
        "signals: {logins: {kind: count, event: Signed In, window: 1w}}",
        "scores: {health: {lifecycle: main,"
        " measures: {use: {signal: logins, points: [[0.0, 0], [5, 100.0]]}},"
        " weights: [{weights: {use: 1}}], bands: [{name: red, from: 0}, {name: green, from: 60}]}}",
    ],
)
def test_another_spelling_is_no_difference(text: str) -> None:
    assert changes(text) == []


def test_stages_bands_and_weights_are_compared_by_what_they_are() -> None:
    found = changes("""
        lifecycles:
          main:
            stages:
              - {name: trial}
              - {name: paused, enter: logins < 1}
              - {name: customer, enter: spent > 5, exit: quiet > 60d}
        scores:
          health:
            lifecycle: main
            measures: {use: {signal: logins, points: [[0, 0], [5, 100]]}}
            weights: [{weights: {use: 1}}, {stage: trial, weights: {use: 2}}]
            bands: [{name: red, from: 0}, {name: green, from: 70}]
        """)
    assert [str(field) for change in found for field in change.fields] == [
        "stages.customer.enter: spent > 0 → spent > 5",
        'stages.paused: nothing → {"name":"paused","enter":"logins < 1"}',
        'weights.trial: nothing → {"weights":{"use":2.0},"stage":"trial"}',
        "bands.green.from: 60.0 → 70.0",
    ]


def test_the_order_of_stages_is_a_difference() -> None:
    stages = "{name: customer, enter: spent > 0, exit: quiet > 60d}, {name: trial}"
    (change,) = changes(f"lifecycles: {{main: {{stages: [{stages}]}}}}")
    assert [field.field for field in change.fields] == ["stages.order"]


def test_the_written_order_of_objects_is_a_difference() -> None:
    a = workspace("segments: {p: {manual: true}, q: {manual: true}}")
    b = workspace("segments: {q: {manual: true}, p: {manual: true}}")
    assert [str(change) for change in diff(a, b)] == ["reordered segments"]


def test_prose_alone_is_marked_as_such() -> None:
    (change,) = changes("segments: {active: {when: logins > 2, description: new words}}")
    assert change.prose
    (change,) = changes("segments: {active: {when: logins > 3, description: new words}}")
    assert not change.prose


def test_the_workspace_itself_is_compared() -> None:
    (change,) = changes("currency: EUR")
    assert str(change) == "changed workspace\n    currency: USD → EUR"


def test_a_change_of_kind_is_a_change_of_the_field() -> None:
    (change,) = changes("signals: {logins: {kind: distinct, event: Signed In, property: ip, window: 7d}}")
    assert {field.field for field in change.fields} == {"kind", "property"}


def test_an_exported_workspace_does_not_differ(make: Make) -> None:
    folder = make({"workspace.yaml": "name: all\n" + BASE})
    before = load(folder)
    export(before, folder.parent / "out")
    assert diff(before, load(folder.parent / "out")) == []
