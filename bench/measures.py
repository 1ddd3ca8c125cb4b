"""The warehouse: analyses of ten million events against the best hand-written SQL on the same engine, and the
projection against the fold.
"""

# ruff: noqa: S608, E501 - SQL as a person would write it, from constants of this file

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sevenfold.engine import Fold
from sevenfold.log.base import Entry
from sevenfold.measures import ask, question_from
from sevenfold.warehouse.base import Batch, Progress
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.projector import SCHEMAS, Following, Projector
from sevenfold.workspace.loading import load

from . import measures_beside as beside
from . import measures_journey as journeys
from .figures import Figure, Report, at_least, at_most, plain
from .measuring import ROOT
from .population import ENCODE, simulated

NAMES = ("Home Viewed", "Product Viewed", "Product Added", "Checkout Started", "Order Completed", "Search Done",
         "Article Read", "Signed In", "Feature Used", "Report Run", "Invite Sent", "Help Opened")  # fmt: skip
SHARES = (0.16, 0.16, 0.08, 0.05, 0.03, 0.1, 0.1, 0.12, 0.1, 0.05, 0.03, 0.02)
STEPS = list(NAMES[1:5])
DAYS, DAY_MS, START = 180, 86_400_000, 1_700_006_400_000
PIECE = 1_000_000
ROUNDS = 3
RATIO_MAX, SECONDS_MAX = 1.5, 2.0
SQL_S_MAX = 600


def measure(quick: bool) -> Report:
    events, people = (2_000_000, 40_000) if quick else (10_000_000, 200_000)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as held:
        warehouse = DuckWarehouse(Path(held) / "warehouse.duckdb")
        filled = _fill(warehouse, events, people)
        journeys.fill(warehouse, people, START, DAYS)
        ratios = []
        for name, fields, sql in _questions(warehouse.through().time):
            ours, theirs = _paired(
                lambda name=name, fields=fields: ask(
                    warehouse, question_from(name.partition(" ")[0], fields)
                ),
                lambda sql=sql: [warehouse.query(one, seconds=SQL_S_MAX) for one in sql],
            )
            label = name.replace(" ", "_").replace("-", "_")
            ratios.append(ours / theirs)
            figures += [
                at_most(f"{label}_s", ours, "s", SECONDS_MAX),
                plain(f"{label}_sql_s", theirs, "s"),
                at_most(f"{label}_ratio", ours / theirs, "x", RATIO_MAX),
            ]
        size = (Path(held) / "warehouse.duckdb").stat().st_size
        warehouse.close()
        figures.insert(0, at_most("worst_ratio", max(ratios), "x", RATIO_MAX))
        figures += [
            plain("rows_filled_per_s", events / filled, "events/s"),
            plain("bytes_per_event", size / events, "B"),
        ]
        figures += beside.p99(Path(held) / "warehouse.duckdb", 20 if quick else 80)
        figures += _projection(Path(held), 40 if quick else 120)
    notes = [
        f"{events:,} events of {people:,} people over {DAYS} days, {len(NAMES)} names; the best of {ROUNDS} pairs in"
        " turn, wall time; ratios are to SQL written by hand for the very same answer",
        f"the journey report is of {people:,} runs of three steps, a tenth of them ghosts",
        "p99 of the fold for one event, alone and beside analyses of the same warehouse in a process that gives way",
        "the projection is measured on the seven-stage pack, processor time of the same events"
        + ("; quick: a fifth of the events and people" if quick else ""),
    ]
    return Report("measures", figures, notes)


def _fill(warehouse: DuckWarehouse, events: int, people: int) -> float:
    """Events as the projection would write them: in order of time, some people keener than others."""
    chance = np.random.default_rng(7)
    ids = chance.integers(1, 1 << 63, people, dtype=np.uint64)
    keen = chance.gamma(0.6, size=people)
    keen /= keen.sum()
    began = time.perf_counter()
    for at in range(0, events, PIECE):
        n = min(PIECE, events - at)
        times = START + np.sort(chance.integers(at, at + n, n)) * (DAYS * DAY_MS) // events
        name = chance.choice(len(NAMES), n, p=SHARES)
        worth = np.where(name == 4, (chance.gamma(2.0, 30.0, n) * 1e6).astype(np.int64), 0)
        held = {
            "position": np.arange(at, at + n), "time": times, "taken": times, "person": chance.choice(ids, n, p=keen),
            "account": np.zeros(n, dtype=np.uint64), "type": pa.array(np.full(n, "track")),
            "name": pa.array(np.array(NAMES)[name]), "source": pa.array(np.full(n, "web")),
            "value": pa.array(worth, mask=name != 4), "currency": pa.nulls(n, pa.string()),
            "order_id": pa.array([str(at + k) if one == 4 else None for k, one in enumerate(name.tolist())]),
            "properties": pa.array(np.full(n, "{}")), "context": pa.nulls(n, pa.string()),
        }  # fmt: skip
        table = pa.table(held).cast(SCHEMAS["events"])
        warehouse.append(Batch({"events": table}, Progress(at + n, 0, int(times[-1]))))
    return time.perf_counter() - began


def _paired(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of each, the best, measured in turn so that noise meets both; one round first for nothing."""
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for held, work in zip(found, (ours, theirs), strict=True):
            gc.collect()
            began = time.perf_counter()
            work()
            if turn:
                held.append(time.perf_counter() - began)
    return min(found[0]), min(found[1])


def _questions(now: int) -> list[tuple[str, dict[str, Any], list[str]]]:
    week = 7 * DAY_MS
    quoted = ", ".join(f"'{one}'" for one in STEPS)
    first, second, third, fourth = STEPS
    ordered = f"""
        WITH e AS (SELECT person, time, name FROM events WHERE name IN ({quoted})),
        a AS (SELECT person, MIN(time) AS t1 FROM e WHERE name = '{first}' GROUP BY person),
        b AS (SELECT a.person, t1, MIN(time) AS t2 FROM a JOIN e ON e.person = a.person AND e.name =
        '{second}' AND e.time > t1 AND e.time <= t1 + {30 * DAY_MS} GROUP BY a.person, t1), c AS (SELECT
        b.person, t1, MIN(time) AS t3 FROM b JOIN e ON e.person = b.person AND e.name = '{third}' AND e.time >
        t2 AND e.time <= t1 + {30 * DAY_MS} GROUP BY b.person, t1), d AS (SELECT c.person, t1, MIN(time) AS t4
        FROM c JOIN e ON e.person = c.person AND e.name = '{fourth}' AND e.time > t3 AND e.time <= t1 + {
        30 * DAY_MS
    } GROUP BY c.person, t1) SELECT (SELECT COUNT(*) FROM a), (SELECT COUNT(*) FROM b), (SELECT
        COUNT(*) FROM c), (SELECT COUNT(*) FROM d), (SELECT MEDIAN(t4 - t1) FROM d)
    """
    best = f"""
        WITH e AS (SELECT person, time, name FROM events WHERE name IN ({quoted})),
        f1 AS (SELECT *, MAX(CASE WHEN name = '{first}' THEN time END) OVER w AS s1 FROM e
               WINDOW w AS (PARTITION BY person ORDER BY time ROWS UNBOUNDED PRECEDING)),
        f2 AS (SELECT *, MAX(CASE WHEN name = '{second}' AND s1 >= time - {30 * DAY_MS} THEN s1 END) OVER w AS
        s2 FROM f1 WINDOW w AS (PARTITION BY person ORDER BY time ROWS UNBOUNDED PRECEDING)), f3 AS (SELECT *,
        MAX(CASE WHEN name = '{third}' AND s2 >= time - {30 * DAY_MS} THEN s2 END) OVER w AS s3 FROM f2 WINDOW
        w AS (PARTITION BY person ORDER BY time ROWS UNBOUNDED PRECEDING)), g AS (SELECT person, MAX(s1) IS
        NOT NULL AS r1, MAX(s2) IS NOT NULL AS r2, MAX(s3) IS NOT NULL AS r3, MAX(CASE WHEN name = '{fourth}'
        AND s3 >= time - {30 * DAY_MS} THEN s3 END) IS NOT NULL AS r4 FROM f3 GROUP BY person) SELECT
        SUM(r1::INT), SUM(r2::INT), SUM(r3::INT), SUM(r4::INT) FROM g
    """
    retention = f"""
        WITH s AS (SELECT person, MIN(time) AS began FROM events GROUP BY person),
        r AS (SELECT DISTINCT s.person, began, (time - began) // {week} AS k
              FROM events JOIN s ON s.person = events.person WHERE (time - began) // {week} < 12)
        SELECT (began - {4 * DAY_MS}) // {week} AS cohort, k, COUNT(*) FROM r
        WHERE began + (k + 1) * {week} <= {now} GROUP BY cohort, k
    """
    flow = f"""
        WITH o AS (SELECT person, time, name, LAG(time) OVER w AS before, LAG(name) OVER w AS last FROM events
                   WINDOW w AS (PARTITION BY person ORDER BY time)),
        n AS (SELECT person, time, name, CASE WHEN before IS NULL OR time - before > {DAY_MS} THEN 1 ELSE 0
        END AS new FROM o WHERE before IS NULL OR time - before > {DAY_MS} OR name <> last), k AS (SELECT *,
        SUM(new) OVER (PARTITION BY person ORDER BY time) AS session FROM n), p AS (SELECT name, LEAD(name)
        OVER w AS next, ROW_NUMBER() OVER w AS step FROM k WINDOW w AS (PARTITION BY person, session ORDER BY
        time)) SELECT step, name, next, COUNT(*) FROM p WHERE step <= 3 GROUP BY step, name, next
    """
    rfm = f"""
        WITH m AS (SELECT person, {now} - MAX(time) AS r, COUNT(DISTINCT order_id) AS f, SUM(value) AS m FROM
        events WHERE name = 'Order Completed' GROUP BY person), q AS (SELECT RANK() OVER (ORDER BY r DESC) AS
        a, RANK() OVER (ORDER BY f) AS b, RANK() OVER (ORDER BY m) AS c, COUNT(*) OVER () AS n, r, f, m FROM
        m) SELECT 1 + 5 * (a - 1) // n AS rs, 1 + 5 * (b - 1) // n AS fs, COUNT(*), AVG(r), AVG(f), AVG(m)
        FROM q GROUP BY rs, fs
    """
    return [
        ("funnel first", {"steps": STEPS, "entry": "first"}, [ordered]),
        ("funnel best", {"steps": STEPS, "entry": "best"}, [best]),
        ("retention", {"unit": "week", "periods": 12}, [retention]),
        ("paths", {"depth": 3, "gap": "1d"}, [flow]),
        ("rfm", {}, [rfm]),
        ("journey-report", {"journey": journeys.JOURNEY}, journeys.by_hand()),
    ]


def _projection(folder: Path, accounts: int) -> list[Figure]:
    """Events a second that are projected, beside those that are folded, in processor time."""
    workspace = load(ROOT / "packs" / "seven-stage")
    raws = sorted((t, ENCODE(event)) for t, event in simulated(accounts, 90))
    warehouse = DuckWarehouse(folder / "projected.duckdb")
    fold = Fold(workspace)
    following = Following(Projector(warehouse, workspace), fold)
    folding = projecting = 0.0
    for at in range(0, len(raws), 256):
        some = raws[at : at + 256]
        began = time.process_time()
        first = fold.emitted
        effects = fold.events(some)
        folding += time.process_time() - began
        entries = [Entry("bench", t, raw, t) for t, raw in some]
        began = time.process_time()
        following.took_events(entries)
        following.took_effects(first, effects)
        projecting += time.process_time() - began
    began = time.process_time()
    following.projector.flush()
    projecting += time.process_time() - began
    warehouse.close()
    n = len(raws)
    return [
        plain("fold_per_cpu_s", n / folding, "events/s"),
        at_least("projection_per_cpu_s", n / projecting, "events/s", n / folding),
    ]
