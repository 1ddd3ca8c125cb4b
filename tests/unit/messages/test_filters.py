"""Every filter: what its example says, in each language, and safe with what people call themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.messages.filter_table import FILTERS
from sevenfold.workspace.filter_reference import page
from tests.unit.messages.compose import compiled, faults, in_html, not_said, rendered, said

HOSTILE = "<script>alert('x')</script>\" onload=\"alert(1)"


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_gives_what_its_example_says(name: str) -> None:
    assert said(FILTERS[name].example) == FILTERS[name].gives


@pytest.mark.parametrize("name", sorted(set(FILTERS) - {"safe"}))
@pytest.mark.parametrize(
    "text",
    [
        "{{ person.name | F }}",
        "{{ person.name | F: person.name }}",
        "{{ 'a' | F: person.name }}",
        "{{ person.name | escape | F }}",
        "{{ 'a,b' | split: ',' | F: person.name }}",
        "{{ person.name | F: person.name, person.name }}",
        "{{ person.name | split: ' ' | F }}",
    ],
)
def test_no_filter_lets_markup_of_a_name_through(name: str, text: str) -> None:
    template = compiled(channel="in_app", html="<p>" + text.replace("F", name) + "</p>", title="t")
    found = rendered(template, {"person": {"name": HOSTILE}})
    html = getattr(found, "html", "") or ""
    assert "<script" not in html
    assert '" onload="' not in html


def test_safe_is_the_only_way_around() -> None:
    assert in_html("{{ event.html | safe }}", {"event": {"html": "<b>x</b>"}}).endswith("<b>x</b>")
    assert in_html("{{ event.html }}", {"event": {"html": "<b>x</b>"}}).endswith("&lt;b&gt;x&lt;/b&gt;")


def test_the_page_is_what_the_table_says() -> None:
    committed = Path(__file__).parents[3] / "docs" / "reference" / "filters.md"
    assert committed.read_text() == page(), "run `python -m sevenfold.workspace.filter_reference`"


# ---------------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("style", "locale", "expected"),
    [
        ("short", "en", "3/1/26"),
        ("short", "de", "01.03.26"),
        ("long", "de", "1. März 2026"),
        ("long", "en", "March 1, 2026"),
        ("long", "en-GB", "1 March 2026"),
        ("full", "fr", "dimanche 1 mars 2026"),
        ("medium", "ja", "2026/03/01"),
        ("%d.%m.%Y", "de", "01.03.2026"),
        ("%-d. %B", "de", "1. März"),
        ("%A", "es", "domingo"),
        ("iso", "en", "2026-03-01T13:30:00+01:00"),
        ("%H:%M %Z%%", "en", "13:30 %Z%"),
    ],
)
def test_a_date_is_written_as_the_language_does(style: str, locale: str, expected: str) -> None:
    assert said(f'{{{{ now | date: "{style}", locale: "{locale}" }}}}') == expected


def test_a_time_is_shown_in_the_persons_zone_else_in_the_workspaces() -> None:
    assert said("{{ now | date: '%H:%M' }}") == "13:30"
    assert said("{{ now | date: '%H:%M' }}", zone="America/New_York") == "07:30"
    assert said("{{ now | date: '%H:%M', zone: 'Asia/Tokyo' }}", zone="America/New_York") == "21:30"


def test_a_zone_nobody_knows_falls_back_for_a_person_and_is_a_fault_in_a_template() -> None:
    assert said("{{ now | date: '%H:%M' }}", zone="Mars/Base") == "13:30"
    assert not_said("{{ now | date: '%H:%M', zone: 'Mars/Base' }}").code == "bad_value"


def test_a_day_without_a_time_is_moved_by_no_zone() -> None:
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        assert said("{{ '2026-03-09' | date: 'iso' }}", zone=zone) == "2026-03-09"


def test_seconds_and_milliseconds_are_told_apart() -> None:
    assert said("{{ 1772368200 | date: 'iso' }} {{ 1772368200000 | date: 'iso' }}") == (
        "2026-03-01T13:30:00+01:00 2026-03-01T13:30:00+01:00"
    )


@pytest.mark.parametrize("value", ["soon", "2026-13-01", "", "99999999999999999999", True, {}, -5])
def test_what_is_no_time_is_a_fault(value: object) -> None:
    assert not_said("{{ event.at | date }}", {"event": {"at": value}}).code == "bad_value"


def test_days_are_counted_on_the_wall_and_hours_by_the_clock() -> None:
    # Clocks go forward in Berlin on 29 March 2026, at 2.
    assert said("{{ '2026-03-28T12:00:00Z' | date_add: days: 1 | date: '%d %H:%M' }}") == "29 13:00"
    assert said("{{ '2026-03-28T12:00:00Z' | date_add: hours: 24 | date: '%d %H:%M' }}") == "29 14:00"
    assert said("{{ '2026-01-31' | date_add: weeks: 1, days: -1 }}") == "2026-02-06"


def test_days_until_counts_midnights() -> None:
    assert said("{{ '2026-03-02T00:30:00+01:00' | days_until }} {{ '2026-02-27' | days_until }}") == "1 -2"


# -------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ 1234.5 | money }}", "€1,234.50"),
        ("{{ 1234.5 | money: 'USD', 0 }}", "$1,234"),
        ("{{ 1234.5 | money: 'JPY' }}", "¥1,234"),
        ("{{ '29.9' | money: 'EUR', locale: 'fr' }}", "29,90\xa0€"),
        ("{{ 1234567.5 | number }}", "1,234,567.5"),
        ("{{ 1234567.5 | number: 2, locale: 'de' }}", "1.234.567,50"),
        ("{{ 1234567 | number: locale: 'hi' }}", "12,34,567"),
        ("{{ 0.1234 | percent: 1, locale: 'de' }}", "12,3\xa0%"),
    ],
)
def test_numbers_are_written_as_the_language_does(text: str, expected: str) -> None:
    assert said(text) == expected


@pytest.mark.parametrize("value", ["many", "nan", "1e500", [], True, "9" * 50])
def test_what_is_no_number_is_a_fault(value: object) -> None:
    for name in ("money", "number", "percent", "pluralize: 'a', 'b'", "days"):
        assert not_said("{{ event.n | " + name + " }}", {"event": {"n": value}}).code == "bad_value"


def test_languages_count_in_their_own_way() -> None:
    polish = "{{ event.n | pluralize: one: 'plik', few: 'pliki', many: 'plików', other: 'pliku' }}"
    template = compiled(body=polish, locale="pl")
    assert [getattr(rendered(template, {"event": {"n": n}}), "body", "") for n in (1, 3, 5)] == [
        "plik",
        "pliki",
        "plików",
    ]


def test_lists_are_joined_as_the_language_does() -> None:
    assert said("{{ event.items | sentence: locale: 'de' }}") == "tea, cup und pot"


# ------------------------------------------------------------------------------------------------ addresses


def test_parameters_are_appended_and_escaped_once() -> None:
    text = '{{ "https://a.example/?a=1&b=2#top" | append_params: b: "x y", name: person.first_name }}'
    assert said(text) == "https://a.example/?a=1&b=x%20y&name=Ada#top"
    assert "a=1&amp;b=x%20y&amp;name=Ada" in in_html(text)


def test_utm_parameters_have_their_five_names() -> None:
    assert said("{{ 'https://a.example' | utm: source: 'mail', medium: 'e&m' }}") == (
        "https://a.example?utm_source=mail&utm_medium=e%26m"
    )
    assert not_said("{{ 'https://a.example' | utm: soruce: 'mail' }}").code == "bad_value"


def test_a_filter_with_wrong_arguments_is_a_fault() -> None:
    assert not_said("{{ 'a' | append }}").code == "bad_value"
    assert not_said("{{ 'a' | truncate: 'x' }}").code == "bad_value"
    assert not faults(body="{{ 'a' | truncate: 1 }}")
