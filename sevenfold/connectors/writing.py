"""To a CRM: an account's score and band into fields of its company, tasks as tasks there. Only what is
different is written.

Who follows the effects writes what they lead to: it is the state at the time of writing that is written, not
each step on the way, and what the CRM was told last is remembered. After a crash a task may be made a second
time, if the CRM made it and its answer was not kept; a field never is written twice with another value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from ..importers.values import iso
from .crm import HubSpotSettings, SalesforceSettings
from .crm_client import Crm, CrmClient
from .model import Connector, Owner
from .services import ConnectorError

KINDS: Final = frozenset({"band", "task", "task_closed"})
"""The effects that lead to something."""
_TASK_TO_COMPANY: Final = 192
"""HubSpot's number of that association (developers.hubspot.com, "associations")."""
_TEXT_CHARS_MAX: Final = 2_000


class Memory(Protocol):
    """What the CRM was told."""

    def written(self, connector: str, about: str) -> tuple[bytes, str]: ...

    def keep_written(self, connector: str, about: str, digest: bytes, ident: str = "") -> None: ...


class Told(Protocol):
    """An effect."""

    @property
    def kind(self) -> str: ...

    @property
    def of(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def data(self) -> dict[str, Any]: ...


def concerns(write: Owner, effect: Told) -> bool:
    """Whether an effect leads to anything to write."""
    if effect.kind == "band":
        return effect.of == "account" and effect.name == write.score
    return write.tasks and effect.kind in ("task", "task_closed")


class CrmWriter:
    """Writes for one connector."""

    def __init__(self, name: str, model: Connector, settings: Crm, client: CrmClient, memory: Memory) -> None:
        assert model.write is not None
        self._name, self._write, self._settings = name, model.write, settings
        self._client, self._memory = client, memory

    async def account(self, profile: Mapping[str, Any]) -> bool:
        """Writes an account's score and band; whether there was anything new. Raises ConnectorError."""
        key = next(iter(profile["identifiers"].get("account_id") or ()), None)
        score = (profile.get("scores") or {}).get(self._write.score or "") or {}
        fields = {}
        if self._write.health and score.get("value") is not None:
            fields[self._write.health] = round(score["value"], 1)
        if self._write.band and score.get("band") is not None:
            fields[self._write.band] = score["band"]
        if key is None or not fields:
            return False
        about, digest = f"account {key}", _digest(fields)
        held, _ = self._memory.written(self._name, about)
        if held == digest:
            return False
        ident = await self.company(key)
        if not ident:
            return False
        if isinstance(self._settings, HubSpotSettings):
            await self._client.call("PATCH", f"/crm/v3/objects/companies/{ident}", {"properties": fields})
        else:
            await self._client.call("PATCH", f"{self._sobjects}/Account/{ident}", fields)
        self._memory.keep_written(self._name, about, digest, ident)
        return True

    async def opened(self, data: Mapping[str, Any], key: str | None) -> bool:
        """A task for people becomes one there, at the company of the account `key`. Raises ConnectorError."""
        about = f"task {data['task']}"
        if self._memory.written(self._name, about)[1]:
            return False
        company = await self.company(key) if key is not None else ""
        text = "\n\n".join(
            str(one) for one in (data.get("talk_track"), f"Reason: {data.get('reason')}") if one
        )
        subject, body = str(data.get("title") or data.get("reason"))[:250], text[:_TEXT_CHARS_MAX]
        due = data.get("due")
        if isinstance(self._settings, HubSpotSettings):
            properties = {"hs_task_subject": subject, "hs_task_body": body, "hs_task_status": "NOT_STARTED"}
            properties["hs_timestamp"] = iso(due) if isinstance(due, int) else iso(0)
            kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": _TASK_TO_COMPANY}
            links = [{"to": {"id": company}, "types": [kind]}] if company else []
            made = await self._client.call(
                "POST", "/crm/v3/objects/tasks", {"properties": properties, "associations": links}
            )
        else:
            task: dict[str, Any] = {"Subject": subject, "Description": body, "Status": "Not Started"}
            task |= {"ActivityDate": iso(due)[:10]} if isinstance(due, int) else {}
            task |= {"WhatId": company} if company else {}
            made = await self._client.call("POST", f"{self._sobjects}/Task", task)
        self._memory.keep_written(self._name, about, b"open", str(made.get("id", "")))
        return True

    async def closed(self, data: Mapping[str, Any]) -> bool:
        """A task is done there as well. Raises ConnectorError."""
        about = f"task {data['task']}"
        state, ident = self._memory.written(self._name, about)
        if not ident or state == b"closed":
            return False
        if isinstance(self._settings, HubSpotSettings):
            done: dict[str, Any] = {"properties": {"hs_task_status": "COMPLETED"}}
            await self._client.call("PATCH", f"/crm/v3/objects/tasks/{ident}", done)
        else:
            await self._client.call("PATCH", f"{self._sobjects}/Task/{ident}", {"Status": "Completed"})
        self._memory.keep_written(self._name, about, b"closed", ident)
        return True

    async def company(self, key: str) -> str:
        """The CRM's id of the company with our account id; "" when there is none. Raises ConnectorError."""
        about = f"company {key}"
        _, known = self._memory.written(self._name, about)
        if known:
            return known
        if isinstance(self._settings, HubSpotSettings):
            rule = {"propertyName": self._write.key, "operator": "EQ", "value": key}
            question = {"filterGroups": [{"filters": [rule]}], "properties": [self._write.key], "limit": 2}
            page = await self._client.call("POST", "/crm/v3/objects/companies/search", question)
            found: Sequence[Any] = page.get("results") or ()
        else:
            page = await self._client.call("GET", f"{self._base}/query?q={_soql(self._write.key, key)}")
            found = page.get("records") or ()
        ids = [str(one.get("id") or one.get("Id") or "") for one in found if isinstance(one, Mapping)]
        if len(ids) != 1 or not ids[0].isalnum():
            # Nobody, or several: which is meant is for people to say.
            return ""
        self._memory.keep_written(self._name, about, b"", ids[0])
        return ids[0]

    @property
    def _base(self) -> str:
        assert isinstance(self._settings, SalesforceSettings)
        return f"/services/data/{self._settings.version}"

    @property
    def _sobjects(self) -> str:
        return f"{self._base}/sobjects"


def _soql(field: str, value: str) -> str:
    """The query for an account by a field, ready for an address."""
    if not field.replace("_", "").isalnum():
        raise ConnectorError("this is no field of Salesforce", where="write.key")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    query = f"SELECT Id FROM Account WHERE {field} = '{escaped}' LIMIT 2"  # noqa: S608 - both are checked above
    return quote(query, safe="")


def _digest(fields: Mapping[str, Any]) -> bytes:
    return blake2b(msgspec.json.encode(fields, order="sorted"), digest_size=16).digest()
