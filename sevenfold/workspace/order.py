"""What depends on what, in which order it is evaluated, and which circles are refused.

A dependency is taken *now* (in the same operation), over the *account* (at its tick), from *history* (closed
days), from *members* of an account (by a roll-up), or it says who belongs to the *population* of a
prediction (looked at last, and acted upon in the next pass). Only what is taken now decides the order of
evaluation::

    1. segments that need no stage, score, band or history of these   2. scores
    3. lifecycles   4. the other segments

within each by dependency: again and again the first in written order of those whose needs are all done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..profiles import expressions
from ..profiles.expressions import ExpressionError
from . import models
from .models import ACCOUNT, PERSON, Condition
from .names import Names, Reference, condition, parse_name
from .problems import UnknownNameError

Node = tuple[Literal["signal", "segment", "lifecycle", "score", "prediction"], str]
Via = Literal["now", "account", "history", "member", "population"]
Edge = tuple[Node, Via]
Graph = dict[Node, tuple[Edge, ...]]


@dataclass(frozen=True, slots=True)
class Order:
    """The names of segments, scores and lifecycles of one kind of subject in the order of evaluation."""

    segments: tuple[str, ...]
    scores: tuple[str, ...]
    lifecycles: tuple[str, ...]
    late_segments: tuple[str, ...]


def evaluation_order(names: Names, of: str) -> Order:
    """The order in which subjects of kind ``of`` are evaluated. The workspace must be free of refused
    circles."""
    graph = dependencies(names)
    workspace = names.workspace
    segments = [name for name, segment in workspace.segments.items() if segment.of == of]
    late = [name for name in segments if is_late(graph, ("segment", name))]
    early = [name for name in segments if name not in set(late)]
    scores = [name for name, score in workspace.scores.items() if score.of == of]
    lifecycles = [name for name, lifecycle in workspace.lifecycles.items() if lifecycle.of == of]
    return Order(
        _sorted(graph, "segment", early),
        _sorted(graph, "score", scores),
        tuple(lifecycles),
        _sorted(graph, "segment", late),
    )


def is_late(graph: Graph, node: Node) -> bool:
    """Whether a segment needs a stage, score or band of its own subject, now or from history, also through
    others."""
    vias = frozenset({"now", "history"})
    return any(kind in ("score", "lifecycle") for kind, _ in reachable(graph, node, vias=vias))


def reachable(
    graph: Graph, start: Node, stop: frozenset[str] = frozenset(), vias: frozenset[str] = frozenset({"now"})
) -> set[Node]:
    """Everything ``start`` takes ``vias``, directly or through others; not looking behind kinds in
    ``stop``."""
    found: set[Node] = set()
    todo = [start]
    while todo:
        node = todo.pop()
        if node != start and node[0] in stop:
            continue
        for target, via in graph.get(node, ()):
            if via in vias and target not in found:
                found.add(target)
                todo.append(target)
    return found


def _sorted(graph: Graph, kind: Literal["segment", "score"], written: Sequence[str]) -> tuple[str, ...]:
    """Dependencies first, otherwise as written. Names in a circle come last, as written."""
    stop = frozenset({"lifecycle"})
    needs = {
        name: {n for k, n in reachable(graph, (kind, name), stop) if k == kind and n != name} & set(written)
        for name in written
    }
    done: dict[str, None] = {}
    while len(done) < len(written):
        ready = (name for name in written if name not in done and needs[name] <= done.keys())
        fallback = next(name for name in written if name not in done)
        done[next(ready, fallback)] = None
    return tuple(done)


# ---------------------------------------------------------------------------------------------- dependencies


def dependencies(names: Names) -> Graph:
    """Every object with what it depends on. Conditions and names that are wrong are left out."""
    workspace = names.workspace
    graph: Graph = {}
    for name, signal in workspace.signals.items():
        graph["signal", name] = tuple(dict.fromkeys(_of_signal(names, signal)))
    for name, segment in workspace.segments.items():
        graph["segment", name] = tuple(dict.fromkeys(_of_condition(names, segment.when, segment.of)))
    for name, lifecycle in workspace.lifecycles.items():
        parts = [lifecycle.applies, *(c for stage in lifecycle.stages for c in (stage.enter, stage.exit))]
        edges = (edge for part in parts for edge in _of_condition(names, part, lifecycle.of))
        graph["lifecycle", name] = tuple(dict.fromkeys(edges))
    for name, score in workspace.scores.items():
        graph["score", name] = tuple(dict.fromkeys(_of_score(names, score)))
    for name, prediction in workspace.predictions.items():
        inner = _of_condition(names, prediction.population, prediction.of)
        graph["prediction", name] = tuple(
            dict.fromkeys((node, "account" if via == "account" else "population") for node, via in inner)
        )
    return graph


def _of_condition(names: Names, given: Condition | None, of: str) -> Iterator[Edge]:
    if given is None:
        return
    try:
        found = list(expressions.names(condition(given)))
    except ExpressionError:
        return
    for name in found:
        try:
            yield from _of_reference(names.resolve(name, of))
        except UnknownNameError:
            continue


def _of_reference(reference: Reference) -> Iterator[Edge]:
    via: Via = "account" if reference.via_account else "now"
    match reference.kind:
        case "signal":
            yield ("signal", reference.name), via
        case "segment":
            yield ("segment", reference.name), via
        case "stage":
            yield ("lifecycle", reference.name), via
        case "score" | "band":
            yield ("score", reference.name), via
        case "prediction":
            yield ("prediction", reference.name), via
        case "velocity":
            yield ("score", reference.name), "account" if reference.via_account else "history"


def _of_text(names: Names, text: str | None, of: str) -> Iterator[Edge]:
    try:
        if text is not None:
            yield from _of_reference(names.resolve(parse_name(text), of))
    except (UnknownNameError, ExpressionError):
        return


def _of_signal(names: Names, signal: models.Signal) -> Iterator[Edge]:
    match signal:
        case models.Ratio():
            yield from _of_text(names, signal.numerator, signal.of)
            yield from _of_text(names, signal.denominator, signal.of)
        case models.Formula():
            try:
                for _, name in expressions.parse_linear(signal.formula).terms:
                    yield from _of_text(names, str(name), signal.of)
            except ExpressionError:
                return
        case models.StageTime():
            yield ("lifecycle", signal.lifecycle), "now"
        case models.SinceDate() | models.UntilDate():
            try:
                yield from _of_reference(names.date(signal.date, signal.of))
            except (UnknownNameError, ExpressionError):
                return
        case models.ScoreHistory():
            yield ("score", signal.score), "history"
        case models.Rollup():
            of = ACCOUNT if signal.over == "accounts" else PERSON
            inner = (*_of_text(names, signal.signal, of), *_of_condition(names, signal.when, of))
            for target, via in inner:
                yield target, "account" if via == "account" else "member"


def _of_score(names: Names, score: models.Score) -> Iterator[Edge]:
    for measure in score.measures.values():
        yield from _of_text(names, measure.signal, score.of)
        yield from _of_condition(names, measure.when, score.of)
    yield from _of_text(names, score.per, score.of)
    for override in score.overrides:
        yield from _of_condition(names, override.when, score.of)
    for weights in score.weights:
        if weights.segment is not None:
            yield ("segment", weights.segment), "now"
        if weights.stage is not None and score.lifecycle is not None:
            yield ("lifecycle", score.lifecycle), "now"
    if score.members is not None:
        yield ("score", score.members.score), "member"


# ------------------------------------------------------------------------------------------------- circles


def circles(graph: Graph) -> Iterator[list[Node]]:
    """Each refused circle once: any that does not pass through a lifecycle, and lifecycles that need each
    other."""
    everything = {node: [t for t, via in edges if via in ("now", "member")] for node, edges in graph.items()}
    signals = {node: ts for node, ts in everything.items() if node[0] == "signal"}
    yield from _circles(signals)
    now = {node: [t for t, via in edges if via == "now"] for node, edges in graph.items()}
    yield from _circles({node: ts for node, ts in now.items() if node[0] in ("segment", "score")})
    without_scores: dict[Node, list[Node]] = {}
    for node in graph:
        if node[0] == "lifecycle":
            behind = reachable(graph, node, frozenset({"score", "lifecycle"}))
            without_scores[node] = [n for n in graph if n in behind and n[0] == "lifecycle" and n != node]
    yield from _circles(without_scores)


def _circles(graph: dict[Node, list[Node]]) -> Iterator[list[Node]]:
    """One circle for each group of nodes that reach each other; iterative, so that long chains are no
    matter."""
    done: set[Node] = set()
    for start in graph:
        path: list[Node] = []
        on_path: set[Node] = set()
        stack: list[tuple[Node, Iterator[Node]]] = []
        if start in done:
            continue
        _enter(start, graph, path, on_path, stack)
        while stack:
            node, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                stack.pop()
                path.pop()
                on_path.discard(node)
                done.add(node)
            elif target in on_path:
                yield path[path.index(target) :]
            elif target in graph and target not in done:
                _enter(target, graph, path, on_path, stack)


def _enter(
    node: Node,
    graph: dict[Node, list[Node]],
    path: list[Node],
    on_path: set[Node],
    stack: list[tuple[Node, Iterator[Node]]],
) -> None:
    path.append(node)
    on_path.add(node)
    stack.append((node, iter(graph[node])))


def account_feedback(graph: Graph, start: Node) -> list[Node]:
    """The chain by which facts of an account would feed ``start``, a roll-up or member score of that account.

    Empty when none does. Account traits are not facts here: nothing the engine computes changes them.
    """
    todo: list[list[Node]] = [[start]]
    seen: set[Node] = set()
    while todo:
        path = todo.pop()
        for target, via in graph.get(path[-1], ()):
            if via == "account":
                return [*path, target]
            if target not in seen:
                seen.add(target)
                todo.append([*path, target])
    return []


def said(nodes: Iterable[Node]) -> str:
    """A chain as messages show it."""
    return " → ".join(f"{kind} `{name}`" for kind, name in nodes)
