"""Waits of the reference: when one begins to wait, what ends it, and when its time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sevenfold.journeys import times
from sevenfold.journeys.dates import date_due
from sevenfold.journeys.inference import resolve_zone
from sevenfold.journeys.windows import Windows, next_open, parse_window
from sevenfold.journeys.zones import UTC_ZONE, Zone, zone
from sevenfold.profiles import expressions as ex

from .signals import Seen, matches
from .values import Date, Value, typed

if TYPE_CHECKING:
    from .journey_runs import Run
    from .journeys import Move, ReferenceJourneys

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Waiting:
    """The step kind `wait`."""

    def __init__(self, journeys: ReferenceJourneys) -> None:
        self.journeys = journeys

    def enter(self, run: Run, model: Any) -> Move:
        t = self.journeys.t
        if model.forever:
            self.journeys.tell("wait", run, until=None)
            return None
        for place, path in enumerate(model.paths):
            if path.when is not None and self._true(run, path.when):
                if not path.require_new and model.decide == "first":
                    return self._over(run, model, path_name(path), self._after(run, path.go))
                if not path.require_new:
                    self._note(run, model, place)
                run.true_before.add(place)
        data: dict[str, Any] = {}
        if model.date is not None:
            due = self._date(run, model, data)
            if due is None or due <= t:
                return self._past(run, model)
        else:
            due = self._due(run, model, data)
            if not model.paths and not model.session and due is not None and due <= t:
                return self._over(run, model, "over", self._after(run, None))
        self.journeys.tell("wait", run, until=due, **data)
        self.journeys.until(run, due)
        return None

    def look(self, run: Run, heard: Seen | None, session: bool) -> Move:
        """Where the wait leads if what it waits for has come; None when it goes on."""
        model: Any = run.plan.steps[run.step]
        if model.__struct_config__.tag != "wait" or run.opening is not None:
            return None
        noted: list[int] = []
        for place, path in enumerate(model.paths):
            if path.event is not None:
                passes = heard is not None and matches(path.event, path.where, heard)
            else:
                true = self._true(run, path.when)
                passes = true and place not in run.true_before
                if not true:
                    run.true_before.discard(place)
            if passes and model.decide == "first":
                return self._over(run, model, path_name(path), self._after(run, path.go))
            if passes:
                noted.append(place)
                if path.when is not None:
                    run.true_before.add(place)
        # What has become true is noted before the first event that is waited for.
        events = [place for place in noted if model.paths[place].event is not None]
        for place in [one for one in noted if one not in events] + events[:1]:
            self._note(run, model, place)
        reset = None if events else model.reset
        resets = reset is not None and heard is not None and matches(reset.event, reset.where, heard)
        if resets and run.resets < reset.max:
            run.resets += 1
            self.journeys.tell("reset", run, resets=run.resets)
            self.journeys.until(run, self._due(run, model, {}))
        if session and model.session:
            return self._over(run, model, "session", self._after(run, None))
        return self._moved(run, model) if model.date is not None else None

    def _note(self, run: Run, model: Any, place: int) -> None:
        if run.noted is None or place < run.noted:
            run.noted = place
            self.journeys.tell("noted", run, outcome=path_name(model.paths[place]))

    def timer(self, run: Run, model: Any) -> Move:
        if run.opening is not None:
            return self._over(run, model, *run.opening)
        if run.noted is not None:
            path = model.paths[run.noted]
            return self._over(run, model, path_name(path), self._after(run, path.go))
        if model.paths or model.session:
            return self._over(run, model, "timeout", self._after(run, model.on_timeout))
        return self._over(run, model, "over", self._after(run, None))

    def thawed(self, run: Run, due: int, still: int) -> int:
        """When a timer falls due after its clock has stood still."""
        model: Any = run.plan.steps[run.step]
        if model.__struct_config__.tag != "wait":
            return due + still
        if model.date is not None or run.opening is not None:
            return due
        if model.at is None:
            return due + still
        late = self._jittered(run, model, 0)
        at, days = times.parse_time_of_day(model.at), times.parse_weekdays(model.days or WEEK)
        return late + times.next_weekday_at(due - late + still, days, at, self._zone(run, model, {}))

    def _after(self, run: Run, go: str | None) -> str:
        return go or self.journeys.follow(run, run.step)

    def _true(self, run: Run, condition: Any) -> bool:
        return self.journeys.holds(run.subject, condition, run.properties) is True

    def _over(self, run: Run, model: Any, outcome: str, to: str) -> Move:
        t = self.journeys.t
        if model.windows:
            data: dict[str, Any] = {}
            windows = Windows([parse_window(w.days or WEEK, w.from_, w.to) for w in model.windows])
            opens = next_open(t, windows, self._zone(run, model, data))
            if opens > t:
                run.opening = (outcome, to)
                self.journeys.tell("wait", run, until=opens, window=True, **data)
                self.journeys.until(run, opens)
                return None
        self.journeys.tell("step", run, outcome=outcome, waited=t - run.since)
        return to

    # ----------------------------------------------------------------------------------------------- times

    def _due(self, run: Run, model: Any, data: dict[str, Any]) -> int | None:
        """When the timer falls due, counted from now; `data` gets the zone if it mattered."""
        t = self.journeys.t
        text = model.timeout if model.paths or model.session else model.for_
        length = None if text is None else times.parse_duration(text)
        at = None if model.at is None else times.parse_time_of_day(model.at)
        if length is None and at is None:
            return None if model.paths or model.session else t
        if at is None:
            assert length is not None
            due = times.add_duration(t, length, self._zone(run, model, data) if length.months else UTC_ZONE)
        else:
            here = self._zone(run, model, data)
            due = t if length is None else times.add_then_at(t, length, at, here)
            due = times.next_weekday_at(due, times.parse_weekdays(model.days or WEEK), at, here)
        return self._jittered(run, model, due)

    def _jittered(self, run: Run, model: Any, due: int) -> int:
        width = times.parse_duration(model.jitter).ms if model.jitter is not None else 0
        return times.jitter(due, width, run.id, run.step, run.visit)

    def _zone(self, run: Run, model: Any, data: dict[str, Any]) -> Zone:
        workspace, person = self.journeys.workspace, run.subject
        if model.zone is None or model.zone == "person":
            given, country = person.trait("timezone"), person.trait("country")
            found = resolve_zone(given, None, country, workspace.timezone)  # type: ignore[arg-type]
            data["zone"], data["from"] = found.zone.name, found.source
            return found.zone
        named = workspace.timezone if model.zone == "workspace" else model.zone
        data["zone"], data["from"] = named, "workspace" if model.zone == "workspace" else "step"
        return zone(named)

    def _date(self, run: Run, model: Any, data: dict[str, Any]) -> int | None:
        """The instant of the wait's date, None when it is unknown."""
        value: Value
        if model.date.date.startswith("event."):
            value = typed(run.properties.get(model.date.date.removeprefix("event.")), "date")
        else:
            value = run.subject.fact(ex.Name(tuple(model.date.date.split("."))), self.journeys.fold.now)
        here = self._zone(run, model, data)
        if not isinstance(value, Date):
            return None
        offset = times.parse_duration(model.date.offset, signed=True)
        at = None if model.date.at is None else times.parse_time_of_day(model.date.at)
        return self._jittered(run, model, date_due(value.ms, offset, at, here))

    def _moved(self, run: Run, model: Any) -> Move:
        due = self._date(run, model, {})
        if due == run.due:
            return None
        if due is None or due <= self.journeys.t:
            return self._past(run, model)
        self.journeys.tell("wait", run, until=due, moved=True)
        self.journeys.until(run, due)
        return None

    def _past(self, run: Run, model: Any) -> Move:
        self.journeys.tell("step", run, outcome="past")
        if model.date.past == "exit":
            run.reason = "date_past"
            return "exit"
        return self._after(run, None) if model.date.past == "skip" else str(model.date.past)


def path_name(path: Any) -> str:
    if path.name:
        return str(path.name)
    if path.event is not None:
        return str(path.event if isinstance(path.event, str) else path.event[0])
    return path.when if isinstance(path.when, str) else "condition"
