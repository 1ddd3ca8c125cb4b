"""Times as clients write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.events.times import parse_ms

# Hypothesis wants bounds without a zone.
FIRST = datetime(1970, 1, 2, tzinfo=UTC).replace(tzinfo=None)
LAST = datetime(2200, 1, 1, tzinfo=UTC).replace(tzinfo=None)
NOON = 1_714_564_800_000  # 2024-05-01T12:00:00Z


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-05-01T12:00:00.000Z", NOON),
        ("2024-05-01T12:00:00Z", NOON),
        ("2024-05-01 12:00", NOON),
        ("2024-05-01T14:00:00+02:00", NOON),
        ("2024-05-01T14:00:00+0200", NOON),
        ("2024-05-01T10:00:00.123456-02", NOON + 123),
        ("2024-05-01T12:00:00.1Z", NOON + 100),
        (" 2024-05-01T12:00:00,5 ", NOON + 500),
        ("2024-05-01", NOON - 43_200_000),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        (1_714_564_800, NOON),
        (1_714_564_800.25, NOON + 250),
        (NOON, NOON),
        ("2024-02-30T12:00:00Z", None),
        ("2024-05-01T24:00:00Z", None),
        ("2024-05-01T12:60:00Z", None),
        ("2024-05-01T12:00:61Z", None),
        ("2024-05-01T12:00:00+24:00", None),
        ("0000-05-01", None),
        ("٢٠٢٤-05-01", None),
        ("1714564800", None),
        ("", None),
        (-1, None),
        (1e300, None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_it_reads_a_time_or_says_that_it_is_none(written: Any, expected: int | None) -> None:
    assert parse_ms(written) == expected
    assert parse_ms(written) == expected, "and the same again when it has been remembered"


@given(
    st.datetimes(min_value=FIRST, max_value=LAST),
    st.integers(-14 * 60, 14 * 60),
)
def test_it_agrees_with_the_standard_library(naive: datetime, offset: int) -> None:
    at = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    expected = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert parse_ms(at.isoformat()) == expected
    usual = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
    assert parse_ms(usual) == parse_ms(usual) == expected


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_none(text: str) -> None:
    parse_ms(text)
