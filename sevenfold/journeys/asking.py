"""Conditions of journeys as functions of a run: facts of its subject, of an entity's person, and of
the event.

A condition over the subject's own facts becomes one generated function. One that mixes facts of
several kinds is combined from one function for each atom, with the same three-valued logic.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from ..profiles import expressions as x
from ..profiles.build import code, expression
from ..profiles.where import Where, dig
from ..workspace.base import Condition

if TYPE_CHECKING:
    from ..lifecycle.compile import CompiledUnit
    from .runs import RunView
    from .runtime import Journeys

Ask = Callable[["RunView"], bool]
Pair = tuple[Ask, Ask]
"""Is true, is false; unknown when neither."""
EVENT, PERSON_NAME = "event", "person"


class Asking:
    """Compiles the conditions of one journey's subject kind."""

    def __init__(self, journeys: Journeys, unit: CompiledUnit) -> None:
        self.journeys = journeys
        self.unit = unit
        self.env = unit.env
        self.of_person = False
        """Whether runs of an entity look at changes of its person."""

    def register(self, condition: Condition, bit: int) -> None:
        """What must be known before functions are made: clocks' offsets, what members see of accounts.

        `bit` marks the subject's runs to be looked at when anything the condition reads changes; 0:
        nobody waits.
        """
        for atom in x.atoms(self.unit.tree(condition)):
            unit, at = self._unit_of(atom)
            if unit is None:
                continue
            seen_by_members = any(unit.place(each).via_account for each in x.names(at))
            if bit and unit is self.unit:
                unit.conditions.watch(at, bit)
            elif bit:
                # The person of an entity: what becomes of them moves the entity's runs.
                unit.conditions.watch(at, self.journeys.person_bit)
                self.of_person = True
            elif seen_by_members:
                unit.conditions.watch(at, self.journeys.bit_of(unit))
            elif any(unit.place(each).slot.clock is not None for each in x.names(at)):
                unit.conditions.watch(at, 0)

    def true(self, condition: Condition) -> Ask:
        """Whether the condition is true; unknown is not."""
        return self.pair(condition)[0]

    def unknown(self, condition: Condition) -> Ask:
        """Whether it is neither true nor false."""
        true, false = self.pair(condition)
        return lambda run: not true(run) and not false(run)

    def pair(self, condition: Condition) -> Pair:
        """Both halves of a condition."""
        return self._pair(self.unit.tree(condition))

    def properties(self, condition: Condition) -> set[str]:
        """Names after `event.` in a condition."""
        return {
            each.parts[1]
            for each in x.names(self.unit.tree(condition))
            if each.parts[0] == EVENT and len(each.parts) > 1
        }

    def _pair(self, tree: x.Node) -> Pair:
        kinds = {self._kind(each) for each in x.names(tree)}
        if kinds <= {"own"}:
            return self._own(self.unit, tree, lambda run: run.row)
        if kinds == {PERSON_NAME}:
            return self._own(self.journeys.fold.person, _without(tree, PERSON_NAME), lambda run: run.person)
        if kinds == {EVENT}:
            return self._event(tree)
        if isinstance(tree, x.NotOf):
            true, false = self._pair(tree.member)
            return false, true
        if isinstance(tree, x.AllOf | x.AnyOf):
            pairs = [self._pair(member) for member in tree.members]
            trues, falses = [t for t, _ in pairs], [f for _, f in pairs]
            every: Ask = lambda run: all(one(run) for one in (trues if both else falses))  # noqa: E731
            some: Ask = lambda run: any(one(run) for one in (falses if both else trues))  # noqa: E731
            both = isinstance(tree, x.AllOf)
            return (every, some) if both else (some, every)
        raise AssertionError(f"`{x.show(tree)}` compares facts of different subjects")

    def _own(self, unit: CompiledUnit, tree: x.Node, row_of: Callable[[RunView], int]) -> Pair:
        true, false = unit.conditions.truth(tree)
        is_true = self.env.function("asked", ["row"], code("return TEST", TEST=true))
        is_false = self.env.function("asked_not", ["row"], code("return TEST", TEST=false))
        if unit is self.unit:
            return (lambda run: bool(is_true(run.row))), (lambda run: bool(is_false(run.row)))
        return (lambda run: bool(is_true(row_of(run)))), (lambda run: bool(is_false(row_of(run))))

    def _event(self, tree: x.Node) -> Pair:
        def read(at: x.Name) -> ast.expr:
            path = self.env.bind(tuple(at.parts[2:]), "path")
            reader = self.env.bind(_property, "property")
            return expression("READ(run, HEAD, PATH)", READ=reader, HEAD=at.parts[1], PATH=path)

        true, false = Where(self.env, read).truth(tree)
        is_true = self.env.function("asked_event", ["run"], code("return TEST", TEST=true))
        is_false = self.env.function("asked_event_not", ["run"], code("return TEST", TEST=false))
        return (lambda run: bool(is_true(run))), (lambda run: bool(is_false(run)))

    def _kind(self, each: x.Name) -> str:
        if each.parts[0] == EVENT and len(each.parts) > 1:
            return EVENT
        entity = self.unit.kind not in (PERSON_NAME, "account")
        if each.parts[0] == PERSON_NAME and entity and len(each.parts) > 1:
            return PERSON_NAME
        return "own"

    def _unit_of(self, atom: x.Node) -> tuple[CompiledUnit | None, x.Node]:
        kinds = {self._kind(each) for each in x.names(atom)}
        if EVENT in kinds or not kinds:
            return None, atom
        if kinds == {PERSON_NAME}:
            return self.journeys.fold.person, _without(atom, PERSON_NAME)
        return self.unit, atom


def _property(run: RunView, head: str, path: tuple[str, ...]) -> Any:
    """A property of the event that started the run, UNSET without it."""
    value = run.property(head)
    if value is None:
        return UNSET
    return dig(value, path) if path else value


def _without(node: Any, head: str) -> Any:
    """The same condition with `head.` taken from the front of its names."""
    if isinstance(node, x.Name):
        return x.Name(node.parts[1:]) if node.parts[0] == head else node
    if isinstance(node, tuple):
        return tuple(_without(member, head) for member in node)
    if not dataclasses.is_dataclass(node):
        return node
    parts = {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
    return type(node)(**{label: _without(part, head) for label, part in parts.items()})  # type: ignore[misc]


__all__ = ["Ask", "Asking"]
