"""Log-in through an identity provider: OpenID Connect, the authorization code flow with PKCE (RFC 7636),
state and nonce; Authlib makes and checks what the specifications say.

The state is bound to the browser by a cookie, used once, and good for ten minutes. An address counts only
where the provider says that it is verified. Who comes in, and as what:

1. a member whom the provider vouched for before;
2. a member who was invited with this address (the provider vouches from now on);
3. somebody new, whose role the claim `oidc_role_claim` gives by `oidc_roles`, or else their address's domain
by `oidc_domains`. Who has neither stays outside.

Where the provider's claim gives a role, it is the role of everybody whom it vouches for, at each log-in.
"""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import httpx
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct, json

from ...channels.outside import GuardedTransport
from ...clock import Clock
from ...errors import SettingsError, SevenfoldError
from ...limits import OIDC_ANSWER_BYTES_MAX, OIDC_FLOW_MS_MAX, OIDC_KEYS_KEPT_MS
from ..secrets import look_up
from .register import Member, Members
from .roles import ROLES, Role

if TYPE_CHECKING:
    from ..services import Services

FLOW_COOKIE: Final = "sevenfold_oidc"
_ALGORITHMS: Final = ["RS256", "PS256", "ES256", "RS384", "ES384", "RS512", "ES512", "EdDSA"]
"""Signatures only: `none` and shared secrets are refused."""
_LEEWAY_S: Final = 60
_TIMEOUT_S: Final = 10.0


class ProviderError(SevenfoldError):
    """The identity provider said no, cannot be reached, or said what cannot be believed."""

    code = "provider_failed"


class NotInvitedError(SevenfoldError):
    """The provider vouches for somebody who is no member, and whom no rule makes one."""

    code = "not_invited"


class Begun(Struct):
    """Where the browser goes, and what its cookie holds meanwhile."""

    url: str
    state: str


class Finished(Struct):
    """Who came back, and to which page they wanted."""

    member: Member
    back: str


class _Known(Struct):
    """What is known of a provider: its description and keys, and since when (ms UTC)."""

    at: int
    about: dict[str, Any]
    keys: KeySet


_known: dict[str, _Known] = {}
"""By issuer, for an hour."""


class Oidc(Struct, kw_only=True):
    """One identity provider, as the settings say. `secret` is a reference (`env:`, `file:`) or empty for a
    public client; `roles` maps values of `claim`, `domains` those of addresses.
    """

    store: sqlite3.Connection
    clock: Clock
    issuer: str
    client: str
    secret: str
    name: str
    scopes: str
    claim: str
    roles: dict[str, Role]
    domains: dict[str, Role]

    async def begin(self, own_url: str, back: str) -> Begun:
        """Where the browser is sent. `own_url` is where it comes back to, `back` the page after that (of this
        service only). Raises ProviderError.
        """
        known = await self._provider()
        state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        verifier, now = secrets.token_urlsafe(48), self.clock.now()
        self.store.execute("DELETE FROM flows WHERE began <= ?", (now - OIDC_FLOW_MS_MAX,))
        self.store.execute(
            "INSERT INTO flows (state, nonce, verifier, back, began) VALUES (?, ?, ?, ?, ?)",
            (_digest(state), nonce, verifier, _local(back), now),
        )
        url = prepare_grant_uri(
            _text(known.about, "authorization_endpoint"),
            client_id=self.client,
            response_type="code",
            redirect_uri=own_url,
            scope=self.scopes,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(url, state)

    async def finish(self, own_url: str, state: str, held: str, code: str, error: str) -> Finished:
        """Who came back with `state` and `code`; `held` is what the browser's cookie says. Raises
        ProviderError, NotInvitedError.
        """
        row = self.store.execute(
            "DELETE FROM flows WHERE state = ? RETURNING nonce, verifier, back, began", (_digest(state),)
        ).fetchone()
        same = hmac.compare_digest(state.encode(), held.encode("utf-8", "replace"))
        if row is None or not state or not same or self.clock.now() - row[3] >= OIDC_FLOW_MS_MAX:
            raise ProviderError("this log-in was not begun here, or took too long", fix="log in again")
        if error or not code:
            raise ProviderError("the identity provider said no", where=error[:100], fix="log in again")
        nonce, verifier, back, _ = row
        claims = await self._claims(own_url, code, verifier, nonce)
        return Finished(self._member(claims), back)

    # ------------------------------------------------------------------------------------------ the provider

    async def _claims(self, own_url: str, code: str, verifier: str, nonce: str) -> dict[str, Any]:
        """What the provider says of whoever logged in, once its signature and every claim was checked."""
        known = await self._provider()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": own_url,
            "client_id": self.client,
            "code_verifier": verifier,
        }
        auth = httpx.BasicAuth(self.client, look_up(self.secret)) if self.secret else None
        async with _client() as client:
            answer = await _asked(client, "POST", _text(known.about, "token_endpoint"), data=form, auth=auth)
        token = _text(answer, "id_token")
        try:
            claims = self._verified(token, known.keys, nonce)
        except JoseError:
            # Keys are rolled over; with fresh ones it is right or it is wrong.
            _known.pop(self.issuer, None)
            known = await self._provider()
            try:
                claims = self._verified(token, known.keys, nonce)
            except (JoseError, AuthlibBaseError, ValueError) as error:
                raise ProviderError("what the identity provider said cannot be believed") from error
        except (AuthlibBaseError, ValueError) as error:
            raise ProviderError("what the identity provider said cannot be believed") from error
        return claims

    def _verified(self, token: str, keys: KeySet, nonce: str) -> dict[str, Any]:
        decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
        wanted = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client},
        }
        params = {"nonce": nonce, "client_id": self.client}
        claims = CodeIDToken(decoded.claims, decoded.header, wanted, params)
        claims.validate(now=self.clock.now() // 1_000, leeway=_LEEWAY_S)
        return dict(claims)

    async def _provider(self) -> _Known:
        found, now = _known.get(self.issuer), self.clock.now()
        if found is not None and 0 <= now - found.at < OIDC_KEYS_KEPT_MS:
            return found
        async with _client() as client:
            url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
            about = await _asked(client, "GET", url)
            if about.get("issuer") != self.issuer:
                raise ProviderError(
                    "the identity provider calls itself otherwise",
                    where="oidc_issuer",
                    fix="set it exactly as the provider's description says",
                )
            keys = await _asked(client, "GET", _text(about, "jwks_uri"))
        try:
            found = _known[self.issuer] = _Known(now, about, KeySet.import_key_set(keys))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderError("the identity provider's keys cannot be read") from error
        return found

    # -------------------------------------------------------------------------------------------- the member

    def _member(self, claims: dict[str, Any]) -> Member:
        members, subject = Members(self.store, self.clock), str(claims["sub"])
        email = claims.get("email") if claims.get("email_verified") in (True, "true") else None
        address = email.strip().lower() if isinstance(email, str) else ""
        role, claimed = self._role(claims, address)
        member = members.vouched(self.issuer, subject)
        if member is None and address:
            member = members.with_email(address)
            if member is not None:
                member = members.vouch(member.id, self.issuer, subject)
        if member is None:
            if not address:
                raise NotInvitedError("the provider names no verified address", fix="verify it there")
            if role is None:
                raise NotInvitedError("nobody has invited this address", fix="ask an admin for an invitation")
            name = claims.get("name") if isinstance(claims.get("name"), str) else ""
            return members.add(address, str(name), role, by=self.issuer, provider=(self.issuer, subject))
        if claimed and role is not None and role != member.role:
            member = members.change(member.id, role=role)
        return member

    def _role(self, claims: dict[str, Any], address: str) -> tuple[Role | None, bool]:
        """The largest role that the claim gives, else the domain's; and whether it is the claim's."""
        given = claims.get(self.claim) if self.claim else None
        values = [str(one) for one in given] if isinstance(given, list) else [str(given)] if given else []
        mapped = [self.roles[one] for one in values if one in self.roles]
        if mapped:
            return max(mapped, key=ROLES.index), True
        return self.domains.get(address.rpartition("@")[2]), False


def oidc_of(services: Services) -> Oidc | None:
    """The identity provider of the settings; None where there is none. Raises SettingsError."""
    settings = services.settings
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        raise SettingsError("the identity provider knows us by a name", where="oidc_client_id")
    return Oidc(
        store=services.keys.store,
        clock=services.clock,
        issuer=settings.oidc_issuer,
        client=settings.oidc_client_id,
        secret=settings.oidc_client_secret,
        name=settings.oidc_name,
        scopes=settings.oidc_scopes,
        claim=settings.oidc_role_claim,
        roles=_mapping(settings.oidc_roles, "oidc_roles"),
        domains=_mapping(settings.oidc_domains, "oidc_domains"),
    )


def _mapping(text: str, where: str) -> dict[str, Role]:
    """`growth=editor, acme.example=viewer`; a name alone is a viewer's."""
    found: dict[str, Role] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, role = part.rpartition("=") if "=" in part else (part, "", "viewer")
        if role.strip() not in ROLES:
            raise SettingsError(f"there is no role `{role}`", where=where, fix=f"one of {', '.join(ROLES)}")
        found[name.strip().lower() if where == "oidc_domains" else name.strip()] = role.strip()  # type: ignore[assignment]
    return found


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=GuardedTransport(), timeout=_TIMEOUT_S, trust_env=False)


async def _asked(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> dict[str, Any]:
    """An answer in JSON. Raises ProviderError."""
    try:
        answer = await client.request(method, url, headers={"accept": "application/json"}, **more)
        if answer.status_code != 200 or len(answer.content) > OIDC_ANSWER_BYTES_MAX:
            raise ProviderError(f"the identity provider answered with status {answer.status_code}")
        found = json.decode(answer.content)
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderError("the identity provider cannot be reached", fix="try again later") from error
    if not isinstance(found, dict):
        raise ProviderError("the identity provider's answer cannot be read")
    return found


def _text(about: dict[str, Any], name: str) -> str:
    found = about.get(name)
    if not isinstance(found, str) or not found:
        raise ProviderError(f"the identity provider does not say its `{name}`")
    return found


def _local(back: str) -> str:
    """A page of this service; anything that could lead elsewhere becomes the home page."""
    plain = back.isprintable() and back.startswith("/") and not back.startswith(("//", "/\\"))
    return back if plain and "\\" not in back else "/"


def _digest(state: str) -> bytes:
    return sha256(state.encode("utf-8", "surrogatepass")).digest()
