"""What is asked here is answered alike by both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sevenfold.measures import ask, question_from
from sevenfold.warehouse.base import Warehouse
from tests.edges.measures.filled import DAY, START, event, fill, filled
from tests.edges.measures.test_reports import journey_rows, renewals

clickhouse = pytest.importorskip("sevenfold.warehouse.clickhouse", reason="needs the extra clickhouse")
NOW = START + 400 * DAY
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("lift", {"journey": "welcome", "metrics": ["goal", "revenue", "orders", "Order Completed", "late:*"]}),
    ("lift", {"journey": "welcome", "message": "hello", "metrics": ["stage:customer/churned", "saved"]}),
    ("lift", {"split": "welcome/mail", "control": "a", "metrics": ["count:Signed Up"]}),
    ("lift", {"every": "task", "metrics": ["saved"]}),
    ("lift", {"every": "message", "metrics": ["orders"]}),
    ("lift", {"every": "split", "metrics": ["orders"]}),
    ("attribution", {"conversion": "revenue", "by": "step"}),
    ("journey-report", {"journey": "welcome"}),
    ("message-report", {"by": "template"}),
    ("league-table", {"costs": ["email=0.01"]}),
    ("calibration", {"of": "account", "score": "account_health", "outcome": "Subscription Cancelled"}),
    ("calibration", {"outcome": "segment:lost"}),
    ("save-report", {}),
    ("advocacy", {}),
    ("renewal-forecast", {}),
    ("post-purchase", {}),
    ("nps", {}),
    ("clv", {}),
    ("activation", {"events": ["Subscription Started"], "unit": "account", "start": "Subscription Started"}),
    ("activation-finder", {"unit": "account", "start": "Subscription Started", "minimum": 5}),
]  # fmt: skip


def rows() -> dict[str, list[dict[str, Any]]]:
    found = journey_rows()
    for name, more in renewals().items():
        found.setdefault(name, []).extend(more)
    for i in range(60):
        who = {"subject": i + 1, "time": START + i, "journey": "welcome", "run": 1_000 + i}
        found["assignments"].append(
            {**who, "kind": "split", "experiment": "welcome/mail", "arm": "ab"[i % 2], "probability": 0.5}
        )
        found["events"].append(event(i + 1, START + 2 * DAY + i, "Signed Up"))
        found["events"].append(event(i + 1, START + 3 * DAY + i, "NPS Answered", f'{{"score": {i % 11}}}'))
        found.setdefault("saves", []).append({
            **who, "save": "risk", "episode": i, "change": "saved" if i % 3 else "save_lost",
            "touch_kind": "message", "touch_name": "hello", "would_touch": i % 4 == 0,
        })  # fmt: skip
        found.setdefault("task_changes", []).append(
            {**who, "kind": "call", "task": i + 1, "change": "opened" if i % 2 else "would_open"}
        )
        found.setdefault("segment_changes", []).append({**who, "segment": "lost", "entered": i % 2 == 0})
        found["scores"].append({"subject": i + 1, "time": START, "score": "health", "value": float(i)})
    return found


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Warehouse]]:
    given: dict[str, Any] = rows()
    duck = filled(given, now=NOW, forwards={3: 4})
    house = clickhouse.ClickHouseWarehouse(f"chdb://{Path(tmp_path_factory.mktemp('house'))}")
    fill(house, given, now=NOW, forwards={3: 4})
    yield duck, house
    duck.close()
    house.close()


@pytest.mark.parametrize(
    ("name", "fields"), QUESTIONS, ids=[f"{n}-{i}" for i, (n, _) in enumerate(QUESTIONS)]
)
def test_both_engines_answer_alike(
    engines: tuple[Warehouse, Warehouse], name: str, fields: dict[str, Any]
) -> None:
    one, other = (ask(engine, question_from(name, fields)).to_json() for engine in engines)
    same(one, other)


def same(one: Any, other: Any) -> None:
    """Equal, numbers up to rounding of sums."""
    if isinstance(one, dict):
        assert set(one) == set(other)
        for name in one:
            same(one[name], other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, float):
        assert other == pytest.approx(one, rel=1e-6, abs=1e-9)
    else:
        assert one == other
