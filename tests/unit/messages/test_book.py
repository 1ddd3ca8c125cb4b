"""The templates of a workspace, by name and by version."""

from __future__ import annotations

import msgspec
import pytest

from sevenfold.messages import book as book_module
from sevenfold.messages.book import TemplateBook
from sevenfold.workspace.models import Workspace
from tests.unit.messages.compose import sent

WORKSPACE = msgspec.convert(
    {
        "name": "shop",
        "channels": {"news": {"type": "email"}},
        "partials": {"foot": "bye"},
        "templates": {
            "hi": {"channel": "sms", "body": "Hi {% render 'foot' %}"},
            "mail": {"channel": "news", "subject": "s", "text": "t", "transactional": True},
        },
    },
    Workspace,
)


def test_a_version_has_its_partials_and_the_kind_of_its_channel() -> None:
    book = TemplateBook(WORKSPACE)
    hi, mail = book.version("hi"), book.version("mail")
    assert hi is not None and hi.partials == {"foot": "bye"} and book.version("hi") is hi
    assert mail is not None and mail.kind == "email"
    assert book.version("nothing") is None


def test_a_version_is_compiled_once_and_forgotten_when_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "TEMPLATE_VERSIONS_KEPT_ITEMS_MAX", 2)
    book = TemplateBook(WORKSPACE)
    version = book.version("hi")
    assert version is not None
    first = book.compiled(version)
    assert book.compiled(msgspec.structs.replace(version)) is first
    for number in range(2):
        template = msgspec.structs.replace(version.template, body=f"Old {number}")
        old = book.compiled(msgspec.structs.replace(version, template=template))
        assert sent(old).body == f"Old {number}"
    assert book.compiled(version) is not first
