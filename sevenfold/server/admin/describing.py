"""The OpenAPI document: what the framework knows of the routes, and what all of them have in common."""

from __future__ import annotations

import re
from typing import Any, Final

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from msgspec import Struct, json

from ... import __version__
from ...limits import API_ONCE_KEY_CHARS_MAX
from ..members import COOKIE
from ..members.roles import needed
from .examples import BODIES, ERRORS

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_DESCRIPTION: Final = """\
Everything the console and the command line do. Times are milliseconds since 1970 UTC, ids are texts.
Send an API key as `Authorization: Bearer sk_...`; its scope (`read`, `write`, `admin`, each including those
before it) decides what it may do; the console's members log in instead, and their role (`viewer`, `editor`,
`publisher`, `admin`) decides. Whatever changes something is a record of the log and an entry of the audit
log. Errors have one shape, `Error`.
"""
_SERVER: Final = "sevenfold.server."
_OURS: Final = (
    "sevenfold.measures",
    *(
        f"sevenfold.server.{part}"
        for part in ("admin", "history", "keys", "audit", "measures", "members", "console")
    ),
)
_GENERIC: Final = re.compile(rb"\b(Items|Page)_[\w.]*?(\w+)_(?=\")")
"""The framework's names for a page of something; ours is `SubjectPage`."""
_ERROR: Final = {
    "type": "object",
    "required": ["success", "code", "message"],
    "additionalProperties": False,
    "properties": {
        "success": {"const": False},
        "code": {
            "type": "string",
            "description": "Stable; programs may rely on it.",
            "examples": ["not_found"],
        },
        "message": {"type": "string", "description": "For people."},
        "where": {"type": "string", "description": "The field, parameter or place."},
        "fix": {"type": "string", "description": "What to do about it."},
        "problems": {
            "type": "array",
            "items": {"type": "object"},
            "description": "Everything that is wrong with a workspace or journey.",
        },
    },
    "examples": [
        {
            "success": False,
            "code": "invalid",
            "message": "Expected `int` >= 1",
            "where": "limit",
        }
    ],
}
_SAID: Final = {
    "400": "The request is not what it should be; `where` names the field.",
    "401": "There is no key or session, or none of ours (any more).",
    "403": "The key's scope or the member's role is too small, or a browser asked from another site.",
    "404": "There is nobody and nothing of this name.",
    "409": "It is in conflict with what is there; nothing was changed.",
    "413": "The body is too large.",
    "422": "The workspace or journey cannot be used, or the idempotency key was used for something else.",
    "429": "Too many requests with this key; `Retry-After` says when to come again.",
    "503": "A part of the service is starting again, or cannot write.",
}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API."""
    from .assembling import routes

    async def nobody() -> None:
        """Nobody asks: the routes are only described."""

    everything = Router(
        path="/", route_handlers=[*routes(), *_open()], dependencies={"caller": Provide(nobody)}
    )
    config = OpenAPIConfig(
        title="Sevenfold",
        version=__version__,
        description=_DESCRIPTION,
        use_handler_docstrings=True,
        path="/api/openapi",
    )
    app = Litestar([everything], openapi_config=config, logging_config=None)
    made: dict[str, Any] = json.decode(_GENERIC.sub(rb"\2\1", json.encode(app.openapi_schema.to_schema())))
    handlers = {
        (method.lower(), route.path_format): handler
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler)
        for method in handler.http_methods
    }
    for path, item in made["paths"].items():
        for method in _METHODS:
            if method in item:
                _complete(item[method], handlers[method, path], path)
    told = _told()
    components = made.setdefault("components", {})
    for name, schema in components.get("schemas", {}).items():
        plain = next(
            (one for one in ("Items", "Page") if "[" in schema.get("title", "") and name.endswith(one)), name
        )
        if "description" not in schema and plain in told:
            schema["description"] = told[plain]
    components.setdefault("schemas", {})["Error"] = _ERROR
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key, `sk_...`."},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "A member who is logged in; changes need the header X-Sevenfold-CSRF.",
        },
    }
    made["servers"] = [{"url": "/"}]
    return made


def _told() -> dict[str, str]:
    """What the shapes of this API say of themselves, by name."""
    found: dict[str, str] = {}
    todo: list[type] = [Struct]
    while todo:
        below: list[type] = todo.pop().__subclasses__()
        for one in below:
            todo.append(one)
            if one.__module__.startswith(_OURS) and one.__doc__:
                # A shape of the server speaks for its name, whatever else was imported.
                mine = one.__module__.startswith(_SERVER)
                if mine or one.__name__ not in found:
                    found[one.__name__] = " ".join(one.__doc__.split())
    return found


def _open() -> list[Any]:
    """Routes that are made with the services; here they are only described."""
    from types import SimpleNamespace

    from .operation import open_routes

    settings = SimpleNamespace(metrics_open=False)
    nothing: Any = SimpleNamespace(settings=settings)
    return open_routes(nothing, nothing)


def _complete(operation: dict[str, Any], handler: HTTPRouteHandler, path: str) -> None:
    """Scope, errors and the idempotency key of one operation."""
    scope: Any = handler.opt.get("scope")
    operation["security"] = [] if scope == "open" else [{"key": []}, {"session": []}]
    operation["x-scope"] = scope
    operation["x-role"] = handler.opt.get("role") or ("open" if scope in (None, "open") else needed(scope))
    if " " not in operation["summary"]:
        # Nobody wrote one: the name in words.
        operation["summary"] = operation["operationId"].replace("_", " ").capitalize()
    operation["description"] = " ".join(operation["description"].split())
    statuses = {"503"}
    if scope != "open":
        statuses |= {"400", "401", "403", "429"}
    if scope == "open" and path.startswith("/api/"):
        statuses |= {"400", "401", "404", "409", "429"}
    if "{" in path or scope != "open":
        statuses.add("404")
    if "requestBody" in operation:
        statuses |= {"413"}
    if scope in ("write", "admin") and handler.http_methods & {"POST", "PUT", "PATCH", "DELETE"}:
        statuses |= {"409", "422"}
    if "check" in path or "preview" in path or path.endswith("/diff"):
        statuses.add("422")
    if handler.opt.get("once"):
        operation.setdefault("parameters", []).append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "Repeated with the same key and body, the first answer comes again.",
                "schema": {"type": "string", "minLength": 1, "maxLength": API_ONCE_KEY_CHARS_MAX},
            }
        )
    responses = operation["responses"]
    for status in sorted(statuses):
        if status not in responses or status == "400":
            shown = {"schema": {"$ref": "#/components/schemas/Error"}, "example": ERRORS[status]}
            responses[status] = {"description": _SAID[status], "content": {"application/json": shown}}
    if operation["operationId"] in BODIES:
        for content in operation["requestBody"]["content"].values():
            content["example"] = BODIES[operation["operationId"]]
