"""What the guides show is a template that compiles and a message that can be shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from sevenfold.channels.registry import doubts
from sevenfold.messages.compiling import CompiledTemplate
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.messages.templates import Template, version_of
from sevenfold.server.inapp.content import KINDS, kind_of
from tests.docs.blocks import blocks

GUIDES = Path(__file__).parents[3] / "docs" / "guides"
PAGES = ("snippet", "in-app", "surveys", "tours", "web-push")


def shown() -> list[tuple[str, dict[str, Any]]]:
    """(name, object) of everything in YAML on the pages."""
    texts = [text for page in PAGES for text in blocks(GUIDES / f"{page}.md", "yaml")]
    return [pair for text in texts for pair in yaml.safe_load(text).items()]


TEMPLATES = [(name, one) for name, one in shown() if "channel" in one]


@pytest.mark.parametrize(("name", "given"), TEMPLATES, ids=[name for name, _ in TEMPLATES])
def test_a_template_of_the_guides_compiles_and_has_a_kind(name: str, given: dict[str, Any]) -> None:
    template = msgspec.convert(given, Template)
    compiled = CompiledTemplate(version_of(name, template))
    assert compiled.faults == []
    kind = kind_of(given)
    assert kind in KINDS and kind == given.get("payload", {}).get("kind", kind)


def test_a_channel_of_the_guides_has_settings_that_are_right() -> None:
    channels = dict(shown())
    product = msgspec.convert(channels["product"], DeliveryChannel)
    assert list(doubts(product)) == []
    wrong = msgspec.structs.replace(product, settings={"action_secret": "whsec_in_plain_text"})
    assert [doubt.place for doubt in doubts(wrong)] == [("settings", "action_secret")]


def test_every_kind_is_in_the_guides() -> None:
    text = "".join((GUIDES / f"{page}.md").read_text() for page in PAGES)
    assert [kind for kind in sorted(KINDS) if f"`{kind}`" not in text] == []
