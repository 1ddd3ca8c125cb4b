"""A compile unit: everything one kind of subject carries, compiled together from the workspace.

The unit owns the kind's table, the slots that names lead to, the nodes that are evaluated after an operation,
and the handlers of events. Compilation goes in fixed steps: declare (columns and slots), link (who follows
whom), watch (who must look when what changes), finish (operations and functions). Nothing here runs per event
except what it generated.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ..effects import OVERFLOW
from ..errors import SevenfoldError
from ..events.model import CONTEXT
from ..limits import EVALUATION_PASSES_MAX
from ..workspace import models as m
from ..workspace.names import condition as tree_of
from ..workspace.paths import split_path
from . import expressions as x
from .build import Environment, code, expression, name
from .columns import UNKNOWN, UNKNOWN16, UNKNOWN32, Dictionary, Table
from .conditions import Conditions, Place
from .evaluation import Evaluation
from .slots import SCALE, Changes, Slot, unknown
from .wheel import low as packed_low
from .where import Where

Handler = Callable[..., int]
Fire = Callable[[int, int, int, int], int]
Emit = Callable[[int, dict[str, Any]], None]
"""Takes down an effect about the subject in a row, with its data."""


class UnknownNameError(SevenfoldError):
    """A condition or signal names something that the workspace does not define."""

    code = "unknown_name"


class Host(Protocol):
    """What the engine offers a unit."""

    workspace: m.Workspace
    env: Environment
    units: dict[str, Unit]

    def push(self, due: int, low: int, row: int) -> None: ...
    def now(self) -> int: ...
    def add_op(self, kind: int, fire: Fire | None, timer: bool, owner: str) -> int: ...
    def set_fire(self, op: int, fire: Fire) -> None: ...
    def touch(self, account: int) -> None: ...
    def emit(self, unit: Unit, row: int, kind: str, name: str, data: dict[str, Any]) -> None: ...
    def emitter(self, unit: Unit, kind: str, name: str) -> Emit: ...
    def cause(self) -> dict[str, Any]: ...
    def member_rows(self, account: int) -> Iterable[int]: ...
    def child_rows(self, account: int) -> Iterable[int]: ...


class Unit(Evaluation):
    """One kind of subject (person, account, or an entity) compiled."""

    def __init__(
        self, host: Host, kind: str, index: int, capacity_rows: int, pending: frozenset[str] = frozenset()
    ) -> None:
        super().__init__()
        self.host = host
        self.pending = pending
        """Signals whose past is not known: they gather from now on, and everybody sees unknown."""
        self.workspace = host.workspace
        self.env = host.env
        self.kind = kind
        self.index = index
        self.table = Table(host.env, kind, capacity_rows)
        self.born = self.table.add(".born", "int32", widens=True)
        self.closed = ""
        self.stirring: Callable[[Handler], Handler] | None = None
        """What goes around the functions for derived events, if somebody wants to know of them."""
        self.account_of = self.table.add(".account", "int32").name if kind == m.PERSON else ""
        self.parent_of = self.table.add(".parent", "int32").name if kind == m.ACCOUNT else ""
        self.slots: dict[tuple[str, ...], Slot] = {}
        self.conditions = Conditions(host.env, self)
        self.changes = Changes(host.env, host.env.bind(self.touch, "touch").id)
        self.signals: dict[str, Any] = {}
        self.ids: dict[int, str] = {}
        """Subject ids by row, kept ready for effects."""
        self._read_places: dict[tuple[str, ...], Place] = {}
        self.dictionaries: dict[str, Dictionary] = {}
        self.trends: list[Any] = []
        self.rollups: list[Any] = []
        self.score_histories: list[Any] = []
        self.trait_moves: dict[str, list[Callable[[int, int, int], int]]] = {}
        self.followers: dict[str, list[Any]] = {}
        self.stage_clocks: dict[str, list[Any]] = {}
        self.ops: dict[int, int] = {}
        self._changers: dict[int, Callable[[int, int, int], int]] = {}
        self.handlers: dict[tuple[str, str], Handler | None] = {}
        self._by_signature: dict[tuple[int, ...], Handler | None] = {}
        self._streams: list[Any] = []
        self._wheres: dict[str, ast.expr] = {}
        self.whole_body = False
        self.properties: dict[str, str] = {}
        self.declaring = ""

    # -------------------------------------------------------------------------------------------- declaration

    def add_slot(self, parts: tuple[str, ...], slot: Slot) -> None:
        """Makes a slot readable under a dotted name."""
        assert parts not in self.slots, parts
        self.slots[parts] = unknown(self.env, slot) if parts[0] in self.pending else slot

    def op(self, fire: Fire | None, *, timer: bool = False) -> int:
        """Registers what happens when an entry of the wheel falls due; returns its number.

        None: `fires` says it later.
        """
        number = self.host.add_op(self.index, fire, timer, f"{self.kind}.{self.declaring}")
        self.ops[number] = packed_low(self.index, number, timer)
        return number

    def fires(self, op: int, hint: str, body: list[ast.stmt]) -> None:
        """Gives an operation its generated function (locals row, due, entries, value)."""
        self.host.set_fire(op, self.env.function(hint, ["row", "due", "entries", "value"], body))

    def low(self, op: int) -> int:
        """The packed constant of an operation."""
        return self.ops[op]

    def dictionary(self, label: str) -> Dictionary:
        """The dictionary of a text attribute."""
        return self.dictionaries.setdefault(label, Dictionary())

    def tree(self, condition: m.Condition) -> x.Node:
        """A condition of the workspace as one tree."""
        return tree_of(condition)

    # ------------------------------------------------------------------------------------------------ reading

    def place(self, at: x.Name) -> Place:
        """Where a name leads. Raises UnknownNameError."""
        parts = at.parts
        if parts[0] == m.ACCOUNT and self.kind == m.PERSON and len(parts) > 1:
            return Place(self.host.units[m.ACCOUNT].slot_of(parts[1:], at), True)
        return Place(self.slot_of(parts, at), False)

    def slot_of(self, parts: tuple[str, ...], at: x.Name) -> Slot:
        found = self.slots.get(parts)
        if found is None:
            raise UnknownNameError(
                f"unknown name `{at}` for a {self.kind}", fix="run `sevenfold check` on the workspace"
            )
        return found

    def catalogue_keys(self, catalogue: str | None) -> list[str]:
        """The key column of a catalogue, as texts."""
        if catalogue is None:
            return []
        table = self.workspace.catalogues[catalogue]
        return [str(row[table.key]) for row in table.rows if row.get(table.key) is not None]

    def show(self, slot: Slot, row: int) -> Any:
        """A slot's value for people: natural units, texts, truth values, None when unknown."""
        if slot.clock is not None:
            return None
        value: int = self.env.scope[slot.column][row]
        if slot.bit:
            return bool(value & slot.bit)
        if slot.unknown is not None and value == slot.unknown:
            return None
        if slot.type == "text":
            if slot.codes is not None:
                return next((text for text, code in slot.codes.items() if code == value), None)
            return slot.dictionary.texts[value] if slot.dictionary is not None else None
        if slot.type == "boolean":
            return value == 2
        if slot.type == "json":
            return True
        scale = SCALE[slot.type]
        return value if scale == 1 else value / scale

    def read_name(self, at: x.Name, row: int) -> Any:
        """The value behind a name for people; clocks in ms."""
        place = self._read_places.get(at.parts)
        if place is None:
            place = self._read_places[at.parts] = self.place(at)
        unit = self.host.units[m.ACCOUNT] if place.via_account else self
        subject = self.env.scope[self.account_of][row] if place.via_account else row
        if place.slot.clock is not None:
            known = place.slot.label not in unit.pending
            return unit.signals[place.slot.label].read(subject) if known else None
        if not place.via_account:
            return unit.show(place.slot, row)
        # Members know their account as of its last tick.
        seen = self.env.scope[self.closed][subject]
        return unit.show(dataclasses.replace(place.slot, column=place.slot.shadow), subject) if seen else None

    def push(self, due: int, low: int, row: int) -> None:
        self.host.push(due, low, row)

    def now(self) -> int:
        return self.host.now()

    def touch(self, row: int) -> None:
        """An account's fact that members' conditions read has changed: it closes at the next tick."""
        self.host.touch(row)

    def overflow(self, row: int) -> None:
        self.host.emit(self, row, OVERFLOW, self.kind, {"passes": EVALUATION_PASSES_MAX})

    def member_rows(self, account: int) -> Iterable[int]:
        return self.host.member_rows(account)

    def child_rows(self, account: int) -> Iterable[int]:
        return self.host.child_rows(account)

    # ------------------------------------------------------------------------------------------------ changes

    def changer(self, slot: Slot) -> Callable[[int, int, int], int]:
        """A function (row, old, new) -> mask for changes made outside handlers."""
        found = self._changers.get(id(slot))
        if found is None:
            if slot.watched:
                body = [
                    *code("if old == new:\n    return 0\nd = 0"),
                    *self.changes.after(slot, name("old"), name("new")),
                    *code("return d"),
                ]
                found = self.env.function(f"changed_{slot.label}", ["row", "old", "new"], body)
            else:
                found = _unwatched
            self._changers[id(slot)] = found
        return found

    def changed(self, slot: Slot, row: int, old: int, new: int) -> int:
        return self.changer(slot)(row, old, new)

    def moved(self, column: str, row: int, t: int) -> int:
        """A date column took another value: clocks that follow it move."""
        mask = 0
        for follower in self.followers.get(column, ()):
            mask |= follower.follow(row, t)
        return mask

    def trait_known(self, trait: str, row: int) -> bool:
        slot = self.slots["trait", trait]
        return bool(self.env.scope[slot.column][row] != slot.unknown)

    # ----------------------------------------------------------------------------------------------- handlers

    def read_property(self, path: str) -> ast.expr:
        """The expression that reads a property of the event at hand (locals p)."""
        if path == "$":
            self.whole_body = True
            return name("body")
        parts = split_path(path)
        return self._read(in_context(parts) if parts[0] == "context" and len(parts) > 1 else parts)

    def _read(self, parts: tuple[str, ...]) -> ast.expr:
        head, *rest = parts
        field = self.properties.setdefault(head, "")
        read = expression("p.FIELD") if field == "" else ast.Attribute(name("p"), field, ast.Load())
        if rest:
            return expression(
                "DIG(V, PATH)", DIG=name("dig"), V=read, PATH=self.env.bind(tuple(rest), "path")
            )
        return read

    def where_value(self, at: x.Name) -> ast.expr:
        """Reads a name of a `where`: properties, and the event's context."""
        if at.parts[0] == "context" and len(at.parts) > 1:
            return self._read(in_context(at.parts))
        if at.parts[0] != "property" or len(at.parts) < 2:
            raise UnknownNameError(
                f"`{at}` cannot be used in `where`; write property.NAME, or context.NAME for circumstances"
            )
        return self._read(at.parts[1:])

    def touch_value(self, at: x.Name) -> ast.expr:
        """Reads a name of an acquisition rule: page, campaign, property or trait."""
        if at.parts[0] == "property":
            return self.where_value(at)
        path = self.env.bind(at.parts[1:], "path")
        if at.parts[0] == "page":
            return expression("PAGE(p, ev, PATH)", PAGE=name("touch_page"), PATH=path)
        if at.parts[0] == "campaign":
            return expression("CAMPAIGN(ev, PATH)", CAMPAIGN=name("touch_campaign"), PATH=path)
        if at.parts[0] == "trait":
            reader = self.env.bind(lambda row: self.read_name(at, row), "trait")
            return expression("READ(row)", READ=reader)
        raise UnknownNameError(
            f"`{at}` cannot be used in an acquisition rule (page., campaign., property. or trait.)"
        )

    def collect(self) -> None:
        """Gathers every signal's streams, in written order."""
        for signal in self.signals.values():
            self._streams += signal.streams()

    def handler(self, type_: str, event: str) -> Handler | None:
        """The function that updates this kind's signals for an event; None when no signal listens."""
        key = (type_, event)
        try:
            return self.handlers[key]
        except KeyError:
            pass
        chosen = tuple(
            i for i, s in enumerate(self._streams) if any(listens(p, type_, event) for p in s.events)
        )
        if chosen not in self._by_signature:
            self._by_signature[chosen] = self._build(f"on_{event or type_}", chosen) if chosen else None
        if len(self.handlers) >= 20_000:
            # Clients may invent names without end; the functions are few, only this look-up is dropped.
            self.handlers.clear()
        made = self._by_signature[chosen]
        if type_ == "derived" and made is not None and self.stirring is not None:
            made = self.stirring(made)
        self.handlers[key] = made
        return made

    def _build(self, hint: str, chosen: tuple[int, ...]) -> Handler:
        self.whole_body = False
        body: list[ast.stmt] = []
        guards: dict[str, str] = {}
        for index in chosen:
            stream = self._streams[index]
            statements = stream.emit()
            if stream.where is None:
                body += statements
                continue
            tree = self.tree(stream.where)
            text = x.show(tree)
            if text not in guards:
                guards[text] = f"w{len(guards)}"
                true = Where(self.env, self.where_value).truth(tree)[0]
                body += [ast.Assign([ast.Name(guards[text], ast.Store())], true)]
            body += code("if W:\n    BODY", W=name(guards[text]), BODY=statements)
        start = code("d = 0")
        if self.whole_body:
            start += code("body = WHOLE()", WHOLE=name("whole_body"))
        return self.env.function(
            hint, ["row", "te", "t", "seq", "p", "ev"], [*start, *body, *code("return d")]
        )


def in_context(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The path of a part of the event's context: to the decoder it is one more property."""
    return (CONTEXT + parts[1], *parts[2:])


def _unwatched(row: int, old: int, new: int) -> int:
    return 0


def listens(pattern: str, type_: str, event: str) -> bool:
    """Whether a stream's pattern takes an event: a name, a prefix with `*`, `*`, or a type's pseudo name."""
    if pattern == "$any":
        return type_ not in ("derived", "alias")
    if type_ == "derived":
        return pattern == event or (
            pattern[0] == "$" and pattern[-1] == "*" and event.startswith(pattern[:-1])
        )
    if pattern == "$page" or pattern == "$screen":
        return type_ == pattern[1:]
    if type_ not in ("track", "page", "screen"):
        return False
    if pattern.endswith("*"):
        return event.startswith(pattern[:-1])
    return pattern == event


__all__ = [
    "UNKNOWN",
    "UNKNOWN16",
    "UNKNOWN32",
    "Handler",
    "Host",
    "Unit",
    "UnknownNameError",
    "listens",
]
