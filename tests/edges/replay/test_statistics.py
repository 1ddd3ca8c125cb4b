"""The figures: stays by Kaplan and Meier against values worked out by hand, and what sets moves off in
words.
"""

from __future__ import annotations

import numpy as np
import pytest

from sevenfold.playback.statistics import DAY_MS, cause_text, stay_quantiles


def days(*values: float) -> np.ndarray:
    return np.array([value * DAY_MS for value in values], dtype=np.int64)


def test_without_anybody_left_over_quantiles_are_those_of_the_stays() -> None:
    assert stay_quantiles(days(1, 2, 3, 4), days(), (0.25, 0.5, 0.75)) == [1.0, 2.0, 3.0]


def test_those_still_there_make_stays_longer() -> None:
    # Freireich's six-mercaptopurine patients, the textbook case: the median is 23 weeks.
    left = days(6, 6, 6, 7, 10, 13, 16, 22, 23)
    still = days(6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
    assert stay_quantiles(left, still, (0.25, 0.5)) == [13.0, 23.0]


def test_a_median_that_was_never_reached_is_none() -> None:
    assert stay_quantiles(days(1), days(5, 5, 5), (0.25, 0.5)) == [1.0, None]
    assert stay_quantiles(days(), days(5), (0.5,)) == [None]
    assert stay_quantiles(days(), days(), (0.5,)) == [None]


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        ({"kind": "track", "name": "Signed In", "seq": 4}, "Signed In"),
        ({"kind": "page", "name": "Pricing", "seq": 4}, "page Pricing"),
        ({"kind": "expiry", "name": "person.logins_7d"}, "time passing (logins_7d)"),
        ({"kind": "account", "name": "acme"}, "the account"),
        ({"kind": "day close", "name": ""}, "the day's close"),
        ({}, ""),
    ],
)
def test_causes_are_said_in_words(cause: dict[str, object], text: str) -> None:
    assert cause_text(cause) == text
