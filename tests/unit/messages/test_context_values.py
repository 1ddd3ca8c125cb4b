"""The context of a message that was decided earlier is the one it would have had then."""

from __future__ import annotations

from typing import Any

import msgspec

from sevenfold.messages.context import context_of, context_of_values
from sevenfold.messages.lookups import Flat
from sevenfold.workspace.models import Workspace

SHOP = msgspec.convert({"name": "shop", "title": "Shop"}, Workspace)
PERSON: dict[str, Any] = {
    "traits": {"first_name": "Ada", "address": {"city": "London", "zip": "1"}, "tags": ["a", "b"]},
    "signals": {"logins": 3.0, "sessions": 2, "sessions.average": 1.5},
    "stages": {"life": "new"},
    "segments": ["vip"],
    "scores": {"health": {"value": 40.0, "band": "red", "velocity": "down"}},
}
ACCOUNT: dict[str, Any] = {"traits": {"name": "Acme"}, "signals": {"seats": 9}, "stages": {"deal": "won"}}
VALUES = {
    "person.first_name": "Ada",
    "person.address": {"city": "London", "zip": "1"},
    "person.address.city": "London",
    "person.tags": ["a", "b"],
    "signal.logins": 3.0,
    "signal.sessions": 2,
    "signal.sessions.average": 1.5,
    "stage.life": "new",
    "segment.vip": True,
    "score.health": 40.0,
    "band.health": "red",
    "velocity.health": "down",
    "account.name": "Acme",
    "account.signal.seats": 9,
    "account.stage.deal": "won",
}


def test_values_make_the_context_that_profiles_made() -> None:
    then = context_of(SHOP, PERSON, person_id="p", now="2026-01-01", account=ACCOUNT, account_id="a")
    now = context_of_values(SHOP, VALUES, person_id="p", now="2026-01-01")
    for root in ("person", "signal", "stage", "segment", "score", "band", "velocity", "workspace", "now"):
        assert now[root] == then[root], root
    assert isinstance(now["signal"], Flat) and isinstance(now["account"]["signal"], Flat)
    assert now["account"] == {"name": "Acme", "signal": {"seats": 9}, "stage": {"deal": "won"}}


def test_what_is_not_known_is_not_there_and_other_names_are_left_out() -> None:
    values = {"person.last_name": None, "event.total": 3, "nonsense": 1, "person": {"plan": "pro"}}
    found = context_of_values(SHOP, values, person_id="p", now="", event={"total": 4})
    assert found["person"] == {"plan": "pro", "id": "p"}
    assert found["event"] == {"total": 4}
    assert "nonsense" not in found


def test_values_are_not_changed() -> None:
    address = {"city": "London"}
    context_of_values(SHOP, {"person.address": address, "person.address.zip": "2"}, person_id="p", now="")
    assert address == {"city": "London"}
