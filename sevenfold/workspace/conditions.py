"""Whether conditions parse, name what exists, and give each operator types it can take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from ..limits import NUMBER_MAGNITUDE_MAX, WINDOW_MS_MAX
from ..profiles import expressions as x
from . import models
from .models import Condition
from .names import NUMERIC, Names, Reference
from .problems import Path, UnknownNameError, likely
from .report import DAY_MS, Report

_DURATION = "length of time"
"""The type of a duration constant; only clocks and session lengths can be compared with it."""
_NEVER_UNKNOWN = (models.Count, models.Sum, models.Distinct, models.ActiveDays)
_WORDS = {"count": "number", "score": "score", "any": "property", "clock": "time since or until something"}


@dataclass(frozen=True, slots=True)
class RunScope:
    """What a condition of a journey may read besides its subject: ``event.X``, if the journey is started by
    something that carries an event, and facts of an entity's person.
    """

    event: bool


class Conditions:
    """Checks conditions one at a time and remembers which signals they used."""

    def __init__(self, names: Names, report: Report) -> None:
        self.names = names
        self.report = report
        self.used: set[str] = set()
        self._of = ""
        self._path: Path = ()
        self._scope = (False, False)
        self._run: RunScope | None = None

    def check(
        self,
        given: Condition | None,
        path: Path,
        of: str,
        where: bool = False,
        acquisition: bool = False,
        run: RunScope | None = None,
    ) -> None:
        """Reports everything wrong with the condition at ``path`` on subjects of kind ``of``."""
        if given is None:
            return
        if isinstance(given, models.Group):
            for key, members in (("all", given.all_), ("any", given.any_)):
                if members == []:
                    self.report.error((*path, key), "wrong_value", f"`{key}` has no members")
                for index, member in enumerate(members or []):
                    self.check(member, (*path, key, index), of, where, acquisition, run)
            self.check(given.not_, (*path, "not"), of, where, acquisition, run)
            return
        try:
            node = x.parse(given)
        except x.ExpressionError as error:
            self.report.error(path, "bad_expression", str(error.message))
            return
        self._of, self._path, self._scope, self._run = of, path, (where, acquisition), run
        self._node(node)

    def resolve(
        self,
        name: x.Name,
        path: Path,
        of: str,
        where: bool,
        acquisition: bool,
        run: RunScope | None = None,
    ) -> Reference | None:
        """What the name means, or None with the problem reported."""
        try:
            found = self.names.resolve(name, of, where, acquisition, run is not None)
        except UnknownNameError as error:
            self.report.error(path, error.code, error.message, error.fix)
            return None
        if found.kind == "signal":
            self.used.add(found.name)
        if run is not None and found.kind == "event" and not run.event:
            message = f"`{name}` is never known: no trigger of this journey brings an event"
            fix = "add a trigger of kind `event`, `business` or `api`, or use a signal"
            self.report.error(path, "unknown_name", message, fix)
        else:
            return found
        return None

    def _wrong(self, message: str, fix: str = "", code: str = "type_mismatch") -> None:
        self.report.error(self._path, code, message, fix)

    def _name(self, name: x.Name) -> Reference | None:
        return self.resolve(name, self._path, self._of, *self._scope, self._run)

    def _node(self, node: x.Node) -> None:
        match node:
            case x.AllOf(members) | x.AnyOf(members):
                for member in members:
                    self._node(member)
            case x.NotOf(member):
                self._node(member)
            case x.Exists(name):
                self._exists(name)
            case x.Truth(operand):
                if isinstance(operand, x.Name):
                    self._truth(operand)
            case x.TextTest(op, left, _):
                found = self._name(left)
                if found is not None and found.type == "json":
                    self._json(left)
                elif found is not None and found.type not in ("text", "any"):
                    self._wrong(f"`{op}` needs a text, but `{left}` is a {_word(found.type)}")
            case x.Member(left, values):
                self._member(left, values)
            case x.Compare(op, left, right):
                self._compare(op, left, right)

    def _exists(self, name: x.Name) -> None:
        found = self._name(name)
        if found is None:
            return
        signal = self.names.workspace.signals.get(found.name) if found.kind == "signal" else None
        counts = isinstance(signal, _NEVER_UNKNOWN)
        if not found.via_account and (found.kind == "segment" or counts):
            fix = "compare it with 0" if counts else "use it as a condition by itself"
            self.report.warning(self._path, "always_known", f"`{name}` is never unknown", fix)

    def _truth(self, name: x.Name) -> None:
        found = self._name(name)
        if found is not None and found.type == "json":
            self._json(name)
        elif found is not None and found.type not in ("boolean", "any"):
            fix = (
                f"compare it, such as `{name} > 14d`"
                if found.type == "clock"
                else "compare it with something"
            )
            self._wrong(f"`{name}` is a {_word(found.type)}, not true or false", fix)

    def _json(self, name: x.Name) -> None:
        message = f"`{name}` is of type json, which no comparison knows"
        self.report.warning(self._path, "never_known", message, "name a path inside it as a typed trait")

    def _member(self, left: x.Name, values: tuple[x.Value, ...]) -> None:
        found = self._name(left)
        if found is None:
            return
        if found.type == "json":
            self._json(left)
            return
        for value in values:
            self._constant(value)
            if not self._fits("==", str(left), found.type, "a constant", _type_of(value)):
                return
        self._values(found, (value for value in values if isinstance(value, str)))

    def _compare(self, op: str, left: x.Operand, right: x.Operand) -> None:
        sides = [self._side(left), self._side(right)]
        if None in sides:
            return
        (a, a_type), (b, b_type) = [side for side in sides if side is not None]
        if isinstance(left, x.Literal) and isinstance(right, x.Literal):
            self._wrong("two constants are compared", "name a signal or trait on one side", "wrong_value")
        elif "json" in (a_type, b_type):
            self._json(left if isinstance(left, x.Name) and a_type == "json" else x.Name((b,)))
        elif self._one_subject(left, right) and self._fits(op, a, a_type, b, b_type):
            for name, other in ((left, right), (right, left)):
                literal = other.value if isinstance(other, x.Literal) else None
                if isinstance(name, x.Name) and isinstance(literal, str):
                    found = self.names.resolve(name, self._of, *self._scope, self._run is not None)
                    self._values(found, [literal])

    def _one_subject(self, *sides: x.Operand) -> bool:
        """Whether a comparison reads one of: the event, an entity's person, the subject itself."""
        if self._run is None:
            return True
        named = [side for side in sides if isinstance(side, x.Name)]
        named += [name for side in sides if isinstance(side, x.Linear) for _, name in side.terms]
        found = [self.names.resolve(name, self._of, *self._scope, True) for name in named]
        if len({(one.kind == "event", one.via_person) for one in found}) <= 1:
            return True
        shown = " and ".join(f"`{name}`" for name in named)
        fix = "compare each with a constant; a signal with `where` or a trait can carry the other"
        self._wrong(f"{shown} belong to different things, and one comparison reads one of them", fix)
        return False

    def _side(self, operand: x.Operand) -> tuple[str, str] | None:
        """How messages call an operand, and its type; None when it is wrong already."""
        if isinstance(operand, x.Name):
            found = self._name(operand)
            return None if found is None else (str(operand), found.type)
        if isinstance(operand, x.Literal):
            self._constant(operand.value)
            return "a constant", _type_of(operand.value)
        self._constant(operand.constant)
        for factor, name in operand.terms:
            self._constant(factor)
            found = self._name(name)
            if found is None:
                return None
            if found.type not in NUMERIC and found.type != "any":
                self._wrong(f"`{name}` is a {_word(found.type)}, which cannot be added or multiplied")
                return None
        return "a sum", "number"

    def _constant(self, value: x.Value) -> None:
        if isinstance(value, Fraction) and abs(value) > NUMBER_MAGNITUDE_MAX:
            self._wrong("a number is beyond 9e12", code="bad_number")
        elif isinstance(value, x.Duration) and value.ms > WINDOW_MS_MAX:
            self._wrong("a duration is too long", f"at most {WINDOW_MS_MAX // DAY_MS}d", "bad_duration")

    def _fits(self, op: str, a: str, a_type: str, b: str, b_type: str) -> bool:
        """Whether ``op`` may compare the two types; reports it when not."""
        types = {a_type, b_type}
        if "clock" in types:
            named = a if a_type == "clock" else b
            if types != {"clock", _DURATION}:
                self._wrong(f"`{named}` is compared with durations only", f"such as `{named} > 14d`")
                return False
            if op in ("==", "!="):
                self._wrong(f"`{named}` moves all the time, so `{op}` has no meaning", "use > or <=")
            return op not in ("==", "!=")
        if _DURATION in types:
            named, other = (b, b_type) if a_type == _DURATION else (a, a_type)
            if other != "duration":
                fix = "write milliseconds" if other == "any" else "use a signal of kind `since`"
                self._wrong(f"`{named}` is a {_word(other)}, not a time, and no duration fits it", fix)
            return other == "duration"
        if "any" in types or types <= NUMERIC:
            return True
        if "date" in types:
            if types == {"date"}:
                return True
            self._wrong("a date is compared with dates only", "define a `since_date` or `until_date` signal")
            return False
        if len(types) == 2:
            self._wrong(f"{_called(a, a_type)} never equals {_called(b, b_type)}")
            return False
        if op not in ("==", "!="):
            self._wrong(f"`{a}` is a {_word(a_type)} and has no order", "use == or in (...)")
            return False
        return True

    def _values(self, found: Reference, given: Iterable[str]) -> None:
        """Reports texts that a stage, band, velocity, channel or next milestone can never be."""
        known = known_texts(self.names.workspace, found)
        for text in given if known is not None else ():
            if text in (known or ()):
                continue
            what = {"signal": found.part or "channel"}.get(found.kind, found.kind)
            if found.kind == "band" and text == "unknown":
                message, fix = (
                    "below the coverage floor a band is not known",
                    f"write `missing band.{found.name}`",
                )
            else:
                message = f"`{found.name}` has no {what} `{text}`"
                fix = likely(text, known or ()) or f"it has {', '.join(known or ())}"
            self._wrong(message, fix, "unknown_name")


def known_texts(workspace: models.Workspace, found: Reference) -> tuple[str, ...] | None:
    """The closed set of texts a reference can be, or None when it is open."""
    if found.kind == "stage":
        return tuple(stage.name for stage in workspace.lifecycles[found.name].stages)
    if found.kind == "band":
        return tuple(band.name for band in workspace.scores[found.name].bands)
    if found.kind == "velocity":
        return ("up", "flat", "down")
    signal = workspace.signals.get(found.name) if found.kind == "signal" else None
    if isinstance(signal, models.Channel) and found.part is None and workspace.acquisition:
        return tuple(dict.fromkeys(rule.channel for rule in workspace.acquisition))
    if isinstance(signal, models.Milestones) and found.part == "next":
        return tuple(step.name for step in signal.steps)
    return None


def _type_of(value: x.Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    return "number" if isinstance(value, Fraction) else _DURATION


def _called(name: str, type_: str) -> str:
    """``the text `trait.plan` `` for a name, ``a text`` for a constant or sum."""
    return f"a {_word(type_)}" if name.startswith("a ") else f"the {_word(type_)} `{name}`"


def _word(type_: str) -> str:
    return _WORDS.get(type_, type_)
