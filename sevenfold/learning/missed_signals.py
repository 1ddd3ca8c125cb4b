"""Signals outside the score that would have told: of those who left although they were green, and those who
renewed although they were red.

Each signal is asked how often it ranks one who surprised above one who did not, among subjects that stood
alike (the area under the curve; its error as in `weight_fit.areas`, allowing for several looks at one). Many
signals are asked at once, so each is called found by the false-discovery rate over all of them (Benjamini and
Hochberg 1995), never by its own luck.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from ..measures.answer import Answer, Caveat, Doubt, Question, QuestionError
from ..measures.shared.columns import as_table, codes, known, numbers, table_of
from ..measures.statistics.multiple import adjusted_p
from .encoding import Floats, encoded
from .weight_fit import Bools, Ints, areas

FOUND: Final = 0.05
SURPRISED_MIN: Final = 10
"""Surprises below which nothing is said: our judgement."""
_ROWS: Final = {
    "surprise": "text", "signal": "text", "direction": "text", "auc": "number", "low": "number",
    "high": "number", "surprised": "number", "others": "number", "known": "integer", "p": "number",
    "false_discovery_rate": "number", "found": "boolean",
}  # fmt: skip


class MissedSignals(Question, frozen=True, tag="missed_signals"):
    """A row a subject before what came: its ``score``, whether it ``left``, and ``signals`` that the score
    does not look at. Green from ``green`` points on, red below ``red``. ``unit`` names subjects with several
    rows, which go together.
    """

    score: str
    left: str
    signals: tuple[str, ...]
    unit: str = ""
    green: float = 80.0
    red: float = 40.0
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        if not self.signals:
            raise QuestionError("There is no signal to ask", where="signals", fix="name some columns")
        if self.red > self.green:
            raise QuestionError("Red begins above green", where="red")


def missed_signals(
    frame: Any, *, score: str, left: str, signals: tuple[str, ...], unit: str = "", green: float = 80.0,
    red: float = 40.0, level: float = 0.95,
) -> Answer:  # fmt: skip
    """Which signals tell those who left although green, and those who stayed although red. Table: `signals`,
    the surest first. Raises QuestionError.
    """
    question = MissedSignals(
        score=score, left=left, signals=tuple(signals), unit=unit, green=green, red=red, level=level
    )
    question.check()
    table = table_of(frame)
    points, gone = numbers(table, score), numbers(table, left)
    matrix, labels = encoded(table, signals)
    use = known(points, gone)
    units = codes(table, unit)[0] if unit else np.arange(table.num_rows)
    return told(question, points[use], gone[use] > 0, matrix[use], labels, units[use])


def told(
    question: MissedSignals, points: Floats, gone: Bools, matrix: Floats, labels: list[str], unit: Ints
) -> Answer:
    """The answer for arrays: ``points``, ``gone``, numbers of subjects ``unit`` (n,), and ``matrix`` (n, d)
    of signals, NaN where unknown.
    """
    green, red = points >= question.green, points < question.red
    kinds = (("left although green", green, gone), ("stayed although red", red, ~gone))
    rows: list[dict[str, Any]] = []
    counts, caveats = [], [Doubt(Caveat.NOT_CAUSAL)]
    for name, stood, surprised in kinds:
        n, hits = int(stood.sum()), int((stood & surprised).sum())
        counts.append(f"{hits:,} of {n:,} {name}")
        if _fewer(surprised[stood], unit[stood]) < SURPRISED_MIN:
            caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{hits:,} of {n:,} {name}."))
            continue
        rows += [
            row
            for at, label in enumerate(labels)
            if (row := _asked(name, label, matrix[stood, at], surprised[stood], unit[stood], question.level))
        ]
    for row, false in zip(rows, adjusted_p([row["p"] for row in rows]), strict=True):
        row |= {"false_discovery_rate": false, "found": false <= FOUND}
    rows.sort(key=lambda row: (row["false_discovery_rate"], row["p"]))
    if rows:
        caveats.append(Doubt(Caveat.MULTIPLE_TESTS, f"{len(rows)} signals were asked."))
    found = [row for row in rows if row["found"]]
    heard = "; ".join(
        f"{row['signal']} was {row['direction']} of those who {row['surprise']} ({row['surprised']:.3g} "
        f"against {row['others']:.3g})"
        for row in found[:3]
    )
    verdict = f"Outside the score it would have told: {heard}" if found else "No signal asked would have told"
    return Answer(
        question=question, sentence=f"{'; '.join(counts)}. {verdict}.", caveats=tuple(caveats),
        tables={"signals": as_table(rows, _ROWS)},
    )  # fmt: skip


def _asked(
    name: str, label: str, values: Floats, surprised: Bools, unit: Ints, level: float
) -> dict[str, Any] | None:  # fmt: skip
    there = np.isfinite(values)
    values, surprised, unit = values[there], surprised[there], unit[there]
    if _fewer(surprised, unit) < SURPRISED_MIN or values.min() == values.max():
        return None
    area = areas(np.zeros(len(values)), values, surprised, unit)
    assert area is not None, "there are both kinds"
    m, n = (len(np.unique(unit[kind])) for kind in (surprised, ~surprised))
    # Never less than the spread of a signal that says nothing (Mann and Whitney 1947): few cases look alike.
    area = replace(area, error=max(area.error, float(np.sqrt((m + n + 1) / (12 * m * n)))))
    apart = area.gain(level)
    return {
        "surprise": name, "signal": label, "direction": "higher" if apart.value > 0 else "lower",
        "auc": area.after, "low": max(0.5 + apart.low, 0.0), "high": min(0.5 + apart.high, 1.0),
        "surprised": float(np.mean(values[surprised])), "others": float(np.mean(values[~surprised])),
        "known": len(values), "p": area.p,
    }  # fmt: skip


def _fewer(surprised: Bools, unit: Ints) -> int:
    """Subjects of the kind there are fewer of."""
    return min(len(np.unique(unit[surprised])), len(np.unique(unit[~surprised])))
