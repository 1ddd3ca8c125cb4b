"""A broadcast as a journey of one or two messages, so that it passes the gates of all messages. Pure."""

from __future__ import annotations

from ..errors import SevenfoldError
from ..events.times import parse_ms
from ..messages.outcomes import ENDING, RESPONSES
from .people import Broadcast
from .plan import EXIT, Journey, OnCall
from .steps.base import StepBase
from .steps.branch import Branch, BranchPath
from .steps.message import HELD_OUTCOMES, Message
from .zones import Zone

RESEND = "resend"


class BroadcastError(SevenfoldError):
    """A broadcast says nothing, or its time cannot be read."""

    code = "bad_broadcast"


_EASTERNMOST = 14 * 3_600_000
"""Kiritimati is 14 hours ahead of UTC, and nobody more."""


def journey_name(broadcast: str) -> str:
    """The journey that a broadcast is sent by."""
    return f"broadcast {broadcast}"


def templates_of(name: str, model: Broadcast) -> dict[str, float]:
    """Its variants with their shares; one of all without any. Raises `BroadcastError`."""
    if model.variants and model.template is None:
        if all(share > 0 for share in model.variants.values()):
            return model.variants
        raise BroadcastError(f"broadcast `{name}` has a variant without a share", fix="shares are above 0")
    if model.template is not None and not model.variants:
        return {model.template: 100.0}
    raise BroadcastError(f"broadcast `{name}` says nothing for certain", fix="write `template` or `variants`")


def step_of(variant: int) -> str:
    """The step that sends a variant (from 0)."""
    return f"variant_{variant + 1}"


def journey_of(name: str, model: Broadcast) -> Journey:
    """The journey of a broadcast: a branch to the variant, its message, and another for who did not open."""
    templates = list(templates_of(name, model))
    steps: dict[str, StepBase] = {}
    if len(templates) > 1:
        paths = [
            BranchPath(when=f'event.variant == "{place + 1}"', go=step_of(place), name=template)
            for place, template in enumerate(templates)
        ]
        steps["which"] = Branch(paths=paths, else_=EXIT)
    # Whoever answered, did not get it, or never can, gets no second one.
    on = dict.fromkeys([*HELD_OUTCOMES, *sorted(ENDING), *sorted(RESPONSES)], EXIT) if model.resend else {}
    for place, template in enumerate(templates):
        steps[step_of(place)] = Message(
            template=template,
            data=model.data,
            on=on,
            outcome_within=model.resend_after,
            next=RESEND if model.resend else EXIT,
        )
    if model.resend:
        steps[RESEND] = Message(template=model.resend, data=model.data, next=EXIT)
    return Journey(
        title=model.title,
        triggers=[OnCall()],
        re_entry="once",
        priority=model.priority,
        holdout=model.holdout,
        category=model.category,
        topic=model.topic,
        intent=model.intent,
        ttl=model.ttl,
        steps=steps,
    )


def journeys_of(broadcasts: dict[str, Broadcast]) -> dict[str, Journey]:
    """The journeys of a workspace's broadcasts, by name; the runtime publishes them."""
    return {journey_name(name): journey_of(name, model) for name, model in broadcasts.items()}


def wall_of(name: str, text: str) -> int:
    """A time on the wall (`2026-03-01T09:00`) as ms. Raises `BroadcastError`."""
    wall = parse_ms(text)
    if wall is None:
        raise BroadcastError(f"broadcast `{name}`: `{text}` is no time", fix="write 2026-03-01T09:00")
    return wall


def has_offset(text: str) -> bool:
    """Whether a time says how far it is from UTC, so that it is an instant already."""
    of_day = text.partition("T")[2]
    return text.endswith(("Z", "z")) or "+" in of_day or "-" in of_day


def planned_at(name: str, model: Broadcast, zone: Zone) -> int | None:
    """When its audience is taken: its instant; with `local` when the easternmost people have that time.

    None without `at`: as soon as it is acknowledged.
    """
    if model.at is None:
        return None
    wall = wall_of(name, model.at)
    if model.local:
        return wall - _EASTERNMOST
    return wall if has_offset(model.at) else zone.instant(wall)


__all__ = [
    "RESEND",
    "BroadcastError",
    "journey_name",
    "journey_of",
    "journeys_of",
    "planned_at",
    "step_of",
    "templates_of",
    "wall_of",
]
