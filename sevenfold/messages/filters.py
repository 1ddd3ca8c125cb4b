"""The work of filters: those of Liquid that need a bound of their own, and those this field expects."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any, Final, NoReturn

import msgspec
from babel import Locale
from liquid import soft_str
from liquid.builtin.filters import array, string
from liquid.exceptions import FilterArgumentError

from ..journeys.zones import Zone, ZoneError
from ..journeys.zones import zone as zone_named
from . import formats
from .bounds import SETTINGS, TextSettings, room, size_of
from .links import with_query

_TAG: Final = re.compile(r"<[^<>]*>")


def number_text(value: float) -> str:
    """A number as templates print it: 20, not 20.0; at most six digits after the point."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else repr(value)


# -------------------------------------------------------------------------------------- Liquid's, with bounds


def join(value: Any, separator: object = " ", *, environment: Any) -> Any:
    if isinstance(value, list | tuple | range):
        room("join", size_of(list(value)) + len(value) * len(str(separator)))
    return array.join(value, separator, environment=environment)


join.with_environment = True  # type: ignore[attr-defined]  # how the library asks for it


def replace(value: Any, old: Any, new: Any = "") -> Any:
    text, before, after = _text(value), soft_str(old), soft_str(new)
    room("replace", len(text) + text.count(before) * len(after))
    return text.replace(before, after)


def _text(value: Any) -> str:
    return "" if value is None else soft_str(value)


def strip_html(value: Any) -> str:
    return unescape(_TAG.sub("", str(value)))


def url_encode(value: Any) -> Any:
    # Markup would quote its own escapes; what it stands for is what belongs into an address.
    return string.url_encode(str(value), environment=_Plain)


class _Plain:
    autoescape = False


# ------------------------------------------------------------------------------------------ this field's own


def _settings(context: Any) -> TextSettings:
    found = context.globals[SETTINGS]
    assert isinstance(found, TextSettings)
    return found


def _locale(context: Any, locale: Any) -> Locale:
    return formats.language(_settings(context).locale if locale is None else str(locale))


def _zone(context: Any, name: Any) -> Zone:
    if name is None:
        return _settings(context).zone
    try:
        return zone_named(str(name))
    except ZoneError as error:
        _wrong(error.message)


def _moment(context: Any, value: Any, zone: Any) -> formats.Moment:
    now = value in ("now", "today")
    found = formats.moment(_settings(context).now if now else value, _zone(context, zone))
    return found if found is not None else _wrong(f"`{_said(value)}` is no time")


def _wrong(message: str) -> NoReturn:
    raise FilterArgumentError(message, token=None)


def _said(value: Any) -> str:
    return str(value)[:60]


def _number(value: Any) -> Decimal:
    try:
        return formats.decimal_of(value)
    except ValueError:
        _wrong(f"`{_said(value)}` is no number")


def _digits(given: Any) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= 6:
        _wrong("digits are a whole number from 0 to 6")
    return int(given)


def date(context: Any, value: Any, style: Any = "medium", *, zone: Any = None, locale: Any = None) -> str:
    return formats.date_text(_moment(context, value, zone), str(style), _locale(context, locale))


def time(context: Any, value: Any, style: Any = "short", *, zone: Any = None, locale: Any = None) -> str:
    return formats.time_text(_moment(context, value, zone), str(style), _locale(context, locale))


def date_add(context: Any, value: Any, *, zone: Any = None, **spans: Any) -> str:
    for unit, count in spans.items():
        if unit not in ("weeks", "days", "hours", "minutes"):
            _wrong(f"date_add has weeks, days, hours and minutes, and no {unit}")
        if isinstance(count, bool) or not isinstance(count, int) or abs(count) > 100_000:
            _wrong(f"{unit} are a whole number")
    given = _moment(context, value, zone)
    whole = timedelta(weeks=spans.pop("weeks", 0), days=spans.pop("days", 0))
    try:
        if given.day and not spans:
            later = given._replace(when=given.when + whole)
            return formats.date_text(later, "iso", _locale(context, None))
        # Days are counted on the wall, so a day has 23 or 25 hours where clocks change; hours are hours.
        where = _zone(context, zone)
        wall = where.wall(formats.instant(given)) + whole // timedelta(milliseconds=1)
        at = where.instant(wall) + timedelta(**spans) // timedelta(milliseconds=1)
        found = formats.moment(at, where)
    except (OverflowError, ValueError):
        found = None
    return formats.date_text(found or _wrong("a time beyond the calendar"), "iso", _locale(context, None))


def days_until(context: Any, value: Any, *, zone: Any = None) -> int:
    now = _moment(context, _settings(context).now, zone)
    return (_moment(context, value, zone).when.date() - now.when.date()).days


def money(context: Any, value: Any, currency: Any = None, digits: Any = None, *, locale: Any = None) -> str:
    code = str(currency if currency is not None else _settings(context).currency)
    try:
        return formats.money(_number(value), code, _digits(digits), _locale(context, locale))
    except ValueError:
        _wrong(f"`{_said(code)}` is no currency code such as EUR")


def format_number(context: Any, value: Any, digits: Any = None, *, locale: Any = None) -> str:
    return formats.number(_number(value), _digits(digits), _locale(context, locale))


def percent(context: Any, value: Any, digits: Any = 0, *, locale: Any = None) -> str:
    return formats.percent(_number(value), _digits(digits) or 0, _locale(context, locale))


def pluralize(context: Any, value: Any, one: Any = None, other: Any = None, **forms: Any) -> Any:
    words = {"one": one, "other": other, **forms}
    form = formats.plural(_number(value), _locale(context, None))
    chosen = words.get(form)
    if chosen is None:
        chosen = words["other"] if words["other"] is not None else words["one"]
    return "" if chosen is None else chosen


def sentence(context: Any, value: Any, *, locale: Any = None) -> Any:
    items = list(value) if isinstance(value, list | tuple | range) else [value]
    room("sentence", size_of(items))
    return formats.sentence([str(item) for item in items], _locale(context, locale))


def json(value: Any) -> str:
    room("json", size_of(value))
    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except (TypeError, msgspec.MsgspecError):
        _wrong("the value is not JSON")


def append_params(value: Any, **params: Any) -> str:
    return with_query(str(value), {key: _written(given) for key, given in params.items()})


def _written(value: Any) -> str:
    return number_text(value) if isinstance(value, float) else str(value)


def utm(value: Any, **params: Any) -> str:
    known = ("source", "medium", "campaign", "term", "content", "id")
    for key in params:
        if key not in known:
            _wrong(f"utm has {', '.join(known)}, and no {key}")
    return with_query(str(value), {f"utm_{key}": _written(params[key]) for key in known if key in params})


def days(value: Any) -> int:
    return int(_number(value)) // formats.DAY_MS
