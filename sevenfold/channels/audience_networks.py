"""Advertising audiences of Google (Data Manager API) and Meta (Custom Audience API)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from ..clock import Clock
from ..limits import AUDIENCE_BATCH_ITEMS_MAX
from .audience_platforms import Audience
from .audiences import Batch, Dialect, Row, agreed, hashed
from .base import Provider, Result, Secret, provider
from .calling import Answer, Caller, by_status, said, unreadable
from .google import ServiceAccount, key_file
from .whatsapp_codes import refused as refused_by_meta

SCOPE: Final = "https://www.googleapis.com/auth/datamanager"


# ----------------------------------------------------------------------------------------------------- Google


class GoogleAudienceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer list of Google Ads (or Display & Video 360), through the Data Manager API."""

    service_account: Secret
    """The JSON key of a service account that the advertising account lets in; usually `file:PATH`."""
    account_id: str
    """The advertising account's number, without hyphens."""
    audience_id: str
    """The user list's ID."""
    account_type: str = "GOOGLE_ADS"
    """`GOOGLE_ADS`, `DISPLAY_VIDEO_ADVERTISER`, ..."""
    login_account_id: str = ""
    """The manager account by whose right it is done, if one is."""
    segment: str = ""
    """The segment whose members the audience is; without one only steps of journeys change it."""
    category: str = ""
    """The purpose that people must have agreed to; needed with `segment`."""
    every_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    """How often the audience is brought up to date, in hours."""
    region: str = ""
    """Where phone numbers without a country code are from (ISO 3166)."""
    base_url: str = "https://datamanager.googleapis.com"
    """Another address of the service: a region of its, or a proxy."""
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 60.0
    """How long connecting and each wait for bytes may take, in seconds."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = 5.0
    """Changes a second at most."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""

    def __post_init__(self) -> None:
        agreed(self.segment, self.category)


class GoogleAudience:
    """Changes a customer list. Only who consented is in it, and Google is told so."""

    dialect: Dialect = "google"
    batch_rows = AUDIENCE_BATCH_ITEMS_MAX

    def __init__(self, settings: GoogleAudienceSettings, *, clock: Clock | None = None) -> None:
        self.region = settings.region or None
        account = {"accountType": settings.account_type, "accountId": settings.account_id}
        destination: dict[str, Any] = {
            "operatingAccount": account,
            "productDestinationId": settings.audience_id,
        }
        if settings.login_account_id:
            login = {"accountType": settings.account_type, "accountId": settings.login_account_id}
            destination["loginAccount"] = login
        self._base: dict[str, Any] = {"destinations": [destination], "encoding": "HEX"}
        self._account = ServiceAccount(
            key_file(settings.service_account),
            SCOPE,
            timeout_s=min(settings.timeout_s, 30.0),
            ca_file=settings.ca_file,
            clock=clock,
        )
        self._caller = Caller(
            settings.base_url, timeout_s=settings.timeout_s, concurrency=4, ca_file=settings.ca_file
        )

    async def change(self, batch: Batch, validate_only: bool = False) -> Result:
        told = self._base | {"audienceMembers": [_google_member(row) for row in batch.rows]}
        if batch.change == "add":
            granted = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
            terms = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
            told |= {"consent": granted, "termsOfService": terms}
        if validate_only:
            told["validateOnly"] = True
        authorization = await self._account.authorization()
        if isinstance(authorization, Result):
            return authorization
        verb = "ingest" if batch.change == "add" else "remove"
        headers = {"Content-Type": "application/json", **authorization}
        answer = await self._caller.call(
            "POST", f"/v1/audienceMembers:{verb}", msgspec.json.encode(told), headers
        )
        if isinstance(answer, Result):
            return answer
        if answer.ok:
            ident = answer.object().get("requestId")
            if isinstance(ident, str) and ident:
                return Result(verdict="accepted", provider_id=ident)
            return (
                Result(verdict="accepted")
                if validate_only and answer.json() == {}
                else unreadable(f"HTTP {answer.status} without a `requestId`")
            )
        return self._refused(answer)

    def _refused(self, answer: Answer) -> Result:
        error = answer.object().get("error")
        error = error if isinstance(error, Mapping) else {}
        words = said(f"{error.get('status') or answer.status} {error.get('message') or ''}")
        if answer.status == 401:
            self._account.forget()
        if answer.status == 404:
            return Result(verdict="config_error", reason="endpoint", detail=words, scope="account")
        return by_status(answer, words)

    async def check(self) -> Result:
        """Has Google look at a change that it then does not make."""
        nobody = hashed("nobody@example.com", None, "google")
        assert nobody is not None
        return await self.change(Batch("add", (nobody,)), validate_only=True)

    async def close(self) -> None:
        await self._account.close()
        await self._caller.close()


def _google_member(row: Row) -> dict[str, Any]:
    identifiers = [{"emailAddress": row.email}] if row.email else []
    if row.phone:
        identifiers.append({"phoneNumber": row.phone})
    return {"userData": {"userIdentifiers": identifiers}}


# ------------------------------------------------------------------------------------------------------- Meta


class MetaAudienceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer file audience of Meta."""

    access_token: Secret
    """A system user's token with `ads_management`."""
    audience_id: str
    """The custom audience's ID."""
    api_version: str = "v25.0"
    """The version of the Graph API."""
    segment: str = ""
    """The segment whose members the audience is; without one only steps of journeys change it."""
    category: str = ""
    """The purpose that people must have agreed to; needed with `segment`."""
    every_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    """How often the audience is brought up to date, in hours."""
    region: str = ""
    """Where phone numbers without a country code are from (ISO 3166)."""
    base_url: str = "https://graph.facebook.com"
    """Another address of the service: a region of its, or a proxy."""
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 60.0
    """How long connecting and each wait for bytes may take, in seconds."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = 5.0
    """Changes a second at most."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""

    def __post_init__(self) -> None:
        agreed(self.segment, self.category)


class MetaAudience:
    """Changes a custom audience; it takes effect within a day."""

    dialect: Dialect = "meta"
    batch_rows = AUDIENCE_BATCH_ITEMS_MAX

    def __init__(self, settings: MetaAudienceSettings) -> None:
        self.region = settings.region or None
        self._audience = f"/{settings.api_version}/{settings.audience_id}"
        self._caller = Caller(
            settings.base_url,
            timeout_s=settings.timeout_s,
            concurrency=4,
            headers={"Authorization": f"Bearer {settings.access_token}"},
            ca_file=settings.ca_file,
        )

    async def change(self, batch: Batch) -> Result:
        payload = {"schema": ["EMAIL", "PHONE"], "data": [list(row) for row in batch.rows]}
        form = urlencode({"payload": msgspec.json.encode(payload).decode()}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        method = "POST" if batch.change == "add" else "DELETE"
        answer = await self._caller.call(method, f"{self._audience}/users", form, headers)
        if isinstance(answer, Result):
            return answer
        told = answer.object()
        if not answer.ok:
            return _refused_by_meta(answer, told)
        if "num_received" not in told and "audience_id" not in told:
            return unreadable(f"HTTP {answer.status} without a count")
        invalid = told.get("num_invalid_entries")
        detail = f"{invalid} entries are invalid" if invalid else ""
        return Result(verdict="accepted", provider_id=str(told.get("session_id") or ""), detail=detail)

    async def check(self) -> Result:
        """Reads the audience."""
        answer = await self._caller.call("GET", f"{self._audience}?fields=operation_status")
        if isinstance(answer, Result):
            return answer
        if not answer.ok:
            return _refused_by_meta(answer, answer.object())
        status = answer.object().get("operation_status")
        flagged = isinstance(status, Mapping) and status.get("code") == 471
        return _FLAGGED if flagged else Result(verdict="accepted")

    async def close(self) -> None:
        await self._caller.close()


_FLAGGED: Final = Result(
    verdict="config_error",
    reason="flagged",
    detail="Meta has restricted the audience; resolve that in its Audience Manager",
    scope="account",
)


def _refused_by_meta(answer: Answer, told: Mapping[str, Any]) -> Result:
    error = told.get("error")
    if isinstance(error, Mapping) and error.get("error_subcode") == 1713230:
        return _FLAGGED
    found = refused_by_meta(answer, None)
    # There is no recipient whom anything could be wrong with.
    return msgspec.structs.replace(found, suppress=False, scope="account")


provider(
    Provider(
        name="google_audience",
        types=("ads",),
        settings=GoogleAudienceSettings,
        adapter=lambda settings: Audience(GoogleAudience(settings), settings.rate_per_s),
        summary="customer lists of Google Ads, through the Data Manager API",
    )
)
provider(
    Provider(
        name="meta_audience",
        types=("ads",),
        settings=MetaAudienceSettings,
        adapter=lambda settings: Audience(MetaAudience(settings), settings.rate_per_s),
        summary="custom audiences of Meta",
    )
)
