"""Messaging policy: channels, consent, purposes of templates, caps, quiet hours, guards, holdouts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from ...limits import JOURNEY_SUBJECT_RUNS_MAX, LIMIT_COUNT_VALUES_MAX
from ...messages.policy import Cap, DeliveryChannel, Guard, Holdout, Messaging, QuietHours
from ...messages.templates import CHANNELS
from ...workspace.base import ACCOUNT, PERSON
from ...workspace.problems import likely
from ..steps.message import Message
from .attention import purpose
from .fields import Desk, Fields, Place

_ADDRESSES = ("email", "phone", "device")


def audit_messaging(desk: Desk) -> None:
    """Reports everything wrong with channels, consent, templates' purposes and the messaging policy."""
    workspace = desk.workspace
    for name, channel in workspace.channels.items():
        _channel(Fields(desk, ("channels", name), channel), channel)
    _consent(desk)
    for name in workspace.templates:
        _template(desk, name)
    messaging, at = workspace.messaging, Fields(desk, ("messaging",), workspace.messaging)
    for name, cap in messaging.caps.items():
        _cap(at, ("caps", name), cap)
    for index, rule in enumerate(messaging.quiet_hours):
        _quiet(at, ("quiet_hours", index), rule)
    for name, topic in messaging.topics.items():
        at.duration(("topics", name, "once_per"), topic.once_per)
    for index, conflict in enumerate(messaging.conflicts):
        at.duration(("conflicts", index, "within"), conflict.within)
        for side, intent in enumerate(conflict.between):
            _spoken(at, ("conflicts", index, "between", side), "intent", intent, intents(desk))
    for name, guard in messaging.guards.items():
        _guard(at, ("guards", name), guard)
    _holdouts(at, messaging)
    at.duration("minimum_gap", messaging.minimum_gap)
    at.duration("arbitration", messaging.arbitration)
    at.number("concurrent_journeys", messaging.concurrent_journeys, 1, JOURNEY_SUBJECT_RUNS_MAX)
    _zone_traits(at, messaging)
    if messaging.alike is not None:
        at.value("alike", messaging.alike, PERSON)


# ------------------------------------------------------------------------------------------- names in use


def intents(desk: Desk) -> set[str]:
    """Every intent that a template, journey, step or broadcast of the workspace has."""
    return {str(one.intent) for one in _speakers(desk) if one.intent is not None}


def _tags(desk: Desk) -> set[str]:
    return {tag for one in _speakers(desk) for tag in getattr(one, "tags", ())}


def _speakers(desk: Desk) -> Iterable[Any]:
    workspace = desk.workspace
    steps = (step for journey in workspace.journeys.values() for step in journey.steps.values())
    tables: tuple[Mapping[str, Any], ...] = (workspace.templates, workspace.journeys, workspace.broadcasts)
    return chain(
        *(table.values() for table in tables),
        (step for step in steps if isinstance(step, Message)),
    )


def _spoken(at: Fields, place: Place, word: str, name: str, known: set[str]) -> None:
    """Doubts an open name that nothing in the workspace has."""
    if name not in known:
        fix = likely(name, known) or f"give it to a template, step or journey, or remove the {word} here"
        at.warning(place, "unused", f"nothing has the {word} `{name}`", fix)


def _channels(at: Fields, place: Place, name: str) -> None:
    """A channel of the workspace, or a kind of channel."""
    at.known(place, "channel", name, [*at.workspace.channels, *CHANNELS])


def _category(at: Fields, place: Place, name: str) -> None:
    known = at.workspace.consent.categories
    at.known(place, "consent category", name, known, "declare it under consent.categories")


# ------------------------------------------------------------------------------------------- each part


def _channel(at: Fields, channel: DeliveryChannel) -> None:
    at.known("type", "type of channel", channel.type, CHANNELS, f"one of {', '.join(CHANNELS)}")
    if channel.address is not None and channel.address.startswith("trait."):
        bare = channel.address.removeprefix("trait.")
        fix = f"declare it: traits: {{{bare}: {{type: string}}}}"
        at.known("address", "trait of person", bare, at.desk.names.traits(PERSON), fix)
    elif channel.address is not None:
        known = [*_ADDRESSES, *at.workspace.identity.order]
        at.known("address", "address", channel.address, known, "or a trait, as `trait.NAME`")
    at.condition("reachable", channel.reachable, PERSON)
    at.doubt("reachable", channel.reachable, PERSON, if_never="nobody can be reached")
    for index, purpose_ in enumerate(channel.purposes):
        spoken = {*at.workspace.consent.categories, *intents(at.desk)}
        _spoken(at, ("purposes", index), "purpose", purpose_, spoken)


def _consent(desk: Desk) -> None:
    consent = desk.workspace.consent
    at = Fields(desk, ("consent",), consent)
    for name, category in consent.categories.items():
        for channel in category.channels:
            _channels(at, ("categories", name, "channels", channel), channel)
        if category.required and category.double:
            place = ("categories", name, "double")
            message = "a required category needs no consent, so nobody confirms it"
            at.warning(place, "unreachable", message, "leave `double` out")
    for index, event in enumerate(consent.events):
        inside = ("events", index)
        at.events((*inside, "event"), event.event)
        at.condition((*inside, "where"), event.where, PERSON, where=True)
        if event.channel is not None and not event.channel.startswith("property."):
            _channels(at, (*inside, "channel"), event.channel)
        if event.category is not None and not event.category.startswith("property."):
            _category(at, (*inside, "category"), event.category)


def _template(desk: Desk, name: str) -> None:
    template = desk.workspace.templates[name]
    at = Fields(desk, ("templates", name), template)
    channels = desk.workspace.channels
    kinds = {channel.type for channel in channels.values()}
    if template.channel in CHANNELS and template.channel not in {*kinds, *channels}:
        message = f"no channel is set up for `{template.channel}`"
        at.warning("channel", "never_sent", message, f"add one of type {template.channel} to `channels`")
    purpose(at, template, "topic")
    category = desk.workspace.consent.categories.get(template.category or "")
    if template.transactional and category is not None and not category.required:
        message = f"a transactional message of category `{template.category}`, which people may refuse"
        fix = "give the category `required: true`, or the template another"
        at.warning("category", "wrong_value", message, fix)


def _cap(at: Fields, place: tuple[str, str], cap: Cap) -> None:
    if cap.limit == 0:
        fix = "a guard, or a limit for a segment under `limits`, can stop messages for some"
        at.error((*place, "limit"), "never_sent", "a cap of 0 lets nothing through, ever", fix)
    else:
        at.number((*place, "limit"), cap.limit, 1, LIMIT_COUNT_VALUES_MAX)
    at.duration((*place, "per"), cap.per)
    at.zone((*place, "zone"), cap.zone)
    message = "a rolling window is the same in every zone"
    at.without(cap.zone is not None and cap.calendar is None, (*place, "zone"), message, "say `calendar`")
    if cap.channel is not None:
        _channels(at, (*place, "channel"), cap.channel)
    if cap.category is not None:
        _category(at, (*place, "category"), cap.category)
    if cap.tag is not None:
        _spoken(at, (*place, "tag"), "tag", cap.tag, _tags(at.desk))
    if cap.journey is not None:
        at.known((*place, "journey"), "journey", cap.journey, at.workspace.journeys)
    for lifecycle, stage in cap.stage.items():
        inside = (*place, "stage", lifecycle)
        if at.of_subject(inside, "lifecycle", lifecycle, at.workspace.lifecycles, PERSON):
            stages = [one.name for one in at.workspace.lifecycles[lifecycle].stages]
            at.known(inside, f"stage of `{lifecycle}`", stage, stages, f"it has {', '.join(stages)}")
    for segment, limit in cap.limits.items():
        at.of_subject((*place, "limits", segment), "segment", segment, at.workspace.segments, PERSON)
        at.number((*place, "limits", segment), limit, 0, LIMIT_COUNT_VALUES_MAX)


def _quiet(at: Fields, place: tuple[str, int], rule: QuietHours) -> None:
    if not rule.windows:
        at.error((*place, "windows"), "wrong_value", "quiet hours without hours", "name a window")
    windows = at.windows((*place, "windows"), rule.windows)
    if windows is not None and windows.always:
        fix = "leave hours in which messages may go, or switch the channel off"
        at.error((*place, "windows"), "never_sent", "quiet hours that cover the whole week", fix)
    for index, channel in enumerate(rule.channels):
        _channels(at, (*place, "channels", index), channel)
    for index, category in enumerate(rule.categories):
        _category(at, (*place, "categories", index), category)
    at.duration((*place, "jitter"), rule.jitter)
    at.zone((*place, "zone"), rule.zone)


def _guard(at: Fields, place: tuple[str, str], guard: Guard) -> None:
    at.condition((*place, "when"), guard.when, PERSON)
    at.doubt((*place, "when"), guard.when, PERSON, if_never="it guards nobody", if_always="all is held")
    for index, intent in enumerate(guard.intents):
        _spoken(at, (*place, "intents", index), "intent", intent, intents(at.desk))
    for index, category in enumerate(guard.categories):
        _category(at, (*place, "categories", index), category)
    for index, tag in enumerate(guard.tags):
        _spoken(at, (*place, "tags", index), "tag", tag, _tags(at.desk))
    for index, journey in enumerate(guard.journeys):
        at.known((*place, "journeys", index), "journey", journey, at.workspace.journeys)


def _holdouts(at: Fields, messaging: Messaging) -> None:
    given: list[tuple[Place, Holdout]] = []
    if messaging.holdout is not None:
        given.append((("holdout", "share"), messaging.holdout))
    given += [(("programmes", name, "share"), one) for name, one in messaging.programmes.items()]
    for place, one in given:
        at.share(place, one.share)
    usual = messaging.journey_holdout
    if usual is not None:
        at.share(("journey_holdout", "share"), usual.share)
        for index, name in enumerate(usual.except_):
            at.known(("journey_holdout", "except", index), "journey", name, at.workspace.journeys)


def _zone_traits(at: Fields, messaging: Messaging) -> None:
    usual = Messaging().zone_traits
    for whose, trait in messaging.zone_traits.items():
        traits = at.desk.names.traits(ACCOUNT if whose == "account" else PERSON)
        place = ("zone_traits", whose)
        if trait not in traits and trait == usual.get(whose):
            continue
        if at.known(place, "trait", trait, traits) and traits[trait] != "text":
            at.error(place, "type_mismatch", f"`{trait}` is a {traits[trait]}, and zones are texts")
