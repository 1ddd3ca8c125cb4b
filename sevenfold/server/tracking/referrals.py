"""Recommendations: links with a code, clicks on them, and sign-ups that came by them.

`/r/CODE` is the event `Referral Link Clicked` of whose code it is. Who follows the log finds the sign-ups: an
event with the code among its properties, or of a visitor who landed with the code in the address of the page.
Each is `Referral Signed Up` of the advocate, once for each person who signed up, and `referred_by` of that
person; one that is the advocate's own is `Referral Refused` with the reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec
from litestar import Request, Response, route
from litestar.params import FromPath

from ...errors import SevenfoldError
from ...limits import (
    LOOKS_PER_MESSAGE_ITEMS_MAX,
    REFERRAL_CODE_CHARS_MAX,
    REFERRAL_EVENTS_ITEMS_MAX,
    REFERRAL_READ_RECORDS,
)
from ...messages.links import with_query
from ...messages.policy import Referrals as Model
from ..referral_codes import code_of, key_of, person_of, same_company, same_mailbox
from ..returning import Returning
from . import choices
from .machines import Look, machine

CLICKED: Final = "Referral Link Clicked"
SIGNED_UP: Final = "Referral Signed Up"
REFUSED: Final = "Referral Refused"
_MARK: Final = "referrals"
_IDLE_S: Final = 1.0
_HOUR_MS: Final = 3_600_000
_log = logging.getLogger("sevenfold.referrals")


class _Told(msgspec.Struct, rename="camel"):
    """What is read of an event."""

    type: str = ""
    event: str | None = None
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    properties: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


_DECODE: Final = msgspec.json.Decoder(_Told).decode


class Referrals:
    """The programme of the workspace; without one (`referrals.yaml`) links lead nowhere and nothing is looked
    for.
    """

    def __init__(self, back: Returning) -> None:
        self._back = back
        self._live, self._clock = back.services.live, back.services.clock
        self._key = key_of(back.tokens)
        self._clicks: Counter[tuple[str, int]] = Counter()
        self.counts = back.inbox.counts

    @property
    def model(self) -> Model | None:
        return self._live.workspace.referrals

    def url_of(self, person: str) -> str:
        """The link of a profile id, to put into messages and pages."""
        return f"{self._back.base}/r/{code_of(self._key, person)}"

    # ---------------------------------------------------------------------------------------------- clicks

    def routes(self) -> list[Any]:
        """`/r/{code}`."""

        @route("/r/{code:str}", http_method=["GET", "HEAD"], include_in_schema=False)
        async def follow(request: Request[Any, Any, Any], code: FromPath[str]) -> Response[Any]:
            """Counts the click and leads to the programme's destination; a code that is none leads there as
            well.
            """
            model = self.model
            if model is None:
                return Response(b"", status_code=404)
            person = person_of(self._key, code[:REFERRAL_CODE_CHARS_MAX])
            url = model.destination
            if person is not None:
                url = with_query(url, {model.parameter: code_of(self._key, person), "utm_medium": "referral"})
                address = request.client.host if request.client is not None else ""
                await self._clicked(person, request.method, dict(request.headers), address)
            headers = {"location": url, "cache-control": "no-store", "referrer-policy": "no-referrer"}
            return Response(b"", status_code=302, headers=headers)

        return [follow]

    async def _clicked(self, person: str, method: str, headers: Mapping[str, str], address: str) -> None:
        now = self._clock.now()
        hour = person, now // _HOUR_MS
        if self._clicks[hour] >= LOOKS_PER_MESSAGE_ITEMS_MAX:
            return
        self._clicks[hour] += 1
        if len(self._clicks) > 10_000:
            self._clicks = Counter({one: n for one, n in self._clicks.items() if one[1] == hour[1]})
        why = machine(Look(what="clicked", method=method, headers=headers, address=address, kind="referral"))
        if why:
            self.counts["referral clicked by machine"] += 1
            return
        try:
            advocate = await self._person(person)
            if advocate is not None:
                code = code_of(self._key, person)
                await self._back.inbox.say(advocate[0], "track", {"code": code}, event=CLICKED)
                self.counts["referral clicked"] += 1
        except SevenfoldError as error:
            _log.warning("referral_click_lost", extra={"code": error.code})

    # -------------------------------------------------------------------------------------------- sign-ups

    async def run(self) -> None:
        """Follows the log for ever; for a task of the service."""
        while True:
            try:
                busy = await self.step()
            except SevenfoldError as error:
                _log.warning("referrals_not_followed", extra={"code": error.code})
                busy = False
            if not busy:
                await asyncio.sleep(_IDLE_S)

    async def step(self) -> bool:
        """Looks through what the log has beyond where it was left; whether there may be more. Where it was
        left is kept, so each sign-up is looked at once, and again after a crash, which changes nothing.
        """
        model, store, log = self.model, self._back.store, self._back.services.log
        position = store.mark(_MARK)
        if model is None or position is None:
            # A programme counts from when it is there.
            store.keep_mark(_MARK, log.next_position)
            return False
        records = await asyncio.to_thread(log.read, position, REFERRAL_READ_RECORDS)
        markers = (
            model.property.encode(),
            f"{model.parameter}=".encode(),
            *(one.encode() for one in model.sign_up),
        )
        for record in records:
            for at, entry in enumerate(record.entries, record.position):
                if at >= position and any(marker in entry.raw for marker in markers):
                    await self._look(model, entry.raw)
            position = max(position, record.end)
        store.keep_mark(_MARK, position)
        return len(records) >= REFERRAL_READ_RECORDS

    async def _look(self, model: Model, raw: bytes) -> None:
        try:
            told = _DECODE(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        given = (told.properties or {}).get(model.property)
        code = given if isinstance(given, str) else _landed(told, model.parameter)
        anonymous = "" if told.anonymous_id is None else str(told.anonymous_id)
        if told.type == "track" and told.event in model.sign_up:
            code = code or (self._back.store.landed(anonymous) if anonymous else "")
            advocate = person_of(self._key, code or "")
            if advocate is not None:
                await self._signed_up(model, advocate, told, anonymous)
        elif code and anonymous and person_of(self._key, code) is not None:
            self._back.store.land(anonymous, code, self._clock.now())

    async def _signed_up(self, model: Model, advocate: str, told: _Told, anonymous: str) -> None:
        kind: Literal["user_id", "anonymous_id"] = "user_id" if told.user_id is not None else "anonymous_id"
        value = str(told.user_id) if told.user_id is not None else anonymous
        try:
            found = await self._live.ask("lookup", value=value, kind=kind)
        except SevenfoldError:
            return
        theirs, new = await self._person(advocate), await self._person(found["id"])
        if theirs is None or new is None:
            return
        code = code_of(self._key, advocate)
        devices = await asyncio.to_thread(self._devices, theirs[1])
        held = {**theirs[1], "anonymous_id": [*theirs[1].get("anonymous_id", ()), *devices]}
        why = own(model, advocate, found["id"], held, new[1], anonymous)
        if why:
            self.counts["referral refused"] += 1
            properties: dict[str, Any] = {"code": code, "reason": why}
            await self._back.inbox.say(
                theirs[0], "track", properties, event=REFUSED, key=f"refused:{found['id']}"
            )
            return
        said = {"code": code, "referred": value}
        stored = await self._back.inbox.say(
            theirs[0], "track", said, event=SIGNED_UP, key=f"referred:{found['id']}"
        )
        if stored.accepted:
            self.counts["referral signed up"] += 1
            by = next(iter(theirs[0].values()))
            await self._back.inbox.say(
                new[0], "identify", {"referred_by": by}, key=f"referred_by:{found['id']}"
            )

    def _devices(self, identifiers: Mapping[str, Sequence[str]]) -> set[str]:
        """The browsers that somebody used lately. A browser on which somebody else has logged in since
        belongs to them, but what it did before is known.
        """
        users = identifiers.get("user_id", ())
        try:
            page = self._back.services.history.events_of({"user_id": users}, limit=REFERRAL_EVENTS_ITEMS_MAX)
        except SevenfoldError:
            return set()
        found = (one.event.get("anonymousId") for one in page.items)
        return {one for one in found if isinstance(one, str)}

    async def _person(self, ident: str) -> tuple[dict[str, str], Mapping[str, Sequence[str]]] | None:
        """(the strongest identifier, all of them) of a profile; None when there is none."""
        try:
            profile = await choices.asked(self._live, "profile", of="person", id=ident)
        except SevenfoldError:
            return None
        person = choices.identified(self._live.workspace, profile["identifiers"])
        return None if person is None else (person, profile["identifiers"])


def own(
    model: Model,
    advocate: str,
    new: str,
    theirs: Mapping[str, Sequence[str]],
    news: Mapping[str, Sequence[str]],
    anonymous: str,
) -> str:
    """Why a sign-up is the advocate's own; "" when it is not. Each as profile id and identifiers."""
    addresses = [(one, other) for one in theirs.get("email", ()) for other in news.get("email", ())]
    if "person" in model.guard:
        if advocate == new or any(same_mailbox(*pair) for pair in addresses):
            return "person"
        if set(theirs.get("phone", ())) & set(news.get("phone", ())):
            return "person"
    if "device" in model.guard:
        devices = {*theirs.get("anonymous_id", ()), *theirs.get("device", ())}
        if devices & {anonymous, *news.get("anonymous_id", ()), *news.get("device", ())}:
            return "device"
    if "email_domain" in model.guard and any(same_company(*pair) for pair in addresses):
        return "email_domain"
    return ""


def _landed(told: _Told, parameter: str) -> str:
    """The code in the address of the page on which something happened."""
    page = (told.context or {}).get("page")
    if not isinstance(page, dict):
        return ""
    query = page.get("search") or urlsplit(str(page.get("url") or "")).query
    found = parse_qs(str(query).lstrip("?")[:2_000], max_num_fields=100).get(parameter, [""])
    return found[0][:REFERRAL_CODE_CHARS_MAX]
