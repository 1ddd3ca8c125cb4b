"""Log-in and log-out, the first set-up, and coming back from an identity provider."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, Parameter, QueryParameter
from litestar.response import Redirect
from msgspec import UNSET, Meta, Struct, UnsetType

from ...errors import SevenfoldError
from ...limits import IDENTIFIER_CHARS_MAX, MEMBER_NAME_CHARS_MAX, SESSION_MS_MAX
from ..errors import SECURITY_HEADERS, InvalidError
from ..members import COOKIE, Member, Opened, Role, Session, passwords
from ..members.attempts import Attempts
from ..members.oidc import FLOW_COOKIE, NotInvitedError, Oidc, oidc_of
from ..members.roles import ROLES, includes
from ..members.sessions import csrf_of, token_of
from .base import Asked, Caller

Text = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_CHARS_MAX)]
Secret = Annotated[str, Meta(min_length=1, max_length=4_096)]
Via = Literal["password", "oidc", "invitation"]


class LoginFailedError(SevenfoldError):
    """The address and the password do not belong together; it is not said which is wrong."""

    code = "login_failed"


class LogIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """An address with its password."""

    email: Text
    password: Secret


class SetUp(Struct, kw_only=True, forbid_unknown_fields=True):
    """A token that the service showed at its start, or an invitation, with a password to be kept. `email` is
    needed for the first admin only.
    """

    token: Secret
    password: Secret
    name: Annotated[str, Meta(max_length=MEMBER_NAME_CHARS_MAX)] = ""
    email: Text | UnsetType = UNSET


class Provider(Struct, kw_only=True):
    """An identity provider with which members log in: what its button says, and where it leads."""

    name: str
    url: str


class Me(Struct, kw_only=True):
    """Who is logged in. `member` is null for nobody; `may` are the roles theirs includes; `csrf` goes into
    the header `X-Sevenfold-CSRF` of whatever changes something. `set_up`: there is no member yet, and the
    first is made with the token that the service showed at its start.
    """

    member: Member | None
    session: Session | None
    may: list[Role]
    csrf: str | None
    set_up: bool
    provider: Provider | None


class Ended(Struct, kw_only=True):
    """How many sessions ended."""

    ended: int


class InvitationShown(Struct, kw_only=True):
    """Whom an invitation is for; without an address the first admin is made."""

    email: str | None
    name: str | None


def _provider(caller: Caller) -> Provider | None:
    oidc = oidc_of(caller.services)
    return None if oidc is None else Provider(name=oidc.name, url="/api/session/oidc")


def _me(caller: Caller, token: str, held: tuple[Session, Member] | None) -> Me:
    session, member = held or (None, None)
    return Me(
        member=member,
        session=session,
        may=[] if member is None else [one for one in ROLES if includes(member.role, one)],
        csrf=None if member is None else csrf_of(token),
        set_up=member is None and not caller.members.any(),
        provider=_provider(caller),
    )


def _asked_from(request: Request[Any, Any, Any]) -> str:
    return request.client.host if request.client is not None else ""


def cookie(request: Request[Any, Any, Any], caller: Caller, opened: Opened) -> Cookie:
    """The cookie of a session that was just opened. Scripts never see it, other sites send it only when
    somebody follows a link.
    """
    return Cookie(
        key=COOKIE,
        value=opened.token,
        httponly=True,
        secure=_secure(request, caller),
        samesite="lax",
        path="/",
        max_age=SESSION_MS_MAX // 1_000,
    )


def _secure(request: Request[Any, Any, Any], caller: Caller) -> bool:
    return request.url.scheme == "https" or caller.services.settings.public_url.startswith("https:")


def _logged_in(request: Request[Any, Any, Any], caller: Caller, member: Member, via: Via) -> Response[Me]:
    # Whoever was logged in with this browser before is so no more: no session outlives its log-in.
    before = caller.sessions.find(token_of(request.headers.get("cookie")))
    if before is not None:
        caller.sessions.end(before[0].id)
    opened = caller.sessions.open(member, via, request.headers.get("user-agent", ""))
    caller.audit.note(member.id, "session.open", opened.session.id, detail={"via": via})
    me = _me(caller, opened.token, (opened.session, caller.members.get(member.id)))
    return Response(me, status_code=201, cookies=[cookie(request, caller, opened)])


@get("/session", scope="open", tags=["members"], operation_id="get_session")
async def get_session(request: Request[Any, Any, Any], caller: Asked) -> Me:
    """Who is logged in, what they may do, and how one logs in here."""
    token = token_of(request.headers.get("cookie"))
    return _me(caller, token, caller.sessions.find(token))


@post("/session", scope="open", status_code=201, tags=["members"], operation_id="log_in")
async def log_in(request: Request[Any, Any, Any], caller: Asked, data: JSONBody[LogIn]) -> Response[Me]:
    """Logs in with address and password: sets the cookie of a session. Takes as long for an address that
    nobody has; after a few failures there is a wait.
    """
    attempts = Attempts(caller.services.keys.store, caller.services.clock)
    asked_from = _asked_from(request)
    attempts.check(data.email, asked_from)
    member = caller.members.with_email(data.email)
    kept = None if member is None else caller.members.kept_password(member.id)
    right = await asyncio.to_thread(passwords.verify, kept, data.password)
    if member is None or kept is None or not right:
        attempts.failed(data.email, asked_from)
        known = "nobody" if member is None else member.id
        caller.audit.note(known, "session.open", "", result=LoginFailedError.code)
        raise LoginFailedError("address and password do not belong together", fix="try again")
    attempts.succeeded(data.email, asked_from)
    if passwords.outdated(kept):
        fresh = await asyncio.to_thread(passwords.digest, data.password)
        caller.members.keep_password(member.id, fresh)
    return _logged_in(request, caller, member, "password")


@delete("/session", scope="read", status_code=200, tags=["members"], operation_id="log_out")
async def log_out(
    caller: Asked,
    everywhere: Annotated[bool, Parameter(required=False, description="All of one's sessions.")] = False,
) -> Response[Ended]:
    """Logs out: this session ends, or all of one's own."""
    if caller.session is None or caller.member is None:
        raise InvalidError("a key has no session", fix="revoke the key instead")
    if everywhere:
        ended = caller.sessions.end_all(caller.member.id)
    else:
        caller.sessions.end(caller.session.id)
        ended = 1
    caller.note("session.end", caller.session.id, sessions=ended)
    gone = Cookie(key=COOKIE, value="", max_age=0, path="/", httponly=True, samesite="lax")
    return Response(Ended(ended=ended), status_code=200, cookies=[gone])


@get("/sessions", scope="read", tags=["members"], operation_id="list_sessions")
async def list_sessions(caller: Asked) -> list[Session]:
    """One's own sessions, the latest first; none for a key."""
    return [] if caller.member is None else caller.sessions.of(caller.member.id)


# -------------------------------------------------------------------------------------------- the first
# set-up


@get("/setup/invitation", scope="open", tags=["members"], operation_id="get_invitation")
async def get_invitation(
    request: Request[Any, Any, Any],
    caller: Asked,
    token: Annotated[str, Parameter(min_length=1, max_length=200, description="The invitation.")],
) -> InvitationShown:
    """Whom an invitation is for. A token that is none counts as a failed log-in."""
    member = _invited(request, caller, token)
    if member is None:
        return InvitationShown(email=None, name=None)
    return InvitationShown(email=member.email, name=member.name)


@post("/setup", scope="open", status_code=201, tags=["members"], operation_id="set_up")
async def set_up(request: Request[Any, Any, Any], caller: Asked, data: JSONBody[SetUp]) -> Response[Me]:
    """Makes the first admin with the token that `sevenfold serve` showed at its start, or lets a member who
    was invited choose a password; logs them in.
    """
    member = _invited(request, caller, data.token)
    email = data.email if isinstance(data.email, str) else ""
    if member is None and not email:
        raise InvalidError("the first admin needs an address", where="email")
    address = email if member is None else member.email
    kept = await asyncio.to_thread(passwords.digest, data.password, address, data.name)
    # Whoever was faster has used it meanwhile; what cannot be done leaves it good.
    _invited(request, caller, data.token)
    if member is None:
        member = caller.members.add(email, data.name, "admin", by="set-up", kept=kept)
    else:
        caller.members.keep_password(member.id, kept)
        caller.sessions.end_all(member.id)
        if data.name:
            member = caller.members.change(member.id, name=data.name)
    caller.members.use(data.token)
    caller.audit.note(member.id, "member.set_up", member.id)
    return _logged_in(request, caller, member, "invitation")


def _invited(request: Request[Any, Any, Any], caller: Caller, token: str) -> Member | None:
    attempts, asked_from = Attempts(caller.services.keys.store, caller.services.clock), _asked_from(request)
    attempts.check("invitation", asked_from)
    try:
        return caller.members.invited(token)
    except SevenfoldError:
        attempts.failed("invitation", asked_from)
        raise


# ------------------------------------------------------------------------------------------ identity
# providers


def _oidc(caller: Caller) -> Oidc:
    found = oidc_of(caller.services)
    if found is None:
        raise InvalidError(
            "no identity provider is set up", fix="see the settings `oidc_issuer` and those beside it"
        )
    return found


@get(
    "/session/oidc",
    scope="open",
    status_code=303,
    tags=["members"],
    operation_id="log_in_with_provider",
    responses={303: ResponseSpec(None, description="To the identity provider.")},
)
async def log_in_with_provider(
    request: Request[Any, Any, Any],
    caller: Asked,
    back: Annotated[
        str, Parameter(max_length=500, required=False, description="The page to come back to (`/...`).")
    ] = "/",
) -> Redirect:
    """Sends the browser to the identity provider."""
    begun = await _oidc(caller).begin(_own_url(request, caller), back)
    flow = Cookie(
        key=FLOW_COOKIE,
        value=begun.state,
        httponly=True,
        secure=_secure(request, caller),
        samesite="lax",
        path="/api/session/oidc",
        max_age=600,
    )
    return Redirect(begun.url, status_code=303, cookies=[flow], headers=dict(SECURITY_HEADERS))


@get(
    "/session/oidc/callback",
    scope="open",
    landing=True,
    status_code=303,
    tags=["members"],
    operation_id="come_back_from_provider",
    responses={303: ResponseSpec(None, description="Into the console, logged in or with what went wrong.")},
)
async def come_back_from_provider(
    request: Request[Any, Any, Any],
    caller: Asked,
    echoed: Annotated[
        str, QueryParameter(name="state", max_length=200, required=False, description="As it was sent.")
    ] = "",
    code: Annotated[str, Parameter(max_length=4_096, required=False, description="For a token.")] = "",
    error: Annotated[str, Parameter(max_length=200, required=False, description="What went wrong.")] = "",
) -> Redirect:
    """The identity provider sends the browser back here; leads on into the console, logged in, or to the page
    of log-in with `?error=CODE`.
    """
    try:
        found = await _oidc(caller).finish(
            _own_url(request, caller), echoed, request.cookies.get(FLOW_COOKIE, ""), code, error
        )
    except SevenfoldError as problem:
        if isinstance(problem, NotInvitedError):
            caller.audit.note("nobody", "session.open", "", result=problem.code, detail={"via": "oidc"})
        return Redirect(f"/login?error={problem.code}", status_code=303, headers=dict(SECURITY_HEADERS))
    opened = caller.sessions.open(found.member, "oidc", request.headers.get("user-agent", ""))
    caller.audit.note(found.member.id, "session.open", opened.session.id, detail={"via": "oidc"})
    gone = Cookie(key=FLOW_COOKIE, value="", max_age=0, path="/api/session/oidc", httponly=True)
    return Redirect(
        found.back,
        status_code=303,
        cookies=[cookie(request, caller, opened), gone],
        headers=dict(SECURITY_HEADERS),
    )


def _own_url(request: Request[Any, Any, Any], caller: Caller) -> str:
    base = caller.services.settings.public_url or str(request.base_url)
    return base.rstrip("/") + "/api/session/oidc/callback"


HANDLERS = [
    get_session,
    log_in,
    log_out,
    list_sessions,
    get_invitation,
    set_up,
    log_in_with_provider,
    come_back_from_provider,
]
