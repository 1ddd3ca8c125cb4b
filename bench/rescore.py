"""A million profiles under other weights: the score of everybody, and what follows from it."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from sevenfold.lifecycle import rescoring
from sevenfold.profiles.columns import UNKNOWN32

from .figures import Digest, Report, at_most, plain
from .measuring import pack, quiet, timed
from .population import Population, Template

TURNS = 5
SAMPLE = 5_000


def measure(quick: bool) -> Report:
    accounts, people = (100, 200_000) if quick else (300, 1_000_000)
    population = Population(Template(pack("seven-stage"), accounts), people)
    fold = population.fold
    digest = Digest()
    scored, whole, rolled = [], [], []
    wrong = 0
    health, engagement = fold.person.scores["health"], fold.person.scores["engagement"]
    with quiet():
        for turn in range(1, TURNS + 1):
            _, sets = timed(lambda: rescoring.weight_sets(fold.person, health))
            _, lap = timed(lambda: fold.closer.rescored(fold.person, health, health.reduced))
            scored.append(sets.wall_s + lap.wall_s)
            asked = _asked("health", health, turn)
            effects, lap = timed(partial(fold.control, fold.t, asked))
            whole.append(lap.wall_s)
            digest.add(effects)
            wrong += _disagreeing(fold, health)
            asked = _asked("engagement", engagement, turn)
            effects, lap = timed(partial(fold.control, fold.t, asked))
            rolled.append(lap.wall_s)
            digest.add(effects)
        _, tick = timed(lambda: digest.add(fold.advance(fold.t + 1_000)))
    most = 1.0 * population.profiles / 1_000_000 if quick else 1.0
    figures = [
        at_most("rescore_s", sorted(scored)[TURNS // 2], "s", most),
        at_most("control_s", sorted(whole)[TURNS // 2], "s", most),
        plain("control_rolled_up_s", sorted(rolled)[TURNS // 2], "s"),
        plain("accounts_tick_s", tick.wall_s, "s"),
        at_most("disagreeing_with_handlers", wrong, "rows", 0),
    ]
    notes = [
        f"{population.profiles:,} profiles, seven-stage; wall time, the middle of {TURNS} turns"
        + ("; quick: fewer profiles, and the targets in proportion" if quick else ""),
        f"rescore_s: `health` ({len(health.measures)} measures, {len(health.weights)} weight sets) of "
        "everybody: weight set, numerator, denominator, value",
        "control_s: the whole control record: the same, then columns, bands, and who has to look again",
        "control_rolled_up_s: the same of `engagement`, which accounts roll up, so that each change is told "
        "to an account; accounts_tick_s: they close at the next tick",
        f"compared with the handlers' own functions: {TURNS} x {SAMPLE:,} rows",
    ]
    return Report("rescore", figures, notes, digest.text)


def _asked(label: str, node: Any, turn: int) -> dict[str, Any]:
    """Other weights in the same sets."""
    weights = msgspec.to_builtins(node.model.weights)
    for place, one in enumerate(weights):
        one["weights"] = {
            name: weight + (turn * (i + 1) + place) % 3
            for i, (name, weight) in enumerate(one["weights"].items())
        }
    return {"op": "weights", "score": label, "weights": weights}


def _disagreeing(fold: Any, node: Any) -> int:
    """Rows of a sample where a handler's own functions say something else than the columns."""
    rows = fold.person.table.rows
    wrong = 0
    for row in range(1, rows, max(1, rows // SAMPLE)):
        held = [int(c.data[row]) for c in (node.sets, node.numerator, node.denominator, node.values)]
        node.recompute(row)
        said = [
            node._choose(row),
            int(node.numerator.data[row]),
            int(node.denominator.data[row]),
            node._value(row),
        ]
        wrong += held != said
        assert held[3] == UNKNOWN32 or 0 <= held[3] <= 100_000
    return wrong
