"""JSON Schemas of workspace files, so that editors complete and check them while people type.

An editor with the YAML language server is wired by the first line of a file::

    # yaml-language-server: $schema=../signals.schema.json
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from types import ModuleType
from typing import Any

import msgspec

from ..connectors import model as connected
from ..importers import mapping
from ..journeys import people, plan
from ..journeys.steps import STEP_KINDS
from ..journeys.steps import base as steps_base
from ..messages import policy, templates
from . import base, models, predictions
from .layers import OBJECTS, OVERRIDES, SECTIONS
from .models import OBJECT_TYPES, SECTION_TYPES
from .problems import PackError, likely

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
KINDS = ("workspace", *SECTIONS, *OBJECTS, OVERRIDES)
"""What a file can hold: a workspace, a section of named objects, a field that is one object, overrides."""
_OVERRIDES = {"type": "object", "description": "Values laid over what is beneath, by path."}


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file of ``kind``. Raises ``PackError`` for an unknown one."""
    if kind not in KINDS:
        raise PackError(
            f"unknown kind of file `{kind}`", fix=likely(kind, KINDS) or f"one of {', '.join(KINDS)}"
        )
    body: dict[str, Any]
    if kind == "workspace":
        (body,), parts = msgspec.json.schema_components([models.Workspace], ref_template="#/$defs/{name}")
        reference = str(body["$ref"]).rpartition("/")[2]
        body = parts.pop(reference)
        for section in SECTIONS:
            given = body["properties"][section]
            body["properties"][section] = given | {
                "additionalProperties": _or_null(given["additionalProperties"])
            }
        body["properties"][OVERRIDES] = _OVERRIDES
    elif kind == OVERRIDES:
        body, parts = dict(_OVERRIDES), {}
    elif kind in SECTION_TYPES:
        (item,), parts = msgspec.json.schema_components([SECTION_TYPES[kind]], ref_template="#/$defs/{name}")
        body = {"type": "object", "additionalProperties": _or_null(item)}
    else:
        (body,), parts = msgspec.json.schema_components([OBJECT_TYPES[kind]], ref_template="#/$defs/{name}")
    for name, part in parts.items():
        _describe(name, part)
    title = "workspace.yaml" if kind == "workspace" else f"{kind} of a workspace"
    return {"$schema": _DIALECT, "title": title, **body, "$defs": parts}


def _or_null(item: dict[str, Any]) -> dict[str, Any]:
    """An object, or nothing, which removes the object of that name from what the workspace extends."""
    members = item["anyOf"] if set(item) <= {"anyOf", "discriminator"} and "anyOf" in item else [item]
    return {"anyOf": [*members, {"type": "null"}]}


def _describe(name: str, part: dict[str, Any]) -> None:
    texts = field_texts().get(name, {})
    for field, given in part.get("properties", {}).items():
        if field in texts and "description" not in given:
            given["description"] = texts[field]


def _modules() -> list[ModuleType]:
    """Where models are written, those that others build on first."""
    kinds = [sys.modules[kind.model.__module__] for kind in STEP_KINDS.values()]
    return [
        base,
        steps_base,
        *kinds,
        plan,
        people,
        policy,
        templates,
        mapping,
        connected,
        predictions,
        models,
    ]


@cache
def field_texts() -> dict[str, dict[str, str]]:
    """The text under each field of each model, by class and by the field's name in YAML."""
    found: dict[str, dict[str, str]] = {}
    for node in [node for module in _modules() for node in ast.parse(inspect.getsource(module)).body]:
        if not isinstance(node, ast.ClassDef):
            continue
        texts: dict[str, str] = {}
        for parent in node.bases:
            texts |= found.get(parent.id, {}) if isinstance(parent, ast.Name) else {}
        for field, text in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(text):
                texts[field.target.id.rstrip("_")] = " ".join(ast.literal_eval(text.value).split())  # type: ignore[attr-defined]
        found[node.name] = texts
    return found


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
