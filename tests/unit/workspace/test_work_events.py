"""Signals may count what people did: check knows the names."""

from __future__ import annotations

import msgspec

from sevenfold.workspace import models as m
from sevenfold.workspace.work_events import fault_of, is_work_event

WORKSPACE = msgspec.convert(
    {
        "name": "w",
        "tasks": {"call": {"title": "Call", "of": "account"}},
        "saves": {"churn": {"at_risk": "a > 1", "recovered": "a < 1"}},
    },
    m.Workspace,
)


def test_what_was_done_about_ones_own_subject_can_be_counted() -> None:
    assert fault_of("$task saved call", WORKSPACE, "account") is None
    assert fault_of("$saved churn", WORKSPACE, "person") is None
    assert is_work_event("$save_lost churn") and not is_work_event("$message sent hello")


def test_a_name_that_is_not_there_is_told_with_the_likely_one() -> None:
    found = [
        fault_of(event, WORKSPACE, "account")
        for event in (
            "$task saved cal",
            "$task rescued call",
            "$saved chrun",
            "$task saved",
            "$save_lost churn",
        )
    ]
    assert [None if one is None else one.code for one in found] == [
        "unknown_name",
        "unknown_name",
        "unknown_name",
        "unknown_name",
        "wrong_subject",
    ]
    assert found[0] is not None and "`call`" in found[0].fix
