"""Episodes of risk: how many were saved, by whom, and how many more than without anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.periods import bounds, duration
from sevenfold.measures.lift import Lift
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import exposures, words
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.comparing import Compared, effects_table
from sevenfold.measures.shared.lifted import Lifted, Scope
from sevenfold.measures.shared.rates import period, rate, rows_of
from sevenfold.measures.statistics.effect import effect_of
from sevenfold.measures.statistics.intervals import share

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse


class SaveReport(Question, frozen=True, tag="save-report"):
    """Episodes of the save `save` (all, when empty) that began in the period and are over. What being called
    earlier changed is counted `within` the opening of the task.
    """

    save: str = ""
    since: str = ""
    until: str = ""
    within: str = "28d"
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        bounds(self.since, self.until)
        duration(self.within, "within")


_EPISODES = """
SELECT s.episode, MIN(s.save) AS save, MIN(s.subject) AS subject,
    MAX(CASE WHEN s.change IN ('saved', 'recovered_untouched') THEN 1 ELSE 0 END) AS recovered,
    MAX(CASE WHEN s.change = 'saved' THEN 1 ELSE 0 END) AS saved,
    MAX(CASE WHEN s.change = 'save_lost' THEN 1 ELSE 0 END) AS lost,
    MAX(CASE WHEN s.would_touch THEN 1 ELSE 0 END) AS ghost,
    MAX(COALESCE(s.touch_kind, '')) AS touch_kind, MAX(COALESCE(s.touch_name, '')) AS touch_name
FROM saves AS s WHERE ($save = '' OR s.save = $save)
GROUP BY s.episode HAVING MIN(s.time) >= $start AND MIN(s.time) < $end
"""


@analysis("save-report")
def save_report(question: SaveReport, warehouse: Warehouse) -> Answer:
    """Raw save rate by touchpoint, and the incremental one: against episodes that a ghost's touch would have
    met.

    The raw rate counts who recovered after a touch, and some would have anyway. The incremental one compares
    those who were touched with ghosts, whom the same message or task would have reached and did not. Of kinds
    of tasks whose order is drawn by chance, those called first are compared with those called later. Tables:
    `touches`, `effects`, `turns` (how long each half waited).
    """
    start, end = period(question.since, question.until, warehouse)
    found = rows_of(warehouse, _EPISODES, save=question.save, start=start, end=end)
    episodes = [row for row in found if row["recovered"] or row["lost"]]
    touched = [row for row in episodes if row["touch_kind"] and not row["ghost"]]
    ghosts = [row for row in episodes if row["ghost"]]
    raw = share(sum(int(row["saved"]) for row in touched), len(touched), question.level)
    estimates = [
        Estimate(
            "raw_save_rate", raw.value if touched else None, raw.low, raw.high, len(touched), question.level
        )
    ]
    caveats = []
    if len(found) > len(episodes):
        caveats.append(Doubt(Caveat.INCOMPLETE_LEFT_OUT, f"{len(found) - len(episodes):,} are not over."))
    compared = _against_ghosts(touched, ghosts, question.level)
    sentence = f"Of {len(touched):,} episodes that were touched {words.percent(raw.value)} were saved"
    if compared is None:
        caveats.append(Doubt(Caveat.NO_CONTROL))
        sentence += "; how many would have recovered anyway is not known."
        tested = []
    else:
        effect = compared.effect.absolute
        bounded = compared.effect.begun
        estimates.append(Estimate(
            "incremental_save_rate", effect.value, effect.low if bounded else None,
            effect.high if bounded else None, len(touched) + len(ghosts), question.level,
        ))  # fmt: skip
        tested = [compared]
        sentence += f". {effects_table(tested).to_pylist()[0]['sentence']}"
        if not bounded:
            caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{len(ghosts):,} ghosts."))
    ordered, turns = _by_turn(question, warehouse, start, end)
    for one in ordered:
        rate_of = one.effect.absolute
        known = one.effect.begun
        estimates.append(Estimate(
            f"saved_more:{one.arm}", rate_of.value, rate_of.low if known else None,
            rate_of.high if known else None, one.effect.n, question.level,
        ))  # fmt: skip
        sentence += f" {effects_table([one]).to_pylist()[0]['sentence']}"
    return Answer(
        question=question, sentence=sentence, estimates=tuple(estimates), caveats=tuple(caveats),
        tables={
            "touches": as_table(_touches(touched, question.level)),
            "effects": effects_table([*tested, *ordered]), "turns": as_table(turns),
        },
    )  # fmt: skip


_WAITED = """
SELECT a.experiment AS kind, a.arm, COUNT(*) AS tasks,
    MEDIAN(o.had - a.time) / 3600000.0 AS hours_until_owned,
    MEDIAN(o.closed - a.time) / 3600000.0 AS hours_until_closed
FROM assignments AS a LEFT JOIN (
    SELECT subject, kind, MIN(CASE WHEN owner IS NOT NULL THEN time END) AS had,
        MIN(CASE WHEN change = 'closed' THEN time END) AS closed
    FROM task_changes GROUP BY subject, kind
) AS o ON o.subject = a.subject AND o.kind = a.experiment
WHERE a.kind = 'order' AND a.time >= $start AND a.time < $end
GROUP BY a.experiment, a.arm ORDER BY a.experiment, a.arm
"""


def _by_turn(
    question: SaveReport, warehouse: Warehouse, start: int, end: int
) -> tuple[list[Compared], list[dict[str, Any]]]:
    """Who was called in the first half of all turns against the others, and how long each half waited."""
    turns = rows_of(warehouse, _WAITED, start=start, end=end)
    asked = Lift(metrics=("saved",), within=question.within, level=question.level)
    found: list[Compared] = []
    for kind in sorted({row["kind"] for row in turns}):
        scope = Scope(kind, exposures.ORDER, kind, "")
        found += Lifted(asked, warehouse, scope, start, end).compared
    return found, turns


def _against_ghosts(
    touched: list[dict[str, Any]], ghosts: list[dict[str, Any]], level: float
) -> Compared | None:
    """Recovered within the time of a save: touched against those whom a ghost's touch would have met."""
    if not touched or not ghosts:
        return None
    rows = [*touched, *ghosts]
    values = np.array([float(row["recovered"]) for row in rows])
    treated = np.arange(len(rows)) < len(touched)
    _, clusters = np.unique([row["subject"] for row in rows], return_inverse=True)
    effect = effect_of(values, treated, clusters=clusters.reshape(-1).astype(np.int64), level=level)
    return Compared("recovery", "a touch", "ghosts", effect)


def _touches(touched: list[dict[str, Any]], level: float) -> list[dict[str, Any]]:
    names = sorted({(row["touch_kind"], row["touch_name"]) for row in touched})
    rows = []
    for kind, name in names:
        mine = [row for row in touched if (row["touch_kind"], row["touch_name"]) == (kind, name)]
        saved = sum(int(row["saved"]) for row in mine)
        rows.append({"kind": kind, "name": name, "episodes": len(mine), "saved": saved,
                     **rate("raw_save_rate", saved, len(mine), level)})  # fmt: skip
    return rows
