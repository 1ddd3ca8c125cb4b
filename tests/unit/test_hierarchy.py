"""Accounts above accounts: roll-ups by count and by contract value."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from sevenfold.engine import Fold
from sevenfold.workspace import models as m

START = 1_704_067_200_000
WORKSPACE = msgspec.convert(
    {
        "name": "hierarchy",
        "traits": {"arr": {"type": "number", "of": "account"}},
        "signals": {
            "logins": {"kind": "count", "event": "Signed In", "of": "account"},
            "logins_below": {
                "kind": "rollup",
                "of": "account",
                "over": "accounts",
                "aggregate": "sum",
                "signal": "logins",
            },
            "busy_below": {
                "kind": "rollup",
                "of": "account",
                "over": "accounts",
                "aggregate": "count",
                "when": "logins >= 2",
            },
            "value_busy_below": {
                "kind": "rollup",
                "of": "account",
                "over": "accounts",
                "aggregate": "sum",
                "signal": "logins",
                "weight": "arr",
            },
            "mean_by_value": {
                "kind": "rollup",
                "of": "account",
                "over": "accounts",
                "aggregate": "average",
                "signal": "logins",
                "weight": "arr",
            },
        },
    },
    m.Workspace,
)


def group(t: int, account: str, **traits: Any) -> tuple[int, bytes]:
    return (
        t,
        json.dumps(
            {"type": "group", "groupId": account, "userId": f"u-{account}", "traits": traits}
        ).encode(),
    )


def login(t: int, account: str) -> tuple[int, bytes]:
    event = {"type": "track", "event": "Signed In", "userId": f"u-{account}", "context": {"groupId": account}}
    return (t, json.dumps(event).encode())


def signals(fold: Fold, account: str) -> dict[str, Any]:
    return next(
        s["signals"] for s in fold.subjects("account").values() if s["identifiers"]["account_id"] == [account]
    )


def test_a_parent_account_adds_up_its_children_by_count_and_by_contract_value() -> None:
    fold = Fold(WORKSPACE)
    fold.events(
        [group(START, "north", parent="holding", arr=100), group(START, "south", parent="holding", arr=300)]
    )
    fold.events([login(START + 10, "north"), login(START + 20, "south"), login(START + 30, "south")])
    fold.advance(START + 5_000)
    found = signals(fold, "holding")
    assert (found["logins_below"], found["busy_below"]) == (3, 1)
    assert found["value_busy_below"] == 1 * 100 + 2 * 300
    assert found["mean_by_value"] == (1 * 100 + 2 * 300) / 400


def test_a_child_that_moves_to_another_parent_is_counted_there() -> None:
    fold = Fold(WORKSPACE)
    fold.events([group(START, "north", parent="a"), login(START + 1, "north")])
    fold.advance(START + 3_000)
    assert signals(fold, "a")["logins_below"] == 1
    fold.events([group(START + 4_000, "north", parent="b")])
    fold.advance(START + 9_000)
    assert (signals(fold, "a")["logins_below"], signals(fold, "b")["logins_below"]) == (0, 1)


def test_accounts_cannot_be_above_themselves() -> None:
    fold = Fold(WORKSPACE)
    fold.events(
        [
            group(START, "a", parent="b"),
            group(START, "b", parent="a"),
            login(START + 1, "a"),
            login(START + 1, "b"),
        ]
    )
    fold.advance(START + 60_000)
    assert signals(fold, "b")["logins_below"] == 1
    assert signals(fold, "a")["logins_below"] == 0
