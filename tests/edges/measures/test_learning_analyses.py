"""Analyses that learn, over a warehouse filled by hand."""

from __future__ import annotations

from typing import Any

from sevenfold.measures import ask, question_from
from sevenfold.measures.answer import Caveat
from tests.edges.measures.filled import DAY, START, filled


def saves(ghosts: bool = True) -> dict[str, list[dict[str, Any]]]:
    """Calls save 6 of 10, ghosts and those left alone 2 of 10; account 9,999 is at risk now."""
    rows: dict[str, list[dict[str, Any]]] = {"saves": [], "scores": [], "subjects": []}

    def began(subject: int, time: int) -> None:
        who = {"of": "account", "subject": subject}
        save = {"save": "account_back_on_track", "change": "at_risk", "episode": subject}
        score = {"score": "account_health", "value": 40.0 + subject % 10, "band": "at_risk"}
        rows["saves"].append({**who, **save, "time": time})
        rows["scores"].append({**who, **score, "time": time - DAY})
        rows["subjects"].append({**who, "time": START, "key": f"acme-{subject}"})

    for i in range(300):
        began(i + 1, START + i)
        called = i % 2 == 0
        recovered = (i // 2) % 10 < (6 if called else 2)
        change = ("saved" if called else "recovered_untouched") if recovered else "save_lost"
        rows["saves"].append({
            "of": "account", "subject": i + 1, "save": "account_back_on_track", "episode": i + 1,
            "time": START + 9 * DAY + i, "change": change, "would_touch": ghosts and not called,
            "touch_kind": "task" if called else None, "touch_name": "churn_call" if called else None,
        })  # fmt: skip
    began(9_999, START + 20 * DAY)
    return rows


def test_what_saves_whom_is_told_against_ghosts_with_advice_for_who_is_at_risk() -> None:
    found = ask(filled(saves(), now=START + 30 * DAY), question_from("what-saves", {}))
    (effect,) = found.frame("effects").to_pylist()
    assert effect["intervention"] == "churn_call" and 0.25 < effect["low"] < 0.4 < effect["high"]
    (advice,) = found.frame("advice").to_pylist()
    assert (advice["account"], advice["recommended"]) == ("acme-9999", "churn_call")
    assert "acme-" in advice["similar_saved"]
    assert {doubt.caveat for doubt in found.caveats} == {Caveat.INCOMPLETE_LEFT_OUT}


def test_without_ghosts_it_says_that_somebody_chose() -> None:
    asked = question_from("what-saves", {"by": "score:account_health", "subject": "acme-9999"})
    found = ask(filled(saves(ghosts=False), now=START + 30 * DAY), asked)
    assert Caveat.NOT_CAUSAL in {doubt.caveat for doubt in found.caveats}
    assert found.frame("advice").to_pylist()[0]["profile"] == "account_health at_risk"
    nobody = question_from("what-saves", {"subject": "acme-1"})
    assert (
        found.frame("effects").num_rows
        and not ask(filled(saves(), now=START + 30 * DAY), nobody).frame("advice").num_rows
    )
