"""Alarms against hidden episodes: precision, recall, delay and lead."""

from __future__ import annotations

import pytest

from sevenfold.simulate.noticing import DAY_MS, Span, calendar, memberships, noticed, threshold


def days(account: str, first: float, last: float) -> Span:
    return Span(account, round(first * DAY_MS), round(last * DAY_MS))


def test_an_alarm_is_right_when_it_overlaps_an_episode_of_its_account() -> None:
    told = noticed(
        [days("a", 1, 3), days("a", 9, 9), days("b", 2, 5), days("c", 0, 99)],
        [days("a", 2, 4), days("b", 6, 7), days("c", 50, 60)],
    )
    assert (told.alarms, told.right, told.episodes, told.noticed) == (4, 2, 3, 2)
    assert told.precision == 0.5 and told.recall == pytest.approx(2 / 3)
    assert told.f1 == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))


def test_delay_and_lead_count_from_the_first_alarm_within_the_episode() -> None:
    told = noticed(
        [days("a", 12, 13), days("a", 14, 20), days("b", 0, 30)], [days("a", 10, 20), days("b", 5, 9)]
    )
    assert (told.delay_days, told.lead_days) == (1.0, 6.0)


def test_nothing_raised_and_nothing_hidden_is_zero_and_no_error() -> None:
    told = noticed([], [])
    assert (told.precision, told.recall, told.f1, told.delay_days, told.lead_days) == (0, 0, 0, None, None)


def test_a_stay_in_a_segment_lasts_until_it_is_left_or_time_stops() -> None:
    changes = [
        {"subject": "s1", "segment": "off", "change": "entered", "ms": 10},
        {"subject": "s2", "segment": "off", "change": "entered", "ms": 11},
        {"subject": "s1", "segment": "off", "change": "left", "ms": 20},
        {"subject": "s1", "segment": "off", "change": "entered", "ms": 30},
    ]
    assert list(memberships(changes, {"s1": "a"}, 99)) == [Span("a", 10, 20), Span("a", 30, 99)]


def test_a_calendar_writes_on_its_days_as_long_as_the_account_is_there() -> None:
    spans = list(calendar({"a": 0}, (3, 7), 30, {"a": 60 * DAY_MS}))
    assert [span.start // DAY_MS for span in spans] == [3, 7, 37]


def test_a_threshold_is_raised_while_too_few_sign_in_and_not_before_a_window_has_passed() -> None:
    log_ins = {"a": [0, 2 * DAY_MS, 20 * DAY_MS]}
    spans = list(threshold(log_ins, {"a": 0}, {"a": 40 * DAY_MS}, window_days=7, fewer_than=1))
    assert spans == [days("a", 9, 20), days("a", 27, 40)]


def test_a_threshold_on_many_log_ins_is_raised_while_there_are_so_many() -> None:
    log_ins = {"a": [8 * DAY_MS, 9 * DAY_MS, 20 * DAY_MS]}
    spans = list(threshold(log_ins, {"a": 0}, {"a": 40 * DAY_MS}, window_days=7, at_least=2))
    assert spans == [days("a", 9, 15)]
