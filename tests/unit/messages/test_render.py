"""What is sent: each channel its fields, links counted or left alone, and faults as outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from sevenfold.messages.links import link_id
from sevenfold.messages.render import render
from tests.unit.messages.compose import TRACKING, compiled, faults, refused, rendered, sent

LEAVE = '<a href="{{ links.unsubscribe }}">leave</a>'


def email(**fields: Any) -> Any:
    return compiled(**{"channel": "email", "subject": "s", "html": f"<p>x</p>{LEAVE}", **fields})


# ------------------------------------------------------------------------------------------------- e-mail


def test_html_escapes_what_it_inserts_and_text_does_not() -> None:
    template = email(subject="Hi {{ person.first_name }}", html="<p>Hi {{ person.first_name }}</p>" + LEAVE)
    found = sent(template, {"person": {"first_name": "<b>Ada</b> & Co"}})
    assert found.subject == "Hi <b>Ada</b> & Co"
    assert "<p>Hi &lt;b&gt;Ada&lt;/b&gt; &amp; Co</p>" in (found.html or "")
    assert (found.text or "").startswith("Hi <b>Ada</b> & Co")


def test_the_plain_part_is_made_from_the_html_unless_it_is_given() -> None:
    assert sent(email()).text == "x\n\nleave: https://leave.example/u/1"
    assert sent(email(text="own {{ links.unsubscribe }}")).text == "own https://leave.example/u/1"


def test_the_preheader_stands_hidden_behind_the_body_tag() -> None:
    template = email(
        html=f"<html><body class='a'>x{LEAVE}</body></html>", preheader="P <{{ person.first_name }}>"
    )
    html = sent(template).html or ""
    assert html.startswith("<html><body class='a'><div style=\"display:none")
    assert "P &lt;Ada&gt;&#847;" in html
    assert "preheader" not in (sent(email()).html or "")


def test_a_subject_is_one_line_whatever_people_call_themselves() -> None:
    name = "Ada\r\nBcc: everybody@example.com\x00"
    found = sent(email(subject="Hi {{ person.first_name }}"), {"person": {"first_name": name}})
    assert found.subject == "Hi Ada Bcc: everybody@example.com"


def test_one_sender_and_no_more() -> None:
    template = email(**{"from": "{{ event.who }}", "reply_to": "Help <help@shop.example>"})
    found = sent(template, {"event": {"who": "Shop <hi@shop.example>"}})
    assert (found.from_, found.reply_to) == ("Shop <hi@shop.example>", "Help <help@shop.example>")
    for who in ("a@b.example, c@d.example", "nobody", "a@b.example\nBcc: c@d.example", "<@>"):
        assert refused(template, {"event": {"who": who}}).code == "bad_address"


def test_everybody_can_leave_what_is_not_transactional() -> None:
    (found,) = faults(channel="email", subject="s", html="<p>x</p>")
    assert (found.code, found.path) == ("no_unsubscribe", ("templates", "t", "html"))
    assert not faults(channel="email", subject="s", html="<p>x</p>", transactional=True)
    (found,) = faults(channel="email", subject="s", html=LEAVE, text="no link")
    assert found.path == ("templates", "t", "text")
    (found,) = faults(channel="email", subject="s", html=LEAVE, locales={"de": {"html": "<p>x</p>"}})
    assert found.path == ("templates", "t", "locales", "de", "html")


def test_the_header_says_how_to_leave_with_one_click() -> None:
    assert sent(email()).headers == {
        "List-Unsubscribe": "<https://leave.example/u/1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert sent(email(transactional=True, html="<p>x</p>"), {"links": {}}).headers == {}
    assert refused(email(), {"links": {}}).code == "missing_value"


def test_what_renders_to_nothing_is_not_sent() -> None:
    found = refused(email(subject="{% if person.vip %}VIP{% endif %} "))
    assert (found.code, found.where) == ("no_content", "templates.t.subject")


def test_a_channel_says_what_it_needs() -> None:
    for fields in (
        {"channel": "email", "subject": "s"},
        {"channel": "sms", "title": "t"},
        {"channel": "webhook"},
    ):
        assert "no_content" in {fault.code for fault in faults(**fields)}, fields
    assert (
        faults(channel="email", subject="s", body="x", transactional=True, html="y")[0].code == "no_content"
    )
    assert faults(channel="pigeon", body="x")[0].code == "no_content"


# -------------------------------------------------------------------------------------------------- links


def test_links_are_left_alone_unless_they_are_counted() -> None:
    html = '<a href="https://a.example/?x=1&amp;y=2">a</a>' + LEAVE
    assert (sent(email(html=html)).html or "").startswith('<a href="https://a.example/?x=1&amp;y=2">a</a>')
    assert sent(email(html=html)).links == ()
    assert sent(email(html=html, tracking=False), tracking=TRACKING).links == ()


def test_a_counted_link_has_an_id_of_the_message_and_its_place() -> None:
    template = email(html='<a class="b" href="https://a.example/?x=1&amp;y=2">a</a>' + LEAVE)
    found = sent(template, message_id="m1", tracking=TRACKING)
    (link,) = found.links
    assert (link.id, link.url) == (link_id("m1", 0), "https://a.example/?x=1&y=2")
    assert f'<a class="b" href="https://t.example/l/{link.id}">a</a>' in (found.html or "")
    assert sent(template, message_id="m1", tracking=TRACKING) == found
    assert sent(template, message_id="m2", tracking=TRACKING).links[0].id != link.id


@pytest.mark.parametrize(
    "href",
    [
        "{{ links.unsubscribe }}",
        "{{ links.preferences }}",
        "{{ links.view }}",
        "mailto:a@b.example",
        "tel:+4930",
        "sms:+4930",
        "#top",
        "/relative",
        "app://open",
        "",
    ],
)
def test_links_that_must_stay_stay(href: str) -> None:
    template = email(html=f'<a href="{href}">a</a>' + LEAVE)
    found = sent(template, message_id="m", tracking=TRACKING)
    assert found.links == ()
    assert found.html == sent(template).html


def test_a_link_may_ask_to_be_left_alone() -> None:
    html = '<a data-no-track href="https://a.example/">a</a>' + LEAVE
    assert sent(email(html=html), tracking=TRACKING).links == ()


@pytest.mark.parametrize(
    "anchor",
    [
        "<a href='https://a.example/'>a</a>",
        "<A HREF=https://a.example/>a</A>",
        '<a\n href = "https://a.example/">a</a>',
        '<a title="x > y" href="https://a.example/">a</a>',
        '<area href="https://a.example/"/>',
        "<a href=\"{{ event.url | append_params: a: 'b' }}\">a</a>",
    ],
)
def test_links_are_found_however_they_are_written(anchor: str) -> None:
    template = email(html=anchor + LEAVE)
    found = sent(template, {"event": {"url": "https://a.example/"}}, tracking=TRACKING)
    assert len(found.links) == 1
    assert found.links[0].url.startswith("https://a.example/")
    assert "a.example" not in (found.html or "").replace("leave.example", "")


def test_the_plain_part_leads_to_the_same_place() -> None:
    found = sent(email(html='<a href="https://a.example/">a</a>' + LEAVE), message_id="m", tracking=TRACKING)
    assert found.text == f"a: https://t.example/l/{link_id('m', 0)} leave: https://leave.example/u/1"
    assert len(found.links) == 1


def test_addresses_in_texts_are_counted_too() -> None:
    found = sent(compiled(body="Look: https://a.example/x?y=1. Or https://b.example"), tracking=TRACKING)
    assert [link.url for link in found.links] == ["https://a.example/x?y=1", "https://b.example"]
    assert (found.body or "").startswith("Look: https://t.example/l/")
    assert f"{found.links[0].id}. Or " in (found.body or "")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " JaVaScRiPt:x", "java\nscript:x", "data:text/html,x", "vbscript:x"]
)
def test_a_link_that_runs_code_is_refused(url: str) -> None:
    context = {"event": {"url": url}}
    assert refused(email(html='<a href="{{ event.url }}">a</a>' + LEAVE), context).code == "bad_link"
    push = compiled(channel="app_push", title="t", body="b", link="{{ event.url }}")
    assert refused(push, context).code == "bad_link"
    buttons = compiled(channel="in_app", body="b", buttons=[{"label": "go", "link": "{{ event.url }}"}])
    assert refused(buttons, context).code == "bad_link"


def test_a_message_follows_no_more_links_than_the_bound() -> None:
    html = '{% for i in (1..700) %}<a href="https://a.example/{{ i }}">a</a>{% endfor %}' + LEAVE
    found = sent(email(html=html), tracking=TRACKING)
    assert len(found.links) == 500
    assert "https://a.example/501" in (found.html or "")


# ---------------------------------------------------------------------------------------- other channels


def test_a_push_has_title_body_image_link_and_buttons() -> None:
    template = compiled(
        channel="web_push",
        title="Hi {{ person.first_name }}",
        body="Order {{ event.order_id }}",
        image="https://a.example/{{ event.order_id }}.png",
        link="https://a.example/o/{{ event.order_id }}",
        buttons=[
            {"label": "See", "link": "https://a.example/s"},
            {"label": "No", "link": "https://a.example/n", "name": "no"},
        ],
    )
    found = sent(template, message_id="m", tracking=TRACKING)
    assert (found.title, found.body, found.image) == ("Hi Ada", "Order o-17", "https://a.example/o-17.png")
    assert [button.name for button in found.buttons] == ["1", "no"]
    assert [link.url for link in found.links] == [
        "https://a.example/o/o-17",
        "https://a.example/s",
        "https://a.example/n",
    ]


def test_a_payload_keeps_types_and_shape() -> None:
    template = compiled(
        channel="webhook",
        payload={
            "order": "{{ event.order_id }}",
            "total": "{{ event.total }}",
            "items": "{{ event.items }}",
            "note": "For {{ person.first_name }}",
            "first": ["{{ event.products[0].price }}"],
            "fixed": 3,
            "logins": "{{ signal.logins }}",
            "flag": True,
            "nothing": None,
        },
    )
    assert sent(template).payload == {
        "order": "o-17",
        "total": 29.9,
        "items": ["tea", "cup", "pot"],
        "note": "For Ada",
        "first": [4],
        "fixed": 3,
        "logins": 20.0,
        "flag": True,
        "nothing": None,
    }


def test_a_payload_may_be_a_text_that_gives_json() -> None:
    template = compiled(channel="webhook", payload='{"name": {{ person.first_name | json }}, "n": 1}')
    assert sent(template, {"person": {"first_name": 'A "B"\n'}}).payload == {"name": 'A "B"\n', "n": 1}
    broken = compiled(channel="webhook", payload='{"name": "{{ person.first_name }}"}')
    assert refused(broken, {"person": {"first_name": 'A "B'}}).code == "bad_payload"
    assert refused(compiled(channel="webhook", payload="[" * 100_000)).code == "bad_payload"


def test_a_missing_value_in_a_payload_is_said_with_its_place() -> None:
    found = refused(compiled(channel="webhook", payload={"a": ["{{ event.nothing }}"]}))
    assert (found.code, found.where) == ("missing_value", "templates.t.payload.a[0]")


def test_nobodys_name_calls_the_whole_channel_in_slack() -> None:
    template = compiled(
        channel="slack",
        body="*{{ account.name }}* <https://a.example|open> it's",
        payload={"text": "{{ account.name }}", "more": "{{ account.name }}!"},
    )
    found = sent(template, {"account": {"name": '<!channel> & "Co" it\'s'}})
    assert found.body == "*&lt;!channel&gt; &amp; \"Co\" it's* <https://a.example|open> it's"
    assert found.payload == {
        "text": '&lt;!channel&gt; &amp; "Co" it\'s',
        "more": '&lt;!channel&gt; &amp; "Co" it\'s!',
    }


# ----------------------------------------------------------------------------------- languages, variables


def test_a_person_gets_the_nearest_wording() -> None:
    template = compiled(
        body="Hello",
        locale="en",
        locales={"de": {"body": "Hallo"}, "de-AT": {"body": "Servus"}, "pt_br": {"body": "Olá"}},
    )
    said = {
        locale: sent(template, locale=locale).body
        for locale in ("de-AT", "de_at", "de-CH", "DE", "pt-BR", "pt", "fr", "en-US", "", "x" * 500, "../..")
    }
    assert said == {
        "de-AT": "Servus",
        "de_at": "Servus",
        "de-CH": "Hallo",
        "DE": "Hallo",
        "pt-BR": "Olá",
        "pt": "Hello",
        "fr": "Hello",
        "en-US": "Hello",
        "": "Hello",
        "x" * 500: "Hello",
        "../..": "Hello",
    }


def test_dates_are_in_the_language_of_the_wording_and_the_persons_region() -> None:
    body = "{{ now | date: 'short' }}"
    template = compiled(body=body, locales={"de": {"body": body}})
    assert sent(template, locale="en-GB").body == "01/03/2026"
    assert sent(template, locale="de-AT").body == "01.03.26"
    assert sent(template, locale="fr").body == "3/1/26"


def test_what_a_wording_lacks_comes_from_the_template() -> None:
    template = compiled(channel="app_push", title="Hello", body="Body", locales={"de": {"title": "Hallo"}})
    found = sent(template, locale="de")
    assert (found.title, found.body) == ("Hallo", "Body")


def test_a_wording_of_html_goes_before_the_templates_mjml() -> None:
    mjml = "<mjml><mj-body><mj-section><mj-column>"
    mjml += f"<mj-text>en {LEAVE}</mj-text></mj-column></mj-section></mj-body></mjml>"
    template = compiled(
        channel="email", subject="s", mjml=mjml, locales={"de": {"html": f"<p>de</p>{LEAVE}"}}
    )
    assert "<p>de</p>" in (sent(template, locale="de").html or "")
    assert "en <a" in (sent(template).html or "")
    assert faults(channel="email", subject="s", mjml=mjml, html=LEAVE)[0].code == "markup"


def test_a_partial_may_be_translated() -> None:
    partials = {"bye": "Bye {{ person.first_name }}", "bye.de": "Tschüs {{ person.nickname }}"}
    template = compiled(partials, body="{% render 'bye' %}", locales={"de": {"body": "{% render 'bye' %}"}})
    assert sent(template).body == "Bye Ada"
    found = refused(template, locale="de-AT")
    assert found.path == ("partials", "bye.de")


def test_values_of_the_step_are_declared_and_may_have_defaults() -> None:
    template = compiled(
        body="{{ headline }} {{ step.headline }} {{ rest }}",
        variables={"headline": {"required": True}, "rest": {"default": "!"}},
    )
    assert sent(template, {"step": {"headline": "Now"}}).body == "Now Now !"
    found = refused(template)
    assert (found.code, found.where) == ("missing_value", "templates.t.variables.headline")


def test_a_default_may_be_declared_once_for_all_texts() -> None:
    template = compiled(
        body="Hi {{ person.nickname }} of {{ account.plan.name }}",
        variables={"person.nickname": {"default": "there"}, "account.plan.name": {"default": "Free"}},
    )
    assert sent(template).body == "Hi there of Free"
    assert sent(template, {"person": {"nickname": "A"}}).body == "Hi A of Free"
    assert template.needed == frozenset()


# ------------------------------------------------------------------------------------------------ outcomes


def test_a_template_with_faults_is_refused_and_never_raises() -> None:
    found = refused(compiled(body="{{ nobody.knows }}"))
    assert (found.outcome, found.code) == ("render_error", "unknown_variable")
    assert str(found).startswith("templates.t.body, line 1: ")


@pytest.mark.parametrize(
    "context", [{}, {"person": None}, {"person": []}, {"links": 3}, {"now": "x"}, {"workspace": 1}]
)
def test_no_context_raises(context: dict[str, Any]) -> None:
    for template in (compiled(body="Hi {{ person.first_name | date }}"), email()):
        render(template, context)
        rendered(template, context)


def test_large_html_is_sent_with_a_warning() -> None:
    found = sent(email(html="<p>" + "x" * 110_000 + "</p>" + LEAVE))
    assert found.warnings and "Gmail clips" in found.warnings[0]
