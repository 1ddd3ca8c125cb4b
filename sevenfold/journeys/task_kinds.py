"""A kind of task, compiled: its business hours, and the conditions of its owner rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from ..errors import SevenfoldError
from ..events.times import parse_ms
from .calendars import BusinessCalendar
from .evidence import name_of, names_in
from .owners import Choice, Roster
from .people import Calendar, TaskKind
from .times import parse_duration
from .windows import Windows, parse_window
from .zones import DAY, zone

if TYPE_CHECKING:
    from ..lifecycle.compile import CompiledUnit
    from ..workspace.models import Workspace

Asks = Sequence[Callable[[int], bool] | None]


class TaskError(SevenfoldError):
    """A kind of task names a calendar or a name that does not exist, or a length that has no hours."""

    code = "bad_task"


class Clock(Protocol):
    """A clock that may stand still at night: `BusinessCalendar`, or one that always runs."""

    def add(self, ms: int, work_ms: int) -> int:
        """The instant by which it has run for `work_ms` since `ms`."""
        ...

    def between(self, start: int, end: int) -> int:
        """How long it runs in [start, end)."""
        ...


class AlwaysOpen:
    """The clock of kinds without a calendar."""

    def add(self, ms: int, work_ms: int) -> int:
        return ms + work_ms

    def between(self, start: int, end: int) -> int:
        return end - start


def clock_of(calendar: Calendar, zone_name: str) -> BusinessCalendar:
    """The clock of a workspace's calendar; `zone_name` where it names none. Raises `JourneyTimeError`."""
    windows = Windows(parse_window(one.days, one.from_, one.to) for one in calendar.windows)
    days = [ms // DAY for text in calendar.holidays if (ms := parse_ms(text)) is not None]
    return BusinessCalendar(windows, zone(calendar.zone or zone_name), days)


def business_ms(text: str) -> int:
    """A length of business time: `48h` are 48 hours of work, `1d` is 24 of them. Raises `TaskError`."""
    found = parse_duration(text)
    if found.months or found.ms < 0:
        raise TaskError(f"`{text}` has no fixed number of hours", fix="write hours, such as 48h")
    return found.ms


class CompiledKind:
    """A kind of task. Raises `TaskError` for what does not exist."""

    def __init__(
        self, name: str, model: TaskKind, workspace: Workspace, unit: CompiledUnit, asks: Asks
    ) -> None:
        self.name, self.model, self.unit, self._asks = name, model, unit, asks
        self.clock: Clock = AlwaysOpen()
        if model.calendar is not None:
            calendar = workspace.calendars.get(model.calendar)
            if calendar is None:
                known = ", ".join(sorted(workspace.calendars)) or "none is written"
                raise TaskError(f"task `{name}`: there is no calendar `{model.calendar}`", fix=f"of {known}")
            self.clock = clock_of(calendar, workspace.timezone)
        self.due = business_ms(model.due)
        self.after = [business_ms(one.after) for one in model.escalate]
        if self.after != sorted(self.after):
            raise TaskError(f"task `{name}`: escalations are not in order", fix="write the earliest first")
        for text in [*model.evidence, *names_in(model.talk_track), *names_in(model.title)]:
            name_of(text)

    def due_at(self, t: int) -> int:
        """When a task opened at `t` has to be done."""
        return self.clock.add(t, self.due)

    def choose(self, roster: Roster, unit: CompiledUnit, row: int, day: int) -> Choice:
        """The owner of a task about a subject. Rules with a condition are about the kind's own subjects."""

        def holds(place: int) -> bool:
            ask = self._asks[place]
            return ask is None or (unit is self.unit and ask(row))

        return roster.choose(self.model.owners, holds, lambda trait: trait_of(unit, row, trait), day)


def trait_of(unit: CompiledUnit, row: int, trait: str) -> object:
    """A trait of a subject, else of the account that the person belongs to first."""
    found = unit.traits.values(row).get(trait)
    if found is None and unit.account_of:
        account = unit.env.scope[unit.account_of][row]
        if account:
            units = unit.host.units
            return trait_of(units["account"], account, trait)  # type: ignore[arg-type]
    return found


__all__ = ["AlwaysOpen", "Clock", "CompiledKind", "TaskError", "business_ms", "clock_of", "trait_of"]
