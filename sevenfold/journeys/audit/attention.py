"""Whether what a journey says can ever be sent: consent, quiet hours, times to live, and caps."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from ...messages.policy import Cap, QuietHours
from ...profiles.expressions import ExpressionError, parse_duration
from ..plan import Journey
from ..steps.message import Message
from ..steps.wait import Wait
from ..times import JourneyTimeError
from ..times import parse_duration as calendar_duration
from ..windows import WEEK, Windows, parse_window
from ..zones import DAY
from .fields import Desk, Fields
from .graph import EXIT, StepGraph
from .saying import LEASED, Saying, sayings, time_said
from .step import StepFields

_CAP_LIMIT_LOOKED_AT_MAX = 50
"""Higher caps are not compared with a journey's own messages."""


def audit_attention(desk: Desk, name: str, journey: Journey) -> None:
    """Reports messages of a journey that could never be sent, or not all of them."""
    at = Fields(desk, ("journeys", name), journey)
    purpose(at, journey)
    graph = StepGraph(journey, bank=desk.workspace.actions)
    for step_id, step in graph.steps.items():
        if not isinstance(step, Message):
            continue
        origin = graph.origin[step_id]
        fields = StepFields(desk, name, journey, origin, step, whole=step is not journey.steps[origin])
        purpose(fields, step)
        for one in sayings(desk.workspace, journey, step):
            consent(fields, one)
            if one.kind in LEASED and step.expires is None:
                message = f"`{one.template_name}` is shown in the product, and the step has no `expires`"
                fix = "say how long it may be shown, such as `expires: 7d`"
                fields.error((), "missing_field", message, fix)
        ttl = _ms(step.ttl) or _ms(journey.ttl)
        held = step.quiet_hours or journey.quiet_hours
        spoken = [one for one in sayings(desk.workspace, journey, step) if not one.transactional]
        if ttl is not None and spoken:
            time_to_live(fields, "ttl" if step.ttl is not None else (), spoken, ttl, held)
    for cap_name, cap in desk.workspace.messaging.caps.items():
        _against_itself(desk, name, journey, graph, cap_name, cap)


def purpose(at: Fields, given: object, *only: str) -> None:
    """Category and topic of a journey, step, template or broadcast, against what the workspace declares."""
    category, topic = getattr(given, "category", None), getattr(given, "topic", None)
    if category is not None and not only:
        known = at.workspace.consent.categories
        at.known("category", "consent category", category, known, "declare it under consent.categories")
    topics = at.workspace.messaging.topics
    if topic is not None and topics:
        at.known("topic", "topic", topic, topics, "declare it under messaging.topics")


def consent(at: Fields, one: Saying) -> None:
    """Reports a message that nobody can have consented to."""
    if one.category is None and at.workspace.consent.categories:
        message = f"template `{one.template_name}` has no consent category, so it is never sent"
        fix = "give the template, the step or the journey a `category`"
        at.error((), "never_sent", message, fix)


def time_to_live(
    at: Fields, place: str | tuple[()], spoken: list[Saying], ttl: int, held: str | None
) -> None:
    """Reports deferrals that are longer than the message lives."""
    messaging = at.workspace.messaging
    for index, rule in enumerate(messaging.quiet_hours):
        if (held or rule.otherwise) != "defer" or not any(_quiet_for(rule, one) for one in spoken):
            continue
        longest = longest_ms(rule)
        if longest is not None and ttl <= longest:
            message = (
                f"the time to live of {time_said(ttl)} ends before quiet hours of {time_said(longest)} do "
                f"(messaging.quiet_hours[{index}]), so what is decided as they begin always expires"
            )
            at.warning(place, "never_sent", message, f"give it a `ttl` above {time_said(longest)}")
    gap = _ms(messaging.minimum_gap)
    if gap is not None and ttl <= gap:
        said = time_said(ttl)
        message = f"the time to live of {said} ends before messaging.minimum_gap of {time_said(gap)}"
        fix = "give it a longer `ttl`: what comes within the gap always expires"
        at.warning(place, "never_sent", message, fix)


def _quiet_for(rule: QuietHours, one: Saying) -> bool:
    over = not rule.channels or one.channel in rule.channels or one.kind in rule.channels
    return over and (not rule.categories or one.category in rule.categories)


def longest_ms(rule: QuietHours) -> int | None:
    """How long the longest stretch of quiet hours lasts; None if they cannot be read or never end."""
    try:
        windows = Windows(parse_window(one.days, one.from_, one.to) for one in rule.windows)
    except JourneyTimeError:
        return None
    if windows.always:
        return None
    wall, longest = windows.closed_wall(0), 0
    end = wall + WEEK
    while wall < end:
        opens = windows.open_wall(wall)
        wall = windows.closed_wall(opens)
        longest = max(longest, wall - opens)
    return longest


# ----------------------------------------------------------------------------- caps and the journey itself


def _against_itself(
    desk: Desk, name: str, journey: Journey, graph: StepGraph, cap_name: str, cap: Cap
) -> None:
    """Reports a cap that the journey's own messages exceed on its quickest way."""
    per = _ms(cap.per)
    limit = cap.limit
    if per is None or cap.stage or not 1 <= limit <= _CAP_LIMIT_LOOKED_AT_MAX:
        return
    if cap.journey is not None and cap.journey != name:
        return
    counted = {
        step_id
        for step_id, step in graph.steps.items()
        if isinstance(step, Message)
        and any(_covers(cap, one) for one in sayings(desk.workspace, journey, step))
    }
    reached = graph.reached()
    for start in graph.ids:
        if start in counted and start in reached:
            found = _quickest(graph, start, counted, limit + 1, per, journey.visits_max)
            if found is not None:
                steps, took = found
                said = " → ".join(f"`{graph.origin[one]}`" for one in steps[:8])
                said += " and so on" if len(steps) > 8 else ""
                message = (
                    f"{len(steps)} messages within {time_said(took)} ({said}), and cap `{cap_name}` allows "
                    f"{limit} in {time_said(per)}"
                )
                fix = "wait longer between them, or let the cap allow more"
                desk.report.warning(("journeys", name, "steps", graph.origin[start]), "capped", message, fix)
                return


def _covers(cap: Cap, one: Saying) -> bool:
    return (
        (cap.channel is None or cap.channel in (one.channel, one.kind))
        and (cap.category is None or cap.category == one.category)
        and (cap.tag is None or cap.tag in one.tags)
        and not one.transactional
    )


def _quickest(
    graph: StepGraph, start: str, counted: set[str], wanted: int, per: int, visits: int
) -> tuple[list[str], int] | None:
    """The first way from `start` on which `wanted` messages come within less than `per`: (steps, ms)."""
    heap: list[tuple[int, int, int, str, tuple[str, ...]]] = [(0, 0, 0, start, (start,))]
    seen: set[tuple[str, int]] = set()
    order = 0
    while heap:
        took, _, _, step_id, said = heappop(heap)
        if len(said) >= wanted:
            return list(said), took
        if (step_id, len(said)) in seen:
            continue
        seen.add((step_id, len(said)))
        for target, ms in _onward(graph, step_id):
            more = (*said, target) if target in counted else said
            if took + ms < per and more.count(target) <= visits:
                order += 1
                heappush(heap, (took + ms, -len(more), order, target, more))
    return None


def _onward(graph: StepGraph, step_id: str) -> Iterator[tuple[str, int]]:
    """The steps after one, with the least time it takes to go there."""
    step = graph.steps[step_id]
    for way in graph.ways[step_id]:
        if way.target != EXIT:
            yield way.target, _least(step, way.field) if isinstance(step, Wait) else 0


def _least(step: Wait, field: str) -> int:
    if step.for_ is not None:
        return _shortest(step.for_)
    on_time = field == "on_timeout" or (field in ("", "next") and all(path.go for path in step.paths))
    return _shortest(step.timeout) if on_time and step.paths and step.timeout is not None else 0


def _shortest(text: str) -> int:
    """The least a length of time can be: a month of 28 days."""
    try:
        length = calendar_duration(text)
    except JourneyTimeError:
        return 0
    return length.ms + length.months * 28 * DAY


def _ms(text: str | None) -> int | None:
    try:
        return parse_duration(text) if text is not None else None
    except ExpressionError:
        return None


__all__ = ["audit_attention", "consent", "longest_ms", "purpose", "time_to_live"]
