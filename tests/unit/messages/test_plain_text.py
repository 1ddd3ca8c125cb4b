"""The plain part of an e-mail: what a person would read."""

from __future__ import annotations

import pytest

from sevenfold.messages.plain_text import text_of_html, tidy
from tests.unit.messages.compose import compiled, sent


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<h1>Title</h1>Text<br>next<br/>last", "Title\n\nText\nnext\nlast"),
        ('<a href="https://a.example">here</a>', "here: https://a.example"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<a href="https://a.example"><img src="x" alt="Shop"></a>', "Shop: https://a.example"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("a &amp; b &lt; c &euro;", "a & b < c €"),
        ("<style>p {}</style><script>x()</script><title>t</title>seen", "seen"),
        ('<div style="display:none">hidden <div>deep</div></div>seen', "seen"),
        ("<!-- c --><!doctype html>seen<!-- open", "seen"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("a<hr>b", "a\n---\nb"),
        ("  a \n\n\n  b  ", "a b"),
        ("", ""),
        ("<a", "<a"),
    ],
)
def test_it_reads_as_a_person_would(html: str, text: str) -> None:
    assert text_of_html(html) == f"{text}\n"


def test_liquid_stands_where_it_stood() -> None:
    template = compiled(
        channel="email",
        subject="s",
        transactional=True,
        html="<ul>{% for i in event.items %}<li>{{ i }}</li>{% endfor %}</ul>"
        '<p>{% if person.vip %}VIP{% endif %}</p><a href="https://a.example/{{ event.order_id }}">go</a>',
    )
    assert sent(template).text == "- tea\n- cup\n- pot\n\ngo: https://a.example/o-17"


def test_filters_that_make_html_make_none_here() -> None:
    template = compiled(
        channel="email",
        subject="s",
        transactional=True,
        html="<p>{{ event.note | escape | newline_to_br }}</p>",
    )
    assert sent(template, {"event": {"note": "a < b\nc"}}).text == "a < b\nc"


def test_blank_lines_are_few() -> None:
    assert tidy("\n\na  \n\n\n\n b\n") == "a\n\nb\n"
