"""What a filter is, and the bounds within which each works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from liquid.exceptions import ResourceLimitError, UndefinedError
from liquid.undefined import StrictUndefined
from msgspec import Struct

from .. import limits
from ..journeys.zones import Zone

SETTINGS: Final = "$"
"""The name, which no template can write, of a text's settings."""


class TextSettings(Struct, frozen=True):
    """How one text writes dates and numbers: language, time zone, currency, and what time it is (ms UTC)."""

    locale: str
    zone: Zone
    currency: str
    now: int


class Filter(Struct, frozen=True):
    """A filter: what it does, an example and what that gives. Functions that are not ``plain`` take the
    text's context first.
    """

    name: str
    function: Callable[..., Any]
    about: str
    example: str
    gives: str
    plain: bool = True
    square: bool = False
    """Whether its work grows with the square of its list."""


def bounded(one: Filter, function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter as templates call it: context first, nothing missing among its values, its work and its
    result within bounds.
    """
    with_environment = bool(getattr(function, "with_environment", False))

    def call(context: Any, value: Any, *given: Any, **named: Any) -> Any:
        if one.name != "default":
            for argument in (value, *given, *named.values()):
                if isinstance(argument, StrictUndefined):
                    message = object.__getattribute__(argument, "msg")
                    raise UndefinedError(message, token=object.__getattribute__(argument, "token"))
        context.budget.charge(_cost(value, one.square))
        if with_environment:
            named["environment"] = context.env
        result = function(value, *given, **named) if one.plain else function(context, value, *given, **named)
        return _checked(one.name, result)

    return call


def _cost(value: Any, square: bool) -> int:
    if isinstance(value, str):
        return 1 + len(value) // 64
    if isinstance(value, list | tuple | range):
        return 1 + (len(value) ** 2 // 8 if square else len(value))
    return 1


def _checked(name: str, result: Any) -> Any:
    if isinstance(result, str):
        if len(result) > limits.TEMPLATE_OUTPUT_BYTES_MAX:
            _too_much(name, f"a text of more than {limits.TEMPLATE_OUTPUT_BYTES_MAX:,} characters")
    elif isinstance(result, list | tuple):
        if len(result) > limits.TEMPLATE_LOOP_ITEMS_MAX:
            _too_much(name, f"a list of more than {limits.TEMPLATE_LOOP_ITEMS_MAX:,} items")
        room(name, size_of(result))
    elif isinstance(result, int | float) and not abs(result) <= limits.TEMPLATE_NUMBER_MAGNITUDE_MAX:
        _too_much(name, "a number beyond 10^18")
    return result


def room(name: str, characters: int) -> None:
    if characters > limits.TEMPLATE_OUTPUT_BYTES_MAX:
        _too_much(name, f"more than {limits.TEMPLATE_OUTPUT_BYTES_MAX:,} characters")


def _too_much(name: str, what: str) -> None:
    raise ResourceLimitError(f"`{name}` would make {what}", token=None)


def size_of(value: Any, depth: int = 0) -> int:
    """About how many characters a value prints as."""
    if isinstance(value, str):
        return len(value)
    if depth > limits.TEMPLATE_NESTING_LEVELS_MAX:
        _too_much("json", f"more than {limits.TEMPLATE_NESTING_LEVELS_MAX} levels")
    if isinstance(value, list | tuple):
        return sum(size_of(item, depth + 1) + 2 for item in value)
    if isinstance(value, Mapping):
        return sum(len(str(key)) + size_of(item, depth + 1) + 4 for key, item in value.items())
    return 8
