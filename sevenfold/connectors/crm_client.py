"""The REST interfaces of HubSpot (CRM v3) and Salesforce (REST API): what changed, and what is written to
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from ..channels.outside import Outside, guarded_client
from ..events.times import parse_ms
from ..importers.values import iso
from ..limits import CRM_ANSWER_BYTES_MAX, CRM_ATTEMPTS_RUNS_MAX, CRM_BATCH_ITEMS_MAX, CRM_OBJECTS_ROWS_MAX
from .crm import HubSpotSettings, SalesforceSettings, as_object, with_account
from .documents import Document
from .services import ConnectorError

COMPANY_FIELDS: Final = (
    "name", "hubspot_owner_id", "plan", "tier", "arr", "contract_start_date", "renewal_date", "industry",
    "numberofemployees",
)  # fmt: skip
DEAL_FIELDS: Final = (
    "dealstage",
    "dealtype",
    "closedate",
    "amount",
    "term_months",
    "closed_lost_reason",
    "account_id",
)
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
Crm = HubSpotSettings | SalesforceSettings


class CrmClient:
    """One CRM with its credentials. Every method raises ConnectorError, which holds no data of anybody."""

    def __init__(self, settings: Crm, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._client = client
        self._token = settings.token if isinstance(settings, HubSpotSettings) else ""

    async def call(self, method: str, path: str, content: Any = None) -> dict[str, Any]:
        """The answer as an object. Busy and failing services are asked again, after as long as they say."""
        wait_s = 1.0
        for attempt in range(CRM_ATTEMPTS_RUNS_MAX):
            headers = {"authorization": f"Bearer {await self._bearer()}", "content-type": "application/json"}
            status, body, after = await self._once(method, path, headers, content)
            if status == 401 and isinstance(self._settings, SalesforceSettings) and attempt == 0:
                self._token = ""
                continue
            if status in _AGAIN and attempt + 1 < CRM_ATTEMPTS_RUNS_MAX:
                await asyncio.sleep(min(wait_s if after is None else after, 60.0))
                wait_s *= 2
                continue
            if not 200 <= status < 300:
                raise ConnectorError(f"the CRM answered {status}", where=path.partition("?")[0][:100])
            return _object(body)
        raise AssertionError("the last attempt returns or raises")

    async def _bearer(self) -> str:
        settings = self._settings
        if self._token or isinstance(settings, HubSpotSettings):
            return self._token
        form = f"grant_type=client_credentials&client_id={quote(settings.client_id, safe='')}"
        form += f"&client_secret={quote(settings.client_secret, safe='')}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        status, body, _ = await self._once("POST", "/services/oauth2/token", headers, form)
        token = _object(body).get("access_token") if status == 200 else None
        if not isinstance(token, str):
            raise ConnectorError(f"the CRM gave no token: {status}", fix="check client_id and client_secret")
        self._token = token
        return token

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], content: Any
    ) -> tuple[int, bytes, float | None]:
        raw = content.encode() if isinstance(content, str) else None
        raw = msgspec.json.encode(content) if raw is None and content is not None else raw
        url = self._settings.base_url.rstrip("/") + path
        body = b""
        try:
            async with self._client.stream(method, url, content=raw, headers=dict(headers)) as answer:
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > CRM_ANSWER_BYTES_MAX:
                        raise ConnectorError("the CRM's answer is too long")
                after = answer.headers.get("retry-after", "")
                return answer.status_code, body, float(after) if after.isascii() and after.isdigit() else None
        except httpx.HTTPError as error:
            raise ConnectorError(f"the CRM cannot be reached: {type(error).__name__}") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConnectorError("the CRM's answer is no JSON") from None
    return found if isinstance(found, dict) else {"results": found}


@asynccontextmanager
async def connected(settings: Crm, outside: Outside | None = None) -> AsyncIterator[CrmClient]:
    """A client while it is needed."""
    async with guarded_client(outside, timeout_s=30.0, connections=4) as client:
        yield CrmClient(settings, client)


async def changed(
    settings: Any, since: int, outside: Outside | None = None
) -> list[tuple[str, Sequence[Document]]]:
    """What changed since a time, ms UTC: (topic, objects), as mappings see them. Raises ConnectorError."""
    async with connected(settings, outside) as client:
        if isinstance(settings, HubSpotSettings):
            kinds = [one.strip() for one in settings.objects.split(",") if one.strip()]
            return [(kind, await _hubspot(client, settings, kind, since)) for kind in kinds]
        assert isinstance(settings, SalesforceSettings)
        found: dict[str, list[Document]] = {}
        async for row in _salesforce(client, settings, since):
            kind = str((row.get("attributes") or {}).get("type", ""))
            found.setdefault(kind, []).append(with_account(row, settings.account))
        return list(found.items())


async def _hubspot(client: CrmClient, settings: HubSpotSettings, kind: str, since: int) -> list[Document]:
    """Search (developers.hubspot.com, "CRM search"): pages of 100, at most 10,000 of one question; then the
    question is asked anew from the last time seen.
    """
    deal = kind.startswith("deal")
    field = "hs_lastmodifieddate"
    wanted = [*(DEAL_FIELDS if deal else COMPANY_FIELDS), settings.account, field]
    found: dict[str, Document] = {}
    begin, after = since, ""
    while len(found) < CRM_OBJECTS_ROWS_MAX:
        rule = {"propertyName": field, "operator": "GTE", "value": str(begin)}
        question: dict[str, Any] = {
            "filterGroups": [{"filters": [rule]}],
            "sorts": [{"propertyName": field, "direction": "ASCENDING"}],
            "properties": wanted,
            "limit": CRM_BATCH_ITEMS_MAX,
        }
        if after:
            question["after"] = after
        page = await client.call("POST", f"/crm/v3/objects/{kind}/search", question)
        rows = [
            as_object(one, settings.account) for one in page.get("results", []) if isinstance(one, Mapping)
        ]
        known = len(found)
        found |= {str(one["id"]): one for one in rows}
        after = str(((page.get("paging") or {}).get("next") or {}).get("after") or "")
        if after.isdigit() and int(after) >= 10_000 and rows:
            begin, after = _ms(rows[-1]) or begin, ""
            if len(found) == known:
                break
        elif not after:
            break
    return list(found.values())


def _ms(row: Document) -> int | None:
    return parse_ms(row.get("updatedAt"))


async def _salesforce(client: CrmClient, settings: SalesforceSettings, since: int) -> AsyncIterator[Document]:
    """The rows of the setting `query` (SOQL); `:since` in it is the time since when."""
    if not settings.query:
        raise ConnectorError("there is nothing to ask for", where="query", fix="write a SOQL query")
    query = settings.query.replace(":since", iso(since))
    path: str = f"/services/data/{settings.version}/query?q={quote(query, safe='')}"
    count = 0
    while path and count < CRM_OBJECTS_ROWS_MAX:
        page = await client.call("GET", path)
        for row in page.get("records", []):
            if isinstance(row, Mapping):
                count += 1
                yield row
        following = page.get("nextRecordsUrl")
        path = following if isinstance(following, str) and following.startswith("/") else ""
