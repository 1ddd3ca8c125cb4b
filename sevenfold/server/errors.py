"""Errors as HTTP answers: one shape everywhere, `{"success": false, "code", "message", "where"?,
"fix"?}`.

What Sevenfold raises on purpose says itself what is wrong; what goes wrong beyond that is an `internal`
error that says nothing of what was in the request.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, Literal

from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)
from msgspec import UNSET, Struct, UnsetType, ValidationError

from ..engine.controls import ControlError
from ..errors import SevenfoldError

SECURITY_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Of every answer that is data: nothing in it may be run, framed, kept or sniffed."""
STATUS: Final = {
    "unauthorized": 401,
    "forbidden": 403,
    "cross_site": 403,
    "proof_required": 403,
    "not_found": 404,
    "bad_control": 409,
    "bad_migration": 409,
    "conflict": 409,
    "in_progress": 409,
    "csrf_missing": 403,
    "role_too_small": 403,
    "login_failed": 401,
    "too_many_attempts": 429,
    "approval_needed": 409,
    "too_large": 413,
    "workspace_invalid": 422,
    "once_mismatch": 422,
    "busy": 429,
    "rate_limited": 429,
    "log_unwritable": 503,
    "store_unwritable": 503,
    "unavailable": 503,
}
"""The status of each code; any other that is raised on purpose is 400."""
_METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")
_log = logging.getLogger("sevenfold.server")


class ErrorBody(Struct, omit_defaults=True, kw_only=True):
    """Every error has this shape. `code` is stable, `message` for people; `where` names the field, parameter
    or place, `fix` what to do about it.
    """

    code: str
    message: str
    where: str | UnsetType = UNSET
    fix: str | UnsetType = UNSET
    problems: list[dict[str, Any]] | UnsetType = UNSET
    """Of a workspace or journey that cannot be used: everything that is wrong with it."""
    success: Literal[False] | UnsetType = UNSET


class InvalidError(SevenfoldError):
    """A request is not what it should be; `where` names the field."""

    code = "invalid"


class UnauthorizedError(SevenfoldError):
    """There is no key, or it is none of ours (any more)."""

    code = "unauthorized"


class ForbiddenError(SevenfoldError):
    """The key is good, but not for this."""

    code = "forbidden"


class RoleError(SevenfoldError):
    """Somebody is logged in whose role does not allow this."""

    code = "role_too_small"


class CsrfError(SevenfoldError):
    """A request of a session that changes something came without the header that proves whose page it is."""

    code = "csrf_missing"


class ConflictError(SevenfoldError):
    """It has changed meanwhile, or is in a state in which this cannot be done."""

    code = "conflict"


class RateLimitedError(SevenfoldError):
    """Too many requests with one key."""

    code = "rate_limited"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many requests with this key", fix=f"try again in {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


class TooManyError(SevenfoldError):
    """Too many log-ins failed of late."""

    code = "too_many_attempts"

    def __init__(self, retry_after_s: float) -> None:
        minutes = max(1, round(retry_after_s / 60))
        super().__init__("too many log-ins failed", fix=f"try again in {minutes} min")
        self.retry_after_s = retry_after_s


def error_response(
    status: int, shape: dict[str, Any], headers: dict[str, str] | None = None
) -> Response[Any]:
    """An error as an answer."""
    body = {"success": False, **shape}
    return Response(
        body,
        status_code=status,
        headers={**SECURITY_HEADERS, **(headers or {})},
        media_type="application/json",
    )


def explained(request: Request[Any, Any, Any], error: SevenfoldError) -> Response[Any]:
    """What Sevenfold raised on purpose."""
    # What the fold refuses is in conflict with what it knows.
    status = STATUS.get(error.code, 409 if isinstance(error, ControlError) else 400)
    headers: dict[str, str] = {}
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="sevenfold"'
    if status in (429, 503):
        headers["retry-after"] = str(max(1, round(getattr(error, "retry_after_s", 1))))
    shape: dict[str, Any] = dict(error.to_json())
    problems = getattr(error, "problems", None)
    if problems:
        shape["problems"] = [problem.to_json() for problem in problems]
    return error_response(status, shape, headers)


def invalid(request: Request[Any, Any, Any], error: ValidationException) -> Response[Any]:
    """A parameter or body of the wrong shape: the field is named."""
    found = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    message, where = (
        str(found.get("message") or "the request has the wrong shape"),
        str(found.get("key") or ""),
    )
    text, _, path = message.partition(" - at `$")
    inside = path.rstrip("`").lstrip(".")
    place = ".".join(part for part in ("" if where == "data" else where, inside) if part)
    shape = {"code": "invalid", "message": text, **({"where": place} if place else {})}
    return error_response(400, shape)


def unreadable(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A body that is not what its type says."""
    shape = {
        "code": "invalid",
        "message": "the body is not valid JSON",
        "where": "body",
        "fix": "send JSON in UTF-8",
    }
    return error_response(400, shape)


def misshapen(request: Request[Any, Any, Any], error: ValidationError) -> Response[Any]:
    """Something that msgspec refused inside a handler; it names the place."""
    text, _, place = str(error).partition(" - at `$")
    where = place.rstrip("`").lstrip(".")
    return error_response(400, {"code": "invalid", "message": text, **({"where": where} if where else {})})


def unknown_route(request: Request[Any, Any, Any], error: NotFoundException) -> Response[Any]:
    """There is no such page."""
    shape = {
        "code": "not_found",
        "message": "there is nothing at this address",
        "where": request.url.path[:200],
        "fix": "see /api/openapi.json",
    }
    return error_response(404, shape)


def wrong_method(request: Request[Any, Any, Any], error: MethodNotAllowedException) -> Response[Any]:
    """The page is there, but not for this method."""
    allowed = ", ".join(_allowed(request))
    shape = {
        "code": "method_not_allowed",
        "message": f"{request.method[:10]} cannot be asked of this address",
        "where": request.url.path[:200],
        **({"fix": f"one of {allowed}"} if allowed else {}),
    }
    return error_response(405, shape, {"allow": allowed} if allowed else None)


def _allowed(request: Request[Any, Any, Any]) -> Iterable[str]:
    router = request.app.asgi_router
    for method in _METHODS:
        try:
            router.handle_routing(path=request.url.path.rstrip("/") or "/", method=method)
        except HTTPException:
            continue
        yield method


def http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Anything else that the framework refuses."""
    status = error.status_code
    if isinstance(error.__cause__, SerializationException):
        return unreadable(request, error)
    if status >= 500:
        return internal(request, error)
    code = "too_large" if status == 413 else re.sub(r"[^a-z]+", "_", HTTPStatus(status).phrase.lower())
    return error_response(status, {"code": code, "message": HTTPStatus(status).phrase.lower()})


def internal(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A defect of ours. The log names the kind of error, the route and the lines, never what was in the
    request (which the error's own words may quote).
    """
    path = request.scope.get("path_template") or "unknown route"
    lines = "".join(traceback.format_tb(error.__traceback__))
    _log.error("request_failed: %s at %s %s\n%s", error.__class__.__name__, request.method[:10], path, lines)
    shape = {
        "code": "internal",
        "message": "something went wrong that should not have",
        "fix": "look at the service's log, and tell us",
    }
    return error_response(500, shape)


EXCEPTION_HANDLERS: Final[
    dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]]
] = {
    SevenfoldError: explained,
    ValidationException: invalid,
    SerializationException: unreadable,
    # JSON nested beyond what can be read.
    RecursionError: unreadable,
    ValidationError: misshapen,
    NotFoundException: unknown_route,
    MethodNotAllowedException: wrong_method,
    HTTPException: http_error,
    Exception: internal,
}
"""For a Litestar application (unknown routes are its own affair) and each router."""
