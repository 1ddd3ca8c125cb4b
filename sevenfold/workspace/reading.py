"""YAML text to a tree of nodes that know their file and line.

Built on the parser's events, so that no tag can make an object, no key can silently win over its twin, and no
alias can grow into more than the limits allow. Only what people mean is typed: ``true``, ``false``, ``null``
and decimal numbers. ``on``, ``yes``, ``no``, dates, ``010`` and ``1:30`` stay the texts they look like.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..limits import WORKSPACE_DEPTH_LEVELS_MAX, WORKSPACE_FILE_BYTES_MAX, WORKSPACE_NODES_MAX
from .problems import Problem

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None}
_CONSTANTS |= dict.fromkeys(("null", "Null", "NULL"))
_CONSTANTS |= dict.fromkeys(("true", "True", "TRUE"), True)
_CONSTANTS |= dict.fromkeys(("false", "False", "FALSE"), False)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_STR_TAGS = ("!", "tag:yaml.org,2002:str")


@dataclass(slots=True)
class Node:
    """A value with its place. ``value`` is a scalar, a list of nodes, or a dictionary of text to node.

    ``line`` counts from 1; ``keys`` holds the line of each key of a mapping; ``size`` counts nodes, aliases
    expanded; ``block`` says that a text begins on the line after (``|`` and ``>``).
    """

    value: Any
    file: str
    line: int
    size: int = 1
    keys: dict[str, int] = field(default_factory=dict)
    block: bool = False

    def plain(self) -> Any:
        """The value as ordinary dictionaries, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class _RefusedError(Exception):
    def __init__(self, code: str, message: str, line: int, suggestion: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.line, self.suggestion = code, message, line, suggestion


def read(data: bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """The tree of one YAML file, with what is wrong in it. An empty file is an empty mapping.

    Duplicate keys are reported and the first one kept; anything worse gives no tree at all. Never raises.
    """
    problems: list[Problem] = []
    try:
        if len(data) > WORKSPACE_FILE_BYTES_MAX:
            raise _RefusedError("too_large", f"the file is larger than {WORKSPACE_FILE_BYTES_MAX} bytes", 0)
        text = data.decode("utf-8-sig")
        return _Composer(yaml.parse(text, Loader=_LOADER), file, problems).document(), problems
    except _RefusedError as error:
        problems.append(Problem(error.code, error.message, "", file, error.line, error.suggestion))
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 text (byte {error.start})"
        problems.append(Problem("file_unreadable", message, "", file, 0, "save it as UTF-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(part for part in (error.context, error.problem) if part) or "not valid YAML"
        problems.append(Problem("file_unreadable", message, "", file, mark.line + 1 if mark else 0))
    except (yaml.YAMLError, ValueError) as error:
        message = f"not valid YAML: {str(error).splitlines()[0]}"
        problems.append(Problem("file_unreadable", message, "", file))
    return None, problems


class _Composer:
    """Puts the nodes of one document together from the parser's events."""

    def __init__(self, events: Iterator[Any], file: str, problems: list[Problem]) -> None:
        self.events = events
        self.file = file
        self.problems = problems
        self.anchors: dict[str, Node | None] = {}

    def document(self) -> Node:
        node: Node | None = None
        event: Any
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    line = int(event.start_mark.line) + 1  # type: ignore[union-attr]  # parsed events have marks
                    raise _RefusedError(
                        "file_unreadable", "a second document begins here", line, "use one file each"
                    )
                node = self.node(next(self.events), 1)
        if node is None or node.value is None:
            return Node({}, self.file, 1)
        return node

    def node(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if depth > WORKSPACE_DEPTH_LEVELS_MAX:
            raise _RefusedError(
                "too_large", f"more than {WORKSPACE_DEPTH_LEVELS_MAX} levels of nesting", line
            )
        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), line)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = Node(self.scalar(event, line), self.file, line, block=event.style in ("|", ">"))
        elif isinstance(event, yaml.SequenceStartEvent):
            self.refuse_tag(event.tag, "tag:yaml.org,2002:seq", line)
            node = self.sequence(line, depth)
        else:
            self.refuse_tag(event.tag, "tag:yaml.org,2002:map", line)
            node = self.mapping(line, depth)
        if node.size > WORKSPACE_NODES_MAX:
            raise _RefusedError(
                "too_large", f"more than {WORKSPACE_NODES_MAX} values, aliases expanded", line
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def alias(self, anchor: str, line: int) -> Node:
        if anchor not in self.anchors:
            raise _RefusedError("alias_refused", f"the alias `*{anchor}` has no anchor before it", line)
        node = self.anchors[anchor]
        if node is None:
            raise _RefusedError("alias_refused", f"the alias `*{anchor}` stands inside its own anchor", line)
        return node

    def sequence(self, line: int, depth: int) -> Node:
        items: list[Node] = []
        size = 1
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
            size += items[-1].size
        return Node(items, self.file, line, size)

    def mapping(self, line: int, depth: int) -> Node:
        items: dict[str, Node] = {}
        keys: dict[str, int] = {}
        size = 1
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            at = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or not event.value:
                raise _RefusedError("wrong_type", "a key must be a text", at)
            key = str(event.value)
            if key == "<<" and event.implicit[0]:
                raise _RefusedError(
                    "alias_refused", "merge keys (`<<`) are not read", at, "write the fields out"
                )
            value = self.node(next(self.events), depth + 1)
            size += value.size
            if key in items:
                message = f"`{key}` stands here a second time"
                fix = f"the first one is in line {keys[key]}"
                self.problems.append(Problem("duplicate_key", message, "", self.file, at, fix))
                continue
            items[key] = value
            keys[key] = at
        return Node(items, self.file, line, size, keys)

    def refuse_tag(self, tag: str | None, allowed: str, line: int) -> None:
        if tag not in (None, "!", allowed):
            raise _RefusedError("wrong_type", f"the tag `{tag}` is not read", line, "remove it")

    def scalar(self, event: Any, line: int) -> str | int | float | bool | None:
        text = str(event.value)
        if event.tag is not None:
            if event.tag not in _STR_TAGS:
                self.refuse_tag(event.tag, "", line)
            return text
        if not event.implicit[0]:
            return text
        value = typed_scalar(text)
        if isinstance(value, float) and not math.isfinite(value):
            message = f"`{text[:40]}` is not a finite number"
            self.problems.append(Problem("bad_number", message, "", self.file, line))
            return 0.0
        return value


def typed_scalar(text: str) -> str | int | float | bool | None:
    """What an unquoted text stands for: a constant, a decimal number (perhaps infinite), or the text
    itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= 20 else math.inf
    if _NOT_FINITE.fullmatch(text):
        return math.inf
    return float(text) if _FLOAT.fullmatch(text) else text
