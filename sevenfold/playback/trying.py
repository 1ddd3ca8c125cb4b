"""Trying a journey on one person: somebody made up, or somebody real as they stood, with time run forward."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from sevenfold.effects import Effect
from sevenfold.errors import InputError
from sevenfold.journeys.plan import OnEvent
from sevenfold.limits import TRY_DAYS
from sevenfold.log.base import Log
from sevenfold.playback.backtest import known
from sevenfold.playback.delivery import Delivering, recorded_outcomes
from sevenfold.playback.explain import ExplainedFold, Story, Target, find_target
from sevenfold.playback.relations import Relations, numbered
from sevenfold.playback.tables import iso
from sevenfold.workspace import models as m

SOMEONE: Final = "someone"
ADDRESSES: Final = {"email": "someone@example.com", "phone": "+14155550100"}
"""What somebody made up can be reached by, unless other traits are given."""
START_MS: Final = 1_704_103_200_000
"""When somebody made up comes: Monday, 2024-01-01 10:00 UTC."""
_STEP_MS: Final = 86_400_000


class Given(Struct, kw_only=True):
    """What is to happen: an event with properties (none: the journey's own first one), for somebody with
    traits who has consented to categories. `at` is when (ms UTC).
    """

    event: str | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    consents: list[str] = []
    account: str | None = None
    at: int | None = None


class Trial(Struct):
    """What came of it. `who` it was, when it `began`, every decision since, and why nobody entered, if so."""

    who: str
    began: int
    ended: int
    effects: list[Effect]
    event: dict[str, Any] | None
    refused: str

    def to_json(self) -> dict[str, Any]:
        """The trial for programs."""
        effects = [
            {"time": iso(one.time), "kind": one.kind, "name": one.name, **one.data} for one in self.effects
        ]
        return {
            "who": self.who, "began": iso(self.began), "ended": iso(self.ended), "event": self.event,
            "refused": self.refused or None, "effects": effects,
        }  # fmt: skip


def try_made_up(
    workspace: m.Workspace, journey: str, given: Given, delivering: Delivering | None = None
) -> Trial:
    """Runs a journey for somebody made up. Raises InputError when it cannot be begun this way."""
    model = known(workspace, journey)
    fold = ExplainedFold(workspace, delivering=delivering or Delivering())
    at = START_MS if given.at is None else given.at
    story = Story(fold, Target(m.PERSON, "user_id", SOMEONE, None))
    fold.advance(at - 2)
    hello = {"type": "identify", "traits": {**ADDRESSES, **given.traits}}
    story.take(fold.events([_event(hello, SOMEONE, at - 1, given.account)]))
    if given.account is not None:
        story.take(fold.events([_event({"type": "group", "groupId": given.account}, SOMEONE, at - 1)]))
    for category in given.consents:
        record = {"op": "consent", "person": {"user_id": SOMEONE}, "status": "in"}
        story.take(fold.control(at - 1, record if category == "all" else {**record, "category": category}))
    return _go(story, journey, model, given, SOMEONE, at)


def try_real(
    workspace: m.Workspace, journey: str, log: Log, identifier: str, given: Given,
    until: int | None = None, delivering: Delivering | None = None,
) -> Trial:  # fmt: skip
    """Runs a journey for a person of a log, as they stood at `given.at` (default: `until`, the end). Raises
    InputError for nobody.
    """
    model = known(workspace, journey)
    end = until if given.at is None else given.at
    options = msgspec.structs.replace(delivering or Delivering(), recorded=recorded_outcomes(log))
    fold = ExplainedFold(workspace, delivering=options)
    relations = Relations(workspace, fold, log, end)
    target = find_target(workspace, fold, relations, identifier, m.PERSON)
    story = Story(fold, target)
    story.tell(numbered(log, end))
    at = max(end if end is not None else fold.t, fold.t) + 1
    story.pass_to(at - 1)
    row = story.row()
    if not row:
        raise InputError(f"Nobody is known as `{identifier}` at that time", fix="ask for a later time")
    held = fold.identity.identifiers(row)
    user = next(iter(held.get("user_id") or held.get("anonymous_id") or [identifier]))
    return _go(story, journey, model, given, str(user), at, anonymous=not held.get("user_id"))


def _go(
    story: Story, journey: str, model: m.Journey, given: Given, user: str, at: int, anonymous: bool = False
) -> Trial:
    """What sets the journey off happens, and time runs until nothing of it is left."""
    fold, before = story.fold, len(story.entries)
    event = _trigger(model, given)
    if event is not None:
        story.take(fold.events([_event(event, user, at, given.account, anonymous=anonymous)]))
    else:
        _by_hand(story, journey, model, given, at)
    subject = fold.id_of(fold.person, story.row())
    began = [entry for about, entry in story.entries[before:] if about in story.own(subject)]
    refused = ""
    if not any(one.kind == "run" and one.name == journey for one in began):
        refused = _why_not(story, journey, event is not None)
    end = at
    while end < at + TRY_DAYS * _STEP_MS and (not refused) and _active(story, journey):
        end += _STEP_MS
        story.pass_to(end)
    own = story.own(fold.id_of(fold.person, story.row()))
    effects = [
        Effect(entry.time, entry.kind, m.PERSON, about, entry.name, entry.data)
        for about, entry in story.entries[before:]
        if about in own and entry.kind not in ("event", "identity")
    ]
    last = max((one.time for one in effects), default=at)
    return Trial(user, at, last, effects, event, refused)


def _trigger(model: m.Journey, given: Given) -> dict[str, Any] | None:
    """The event that is to happen; None: the run is started by hand."""
    name = given.event
    if name is None:
        first = next((one for one in model.triggers if isinstance(one, OnEvent)), None)
        if first is None:
            return None
        name = first.event if isinstance(first.event, str) else first.event[0]
        name = name.removesuffix("*") or "Anything"
    properties = dict(given.properties)
    if model.key is not None:
        properties.setdefault(model.key, "1")
    return {"type": "track", "event": name, "properties": properties}


def _by_hand(story: Story, journey: str, model: m.Journey, given: Given, at: int) -> None:
    """Starts a run as a call of the API would."""
    fold = story.fold
    journeys = fold.journeys
    if journeys is None or journey not in journeys.current:
        raise InputError(f"Journey `{journey}` is {model.state}", fix="publish it to try it")
    row = story.row()
    if model.of == m.ACCOUNT and row:
        accounts = fold.accounts_of(row)
        row = accounts[0][0] if accounts else 0
    elif model.of != m.PERSON:
        row = 0
    if not row:
        fix = "give the event that brings it, with --event and --property" + (
            ", or --account" if model.of == m.ACCOUNT else ""
        )
        raise InputError(f"There is no {model.of} to start the journey for", fix=fix)
    story.pass_to(at)
    journeys.begin()
    try:
        journeys.start(journey, fold._unit(model.of), row, "hand", dict(given.properties))
    finally:
        journeys.release()
    story.pass_to(at)


def _why_not(story: Story, journey: str, by_event: bool) -> str:
    """The reason why there is no run."""
    told = next((e for _, e in reversed(story.entries) if e.kind == "refused" and e.name == journey), None)
    if told is not None:
        return str(told.data["reason"])
    journeys = story.fold.journeys
    counted = journeys.entries.counted.get(journey, {}) if journeys is not None else {}
    found = next(iter(reversed(list(counted))), "")
    return found or ("no_trigger" if by_event else "not_started")


def _active(story: Story, journey: str) -> bool:
    journeys = story.fold.journeys
    if journeys is None:
        return False
    return any(journeys.view.at(slot).plan.name == journey for slot in journeys.runs.active())


def _event(
    event: dict[str, Any], user: str, at: int, account: str | None = None, *, anonymous: bool = False
) -> tuple[int, bytes]:
    shape: dict[str, Any] = {"messageId": f"try-{event['type']}-{at}", "timestamp": iso(at), **event}
    shape["anonymousId" if anonymous else "userId"] = user
    if account is not None:
        shape["context"] = {"groupId": account}
    return at, msgspec.json.encode(shape)


__all__ = ["Given", "Trial", "try_made_up", "try_real"]
