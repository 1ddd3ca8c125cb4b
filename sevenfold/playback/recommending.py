"""From what a replay decided to advice for accounts at risk: what saved similar ones, and what a loss would
cost.

Past cases are the ended episodes of the accounts' saves (`saves` of the workspace) that somebody answered
with a task: the risk profile is the evidence of the last task before the end, the strategy what the episode's
last touch was. Episodes without a task have no profile and are left out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np

from sevenfold.measures.similar import Advice, advise, cost_of_loss
from sevenfold.playback.outcome import Outcome
from sevenfold.workspace.models import ACCOUNT, Workspace

_ENDS = {"saved": True, "save_lost": False, "recovered_untouched": True}
NOBODY = "left alone"
"""The strategy of an episode that ended without a touch that was meant to save."""
_MEANT = frozenset({"save", "winback", "renew"})


class Case(NamedTuple):
    """An episode of risk that is over: the figures at its last task, what was done last, and how it ended."""

    account: str
    figures: Mapping[str, float]
    strategy: str
    saved: bool


class Advised(NamedTuple):
    """What is said of one account at risk; `cost_of_loss` is None where no contract value is known."""

    account: str
    advice: Advice
    cost_of_loss: float | None


def strategies_of(workspace: Workspace) -> frozenset[str]:
    """What a workspace has to save with: kinds of task that may end as saved, and templates with such an
    intent.
    """
    tasks = {name for name, kind in workspace.tasks.items() if "saved" in kind.outcomes}
    return frozenset(tasks | {name for name, one in workspace.templates.items() if one.intent in _MEANT})


def cases_of(outcome: Outcome, strategies: frozenset[str]) -> list[Case]:
    """The past cases of a replay, in the order they ended; touches by anything else count as none."""
    tasks = _tasks(outcome)
    found = []
    for row in _rows(outcome, "steps"):
        if row["of"] != ACCOUNT or row["change"] not in _ENDS:
            continue
        data = row["data"]
        figures = _last(tasks.get(row["subject"], []), int(data.get("since", 0)), row["time"])
        if figures is not None:
            touch = str((data.get("touch") or {}).get("name"))
            strategy = touch if touch in strategies else NOBODY
            found.append(Case(row["subject"], figures, strategy, _ENDS[row["change"]]))
    return found


def recommend(outcome: Outcome, workspace: Workspace) -> list[Advised]:
    """Advice for every account with an episode of risk under way, in the order of their names.

    Raises InputError for a replay without journeys.
    """
    past, tasks = cases_of(outcome, strategies_of(workspace)), _tasks(outcome)
    names = sorted({name for case in past for name in case.figures})
    table = np.array([[case.figures.get(name, np.nan) for name in names] for case in past]).reshape(
        len(past), -1
    )
    strategies, saved = [case.strategy for case in past], np.array([case.saved for case in past], dtype=bool)
    accounts = {row["subject"]: row for row in outcome.table("accounts").to_pylist()}
    until = outcome.summary.until or 0
    found = []
    for subject in _at_risk(outcome):
        account = accounts.get(subject)
        figures = _last(tasks.get(subject, []), 0, until)
        if account is None or figures is None:
            continue
        profile = np.array([figures.get(name, np.nan) for name in names])
        advice = advise(profile, table, strategies, saved) if past else Advice((), ())
        found.append(Advised(str(account["account_id"]), advice, _cost(workspace, account, until)))
    return sorted(found, key=lambda one: one.account)


def _at_risk(outcome: Outcome) -> list[str]:
    under_way: dict[tuple[str, str], bool] = {}
    for row in _rows(outcome, "steps"):
        if row["of"] == ACCOUNT and (row["change"] == "at_risk" or row["change"] in _ENDS):
            begins = row["change"] == "at_risk" or bool(row["data"].get("at_risk"))
            under_way[row["subject"], row["journey"]] = begins
    return sorted({subject for (subject, _), begins in under_way.items() if begins})


def _tasks(outcome: Outcome) -> dict[str, list[tuple[int, dict[str, float]]]]:
    """By account the times of its tasks with the figures among their evidence, in order of time."""
    found: dict[str, list[tuple[int, dict[str, float]]]] = {}
    for row in _rows(outcome, "tasks"):
        if row["of"] == ACCOUNT and row["change"] in ("task", "task_joined"):
            figures = {
                name: float(value)
                for name, value in (row["data"].get("evidence") or {}).items()
                if isinstance(value, int | float)
            }
            found.setdefault(row["subject"], []).append((row["time"], figures))
    return found


def _last(tasks: list[tuple[int, dict[str, float]]], since: int, until: int) -> dict[str, float] | None:
    held = [figures for time, figures in tasks if since <= time <= until]
    return held[-1] if held else None


def _rows(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = outcome.table(name).to_pylist()
    for row in rows:
        row["time"] = _ms(row["time"])
        row["data"] = json.loads(row["data"]) if isinstance(row["data"], str) else row["data"] or {}
    return rows


def _cost(workspace: Workspace, account: Mapping[str, Any], until: int) -> float | None:
    value, ends = account.get("trait.arr"), account.get("trait.renewal_date")
    if not isinstance(value, int | float) or not isinstance(ends, str):
        return None
    plans = workspace.catalogues.get("plans")
    rows = {str(row[plans.key]): row for row in plans.rows if plans.key in row} if plans is not None else {}
    plan = rows.get(str(account.get("trait.plan")), {})
    price, after = (one.get("price_month") for one in (plan, rows.get(str(plan.get("next_plan")), {})))
    left = (date.fromisoformat(ends[:10]) - datetime.fromtimestamp(until / 1_000, UTC).date()).days
    return round(cost_of_loss(float(value), left, float(price or 0), float(after or 0)), 2)


def _ms(at: Any) -> int:
    return int(at.timestamp() * 1_000) if isinstance(at, datetime) else int(at)


def as_csv(found: list[Advised]) -> str:
    """The rows of the catalogue `advice`: the best strategy, why, and the cost of the loss."""
    told = io.StringIO()
    writer = csv.writer(told, lineterminator="\n")
    writer.writerow(["account", "strategy", "strategy_why", "cost_of_loss"])
    for one in found:
        best = one.advice.ranked[0].strategy if one.advice.ranked else ""
        cost = "" if one.cost_of_loss is None else f"{one.cost_of_loss:g}"
        writer.writerow([one.account, best, one.advice.sentence, cost])
    return told.getvalue()


__all__ = ["Advised", "Case", "as_csv", "cases_of", "recommend", "strategies_of"]
