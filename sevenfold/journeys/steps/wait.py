"""`kind: wait`: for a time, until a local time, a date, the next session, an event or a condition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ...events.times import parse_ms
from ...limits import JOURNEY_RULES_ITEMS_MAX, JOURNEY_VISITS_MAX
from ...profiles.columns import UNKNOWN
from ...workspace.base import Condition, Model
from ..choice_plan import BestTime, audit_best_time
from ..dates import date_due
from ..times import (
    EVERY_DAY,
    NEVER,
    add_duration,
    add_then_at,
    jitter,
    next_weekday_at,
    parse_duration,
    parse_time_of_day,
    parse_weekdays,
)
from ..windows import Windows, next_open, parse_window
from ..zones import UTC_ZONE, Zone
from ..zones import zone as zone_named
from .base import END, STAY, Logic, Move, Run, Site, StepBase, StepKind, Why

if TYPE_CHECKING:
    from ..audit.step import StepFields

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
    when ``to`` is before ``from``. No days given are all days, no hours the whole day.
    """

    days: list[Weekday] = []
    from_: str = msgspec.field(default="00:00", name="from")
    to: str = "24:00"


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
    best: BestTime | None = None
    """Until the hour at which the person is most likely to answer."""
    session: bool = False
    paths: list[WaitPath] = []
    decide: Literal["first", "at_end"] = "first"
    """``at_end``: whatever of ``paths`` happens is noted, and when ``timeout`` is over the first written of
    them decides: the paths are ranked.
    """
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

    def follows(self) -> Iterable[str]:
        if self.date is not None and not self.date.date.startswith("event."):
            yield self.date.date

    def follows_zone(self) -> bool:
        return self.date is not None and self.zone in (None, "person")

    def reads(self) -> Iterable[str]:
        if self.date is not None and self.date.date.startswith("event."):
            yield self.date.date.split(".")[1]

    def falls_through(self) -> bool:
        if not self.paths or self.session:
            return not self.forever
        over = self.timeout is not None and self.on_timeout is None
        return over or any(path.go is None for path in self.paths)

    def waits(self) -> bool:
        # A session, an event or a change has to come while the run is here.
        to_come = all(path.event is not None or path.require_new for path in self.paths)
        listens = self.session or bool(self.paths)
        return self.for_ is not None or self.forever or (listens and to_come)

    def audit(self, at: StepFields) -> None:
        self._audit_form(at)
        self._audit_times(at)
        if len(self.paths) > JOURNEY_RULES_ITEMS_MAX:
            at.error("paths", "too_large", f"{len(self.paths)} paths", f"at most {JOURNEY_RULES_ITEMS_MAX}")
        for index, path in enumerate(self.paths):
            place = ("paths", index)
            at.exactly_one(place, {"event": path.event is not None, "when": path.when is not None}, "a path")
            at.without(path.where is not None and path.event is None, place, "`where` is about an `event`")
            message = "`require_new` is about a condition; an event is always a new one"
            at.without(path.require_new and path.when is None, place, message)
        if self.date is not None:
            self._audit_date(at, self.date)
        if self.best is not None:
            audit_best_time(at, "best", self.best, None)

    def _audit_form(self, at: StepFields) -> None:
        """Which of the forms of waiting it is, and fields that mean nothing in it."""
        listens = self.session or bool(self.paths)
        forms = {
            "for": self.for_ is not None or self.at is not None,
            "date": self.date is not None,
            "session` or `paths": listens,
            "forever": self.forever,
            "best": self.best is not None,
        }
        if not self.windows or any(forms.values()):
            at.exactly_one((), forms, "a wait")
        fix = "a wait for `paths` or a `session` has a timeout"
        at.without(self.timeout is not None and not listens, "timeout", "nothing here can time out", fix)
        message = "there is no `timeout` after which it could happen"
        at.without(self.on_timeout is not None and self.timeout is None, "on_timeout", message)
        late = self.decide == "at_end" and not (self.paths and self.timeout)
        at.without(late, "decide", "only `paths` with a `timeout` can be decided at its end")
        message = "a reset starts the `timeout` of `paths` anew, and there is none"
        at.without(self.reset is not None and not (self.paths and self.timeout), "reset", message)
        at.without(self.days is not None and self.at is None, "days", "`days` say on which days `at` may be")
        at.without(self.days == [], "days", "no day is named", "leave `days` out to mean every day")
        message = "a wait for ever has no time that could be spread"
        at.without(self.jitter is not None and self.forever, "jitter", message)
        at.without(bool(self.windows) and self.forever, "windows", "a wait for ever goes on to nothing")

    def _audit_times(self, at: StepFields) -> None:
        at.calendar_duration("for", self.for_)
        at.calendar_duration("timeout", self.timeout)
        at.duration("jitter", self.jitter)
        at.time_of_day("at", self.at)
        at.zone("zone", self.zone, ("person", "workspace"))
        at.windows("windows", self.windows)
        if self.reset is not None:
            at.number(("reset", "max"), self.reset.max, 1, JOURNEY_VISITS_MAX)

    def _audit_date(self, at: StepFields, date: WaitDate) -> None:
        place = ("date", "date")
        if date.date.startswith("event."):
            at.event_property(place, date.date)
        else:
            at.date(place, date.date, at.of)
        at.offset(("date", "offset"), date.offset)
        at.time_of_day(("date", "at"), date.at)


class WaitLogic(Logic):
    """Waiting: see docs/explain/journeys.md. `run.mark` has a bit for each path that has to become untrue
    first, the way a wait in a closed window takes (from bit 32), the resets (40), the best path so far (56),
    and whether only a window is waited for (61).
    """

    def __init__(self, model: Wait, site: Site) -> None:
        super().__init__(model, site)
        self._for = parse_duration(model.for_) if model.for_ is not None else None
        self._at = parse_time_of_day(model.at) if model.at is not None else None
        self._days = parse_weekdays(model.days) if model.days else EVERY_DAY
        self._timeout = parse_duration(model.timeout) if model.timeout is not None else None
        self._jitter = parse_duration(model.jitter).ms if model.jitter is not None else 0
        windows = [parse_window(w.days or _WEEK, w.from_, w.to) for w in model.windows]
        self._windows = Windows(windows) if windows else None
        self._targets = [site.target(path.go) if path.go else self.following for path in model.paths]
        self._asked = [site.asks(path.when) if path.when is not None else None for path in model.paths]
        self._names = [path.name or _said(path) for path in model.paths]
        self._otherwise = site.target(model.on_timeout) if model.on_timeout is not None else self.following
        self._ways = [
            ("over", self.following),
            ("session", self.following),
            ("timeout", self._otherwise),
            *zip(self._names, self._targets, strict=True),
        ]
        """How a wait can be over, and where it leads then: what a run in a closed window remembers."""
        self._date = _Date(model.date, site) if model.date is not None else None
        self._choices: Any = site.service("choices")
        self._zoned = model.zone or "person"
        self._ranked = model.decide == "at_end"
        self._events = [place for place, path in enumerate(model.paths) if path.event is not None]

    def enter(self, run: Run) -> Move:
        model = self.model
        if model.forever:
            run.tell("wait", self.site.journey, until=None)
            return STAY
        for place, ask in enumerate(self._asked):
            if ask is not None and ask(run):
                if not model.paths[place].require_new:
                    if not self._ranked:
                        return self._over(run, self._names[place], self._targets[place])
                    self._note(run, place)
                run.mark |= 1 << place
        data: dict[str, Any] = {}
        due = self._due(run, data)
        if self._date is not None and due <= run.t:
            return self._past(run)
        if due <= run.t and not model.session and not model.paths:
            return self._over(run, "over", self.following)
        data["until"] = None if due == NEVER else due
        run.tell("wait", self.site.journey, **data)
        return run.until(due)

    def _due(self, run: Run, data: dict[str, Any]) -> int:
        """When the timer fires; `data` gets the zone that decided."""
        t = run.t
        if self.model.best is not None:
            due = int(self._choices.best_time(run, self.model.best))
        elif self._date is not None:
            due = self._date.due(run, self._zone(run, data))
        elif self.model.session or self.model.paths:
            if self._timeout is None:
                return NEVER
            due = add_duration(t, self._timeout, self._zone(run, data) if self._timeout.months else UTC_ZONE)
        elif self._for is None and self._at is None:
            return t
        elif self._at is None:
            assert self._for is not None
            due = add_duration(t, self._for, self._zone(run, data) if self._for.months else UTC_ZONE)
        else:
            zone = self._zone(run, data)
            due = add_then_at(t, self._for, self._at, zone) if self._for is not None else t
            due = next_weekday_at(due, self._days, self._at, zone)
        if self._jitter and due != NEVER:
            due += jitter(0, self._jitter, run.id, run.step, run.visit)
        return due

    def _zone(self, run: Run, data: dict[str, Any]) -> Zone:
        if self._zoned == "person":
            name, source = run.zone()
        elif self._zoned == "workspace":
            name, source = self.site.workspace().timezone, "workspace"
        else:
            name, source = self._zoned, "step"
        data["zone"], data["from"] = name, source
        return zone_named(name)

    def _past(self, run: Run) -> Move:
        past = self.model.date.past
        run.tell("step", self.site.journey, outcome="past")
        if past == "exit":
            run.end_reason = "date_past"
            return END
        return self.following if past == "skip" else self.site.target(past)

    def wake(self, run: Run, why: Why) -> Move:
        if why == "session":
            return self._over(run, "session", self.following)
        if run.mark & _IN_WINDOW:
            # After a pause, or with another zone, the window may be another one by now.
            return self._over(run, *self._ways[run.mark >> 32 & 0xFF])
        best = run.mark >> _BEST & _BEST_MASK
        if best:
            return self._over(run, self._names[best - 1], self._targets[best - 1])
        if self.model.paths or self.model.session:
            return self._over(run, "timeout", self._otherwise)
        return self._over(run, "over", self.following)

    def _note(self, run: Run, place: int) -> None:
        """One of ranked paths happened: the first written so far is kept."""
        best = run.mark >> _BEST & _BEST_MASK
        if not best or place + 1 < best:
            run.mark = run.mark & ~(_BEST_MASK << _BEST) | (place + 1) << _BEST
            run.tell("noted", self.site.journey, outcome=self._names[place])

    def heard(self, run: Run, place: int) -> Move:
        if run.mark & _IN_WINDOW:
            return STAY
        if place < len(self._events):
            at = self._events[place]
            if not self._ranked:
                return self._over(run, self._names[at], self._targets[at])
            self._note(run, at)
            return STAY
        resets = run.mark >> 40 & 0xFFFF
        if resets < self.model.reset.max:
            run.mark += 1 << 40
            run.tell("reset", self.site.journey, resets=resets + 1)
            return run.until(self._due(run, {}))
        return STAY

    def changed(self, run: Run, passed: int) -> Move:
        if run.mark & _IN_WINDOW:
            return STAY
        events = 0
        for place, ask in enumerate(self._asked):
            if ask is None:
                if events == passed and not self._ranked:
                    return STAY
                events += 1
            elif not ask(run):
                run.mark &= ~(1 << place)
            elif not run.mark >> place & 1:
                if not self._ranked:
                    return self._over(run, self._names[place], self._targets[place])
                run.mark |= 1 << place
                self._note(run, place)
        if self._date is not None:
            due = self._due(run, {})
            if due != run.due:
                if due <= run.t or due == NEVER:
                    return self._past(run)
                run.tell("wait", self.site.journey, until=due, moved=True)
                return run.until(due)
        return STAY

    def _over(self, run: Run, outcome: str, target: Move) -> Move:
        """What was waited for is over: on, unless every window is closed."""
        if self._windows is not None:
            data: dict[str, Any] = {}
            zone = self._zone(run, data)
            opens = next_open(run.t, self._windows, zone)
            if opens > run.t:
                run.mark = _IN_WINDOW | self._ways.index((outcome, target)) << 32
                run.tell("wait", self.site.journey, until=opens, window=True, **data)
                return run.until(opens)
        run.tell("step", self.site.journey, outcome=outcome, waited=run.t - run.since)
        return target

    def thawed(self, run: Run, due: int, still: int) -> int:
        """Dates and windows are on the calendar, which no pause stops; a local time stays that local time."""
        if self._date is not None or run.mark & _IN_WINDOW:
            return due
        if self._at is None:
            return due + still
        late = jitter(0, self._jitter, run.id, run.step, run.visit) if self._jitter else 0
        return next_weekday_at(due - late + still, self._days, self._at, self._zone(run, {})) + late

    def alive(self, run: Run) -> bool:
        return bool(self.model.forever or self.model.session or self.model.paths)


class _Date:
    """The date of a wait: a date of the subject, or of the event that started the run."""

    def __init__(self, model: WaitDate, site: Site) -> None:
        self.offset = parse_duration(model.offset, signed=True)
        self.at = parse_time_of_day(model.at) if model.at is not None else None
        parts = tuple(model.date.split("."))
        self.property = parts[1] if parts[0] == "event" else ""
        self.unit = site.plan.unit
        self.of_person = parts[0] == "person" and self.unit.kind not in ("person", "account")
        if self.of_person:
            self.unit, parts = site.plan.journeys.fold.person, parts[1:]
        self.column = "" if self.property else self.unit.slots[parts].column

    def due(self, run: Run, zone: Zone) -> int:
        """The instant; one before all times when the date is unknown."""
        if self.property:
            found = run.property(self.property)
            date = parse_ms(found) if found.__class__ in (str, int, float) else None
        else:
            value = self.unit.env.scope[self.column][run.person if self.of_person else run.row]
            date = None if value == UNKNOWN else value
        return -1 if date is None else date_due(date, self.offset, self.at, zone)


def _said(path: WaitPath) -> str:
    if path.event is not None:
        return path.event if isinstance(path.event, str) else path.event[0]
    return path.when if isinstance(path.when, str) else "condition"


_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_BEST, _BEST_MASK = 56, (1 << 5) - 1
_IN_WINDOW = 1 << 61
assert JOURNEY_RULES_ITEMS_MAX <= _BEST_MASK - 1


KIND = StepKind(Wait, WaitLogic, "Wait")
