"""What every workspace object is made of: frozen, typed structs, and conditions as their author
wrote them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

PERSON = "person"
ACCOUNT = "account"

type_of_value = Literal["string", "number", "boolean", "date", "json"]


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every workspace object: immutable, keyword only, and unknown fields are errors."""


class Group(Model, rename={"all_": "all", "any_": "any", "not_": "not"}, frozen=True, kw_only=True):
    """A tree of conditions, with exactly one of the three fields.

    ``all`` is true when every member is true (false beats unknown, unknown beats true); ``any``
    when one member is true (true beats unknown, unknown beats false); ``not`` swaps true and false
    and leaves unknown unknown.
    """

    all_: list[Condition] | None = None
    any_: list[Condition] | None = None
    not_: Condition | None = None

    def __post_init__(self) -> None:
        if sum(member is not None for member in (self.all_, self.any_, self.not_)) != 1:
            raise ValueError("a group of conditions has exactly one of `all`, `any` and `not`")


Condition = str | Group
"""An expression text, or a tree of them (``all:``, ``any:``, ``not:``)."""
