"""What an object of a workspace means: its own definition, and everything it reads, also through others.

Spelling and prose are no part of a meaning: ``7d`` is ``1w``, two conditions are one when they read the same,
and descriptions say nothing to the engine. Two workspaces agree about an object when its meanings are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from ..profiles import expressions
from ..profiles.expressions import ExpressionError, Name, parse_duration
from . import models
from .models import ACCOUNT, PERSON
from .names import Names, condition, parse_name
from .order import dependencies
from .problems import UnknownNameError

Object = tuple[str, str]
"""("signal", its name), and so for "segment", "lifecycle", "score" and "prediction"; ("trait", "KIND.NAME").
"""
CONDITIONS = frozenset(
    {"when", "where", "enter", "exit", "applies", "first_where", "then_where", "population"}
)
DURATIONS = frozenset({"window", "within", "gap", "quiet", "baseline", "per"})
_PROSE = frozenset({"description", "source", "question", "output", "goal"})
_ENCODE = msgspec.msgpack.Encoder().encode


def canonical(value: Any, field: str = "") -> Any:
    """An object in plain values, without prose, conditions and durations in one spelling."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    if field in CONDITIONS and value is not None:
        return expressions.show(condition(msgspec.convert(value, models.Condition)))
    if field in DURATIONS and isinstance(value, str):
        try:
            return expressions.parse_duration(value)
        except ExpressionError:
            return value  # `per` of a score names a signal.
    if isinstance(value, dict):
        return [
            (key, canonical(one, key if isinstance(key, str) else ""))
            for key, one in sorted(value.items())
            if key not in _PROSE
        ]
    if isinstance(value, list | tuple):
        return [canonical(one) for one in value]
    return value


class Meanings:
    """The meanings of one workspace's objects.

    `own` is an object's definition alone; `whole` takes in what it reads (itself, through others, through
    accounts, members and histories). Digests of 16 bytes; an object that does not exist has none.
    """

    def __init__(self, workspace: models.Workspace) -> None:
        names = Names(workspace)
        self.own: dict[Object, bytes] = {}
        for section in ("signals", "segments", "lifecycles", "scores", "predictions"):
            for name, one in getattr(workspace, section).items():
                self.own[section[:-1], name] = _digest(_definition(workspace, one))
        for of in names.kinds:
            for trait in names.traits(of):
                told = workspace.traits.get(trait)
                mine = told if told is not None and told.of == of else None
                type_ = names.traits(of)[trait]
                self.own["trait", f"{of}.{trait}"] = _digest([type_, canonical(mine) if mine else None])
        reads: dict[Object, set[Object]] = {
            node: {target for target, _ in edges} for node, edges in dependencies(names).items()
        }
        for node in reads:
            section = getattr(workspace, f"{node[0]}s")
            reads[node] |= {("trait", trait) for trait in _traits(names, section[node[1]])}
        self._reads = reads
        self.whole = {node: _digest([self.own[each] for each in _behind(reads, node)]) for node in reads}
        self.whole |= {node: own for node, own in self.own.items() if node[0] == "trait"}

    def readers(self, objects: set[Object]) -> set[Object]:
        """These objects and all that read one of them, also through others."""
        if not objects:
            return set()
        return {node for node in self._reads if objects & set(_behind(self._reads, node))}


def _digest(value: Any) -> bytes:
    return blake2b(_ENCODE(value), digest_size=16).digest()


def _definition(workspace: models.Workspace, one: Any) -> Any:
    if isinstance(one, models.Prediction):
        # What it is learned from and how often is no part of what it says.
        asked = canonical(one.target), parse_duration(one.horizon), canonical(one.population, "population")
        return ["Prediction", one.of, one.kind, *asked]
    told: list[Any] = [type(one).__name__, canonical(one)]
    if isinstance(one, models.Channel):
        told.append([canonical(rule) for rule in workspace.acquisition])
    if isinstance(one, models.Score):
        # Of several segments with weights the one the workspace writes first counts.
        weighed = {weights.segment for weights in one.weights}
        told.append([name for name in workspace.segments if name in weighed])
    return told


def _behind(reads: dict[Object, set[Object]], start: Object) -> list[Object]:
    """An object and all it reads, in an order of their own."""
    found, todo = {start}, [start]
    while todo:
        for target in reads.get(todo.pop(), ()):
            if target not in found:
                found.add(target)
                todo.append(target)
    return [*sorted(found - {start}), start]


# --------------------------------------------------------------------------------------------------- traits


def _traits(names: Names, one: Any) -> Iterator[str]:
    """The traits an object reads, as KIND.NAME."""
    for name, of in _names(names, one):
        try:
            found = names.resolve(name, of, acquisition=isinstance(one, models.Channel))
        except UnknownNameError:
            continue
        if found.kind == "trait":
            yield f"{found.of}.{found.name}"


def _names(names: Names, one: Any) -> Iterator[tuple[Name, str]]:
    of: str = one.of
    match one:
        case models.Segment():
            yield from _of_conditions([one.when], of)
        case models.Prediction():
            yield from _of_conditions([one.population], of)
        case models.Lifecycle():
            parts = (c for stage in one.stages for c in (stage.enter, stage.exit))
            yield from _of_conditions([one.applies, *parts], of)
        case models.Score():
            yield from _of_conditions([part.when for part in one.measures.values()], of)
            yield from _of_conditions([part.when for part in one.overrides], of)
            yield from _of_texts([one.per, *(part.signal for part in one.measures.values())], of)
            if one.tier is not None:
                yield Name(("trait", one.tier)), of if one.tier in names.traits(of) else ACCOUNT
        case models.Ratio():
            yield from _of_texts([one.numerator, one.denominator], of)
        case models.Formula():
            yield from ((name, of) for _, name in expressions.parse_linear(one.formula).terms)
        case models.SinceChange():
            yield Name(("trait", one.trait)), of
        case models.SinceDate() | models.UntilDate():
            bare = one.date.removeprefix("trait.")
            if bare in names.traits(of):
                yield Name(("trait", bare)), of
        case models.Rollup():
            below = ACCOUNT if one.over == "accounts" else PERSON
            yield from _of_conditions([one.when], below)
            yield from _of_texts([one.signal], below)
            if one.weight is not None:
                yield Name(("trait", one.weight.removeprefix("trait."))), below
        case models.Channel():
            yield from _of_conditions([rule.when for rule in names.workspace.acquisition], of)


def _of_conditions(given: Iterable[models.Condition | None], of: str) -> Iterator[tuple[Name, str]]:
    for one in given:
        if one is not None:
            yield from ((name, of) for name in expressions.names(condition(one)))


def _of_texts(texts: Iterable[str | None], of: str) -> Iterator[tuple[Name, str]]:
    for text in texts:
        if text is not None:
            try:
                yield parse_name(text), of
            except ExpressionError:
                continue


__all__ = ["CONDITIONS", "DURATIONS", "Meanings", "Object", "canonical"]
