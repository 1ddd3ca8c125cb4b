"""The advocacy loop: who was asked, who brought somebody, and what those were worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.periods import bounds, duration
from sevenfold.measures.events.selecting import sql_of
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.rates import period, rate, rows_of
from sevenfold.measures.statistics.intervals import share
from sevenfold.warehouse.rows import shown

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

SHOWN = 200
"""Advocates in the table, those who brought most first."""
ASKED_MIN = 30


class Advocacy(Question, frozen=True, tag="advocacy"):
    """Messages with one of the intents `asks` are asks. What an advocate does within `within` of one is its
    answer: `shared`, `clicked`, `joined` are the events, told of the advocate.
    """

    asks: tuple[str, ...] = ("ask",)
    shared: str = "Referral Link Shared"
    clicked: str = "Referral Link Clicked"
    joined: str = "Referral Signed Up"
    within: str = "90d"
    since: str = ""
    until: str = ""
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        bounds(self.since, self.until)
        duration(self.within, "within")


_ASKS = """
SELECT d.person, d.time, COALESCE(d.template, '') AS template, m.sent, m.clicked AS clicked
FROM decisions AS d JOIN messages AS m ON m.message = d.message
WHERE d.kind = 'message' AND d.time >= $start AND d.time < $end AND COALESCE(d.intent, '') IN ({asks})
"""
_ACTS = """
SELECT e.person, e.time, CASE WHEN {joined} THEN 'joined' WHEN {clicked} THEN 'clicked' ELSE 'shared' END AS
act, COALESCE(e.value, 0) / 1000000.0 AS value FROM events AS e WHERE e.time >= $start AND ({shared} OR
{clicked} OR {joined})
"""


@analysis("advocacy")
def advocacy(question: Advocacy, warehouse: Warehouse) -> Answer:
    """Each ask and each advocate: asked, clicked, shared, visits brought, sign-ups brought; the loop's
    factor.

    A sign-up counts for the last ask before it, within the time; what was brought without an ask stands as
    such. The factor is how many new customers an asked advocate brings. Asks reach who is likely to say yes:
    what an ask adds is for lift against ghosts. Tables: `asks`, `advocates`.
    """
    start, end = period(question.since, question.until, warehouse)
    marks = {f"a{i}": name for i, name in enumerate(question.asks)}
    listed = ", ".join(f"${key}" for key in marks) or "''"
    asks = rows_of(warehouse, _ASKS.format(asks=listed), start=start, end=end, **marks)
    events = {key: sql_of(getattr(question, key), "e") for key in ("shared", "clicked", "joined")}
    acts = rows_of(warehouse, _ACTS.format(**events), start=start)
    within = duration(question.within, "within")
    _credit(asks, acts, within)
    by_ask = _grouped(asks, acts, "template", question.level)
    people = _advocates(asks, acts)
    asked = {row["person"] for row in asks if row["sent"]}
    joined = sum(row["act"] == "joined" and row["ask"] is not None for row in acts)
    brought = {row["person"] for row in acts if row["act"] == "joined" and row["ask"] is not None}
    found = share(len(asked & brought), len(asked), question.level)
    caveats = [Doubt(Caveat.NOT_CAUSAL, "See lift for what asking adds.")]
    if len(asked) < ASKED_MIN:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{len(asked):,} were asked."))
    factor = joined / len(asked) if asked else None
    bringers = [row["person"] for row in acts if row["act"] == "joined" and row["ask"] is not None]
    low, high = _factor_bounds(bringers, sorted(asked))
    total = sum(row["act"] == "joined" for row in acts)
    return Answer(
        question=question,
        sentence=(
            f"{len(asked):,} were asked; {len(asked & brought):,} of them ({words.percent(found.value)}) "
            f"brought {joined:,} of the {total:,} sign-ups that came by referral."
        ),
        estimates=(
            Estimate(
                "bringing_rate", found.value if asked else None, found.low, found.high, len(asked),
                question.level,
            ),
            Estimate("brought_per_asked", factor, low, high, len(asked), 0.95),
            Estimate("joined", float(total), n=total),
        ),
        tables={"asks": as_table(by_ask), "advocates": as_table(people)}, caveats=tuple(caveats),
    )  # fmt: skip


def _credit(asks: list[dict[str, Any]], acts: list[dict[str, Any]], within: int) -> None:
    """Writes to each act the ask it counts for: that person's last before it; None without one."""
    mine: dict[int, list[dict[str, Any]]] = {}
    for ask in sorted(asks, key=lambda row: row["time"]):
        if ask["sent"] is not None:
            mine.setdefault(ask["person"], []).append(ask)
    for act in acts:
        before = [a for a in mine.get(act["person"], ()) if act["time"] - within < a["sent"] <= act["time"]]
        act["ask"] = before[-1]["template"] if before else None


def _grouped(
    asks: list[dict[str, Any]], acts: list[dict[str, Any]], column: str, level: float
) -> list[dict[str, Any]]:
    rows = []
    for name in sorted({row[column] for row in asks}):
        mine = [row for row in asks if row[column] == name and row["sent"]]
        brought = [act for act in acts if act["ask"] == name]
        count = {kind: sum(act["act"] == kind for act in brought) for kind in ("shared", "clicked", "joined")}
        people = {act["person"] for act in brought if act["act"] == "joined"}
        asked = {row["person"] for row in mine}
        rows.append({
            "ask": name, "sent": len(mine), "asked": len(asked),
            "clicked": sum(row["clicked"] is not None for row in mine), "shares": count["shared"],
            "visits_brought": count["clicked"], "joined": count["joined"],
            **rate("bringing_rate", len(people & asked), len(asked), level),
        })  # fmt: skip
    return rows


def _advocates(asks: list[dict[str, Any]], acts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for row in (*asks, *acts):
        one = found.setdefault(row["person"], {
            "advocate": shown(row["person"]), "asked": 0, "shares": 0, "visits_brought": 0, "joined": 0,
            "joined_unasked": 0,
        })  # fmt: skip
        if "act" not in row:
            one["asked"] += row["sent"] is not None
        elif row["act"] == "joined":
            one["joined"] += 1
            one["joined_unasked"] += row["ask"] is None
        else:
            one["shares" if row["act"] == "shared" else "visits_brought"] += 1
    ranked = sorted(found.values(), key=lambda one: (-one["joined"], -one["visits_brought"], one["advocate"]))
    return ranked[:SHOWN]


def _factor_bounds(joined: list[int], asked: list[int]) -> tuple[float | None, float | None]:
    """Normal interval of sign-ups an asked advocate: who brings many brings them all."""
    if len(asked) < 2:
        return None, None
    place = {person: i for i, person in enumerate(asked)}
    counts = np.zeros(len(asked))
    for person in joined:
        if person in place:
            counts[place[person]] += 1
    half = 1.96 * float(counts.std(ddof=1)) / len(asked) ** 0.5
    return max(float(counts.mean()) - half, 0.0), float(counts.mean()) + half
