"""Whose an event is, as far as the event itself says: identifiers as 64-bit digests."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from ...profiles.identity import Identity
from ...profiles.where import dig
from ...workspace import models as m


class _Names(Struct, gc=False, rename="camel"):
    user_id: Any = None
    anonymous_id: Any = None
    previous_id: Any = None


class _More(Struct, gc=False):
    traits: Any = None
    context: Any = None


class EventKeys:
    """Digests of the identifiers by which an event is found, under a workspace's rules of identity."""

    def __init__(self, model: m.Identity | None = None) -> None:
        self._identity = Identity(model or m.Identity(), _nobody, _never)
        self._custom = [(kind, tuple(path.split("."))) for kind, path in self._identity.custom]
        self._names = msgspec.json.Decoder(_Names).decode
        self._more = msgspec.json.Decoder(_More).decode

    def of_event(self, raw: bytes) -> list[int]:
        """The digests by which an event is found: of its user id, else its anonymous id, else of whatever
        else names somebody; with `alias` of the previous id too. One that names a user belongs to the user,
        whoever else uses the device.
        """
        try:
            names = self._names(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return []
        user = self.of("user_id", names.user_id)
        found = user if user is not None else self.of("anonymous_id", names.anonymous_id)
        if names.previous_id is not None:
            before = (self.of("user_id", names.previous_id), self.of("anonymous_id", names.previous_id))
            return [one for one in (found, *before) if one is not None]
        return [found] if found is not None else self._others(raw)

    def _others(self, raw: bytes) -> list[int]:
        more = self._more(raw)
        context = more.context if isinstance(more.context, dict) else {}
        found: list[int | None] = []
        for traits in (more.traits, context.get("traits")):
            if isinstance(traits, dict):
                found += [self.of("email", traits.get("email")), self.of("phone", traits.get("phone"))]
                found += [self.of(kind, dig(traits, path)) for kind, path in self._custom]
        device = context.get("device")
        if isinstance(device, dict):
            found.append(self.of("device", device.get("token")))
        return [one for one in found if one is not None]

    def of(self, kind: str, value: Any) -> int | None:
        """The digest of an identifier; None when it identifies nobody."""
        if not isinstance(value, str | int | float) or kind not in self._identity.prefix:
            return None
        known = self._identity.key(kind, value)
        if known is None:
            return None
        digest = blake2b(f"{kind}\0{known[1:]}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)


def _nobody() -> int:
    return 0


def _never(winner: int, loser: int, by: str) -> None:
    raise AssertionError("identifiers are only read here")
