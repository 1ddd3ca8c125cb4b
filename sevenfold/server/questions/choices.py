"""Choices that are learned: what each knows, by which shares it draws, what it suggests; and what would be
done for somebody now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...journeys.choice_policies import Policy
from ...journeys.choices import Choices
from ...journeys.standing import standing
from ...workspace.base import PERSON
from . import QuestionError, question
from .profiles import row_with_id

if TYPE_CHECKING:
    from ...engine import Fold


def _choices(fold: Fold) -> Choices | None:
    found = fold.journeys.services.get("choices") if fold.journeys is not None else None
    return found if isinstance(found, Choices) else None


@question("autonomy")
def autonomy(fold: Fold, journey: str | None = None) -> list[dict[str, Any]]:
    """The journeys with learned choices, in order of names, each with how far they may move and with what is
    known; of one journey only that. Raises QuestionError.
    """
    choices = _choices(fold)
    by_journey: dict[str, list[Policy]] = {}
    for _, policy in sorted(choices.policies.items()) if choices is not None else ():
        if policy.names:
            by_journey.setdefault(policy.journey, []).append(policy)
    if journey is not None and journey not in by_journey:
        message = f"no journey `{journey}` has a learned choice"
        raise QuestionError(message, where="journey", fix=", ".join(by_journey) or "there is none")
    wanted = by_journey if journey is None else {journey: by_journey[journey]}
    return [
        {
            "journey": name,
            "level": policies[0].level,
            "written": policies[0].autonomy.level,
            "moved_per_day": policies[0].most / 10_000,
            "choices": [_shown(one) for one in policies],
        }
        for name, policies in wanted.items()
    ]


def _shown(policy: Policy) -> dict[str, Any]:
    state, shares = policy.state, dict[str, int]()
    if policy.split:
        shares = dict(zip(policy.names, policy.shares(tuple(policy.names))[0], strict=True))
    options = [
        {
            "name": name,
            "share": shares.get(name, 0) / 1_000_000 if policy.split else None,
            "tried": state.seen[name].tried if name in state.seen else 0,
            "rewarded": state.seen[name].rewarded if name in state.seen else 0,
            "halted": state.halted.get(name),
        }
        for name in policy.names
    ]
    waiting = state.suggestion
    suggestion: dict[str, Any] | None = None
    if waiting is not None:
        to = {name: share / 1_000_000 for name, share in waiting.to.items()}
        suggestion = {"id": waiting.id, "at": waiting.t, "because": waiting.because, "to": to}
        suggestion["policy"] = waiting.version or None
    return {
        "step": policy.step,
        "kind": "split" if policy.split else "choose",
        "version": state.version,
        "options": options,
        "held_out": {"tried": state.ghosts.tried, "rewarded": state.ghosts.rewarded},
        "policy": state.using.version if state.using is not None else None,
        "coming": state.coming.version if state.coming is not None else None,
        "mix": state.mix / 1_000_000,
        "suggestion": suggestion,
    }


@question("next_best_action")
def next_best_action(fold: Fold, id: str) -> dict[str, Any] | None:  # noqa: A002
    """The standing next best action of a person, and an identifier to answer by. None: ask again."""
    row = row_with_id(fold, PERSON, id)
    if row < 0:
        return None
    return {"person": fold.id_of(fold.person, row), **standing(fold, row)}


__all__ = ["autonomy", "next_best_action"]
