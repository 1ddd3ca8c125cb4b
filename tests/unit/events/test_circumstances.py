"""Signals and conditions that ask for the circumstances of an event: its device, browser, place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sevenfold.engine import Fold
from sevenfold.events.model import event_decoder
from sevenfold.workspace.models import Workspace
from tests.oracle.fold import ReferenceFold

START = 1_760_000_000_000
PHONE = {"device": {"category": "mobile", "model": "Pixel 8"}, "os": {"name": "Android"}, "bot": False}
LAPTOP = {"device": {"category": "desktop"}, "os": {"name": "Mac OS X"}, "location": {"country": "PT"}}
WORKSPACE: dict[str, Any] = {
    "name": "shop",
    "signals": {
        "on_phone": {"kind": "count", "event": "*", "where": "context.device.category == 'mobile'"},
        "bots": {"kind": "count", "event": "*", "where": "context.bot"},
        "system": {"kind": "last", "event": "*", "property": "context.os.name"},
        "country": {"kind": "last", "event": "*", "property": "context.location.country"},
        "inside": {"kind": "count", "event": "*", "where": "property.context.device == 'mobile'"},
    },
    "segments": {"mobile_first": {"when": "on_phone >= 2"}, "portuguese": {"when": "country == 'PT'"}},
}


def raw(number: int, context: Any, **fields: Any) -> bytes:
    told = {"type": "track", "event": "A", "userId": "ada", "messageId": f"m{number}", "context": context}
    return msgspec.json.encode({**told, **fields})


def signals(*events: bytes) -> dict[str, Any]:
    """One person's signals and segments by the engine; those of the reference are the same."""
    workspace = msgspec.convert(WORKSPACE, Workspace)
    fold, reference = Fold(workspace), ReferenceFold(workspace)
    for number, event in enumerate(events):
        fold.events([(START + number, event)])
        told = msgspec.json.decode(event)
        context = told.pop("context")
        context = context if isinstance(context, dict) else {}
        # The reference is given what the steps have looked at.
        context = {name: value for name, value in context.items() if value.__class__ is not str}
        reference.event(START + number, {**told, "context": context, "time": START + number})
    (person,) = fold.subjects("person").values()
    (known,) = reference.subjects("person").values()
    assert known["signals"] == person["signals"]
    return {**person["signals"], "segments": person["segments"]}


def test_signals_and_segments_ask_for_the_device_the_system_and_the_place() -> None:
    found = signals(raw(0, PHONE), raw(1, LAPTOP), raw(2, PHONE, properties={"a": 1}), raw(3, None))
    assert (found["on_phone"], found["system"], found["country"]) == (2, "Android", "PT")
    assert set(found["segments"]) == {"mobile_first", "portuguese"}


@pytest.mark.parametrize("context", [None, [], "phone", {"device": "phone"}, {"device": {"category": 1e300}}])
def test_a_context_of_another_shape_says_nothing_and_costs_no_event(context: Any) -> None:
    found = signals(raw(0, PHONE), raw(1, context))
    assert (found["on_phone"], found["bots"]) == (1, 0)


def test_a_property_that_is_called_context_stays_a_property() -> None:
    found = signals(
        raw(0, LAPTOP, properties={"context": {"device": "mobile"}, "(context).os": {"name": "BeOS"}})
    )
    assert (found["inside"], found["on_phone"], found["system"]) == (1, 0, "Mac OS X")


def test_events_without_properties_do_not_share_what_one_of_them_said() -> None:
    decoder = event_decoder(["(context).os"])
    field = decoder.property_fields["(context).os"]
    first, second = decoder.decode_usual(raw(0, PHONE)), decoder.decode(raw(1, {}))
    assert getattr(first.properties, field) == {"name": "Android"}
    assert getattr(second.properties, field) is msgspec.UNSET
