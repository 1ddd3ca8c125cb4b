"""Dates, numbers and money as a language writes them: from CLDR data (Babel) and pinned time zones, never
from the machine's own settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent

from ..events.times import parse_ms
from ..journeys.zones import Zone
from .templates import locale_key

DAY_MS: Final = 86_400_000
STYLES: Final = ("short", "medium", "long", "full")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_DIRECTIVE: Final = re.compile(r"%(-)?([A-Za-z%])")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_REMEMBERED: Final = 2_048
_TWO: Final = "02d"


class Moment(NamedTuple):
    """The time on the wall, and whether it is a day without a time, which no zone moves.

    The offset tells apart what Python takes for equal: one instant in two zones.
    """

    when: datetime
    day: bool
    offset: timedelta


@lru_cache(maxsize=256)
def language(key: str) -> Locale:
    """The locale of a key such as ``de-AT``; unknown regions fall back to the language, unknown languages to
    English.
    """
    for candidate in (locale_key(key), locale_key(key).partition("-")[0]):
        try:
            return Locale.parse(candidate, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


def moment(value: Any, zone: Zone) -> Moment | None:
    """A time in a zone: ISO 8601, seconds below 1e11 or ms, or a day alone; None for what is no time."""
    if isinstance(value, str):
        text = value.strip()
        if _DAY.fullmatch(text):
            try:
                day = date.fromisoformat(text)
            except ValueError:
                return None
            return Moment(datetime(day.year, day.month, day.day, tzinfo=UTC), True, timedelta())
        value = int(text) if text.isdecimal() and len(text) <= 15 else text
    ms = parse_ms(value)
    if ms is None:
        return None
    offset = timedelta(milliseconds=zone.offset(ms))
    wall = datetime.fromtimestamp(ms // 1_000, timezone(offset)) + timedelta(milliseconds=ms % 1_000)
    return Moment(wall, False, offset)


def instant(value: Moment) -> int:
    """Milliseconds UTC; a day alone counts from 00:00 UTC."""
    return (value.when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@lru_cache(maxsize=_REMEMBERED)
def date_text(value: Moment, style: str, locale: Locale) -> str:
    """A date in a style of the language, as ``iso``, or by a pattern of ``%`` directives."""
    when = value.when
    if style in STYLES:
        return str(format_date(when, style, locale))
    if style == "iso":
        return when.date().isoformat() if value.day else when.isoformat(timespec="seconds")
    return _DIRECTIVE.sub(lambda match: _directive(match, when, locale), style)


@lru_cache(maxsize=_REMEMBERED)
def time_text(value: Moment, style: str, locale: Locale) -> str:
    """The time of day: ``short`` or ``medium`` (with seconds)."""
    return str(format_time(value.when, "medium" if style == "medium" else "short", locale=locale))


def _directive(match: re.Match[str], when: datetime, locale: Locale) -> str:
    make = _DIRECTIVES.get(match[2])
    if make is None:
        return match[0]
    text = make(when, locale)
    return text.lstrip("0 ") or "0" if match[1] else text


def _cldr(pattern: str) -> Callable[[datetime, Locale], str]:
    return lambda when, locale: str(format_datetime(when, pattern, locale=locale))


_DIRECTIVES: Final[dict[str, Callable[[datetime, Locale], str]]] = {
    "Y": lambda when, _: f"{when.year:04d}",
    "y": lambda when, _: format(when.year % 100, _TWO),
    "m": lambda when, _: format(when.month, _TWO),
    "d": lambda when, _: format(when.day, _TWO),
    "e": lambda when, _: f"{when.day:2d}",
    "j": lambda when, _: f"{when.timetuple().tm_yday:03d}",
    "H": lambda when, _: format(when.hour, _TWO),
    "M": lambda when, _: format(when.minute, _TWO),
    "S": lambda when, _: format(when.second, _TWO),
    "I": lambda when, _: format((when.hour - 1) % 12 + 1, _TWO),
    "l": lambda when, _: f"{(when.hour - 1) % 12 + 1:2d}",
    "k": lambda when, _: f"{when.hour:2d}",
    "p": _cldr("a"),
    "B": _cldr("MMMM"),
    "b": _cldr("MMM"),
    "h": _cldr("MMM"),
    "A": _cldr("EEEE"),
    "a": _cldr("EEE"),
    "u": lambda when, _: str(when.isoweekday()),
    "w": lambda when, _: str(when.isoweekday() % 7),
    "V": lambda when, _: format(when.isocalendar().week, _TWO),
    "G": lambda when, _: f"{when.isocalendar().year:04d}",
    "F": lambda when, _: when.date().isoformat(),
    "T": lambda when, _: when.strftime("%H:%M:%S"),
    "R": lambda when, _: when.strftime("%H:%M"),
    "D": lambda when, _: when.strftime("%m/%d/%y"),
    "z": lambda when, _: when.strftime("%z"),
    "s": lambda when, _: str(int(when.timestamp())),
    "L": lambda when, _: f"{when.microsecond // 1_000:03d}",
    "n": lambda _, __: "\n",
    "t": lambda _, __: "\t",
}
_DIRECTIVES["%"] = lambda _, __: "%"


def decimal_of(value: Any) -> Decimal:
    """An exact decimal number of what a client may have written. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("no number")
    text = str(value).strip()
    if len(text) > 40:
        raise ValueError("no number")
    try:
        found = Decimal(text)
    except ArithmeticError:
        raise ValueError("no number") from None
    if not found.is_finite() or abs(found) > Decimal(10) ** 18 or found.as_tuple().exponent < -18:  # type: ignore[operator]  # finite
        raise ValueError("no number")
    return found


@lru_cache(maxsize=_REMEMBERED)
def number(value: Decimal, digits: int | None, locale: Locale) -> str:
    """A number with the separators of the language: as many digits as it has, at most 6, or exactly
    ``digits``.
    """
    plain = str(locale.decimal_formats[None].pattern)
    return str(format_decimal(value, _pattern(digits, plain.partition(".")[0]), locale=locale))


@lru_cache(maxsize=_REMEMBERED)
def percent(value: Decimal, digits: int, locale: Locale) -> str:
    """0.87 as 87 %."""
    plain = str(locale.percent_formats[None].pattern)
    pattern = re.sub(r"#,##0(?:\.[0#]+)?", "#,##0" + ("." + "0" * digits if digits else ""), plain)
    return str(format_percent(value, pattern, locale=locale))


@lru_cache(maxsize=_REMEMBERED)
def money(value: Decimal, currency: str, digits: int | None, locale: Locale) -> str:
    """An amount with its currency, with as many digits as the currency has, or exactly ``digits``. Raises
    ValueError for what is no currency code.
    """
    code = currency.strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise ValueError("no currency")
    if digits is None:
        return str(format_currency(value, code, locale=locale))
    standard = str(locale.currency_formats["standard"].pattern)
    pattern = re.sub(r"#,##(#?)0(?:\.[0#]+)?", lambda m: _pattern(digits, "#,##" + m[1] + "0"), standard)
    return str(format_currency(value, code, pattern, locale=locale, currency_digits=False))


def _pattern(digits: int | None, whole: str) -> str:
    if digits is None:
        return f"{whole}.######"
    return whole + ("." + "0" * digits if digits else "")


def sentence(items: list[str], locale: Locale) -> str:
    """``a, b and c``."""
    return str(format_list(items, locale=locale))


@lru_cache(maxsize=_REMEMBERED)
def plural(value: Decimal, locale: Locale) -> str:
    """one, few, many, other ... as the language counts."""
    # 1.0 is one thing, although English says 1.0 things.
    whole = int(value)
    return str(locale.plural_form(abs(whole) if value == whole else abs(value)))
