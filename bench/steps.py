"""Where an event's time goes: the fold's steps, wrapped in timers for a run apart from the measured one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sevenfold.engine import Fold

from .population import Events

REST = "the event itself"
_CALIBRATION_CALLS = 200_000


class Steps:
    """Self time of each step in ns: what a step calls is charged to the step called."""

    def __init__(self) -> None:
        self.ns: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._calls_from: Counter[str] = Counter()
        self._stack = [REST]
        self._mark = 0

    def wrapped(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        ns, calls, calls_from, stack = self.ns, self.calls, self._calls_from, self._stack
        clock = time.perf_counter_ns

        def timed(*args: Any) -> Any:
            above = stack[-1]
            now = clock()
            ns[above] += now - self._mark
            calls[step] += 1
            calls_from[above] += 1
            stack.append(step)
            self._mark = clock()
            result = function(*args)
            now = clock()
            ns[step] += now - self._mark
            stack.pop()
            self._mark = clock()
            return result

        return timed

    def run(self, work: Callable[[], Any]) -> None:
        """Does `work`, timed, and takes off what the timers themselves cost."""
        inside, outside = self._cost_of_a_timer()
        self.ns.clear()
        self.calls.clear()
        self._calls_from.clear()
        self._mark = time.perf_counter_ns()
        work()
        self.ns[REST] += time.perf_counter_ns() - self._mark
        for step in self.ns:
            cost = inside * self.calls[step] + outside * self._calls_from[step]
            self.ns[step] = max(0, round(self.ns[step] - cost))

    def _cost_of_a_timer(self) -> tuple[float, float]:
        """(ns charged to the step, ns charged to who calls it) of one timed call that does nothing."""
        nothing = self.wrapped("nothing", lambda: None)
        self.ns.clear()
        self._mark = time.perf_counter_ns()
        for _ in range(_CALIBRATION_CALLS):
            nothing()
        return self.ns["nothing"] / _CALIBRATION_CALLS, self.ns[REST] / _CALIBRATION_CALLS


def shares(fold: Fold, batches: list[Events]) -> dict[str, float]:
    """Microseconds an event by step, over these records. Leaves the timers in the fold."""
    steps = Steps()
    wrap = steps.wrapped
    engine: Any = fold
    engine.intake.accept = wrap("decode", fold.intake.accept)
    engine.decoder.decode_usual = wrap("decode", fold.decoder.decode_usual)
    for paths in engine._paths.values():
        for name, path in paths.items():
            paths[name] = tuple(one and wrap("handlers", one) for one in path)
    for unit in (fold.person, fold.account):
        evaluate: Any = wrap("evaluation", unit.evaluate)
        unit.evaluate = evaluate  # type: ignore[method-assign]
        engine._functions[unit.index] = _Evaluating(evaluate)
        engine._evaluators[:] = [
            _Evaluating(evaluate) if kind == unit.index else one
            for kind, one in zip(fold._kinds, fold._evaluators, strict=True)
        ]
    engine._fire = wrap("expiry", fold._fire)
    engine._tick = wrap("ticks", fold._tick)
    closer: Any = fold.closer
    closer.close = wrap("day close", fold.closer.close)

    def work() -> None:
        for batch in batches:
            fold.events(batch)

    steps.run(work)
    events = sum(map(len, batches))
    return {step: ns / 1_000 / events for step, ns in steps.ns.most_common()}


class _Evaluating:
    """Functions by mask that are one timed step."""

    def __init__(self, evaluate: Callable[..., Any]) -> None:
        self._evaluate = evaluate

    def __getitem__(self, mask: int) -> Callable[[int, int], Any]:
        return lambda row, t: self._evaluate(row, t, mask)


def operations(fold: Fold, batches: list[Events]) -> float:
    """Operations an event: the event itself, entries and timers that fire, accounts that close."""
    counted: Counter[str] = Counter()
    engine: Any = fold

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted_fire(*args: Any) -> Any:
            counted["fire"] += 1
            return function(*args)

        return counted_fire

    before, tick = list(engine._fires), fold._tick
    engine._fires[:] = [counting(fire) for fire in before]

    def ticked(t: int) -> None:
        counted["account"] += len(fold._dirty_accounts)
        tick(t)

    engine._tick = ticked
    for batch in batches:
        fold.events(batch)
    engine._fires[:] = before
    engine._tick = tick
    events = sum(map(len, batches))
    return (events + counted.total()) / events
