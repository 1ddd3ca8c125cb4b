"""Episodes of risk: how many were saved, by whom, and how many more than without anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.periods import bounds
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.comparing import Compared, effects_table
from sevenfold.measures.shared.rates import period, rate, rows_of
from sevenfold.measures.statistics.effect import effect_of
from sevenfold.measures.statistics.intervals import share

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse


class SaveReport(Question, frozen=True, tag="save-report"):
    """Episodes of the save `save` (all, when empty) that began in the period and are over."""

    save: str = ""
    since: str = ""
    until: str = ""
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        bounds(self.since, self.until)


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
    those who were touched with ghosts, whom the same message or task would have reached and did not. Tables:
    `touches`, `effects`.
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
        effects = effects_table([])
    else:
        effect = compared.effect.absolute
        bounded = compared.effect.begun
        estimates.append(Estimate(
            "incremental_save_rate", effect.value, effect.low if bounded else None,
            effect.high if bounded else None, len(touched) + len(ghosts), question.level,
        ))  # fmt: skip
        effects = effects_table([compared])
        sentence += f". {effects.to_pylist()[0]['sentence']}"
        if not bounded:
            caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{len(ghosts):,} ghosts."))
    return Answer(
        question=question, sentence=sentence, estimates=tuple(estimates), caveats=tuple(caveats),
        tables={"touches": as_table(_touches(touched, question.level)), "effects": effects},
    )  # fmt: skip


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
