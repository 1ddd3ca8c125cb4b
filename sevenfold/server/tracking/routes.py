"""`/l/{id}`, `/o/{token}.gif`, `/u/{token}`, `/preferences/{token}`, `/confirm/{token}`, `/view/{token}`,
`/r/{code}`.

None of them asks for a key, a cookie or a script: what an address is about is in the address, signed. What
changes something answers POST; GET only shows, for mail scanners follow every link.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any, Final
from urllib.parse import parse_qs

from litestar import Request, Response, Router, get, post, route
from litestar.exceptions import ClientException
from litestar.params import FromPath

from ...clock import Clock
from ...errors import SevenfoldError
from ...importers.values import iso
from ...limits import FORM_BYTES_MAX, FORM_FIELDS_ITEMS_MAX
from ..errors import EXCEPTION_HANDLERS
from ..inbound import Inbox
from ..live import Live
from ..returning import Returning
from ..services import Services
from ..tokens import CONFIRM, OPEN, PREFERENCES, UNSUBSCRIBE, About, TokenError, Tokens
from . import choices
from .looks import Looks
from .pages import HEADERS, page
from .referrals import Referrals
from .viewing import Views
from .wording import Words, accepted, chosen

Asked = Request[Any, Any, Any]
_GIF: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_NOT_KEPT: Final = {
    "cache-control": "no-store, private, max-age=0",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}
_HTTP: Final = re.compile(r"https?://[^\s\x00-\x1f\x7f]+", re.IGNORECASE)
_BOUNDARY: Final = re.compile(r'boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)


class Pages:
    """What the routes share."""

    def __init__(self, services: Services) -> None:
        back = Returning.of(services)
        self.back = back
        self.live: Live = services.live
        self.clock: Clock = services.clock
        self.tokens: Tokens = back.tokens
        self.inbox: Inbox = back.inbox
        self.looks = Looks(back)
        self.referrals = Referrals(back)
        self.views = Views(back)
        self.history = services.history

    @property
    def name(self) -> str:
        return self.live.workspace.title or self.live.workspace.name

    def words(self, request: Asked, traits: Any = None) -> Words:
        """The words of whoever asks: `?lang=`, their own language, or their browser's."""
        wanted = [request.query_params.get("lang", "")[:35]]
        for name in ("locale", "language"):
            value = (traits or {}).get(name)
            wanted += [value] if isinstance(value, str) else []
        consent = self.live.workspace.consent
        return Words(
            consent, chosen(consent, [*wanted, *accepted(request.headers.get("accept-language", ""))])
        )

    async def invalid(self, request: Asked) -> Response[str]:
        """What a link shows that is none (any more)."""
        words = self.words(request)
        return page(
            "ask.html.j2", words, title=words("invalid"), name=self.name, status=404, button="", more=""
        )

    async def who(self, purpose: str, token: str) -> tuple[About, choices.Known | None]:
        """Whom a token is about. Raises TokenError."""
        about = self.tokens.read(purpose, token, self.clock.now())
        return about, await choices.known(self.live, about)

    async def person(self, about: About, who: choices.Known | None) -> dict[str, str] | None:
        """An identifier of theirs; when the profile is gone, the address that the message went to."""
        if who is not None:
            return who.person
        try:
            return self.inbox.person_at(about.channel, "", about.effect)
        except SevenfoldError:
            return None

    def preferences(self, about: About) -> str:
        """The address of the preference page for whom a token is about."""
        return f"/preferences/{self.tokens.sign(PREFERENCES, about)}"


async def form(request: Asked) -> dict[str, list[str]]:
    """The fields of a bounded form, url-encoded or multipart; files are no fields."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            raise ClientException("the form is too large", status_code=413)
    kind = request.headers.get("content-type", "")
    try:
        if kind.lower().startswith("multipart/form-data"):
            return _multipart(body, kind)
        return parse_qs(
            body.decode("utf-8", "replace"), max_num_fields=FORM_FIELDS_ITEMS_MAX, keep_blank_values=True
        )
    except ValueError:
        raise ClientException("the form cannot be read") from None


def _multipart(body: bytes, kind: str) -> dict[str, list[str]]:
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        return {}
    fields: dict[str, list[str]] = {}
    for part in body.split(b"--" + boundary[1].encode())[1 : FORM_FIELDS_ITEMS_MAX + 1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]{1,200})"', head)
        if name is not None and b"filename=" not in head:
            text = value.removesuffix(b"\r\n").decode("utf-8", "replace")
            fields.setdefault(name[1].decode("utf-8", "replace"), []).append(text)
    return fields


def _called_from(request: Asked) -> tuple[dict[str, str], str]:
    return dict(request.headers), request.client.host if request.client is not None else ""


def _links(pages: Pages) -> list[Any]:
    @route("/l/{ident:str}", http_method=["GET", "HEAD"], include_in_schema=False)
    async def follow(request: Asked, ident: FromPath[str]) -> Response[Any]:
        """Counts a click and leads on to where the link in the message led: an address that we stored, never
        one that the request names.
        """
        try:
            found = pages.history.link(ident[:64])
        except SevenfoldError:
            found = None
        if found is None or not _HTTP.fullmatch(found[1]):
            return await pages.invalid(request)
        effect, url = found
        headers, address = _called_from(request)
        await pages.looks.take(
            "clicked", effect, method=request.method, headers=headers, address=address, link=ident[:64]
        )
        return Response(b"", status_code=302, headers={**_NOT_KEPT, "location": url})

    @route("/o/{name:str}", http_method=["GET", "HEAD"], include_in_schema=False)
    async def opened(request: Asked, name: FromPath[str]) -> Response[bytes]:
        """The pixel. What is no token of ours is answered with the same picture, and counts nothing."""
        token, _, ending = name.rpartition(".")
        try:
            about = pages.tokens.read(OPEN, token if ending == "gif" else name, pages.clock.now())
        except TokenError:
            about = About()
        if about.effect:
            headers, address = _called_from(request)
            await pages.looks.take(
                "opened", about.effect, method=request.method, headers=headers, address=address
            )
        return Response(_GIF, media_type="image/gif", headers=_NOT_KEPT)

    return [follow, opened]


def _unsubscribing(pages: Pages) -> list[Any]:
    @get("/u/{token:str}", include_in_schema=False)
    async def ask(request: Asked, token: FromPath[str]) -> Response[str]:
        """Asks whether to unsubscribe; a scanner that follows the link changes nothing."""
        try:
            about, who = await pages.who(UNSUBSCRIBE, token)
        except TokenError:
            return await pages.invalid(request)
        words = pages.words(request, who.traits if who is not None else None)
        return page(
            "ask.html.j2",
            words,
            title=_question(pages, words, about),
            name=pages.name,
            button=words("unsubscribe_yes"),
            more=pages.preferences(about),
        )

    @post("/u/{token:str}", include_in_schema=False, status_code=200)
    async def leave(request: Asked, token: FromPath[str]) -> Response[str]:
        """One click (RFC 8058): out, at once, without cookie, redirect or question. The page's own button
        sends `page` and is shown a page.
        """
        fields = await form(request)
        try:
            about, who = await pages.who(UNSUBSCRIBE, token)
        except TokenError:
            return await pages.invalid(request)
        person = await pages.person(about, who)
        if person is not None:
            await pages.live.control(choices.unsubscribed(pages.live.workspace, person, about))
            pages.inbox.counts["one_click"] += 1
        words = pages.words(request, who.traits if who is not None else None)
        if "page" not in fields:
            return Response("", media_type="text/plain", headers=HEADERS)
        return page(
            "ask.html.j2",
            words,
            title=words("unsubscribed"),
            name=pages.name,
            button="",
            more=pages.preferences(about),
        )

    return [ask, leave]


def _question(pages: Pages, words: Words, about: About) -> str:
    workspace = pages.live.workspace
    record = choices.unsubscribed(workspace, {}, about)
    model = workspace.channels.get(about.channel)
    channel = words.channel(about.channel, model.type if model is not None else "")
    if "category" in record:
        return words("unsubscribe", category=words.category(about.category)[0], channel=channel)
    return words("unsubscribe_all", channel=channel)


def _preferring(pages: Pages) -> list[Any]:
    def shown(words: Words, about: About, who: choices.Known, said: str = "") -> Response[str]:
        workspace = pages.live.workspace
        trait = workspace.traits.get(choices.PAUSED_UNTIL)
        return page(
            "preferences.html.j2",
            words,
            title=words("preferences"),
            name=pages.name,
            said=said,
            groups=choices.groups(workspace, who, words),
            address=choices.address_of(workspace, about.channel, who),
            pause=trait is not None and trait.type == "date",
        )

    @get("/preferences/{token:str}", include_in_schema=False)
    async def show(request: Asked, token: FromPath[str]) -> Response[str]:
        """What a person may choose."""
        try:
            about, who = await pages.who(PREFERENCES, token)
        except TokenError:
            return await pages.invalid(request)
        if who is None:
            return await pages.invalid(request)
        return shown(pages.words(request, who.traits), about, who)

    @post("/preferences/{token:str}", include_in_schema=False, status_code=200)
    async def choose(request: Asked, token: FromPath[str]) -> Response[str]:
        """Takes what was chosen; the page says what became of it."""
        fields = await form(request)
        try:
            about, who = await pages.who(PREFERENCES, token)
        except TokenError:
            return await pages.invalid(request)
        if who is None:
            return await pages.invalid(request)
        words = pages.words(request, who.traits)
        said = await _chosen(pages, words, about, who, fields)
        after = await choices.known(pages.live, about)
        return shown(words, about, after or who, said)

    return [show, choose]


async def _chosen(
    pages: Pages, words: Words, about: About, who: choices.Known, fields: dict[str, list[str]]
) -> str:
    """Carries out a form of the preference page; what to say."""
    do, workspace = (fields.get("do") or ["save"])[0], pages.live.workspace
    if do == "all_off":
        await pages.live.control(choices.consent(who.person, "out", None, None))
        return words("all_off_done")
    if do == "pause" and choices.PAUSED_UNTIL in workspace.traits:
        until = pages.clock.now() + choices.PAUSE_MS
        await pages.inbox.say(who.person, "identify", {choices.PAUSED_UNTIL: iso(until)})
        return words("paused")
    records = choices.changes(
        workspace, who, words, set(fields.get("shown", ())), set(fields.get("in", ())), about
    )
    for record in records:
        await pages.live.control(record)
    pages.inbox.counts["preferences"] += len(records)
    if any(record["status"] == "pending" for record in records):
        return words("pending")
    return words("saved" if records else "unchanged")


def _confirming(pages: Pages) -> list[Any]:
    @get("/confirm/{token:str}", include_in_schema=False)
    async def ask(request: Asked, token: FromPath[str]) -> Response[str]:
        """Asks whether somebody wants what their address was entered for; a scanner confirms nothing."""
        try:
            about, who = await pages.who(CONFIRM, token)
        except TokenError:
            return await pages.invalid(request)
        words = pages.words(request, who.traits if who is not None else None)
        title = words.category(about.category)[0] or pages.name
        return page("ask.html.j2", words, title=title, name=pages.name, button=words("confirm"), more="")

    @post("/confirm/{token:str}", include_in_schema=False, status_code=200)
    async def confirm(request: Asked, token: FromPath[str]) -> Response[str]:
        """The second opt-in."""
        await form(request)
        try:
            about, who = await pages.who(CONFIRM, token)
        except TokenError:
            return await pages.invalid(request)
        person = await pages.person(about, who)
        if person is None:
            return await pages.invalid(request)
        workspace = pages.live.workspace
        channel = about.channel if about.channel in workspace.channels else None
        category = about.category if about.category in workspace.consent.categories else None
        await pages.live.control(choices.consent(person, "confirmed", channel, category, "confirmation"))
        words = pages.words(request, who.traits if who is not None else None)
        return page(
            "ask.html.j2",
            words,
            title=words("confirmed"),
            name=pages.name,
            button="",
            more=pages.preferences(about),
        )

    return [ask, confirm]


def router(services: Services) -> Router:
    """The routes, for the application."""
    pages = Pages(services)
    handlers = [
        *pages.views.routes(pages.invalid),
        *_links(pages),
        *_unsubscribing(pages),
        *_preferring(pages),
        *_confirming(pages),
    ]
    return Router(
        "/", route_handlers=[*handlers, *pages.referrals.routes()], exception_handlers=EXCEPTION_HANDLERS
    )
