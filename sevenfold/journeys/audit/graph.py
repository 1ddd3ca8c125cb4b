"""The graph of a journey's steps: what is reached, what ends, and what could run without waiting."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..choice_plan import Action
    from ..plan import Journey
    from ..steps.base import StepBase

EXIT = "exit"


class Way(NamedTuple):
    """One way on from a step: the field that says so (empty: going on) and the step, or `exit`."""

    field: str
    target: str


class StepGraph:
    """The steps of a journey, blocks written out, and every way between them.

    Ways to steps that do not exist are left out; `unknown` lists them. Blocks among `unwritten` stay as they
    are.
    """

    def __init__(
        self, journey: Journey, unwritten: Collection[str] = (), bank: Mapping[str, Action] | None = None
    ) -> None:
        self.steps: dict[str, StepBase] = {}
        self.origin: dict[str, str] = {}
        """Of each step, the one its author wrote."""
        written = list(journey.steps)
        for place, (step_id, step) in enumerate(journey.steps.items()):
            after = step.next or (written[place + 1] if place + 1 < len(written) else EXIT)
            made_of = {step_id: step} if step_id in unwritten else step.expand(step_id, after, bank)
            for inner, made in made_of.items():
                self.steps[inner] = made
                self.origin[inner] = step_id
        self.ids = list(self.steps)
        self.ways: dict[str, tuple[Way, ...]] = {}
        self.unknown: list[tuple[str, Way]] = []
        for place, (step_id, step) in enumerate(self.steps.items()):
            after = self.ids[place + 1] if place + 1 < len(self.ids) else EXIT
            self.ways[step_id] = tuple(self._known(step_id, _ways(step, after)))

    def _known(self, step_id: str, ways: Iterator[Way]) -> Iterator[Way]:
        for way in ways:
            if way.target in self.steps or way.target == EXIT:
                yield way
            else:
                self.unknown.append((step_id, way))

    def targets(self, step_id: str) -> list[str]:
        """The steps one step may lead to, each once, without `exit`."""
        return list(dict.fromkeys(way.target for way in self.ways[step_id] if way.target != EXIT))

    def reached(self) -> set[str]:
        """Every step a run can come to."""
        return _closure(self.ids[:1], self.targets)

    def ending(self, ends: Callable[[str], bool]) -> set[str]:
        """Every step from which a run can come to its end. `ends` says where a run may end besides `exit`."""
        before: dict[str, list[str]] = {step_id: [] for step_id in self.ids}
        last = []
        for step_id in self.ids:
            for target in self.targets(step_id):
                before[target].append(step_id)
            # Without any way on a run leaves (an exit) or is held (a wait for ever), as `ends` says.
            if ends(step_id) or any(way.target == EXIT for way in self.ways[step_id]):
                last.append(step_id)
        return _closure(last, before.__getitem__)

    def instant_loops(self) -> list[list[str]]:
        """Circles on which no step always takes time: one for each group of steps that reach each other."""
        instant = {step_id: self.targets(step_id) for step_id in self.ids if not self.steps[step_id].waits()}
        return circles({one: [t for t in targets if t in instant] for one, targets in instant.items()})

    def at_once(self) -> set[str]:
        """Every step a run may come to in the operation in which it starts."""
        return _closure(self.ids[:1], lambda one: [] if self.steps[one].waits() else self.targets(one))


def _ways(step: StepBase, after: str) -> Iterator[Way]:
    yield from (Way(field, target) for field, target in step.targets())
    if step.falls_through():
        yield Way("next", step.next) if step.next is not None else Way("", after)


def _closure(start: Collection[str], following: Callable[[str], list[str]]) -> set[str]:
    found, todo = set(start), list(start)
    while todo:
        for target in following(todo.pop()):
            if target not in found:
                found.add(target)
                todo.append(target)
    return found


def circles(graph: Mapping[str, list[str]]) -> list[list[str]]:
    """One shortest circle for each group of nodes that reach each other, in written order."""
    done: set[str] = set()
    found = []
    for start in graph:
        if start in done:
            continue
        came_from: dict[str, str] = {}
        todo = [start]
        for node in todo:
            for target in graph[node]:
                if target in graph and target not in came_from:
                    came_from[target] = node
                    todo.append(target)
        if start in came_from:
            circle = [came_from[start]]
            while circle[-1] != start:
                circle.append(came_from[circle[-1]])
            found.append(circle[::-1])
            back = {node: [one for one in came_from if node in graph[one]] for node in came_from}
            done |= _closure([start], back.__getitem__) & came_from.keys()
    return found


__all__ = ["EXIT", "StepGraph", "Way", "circles"]
