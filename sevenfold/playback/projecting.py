"""A replay's warehouse: one file beside its tables, filled while it folds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sevenfold.engine import Fold
from sevenfold.warehouse import FILE
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.projector import Following, Projector


@contextmanager
def projecting(fold: Fold, out: Path) -> Iterator[Following]:
    """What follows a fold that begins, and fills a new warehouse in `out`."""
    for name in (FILE, f"{FILE}.wal"):
        (out / name).unlink(missing_ok=True)
    warehouse = DuckWarehouse(out / FILE)
    try:
        following = Following(Projector(warehouse, fold.workspace), fold)
        yield following
        following.projector.flush()
    finally:
        warehouse.close()
