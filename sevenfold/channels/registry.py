"""From a channel of the workspace to the two sides of its provider, and what is wrong with its settings.

A provider lies in the file of its name, or in any other file of this folder: all are imported (which takes a
third of a second) when one is asked for that has no file of its own.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, Final, TypeGuard, get_args, get_origin

import msgspec
from msgspec import Struct

from ..messages.policy import DeliveryChannel
from ..workspace.problems import likely
from .base import PROVIDERS, Adapter, ChannelError, Inbound, Provider
from .calling import trusting

LookUp = Callable[[str], str]
"""What a reference (`env:NAME`, `file:PATH`) leads to. Raises SevenfoldError when it leads nowhere."""
_REFERENCES: Final = ("env:", "file:")


class Doubt(Struct, frozen=True):
    """Something wrong with a channel: the place of the value in it, a code of `workspace.problems.CODES`, and
    words for people.
    """

    place: tuple[str | int, ...]
    code: str
    message: str
    fix: str = ""


@cache
def _loaded() -> Mapping[str, Provider]:
    package = __name__.rpartition(".")[0]
    for found in pkgutil.iter_modules(import_module(package).__path__):
        import_module(f"{package}.{found.name}")
    return PROVIDERS


def _by_its_file(name: str) -> Provider | None:
    """A provider that is registered already, or by the file of its name."""
    if name not in PROVIDERS and name.isidentifier():
        package = __name__.rpartition(".")[0]
        if find_spec(f"{package}.{name}") is not None:
            import_module(f"{package}.{name}")
    return PROVIDERS.get(name)


def prepare(models: Iterable[DeliveryChannel]) -> None:
    """Makes ready what channels need before their first message, so that it does not wait for it: their code
    and the certificates they trust.
    """
    for model in models:
        if model.provider is not None:
            with suppress(ChannelError):
                provider_of(model)
            trusting()


def providers(type_: str | None = None) -> dict[str, Provider]:
    """Providers by name, in order of name; those that serve a type of channel, or all."""
    return {n: p for n, p in sorted(_loaded().items()) if type_ is None or type_ in p.types}


def provider_of(model: DeliveryChannel) -> Provider:
    """Who carries a channel's messages: the one it names, or the only one for its type. Raises
    ChannelError.
    """
    if model.provider is not None:
        alone = _by_its_file(model.provider)
        if alone is not None and model.type in alone.types:
            return alone
    found = providers(model.type)
    if model.provider is not None and model.provider in found:
        return found[model.provider]
    if model.provider is None and len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise ChannelError(f"nobody carries messages of type {model.type}", where="type")
    if model.provider is None:
        message = "the channel does not say who carries its messages"
        raise ChannelError(message, where="provider", fix=f"`provider:` one of {', '.join(found)}")
    fix = likely(model.provider, found) or f"one of {', '.join(found)}"
    raise ChannelError(f"no provider `{model.provider}` for {model.type}", where="provider", fix=fix)


def make_adapter(model: DeliveryChannel, look_up: LookUp) -> Adapter:
    """The side that sends, for a channel whose settings `check` found right. Raises ChannelError, and what
    `look_up` raises.
    """
    found = provider_of(model)
    if found.adapter is None:
        raise ChannelError(f"{found.name} sends nothing", where="provider")
    return found.adapter(_settings(found, model, look_up))


def make_inbound(model: DeliveryChannel, look_up: LookUp) -> Inbound:
    """The side that listens. Raises ChannelError (also when the provider tells nothing), and what `look_up`
    raises.
    """
    found = provider_of(model)
    if found.inbound is None:
        raise ChannelError(f"{found.name} tells nothing", where="provider")
    return found.inbound(_settings(found, model, look_up))


def _settings(found: Provider, model: DeliveryChannel, look_up: LookUp) -> Any:
    given = {k: look_up(v) if is_reference(v) else v for k, v in model.settings.items()}
    wrong = next(doubts(model), None)
    if wrong is not None:
        raise ChannelError(wrong.message, where=".".join(map(str, wrong.place)), fix=wrong.fix)
    # What was looked up is text; a port from the environment is a number all the same.
    return _converted(given, found.settings, strict=False)


def _converted(given: Mapping[str, Any], type_: type[Struct], strict: bool) -> Any:
    try:
        return msgspec.convert(given, type_, strict=strict)
    except msgspec.ValidationError as error:
        # The message names the field and what it must be, never the value.
        raise ChannelError(str(error), where="settings") from None


def doubts(model: DeliveryChannel) -> Iterator[Doubt]:
    """What is wrong with a channel's provider and settings, without looking up any secret."""
    if model.warm_up is not None:
        try:
            date.fromisoformat(model.warm_up)
        except ValueError:
            yield Doubt(("warm_up",), "wrong_value", f"`{model.warm_up}` is no day", "such as `2026-03-01`")
    if model.provider is None and not model.settings:
        return
    try:
        found = provider_of(model)
    except ChannelError as error:
        yield Doubt((error.where,), "unknown_name", error.message, error.fix)
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(found.settings)}
    whole = True
    for name, value in model.settings.items():
        place = ("settings", name)
        if name not in fields:
            fix = likely(name, fields) or f"{found.name} has {', '.join(sorted(fields))}"
            yield Doubt(place, "unknown_field", f"{found.name} has no setting `{name}`", fix)
            whole = False
        elif is_reference(value):
            whole = whole and _takes_text(fields[name].type)
        elif is_secret(fields[name].type):
            message = f"`{name}` is a secret, and stands here for everybody to read"
            fix = f"write a reference, such as `env:{found.name.upper()}_{name.upper()}`, or `file:PATH`"
            yield Doubt(place, "literal_secret", message, fix)
            whole = False
        else:
            try:
                msgspec.convert(value, fields[name].type)
            except msgspec.ValidationError as error:
                yield Doubt(place, "wrong_type", f"`{name}`: {_lower(str(error))}")
                whole = False
    for name, field in fields.items():
        if field.required and name not in model.settings:
            message = f"{found.name} needs the setting `{name}`"
            yield Doubt(("settings",), "missing_field", message, f"add `{name}` to `settings`")
            whole = False
    if whole:
        try:
            _converted(model.settings, found.settings, strict=True)
        except ChannelError as error:
            yield Doubt(("settings",), "wrong_value", error.message)


def is_reference(value: object) -> TypeGuard[str]:
    """Whether a setting's value says where the value is."""
    return isinstance(value, str) and value.startswith(_REFERENCES)


def is_secret(type_: Any) -> bool:
    """Whether a setting of this type is a secret."""
    if get_origin(type_) is Annotated:
        metas = get_args(type_)[1:]
        if any(isinstance(one, msgspec.Meta) and (one.extra or {}).get("secret") for one in metas):
            return True
    return any(is_secret(part) for part in get_args(type_) if not isinstance(part, msgspec.Meta))


def _takes_text(type_: Any) -> bool:
    try:
        msgspec.convert("env:X", type_)
    except msgspec.ValidationError:
        return False
    return True


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
