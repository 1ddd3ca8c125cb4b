"""The adapter of peer cases: what passes, what fails and what is skipped, on small cases made by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.peer_cases.differences import DIFFERENCES
from tests.peer_cases.outcome import Outcome
from tests.peer_cases.play import play

ROOT = Path(__file__).resolve().parents[3]
START = "2024-01-01T00:00:00.000Z"


def event(type_: str, user: str = "u1", at: str = START, **fields: Any) -> dict[str, Any]:
    return {"type": type_, "user_id": user, "timestamp": at, "received_at": at, **fields}


def case(steps: list[dict[str, Any]], **definitions: Any) -> dict[str, Any]:
    named = {
        kind: [{"name": label, "definition": one} for label, one in given.items()]
        for kind, given in definitions.items()
        if kind in ("segments", "user_properties")
    }
    others = {kind: given for kind, given in definitions.items() if kind not in named}
    made = {"id": "MADE", "name": "by hand", "portability": "portable", "clock_start": START, "steps": steps}
    return {**made, **named, **others}


def submit(*events: dict[str, Any]) -> dict[str, Any]:
    return {"type": "submit_events", "events": list(events)}


def assert_user(user: str = "u1", **expected: Any) -> dict[str, Any]:
    return {"type": "assert", "users": [{"id": user, **expected}]}


def membership(definition: dict[str, Any], *events: dict[str, Any]) -> bool:
    """Whether the first user is in a segment after the events: exactly one of the two expectations passes."""
    verdicts = [
        play(case([submit(*events), assert_user(segments={"s": held})], segments={"s": definition})).verdict
        for held in (True, False)
    ]
    assert sorted(verdicts) == ["fail", "pass"]
    return verdicts[0] == "pass"


def trait(op: str, **more: Any) -> dict[str, Any]:
    return {"type": "trait", "path": "x", "op": op, **more}


def test_a_wrong_expectation_is_reported_as_fail_with_both_values() -> None:
    steps = [submit(event("identify", traits={"x": 1})), assert_user(segments={"s": False})]
    outcome = play(case(steps, segments={"s": trait("equals", value="1")}))
    assert outcome == Outcome("MADE", "by hand", "fail", "expected u1 in s false got true")


def test_equals_compares_text_forms_over_every_type() -> None:
    for value, stored, held in (
        ("10", 10, True), (10, "10", True), ("true", True, True), (True, "true", True),
        ("10", 11, False), ("1", True, False), ("it's \\ odd", "it's \\ odd", True), (1.5, 1.5, True),
    ):  # fmt: skip
        assert membership(trait("equals", value=value), event("identify", traits={"x": stored})) is held
        differs = membership(trait("not_equals", value=value), event("identify", traits={"x": stored}))
        assert differs is not held


def test_a_missing_or_empty_value_is_different_and_does_not_exist() -> None:
    for traits in ({}, {"x": ""}, {"x": None}):
        told = event("identify", traits=traits)
        assert membership(trait("not_equals", value="a"), told)
        assert membership(trait("not_exists"), told)
        assert not membership(trait("exists"), told)
        assert not membership(trait("lt", value=5), told)


def test_whatever_has_a_value_exists() -> None:
    for value in ("a", 0, False, {"deep": 1}, ["a"]):
        assert membership(trait("exists"), event("identify", traits={"x": value}))


def test_order_compares_numbers_and_numbers_in_texts() -> None:
    for value, held in ((9, True), ("9", True), (10, False), ("abc", False), (True, False)):
        assert membership(trait("lt", value=10), event("identify", traits={"x": value})) is held


def test_a_number_that_gives_way_to_a_text_is_no_number_any_more() -> None:
    first, then = event("identify", traits={"x": "20"}), event("identify", traits={"x": "none"})
    assert membership(trait("gte", value=10), first)
    assert not membership(trait("gte", value=10), first, then)


def test_paths_lead_through_objects_odd_keys_and_lists() -> None:
    traits = {"a": {"b c": [{"d": "yes"}]}}
    for path in ('a["b c"][0].d', '$.a["b c"][0]["d"]', "$['a']['b c'][0].d"):
        assert membership({**trait("equals", value="yes"), "path": path}, event("identify", traits=traits))


def test_the_last_event_is_judged_even_when_it_lacks_the_value() -> None:
    definition = {
        "type": "last_performed", "event": {"match": "prefix", "value": "o"}, "where": [],
        "has": [{"path": "n", "op": "lt", "value": 5}],
    }  # fmt: skip
    small = event("track", event="o1", properties={"n": 1})
    assert membership(definition, small)
    assert not membership(definition, small, event("track", event="o2", properties={}))


def test_a_filter_on_events_takes_text_forms_and_missing_values() -> None:
    for op, value, sent, held in (
        ("equals", "5", {"p": 5}, True), ("not_equals", "5", {"p": 5}, False),
        ("not_equals", "5", {"p": True}, True), ("not_equals", "a", {}, True),
        ("gte", 5, {"p": "6"}, True), ("not_exists", None, {"p": 0}, False),
    ):  # fmt: skip
        test = {"path": "p", "op": op, "value": value}
        definition = {
            "type": "performed", "event": {"match": "exact", "value": "e"}, "times": {"cmp": "eq", "n": 1},
            "where": [test],
        }  # fmt: skip
        assert membership(definition, event("track", event="e", properties=sent)) is held


def test_a_message_that_comes_twice_counts_once() -> None:
    definition = {
        "type": "performed",
        "event": {"match": "exact", "value": "e"},
        "times": {"cmp": "gte", "n": 2},
    }
    once = event("track", event="e", properties={}, message_id="m")
    assert not membership(definition, once, once)
    assert membership(definition, once, {**once, "message_id": "n"})


def test_new_definitions_see_all_of_history() -> None:
    performed = {
        "type": "performed",
        "event": {"match": "exact", "value": "e"},
        "times": {"cmp": "eq", "n": 1},
    }
    steps = [
        submit(event("track", event="e", properties={"n": "7"})),
        {"type": "advance_time", "ms": 10_000},
        {
            "type": "update_definitions",
            "segments": [
                {"name": "s", "definition": {**performed, "within_seconds": 5}},
                {"name": "t", "definition": {**performed, "where": [{"path": "n", "op": "gte", "value": 7}]}},
            ],
        },
        assert_user(segments={"s": False, "t": True}),
    ]
    assert play(case(steps, segments={"s": performed})).verdict == "pass"


def test_properties_are_complete_and_keep_their_types() -> None:
    definitions = {
        "name": {"type": "trait", "path": "name"},
        "body": {"type": "performed", "event": {"match": "exact", "value": "e"}, "path": "$", "where": []},
        "first": {
            "type": "any_of",
            "children": [{"type": "trait", "path": "none"}, {"type": "trait", "path": "list"}],
        },
    }
    steps = [
        submit(
            event("identify", traits={"list": [1, "1"]}),
            event("track", event="e", properties={"a": {"b": 1}}),
        ),
        assert_user(properties={"body": {"a": {"b": 1}}, "first": [1, "1"]}),
    ]
    assert play(case(steps, user_properties=definitions)).verdict == "pass"
    steps[1] = assert_user(properties={"first": [1, "1"]})
    assert play(case(steps, user_properties=definitions)).verdict == "fail"


def test_a_journey_counts_who_is_there_when_it_starts_and_who_enters_afterwards() -> None:
    journey = {"name": "j", "status": "running", "entry": {"type": "segment", "segment": "s"}, "nodes": []}
    total = {"type": "assert", "journey_entry_signals": [{"journey": "j", "total": 2}]}
    steps = [
        submit(event("identify", traits={"x": 1})),
        {"type": "update_definitions", "journeys": [journey]},
        submit(event("identify", user="u2", traits={"x": 1}), event("identify", user="u3", traits={"x": 2})),
        total,
    ]
    assert play(case(steps, segments={"s": trait("equals", value=1)})).verdict == "pass"


def test_what_differs_on_purpose_is_skipped_with_its_kind() -> None:
    blocked = play(case([submit(event("identify", user="null")), assert_user("null", segments={})]))
    assert blocked.verdict == "skip" and "(bounds)" in blocked.detail
    huge = play(
        case(
            [submit(event("identify", traits={"x": 10**15})), assert_user(segments={"s": True})],
            segments={"s": trait("exists")},
        )
    )
    assert huge.verdict == "skip" and "(bounds)" in huge.detail


def test_what_has_no_counterpart_is_skipped_with_the_reason() -> None:
    steps = [submit(event("identify", traits={"x": 1})), assert_user(segments={"s": True})]
    unknown = play(case(steps, segments={"s": trait("sounds_like", value="a")}))
    assert (unknown.verdict, unknown.detail) == ("skip", "unknown operator `sounds_like`")
    hidden = play(case([{"type": "assert", "listed_deliveries": 0}]))
    assert hidden.verdict == "skip" and "`listed_deliveries`" in hidden.detail


def test_a_translation_that_breaks_is_a_failure_and_not_a_skip() -> None:
    broken = play(
        case([{"type": "evaluate_function", "function": "fixed_delay", "args": {}, "expected": {}}])
    )
    assert broken.verdict == "fail"


def test_the_command_prints_a_line_a_case_and_the_totals(tmp_path: Path) -> None:
    good = case([submit(event("identify", traits={"x": 1})), {"type": "assert", "user_count": 1}])
    bad = {**good, "id": "WRONG", "steps": [*good["steps"], {"type": "assert", "user_count": 2}]}
    later = {**good, "id": "LATER", "steps": [{"type": "start_broadcast", "broadcast": {}}]}
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"cases": [good, bad, later]}), encoding="utf-8")
    command = [sys.executable, "-m", "tests.peer_cases", str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    assert run.returncode == 1, run.stderr
    assert lines[0] == "MADE by hand: pass"
    assert lines[1] == "WRONG by hand: fail: expected users 2 got 1"
    assert lines[2].startswith("LATER by hand: skip: ")
    assert lines[3:] == ["1 passed, 1 failed, 1 skipped"]


def test_the_table_of_differences_is_the_one_in_the_documentation() -> None:
    page = (ROOT / "docs" / "explain" / "peer-cases.md").read_text(encoding="utf-8")
    for row in DIFFERENCES.values():
        line = f"| {row.kind} | {row.theirs} | {row.ours} | {row.reason} | {row.outcome} |"
        assert line in page, row.kind
