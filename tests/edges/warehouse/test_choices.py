"""Choices from the fold to the warehouse, and back as evidence: evaluated, and trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

import sevenfold as sf
from sevenfold.cli import main
from sevenfold.errors import InputError
from sevenfold.frames import dict_items
from sevenfold.learning.bandits import place_of
from sevenfold.learning.logged_choices import evaluate_choices, logged_choices
from sevenfold.learning.next_best_action import train
from sevenfold.playback import replay
from sevenfold.warehouse.duck import open_warehouse
from sevenfold.workspace.models import Workspace

DAY = 86_400_000
START = 1_772_442_000_000
WORLD: dict[str, Any] = {
    "name": "world",
    "signals": {"logins": {"kind": "count", "event": "Signed In"}},
    "channels": {"in_app": {"type": "in_app"}},
    "templates": {"tip": {"channel": "in_app", "title": "A tip", "body": "Try it"}},
    "actions": {"tip": {"template": "tip", "expires": "1d"}, "later": {"wait": "1d"}},
    "journeys": {
        "help": {
            "triggers": [{"kind": "event", "event": "Signed Up"}],
            "goals": {"bought": {"event": "Bought", "exit": False}},
            "holdout": 10,
            "autonomy": {"level": "suggest"},
            "steps": {
                "next": {
                    "kind": "choose",
                    "actions": ["tip", "later"],
                    "context": ["logins"],
                    "learn": {"explore": 30, "reward": {"within": "2d"}},
                },
                "rest": {"kind": "wait", "for": "5d"},
            },
        }
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replay in which a tip helps whoever has signed in often, and nothing else does anything: everybody
    buys or not by the same draw, whatever was chosen, so what helps is who was shown the tip.
    """
    model = msgspec.convert(WORLD, Workspace)
    out = tmp_path_factory.mktemp("choices")

    def events(chosen: dict[str, str]) -> list[dict[str, Any]]:
        found = []
        for i in range(600):
            user, t = f"u{i}", START + i * 60_000
            for k in range(i % 3):
                found.append(event(user, "Signed In", t - 3_600_000 + k))
            found.append(event(user, "Signed Up", t))
            often = i % 3 == 2
            chance = 700_000 if often and chosen.get(user) == "tip" else 150_000
            # Who does not buy looks, so that both replays count the same records, and draw the same.
            bought = place_of("buys", user) < chance
            found.append(event(user, "Bought" if bought else "Looked", t + 3_600_000))
        return sorted(found, key=lambda one: one["timestamp"])

    first = sf.replay(model, events({}), out=out / "first", until="2026-03-03T12:00:00Z")
    effects = first.effects.to_pylist()
    names = {row["subject"]: row["user_id"] for row in first.profiles.to_pylist()}
    chosen = {names[row["subject"]]: told(row)["chosen"] for row in effects if row["kind"] == "choice"}
    assert first.next_best_action("u1")["action"] == "tip"
    items = dict_items(events(chosen))
    replay(model, items, out / "second", until=START + 18 * DAY, names=["events"], warehouse=True)
    return out / "second"


def event(user: str, name: str, t: int) -> dict[str, Any]:
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(t / 1000, UTC).isoformat()
    return {"timestamp": at, "event": name, "user_id": user, "message_id": f"{user} {name} {t}"}


def told(row: dict[str, Any]) -> dict[str, Any]:
    """What an effect of a replay's table says besides what all effects of journeys do."""
    found: dict[str, Any] = json.loads(json.loads(row["data"])["data"])
    return found


def test_choices_come_back_with_their_propensities_and_rewards(folder: Path) -> None:
    warehouse = open_warehouse(folder)
    logged = logged_choices(warehouse, "help/next")
    ghosts = warehouse.query("SELECT COUNT(*) AS n FROM choices WHERE ghost")["n"][0].as_py()
    warehouse.close()
    assert 30 < ghosts < 110 and len(logged) + ghosts == 600
    assert logged.options == ["tip", "later", "nothing"] and set(logged.context) == {"logins"}
    assert all(sum(one.values()) == 1_000_000 for one in logged.propensities)
    assert 0.1 < sum(logged.reward) / len(logged) < 0.5


def test_a_policy_is_evaluated_on_them_and_one_that_helps_is_found(folder: Path) -> None:
    warehouse = open_warehouse(folder)
    always = evaluate_choices(warehouse, "help/next", "always:tip")
    never = evaluate_choices(warehouse, "help/next", "always:nothing")
    found = train(logged_choices(warehouse, "help/next"))
    by_model = evaluate_choices(warehouse, "help/next", "model:x", model=found.model)
    with pytest.raises(InputError, match="No choice of `help/nxt`"):
        logged_choices(warehouse, "help/nxt")
    warehouse.close()
    value = {one.name: one for one in always.estimates}["snips"].value
    assert value is not None and 0.22 < value < 0.45, "a third at 70%, two thirds at 15%"
    assert {one.name: one for one in never.estimates}["snips"].value < value
    many, few = found.model.score("tip", [2]), found.model.score("tip", [0])
    assert many is not None and few is not None and many > 500_000 > 300_000 > few
    assert "`model:x`" in by_model.sentence


def test_the_command_line_evaluates_and_trains(folder: Path, tmp_path: Path) -> None:
    runner, asked = CliRunner(), ["evaluate-policy", str(folder), "--choices", "help/next"]
    shown = runner.invoke(
        main, ["evaluate-policy", str(folder), "--choices", "help/next", "--policy", "always:tip"]
    )
    assert shown.exit_code == 0 and "always:tip" in shown.output, shown.output
    file = tmp_path / "policy.json"
    trained = runner.invoke(main, ["train-choices", str(folder), "help/next", "--out", str(file)])
    assert trained.exit_code == 0 and "of choices" in trained.output, trained.output
    shown = runner.invoke(main, [*asked, "--policy", "always:tip"])
    assert shown.exit_code == 0 and "always:tip" in shown.output, shown.output
    file = tmp_path / "policy.json"
    trained = runner.invoke(main, ["train-choices", str(folder), "help/next", "--out", str(file)])
    assert trained.exit_code == 0 and "of choices" in trained.output, trained.output
    shown = runner.invoke(main, [*asked, "--policy", f"model:{file}"])
    assert shown.exit_code == 0, shown.output
    assert runner.invoke(main, ["evaluate-policy", str(file)]).exit_code == 2
