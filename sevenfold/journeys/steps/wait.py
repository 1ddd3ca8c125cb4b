"""`kind: wait`: for a time, until a local time, a date, the next session, an event or a condition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from ...workspace.base import Condition, Model
from .base import Logic, StepBase, StepKind

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class WaitPath(Model, frozen=True, kw_only=True):
    """Something that ends a wait: an event, or a condition. A condition that is already true when
    the run comes passes at once, unless ``require_new``: then it has to become true. ``go``
    defaults to the step after.
    """

    event: str | list[str] | None = None
    where: Condition | None = None
    when: Condition | None = None
    require_new: bool = False
    go: str | None = None
    name: str = ""


class WaitDate(Model, frozen=True, kw_only=True):
    """Until a date of the subject (``trait.renewal_date``, a date signal, ``event.NAME``) plus
    ``offset``, at the local time ``at`` if given. ``past``: what to do when that instant is
    over already or the date is unknown: ``skip`` (go on at once), ``exit``, or a step.
    """

    date: str
    offset: str = "0d"
    at: str | None = None
    past: str = "skip"


class WaitReset(Model, frozen=True, kw_only=True):
    """The event that starts the wait anew, at most ``max`` times."""

    event: str | list[str]
    where: Condition | None = None
    max: int = 10


class WeeklyWindow(Model, frozen=True, kw_only=True):
    """Local hours on some weekdays, half-open: ``from: "09:00"``, ``to: "17:00"``. Past midnight
    when ``to`` is not after ``from``. No days given are all days.
    """

    days: list[Weekday] = []
    from_: str = msgspec.field(default="00:00", name="from")
    to: str = "00:00"


class Wait(StepBase, tag="wait", frozen=True, kw_only=True):
    """Waits. One of:

    ``for`` a duration (``3d``), then, with ``at``, until the next such local time (and with
    ``days``, on one of those weekdays); ``at`` alone is the next such time. ``date``: until a date
    of the subject. ``session: true``: until the subject's next session begins. ``paths``: until the
    first of several events or conditions (ties by written order), at most ``timeout``, then
    ``on_timeout``; ``reset`` starts the timeout anew. ``forever: true`` holds people here until an
    exit or goal ends the run. ``windows`` let a run go on only inside them, whatever it waited for,
    and ``jitter`` spreads a timer over so much time after it.
    """

    for_: str | None = msgspec.field(default=None, name="for")
    at: str | None = None
    days: list[Weekday] | None = None
    zone: str | None = None
    """``person`` (the chain person, account, inferred, workspace; the default), ``workspace``, or
    a zone's name.
    """
    date: WaitDate | None = None
    session: bool = False
    paths: list[WaitPath] = []
    timeout: str | None = None
    on_timeout: str | None = None
    reset: WaitReset | None = None
    windows: list[WeeklyWindow] = []
    jitter: str | None = None
    forever: bool = False

    def targets(self) -> Iterable[tuple[str, str]]:
        for place, path in enumerate(self.paths):
            if path.go is not None:
                yield f"paths.{place}.go", path.go
        if self.on_timeout is not None:
            yield "on_timeout", self.on_timeout
        if self.date is not None and self.date.past not in ("skip", "exit"):
            yield "date.past", self.date.past

    def watched(self) -> Iterable[tuple[str, Condition]]:
        return (
            (f"paths.{place}.when", path.when)
            for place, path in enumerate(self.paths)
            if path.when is not None
        )

    def heard(self) -> Iterable[tuple[str, str | list[str], Condition | None]]:
        for place, path in enumerate(self.paths):
            if path.event is not None:
                yield f"paths.{place}.event", path.event, path.where
        if self.reset is not None:
            yield "reset.event", self.reset.event, self.reset.where

    def falls_through(self) -> bool:
        return not self.forever

    def waits(self) -> bool:
        return self.for_ is not None or self.session or self.forever


class WaitLogic(Logic):
    """Waiting: see docs/explain/journeys.md."""


KIND = StepKind(Wait, WaitLogic, "Wait")
