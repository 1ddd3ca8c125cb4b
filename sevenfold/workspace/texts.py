"""Texts of templates in files of their own: ``templates/partials/NAME.liquid``, and ``{file: NAME}``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..limits import TEMPLATE_BYTES_MAX
from ..messages.templates import WORDING
from .problems import Path as Field
from .problems import Problem, dotted
from .reading import Node

if TYPE_CHECKING:
    from .layers import Place, Tree

_PARTIALS = "templates/partials"


def add_partials(tree: Tree, folder: Path, label: str, seen: dict[tuple[str, str], Place]) -> None:
    """The partials of one layer: each ``.liquid`` file under its name without the ending."""
    for path in sorted(folder.glob(f"{_PARTIALS}/*.liquid")):
        relative = path.relative_to(folder).as_posix()
        shown = f"{label}{relative}" if label.endswith(":") else Path(label, relative).as_posix()
        first = seen.get(("partials", path.stem))
        if first is not None:
            message = f"`{path.stem}` is defined a second time"
            fix = f"the first one is in {first.file}:{first.line}"
            field = dotted(("partials", path.stem))
            tree.problems.append(Problem("duplicate_key", message, field, shown, 1, fix))
            continue
        text = _read(tree, path, ("partials", path.stem), shown, 1)
        tree.sections["partials"][path.stem] = Node(text, shown, 1)
        tree.lines["partials", path.stem] = 1


def read_texts(tree: Tree) -> None:
    """Puts the text of its file in the place of every ``{file: NAME}``; what cannot be read is a problem."""
    for path, holder, key in _places(tree):
        node = holder[key]
        if not isinstance(node.value, dict) or set(node.value) != {"file"}:
            continue
        name = node.value["file"].value
        if isinstance(name, str):
            holder[key] = _named(tree, path, node, name)


def _places(tree: Tree) -> Iterator[tuple[Field, dict[str, Node], str]]:
    """(path, mapping, key) of everything that may be a text in a file."""
    partials = tree.sections["partials"]
    yield from ((("partials", name), partials, name) for name in list(partials))
    for name, template in tree.sections["templates"].items():
        yield from _wordings(("templates", name), template)
        locales = template.value.get("locales") if isinstance(template.value, dict) else None
        if locales is not None and isinstance(locales.value, dict):
            for locale, wording in locales.value.items():
                yield from _wordings(("templates", name, "locales", locale), wording)


def _wordings(path: Field, node: Node) -> Iterator[tuple[Field, dict[str, Node], str]]:
    if isinstance(node.value, dict):
        for field in WORDING:
            if field in node.value and field not in ("buttons", "payload", "image", "link"):
                yield (*path, field), node.value, field


def _named(tree: Tree, path: Field, node: Node, name: str) -> Node:
    """The text of a file beside the YAML file, or from the top of its folder; never outside of it."""
    beside, root = tree.paths[node.file]
    top = node.file[: len(node.file) - len(beside.relative_to(root).as_posix())]
    for folder in (beside.parent, root):
        found = folder / name
        if found.is_file() and found.resolve().is_relative_to(root.resolve()):
            shown = f"{top}{found.resolve().relative_to(root.resolve()).as_posix()}"
            return Node(_read(tree, found, path, node.file, node.line), shown, 1)
    message = f"there is no file `{name}` in the workspace folder"
    tree.problems.append(Problem("file_unreadable", message, dotted(path), node.file, node.line))
    return Node("", node.file, node.line)


def _read(tree: Tree, file: Path, path: Field, shown: str, line: int) -> str:
    """The file's text, or an empty one with a problem."""
    try:
        if file.stat().st_size > TEMPLATE_BYTES_MAX:
            message, code = f"the file is larger than {TEMPLATE_BYTES_MAX} bytes", "too_large"
        else:
            return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        message, code = f"the file is not UTF-8 text (byte {error.start})", "file_unreadable"
    except OSError as error:
        message, code = f"cannot be read: {error.strerror}", "file_unreadable"
    tree.problems.append(Problem(code, message, dotted(path), shown, line))
    return ""
