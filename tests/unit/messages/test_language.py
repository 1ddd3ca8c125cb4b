"""Liquid with bounds: names are strict, nothing outside is reached, and nothing runs without end."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sevenfold.messages.faults import FAULTS
from tests.unit.messages.compose import compiled, faults, in_html, not_said, refused, rendered, said, sent

# ------------------------------------------------------------------------------------------------- names


def test_it_inserts_what_is_known() -> None:
    assert said("Hi {{ person.first_name }}, {{ signal.logins }} log-ins") == "Hi Ada, 20 log-ins"


def test_a_part_of_a_signal_has_a_name_of_its_own() -> None:
    assert said("{{ signal.sessions }} of {{ signal.sessions.average }}") == "3 of 61000"


def test_a_missing_value_is_a_fault_that_names_template_line_and_the_likely_name() -> None:
    found = not_said("Hi\nthere {{ person.fist_name }}")
    assert (found.code, found.where, found.line) == ("missing_value", "templates.t.body", 2)
    assert found.message == "`person.fist_name` is missing"
    assert found.fix == "did you mean `person.first_name`?"
    assert found.outcome == "render_error"


def test_a_name_that_no_template_knows_is_found_without_anybody() -> None:
    (found,) = faults(body="a\nb {{ user.name }}")
    assert (found.code, found.line, found.fix) == ("unknown_variable", 2, "did you mean `person.name`?")


def test_a_name_that_no_template_knows_is_a_fault_even_with_a_default() -> None:
    (found,) = faults(body="{% if persn.name %}x{% endif %}{{ first_name | default: 'x' }}")[:1]
    assert found.fix == "did you mean `person.name`?"


def test_default_stands_in_for_what_is_missing() -> None:
    assert said("Hi {{ person.nickname | default: 'there' }}") == "Hi there"


def test_null_is_missing_too() -> None:
    assert not_said("{{ event.note }}", {"event": {"note": None}}).code == "missing_value"


def test_what_is_missing_is_false_in_a_condition() -> None:
    assert said("{% if person.vip %}vip{% else %}guest{% endif %}") == "guest"
    assert said("{% unless person.vip %}guest{% endunless %}") == "guest"
    assert said("{% if person.vip == 'yes' or person.age > 18 %}a{% else %}b{% endif %}") == "b"
    assert said("{% if person.vip == nil %}nil{% endif %}") == "nil"


def test_a_loop_over_what_is_missing_is_a_fault() -> None:
    assert not_said("{% for x in event.lines %}{{ x }}{% endfor %}").code == "missing_value"


def test_a_filter_of_what_is_missing_is_a_fault() -> None:
    assert not_said("{{ person.nickname | upcase }}").code == "missing_value"
    assert not_said("{{ 'a' | append: person.nickname }}").code == "missing_value"


def test_a_filter_that_does_not_exist_is_found_without_anybody() -> None:
    (found,) = faults(body="{{ person.first_name | upcas }}")
    assert (found.code, found.fix) == ("unknown_filter", "did you mean `upcase`?")


def test_broken_liquid_is_found_in_its_line() -> None:
    for text in (
        "one\n{% if person.x %}never closed",
        "one\n{{ person.first_name | }}",
        "one\n{{ }}",
        "one\n{{ 'a }}",
        "{% if true %}\n{% for x %}{% endfor %}{% endif %}",
        "{% if true %}{% endif %}\n{% endif %}",
        "one\n{{ person.first_name",
        "one\n{% raw %}",
        "one\n{% nothing %}",
        "one\n{{ a b }}",
        "{% if true %}\n{{ ( }}\n{% endif %}",
        "{% case 1 %}{% when 1 %}{% endcase %}\n{% assign %}",
    ):
        (found,) = faults(body=text)
        assert (found.code, found.line) == ("syntax", 2), text


def test_now_is_the_engines_time_and_never_the_clocks() -> None:
    assert said("{{ now | date: 'iso' }} {{ 'now' | date: '%Y' }}") == "2026-03-01T13:30:00+01:00 2026"
    assert faults(body="{{ today }}")[0].code == "unknown_variable"


def test_numbers_print_as_people_write_them() -> None:
    assert said("{{ event.total }} {{ signal.logins }} {{ score.health }}") == "29.9 20 61.5"
    assert said("{{ 10 | divided_by: 4.0 }}") == "2.5"


# ---------------------------------------------------------------------------------------- nothing outside


@pytest.mark.parametrize(
    "text",
    [
        "{{ person.__class__ }}",
        "{{ person.first_name.__class__.__mro__ }}",
        "{{ person['__class__'] }}",
        "{{ person.keys }}",
        "{{ event.items.append }}",
        "{{ now.__init__.__globals__ }}",
        "{{ workspace.__dict__ }}",
        "{{ signal.__len__ }}",
        "{{ event.items.__getitem__ }}",
        "{{ ['$'] }}",
        "{{ ['$'].zone }}",
    ],
)
def test_no_attribute_of_python_is_reached(text: str) -> None:
    template = compiled(body=text)
    assert template.faults or refused(template).code == "missing_value"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..%2f..%2fsecret", "templates/partials/x", "x.liquid", ""]
)
def test_a_partial_is_one_of_the_workspace_and_no_file(name: str) -> None:
    for tag in ("render", "include"):
        (found,) = faults(body="{% " + tag + " '" + name + "' %}")
        assert found.code == "unknown_partial"


def test_the_name_of_a_partial_cannot_come_from_data() -> None:
    for text in ("{% include event.name %}", "{% render person %}"):
        assert faults(body=text)[0].code == "syntax"


def test_a_partial_sees_what_the_template_sees() -> None:
    template = compiled(
        {"hello": "Hi {{ person.first_name }}{{ mark }}"}, body="{% render 'hello', mark: '!' %}"
    )
    assert not template.faults
    assert sent(template).body == "Hi Ada!"


def test_a_fault_in_a_partial_is_said_in_the_partial() -> None:
    found = refused(compiled({"hello": "a\nb {{ person.nickname }}"}, body="{% render 'hello' %}"))
    assert (found.where, found.line) == ("partials.hello", 2)


# ------------------------------------------------------------------------------------------- within bounds

DEEP: Any = "x"
for _ in range(200):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in (1..10001) %}x{% endfor %}",
        "{% for a in (1..9000) %}{% endfor %}{% for a in (1..9000) %}{% endfor %}",
        "{% for a in (1..1000) %}{% for b in (1..1000) %}x{% endfor %}{% endfor %}",
        "{% for a in (1..999999999999) reversed %}x{% endfor %}",
        "{% for a in (1..5) limit: 2 offset: 999999999 %}x{% endfor %}{{ (1..99999999999) | join: 'x' }}",
        "{% assign x = 'xxxxxxxxxx' %}" + "{% assign x = x | append: x %}" * 40 + "{{ x }}",
        "{% capture x %}xxxxxxxxxx{% endcapture %}" + "{% capture x %}{{ x }}{{ x }}{% endcapture %}" * 40,
        "{% assign x = 'aaaaaaaa' %}" + "{% assign x = x | replace: 'a', x %}" * 8 + "{{ x }}",
        "{% assign x = 'aaaaaaaa' %}" + "{% assign x = x | replace: '', x %}" * 8 + "{{ x }}",
        "{% assign x = 9999999999 %}{{ x " + "| times: x" * 30 + " }}",
        "{% assign x = 'a,b,c,d' | split: ',' %}"
        + "{% assign x = x | concat: x %}" * 40
        + "{{ x | join: ',' }}",
        "{% assign x = 'a' %}{% for i in (1..9999) %}{% assign x = x | append: 'bbbbbbbbbbbbbbbbbbbbbb' %}"
        "{% assign y = x | upcase | downcase | upcase %}{% endfor %}",
        "{% for i in (1..9000) %}" + "{% assign a = 1 %}" * 400 + "{% endfor %}",
        "{% tablerow a in (1..99999) %}x{% endtablerow %}",
        "{{ event.long | split: '' | uniq | size }}{{ event.long | split: '' | uniq | size }}",
    ],
)
def test_hostile_templates_end_soon_and_say_so(text: str) -> None:
    template = compiled(body=text)
    began = time.process_time()
    found = refused(template, {"event": {"long": "abcdefghij" * 900}})
    assert found.code == "too_much", found
    assert time.process_time() - began < 10


def test_blocks_inside_blocks_have_a_bound() -> None:
    (found,) = faults(body="{% if true %}" * 200 + "x" + "{% endif %}" * 200)
    assert found.code == "too_much"


def test_brackets_inside_brackets_are_a_fault_and_no_crash() -> None:
    assert faults(body="{{ " + "[" * 50_000 + "a" + "]" * 50_000 + " }}")


def test_a_partial_that_renders_itself_ends() -> None:
    for body in ("{% render 'a' %}", "{% render 'a' %}{% render 'a' %}{% render 'a' %}"):
        template = compiled({"a": body}, body="{% render 'a' %}")
        began = time.process_time()
        assert refused(template).code == "too_much"
        assert time.process_time() - began < 10


def test_a_json_bomb_is_refused() -> None:
    assert not_said("{{ event.deep | json }}", {"event": {"deep": DEEP}}).code == "too_much"
    wide = {"event": {"wide": ["x" * 1000] * 1000}}
    assert not_said("{{ event.wide | json }}", wide).code == "too_much"
    assert not_said("{{ event.wide }}", wide).code == "too_much"


def test_a_text_has_a_bound() -> None:
    assert faults(body="x" * 300_000)[0].code == "too_much"


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 20_000,
        "{%" * 20_000,
        "{% raw %}" * 5_000,
        "{% comment %}" * 5_000,
        "{{ a | " * 9_000,
        "{% if a %}" * 9_000,
    ],
)
def test_unfinished_liquid_is_read_quickly(text: str) -> None:
    began = time.process_time()
    assert faults(body=text)
    assert time.process_time() - began < 10


# --------------------------------------------------------------------------------------------- hostile data


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        "",
        True,
        float("nan"),
        float("inf"),
        -(10**30),
        "\x00",
        "\ud800",
        ["a"] * 50_000,
        {"a": {"b": {}}},
        DEEP,
        "<script>" * 1000,
        "{{ person.first_name }}",
        1e308,
        b"bytes",
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize(
    "text",
    [
        "{{ event.x }}",
        "{{ event.x | upcase }}",
        "{{ event.x | date }}",
        "{{ event.x | money }}",
        "{{ event.x | number }}",
        "{{ event.x | plus: 1 }}",
        "{{ event.x | join }}",
        "{{ event.x | sort }}",
        "{{ event.x | json }}",
        "{{ event.x | sum }}",
        "{{ event.x | pluralize: 'a', 'b' }}",
        "{{ event.x.y.z }}",
        "{% for i in event.x %}{{ i }}{% endfor %}",
        "{% if event.x > 3 %}a{% endif %}b",
        "{{ event.x | round }}",
        "{{ event.x | truncate: event.x }}",
        "{{ event.x | slice: event.x }}",
        "{{ event.x | map: 'a' }}",
        "{{ event.x | append_params: a: event.x }}",
        "{{ event.x | date_add: days: event.x }}",
    ],
)
def test_no_data_raises(text: str, value: object) -> None:
    found = rendered(compiled(body=text), {"event": {"x": value}})
    assert getattr(found, "code", "no_content") in FAULTS


def test_liquid_in_data_stays_the_text_it_is() -> None:
    assert said("{{ event.x }}", {"event": {"x": "{{ person.email }}"}}) == "{{ person.email }}"
    assert "{{ person" in in_html("{{ event.x }}", {"event": {"x": "{{ person.email }}"}})
