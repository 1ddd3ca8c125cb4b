"""Who was treated, who was a ghost, and what each did before and after: the warehouse as arrays for lift.

A unit is a subject of a journey: a person, or an account. It counts once, from its first exposure on; after a
merge both people are one, and whoever was in two arms is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sevenfold.measures.answer import QuestionError
from sevenfold.measures.events.selecting import sql_of
from sevenfold.measures.shared.columns import codes, numbers
from sevenfold.measures.statistics.special import Bools, Floats, Ints

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

HOLDOUT = """
SELECT a.subject AS unit, a.time, a.arm, a.account, a.probability, a.of
FROM assignments AS a
WHERE a.kind = 'holdout' AND a.experiment = $name AND a.time >= $start AND a.time < $end
"""
SPLIT = """
SELECT a.subject AS unit, a.time, a.arm, a.account, a.probability, a.of
FROM assignments AS a LEFT JOIN run_starts AS r ON r.run = a.run
WHERE a.kind = 'split' AND a.experiment = $name AND COALESCE(r.ghost, '') = ''
    AND a.time >= $start AND a.time < $end
"""
MESSAGE = """
SELECT d.subject AS unit, d.time, CASE WHEN d.ghost THEN 'control' ELSE 'treated' END AS arm,
    COALESCE(a.account, 0) AS account, a.probability, d.of
FROM decisions AS d LEFT JOIN assignments AS a ON a.run = d.run AND a.kind = 'holdout'
WHERE d.kind IN ('message', 'would_send') AND NOT d.transactional AND d.journey = $journey
    AND COALESCE(d.template, '') = $name AND d.time >= $start AND d.time < $end
"""
TASK = """
SELECT t.subject AS unit, t.opened AS time, CASE WHEN t.ghost THEN 'control' ELSE 'treated' END AS arm,
    CASE WHEN t.of = 'account' THEN t.subject ELSE 0 END AS account, NULL AS probability, t.of
FROM tasks AS t WHERE t.kind = $name AND t.opened >= $start AND t.opened < $end
"""
ORDER = """
SELECT a.subject AS unit, a.time, a.arm, a.account, a.probability, a.of
FROM assignments AS a
WHERE a.kind = 'order' AND a.experiment = $name AND a.time >= $start AND a.time < $end
"""
_UNITS = """
SELECT unit, MIN(time) AS first, MIN(arm) AS arm, MAX(arm) AS other, MAX(account) AS account,
    AVG(probability) AS probability, MIN(of) AS of
FROM ({source}) AS s GROUP BY unit
"""
_CLUSTER_LUCK = 1e-3
"""Accounts whose members share an arm more often than this by chance were assigned whole."""


class Exposed(msgspec.Struct, frozen=True):
    """Units of one experiment, all (units,): `unit` ids, `first` exposure (ms), `arm` as a code of `arms`,
    `account` (0: none), `probability` of the arm they are in (NaN: not known). `mixed` units were in two arms
    and are not among them; `contaminated` say so themselves. `of` is the kind of subject.
    """

    source: str
    parameters: dict[str, Any]
    unit: Ints
    first: Ints
    arm: Ints
    arms: list[str]
    account: Ints
    probability: Floats
    mixed: int
    of: str

    def take(self, rows: Bools) -> Exposed:
        """Some of the units."""
        return msgspec.structs.replace(
            self, unit=self.unit[rows], first=self.first[rows], arm=self.arm[rows],
            account=self.account[rows], probability=self.probability[rows],
        )  # fmt: skip


def ids(table: pa.Table, name: str) -> Ints:
    """A column of ids; the bits of unsigned ones, which is all that telling them apart needs."""
    return np.asarray(table[name].to_numpy(), dtype=np.uint64).view(np.int64)


def exposed(
    warehouse: Warehouse, source: str, *, name: str, start: int, end: int, journey: str = ""
) -> Exposed:
    """Everybody who came into an experiment within [start, end): `source` is one of the queries above."""
    parameters: dict[str, Any] = {"name": name, "start": start, "end": end}
    if "$journey" in source:
        parameters["journey"] = journey
    table = warehouse.query(_UNITS.format(source=source), parameters)
    met, names = codes(table, "arm")
    arms = sorted(names)
    arm = np.array([arms.index(name) for name in names], dtype=np.int64)[met] if names else met
    clean = pc.equal(table["arm"], table["other"]).combine_chunks().to_numpy(zero_copy_only=False)
    kinds = table["of"].slice(0, 1).to_pylist()
    found = Exposed(
        source, parameters, ids(table, "unit"), numbers(table, "first").astype(np.int64), arm, arms,
        ids(table, "account"), numbers(table, "probability"), int((~clean).sum()) if len(clean) else 0,
        kinds[0] if kinds else "person",
    )  # fmt: skip
    return found.take(clean.astype(bool)) if len(clean) else found


def contaminated(warehouse: Warehouse, journey: str) -> Ints:
    """Units that were treated differently before a merge made them one."""
    table = warehouse.query(
        "SELECT DISTINCT subject FROM contaminations WHERE $journey = '' OR journey = $journey",
        {"journey": journey},
    )
    return ids(table, "subject")


_AROUND = """
WITH units AS ({units})
SELECT u.unit,
    SUM(CASE WHEN e.time > u.first AND e.time <= u.first + $within THEN {amount} ELSE 0 END) AS after,
    SUM(CASE WHEN e.time <= u.first AND e.time > u.first - $before THEN {amount} ELSE 0 END) AS before
FROM units AS u JOIN {table} AS e ON e.{who} = u.unit
WHERE e.time > u.first - $before AND e.time <= u.first + $within AND {condition}
GROUP BY u.unit
"""


def around(
    warehouse: Warehouse, units: Exposed, metric: str, *, within: int, before: int, currency: str = "",
    goals: str = "",
) -> tuple[Floats, Floats]:  # fmt: skip
    """What each unit did within (first, first + within], and in the time before: (after, before), (units,).

    `metric` is `revenue` (units of money), `orders`, `saved` (an episode of risk that ended well, whoever
    touched it), `goal` or `goal:NAME` (of the journey `goals`), `stage:LIFECYCLE/STAGE` (entered),
    `late:EVENT` (in the second half of the time), else an event as `sevenfold.measures.events.selecting`
    writes it: how often. Raises QuestionError.
    """
    who = "account" if units.of == "account" else "person"
    parameters: dict[str, Any] = {**units.parameters, "within": within, "before": before}
    if metric == "revenue":
        table, amount, condition = "orders", "COALESCE(e.value, 0) / 1000000.0", "TRUE"
        if currency:
            condition, parameters["currency"] = "e.currency = $currency", currency
    elif metric == "orders":
        table, amount, condition = "orders", "1", "TRUE"
    elif metric == "saved":
        table, amount, who = "saves", "1", "subject"
        condition = "e.change IN ('saved', 'recovered_untouched')"
    elif metric == "goal" or metric.startswith("goal:"):
        if not goals:
            raise QuestionError("Only a journey has goals", where="metrics", fix="name an event instead")
        table, amount, who = "goals", "1", "subject"
        condition, parameters["goals"] = "e.journey = $goals", goals
        if metric != "goal":
            condition += " AND e.goal = $goal"
            parameters["goal"] = metric.removeprefix("goal:")
    elif metric.startswith("stage:"):
        lifecycle, _, stage = metric.removeprefix("stage:").partition("/")
        table, amount, who = "transitions", "1", "subject"
        condition = "e.lifecycle = $lifecycle AND e.to_stage = $stage"
        parameters |= {"lifecycle": lifecycle, "stage": stage}
    elif metric.startswith("late:"):
        # The second half of the time: who is still there.
        table, amount, condition = "events", "1", sql_of(metric.removeprefix("late:"), "e")
        condition += " AND (e.time <= u.first OR e.time > u.first + $within / 2)"
    else:
        table, amount, condition = "events", "1", sql_of(metric, "e")
    sql = _AROUND.format(
        units=_UNITS.format(source=units.source), table=table, amount=amount, who=who, condition=condition
    )
    found = warehouse.query(sql, parameters)
    return _spread(units, found, "after"), _spread(units, found, "before")


def _spread(units: Exposed, found: pa.Table, column: str) -> Floats:
    """Values of the units that have some, 0 for the others, in the order of `units`."""
    values = np.zeros(len(units.unit))
    order = np.argsort(units.unit)
    who = ids(found, "unit")
    at = np.searchsorted(units.unit[order], who)
    at = np.minimum(at, max(len(order) - 1, 0))
    here = units.unit[order][at] == who if len(order) else np.zeros(0, dtype=bool)
    values[order[at[here]]] = np.nan_to_num(numbers(found, column)[here])
    return values


def clusters_of(units: Exposed, choice: str) -> Ints | None:
    """Numbers of the accounts that were assigned whole, (units,); None where people were assigned.

    `choice` is `person`, `account`, or `auto`: accounts, when members of one share an arm more often than
    chance would have it. Whoever has no account is one of their own.
    """
    if choice == "person" or not np.any(units.account):
        return None
    alone = units.account == 0
    key = np.where(alone, units.unit, units.account)
    number = np.unique(np.stack([alone.astype(np.int64), key], axis=1), axis=0, return_inverse=True)[1]
    number = number.reshape(-1).astype(np.int64)
    if choice == "account":
        return number
    sizes = np.bincount(number)
    shares = np.bincount(units.arm[units.arm >= 0], minlength=len(units.arms)) / max(len(units.arm), 1)
    lowest = np.full(len(sizes), len(units.arms))
    highest = np.full(len(sizes), -1)
    np.minimum.at(lowest, number, units.arm)
    np.maximum.at(highest, number, units.arm)
    several = sizes > 1
    if not several.any() or np.any(lowest[several] != highest[several]):
        return None
    chance = [float(np.log((shares**size).sum())) for size in sizes[several]]
    return number if sum(chance) < np.log(_CLUSTER_LUCK) else None


_EVERY = {
    "message": """
        SELECT DISTINCT journey, COALESCE(template, '') AS name FROM decisions
        WHERE kind = 'would_send' AND NOT transactional AND time >= $start AND time < $end
        ORDER BY journey, name
    """,
    "split": """
        SELECT DISTINCT journey, experiment AS name FROM assignments
        WHERE kind = 'split' AND time >= $start AND time < $end ORDER BY journey, name
    """,
    "task": """
        SELECT '' AS journey, kind AS name FROM tasks WHERE ghost AND opened >= $start AND opened < $end
        UNION SELECT '' AS journey, experiment AS name FROM assignments
        WHERE kind = 'order' AND time >= $start AND time < $end ORDER BY name
    """,
}


def every(warehouse: Warehouse, kind: str, start: int, end: int) -> list[tuple[str, str]]:
    """Every message, split or kind of task with a control, as (journey, name)."""
    table = warehouse.query(_EVERY[kind], {"start": start, "end": end})
    names = zip(table["journey"].to_pylist(), table["name"].to_pylist(), strict=True)
    return [(str(journey), str(name)) for journey, name in names]


def sources_of_task(warehouse: Warehouse, kind: str, start: int, end: int) -> list[str]:
    """How a kind of task can be compared: with ghosts, and by the turn that was drawn for each."""
    found = warehouse.query(
        "SELECT (SELECT COUNT(*) FROM tasks WHERE ghost AND kind = $kind AND opened >= $start"
        " AND opened < $end) AS ghosts, (SELECT COUNT(*) FROM assignments WHERE kind = 'order'"
        " AND experiment = $kind AND time >= $start AND time < $end) AS turns",
        {"kind": kind, "start": start, "end": end},
    ).to_pylist()[0]
    return [source for source, n in ((TASK, found["ghosts"]), (ORDER, found["turns"])) if n] or [TASK]


def journeys_with_ghosts(warehouse: Warehouse, start: int, end: int) -> Sequence[str]:
    """Journeys that held somebody out, by name."""
    table = warehouse.query(
        "SELECT DISTINCT experiment AS name FROM assignments WHERE kind = 'holdout' AND arm = 'control'"
        " AND time >= $start AND time < $end ORDER BY name",
        {"start": start, "end": end},
    )
    return [str(name) for name in table["name"].to_pylist()]
