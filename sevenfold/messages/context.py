"""What a template can speak of, put together from profiles as the fold reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..workspace import models as m
from ..workspace.paths import split_path
from .lookups import Flat

Profile = Mapping[str, Any]
"""What ``Fold.read`` gives: identifiers, traits, signals, stages, scores, segments, predictions."""

_FACTS: Final = ("signal", "stage", "segment", "score", "band", "velocity", "prediction")
"""What is known of a person or an account by names that may have parts."""
_VALUED: Final = frozenset({"person", "account", *_FACTS})


def context_of(
    workspace: m.Workspace,
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

    ``event`` holds the properties of the event that started the run; ``step`` the data of the journey's step;
    ``links`` unsubscribe, preferences and view; ``catalogue`` rows by catalogue and key (``rows_by_key``).
    ``now`` is the engine's time as ISO 8601.
    """
    context: dict[str, Any] = {
        "workspace": _about(workspace),
        "person": _named(workspace, m.PERSON, person, person_id),
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
        context["account"] = {**_facts(account), **_named(workspace, m.ACCOUNT, account, account_id)}
    return context


def context_of_values(
    workspace: m.Workspace,
    values: Mapping[str, Any],
    *,
    person_id: str,
    now: str,
    event: Mapping[str, Any] | None = None,
    journey: Mapping[str, Any] | None = None,
    step: Mapping[str, Any] | None = None,
    offer: Mapping[str, Any] | None = None,
    links: Mapping[str, str] | None = None,
    catalogue: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The context of a message that was decided earlier, from the ``values`` that were kept then: by the
    names that the template speaks of them by (``person.first_name``, ``signal.logins_7d``,
    ``account.signal.seats``), so that it says what was true when it was decided. The rest is as in
    ``context_of``.
    """
    context: dict[str, Any] = {
        "workspace": _about(workspace),
        "person": {},
        "account": {},
        **{fact: Flat() if fact == "signal" else {} for fact in _FACTS},
        "event": dict(event or {}),
        "journey": dict(journey or {}),
        "step": dict(step or {}),
        "offer": dict(offer or {}),
        "links": dict(links or {}),
        "catalogue": dict(catalogue or {}),
        "now": now,
    }
    for name in sorted(values):
        value, (root, *rest) = values[name], name.split(".")
        if value is None or root not in _VALUED:
            continue
        if not rest:
            # A template that goes through everything known of somebody.
            context[root].update(value if isinstance(value, Mapping) else {})
            continue
        above: dict[str, Any] = context[root]
        if root == "account" and rest[0] in _FACTS and len(rest) > 1:
            above = above.setdefault(rest[0], Flat() if rest[0] == "signal" else {})
            root, rest = rest[0], rest[1:]
        if root in _FACTS:
            above[".".join(rest)] = whole(value)
        else:
            _deep(above, rest, value)
    context["person"]["id"] = person_id
    return context


def _deep(above: dict[str, Any], path: list[str], value: Any) -> None:
    """Puts a value where its path leads; what lies on the way there and is no object gives way."""
    for part in path[:-1]:
        inner = above.get(part)
        # A copy, for the object may be the fold's.
        inner = above[part] = dict(inner) if isinstance(inner, Mapping) else {}
        above = inner
    above[path[-1]] = value


def rows_by_key(workspace: m.Workspace) -> dict[str, dict[str, Any]]:
    """The workspace's catalogues, so that ``catalogue.products[event.product_id].name`` finds its row. To be
    made once.
    """
    return {
        name: {str(row[one.key]): row for row in one.rows if row.get(one.key) is not None}
        for name, one in workspace.catalogues.items()
    }


def _about(workspace: m.Workspace) -> dict[str, Any]:
    return {
        "name": workspace.name,
        "title": workspace.title or workspace.name,
        "description": workspace.description,
        "timezone": workspace.timezone,
        "currency": workspace.currency,
    }


def _named(workspace: m.Workspace, of: str, profile: Profile, subject: str) -> dict[str, Any]:
    """Traits as they came and by their declared names, over identifiers, under the subject's own id."""
    identifiers = {kind: values[0] for kind, values in (profile.get("identifiers") or {}).items() if values}
    traits = profile.get("traits") or {}
    declared = {
        name: _at(traits, split_path(trait.path))
        for name, trait in workspace.traits.items()
        if trait.of == of and trait.path is not None and trait.path != name
    }
    return {**identifiers, **traits, **declared, "id": subject}


def _at(traits: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        traits = traits.get(part) if isinstance(traits, Mapping) else None
    return traits


def _facts(profile: Profile) -> dict[str, Any]:
    scores = profile.get("scores") or {}
    return {
        "signal": Flat({name: whole(value) for name, value in (profile.get("signals") or {}).items()}),
        "stage": dict(profile.get("stages") or {}),
        "segment": dict.fromkeys(profile.get("segments") or (), True),
        "score": {name: whole(one.get("value")) for name, one in scores.items()},
        "band": {name: one.get("band") for name, one in scores.items()},
        "velocity": {name: one.get("velocity") for name, one in scores.items()},
        "prediction": {
            name: whole(one.get("value")) for name, one in (profile.get("predictions") or {}).items()
        },
    }


def whole(value: Any) -> Any:
    """20 and not 20.0, so that a template divides and compares what it prints."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
