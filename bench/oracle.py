"""The engine against the reference fold of the tests, on the same few events: what compiling is worth."""

from __future__ import annotations

import sys
from typing import Any

from sevenfold.engine import Fold

from .figures import Digest, Report, plain
from .measuring import ROOT, Laps, pack, quiet
from .population import ENCODE, simulated


def measure(quick: bool) -> Report:
    # The tests are no package of the project: they are found from the root of the source tree.
    sys.path.insert(0, str(ROOT))
    from tests.oracle.fold import ReferenceFold
    from tests.properties.running import told

    accounts, days = (3, 40) if quick else (6, 45)
    workspace = pack("seven-stage")
    events = simulated(accounts, days)
    half = len(events) // 2
    raws = [(t, ENCODE(event)) for t, event in events]
    shapes: list[tuple[int, dict[str, Any]]] = [(t, {**event, "time": t}) for t, event in events]
    fold, reference = Fold(workspace), ReferenceFold(workspace)
    digest, compiled, slow = Digest(), Laps(), Laps()

    def refer(some: list[tuple[int, dict[str, Any]]]) -> None:
        for t, event in some:
            reference.event(t, event)

    with quiet():
        effects = fold.events(raws[:half])
        refer(shapes[:half])
        effects += compiled.add(len(raws) - half, lambda: fold.events(raws[half:]))
        slow.add(len(raws) - half, lambda: refer(shapes[half:]))
        effects += fold.advance(events[-1][0] + 1_000)
        reference.tick(events[-1][0] + 1_000)
    digest.add(effects)
    same = told(effects) == told(reference.effects)
    figures = [
        plain("engine_events_per_s", compiled.rate, "events/s"),
        plain("oracle_events_per_s", slow.rate, "events/s"),
        plain("engine_over_oracle", compiled.rate / slow.rate, "ratio"),
        plain("same_effects", float(same), "1 = yes"),
    ]
    notes = [
        f"{len(events):,} events of {accounts} simulated accounts over {days} days, seven-stage; the second "
        "half is measured, in processor time" + ("; quick: fewer events" if quick else ""),
        "the reference fold keeps every event and computes every value from all of them, so the ratio grows "
        "with the history; the engine has so few events here that some functions are made on the way",
        f"{len(effects):,} effects, {'the same' if same else 'NOT THE SAME'} of both",
    ]
    return Report("oracle", figures, notes, digest.text)
