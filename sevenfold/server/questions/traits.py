"""Traits that mean something to people who look after accounts: what they pay, when their contract ends, who
is theirs. They are known by the usual names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...lifecycle.compile import CompiledUnit
    from ...profiles.slots import Slot

VALUES: Final = ("contract_value", "arr", "acv", "mrr")
"""Traits of an account that say what it pays, the surest first."""
ENDS: Final = ("renewal_date", "contract_end", "ends_on")
"""Traits of an account that say when its contract ends."""
OWNERS: Final = ("owner", "csm", "account_manager")
"""Traits of an account that say who looks after it."""


def trait_of(unit: CompiledUnit, names: tuple[str, ...], type_: str) -> tuple[str, Slot] | None:
    """The first of these traits that the workspace has, of a type."""
    for name in names:
        slot = unit.slots.get(("trait", name))
        if slot is not None and slot.type == type_:
            return name, slot
    return None


def owner_of(unit: CompiledUnit, row: int) -> str | None:
    """Who looks after an account."""
    found = trait_of(unit, OWNERS, "text")
    return None if found is None else unit.show(found[1], row)


def worth(unit: CompiledUnit, row: int) -> float | None:
    """What an account pays, where a trait says so."""
    for name in VALUES:
        slot = unit.slots.get(("trait", name))
        if slot is not None and slot.type == "number":
            value: float | None = unit.show(slot, row)
            if value is not None:
                return value
    return None
