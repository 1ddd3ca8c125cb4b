"""Writes the reference of providers from their own settings: `python -m sevenfold.channels.reference [FILE]`.

A test compares what is committed with what this writes.
"""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from .base import Provider
from .registry import is_secret, providers

_INTRO: Final = """\
# Providers

<!-- Written by `python -m sevenfold.channels.reference`; edit the settings in sevenfold/channels. -->

A channel names its provider, and gives it `settings`. Secrets are references: `env:NAME` or `file:PATH`; any
other setting may be one too. [Sending e-mail](../guides/email.md) shows it whole.
"""


def reference() -> str:
    """The whole page."""
    found = providers()
    rows = [
        f"| [`{one.name}`](#{one.name}) | {', '.join(one.types)} | {_line(one)} |" for one in found.values()
    ]
    table = "\n".join(["| provider | types of channel | |", "|---|---|---|", *rows])
    return "\n".join([_INTRO, table, "", *(_chapter(one) for one in found.values())])


def _line(one: Provider) -> str:
    return one.summary.rstrip(".")


def _chapter(one: Provider) -> str:
    texts = setting_texts(one.settings)
    lines = [f"## {one.name}", "", _said(one.settings), ""]
    fields = msgspec.structs.fields(one.settings)
    if not fields:
        return "\n".join([*lines, "It has no settings.", ""])
    lines += ["| setting | is | default | |", "|---|---|---|---|"]
    for field in sorted(fields, key=lambda each: not each.required):
        kind = "secret" if is_secret(field.type) else _kind(field.type)
        text = texts.get(field.name, "").replace("|", "/")
        lines.append(f"| `{field.encode_name}` | {kind} | {_default(field)} | {text} |")
    return "\n".join([*lines, ""])


def _said(settings: type[Struct]) -> str:
    return " ".join(inspect.cleandoc(settings.__doc__ or "").split())


def _default(field: msgspec.structs.FieldInfo) -> str:
    """What a setting is when it is not given, in words."""
    if field.required:
        return "needed"
    if field.default in (msgspec.NODEFAULT, "", None):
        return ""
    if isinstance(field.default, bool):
        return "yes" if field.default else "no"
    return f"`{field.default}`"


def _kind(type_: Any) -> str:
    """A type in words."""
    origin = get_origin(type_)
    if origin is Annotated:
        return _kind(get_args(type_)[0])
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in get_args(type_))
    if origin is not None and (origin is Union or origin.__name__ == "UnionType"):
        return " or ".join(_kind(one) for one in get_args(type_) if one is not type(None))
    words = {str: "text", int: "whole number", float: "number", bool: "yes or no"}
    return words.get(type_, str(getattr(type_, "__name__", type_)))


def setting_texts(settings: type[Struct]) -> dict[str, str]:
    """The text under each field, by the field's name in Python; those of base classes too."""
    texts: dict[str, str] = {}
    for class_ in reversed(settings.__mro__):
        if class_.__module__.startswith("sevenfold."):
            (node,) = ast.parse(inspect.getsource(class_)).body
            assert isinstance(node, ast.ClassDef)
            for field, text in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(text):
                    texts[field.target.id] = " ".join(ast.literal_eval(text.value).split())  # type: ignore[attr-defined]
    return texts


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


if __name__ == "__main__":
    default = Path(__file__).parents[2] / "docs" / "reference" / "providers.md"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    target.write_text(reference(), encoding="utf-8")
