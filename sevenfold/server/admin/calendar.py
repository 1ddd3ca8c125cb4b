"""What is ahead, day by day; and journeys that compete for the same people."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import combinations
from typing import Annotated, Any, Final, Literal

from litestar import get
from litestar.params import Parameter
from msgspec import Struct

from ...errors import SevenfoldError
from ...events.times import parse_ms
from ...journeys.plan import Journey, OnSchedule
from ...journeys.recurrence import Recurrence
from ...journeys.triggers import FIRST_MONDAY
from ...journeys.zones import zone
from ...limits import CALENDAR_DAYS_MAX
from ...messages.policy import Cap
from ...workspace.models import Workspace
from .base import Asked, Caller

DAY_MS: Final = 86_400_000
_OCCASIONS: Final = 200
_LOAD_DAYS: Final = 28


class Entry(Struct, kw_only=True):
    """Something that happens at a time (ms UTC): a `broadcast` or a `journey` that begins by its schedule.
    `size` is how many it is expected to reach (null: not known).
    """

    kind: Literal["broadcast", "journey"]
    name: str
    title: str
    at: int
    size: int | None
    state: str


class Day(Struct, kw_only=True):
    """A day (UTC, by its first ms): contracts that end, runs whose wait is over (by journey), and how many
    messages are expected: those of broadcasts, and as many as such a weekday usually has.
    """

    at: int
    contracts: int
    waiting: dict[str, int]
    expected: int


class Calendar(Struct, kw_only=True):
    """What is ahead from today, as of `as_of` (ms UTC)."""

    as_of: int
    entries: list[Entry]
    days: list[Day]


class Competing(Struct, kw_only=True):
    """A journey and what it asks of people: who is inside, by which channels it speaks, about what."""

    name: str
    title: str
    of: str
    priority: int
    inside: int
    channels: list[str]
    topics: list[str]
    intents: list[str]
    caps: list[str]
    held: dict[str, int]
    """Messages of the last seven days that did not go out, by reason."""


class Pair(Struct, kw_only=True):
    """Two journeys that have people in common now (`both`), or the means to reach them. `first` is decided
    first by its priority (null: neither); `conflicts` are intents that hold each other back.
    """

    one: str
    other: str
    both: int
    channels: list[str]
    topics: list[str]
    conflicts: list[list[str]]
    caps: list[str]
    first: str | None


class CapShown(Struct, kw_only=True):
    """A cap with the journeys whose messages it counts."""

    name: str
    limit: int
    per: str
    channel: str | None
    category: str | None
    journeys: list[str]


class Conflicts(Struct, kw_only=True):
    """Journeys that compete for the same people, channels and caps; pairs with most people in common come
    first.
    """

    journeys: list[Competing]
    pairs: list[Pair]
    caps: list[CapShown]
    minimum_gap: str | None


# ----------------------------------------------------------------------------------------------------
# calendar


@get("/calendar", scope="read", tags=["console"], operation_id="get_calendar")
async def get_calendar(
    caller: Asked,
    days: Annotated[
        int, Parameter(ge=1, le=CALENDAR_DAYS_MAX, required=False, description="How far ahead.")
    ] = 35,
) -> Calendar:
    """Broadcasts, journeys that begin by schedule, contracts that end, and the load to expect, by day."""
    now = caller.services.clock.now()
    start = now - now % DAY_MS
    until = start + days * DAY_MS
    ahead = await caller.ask("ahead", days=days)
    entries = [*await _broadcasts(caller, start, until), *_scheduled(caller.live.workspace, now, until)]
    entries.sort(key=lambda one: (one.at, one.name))
    usual = await asyncio.to_thread(_usual, caller, now)
    extra: Counter[int] = Counter()
    for one in entries:
        if one.kind == "broadcast":
            extra[one.at // DAY_MS] += one.size or 0
    contracts = {int(day): number for day, number in ahead["contracts"].items()}
    waiting = {int(day): by_name for day, by_name in ahead["waiting"].items()}
    first = start // DAY_MS
    # What is overdue goes on today.
    for late in [day for day in waiting if day < first]:
        for name, number in waiting.pop(late).items():
            held = waiting.setdefault(first, {})
            held[name] = held.get(name, 0) + number
    shown = [
        Day(
            at=day * DAY_MS,
            contracts=contracts.get(day, 0),
            waiting=waiting.get(day, {}),
            expected=extra[day] + usual.get((day + 3) % 7, 0),
        )
        for day in range(first, first + days)
    ]
    return Calendar(as_of=now, entries=entries, days=shown)


async def _broadcasts(caller: Caller, start: int, until: int) -> list[Entry]:
    found = []
    models = caller.live.workspace.broadcasts
    for one in await caller.ask("broadcasts"):
        at = one["at"] or one["planned"]
        if at is None or not start <= at < until:
            continue
        model = models.get(one["name"])
        # Counting an audience that nobody has looked at takes too long for a calendar.
        size = one["size"] or one["acknowledged"]
        title = model.title if model is not None and model.title else one["name"]
        found.append(
            Entry(kind="broadcast", name=one["name"], title=title, at=at, size=size, state=one["state"])
        )
    return found


def _scheduled(workspace: Workspace, now: int, until: int) -> list[Entry]:
    found = []
    for name, model in workspace.journeys.items():
        for trigger in model.triggers:
            if isinstance(trigger, OnSchedule) and model.state == "published":
                found += [
                    Entry(kind="journey", name=name, title=model.title or name, at=at, size=None, state="due")
                    for at in _occasions(trigger, workspace, now, until)
                ]
    return found


def _occasions(trigger: OnSchedule, workspace: Workspace, now: int, until: int) -> list[int]:
    start = parse_ms(trigger.start) if trigger.start is not None else None
    try:
        where = zone(trigger.zone or workspace.timezone)
        recurrence = Recurrence(trigger.rrule, FIRST_MONDAY if start is None else start, where)
    except SevenfoldError:
        return []
    found: list[int] = []
    at = recurrence.after(now)
    while at is not None and at < until and len(found) < _OCCASIONS:
        found.append(at)
        at = recurrence.after(at)
    return found


def _usual(caller: Caller, now: int) -> dict[int, int]:
    """Messages decided on a usual day, by weekday (Monday is 0), over the last four weeks."""
    counts = caller.history.counts(["message"], now - _LOAD_DAYS * DAY_MS, now, by_day=True)
    sums: Counter[int] = Counter()
    for one in counts:
        if one.at < now // DAY_MS:
            sums[(one.at + 3) % 7] += one.count
    return {day: round(total / (_LOAD_DAYS / 7)) for day, total in sums.items()}


# ---------------------------------------------------------------------------------------------------
# conflicts


@get("/journeys/conflicts", scope="read", tags=["journeys"], operation_id="get_journey_conflicts")
async def get_journey_conflicts(caller: Asked) -> Conflicts:
    """Journeys that compete: who has the same people inside now, speaks by the same channels and topics,
    counts for the same caps, and whose messages were held back lately.
    """
    workspace = caller.live.workspace
    live = {name: one for name, one in workspace.journeys.items() if one.state == "published"}
    overlap = await caller.ask("overlaps")
    held = await asyncio.to_thread(_held, caller)
    asked = {name: _competing(workspace, name, one, overlap, held) for name, one in live.items()}
    both = {frozenset(pair[:2]): pair[2] for pair in overlap["pairs"]}
    against = [set(one.between) for one in workspace.messaging.conflicts] if workspace.messaging else []
    pairs = []
    for one, other in combinations(asked.values(), 2):
        pair = _pair(one, other, both.get(frozenset((one.name, other.name)), 0), against)
        if pair.both or pair.topics or pair.conflicts:
            pairs.append(pair)
    pairs.sort(key=lambda pair: (-pair.both, -len(pair.conflicts), pair.one, pair.other))
    messaging = workspace.messaging
    caps = messaging.caps if messaging is not None else {}
    return Conflicts(
        journeys=list(asked.values()),
        pairs=pairs[:500],
        caps=[
            CapShown(
                name=name,
                limit=cap.limit,
                per=cap.per or cap.calendar or "",
                channel=cap.channel,
                category=cap.category,
                journeys=[one.name for one in asked.values() if name in one.caps],
            )
            for name, cap in caps.items()
        ],
        minimum_gap=messaging.minimum_gap if messaging is not None else None,
    )


def _held(caller: Caller) -> dict[str, dict[str, int]]:
    """Messages held in the last seven days: by journey, by reason."""
    since = caller.services.clock.now() - 7 * DAY_MS
    found: dict[str, dict[str, int]] = {}
    for journey, reason, count in caller.history.held(since):
        found.setdefault(journey, {})[reason or "unknown"] = count
    return found


def _competing(
    workspace: Workspace, name: str, model: Journey, overlap: Any, held: dict[str, dict[str, int]]
) -> Competing:
    channels: set[str] = set()
    categories: set[str | None] = set()
    topics = {model.topic} if model.topic else set()
    intents = {model.intent} if model.intent else set()
    for label in templates_of(model):
        template = workspace.templates.get(label)
        if template is None:
            continue
        channels.add(template.channel)
        categories.add(template.category or model.category)
        if template.topic:
            topics.add(template.topic)
        if template.intent:
            intents.add(template.intent)
    caps = workspace.messaging.caps if workspace.messaging is not None else {}
    return Competing(
        name=name,
        title=model.title or name,
        of=model.of,
        priority=model.priority,
        inside=overlap["inside"].get(name, 0),
        channels=sorted(channels),
        topics=sorted(topics),
        intents=sorted(intents),
        caps=[one for one, cap in caps.items() if _counts(workspace, cap, name, model, channels, categories)],
        held=held.get(name, {}),
    )


def templates_of(model: Journey) -> list[str]:
    """Every template that a step of a journey names."""
    found: dict[str, None] = {}
    for step in model.steps.values():
        todo: list[Any] = [step]
        while todo:
            part = todo.pop()
            for field in getattr(part, "__struct_fields__", ()):
                value = getattr(part, field)
                if field == "template":
                    found.update(dict.fromkeys([value] if isinstance(value, str) else value or ()))
                elif isinstance(value, Struct):
                    todo.append(value)
                elif isinstance(value, dict):
                    todo += [one for one in value.values() if isinstance(one, Struct)]
                elif isinstance(value, list | tuple):
                    todo += [one for one in value if isinstance(one, Struct)]
    return list(found)


def _counts(
    workspace: Workspace, cap: Cap, name: str, model: Journey, channels: set[str], categories: set[str | None]
) -> bool:
    """Whether messages of a journey count for a cap."""
    if not channels or (cap.journey is not None and cap.journey != name):
        return False
    if cap.tag is not None and cap.tag not in model.tags:
        return False
    if cap.category is not None and cap.category not in categories:
        return False
    if cap.channel is None:
        return True
    declared = workspace.channels.get(cap.channel)
    return cap.channel in channels or (declared is not None and declared.type in channels)


def _pair(one: Competing, other: Competing, both: int, against: list[set[str]]) -> Pair:
    conflicts = [
        sorted(pair)
        for pair in against
        if any({a, b} == pair for a in one.intents for b in other.intents if a != b)
    ]
    first = None
    if one.priority != other.priority:
        first = one.name if one.priority > other.priority else other.name
    return Pair(
        one=one.name,
        other=other.name,
        both=both,
        channels=sorted({*one.channels} & {*other.channels}),
        topics=sorted({*one.topics} & {*other.topics}),
        conflicts=conflicts,
        caps=[each for each in one.caps if each in other.caps],
        first=first,
    )


HANDLERS = [get_calendar, get_journey_conflicts]
