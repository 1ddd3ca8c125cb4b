"""Broadcasts: to whom, what, when, and at which pace."""

from __future__ import annotations

import re

from ...events.times import parse_ms
from ...limits import JOURNEY_PRIORITY_VALUES_MAX, JOURNEY_RUNS_MAX
from ...workspace.base import PERSON
from ..people import Broadcast
from .attention import consent, purpose, time_to_live
from .fields import Desk, Fields
from .saying import Saying, channel_of

_LOCAL = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?")


def audit_broadcasts(desk: Desk) -> None:
    """Reports everything wrong with broadcasts."""
    for name, broadcast in desk.workspace.broadcasts.items():
        at = Fields(desk, ("broadcasts", name), broadcast)
        _audience(at, broadcast)
        _content(at, broadcast)
        _when(at, broadcast)
        purpose(at, broadcast)
        at.share("holdout", broadcast.holdout)
        at.number("priority", broadcast.priority, 0, JOURNEY_PRIORITY_VALUES_MAX)
        at.number("acknowledged", broadcast.acknowledged, 0, JOURNEY_RUNS_MAX)
        ttl = at.duration("ttl", broadcast.ttl)
        spoken = list(_sayings(at, broadcast))
        for one in spoken:
            consent(at, one)
        mild = [one for one in spoken if not one.transactional]
        if ttl is not None and mild:
            time_to_live(at, "ttl", mild, ttl, None)


def _audience(at: Fields, broadcast: Broadcast) -> None:
    given = {"segment": broadcast.segment is not None, "audience": broadcast.audience is not None}
    at.exactly_one((), given, "a broadcast")
    if broadcast.segment is not None:
        at.of_subject("segment", "segment", broadcast.segment, at.workspace.segments, PERSON)
    at.condition("audience", broadcast.audience, PERSON)


def _content(at: Fields, broadcast: Broadcast) -> None:
    given = {"template": broadcast.template is not None, "variants": bool(broadcast.variants)}
    at.exactly_one((), given, "a broadcast")
    if broadcast.template is not None:
        at.known("template", "template", broadcast.template, at.workspace.templates)
    if broadcast.resend is not None:
        at.known("resend", "template", broadcast.resend, at.workspace.templates)
    places = []
    for name, share in broadcast.variants.items():
        at.known(("variants", name), "template", name, at.workspace.templates)
        places.append(at.share(("variants", name), share))
    held = [place for place in places if place is not None]
    if places and len(held) == len(places) and sum(held) != 10_000:
        message = f"the shares add up to {sum(held) / 100:g}, not to 100"
        at.error("variants", "wrong_value", message, f"change them by {(10_000 - sum(held)) / 100:+g}")
    if at.share("test_share", broadcast.test_share) == 0:
        at.error("test_share", "wrong_value", "a test on nobody", "more than 0, or 100 without a winner")
    at.duration("test_for", broadcast.test_for)
    at.duration("resend_after", broadcast.resend_after)


def _when(at: Fields, broadcast: Broadcast) -> None:
    at.zone("zone", broadcast.zone)
    at.limit("pace", broadcast.pace)
    if broadcast.at is None:
        message = "there is no time `at` which it could be"
        at.without(broadcast.local, "local", message)
        at.without(broadcast.zone is not None, "zone", message)
        return
    if parse_ms(broadcast.at) is None:
        at.error("at", "bad_time", f"`{broadcast.at}` is no time", "such as 2026-03-01T09:00")
    elif (broadcast.local or broadcast.zone is not None) and not _LOCAL.fullmatch(broadcast.at):
        message = f"`{broadcast.at}` says an offset of its own"
        at.error("at", "bad_time", message, "write the local time alone")


def _sayings(at: Fields, broadcast: Broadcast) -> list[Saying]:
    found = []
    for name in [broadcast.template, *broadcast.variants, broadcast.resend]:
        template = at.workspace.templates.get(name or "")
        if name is not None and template is not None:
            channel, kind = channel_of(at.workspace, template)
            category, topic = template.category or broadcast.category, broadcast.topic or template.topic
            intent = broadcast.intent or template.intent
            found.append(Saying(name, template, channel, kind, category, topic, intent, ()))
    return found
