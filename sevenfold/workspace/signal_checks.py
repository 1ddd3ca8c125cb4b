"""What each kind of signal must fulfil: its stream, windows, properties and the names it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..limits import EVENT_NAME_CHARS_MAX
from ..profiles import expressions
from ..profiles.expressions import ExpressionError
from . import models
from .conditions import Conditions
from .message_events import WORD, fault_of
from .models import ACCOUNT, PERSON
from .names import NUMERIC, Names, Reference, derived, split_path
from .problems import Path, UnknownNameError, likely
from .report import DAY_MS, Report
from .work_events import fault_of as fault_of_work
from .work_events import is_work_event

_PARTS = frozenset({"stalled", "next"})


class SignalChecks:
    """Checks the signals of one workspace."""

    def __init__(self, names: Names, conditions: Conditions, report: Report) -> None:
        self.names = names
        self.workspace = names.workspace
        self.conditions = conditions
        self.report = report

    def check(self, name: str, signal: models.Signal) -> None:
        """Reports everything wrong with one signal."""
        path: Path = ("signals", name)
        if isinstance(signal, models.StreamSignal):
            self.events((*path, "event"), signal.event, signal.of)
            self.conditions.check(signal.where, (*path, "where"), signal.of, where=True)
        self._windows(path, signal)
        if property_ := getattr(signal, "property", None):
            self._property(path, signal, str(property_))
        match signal:
            case models.Ratio():
                for field in ("numerator", "denominator"):
                    self._numeric((*path, field), getattr(signal, field), signal.of)
            case models.Formula():
                self._formula(path, signal)
            case models.SinceChange():
                self._ask((*path, "trait"), lambda: self.names.trait(signal.trait, signal.of))
            case models.SinceDate() | models.UntilDate():
                self._date(path, signal)
            case models.StageTime():
                self._object((*path, "lifecycle"), "lifecycle", signal.lifecycle, signal.of)
            case models.ScoreHistory():
                self._history(path, signal)
            case models.Milestones():
                self._milestones(path, signal)
            case models.Sequence():
                for field in ("first", "then"):
                    self.events((*path, field), getattr(signal, field), signal.of)
                    where = getattr(signal, f"{field}_where")
                    self.conditions.check(where, (*path, f"{field}_where"), signal.of, where=True)
            case models.Values():
                if signal.catalogue is not None and signal.catalogue not in self.workspace.catalogues:
                    fix = likely(signal.catalogue, self.workspace.catalogues)
                    message = f"unknown catalogue `{signal.catalogue}`"
                    self.report.error((*path, "catalogue"), "unknown_name", message, fix)
                self.report.number((*path, "minimum"), signal.minimum, 1)
            case models.Baseline():
                self.report.number((*path, "minimum"), signal.minimum, 1)
            case models.Rollup():
                self._rollup(path, signal)
            case models.Channel():
                self._channel(path, signal)

    # ----------------------------------------------------------------------------------------------- streams

    def events(self, path: Path, events: str | list[str], of: str) -> None:
        listed = [events] if isinstance(events, str) else events
        if not listed:
            self.report.error(path, "wrong_value", "no event is named", "name one, or `*` for any")
        for index, event in enumerate(listed):
            at = path if isinstance(events, str) else (*path, index)
            meaning = derived(event)
            if not event.strip() or len(event) > EVENT_NAME_CHARS_MAX:
                message = f"an event name has 1 to {EVENT_NAME_CHARS_MAX} characters"
                self.report.error(at, "wrong_value", message)
            elif "*" in event[:-1]:
                message = f"`*` stands only at the end of an event name, not in `{event}`"
                self.report.error(at, "wrong_value", message)
            elif meaning is not None:
                self._derived(at, event, of)
            elif event.partition(" ")[0].rstrip("*") == WORD:
                if fault := fault_of(event, self.workspace.templates):
                    self.report.error(at, "unknown_name", *fault)
                elif of != PERSON:
                    message = "what becomes of messages is told of people"
                    self.report.error(at, "wrong_subject", message, "say `of: person`")
            elif is_work_event(event):
                if wrong := fault_of_work(event, self.workspace, of):
                    self.report.error(at, *wrong)
            elif event.startswith("$"):
                fix = "there are `$stage LIFECYCLE/STAGE`, `$segment SEGMENT`, `$left SEGMENT` and `$message`"
                self.report.error(at, "unknown_name", f"unknown derived event `{event}`", fix)

    def _derived(self, path: Path, event: str, of: str) -> None:
        meaning = derived(event)
        if meaning is None:
            return
        word = "lifecycle" if meaning.kind == "stage" else "segment"
        if self._object(path, word, meaning.name, of) and meaning.kind == "stage":
            stages = [stage.name for stage in self.workspace.lifecycles[meaning.name].stages]
            if meaning.stage not in stages:
                message = f"lifecycle `{meaning.name}` has no stage `{meaning.stage}`"
                fix = likely(meaning.stage or "", stages) or f"it has {', '.join(stages)}"
                self.report.error(path, "unknown_name", message, fix)

    def _property(self, path: Path, signal: models.Signal, property_: str) -> None:
        at = (*path, "property")
        try:
            parts = split_path(property_)
        except ValueError as error:
            self.report.error(at, "wrong_value", str(error))
            return
        if not parts and not (isinstance(signal, models.Last) and signal.type == "json"):
            self.report.error(
                at, "wrong_value", "`$` is the whole body", "only `last` with `type: json` keeps it"
            )

    def _windows(self, path: Path, signal: models.Signal) -> None:
        report = self.report
        match signal:
            case models.Trend():
                report.duration((*path, "window"), signal.window, whole_days=True, at_least_ms=2 * DAY_MS)
            case models.Baseline():
                report.duration((*path, "window"), signal.window, whole_days=True)
                report.duration((*path, "baseline"), signal.baseline, whole_days=True)
            case models.Sessions():
                report.duration((*path, "gap"), signal.gap)
                self._window((*path, "window"), signal.window)
            case models.Sequence():
                report.duration((*path, "within"), signal.within)
                self._window((*path, "window"), signal.window)
            case models.Values():
                report.duration((*path, "quiet"), signal.quiet)
            case models.Milestones():
                for index, step in enumerate(signal.steps):
                    report.duration((*path, "steps", index, "within"), step.within)
            case _:
                self._window((*path, "window"), getattr(signal, "window", None))

    def _window(self, path: Path, text: str | None) -> None:
        """Windows above 35 days count whole days, so they must be written in whole days."""
        ms = self.report.duration(path, text)
        if ms is not None and ms > 35 * DAY_MS and ms % DAY_MS:
            fix = "windows above 35d count whole days"
            self.report.error(path, "bad_duration", f"`{text}` is not in whole days", fix)

    # ------------------------------------------------------------------------------------------------- names

    def _ask(self, path: Path, ask: Callable[[], Reference]) -> Reference | None:
        try:
            found = ask()
        except UnknownNameError as error:
            self.report.error(path, error.code, error.message, error.fix)
            return None
        except ExpressionError as error:
            self.report.error(path, "bad_name", str(error.message))
            return None
        if found.kind == "signal":
            self.conditions.used.add(found.name)
        return found

    def _numeric(self, path: Path, text: str, of: str) -> None:
        found = self._ask(path, lambda: self.names.signal(text, of))
        if found is not None and found.type not in NUMERIC:
            fix = "a time since something is compared with durations" if found.type == "clock" else ""
            self.report.error(path, "type_mismatch", f"`{text}` is a {found.type}, not a number", fix)

    def _formula(self, path: Path, signal: models.Formula) -> None:
        at = (*path, "formula")
        self.report.number((*path, "at_least"), signal.at_least)
        try:
            linear = expressions.parse_linear(signal.formula)
        except ExpressionError as error:
            self.report.error(at, "bad_expression", str(error.message))
            return
        if not linear.terms:
            self.report.error(at, "wrong_value", "the formula names no signal")
        for factor, name in linear.terms:
            self._numeric(at, str(name), signal.of)
            self.report.number(at, float(factor) if abs(factor) < 10**300 else float("inf"))
        self.report.number(at, float(linear.constant) if abs(linear.constant) < 10**300 else float("inf"))

    def _date(self, path: Path, signal: models.SinceDate | models.UntilDate) -> None:
        at = (*path, "date")
        self._ask(at, lambda: self.names.date(signal.date, signal.of))
        if signal.date in self.names.traits(signal.of) and signal.date in self.workspace.signals:
            fix = "write `trait.NAME`, or rename the signal"
            self.report.error(at, "bad_name", f"`{signal.date}` is a trait and a signal", fix)

    def _object(self, path: Path, word: str, name: str, of: str) -> bool:
        tables: Mapping[str, Mapping[str, models.Lifecycle | models.Score | models.Segment]] = {
            "lifecycle": self.workspace.lifecycles,
            "score": self.workspace.scores,
            "segment": self.workspace.segments,
        }
        table = tables[word]
        if name not in table:
            self.report.error(path, "unknown_name", f"unknown {word} `{name}`", likely(name, table))
            return False
        if table[name].of != of:
            message = f"{word} `{name}` is of {table[name].of}, not of {of}"
            self.report.error(path, "wrong_subject", message, f"say `of: {table[name].of}`")
            return False
        return True

    # ----------------------------------------------------------------------------------------- single kinds

    def _history(self, path: Path, signal: models.ScoreHistory) -> None:
        found = self._object((*path, "score"), "score", signal.score, signal.of)
        if found and not self.workspace.scores[signal.score].history:
            message = f"score `{signal.score}` keeps no history"
            self.report.error((*path, "score"), "wrong_value", message, "set `history: true` there")

    def _milestones(self, path: Path, signal: models.Milestones) -> None:
        self.events((*path, "start"), signal.start, signal.of)
        if not signal.steps:
            self.report.error((*path, "steps"), "wrong_value", "there are no steps")
        seen: set[str] = set()
        for index, step in enumerate(signal.steps):
            at: Path = (*path, "steps", index)
            self.events((*at, "event"), step.event, signal.of)
            self.conditions.check(step.where, (*at, "where"), signal.of, where=True)
            if not step.name.isidentifier() or step.name in expressions.KEYWORDS | _PARTS:
                fix = "use letters, digits and _; `stalled`, `next` and words of the language are taken"
                self.report.error((*at, "name"), "bad_name", f"`{step.name}` cannot name a step", fix)
            elif step.name in seen:
                message = f"the step `{step.name}` stands twice"
                self.report.error((*at, "name"), "duplicate_key", message)
            seen.add(step.name)

    def _rollup(self, path: Path, signal: models.Rollup) -> None:
        if signal.of != ACCOUNT:
            message = "a roll-up is an account's total"
            self.report.error((*path, "of"), "wrong_subject", message, "say `of: account`")
            return
        member = ACCOUNT if signal.over == "accounts" else PERSON
        counts = signal.aggregate == "count"
        if counts and signal.signal is not None:
            fix = "write a condition under `when`"
            self.report.error((*path, "signal"), "wrong_value", "`count` takes no signal", fix)
        elif not counts and signal.signal is None:
            message = f"`{signal.aggregate}` needs a `signal` of the members"
            self.report.error((*path, "aggregate"), "missing_field", message)
        elif signal.signal is not None:
            self._numeric((*path, "signal"), signal.signal, member)
        if not counts and signal.when is not None:
            fix = "narrow the members' signal with `where` instead"
            self.report.error((*path, "when"), "wrong_value", "only `count` takes a condition", fix)
        self.conditions.check(signal.when, (*path, "when"), member)
        if signal.weight is not None:
            weight = signal.weight
            at = (*path, "weight")
            found = self._ask(at, lambda: self.names.trait(weight, member))
            if found is not None and found.type != "number":
                self.report.error(at, "type_mismatch", f"trait `{weight}` is a {found.type}, not a number")
            if signal.aggregate in ("min", "max"):
                message = f"`{signal.aggregate}` takes no weight"
                self.report.error(at, "wrong_value", message)

    def _channel(self, path: Path, signal: models.Channel) -> None:
        if signal.of != PERSON:
            self.report.error((*path, "of"), "wrong_subject", "only a person has a channel")
        if not self.workspace.acquisition:
            message = "the workspace has no acquisition table, so no channel is ever known"
            self.report.warning(path, "never_known", message, "add `acquisition:`")
