"""What a name in a condition means. Pure and fast; the checker and the compiler of the engine both ask here.

The interface::

    names = Names(workspace)
    names.resolve(expressions.Name(("logins_7d",)), "person")        -> Reference
    names.resolve(name, of, where=True)      inside ``where`` of a signal: only ``property.X``, ``context.X``
    names.resolve(name, of, acquisition=True)   in an acquisition rule: ``page.X campaign.X``, property, trait
    names.resolve(name, of, run=True)        in a journey: also ``event.X`` of the event that started the run,
                                             and ``person.X``, a fact of an entity's person
    names.signal("sessions.current", of)     a signal named by a field (numerator, rollup signal ...)
    names.trait("plan", of)                  a trait or catalogue column named by a field
    names.date("renewal_date", of)           what ``since_date`` and ``until_date`` measure from
    condition(model_condition)               -> expressions.Node, for a text or an all/any/not tree
    parse_name("sessions.current")           -> expressions.Name
    derived("$stage main/activated")         -> Derived("stage", "main", "activated"); None for others
    split_path('address["odd key"].city')    -> ("address", "odd key", "city"); join_path is its inverse

``resolve``, ``signal``, ``trait`` and ``date`` raise ``UnknownNameError`` (or its subclass
``WrongSubjectError``) whose ``fix`` holds the suggestion; ``condition`` and ``parse_name`` raise
``ExpressionError``. ``Reference.of`` is the kind of subject that carries the value (``account`` when
``via_account``, ``person`` when ``via_person``). Value types and scales:

    count     an integer, scale 1                        number   an integer of 1e-6 units
    clock     time since or until a moving base, in ms: compared with durations only, flips by a timer
    duration  an integer of ms that changes with events only (``.current``, ``.previous``, ``.average`` of
              sessions): compared with durations, with each other and with numbers (of ms); else like a count
    score     an integer of 1e-3 points                  date     int ms UTC
    (a prediction is a number: a probability from 0 to 1 or an amount; one of kind time_to is a date)
    text, boolean, json                                  any      a property, typed by what it meets

Where it is not plain: ``slope`` of a score history is a number (1e-6 points a day), its ``min`` and
``change`` are scores; ``.intent`` of a channel is a number; a rollup has the type of its signal for sum, min
and max without weight, ``count`` for count without weight, else number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from ..profiles import expressions
from ..profiles.expressions import ExpressionError, Name
from . import models
from .models import ACCOUNT, PERSON
from .paths import join_path, split_path
from .problems import UnknownNameError, WrongSubjectError, likely
from .value_types import VALUE_TYPES, ValueType, parts_of

Kind = Literal[
    "signal",
    "trait",
    "segment",
    "stage",
    "score",
    "band",
    "velocity",
    "prediction",
    "property",
    "page",
    "campaign",
    "event",
]

RESERVED = frozenset(
    {"account", "trait", "segment", "stage", "score", "band", "velocity", "property", "page", "campaign"}
    | {"event", "person", "prediction"}
)
"""Words that begin a name with a meaning of their own, and so cannot name a signal."""
_ELSEWHERE = {
    "property": "inside `where`",
    "page": "in the acquisition table",
    "campaign": "in the acquisition table",
    "event": "in conditions of a journey",
    PERSON: "in conditions of a journey of an entity",
}
"""Where the other names with a meaning of their own are known."""
PAGE_FIELDS = ("path", "referrer", "url", "title", "search")
NUMERIC = frozenset({"count", "number", "score", "duration"})


__all__ = [
    "Derived",
    "Kind",
    "Names",
    "Reference",
    "ValueType",
    "condition",
    "derived",
    "join_path",
    "parse_name",
    "split_path",
]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a name means: which value of which kind of subject, and of which type."""

    kind: Kind
    of: str
    name: str
    part: str | None
    type: ValueType
    via_account: bool = False
    via_person: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """A derived event: a ``stage`` entered, a ``segment`` entered, or a segment ``left``."""

    kind: Literal["stage", "segment", "left"]
    name: str
    stage: str | None = None


def condition(given: models.Condition) -> expressions.Node:
    """One tree of a condition's text or all/any/not tree. Raises ``ExpressionError``."""
    if isinstance(given, str):
        return expressions.parse(given)
    if given.all_ is not None:
        return expressions.AllOf(tuple(condition(member) for member in given.all_))
    if given.any_ is not None:
        return expressions.AnyOf(tuple(condition(member) for member in given.any_))
    assert given.not_ is not None
    return expressions.NotOf(condition(given.not_))


def parse_name(text: str) -> Name:
    """The name a field holds, such as ``sessions.current``. Raises ``ExpressionError``."""
    node = expressions.parse(text)
    if isinstance(node, expressions.Truth) and isinstance(node.operand, Name):
        return node.operand
    raise ExpressionError("expected one name", text, 1)


def derived(event: str) -> Derived | None:
    """What ``$stage L/S``, ``$segment S`` and ``$left S`` stand for; None for every other event name."""
    word, _, rest = event.partition(" ")
    rest = rest.strip()
    if word == "$stage":
        lifecycle, _, stage = rest.partition("/")
        return Derived("stage", lifecycle, stage)
    if word == "$segment":
        return Derived("segment", rest)
    return Derived("left", rest) if word == "$left" else None


class Names:
    """The names of one workspace. Answers are remembered, so asking twice costs a dictionary look-up."""

    def __init__(self, workspace: models.Workspace) -> None:
        self.workspace = workspace
        self.kinds: tuple[str, ...] = (PERSON, ACCOUNT, *workspace.entities)
        self._known: dict[tuple[tuple[str, ...], str, bool, bool, bool], Reference] = {}
        self._columns: dict[tuple[str, str], ValueType] = {}
        for catalogue in workspace.catalogues.values():
            if catalogue.subject is not None:
                for column, type_ in catalogue.columns.items():
                    self._columns.setdefault((catalogue.subject, column), VALUE_TYPES[type_])
        self._open: set[str] = set()

    def resolve(
        self, name: Name, of: str, where: bool = False, acquisition: bool = False, run: bool = False
    ) -> Reference:
        """What ``name`` means in a condition on a subject of kind ``of``. Raises ``UnknownNameError``."""
        key = (name.parts, of, where, acquisition, run)
        found = self._known.get(key)
        if found is None:
            if where or acquisition:
                found = self._event(name, of, acquisition)
            else:
                found = self._run(name, of) if run else self._state(name, of)
            self._known[key] = found
        return found

    def signal(self, text: str, of: str) -> Reference:
        """The signal (with its part) or prediction that a field names, on the same kind of subject."""
        name = parse_name(text)
        if name.parts[0] in RESERVED and name.parts[0] != "prediction":
            raise UnknownNameError(f"`{text}` is no signal", fix="this field takes the name of a signal")
        return self.resolve(name, of)

    def trait(self, text: str, of: str) -> Reference:
        """The trait (written ``plan`` or ``trait.plan``) or catalogue column that a field names."""
        return self._trait(text.removeprefix("trait."), of)

    def date(self, text: str, of: str) -> Reference:
        """The date trait, else date signal, or predicted date, that a clock is measured from."""
        bare = text.removeprefix("trait.")
        if text.startswith("prediction."):
            found = self.resolve(parse_name(text), of)
        elif bare != text or bare in self.traits(of) or bare not in self.workspace.signals:
            found = self._trait(bare, of)
        else:
            found = self._signal((bare,), of)
        if found.type != "date":
            raise UnknownNameError(
                f"`{text}` is a {found.type}, not a date", fix="declare it with `type: date`"
            )
        return found

    def traits(self, of: str) -> dict[str, ValueType]:
        """The traits and catalogue columns of a kind of subject, with their types."""
        found = {column: type_ for (subject, column), type_ in self._columns.items() if subject == of}
        found.update({n: VALUE_TYPES[t.type] for n, t in self.workspace.traits.items() if t.of == of})
        return found

    # -------------------------------------------------------------------------------------------- conditions

    def _event(self, name: Name, of: str, acquisition: bool) -> Reference:
        head, rest = name.parts[0], name.parts[1:]
        if head == "property" and rest:
            return Reference("property", of, join_path(rest), None, "any")
        if head == "context" and rest and not acquisition:
            return Reference("property", of, join_path(name.parts), None, "any")
        if acquisition:
            if head == "page" and len(rest) == 1:
                if rest[0] not in PAGE_FIELDS:
                    raise UnknownNameError(
                        f"unknown page field `{rest[0]}`", fix=likely(rest[0], PAGE_FIELDS)
                    )
                return Reference("page", of, rest[0], None, "text")
            if head == "campaign" and len(rest) == 1:
                return Reference("campaign", of, rest[0], None, "text")
            if head == "trait" and len(rest) == 1:
                return self._trait(rest[0], of)
            raise UnknownNameError(
                f"`{name}` is not known in an acquisition rule",
                fix="use page.path, page.referrer, page.url, campaign.source, property.X or trait.X",
            )
        raise UnknownNameError(
            f"`{name}` is not known inside `where`, which sees the event alone",
            fix=f"write `property.{name}`",
        )

    def _run(self, name: Name, of: str) -> Reference:
        head, rest = name.parts[0], name.parts[1:]
        if head == "event" and rest:
            return Reference("event", of, join_path(rest), None, "any")
        if head != PERSON or not rest:
            return self._state(name, of)
        if of in (PERSON, ACCOUNT):
            bare = ".".join(rest)
            fix = f"write `{bare}`" if of == PERSON else "use a signal of kind `rollup` over its members"
            raise WrongSubjectError(f"`{name}`: a journey of {of} does not write `person.`", fix=fix)
        return replace(self._state(Name(rest), PERSON), via_person=True)

    def _state(self, name: Name, of: str) -> Reference:
        head, rest = name.parts[0], name.parts[1:]
        if head == "account" and rest:
            if of != PERSON:
                fix = f"write `{'.'.join(rest)}`" if of == ACCOUNT else ""
                raise WrongSubjectError(f"`{name}`: only a person has an account; this is of {of}", fix=fix)
            if rest[0] == "account":
                raise UnknownNameError(f"`{name}` says `account.` twice", fix=f"write `{'.'.join(rest)}`")
            return replace(self._state(Name(rest), ACCOUNT), via_account=True)
        if head not in RESERVED:
            return self._signal(name.parts, of)
        if head in _ELSEWHERE:
            raise UnknownNameError(
                f"`{name}` is known only {_ELSEWHERE[head]}",
                fix="define a signal over the events that carry it" if head != PERSON else "",
            )
        if len(rest) != 1:
            raise UnknownNameError(f"`{name}` must be `{head}.NAME`", fix="")
        return self._trait(rest[0], of) if head == "trait" else self._object(head, rest[0], of)

    def _object(self, head: str, name: str, of: str) -> Reference:
        table: Mapping[str, models.Segment | models.Lifecycle | models.Score | models.Prediction]
        kind: Kind
        type_: ValueType = "text"
        if head == "segment":
            table, kind, type_ = self.workspace.segments, "segment", "boolean"
        elif head == "stage":
            table, kind = self.workspace.lifecycles, "stage"
        elif head == "prediction":
            table, kind = self.workspace.predictions, "prediction"
            known = self.workspace.predictions.get(name)
            type_ = "date" if known is not None and known.kind == "time_to" else "number"
        else:
            table = self.workspace.scores
            kind = "score" if head == "score" else "band" if head == "band" else "velocity"
            type_ = "score" if head == "score" else "text"
        word = {"stage": "lifecycle", "band": "score", "velocity": "score"}.get(head, head)
        if name not in table:
            raise UnknownNameError(f"unknown {word} `{name}`", fix=likely(name, table))
        if table[name].of != of:
            _other_subject(f"{head}.{name}", word, table[name].of, of)
        return Reference(kind, of, name, None, type_)

    def _trait(self, name: str, of: str) -> Reference:
        known = self.traits(of)
        if name in known:
            return Reference("trait", of, name, None, known[name])
        for other in (PERSON, ACCOUNT):
            if other != of and name in self.traits(other):
                _other_subject(f"trait.{name}", "trait", other, of)
        fix = likely(name, known) or f"declare it: traits: {{{name}: {{type: string, of: {of}}}}}"
        raise UnknownNameError(f"unknown trait `{name}` of {of}", fix=fix)

    # ----------------------------------------------------------------------------------------------- signals

    def _signal(self, parts: tuple[str, ...], of: str) -> Reference:
        name, rest = parts[0], parts[1:]
        signals = self.workspace.signals
        if name not in signals:
            raise UnknownNameError(f"unknown signal `{name}`", fix=self._meant(name, of))
        signal = signals[name]
        if signal.of != of:
            _other_subject(".".join(parts), "signal", signal.of, of)
        part = ".".join(rest) if rest else None
        types = self.parts(name)
        if part not in types:
            known = [p for p in types if p is not None]
            fix = likely(part or "", known) or (
                f"it has {', '.join(f'.{p}' for p in known)}" if known else ""
            )
            raise UnknownNameError(f"signal `{name}` has no part `.{part}`", fix=fix)
        return Reference("signal", of, name, part, types[part])

    def _meant(self, name: str, of: str) -> str:
        candidates = {n: n for n, s in self.workspace.signals.items() if s.of == of}
        if fix := likely(name, candidates):
            return fix
        for prefix, table in (
            ("trait", self.traits(of)),
            ("segment", self.workspace.segments),
            ("stage", self.workspace.lifecycles),
            ("score", self.workspace.scores),
            ("prediction", self.workspace.predictions),
        ):
            if name in table:
                return f"did you mean `{prefix}.{name}`?"
        return likely(name, self.workspace.signals)

    def parts(self, name: str) -> dict[str | None, ValueType]:
        """The sub-values of a signal with their types; ``None`` is the bare name."""
        signal = self.workspace.signals[name]
        return parts_of(signal, lambda rollup: self._rollup_type(name, rollup))

    def _rollup_type(self, name: str, rollup: models.Rollup) -> ValueType:
        if rollup.weight is not None or rollup.aggregate == "average":
            return "number"
        if rollup.aggregate == "count" or rollup.signal is None:
            return "count"
        if name in self._open:
            return "number"  # a circle of roll-ups, which the checker refuses
        self._open.add(name)
        try:
            return self.signal(rollup.signal, ACCOUNT if rollup.over == "accounts" else PERSON).type
        except (UnknownNameError, ExpressionError):
            return "number"  # the checker reports the unknown signal where it is named
        finally:
            self._open.discard(name)


def _other_subject(name: str, word: str, has: str, of: str) -> NoReturn:
    """Explains that ``name`` belongs to subjects of kind ``has`` and not to those of kind ``of``."""
    fix = f"write `account.{name}`" if has == ACCOUNT and of == PERSON else f"define one with `of: {of}`"
    raise WrongSubjectError(f"{word} `{name.rpartition('.')[2]}` is of {has}, not of {of}", fix=fix)
