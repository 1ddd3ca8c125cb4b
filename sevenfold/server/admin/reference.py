"""docs/reference/http-api.md, made of the OpenAPI document: `python -m sevenfold.server.admin.reference`.

With `--openapi` it is the document itself, from which the console's types are made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

from msgspec import json

from .describing import document

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_BOUNDS: Final = (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"), ("maxItems", "at most"))
_HEAD: Final = """\
# HTTP API

Made from `/api/openapi.json` by `python -m sevenfold.server.admin.reference`; the
[guide](../guides/admin-api.md) shows how it is used.

{description}
"""


def reference(made: dict[str, Any] | None = None) -> str:
    """The page."""
    found = document() if made is None else made
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in found["paths"].items():
        for method in _METHODS:
            if method in item:
                by_tag.setdefault(item[method]["tags"][0], []).append((method.upper(), path, item[method]))
    parts = [_HEAD.format(description=found["info"]["description"].strip())]
    for tag, operations in by_tag.items():
        parts.append(f"## {tag.capitalize()}\n")
        parts += ["| | | scope | role |", "|---|---|---|---|"]
        for method, path, one in operations:
            parts.append(f"| `{method} {path}` | {one['summary']} | {one['x-scope']} | {one['x-role']} |")
        parts.append("")
        for method, path, one in operations:
            parts += _operation(method, path, one)
    parts.append("## Shapes\n")
    for name, schema in sorted(found["components"]["schemas"].items()):
        parts += _shape(name, schema)
    return "\n".join(parts).rstrip() + "\n"


def _operation(method: str, path: str, one: dict[str, Any]) -> Iterator[str]:
    yield f"### {method} {path}\n"
    yield f"{one['description']}\n"
    given = [each for each in one.get("parameters", ()) if each["name"] != "Idempotency-Key"]
    if given:
        yield "| parameter | in | type | |"
        yield "|---|---|---|---|"
        for each in given:
            needed = "" if each.get("required") or each["in"] == "path" else " (optional)"
            where = f"{each['in']}{needed}"
            yield f"| `{each['name']}` | {where} | {_type(each['schema'])} | {each['description']} |"
        yield ""
    if "requestBody" in one:
        (body,) = one["requestBody"]["content"].values()
        yield f"Body: {_type(body['schema'])}\n"
        if "example" in body:
            example = json.format(json.encode(body["example"]), indent=2).decode()
            yield f"```json\n{example}\n```\n"
    good = next(status for status in one["responses"] if status.startswith(("2", "3")))
    content = one["responses"][good].get("content") or {}
    shown = [f"{_type(each.get('schema', {}))} ({kind})" for kind, each in content.items()]
    yield f"Answers {good}{': ' if shown else ''}{', '.join(shown).replace(' (application/json)', '')}\n"


def _shape(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### {_title(name, schema)}\n"
    if schema.get("description"):
        yield " ".join(schema["description"].split()) + "\n"
    if schema.get("enum"):
        yield "One of " + ", ".join(f"`{one}`" for one in schema["enum"]) + ".\n"
        return
    needed = set(schema.get("required", ()))
    yield "| field | type |"
    yield "|---|---|"
    for field, inner in schema.get("properties", {}).items():
        optional = "" if field in needed else " (optional)"
        yield f"| `{field}`{optional} | {_type(inner)} |"
    yield ""


def _title(name: str, schema: dict[str, Any]) -> str:
    title = str(schema.get("title") or name)
    return name if "[" in title else title


def _type(schema: dict[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return f"[{name}](#{_anchor(name)})"
    if "const" in schema:
        return f"`{schema['const']}`".lower()
    if schema.get("enum"):
        return ", ".join(f"`{one}`" for one in schema["enum"])
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[key]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_type(schema.get('items') or {})}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    bounds = [
        f"{word} {int(schema[key])}"
        for key, word in (
            ("minimum", "from"),
            ("maximum", "to"),
            ("maxLength", "at most"),
            ("maxItems", "at most"),
        )
        if key in schema and schema[key] < 2**31
    ]
    return " ".join([str(kind or "anything"), *bounds])


def _anchor(name: str) -> str:
    return "".join(one for one in name.lower() if one.isalnum() or one in "-_ ").replace(" ", "-")


if __name__ == "__main__":
    as_document = "--openapi" in sys.argv[1:]
    sys.stdout.write(json.encode(document()).decode() if as_document else reference())
