"""RFM: how recently, how often and for how much people bought; ten segments, and who moved between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.common import By, now_of, table_of
from sevenfold.measures.events.periods import bounds, within
from sevenfold.measures.events.selecting import parse, sql_of
from sevenfold.measures.events.sequences import Ints, integers
from sevenfold.measures.registry import analysis

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

DAY_MS: Final = 86_400_000
MICRO: Final = 1_000_000
SEGMENTS: Final = (
    "champions", "loyal", "potential_loyalists", "new", "promising", "need_attention", "about_to_sleep",
    "at_risk", "cannot_lose", "hibernating",
)  # fmt: skip
"""The ten segments."""
_OF_SCORES: Final = {
    **{(r, f): "hibernating" for r in (1, 2) for f in (1, 2)},
    **{(r, f): "at_risk" for r in (1, 2) for f in (3, 4)},
    **{(r, 5): "cannot_lose" for r in (1, 2)},
    **{(3, f): "about_to_sleep" for f in (1, 2)},
    (3, 3): "need_attention",
    **{(r, f): "loyal" for r in (3, 4) for f in (4, 5)},
    (4, 1): "promising",
    (5, 1): "new",
    **{(r, f): "potential_loyalists" for r in (4, 5) for f in (2, 3)},
    **{(5, f): "champions" for f in (4, 5)},
}
_TABLE: Final = np.array(
    [[SEGMENTS.index(_OF_SCORES[r, f]) for f in range(1, 6)] for r in range(1, 6)], dtype=np.int64
)
Scores = npt.NDArray[np.int64]


class Rfm(Question, frozen=True, tag="rfm"):
    """`event` "" means orders (each order id once); else events, their worth being `value`."""

    event: str = ""
    since: str = ""
    until: str = ""
    before: str = ""
    members: bool = False
    by: By = "person"

    def check(self) -> None:
        if self.event:
            parse(self.event)
        bounds(self.since, self.until)
        bounds(self.before, self.until)


@analysis("rfm")
def rfm(question: Rfm, warehouse: Warehouse) -> Answer:
    """Quintiles of recency, frequency and monetary value, as of `until` (or where observation ends).

    The score of a value is 1 + floor(5 x (how many have a lower one) / (how many there are)), so that equal
    values always have equal scores; the more recent, the higher. Quintiles can therefore differ in size, and
    with many one-time buyers the first may be most of all. The segment is by the scores of recency and
    frequency: champions (R 5, F 4-5), loyal (R 3-4, F 4-5), potential loyalists (R 4-5, F 2-3), new (R 5, F
    1), promising (R 4, F 1), need attention (R 3, F 3), about to sleep (R 3, F 1-2), at risk (R 1-2, F 3-4),
    cannot lose (R 1-2, F 5), hibernating (R 1-2, F 1-2).

    With `before` the table `moves` says how many were in which segment then and are in which now; whoever was
    none of them then is `(not yet)`. With `members` the table `members` has everybody.
    """
    start, end = bounds(question.since, question.until)
    now = now_of(warehouse, end)
    units, recency, frequency, monetary = _measured(question, warehouse, start, end, now)
    r, f, m = _quintile(-recency), _quintile(frequency), _quintile(monetary)
    segment = _TABLE[r - 1, f - 1] if len(units) else np.zeros(0, dtype=np.int64)
    rows = []
    for code, name in enumerate(SEGMENTS):
        here = segment == code
        n = int(here.sum())
        row = {"segment": name, "people": n, "share": n / len(units) if len(units) else None}
        if n:
            row |= {
                "recency_days": float(recency[here].mean()) / DAY_MS,
                "frequency": float(frequency[here].mean()),
                "monetary": float(monetary[here].mean()) / MICRO,
            }
        rows.append(row)
    types = {"segment": pa.string(), "people": pa.int64()}
    types |= dict.fromkeys(("share", "recency_days", "frequency", "monetary"), pa.float64())
    tables = {"segments": table_of(rows, types)}
    if question.before:
        _, then = bounds("", question.before)
        assert then is not None
        old_units, *old = _measured(question, warehouse, start, then, then)
        was = _TABLE[_quintile(-old[0]) - 1, _quintile(old[1]) - 1] if len(old_units) else old[0]
        tables["moves"] = _moves(units, segment, old_units, was)
    if question.members:
        tables["members"] = pa.table(
            {
                question.by: pa.array(units, pa.uint64()),
                "recency_days": recency / DAY_MS,
                "frequency": frequency,
                "monetary": monetary / MICRO,
                "r": r,
                "f": f,
                "m": m,
                "segment": pa.array([SEGMENTS[one] for one in segment], pa.string()),
            }
        )
    return _answer(question, len(units), rows, tables, frequency)


def _measured(
    question: Rfm, warehouse: Warehouse, start: int | None, end: int | None, now: int
) -> tuple[npt.NDArray[np.uint64], Ints, Ints, Ints]:
    """Everybody, with the ms since the last time, how often, and the sum in 1e-6 units."""
    where = f"{sql_of(question.event)} AND " if question.event else ""
    table = warehouse.query(f"""
        SELECT {question.by} AS unit, MAX(time) AS last, COUNT(*) AS n,
            CAST(SUM(COALESCE(value, 0)) AS BIGINT) AS worth
        FROM {"events" if question.event else "orders"}
        WHERE {where}{question.by} <> 0 AND {within(start, end)} GROUP BY {question.by}
    """)  # noqa: S608
    units = table["unit"].to_numpy().astype(np.uint64)
    return units, now - integers(table["last"]), integers(table["n"]), integers(table["worth"])


def _quintile(values: Ints) -> Scores:
    """1 to 5: by how many are lower, so that equal values have equal scores."""
    ordered = np.sort(values)
    lower = np.searchsorted(ordered, values, side="left")
    return 1 + (5 * lower) // max(len(values), 1)


def _moves(
    units: npt.NDArray[np.uint64], now: Scores, old_units: npt.NDArray[np.uint64], was: Scores
) -> pa.Table:
    before = dict(zip(old_units.tolist(), was.tolist(), strict=True))
    counts: dict[tuple[str, str], int] = {}
    for unit, code in zip(units.tolist(), now.tolist(), strict=True):
        at = before.get(unit)
        pair = ("(not yet)" if at is None else SEGMENTS[at], SEGMENTS[code])
        counts[pair] = counts.get(pair, 0) + 1
    rows = [{"before": a, "now": b, "people": n} for (a, b), n in sorted(counts.items())]
    return table_of(rows, {"before": pa.string(), "now": pa.string(), "people": pa.int64()})


def _answer(
    question: Rfm, n: int, rows: list[dict[str, object]], tables: dict[str, pa.Table], frequency: Ints
) -> Answer:
    caveats = []
    if 0 < n < 5 * 30:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{n} people in five classes."))
    once = float((frequency == 1).mean()) if n else 0.0
    if once > 0.4:
        caveats.append(
            Doubt(Caveat.ASSUMPTION_FAILED, f"{once:.0%} bought once, so frequency tells few apart.")
        )
    largest = max(rows, key=lambda row: int(str(row["people"])))
    sentence = (
        f"{n:,} buyers; the largest segment is {largest['segment']} ({largest['people']:,})."
        if n
        else ("Nobody bought in that time.")
    )
    return Answer(
        question=question,
        sentence=sentence,
        estimates=(Estimate("buyers", float(n), n=n), Estimate("bought_once", once if n else None, n=n)),
        tables=tables,
        caveats=tuple(caveats),
    )
