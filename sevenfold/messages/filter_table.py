"""Every filter a template can use, in one table: it makes the language, the reference page and its tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from liquid.builtin.filters import array, extra, math, misc, string

from . import filters
from .bounds import Filter

_LIQUID: Final = (
    Filter("abs", math.abs_, "The number without its sign.", "{{ -4 | abs }}", "4"),
    Filter("append", string.append, "Text after it.", '{{ "a" | append: "b" }}', "ab"),
    Filter("at_least", math.at_least, "No less than.", "{{ 3 | at_least: 5 }}", "5"),
    Filter("at_most", math.at_most, "No more than.", "{{ 9 | at_most: 5 }}", "5"),
    Filter("base64_encode", string.base64_encode, "As base64.", '{{ "a" | base64_encode }}', "YQ=="),
    Filter("capitalize", string.capitalize, "First letter capital.", '{{ "anna" | capitalize }}', "Anna"),
    Filter("ceil", math.ceil, "The next whole number.", "{{ 4.1 | ceil }}", "5"),
    Filter("compact", array.compact, "Without empty items.", "{{ event.items | compact | size }}", "3"),
    Filter(
        "concat", array.concat, "Two lists as one.", "{{ event.items | concat: event.items | size }}", "6"
    ),
    Filter(
        "default",
        misc.default,
        "Another value where it is missing, false or empty.",
        '{{ person.nickname | default: "there" }}',
        "there",
    ),
    Filter(
        "divided_by", math.divided_by, "Division; of whole numbers, whole.", "{{ 7 | divided_by: 2 }}", "3"
    ),
    Filter("downcase", string.downcase, "In small letters.", '{{ "ABC" | downcase }}', "abc"),
    Filter(
        "escape",
        string.escape,
        "Safe inside HTML; done by itself in HTML parts.",
        '{{ "<b>" | escape }}',
        "&lt;b&gt;",
    ),
    Filter(
        "escape_once",
        string.escape_once,
        "The same, what is escaped already left as it is.",
        '{{ "&lt;" | escape_once }}',
        "&lt;",
    ),
    Filter(
        "find",
        array.find,
        "The first item with a field of that value.",
        '{{ event.products | find: "sku", "b" | map: "name" }}',
        "Cup",
    ),
    Filter("first", array.first, "The first item.", "{{ event.items | first }}", "tea"),
    Filter("floor", math.floor, "The whole number below.", "{{ 4.9 | floor }}", "4"),
    Filter(
        "has",
        array.has,
        "Whether an item has a field of that value.",
        '{{ event.products | has: "sku", "b" }}',
        "true",
    ),
    Filter("join", filters.join, "Items as one text.", '{{ event.items | join: ", " }}', "tea, cup, pot"),
    Filter("last", array.last, "The last item.", "{{ event.items | last }}", "pot"),
    Filter("lstrip", string.lstrip, "Without space before it.", '{{ "  a" | lstrip }}', "a"),
    Filter(
        "map",
        array.map_,
        "One field of every item.",
        '{{ event.products | map: "name" | join: ", " }}',
        "Tea, Cup",
    ),
    Filter("minus", math.minus, "Difference.", "{{ 5 | minus: 2 }}", "3"),
    Filter("modulo", math.modulo, "The rest of a division.", "{{ 7 | modulo: 3 }}", "1"),
    Filter("newline_to_br", string.newline_to_br, "Line ends as `<br />`.", '{{ "a" | newline_to_br }}', "a"),
    Filter("plus", math.plus, "Sum.", "{{ 5 | plus: 2 }}", "7"),
    Filter("prepend", string.prepend, "Text before it.", '{{ "b" | prepend: "a" }}', "ab"),
    Filter(
        "reject",
        array.reject,
        "Items without a field of that value.",
        '{{ event.products | reject: "sku", "b" | map: "name" }}',
        "Tea",
    ),
    Filter("remove", string.remove, "Without a text.", '{{ "abab" | remove: "b" }}', "aa"),
    Filter(
        "remove_first",
        string.remove_first,
        "Without its first occurrence.",
        '{{ "abab" | remove_first: "b" }}',
        "aab",
    ),
    Filter(
        "remove_last",
        string.remove_last,
        "Without its last occurrence.",
        '{{ "abab" | remove_last: "b" }}',
        "aba",
    ),
    Filter("replace", filters.replace, "Another text instead.", '{{ "abab" | replace: "b", "c" }}', "acac"),
    Filter("replace_first", string.replace_first, "Once.", '{{ "abab" | replace_first: "b", "c" }}', "acab"),
    Filter(
        "replace_last",
        string.replace_last,
        "Once, the last.",
        '{{ "abab" | replace_last: "b", "c" }}',
        "abac",
    ),
    Filter(
        "reverse",
        array.reverse,
        "Items from the last to the first.",
        '{{ event.items | reverse | join: " " }}',
        "pot cup tea",
    ),
    Filter("round", math.round_, "Rounded, to so many digits.", "{{ 4.567 | round: 1 }}", "4.6"),
    Filter("rstrip", string.rstrip, "Without space after it.", '{{ "a  " | rstrip }}', "a"),
    Filter(
        "safe",
        extra.safe,
        "As it is, also in HTML. Only for texts you wrote yourself.",
        '{{ "a" | safe }}',
        "a",
    ),
    Filter("size", misc.size, "How many items or characters.", "{{ event.items | size }}", "3"),
    Filter("slice", string.slice_, "A part, from a place, so long.", '{{ "abcd" | slice: 1, 2 }}', "bc"),
    Filter(
        "sort",
        array.sort,
        "In order, perhaps by a field.",
        '{{ event.items | sort | join: " " }}',
        "cup pot tea",
    ),
    Filter(
        "sort_natural",
        array.sort_natural,
        "In order, small and capital letters alike.",
        "{{ event.items | sort_natural | first }}",
        "cup",
    ),
    Filter("split", string.split, "A text as a list.", '{{ "a,b" | split: "," | last }}', "b"),
    Filter("squish", string.squish, "Single spaces only.", '{{ " a  b " | squish }}', "a b"),
    Filter("strip", string.strip, "Without space around it.", '{{ " a " | strip }}', "a"),
    Filter("strip_html", filters.strip_html, "Without tags.", '{{ "<b>a</b>" | strip_html }}', "a"),
    Filter("strip_newlines", string.strip_newlines, "On one line.", '{{ "a" | strip_newlines }}', "a"),
    Filter(
        "sum",
        array.sum_,
        "The sum of a list, perhaps of a field.",
        '{{ event.products | sum: "price" }}',
        "11.5",
    ),
    Filter("times", math.times, "Product.", "{{ 5 | times: 2 }}", "10"),
    Filter(
        "truncate",
        string.truncate,
        "So many characters, the last of them `...`.",
        '{{ "abcdefgh" | truncate: 5 }}',
        "ab...",
    ),
    Filter(
        "truncatewords", string.truncatewords, "So many words.", '{{ "a b c" | truncatewords: 2 }}', "a b..."
    ),
    Filter(
        "uniq",
        array.uniq,
        "Each item once.",
        "{{ event.items | concat: event.items | uniq | size }}",
        "3",
        square=True,
    ),
    Filter("upcase", string.upcase, "In capitals.", '{{ "abc" | upcase }}', "ABC"),
    Filter("url_decode", string.url_decode, "Without percent signs.", '{{ "a%20b" | url_decode }}', "a b"),
    Filter(
        "url_encode", filters.url_encode, "Safe inside an address.", '{{ "a b&c" | url_encode }}', "a+b%26c"
    ),
    Filter(
        "where",
        array.where,
        "Items with a field of that value.",
        '{{ event.products | where: "sku", "b" | map: "name" }}',
        "Cup",
    ),
)
_OWN: Final = (
    Filter(
        "append_params",
        filters.append_params,
        "An address with more parameters; those of the same name are replaced.",
        '{{ "https://a.example/?x=1" | append_params: ref: "mail" }}',
        "https://a.example/?x=1&ref=mail",
    ),
    Filter(
        "date",
        filters.date,
        "A date: `short`, `medium` (the default), `long`, `full` as the language writes it, "
        "`iso`, or a pattern of `%` directives. `zone:` and `locale:` may be given; else the person's. "
        "A day without a time is moved by no zone. `now` is when the message was decided.",
        '{{ "2026-03-01T23:30:00Z" | date: "long", zone: "Europe/Berlin", locale: "de" }}',
        "2. März 2026",
        plain=False,
    ),
    Filter(
        "date_add",
        filters.date_add,
        "A later time, or an earlier one: `weeks`, `days`, `hours`, `minutes`.",
        '{{ "2026-02-27" | date_add: days: 3 }}',
        "2026-03-02",
        plain=False,
    ),
    Filter(
        "days",
        filters.days,
        "Whole days of a duration in ms, as signals give them.",
        "{{ 200000000 | days }}",
        "2",
    ),
    Filter(
        "days_until",
        filters.days_until,
        "How many midnights away; negative in the past.",
        "{{ account.renewal_date | days_until }}",
        "8",
        plain=False,
    ),
    Filter(
        "json", filters.json, "As JSON, keys in order.", "{{ event.items | json }}", '["tea","cup","pot"]'
    ),
    Filter(
        "money",
        filters.money,
        "An amount, with the workspace's currency or another; perhaps so many digits.",
        '{{ 1234.5 | money: "EUR", locale: "de" }}',
        "1.234,50\N{NO-BREAK SPACE}€",
        plain=False,
    ),
    Filter(
        "number",
        filters.format_number,
        "A number with separators; perhaps so many digits.",
        "{{ 1234567.891 | number: 1 }}",
        "1,234,567.9",
        plain=False,
    ),
    Filter(
        "percent",
        filters.percent,
        "A share as per cent; perhaps so many digits.",
        "{{ 0.873 | percent }}",
        "87%",
        plain=False,
    ),
    Filter(
        "pluralize",
        filters.pluralize,
        "The word for one or for several; languages with more forms name them: `few:`, `many:`.",
        '{{ 3 }} {{ 3 | pluralize: "day", "days" }}',
        "3 days",
        plain=False,
    ),
    Filter(
        "sentence",
        filters.sentence,
        "Items as a sentence lists them.",
        "{{ event.items | sentence }}",
        "tea, cup, and pot",
        plain=False,
    ),
    Filter(
        "time",
        filters.time,
        "The time of day: `short`, or `medium` with seconds.",
        '{{ "2026-03-01T12:30:00Z" | time: zone: "Europe/Berlin", locale: "de" }}',
        "13:30",
        plain=False,
    ),
    Filter(
        "utm",
        filters.utm,
        "An address with campaign parameters: `source`, `medium`, `campaign`, `term`, `content`, `id`.",
        '{{ "https://a.example/" | utm: source: "mail", campaign: "may" }}',
        "https://a.example/?utm_source=mail&utm_campaign=may",
    ),
)
FILTERS: Final[Mapping[str, Filter]] = {one.name: one for one in (*_LIQUID, *_OWN)}
"""All filters, by name: Liquid's, then our own."""
OWN: Final = tuple(one.name for one in _OWN)
