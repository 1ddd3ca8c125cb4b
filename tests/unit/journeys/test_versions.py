"""The difference between two versions of a journey, and which steps ask for a choice."""

from __future__ import annotations

from textwrap import dedent

import msgspec
import pytest

from sevenfold.journeys.plan import Journey
from sevenfold.journeys.versions import changes, choices_needed, same_step
from sevenfold.workspace.reading import read

OLD = """
triggers: [{kind: event, event: Signed Up}, {kind: segment, segment: stalled}]
exits: [{event: Subscription Cancelled}, {when: trait.plan == 'pro'}]
goals: {active: {event: Project Created, within: 7d}}
steps:
  welcome: {kind: message, template: welcome, ttl: 24h}
  pause: {kind: wait, for: 7d}
  ask:
    kind: branch
    paths: [{when: logins > 2, go: thanks}, {when: logins == 0, go: nudge}]
  nudge: {kind: message, template: nudge, next: exit}
  thanks: {kind: message, template: thanks}
"""


def journey(text: str) -> Journey:
    node, wrong = read(dedent(text).encode(), "test.yaml")
    assert node is not None and not wrong
    return msgspec.convert(node.plain(), Journey)


def said(old: str, new: str) -> list[str]:
    return [str(change) for change in changes(journey(old), journey(new))]


def test_nothing_differs_between_equal_versions() -> None:
    assert said(OLD, OLD) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("for: 7d", "for: 1w"),
        ("ttl: 24h", "ttl: 1d"),
        ("when: logins > 2", "when: (logins>2)"),
        ("within: 7d", "within: 168h"),
        (
            "thanks: {kind: message, template: thanks}",
            "thanks: {kind: message, template: thanks, next: exit}",
        ),
    ],
)
def test_spelling_is_no_difference(before: str, after: str) -> None:
    assert before in OLD
    assert said(OLD, OLD.replace(before, after)) == []


def test_a_day_of_a_wait_is_not_24_hours() -> None:
    assert said(OLD.replace("for: 7d", "for: 1d"), OLD.replace("for: 7d", "for: 24h")) == [
        "changed step `pause` (asks for a choice)\n    for: 1d → 24h"
    ]


def test_a_changed_field_is_named_with_both_values_and_asks_for_a_choice() -> None:
    assert said(OLD, OLD.replace("for: 7d", "for: 3d")) == [
        "changed step `pause` (asks for a choice)\n    for: 7d → 3d"
    ]


def test_words_for_people_are_prose() -> None:
    found = changes(journey(OLD), journey(OLD.replace("for: 7d", "for: 7d, title: A week")))
    assert [(one.name, one.prose, one.choice) for one in found] == [("pause", True, False)]
    assert same_step(journey(OLD), journey(OLD.replace("for: 7d", "for: 7d, title: A week")), "pause")


def test_inside_a_list_only_the_path_that_changed_is_named() -> None:
    assert said(OLD, OLD.replace("logins == 0", "logins < 1")) == [
        "changed step `ask` (asks for a choice)\n    paths[1].when: logins == 0 → logins < 1"
    ]


def test_an_added_step_changes_the_way_on_of_the_one_before() -> None:
    new = OLD.replace("  ask:\n", "  more: {kind: goal, goal: seen}\n  ask:\n")
    assert said(OLD, new) == [
        "changed step `pause` (asks for a choice)\n    goes on to: ask → more",
        "added step `more`\n    kind: nothing → goal",
    ]
    assert choices_needed(journey(OLD), journey(new)) == ["pause"]
    assert not same_step(journey(OLD), journey(new), "pause")
    assert same_step(journey(OLD), journey(new), "welcome")


def test_a_removed_step_asks_for_a_choice() -> None:
    new = OLD.replace("  pause: {kind: wait, for: 7d}\n", "")
    assert said(OLD, new) == [
        "removed step `pause` (asks for a choice)",
        "changed step `welcome` (asks for a choice)\n    goes on to: pause → ask",
    ]
    assert choices_needed(journey(OLD), journey(new)) == ["welcome", "pause"]


def test_a_step_of_the_same_content_under_another_id_was_renamed() -> None:
    found = changes(journey(OLD), journey(OLD.replace("  pause:", "  rest:")))
    assert ("renamed", "pause", "rest") in [(one.action, one.name, one.detail) for one in found]


def test_a_moved_step_is_said_to_have_moved() -> None:
    thanks = "  thanks: {kind: message, template: thanks}\n"
    nudge = "  nudge: {kind: message, template: nudge, next: exit}\n"
    new = OLD.replace(nudge + thanks, thanks + nudge)
    assert said(OLD, new) == [
        "changed step `ask` (asks for a choice)\n    goes on to: nudge → thanks",
        "moved step `thanks` after `ask` (asks for a choice)\n    goes on to: exit → nudge",
    ]


def test_triggers_and_exits_are_matched_by_what_they_say() -> None:
    new = OLD.replace("triggers: [", "triggers: [{kind: api}, ").replace(
        "exits: [{event: Subscription Cancelled}, ", "exits: ["
    )
    assert said(OLD, new) == [
        'added trigger `1`\n    {"kind":"api"}',
        'removed exit `1`\n    {"event":"Subscription Cancelled"}',
    ]


def test_settings_and_goals_differ_field_by_field() -> None:
    new = OLD.replace("within: 7d", "within: 3d") + "re_entry: after_exit\nholdout: 10\n"
    assert said(OLD, new) == [
        "changed setting `re_entry`\n    re_entry: nothing → after_exit",
        "changed setting `holdout`\n    holdout: nothing → 10.0",
        "changed goal `active`\n    within: 7d → 3d",
    ]


def test_another_kind_of_step_under_the_same_id_asks_for_a_choice() -> None:
    new = OLD.replace("pause: {kind: wait, for: 7d}", "pause: {kind: goal, goal: x}")
    assert choices_needed(journey(OLD), journey(new)) == ["pause"]


def test_the_order_of_a_splits_paths_is_a_difference_as_it_decides_the_table() -> None:
    split = "steps: {s: {kind: split, paths: {a: {share: 50}, b: {share: 50}}}}"
    turned = "steps: {s: {kind: split, paths: {b: {share: 50}, a: {share: 50}}}}"
    assert said("triggers: []\n" + split, "triggers: []\n" + turned) == [
        'changed step `s` (asks for a choice)\n    paths.order: ["a","b"] → ["b","a"]'
    ]


def test_changes_are_json() -> None:
    found = changes(journey(OLD), journey(OLD.replace("for: 7d", "for: 3d")))
    assert [one.to_json() for one in found] == [
        {
            "action": "changed",
            "part": "step",
            "name": "pause",
            "fields": [{"field": "for", "before": "7d", "after": "3d"}],
            "choice": True,
        }
    ]
