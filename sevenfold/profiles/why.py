"""Why a condition held: each of its atoms with the value it saw. Compiled when first asked for."""

from __future__ import annotations

from typing import Any

from . import expressions as x
from .build import code
from .unit import Unit


class Reasons:
    """The explanation of one condition for one kind of subject."""

    def __init__(self, unit: Unit, tree: x.Node) -> None:
        self.unit = unit
        self.tree = tree
        self._tests: list[tuple[str, tuple[x.Name, ...], Any]] | None = None
        self._holds: Any = None

    def holds(self, row: int) -> bool:
        """Whether the condition is true."""
        if self._holds is None:
            true = self.unit.conditions.truth(self.tree)[0]
            self._holds = self.unit.env.function("holds", ["row"], code("return TEST", TEST=true))
        return bool(self._holds(row))

    def atoms(self, row: int) -> list[dict[str, Any]]:
        """`[{"atom": "logins_7d >= 3", "value": 4, "holds": True}]`; holds is None where it is unknown."""
        if self._tests is None:
            self._tests = []
            for atom in x.atoms(self.tree):
                true, false = self.unit.conditions.truth(atom)
                body = code(
                    "if TRUE:\n    return True\nif FALSE:\n    return False\nreturn None",
                    TRUE=true,
                    FALSE=false,
                )
                names = tuple(dict.fromkeys(x.names(atom)))
                self._tests.append((x.show(atom), names, self.unit.env.function("atom", ["row"], body)))
        read = self.unit.read_name
        return [
            {
                "atom": text,
                "value": read(names[0], row) if len(names) == 1 else {str(at): read(at, row) for at in names},
                "holds": test(row),
            }
            for text, names, test in self._tests
        ]
