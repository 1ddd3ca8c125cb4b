"""How a template looks things up: plain values by their paths, what is missing, and the budget of a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from io import StringIO
from typing import Any, Final, TextIO

from liquid import BoundTemplate, RenderContext
from liquid.exceptions import (
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
    UnknownFilterError,
)
from liquid.token import Token
from liquid.undefined import StrictUndefined
from liquid.utils import ReadOnlyChainMap

from .. import limits
from .bounds import SETTINGS

LONG: Final = f"a text of more than {limits.TEMPLATE_OUTPUT_BYTES_MAX:,} bytes"
_COLLECTION_PARTS: Final = frozenset({"size", "first", "last"})


class Absent:
    """What was asked for and is not there, with the names that are."""

    __slots__ = ("known", "path")

    def __init__(self, path: tuple[object, ...], known: tuple[str, ...]) -> None:
        self.path = path
        self.known = known

    def __str__(self) -> str:
        return "a value is missing"


class Missing(StrictUndefined):
    """A value that is not there: false in a condition, equal to nil, replaced by ``default``, and neither
    less nor more than anything. What else is done with it is a fault.
    """

    __slots__ = ()
    allowed_properties = frozenset({
        "__repr__", "__bool__", "__eq__", "__class__", "__liquid__", "force_liquid_default", "name", "hint",
        "obj", "msg", "token",
    })  # fmt: skip
    force_liquid_default = True

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Missing)

    __hash__ = None  # type: ignore[assignment]  # nothing is looked up by what is not there

    def __liquid__(self) -> object:
        return None


class Flat(dict[str, Any]):
    """Names with parts, under whole names: ``sessions`` beside ``sessions.average``."""


class Budget:
    """What is left of one text's operations and turns of loops."""

    __slots__ = ("operations", "turns")

    def __init__(self) -> None:
        self.operations = limits.TEMPLATE_OPERATIONS_PER_RENDER_MAX
        self.turns = limits.TEMPLATE_LOOP_ITEMS_MAX

    def charge(self, operations: int) -> None:
        """Takes from the budget; the limit of operations is an error of Liquid's own kind."""
        self.operations -= operations
        if self.operations < 0:
            most = limits.TEMPLATE_OPERATIONS_PER_RENDER_MAX
            raise ResourceLimitError(f"more than {most:,} operations", token=None)


class Context(RenderContext):
    """The names and the budget of one text. Partials have contexts of their own, and the same budget."""

    __slots__ = ("budget",)

    def __init__(self, template: BoundTemplate, **given: Any) -> None:
        super().__init__(template, **given)
        above = given.get("parent_context")
        self.budget: Budget = above.budget if isinstance(above, Context) else Budget()
        # Without the names that read the clock.
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)

    def get(self, path: list[object], *, token: Token | None, default: object = None) -> object:
        """The value at a path, or ``Missing``. ``null`` is missing too."""
        self.budget.charge(1)
        value: Any
        try:
            value = self.scope[path[0]] if path[0] != SETTINGS else None  # type: ignore[index]  # or not there
        except (KeyError, TypeError):
            value = None
        at = 1
        while at < len(path) and value is not None:
            above = value
            if isinstance(above, Flat) and at + 1 < len(path) and f"{path[at]}.{path[at + 1]}" in above:
                value = above[f"{path[at]}.{path[at + 1]}"]
                at += 2
                continue
            value = self._part(above, path[at])
            if value is None:
                known = tuple(map(str, above)) if isinstance(above, Mapping) else ()
                return self._missing(path, known, token)
            at += 1
        return self._missing(path, (), token) if value is None else value

    def _part(self, value: Any, part: object) -> Any:
        if isinstance(value, Mapping):
            if isinstance(part, str):
                try:
                    return value[part]
                except KeyError:
                    pass
            return self.get_item(value, part) if part in _COLLECTION_PARTS and value else None
        if isinstance(value, list | tuple | range) and (isinstance(part, int) or part in _COLLECTION_PARTS):
            try:
                return self.get_item(value, part)
            except IndexError:
                return None
        if isinstance(value, str) and part == "size":
            return len(value)
        return None

    def _missing(self, path: list[object], known: tuple[str, ...], token: Token | None) -> Missing:
        missing = Missing(str(path[0]), token=token)
        missing.msg = Absent(tuple(path), known)  # type: ignore[assignment]  # the error carries it out
        return missing

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """The filter, within the budget."""
        try:
            function = self.env.filters[name]
        except KeyError:
            raise UnknownFilterError(f"unknown filter `{name}`", token=token) from None
        return partial(function, self)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """Where a block collects its text."""
        return Output()

    def assign(self, key: str, val: Any) -> None:
        self.budget.charge(1 + len(self.locals))
        super().assign(key, val)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Called as a loop begins: its turns are paid in advance, each as if it came past every node."""
        self.budget.turns -= length
        if self.budget.turns < 0:
            most = limits.TEMPLATE_LOOP_ITEMS_MAX
            raise LoopIterationLimitError(f"loops turn more than {most:,} times", token=None)
        self.budget.charge(length * self.template.weight)  # type: ignore[attr-defined]  # a BoundedTemplate's


class Output(StringIO):
    """What has been written, within the bound of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.room = limits.TEMPLATE_OUTPUT_BYTES_MAX

    def write(self, text: str) -> int:
        self.room -= len(text)
        if self.room < 0:
            raise OutputStreamLimitError(LONG, token=None)
        return super().write(text)
