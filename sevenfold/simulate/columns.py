"""Typed columns that grow: one array a fact, one row a subject."""

from __future__ import annotations

from typing import ClassVar

import numpy as np


class Columns:
    """Rows of numbers kept as one NumPy array per name; a subclass declares them in `layout`.

    `layout` maps a column's name to (dtype, fill, width); width 0 is a plain column, else a row holds
    `width` values. Arrays are longer than `rows`; use `[:rows]`. Growing replaces the arrays, so never
    keep one across `add`.
    """

    layout: ClassVar[dict[str, tuple[str, float, int]]] = {}

    def __init__(self) -> None:
        self.rows = 0
        self._room = 64
        for name, (kind, fill, width) in self.layout.items():
            setattr(self, name, np.full((self._room, width) if width else self._room, fill, dtype=kind))

    def add(self) -> int:
        """Append a row of fills and return its number."""
        if self.rows == self._room:
            for name, (kind, fill, width) in self.layout.items():
                more = np.full((self._room, width) if width else self._room, fill, dtype=kind)
                setattr(self, name, np.concatenate((getattr(self, name), more)))
            self._room *= 2
        self.rows += 1
        return self.rows - 1
