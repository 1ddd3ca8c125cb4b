"""What the fold does while analyses run beside it, as they do in a service: a process of its own, last in
line.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np

from sevenfold.engine import Fold
from sevenfold.measures import ask, question_from
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.workspace.loading import load

from .figures import Figure, at_most, plain
from .measuring import ROOT
from .population import ENCODE, simulated

NICE: Final = 10
WINDOW_EVENTS: Final = 500
READY: Final = "ready"


def p99(warehouse: Path, accounts: int) -> list[Figure]:
    """The fold's time for an event, alone and beside analyses, by turns so that noise meets both."""
    raws = sorted((t, ENCODE(event)) for t, event in simulated(accounts, 90))
    fold = Fold(load(ROOT / "packs" / "seven-stage"))
    command = [sys.executable, "-m", "bench.measures_beside", str(warehouse)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    took: tuple[list[int], list[int]] = ([], [])
    try:
        assert child.stdout is not None and child.stdout.readline().strip() == READY
        for window, at in enumerate(range(0, len(raws), WINDOW_EVENTS)):
            child.send_signal(signal.SIGCONT if window % 2 else signal.SIGSTOP)
            for one in raws[at : at + WINDOW_EVENTS]:
                began = time.perf_counter_ns()
                fold.events([one])
                took[window % 2].append(time.perf_counter_ns() - began)
    finally:
        child.send_signal(signal.SIGCONT)
        child.kill()
        child.wait()
    alone, beside = (float(np.quantile(one, 0.99)) / 1e6 for one in took)
    return [
        plain("fold_p99_alone_ms", alone, "ms"), plain("fold_p99_beside_ms", beside, "ms"),
        at_most("p99_ratio", beside / alone, "x", 2.0),
    ]  # fmt: skip


def main() -> None:
    """Asks one analysis after the other, for ever."""
    os.nice(NICE)
    warehouse = DuckWarehouse(Path(sys.argv[1]), threads=1)
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    while True:
        ask(
            warehouse,
            question_from("funnel", {"steps": ["Product Viewed", "Product Added", "Checkout Started"]}),
        )
        ask(warehouse, question_from("retention", {"unit": "week"}))
        ask(warehouse, question_from("paths", {"depth": 3}))


if __name__ == "__main__":
    main()
