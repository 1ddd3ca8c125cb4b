"""`sevenfold test`: what scenario files may say, and what a failing one shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sevenfold.cli import main
from sevenfold.scenarios.timeline import moment, shown
from tests.edges.replay import journeys as shop

HEAD = """\
title: {title}
timeline:
  - {{at: day 1 09:00, who: ana, identify: {{email: ana@example.com}}}}
  - {{at: +1m, who: ana, track: Signed Up}}
"""


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    return shop.folder(tmp_path / "ws")


def run(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in args])
    assert result.exit_code == code, result.output
    return result


def scenario(ws: Path, *lines: str, title: str = "Ana is welcomed", top: str = "") -> Path:
    path = ws.parent / "one.yaml"
    path.write_text(top + HEAD.format(title=title) + "".join(f"  - {line}\n" for line in lines))
    return path


def told(ws: Path, *lines: str, code: int = 0, top: str = "") -> Any:
    found = run("test", ws, scenario(ws, *lines, top=top), "--json", code=code)
    return json.loads(found.stdout)["scenarios"][0]


def failed(ws: Path, *lines: str, top: str = "") -> list[tuple[str, str, str]]:
    found = told(ws, *lines, code=1, top=top)
    return [(one["question"], one["expected"], one["happened"]) for one in found["failures"]]


def test_a_scenario_that_holds_passes_under_its_sentence(ws: Path) -> None:
    path = scenario(ws, "{at: day 1 10:00, expect: ana, sent: [hello], inside: [welcome]}")
    assert "✓ Ana is welcomed" in run("test", ws, path).output


def test_times_are_days_of_the_scenario_or_after_the_entry_before_or_dates() -> None:
    assert moment("day 3 14:30:15.250") == shop.START + 2 * shop.DAY + 52_215_250
    assert moment("+1d 2h", before=1_000) == 1_000 + shop.DAY + 2 * shop.HOUR
    assert moment("2024-01-02T00:00:00Z") == shop.START + shop.DAY
    assert shown(moment("day 3 14:30:15.250")) == "day 3 14:30:15.250"
    assert shown(moment("day 12 00:00")) == "day 12 00:00"


def test_sent_asks_for_exactly_these_messages_since_it_was_asked_last(ws: Path) -> None:
    assert told(
        ws,
        "{at: day 1 09:01, expect: ana, sent: [{hello: day 1 09:01}]}",
        "{at: day 2 09:00, expect: ana, sent: [], held: [{thanks: capped}]}",
        "{at: day 3 10:00, expect: ana, sent: [nudge], held: [{tip: capped}]}",
    )["passed"]
    found = failed(ws, "{at: day 1 10:00, expect: ana, sent: []}")
    assert found == [("sent", "nothing", "hello: day 1 09:01")]
    found = failed(ws, "{at: day 1 10:00, expect: ana, sent: [hello, tip]}")
    assert found == [("sent", "hello, tip", "hello: day 1 09:01")]
    found = failed(ws, "{at: day 1 10:00, expect: ana, sent: [{hello: day 1 09:02}]}")
    assert found == [("sent", "hello: day 1 09:02", "hello: day 1 09:01")]


def test_held_asks_for_the_reason(ws: Path) -> None:
    assert told(ws, "{at: day 1 11:00, expect: ana, held: [{thanks: capped}]}")["passed"]
    found = failed(ws, "{at: day 1 11:00, expect: ana, held: [{thanks: quiet}]}")
    assert found == [("held", "thanks: quiet", "thanks: capped, day 1 10:01:02")]


def test_waits_say_where_and_until_when(ws: Path) -> None:
    line = "{at: day 2 09:00, expect: ana, waits: {welcome: {step: wait, until: 'day 3 09:01:02'}}}"
    assert told(ws, line)["passed"]
    found = failed(ws, "{at: day 2 09:00, expect: ana, waits: {welcome: rest}}")
    assert found == [("waits in welcome", "rest", "wait, until day 3 09:01:02")]
    found = failed(ws, "{at: day 20 09:00, expect: ana, waits: {welcome: rest}}")
    assert found == [("waits in welcome", "rest", "is not in it")]


def test_exits_goals_steps_and_entries_are_asked_by_journey(ws: Path) -> None:
    assert told(
        ws,
        "{at: day 2 09:00, who: ana, track: Bought, with: {total: 12}}",
        "{at: +1m, expect: ana, exits: {welcome: goal bought}, goals: {welcome: [bought]}}",
        "{at: +0m, expect: ana, outside: [welcome]}",
        "{at: +1m, expect: ana, entered: {welcome: 1, thanks: 1}, steps: {welcome: [hello]}}",
    )["passed"]
    found = failed(ws, "{at: day 2 09:00, expect: ana, exits: {welcome: left}, entered: {welcome: 2}}")
    assert found == [("exits welcome", "left", "nothing"), ("entered welcome", "2 times", "1 times")]


def test_stages_segments_scores_and_signals_are_asked_as_ever(ws: Path) -> None:
    lines = (
        "{at: day 2 09:00, who: ana, track: Visited, every: 1h, times: 3}",
        "{at: day 2 12:00, expect: ana, stage: {visitor: active}, in: [regulars], signals: {visits_7d: 3}}",
        "{at: day 2 12:00, expect: ana, path: {visitor: [new, active]}, ever_in: [regulars], traits: {}}",
    )
    assert told(ws, *lines)["passed"]
    found = failed(ws, "{at: day 2 12:00, expect: ana, stage: {visitor: active}, in: [regulars]}")
    assert found == [("stage visitor", "active", "new"), ("in", "regulars", "in reached")]


def test_outcomes_of_messages_are_told_by_template(ws: Path) -> None:
    assert told(
        ws,
        "{at: +1m, who: ana, outcome: bounced, template: hello, permanent: true}",
        "{at: day 4 09:00, expect: ana, held: [{thanks: suppressed}, {nudge: suppressed}]}",
    )["passed"]
    found = failed(ws, "{at: +1m, who: ana, outcome: opened, template: tip}")
    assert found[0][2] == "`ana` was not sent a message `tip` yet"


def test_templates_can_be_made_to_fail_and_the_sender_be_switched_off(ws: Path) -> None:
    line = "{at: day 2 09:00, expect: ana, exits: {welcome: completed}}"
    assert told(ws, line, top="delivery: {failing: [hello]}\n")["passed"]
    line = "{at: day 1 12:00, expect: ana, waits: {welcome: {step: hello, until: day 2 09:01}}}"
    assert told(ws, line, top="delivery: off\n")["passed"]


def test_control_records_can_happen(ws: Path) -> None:
    lines = (
        "{at: day 1 12:00, control: {op: pause, journey: welcome}}",
        "{at: day 9 09:00, expect: ana, sent: [hello], waits: {welcome: wait}}",
    )
    assert told(ws, *lines)["checks"] == 2


def test_nothing_else_sent_names_the_messages_nobody_asked_about(ws: Path) -> None:
    top = "nothing_else_sent: true\n"
    assert told(ws, "{at: day 1 10:00, expect: ana, sent: [hello]}", top=top)["passed"]
    found = failed(
        ws, "{at: day 1 10:00, expect: ana, sent: [hello]}",
        "{at: day 9 10:00, expect: ana, goals: {welcome: []}}", top=top,
    )  # fmt: skip
    assert found and all(question == "nothing else sent" for question, _, _ in found)


def test_objects_can_be_laid_over_the_workspace(ws: Path) -> None:
    top = "with: {messaging: {caps: {none: {limit: 100, per: 1d}}}}\n"
    assert told(ws, "{at: day 1 11:00, expect: ana, held: [], sent: [hello, thanks]}", top=top)["passed"]


def test_a_failing_scenario_shows_what_was_expected_what_happened_and_how_it_came_to_that(ws: Path) -> None:
    path = scenario(ws, "{at: day 4 09:00, expect: ana, sent: [hello]}", title="Ana hears one thing")
    shown_text = run("test", ws, path, code=1).output
    for words in ("✗ Ana hears one thing", f"{path}:5  day 4 09:00, ana", "expected  hello", "happened",
                  "enters welcome  set off by Signed Up", "is sent hello by email", "thanks is held",
                  "1 of 1 scenarios failed"):  # fmt: skip
        assert words in shown_text


def test_what_a_file_cannot_mean_is_said_with_its_line_and_the_others_still_run(ws: Path) -> None:
    good = scenario(ws, "{at: day 1 10:00, expect: ana, sent: [hello]}")
    folder = ws.parent / "many"
    folder.mkdir()
    good.rename(folder / "good.yaml")
    for name, line, said in (
        ("kind", "{at: day 1 10:00, who: ana, trak: Signed Up}", "neither `expect`"),
        ("time", "{at: tomorrow, who: ana, track: Signed Up}", "is no time"),
        ("question", "{at: day 1 10:00, expect: ana, snet: [hello]}", "did you mean `sent`"),
        ("who", "{at: day 1 10:00, expect: anna, sent: [hello]}", "nobody is known as `anna`"),
        ("form", "{at: day 1 10:00, expect: ana, score: {health: high}}", "cannot be read"),
        ("control", "{at: day 1 10:00, control: {op: dance}}", "unknown control `dance`"),
    ):
        scenario(ws, line).rename(folder / f"{name}.yaml")
        found = json.loads(run("test", ws, folder / f"{name}.yaml", "--json", code=1).stdout)
        (failure,) = found["scenarios"][0]["failures"]
        assert said in failure["happened"], failure
        assert failure["line"] == 5
    found = json.loads(run("test", ws, folder, "--json", code=1).stdout)
    assert sorted(Path(one["file"]).stem for one in found["scenarios"] if one["passed"]) == ["good"]


def test_the_workspaces_own_scenarios_run_when_none_is_named_and_check_leaves_them_alone(ws: Path) -> None:
    (ws / "scenarios").mkdir()
    scenario(ws, "{at: day 1 10:00, expect: ana, sent: [hello]}").rename(ws / "scenarios" / "welcome.yaml")
    assert "1 scenario, 1 expectation: all as expected" in run("test", ws).output
    problems = json.loads(run("check", ws, "--json").stdout)["problems"]
    assert "unknown_file" not in [one["code"] for one in problems]


def test_without_scenarios_it_says_where_to_put_them(ws: Path) -> None:
    assert "There are no scenarios to run" in run("test", ws, code=2).output


def test_ghosts_are_asked_what_would_have_been_sent(ws: Path) -> None:
    journeys = {name: dict(one) for name, one in shop.WORKSPACE["journeys"].items()}
    journeys["welcome"]["holdout"] = 100.0
    shop.folder(ws, journeys=journeys)
    line = "{at: day 1 10:00, expect: ana, sent: [], would_send: [hello]}"
    assert told(ws, line)["passed"]
