"""A journey with many runs in a warehouse, and its report as SQL that a person would write."""

# ruff: noqa: S608, E501 - SQL as a person would write it, from constants of this file

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from sevenfold.warehouse.base import Batch, Progress
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.projector import SCHEMAS

JOURNEY: Final = "welcome"
DAY_MS: Final = 86_400_000
STEPS: Final = ("hello", "pause", "offer")
ENDS: Final = ("finished", "goal", "unsubscribed")
WITHIN: Final = 14 * DAY_MS
BEFORE: Final = 28 * DAY_MS


def fill(warehouse: DuckWarehouse, runs: int, start: int, days: int) -> None:
    """Runs of one journey by the people of the events: three steps, a message, what became of it, goals; a
    tenth are ghosts.
    """
    chance = np.random.default_rng(11)
    people = warehouse.query("SELECT DISTINCT person FROM events")["person"].to_numpy()
    who = people[chance.permutation(len(people))[:runs]]
    n = len(who)
    begun = start + np.sort(chance.integers(0, (days - 20) * DAY_MS, n))
    run = np.arange(1, n + 1, dtype=np.uint64)
    ghost = chance.random(n) < 0.1
    held = {"of": "person", "subject": who, "journey": JOURNEY, "run": run}
    ended = np.array(ENDS)[chance.integers(0, 3, n)]
    goal = chance.random(n) < np.where(ghost, 0.15, 0.18)
    message = ~ghost
    rows: dict[str, list[dict[str, Any]]] = {
        "run_starts": [held | {"time": begun, "version": 1, "trigger": "Home Viewed", "key": "", "ghost": np.where(ghost, "journey", "")}],
        "assignments": [held | {"time": begun, "account": 0, "kind": "holdout", "experiment": JOURNEY, "step": "",
                                "arm": np.where(ghost, "control", "treated"), "level": "", "probability": np.where(ghost, 0.1, 0.9)}],
        "steps": [
            held | {"time": begun + k * DAY_MS, "step": name, "visit": 1, "change": "wait" if name == "pause" else "step",
                    "outcome": "sent" if name == "hello" else "went", "waited": DAY_MS}
            for k, name in enumerate(STEPS)
        ],
        "decisions": [_some(held, message) | {"time": begun[message], "person": who[message], "kind": "message", "step": "hello", "visit": 1,
                                              "message": run[message], "template": "hello", "channel": "email", "ghost": False, "transactional": False}],
        "outcomes": [
            _some(held, message) | {"time": begun[message] + k * 60_000, "step": "hello", "message": run[message], "outcome": name,
                                    "template": "hello", "channel": "email", "machine": False}
            for k, name in enumerate(("sent", "delivered"))
        ],
        "goals": [_some(held, goal) | {"time": begun[goal] + 2 * DAY_MS, "step": "offer", "goal": "bought", "value": 10.0,
                                       "after": 2 * DAY_MS, "ghost": ghost[goal]}],
        "run_ends": [held | {"time": begun + 3 * DAY_MS, "step": "offer", "reason": ended, "after": 3 * DAY_MS}],
    }  # fmt: skip
    number, tables = 0, {}
    for name, parts in rows.items():
        made = []
        for part in parts:
            made.append(_table(name, part, number))
            number += made[-1].num_rows
        tables[name] = pa.concat_tables(made)
    at = warehouse.through()
    warehouse.append(Batch(tables, Progress(at.position, number, at.time)))


def _some(held: dict[str, Any], which: Any) -> dict[str, Any]:
    return {key: value[which] if isinstance(value, np.ndarray) else value for key, value in held.items()}


def _table(name: str, given: dict[str, Any], number: int) -> pa.Table:
    n, columns = len(given["run"]), []
    for field in SCHEMAS[name]:
        value = given.get(field.name)
        if field.name == "number":
            value = np.arange(number, number + n)
        if value is None:
            columns.append(pa.nulls(n, field.type))
        elif isinstance(value, np.ndarray):
            columns.append(pa.array(value).cast(field.type))
        else:
            columns.append(pa.array([value], type=field.type).take(pa.array(np.zeros(n, dtype=np.int64))))
    return pa.Table.from_arrays(columns, schema=SCHEMAS[name])


def by_hand() -> list[str]:
    """The report's figures: entries, steps, ways, exits, messages, goals, what the journey added in goals and
    revenue (each arm's mean and variance with the time before), and what its last touches would be credited.
    """
    mine = (
        "WITH mine AS (SELECT s.run, s.time AS started, s.ghost, e.time AS ended, e.reason, e.step FROM run_starts s"
        f" LEFT JOIN run_ends e ON e.run = s.run WHERE s.journey = '{JOURNEY}')"
    )
    units = (
        "WITH u AS (SELECT subject AS unit, MIN(time) AS first, MIN(arm) AS arm FROM assignments"
        f" WHERE kind = 'holdout' AND experiment = '{JOURNEY}' GROUP BY subject)"
    )
    treated = "JOIN mine m ON m.run = s.run WHERE m.ghost = ''"
    first = ", ".join(
        f"MIN(time) FILTER (outcome = '{one}') AS {one}"
        for one in ("sent", "delivered", "clicked", "bounced")
    )
    # Each order id once, as the answer counts them.
    orders = "orders"

    def around(table: str, amount: str, who: str, condition: str) -> str:
        return (
            f"{units}, d AS (SELECT u.unit, u.arm,"
            f" SUM(CASE WHEN e.time > u.first AND e.time <= u.first + {WITHIN} THEN {amount} ELSE 0 END) AS after,"
            f" SUM(CASE WHEN e.time <= u.first AND e.time > u.first - {BEFORE} THEN {amount} ELSE 0 END) AS before"
            f" FROM u LEFT JOIN {table} e ON e.{who} = u.unit AND {condition} GROUP BY u.unit, u.arm)"
            " SELECT arm, COUNT(*), AVG(after), VAR_SAMP(after), AVG(before), VAR_SAMP(before),"
            " COVAR_SAMP(after, before) FROM d GROUP BY arm"
        )

    return [
        f"{mine} SELECT started // {DAY_MS} AS day, COUNT(*) FILTER (ghost = ''), COUNT(*) FILTER (ghost <> '')"
        " FROM mine GROUP BY day",
        f"{mine} SELECT s.step, COUNT(*) FILTER (s.change = 'step'), COUNT(*) FILTER (s.change = 'wait'),"
        f" COUNT(DISTINCT s.run), AVG(s.waited), MIN(s.number) FROM steps s {treated} GROUP BY s.step",
        f"{mine} SELECT s.step, s.outcome, COUNT(*) FROM steps s {treated} AND s.change = 'step' GROUP BY ALL",
        f"{mine} SELECT reason, COUNT(*) FILTER (ghost = ''), COUNT(*) FILTER (ghost <> ''), AVG(ended - started)"
        " FROM mine GROUP BY reason",
        f"{mine} SELECT step, COUNT(*) FROM mine WHERE ghost = '' AND ended IS NOT NULL GROUP BY step",
        f"{mine}, o AS (SELECT message, {first} FROM outcomes GROUP BY message) SELECT d.template, d.channel,"
        " COUNT(*), COUNT(o.sent), COUNT(o.delivered), COUNT(o.clicked), COUNT(o.bounced) FROM decisions d"
        " JOIN mine m ON m.run = d.run LEFT JOIN o ON o.message = d.message WHERE d.kind = 'message' GROUP BY ALL",
        f"{mine} SELECT g.goal, g.ghost, COUNT(DISTINCT g.run), AVG(g.after), SUM(g.value) FROM goals g"
        " JOIN mine m ON m.run = g.run GROUP BY ALL",
        around("goals", "1", "subject", f"e.journey = '{JOURNEY}'"),
        around(orders, "COALESCE(e.value, 0) / 1000000.0", "person", "TRUE"),
        f"WITH t AS (SELECT d.person, d.journey, MIN(o.time) AS time FROM decisions d JOIN outcomes o"
        " ON o.message = d.message AND o.outcome = 'sent' WHERE d.kind = 'message' GROUP BY ALL)"
        f" SELECT t.journey, SUM(e.value) FROM {orders} e ASOF JOIN t ON t.person = e.person AND t.time <= e.time"
        f" WHERE e.time - t.time <= {WITHIN} GROUP BY t.journey",
    ]
