"""Versions of templates: what they hold, and the digest that names them."""

from __future__ import annotations

import msgspec

from sevenfold.messages.compiling import CompiledTemplate
from sevenfold.messages.templates import CHANNELS, Template, TemplateVersion, wording_for
from tests.unit.messages.compose import CONTEXT, compiled, sent, version


def test_a_version_holds_the_partials_it_can_reach_and_no_others() -> None:
    partials = {
        "base": "{{ content }}{% render 'foot' %}",
        "foot": '{%- include "sign" -%}',
        "foot.de": "{% liquid\n  render 'logo'\n%}",
        "sign": "x",
        "logo": "y",
        "other": "z",
    }
    found = version(partials, channel="email", layout="base", html="x")
    assert set(found.partials) == {"base", "foot", "foot.de", "sign", "logo"}


def test_the_digest_changes_with_everything_that_is_rendered_and_with_nothing_else() -> None:
    plain = version({"p": "x", "q": "y"}, body="{% render 'p' %}")
    assert plain.digest == version({"q": "z", "p": "x"}, body="{% render 'p' %}").digest
    assert plain.digest == msgspec.structs.replace(plain, name="renamed").digest
    others = (
        version({"p": "X"}, body="{% render 'p' %}"),
        version({"p": "x"}, body="{% render 'p' %} "),
        version({"p": "x"}, body="{% render 'p' %}", locale="de"),
        version({"p": "x"}, body="{% render 'p' %}", locales={"de": {"body": "x"}}),
        version({"p": "x"}, body="{% render 'p' %}", channel="whatsapp"),
    )
    assert len({plain.digest, *(one.digest for one in others)}) == 6


def test_a_version_survives_storage_and_renders_the_same() -> None:
    one = version(
        {"p": "Hi {{ person.first_name }}"}, body="{% render 'p' %}", variables={"a": {"default": 1}}
    )
    stored = msgspec.json.decode(msgspec.json.encode(one), type=TemplateVersion)
    assert stored == one and stored.digest == one.digest
    assert sent(CompiledTemplate(stored), CONTEXT) == sent(CompiledTemplate(one), CONTEXT)


def test_rendering_twice_gives_the_same_bytes() -> None:
    template = compiled(
        channel="email",
        subject="s",
        transactional=True,
        html="{{ now | date: 'full' }} {{ event.total | money }}",
    )
    assert msgspec.json.encode(sent(template)) == msgspec.json.encode(sent(template))


def test_every_kind_of_channel_can_be_written() -> None:
    texts = {"subject": "s", "title": "t", "body": "b", "text": "x", "payload": {"a": 1}}
    for kind, groups in CHANNELS.items():
        fields = {field: texts.get(field, "x") for group in groups for field in group[-1:]}
        template = compiled(channel=kind, transactional=True, **fields)
        assert not template.faults, (kind, template.faults)
        assert sent(template).channel == kind


def test_a_template_in_the_persons_own_language_needs_no_other_wording() -> None:
    template = msgspec.convert({"channel": "sms", "body": "x", "locale": "de"}, Template)
    assert wording_for(template, "de-CH") == ("", "de-CH")
    assert wording_for(template, "fr") == ("", "de")
    assert wording_for(template, None) == ("", "de")
