"""For whom a page may show messages.

Write keys are public and ids are what a page says, so a user id alone opens nothing. A browser is known by
its anonymous id, which is chance that nobody else has; a user id counts when it comes with its *proof*, the
HMAC-SHA256 that the site's own server makes of it with the proof secret of the source. With the setting
`inapp_require_proof` whoever has a user id is shown messages only with that proof: without it, somebody could
claim to be them in an event, and read what is said to them.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from ...errors import SevenfoldError
from ...limits import INAPP_IDENTIFIER_CHARS_MAX, INAPP_TOKEN_MS
from ..errors import InvalidError, RateLimitedError, UnauthorizedError
from ..tokens import About, TokenError, Tokens

if TYPE_CHECKING:
    from ..live import Live
    from ..secrets import SecretBox
    from ..services import Services

PURPOSE: Final = "inapp"


class ProofError(SevenfoldError):
    """Whoever is logged in has to be proven, and is not."""

    code = "proof_required"


class Visitor(Struct, frozen=True, array_like=True):
    """Whom a page speaks for. `user` is set only when it was proven."""

    source: str
    anonymous: str
    user: str = ""


class Found(Struct, frozen=True):
    """The profile of a visitor, if there is one, and whether its user ids were proven (or it has none)."""

    person: str | None
    proven: bool


def proof_secret(secrets: SecretBox, source: str) -> str:
    """What a site's server makes proofs with, for one source of events: 64 hexadecimal digits."""
    return secrets.key(f"inapp proof {source}").hex()


def proof_of(secret: str, user: str) -> str:
    """The proof of a user id: HMAC-SHA256 under the proof secret as it is shown, in hexadecimal."""
    return hmac.new(secret.encode(), user.encode(), sha256).hexdigest()


class Visitors:
    """Who pages speak for; signs what they prove it with for a while."""

    def __init__(self, services: Services) -> None:
        self._live: Live = services.live
        self._keys, self._clock, self._secrets = services.keys, services.clock, services.secrets
        self._tokens = Tokens(services.secrets.key("tokens"))
        self._require = services.settings.inapp_require_proof

    def arrive(self, write_key: str, anonymous: str, user: str, proof: str) -> Visitor:
        """Whom a page speaks for. Raises UnauthorizedError for a key that is none, RateLimitedError,
        InvalidError, and ProofError for a wrong proof.
        """
        key = self._keys.find(write_key, "write")
        source = key.source if key is not None else None
        if key is None or source is None:
            raise UnauthorizedError("the write key is not known", where="writeKey")
        wait_s = self._keys.wait_s(key)
        if wait_s:
            raise RateLimitedError(wait_s)
        for where, text in (("anonymousId", anonymous), ("userId", user)):
            if len(text) > INAPP_IDENTIFIER_CHARS_MAX:
                raise InvalidError("the id is too long", where=where)
        if not anonymous:
            raise InvalidError("the visitor's id is missing", where="anonymousId")
        if user and proof:
            wanted = proof_of(proof_secret(self._secrets, source), user)
            if not hmac.compare_digest(wanted.encode(), proof.encode("utf-8", "replace")):
                raise ProofError(
                    "the proof is not one of this user", where="proof", fix="HMAC-SHA256 of the user id"
                )
            return Visitor(source, anonymous, user)
        return Visitor(source, anonymous)

    def sign(self, visitor: Visitor) -> str:
        """A token for a visitor, valid for half an hour."""
        data = msgspec.json.encode(visitor).decode()
        return self._tokens.sign(PURPOSE, About(expires=self._clock.now() + INAPP_TOKEN_MS, data=data))

    def read(self, token: str) -> Visitor:
        """Whom a token speaks for. Raises UnauthorizedError."""
        try:
            about = self._tokens.read(PURPOSE, token, self._clock.now())
            return msgspec.json.decode(about.data, type=Visitor)
        except (TokenError, msgspec.DecodeError):
            raise UnauthorizedError("the token is not valid (any more)", where="token") from None

    async def find(self, visitor: Visitor) -> Found:
        """The profile of a visitor. Raises ProofError when it may not be shown to them."""
        told = await self._live.ask("visitor", anonymous=visitor.anonymous, user=visitor.user)
        users = told["users"]
        proven = not users or visitor.user in users
        if self._require and not proven:
            raise ProofError(
                "messages are shown to who is proven to be logged in", fix="identify(userId, {}, {proof})"
            )
        return Found(told["person"], proven)
