"""The Gregorian calendar in integers: day numbers (days since 1970-01-01) to year, month, day and back.

Any integer is a day, which the interpreter's dates, ending with year 9999, do not offer.
After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
"""

from __future__ import annotations

_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date."""
    # Years begin with March, so that the leap day is the last.
    era_year = year - (month <= 2)
    era, year_of_era = divmod(era_year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def civil(day: int) -> tuple[int, int, int]:
    """(year, month, day) of a day number."""
    era, of_era = divmod(day + 719_468, 146_097)
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    day_of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    date = day_of_year - (153 * month + 2) // 5 + 1
    return era * 400 + year_of_era + (month >= 10), (month + 2) % 12 + 1, date


def month_days(year: int, month: int) -> int:
    """How many days a month has."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _MONTH_DAYS[month - 1]


def add_months(day: int, months: int) -> int:
    """The same day of the month, months later (earlier if negative); the month's last day where it
    has none.
    """
    year, month, date = civil(day)
    years, place = divmod(month - 1 + months, 12)
    return day_number(year + years, place + 1, min(date, month_days(year + years, place + 1)))
