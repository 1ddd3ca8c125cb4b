"""The services that can be connected: how each signs its calls, and what a call is about.

Every file here that registers a service is one screen: its settings, `verify`, and `news`, which is only
asked once a call was verified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

import msgspec
from msgspec import Struct

from ..channels.base import Request
from ..channels.registry import LookUp, is_reference, is_secret
from ..errors import SevenfoldError
from ..limits import CONNECTOR_ROWS_MAX
from ..workspace.problems import likely
from .documents import Document
from .model import Connector
from .translate import News

Prepare = Callable[[str, Document], Document]


class ConnectorError(SevenfoldError):
    """A connector is set up in a way that cannot work."""

    code = "connector_invalid"


class UnreadableError(SevenfoldError):
    """A call was signed well and cannot be read."""

    code = "invalid"


class Service(Struct, frozen=True, kw_only=True):
    """One kind of service. `verify` raises UnverifiedError; `news` gives what a verified call tells, None for
    a greeting that tells nothing; `prepare` completes a document before rules see it (it gives a new one).
    """

    name: str
    settings: type[Struct]
    verify: Callable[[Any, Request], None] | None = None
    news: Callable[[Any, Request], News | None] | None = None
    prepare: Prepare | None = None
    summary: str = ""


SERVICES: Final[dict[str, Service]] = {}
_FILES: Final = ("shops", "stripe", "zendesk", "crm", "mailbox", "webhook", "fetched")


def service(found: Service) -> Service:
    """Registers a service."""
    assert found.name not in SERVICES, found.name
    SERVICES[found.name] = found
    return found


def service_of(model: Connector) -> Service:
    """The service of a connector."""
    return _loaded()[model.type]


@cache
def _loaded() -> Mapping[str, Service]:
    for name in _FILES:
        import_module(f"{__package__}.{name}")
    return SERVICES


def settings_of(name: str, model: Connector, look_up: LookUp) -> Any:
    """A connector's settings, checked, its secrets looked up. Raises ConnectorError, and what `look_up`
    raises.
    """
    for place, message, fix in setting_doubts(model):
        raise ConnectorError(message, where=f"connectors.{name}.settings.{place}", fix=fix)
    given = {k: look_up(v) if is_reference(v) else v for k, v in model.settings.items()}
    try:
        return msgspec.convert(given, service_of(model).settings, strict=False)
    except msgspec.ValidationError as error:
        # The message names the field and what it must be, never the value.
        raise ConnectorError(str(error), where=f"connectors.{name}.settings") from None


def setting_doubts(model: Connector) -> list[tuple[str, str, str]]:
    """What is wrong with a connector's settings, without looking up any secret: (setting, words, fix)."""
    found = []
    fields = {field.encode_name: field for field in msgspec.structs.fields(service_of(model).settings)}
    for name, value in model.settings.items():
        if name not in fields:
            fix = likely(name, fields) or f"it has {', '.join(sorted(fields))}"
            found.append((name, f"{model.type} has no setting `{name}`", fix))
        elif is_secret(fields[name].type) and not is_reference(value):
            fix = f"write a reference, such as `env:{model.type.upper()}_{name.upper()}`, or `file:PATH`"
            found.append((name, f"`{name}` is a secret, and stands here for everybody to read", fix))
        elif not is_reference(value):
            try:
                msgspec.convert(value, fields[name].type)
            except msgspec.ValidationError as error:
                found.append((name, f"`{name}`: {str(error)[:1].lower()}{str(error)[1:]}", ""))
    for name, field in fields.items():
        if field.required and name not in model.settings:
            found.append((name, f"{model.type} needs the setting `{name}`", f"add `{name}` to `settings`"))
    return found


def json_document(body: bytes) -> Any:
    """The JSON in a body. Raises UnreadableError."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise UnreadableError("the body is no JSON", where="body") from None


def documents_in(body: bytes) -> tuple[Document, ...]:
    """The object in a body, or the objects of the list in it. Raises UnreadableError."""
    found = json_document(body)
    listed = found if isinstance(found, list) else [found]
    if len(listed) > CONNECTOR_ROWS_MAX:
        raise UnreadableError(
            "there is too much in one call", where="body", fix=f"at most {CONNECTOR_ROWS_MAX}"
        )
    if not all(isinstance(one, Mapping) for one in listed):
        raise UnreadableError("the body is neither an object nor a list of them", where="body")
    return tuple(listed)
