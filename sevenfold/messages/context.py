"""What a template can speak of, put together from profiles as the fold reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .language import Flat

Profile = Mapping[str, Any]
"""What ``Fold.read`` gives: identifiers, traits, signals, stages, scores, segments."""


def context_of(
    workspace: Mapping[str, Any],
    person: Profile,
    *,
    person_id: str,
    now: str,
    account: Profile | None = None,
    account_id: str = "",
    event: Mapping[str, Any] | None = None,
    journey: Mapping[str, Any] | None = None,
    step: Mapping[str, Any] | None = None,
    offer: Mapping[str, Any] | None = None,
    links: Mapping[str, str] | None = None,
    catalogue: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The context of one message, under the names of ``language.ROOTS``.

    ``workspace`` has name, title, timezone and currency; ``event`` the properties of the event that started
    the run; ``step`` the data of the journey's step; ``links`` unsubscribe, preferences and view;
    ``catalogue`` rows by catalogue and key (``rows_by_key``). ``now`` is the engine's time as ISO 8601.
    """
    context: dict[str, Any] = {
        "workspace": dict(workspace),
        "person": _named(person, person_id),
        "account": {},
        "event": dict(event or {}),
        "journey": dict(journey or {}),
        "step": dict(step or {}),
        "offer": dict(offer or {}),
        "links": dict(links or {}),
        "catalogue": dict(catalogue or {}),
        "now": now,
        **_facts(person),
    }
    if account is not None:
        context["account"] = {**_facts(account), **_named(account, account_id)}
    return context


def rows_by_key(catalogues: Mapping[str, tuple[str, list[dict[str, Any]]]]) -> dict[str, dict[str, Any]]:
    """Catalogues, given as key column and rows, so that ``catalogue.products[event.product_id].name`` finds
    its row. To be made once for a workspace.
    """
    return {
        name: {str(row[key]): row for row in rows if row.get(key) is not None}
        for name, (key, rows) in catalogues.items()
    }


def _named(profile: Profile, subject: str) -> dict[str, Any]:
    """Traits by name, over the strongest identifiers, over the subject's own id."""
    identifiers = {kind: values[0] for kind, values in (profile.get("identifiers") or {}).items() if values}
    return {**identifiers, **(profile.get("traits") or {}), "id": subject}


def _facts(profile: Profile) -> dict[str, Any]:
    scores = profile.get("scores") or {}
    return {
        "signal": Flat({name: _whole(value) for name, value in (profile.get("signals") or {}).items()}),
        "stage": dict(profile.get("stages") or {}),
        "segment": dict.fromkeys(profile.get("segments") or (), True),
        "score": {name: _whole(one.get("value")) for name, one in scores.items()},
        "band": {name: one.get("band") for name, one in scores.items()},
        "velocity": {name: one.get("velocity") for name, one in scores.items()},
    }


def _whole(value: Any) -> Any:
    """20 and not 20.0, so that a template divides and compares what it prints."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
