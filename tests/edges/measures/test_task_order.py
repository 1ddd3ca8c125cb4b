"""Being called earlier, as chance had it: from the fold's drawn turns to the effect in the warehouse."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sevenfold.engine import Fold
from sevenfold.log.base import Entry
from sevenfold.measures import Answer, ask, question_from
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.projector import Following, Projector
from tests.unit.journeys.office import DAY, HOUR, NINE, workspace

DAYS, EACH_DAY = 24, 20


class Office:
    """Each morning twenty people stall; one person calls one an hour, in the order of turns. Who is called
    within ten hours comes back with the probability `soon`, others with `late`.
    """

    def __init__(self, soon: float, late: float, seed: int) -> None:
        call = {"title": "Call", "owners": [{"role": "csm"}], "order": "random"}
        journey = {
            "triggers": [{"kind": "event", "event": "Stalled"}],
            "re_entry": {"unlimited": 9},
            "steps": {"ask": {"kind": "task", "task": "call", "reason": "stalled"}},
        }
        model = workspace(
            tasks={"call": call}, journeys={"help": journey},
            catalogues={"people": {"key": "email", "rows": [{"email": "ann", "role": "csm", "capacity": 1}]}},
            saves={"keep": {"at_risk": "bad > 0", "recovered": "good > 0", "held": "1h"}},
        )  # fmt: skip
        self.fold, self.warehouse = Fold(model), DuckWarehouse(threads=1)
        self.following = Following(Projector(self.warehouse, model), self.fold)
        self.chance = np.random.default_rng(seed)
        self.tasks: dict[str, tuple[str, str]] = {}
        self.soon: dict[str, list[bool]] = {"first": [], "later": []}
        self.count = 0
        for day in range(DAYS):
            self.day(NINE + day * DAY, f"d{day}", soon, late)
        self.took(self.fold.emitted, self.fold.advance(NINE + (DAYS + 30) * DAY))
        self.following.reached(NINE + (DAYS + 30) * DAY)
        self.following.projector.flush()

    def day(self, morning: int, name: str, soon: float, late: float) -> None:
        for k in range(EACH_DAY):
            self.track(morning + k, f"{name}-{k}", "Stalled")
        for hour in range(1, EACH_DAY + 1):
            tasks = self.fold.journeys.services["tasks"].open_tasks  # type: ignore[union-attr]
            mine = next(one for one in tasks if one.owner == "ann")
            user, arm = self.tasks[mine.id]
            self.soon[arm].append(hour <= 10)
            record = {"op": "task", "action": "close", "task": mine.id, "outcome": "saved", "by": "ann"}
            first = self.fold.emitted
            effects = self.fold.control(morning + hour * HOUR, record)
            self.following.took_control(morning + hour * HOUR)
            self.took(first, effects)
            if self.chance.random() < (soon if hour <= 10 else late):
                self.track(morning + hour * HOUR + 60_000, user, "Back")

    def track(self, t: int, user: str, event: str) -> None:
        self.count += 1
        raw = json.dumps(
            {"type": "track", "event": event, "userId": user, "messageId": str(self.count)}
        ).encode()
        first = self.fold.emitted
        effects = self.fold.events([(t, raw)])
        self.following.took_events([Entry("web", t, raw, t)])
        self.took(first, effects)
        for one in effects:
            if one.kind == "task":
                self.tasks[one.data["task"]] = user, one.data["arm"]

    def took(self, first: int, effects: list[Any]) -> None:
        self.following.took_effects(first, effects)

    def ask(self, name: str, **fields: Any) -> Answer:
        return ask(self.warehouse, question_from(name, fields))


@pytest.fixture(scope="module")
def helps() -> Office:
    return Office(soon=0.6, late=0.2, seed=1)


def test_being_called_earlier_is_worth_what_the_world_says(helps: Office) -> None:
    answer = helps.ask("lift", task="call", metrics=["Back"], within="20d")
    (row,) = answer.frame("effects").to_pylist()
    # By how much more of the first half were called within ten hours, times what that is worth.
    truth = 0.4 * (np.mean(helps.soon["first"]) - np.mean(helps.soon["later"]))
    assert row["arm"] == "call called first" and row["control"] == "called later"
    assert 0 < row["low"] < truth < row["high"]
    assert {one["arm"]: one["planned"] for one in answer.frame("arms").to_pylist()} == {
        "first": 0.5,
        "later": 0.5,
    }


def test_the_save_report_says_what_each_half_waited_and_what_that_saved(helps: Office) -> None:
    answer = helps.ask("save-report", within="20d")
    waited = {row["arm"]: row["hours_until_closed"] for row in answer.frame("turns").to_pylist()}
    assert 3 < waited["first"] < 9 < waited["later"] < 18
    assert answer["raw_save_rate"].value is not None
    more = answer["saved_more:call called first"]
    assert more.low is not None and more.low > 0


def test_where_waiting_changes_nothing_nothing_is_found() -> None:
    answer = Office(soon=0.4, late=0.4, seed=2).ask("lift", task="call", metrics=["Back"], within="20d")
    (row,) = answer.frame("effects").to_pylist()
    assert row["low"] < 0 < row["high"]
