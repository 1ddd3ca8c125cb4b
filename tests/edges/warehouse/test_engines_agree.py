"""Both engines give the same answer to every question: one definition serves both."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from sevenfold.measures import ask, question_from
from sevenfold.warehouse.base import Batch, Progress, Warehouse
from sevenfold.warehouse.duck import DuckWarehouse
from tests.edges.warehouse.conformance import DAY, batch, event, row

START = 1_704_067_200_000
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("funnel", {"steps": ["A", "B", "C"], "within": "5d"}),
    ("funnel", {"steps": ["A", "B"], "order": "any", "count": "totals", "breakdown": "plan"}),
    ("funnel", {"steps": ["A", "B[plan = pro]"], "order": "exact", "hold": ["plan"]}),
    ("funnel", {"steps": ["A[n > 3]", "B"], "without": ["D"], "entry": "first", "since": "2024-01-03"}),
    ("retention", {"start": "A", "unit": "day", "periods": 9}),
    ("retention", {"kind": "on_or_after", "mode": "calendar", "unit": "week"}),
    ("retention", {"kind": "bracket", "brackets": [0, 1, 3, 7], "unit": "day", "mode": "calendar"}),
    ("retention", {"unit": "month", "mode": "calendar", "periods": 2}),
    ("lifecycle", {"unit": "day"}),
    ("lifecycle", {"unit": "month", "active": "A | B"}),
    ("stickiness", {"unit": "week"}),
    ("stickiness", {"unit": "month"}),
    ("trends", {"unit": "week", "breakdown": "plan", "groups": 1}),
    ("trends", {"measure": "value_per_unit", "event": "A[value > 20]", "unit": "month"}),
    ("trends", {"measure": "uniques", "event": "*[context.page.path]"}),
    ("cohorts", {"unit": "week", "event": "B"}),
    ("paths", {"depth": 3, "top": 3}),
    ("paths", {"anchor": "B", "direction": "before", "repeats": True, "gap": "2d"}),
    ("rfm", {"event": "A | C", "before": "2024-01-20", "members": True}),
    ("rfm", {}),
    ("stage-funnel", {"lifecycle": "customer"}),
]


def _rows() -> Batch:
    chance = random.Random(3)
    events, times = [], sorted(chance.randrange(40 * DAY) for _ in range(2_500))
    for n, time in enumerate(times):
        name = chance.choice(["A", "A", "B", "C", "D", "Order Completed"])
        plan = chance.choice(["free", "pro", "pro", ""])
        told = f'{{"plan":"{plan}","n":{n % 7}}}' if plan else "{}"
        where = '{"page":{"path":"/pricing"}}' if n % 5 == 0 else None
        # Some arrive late.
        late = time - chance.choice([0, 0, 0, DAY])
        events.append(
            event(
                n,
                1 + int(chance.paretovariate(0.7)) % 60,
                name,
                START + late,
                taken=START + time,
                value=n * 25_000,
                order_id=str(n // 2) if name == "Order Completed" else None,
                properties=told,
                context=where,
            )
        )
    moves = [
        row(
            "transitions",
            number=n,
            time=START + n * DAY // 10,
            of="person",
            subject=1 + n % 30,
            lifecycle="customer",
            from_stage="",
            to_stage=chance.choice(["capture", "activation", "retention"]),
        )
        for n in range(200)
    ]
    merges = [row("identity", number=200, time=START + 9 * DAY, change="merged", subject=1, other=2)]
    tables = {"events": events, "transitions": moves, "identity": merges}
    return batch(Progress(2_500, 201, START + 40 * DAY), {2: 1}, **tables)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Warehouse]]:
    pytest.importorskip("chdb", reason="the extra `clickhouse` is not installed")
    from sevenfold.warehouse.clickhouse import ClickHouseWarehouse

    duck, click = DuckWarehouse(), ClickHouseWarehouse(f"chdb://{tmp_path_factory.mktemp('chdb')}")
    for one in (duck, click):
        one.append(_rows())
    yield duck, click
    duck.close()
    click.close()


@pytest.mark.parametrize(("name", "fields"), QUESTIONS, ids=lambda one: str(one)[:60])
def test_both_engines_answer_alike(
    engines: tuple[Warehouse, Warehouse], name: str, fields: dict[str, Any]
) -> None:
    answers = []
    for engine in engines:
        held = ask(engine, question_from(name, fields)).to_json()
        for table, rows in held["tables"].items():
            held["tables"][table] = sorted(rows, key=repr)
        answers.append(held)
    assert answers[0] == answers[1]
    assert any(answers[0]["tables"].values())


def test_both_engines_know_who_people_were(engines: tuple[Warehouse, Warehouse]) -> None:
    for time in (START, START + 10 * DAY):
        counts = [
            ask(
                engine.as_of(time), question_from("trends", {"measure": "uniques", "unit": "month"})
            ).to_json()
            for engine in engines
        ]
        assert counts[0] == counts[1]
