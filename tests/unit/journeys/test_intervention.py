"""The three layers, written out into steps."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sevenfold.journeys.steps.intervention import Intervention
from sevenfold.journeys.steps.message import Message
from sevenfold.journeys.steps.wait import Wait

LAYERS: dict[str, Any] = {
    "kind": "intervention",
    "recovered": "logins > 2",
    "message": {"template": "letter", "to": {"roles": ["admin"]}},
    "in_app": {"template": "tip", "to": {"roles": ["admin"]}, "wait": "6d", "within": "1d"},
    "human": {"task": "call"},
}


def written_out(layers: dict[str, Any]) -> dict[str, Any]:
    return msgspec.convert(layers, Intervention).expand("a", "b")


def test_what_is_shown_to_the_members_of_an_account_lies_ready_without_waiting_for_a_session() -> None:
    made = written_out(LAYERS)
    assert list(made) == [
        "a", "a.message", "a.helped", "a.in_app", "a.helped_in_app", "a.task", "a.helped_by_human",
    ]  # fmt: skip
    letter, page, helped = made["a.message"], made["a.in_app"], made["a.helped_in_app"]
    assert isinstance(letter, Message) and isinstance(page, Message) and isinstance(helped, Wait)
    assert letter.to == page.to and letter.to is not None and letter.to.roles == ["admin"]
    assert page.expires == helped.timeout == f"{7 * 86_400}s"
    assert made["a.helped"].on_timeout == "a.in_app"


def test_a_person_is_waited_for() -> None:
    alone = LAYERS | {"in_app": {"template": "tip", "wait": "6d", "within": "1d"}}
    made = written_out(alone)
    assert made["a.session"].session and made["a.session"].timeout == "6d"
    assert (made["a.in_app"].expires, made["a.helped"].on_timeout) == ("1d", "a.session")


@pytest.mark.parametrize("wait", ["soon", "0d"])
def test_a_time_that_is_none_is_left_for_the_audit_to_explain(wait: str) -> None:
    made = written_out(LAYERS | {"in_app": {"template": "tip", "to": {"roles": ["admin"]}, "wait": wait}})
    assert made["a.in_app"].expires in ("", f"{86_400}s")
