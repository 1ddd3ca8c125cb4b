"""The files of a workspace folder and of what it extends, merged to one tree that remembers where each part
stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path
from typing import Literal

from ..limits import EXTENDS_LEVELS_MAX, WORKSPACE_FILES_MAX
from . import packs
from .overrides import ADD, OverrideError, overridden, parts_of, types_of
from .problems import PackError, Problem, likely
from .problems import Path as Field
from .reading import Node, read
from .texts import add_partials

SECTIONS = (
    "entities",
    "traits",
    "catalogues",
    "signals",
    "segments",
    "lifecycles",
    "scores",
    "predictions",
    "channels",
    "templates",
    "partials",
    "calendars",
    "tasks",
    "playbooks",
    "saves",
    "offers",
    "broadcasts",
    "actions",
    "connectors",
    "journeys",
    "phases",
    "touchpoints",
    "events",
)
"""Mappings of name to object, which merge object by object."""
OBJECTS = ("identity", "acquisition", "consent", "messaging", "people", "referrals")
"""Fields that are one object each, with a file of their own."""
SCALARS = ("name", "title", "description", "timezone", "currency")
WHOLE = (*SCALARS, "extends", *OBJECTS)
"""Fields that are replaced as a whole."""
OVERRIDES = "overrides"
"""Single values laid over what is beneath, by path."""
FILES = {name: name for name in (*SECTIONS, *OBJECTS)} | {"lifecycle": "lifecycles", "health": "scores"}
FILES |= {OVERRIDES: OVERRIDES}
"""What a file ``STEM.yaml`` or a folder ``STEM/`` holds."""
OTHERS = ("scenarios",)
"""Folders that belong to a workspace and hold no objects of it."""


Act = Literal["replaced", "removed", "overridden", "added"]


@dataclass(frozen=True, slots=True)
class Place:
    """A file (as messages name it) and a line in it, from 1; 0 when unknown."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Deed:
    """What a layer did to the layers beneath it: an object replaced or removed, a value overridden, added to
    or removed from an object. ``before`` is where what it took the place of stands.
    """

    action: Act
    path: str
    place: Place
    before: Place | None


@dataclass(slots=True)
class Tree:
    """The merged nodes: ``whole`` fields, ``sections`` of objects, the CSV file of catalogues that have one.

    ``paths`` leads from a file's label to the file and the folder of its layer, ``layers`` lists the layers'
    labels, lowest first, ``deeds`` what they did to one another, in that order.
    """

    whole: dict[str, Node] = field(default_factory=dict)
    sections: dict[str, dict[str, Node]] = field(default_factory=lambda: {name: {} for name in SECTIONS})
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    tables: dict[str, tuple[Path, str]] = field(default_factory=dict)
    paths: dict[str, tuple[Path, Path]] = field(default_factory=dict)
    layers: list[str] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)
    deeds: list[Deed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: Field) -> Place:
        """Where the value at ``path`` stands, or the nearest value around it."""
        node, line = self._find(path)
        return Place(node.file, line) if node is not None else Place("", 0)

    def text_place(self, path: Field, line: int) -> Place:
        """Where a line (from 1) of the text at ``path`` stands, in YAML or in a file of its own."""
        node, at = self._find(path)
        if node is None:
            return Place("", 0)
        if not isinstance(node.value, str):
            return Place(node.file, at)
        return Place(node.file, node.line + node.block + max(line, 1) - 1)

    def _find(self, path: Field) -> tuple[Node | None, int]:
        """The node at ``path``, or the nearest around it, and its line."""
        if not path:
            return None, 0
        head = str(path[0])
        name = str(path[1]) if len(path) > 1 else ""
        if head in self.sections and name in self.sections[head]:
            node, rest, line = self.sections[head][name], path[2:], self.lines[head, name]
        elif head in self.whole:
            node, rest, line = self.whole[head], path[1:], self.lines[head, ""]
        else:
            return None, 0
        for key in rest:
            if isinstance(node.value, dict) and key in node.value:
                child = node.value[key]
                # A text in a file of its own begins there, not where it is named.
                line = node.keys.get(str(key), line) if child.file == node.file else child.line
                node = child
            elif isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
                node = node.value[key]
                line = node.line
            else:
                break
        return node, line


def read_tree(folder: Path) -> Tree:
    """Everything in ``folder`` and beneath it. Problems of reading and merging are in ``Tree.problems``."""
    tree = Tree()
    _add(tree, folder, folder.as_posix() if str(folder) != "." else "", ())
    return tree


def _add(tree: Tree, folder: Path, label: str, above: tuple[Path, ...]) -> None:
    problems = tree.problems
    shown = label or "."
    if not folder.is_dir():
        problems.append(Problem("file_unreadable", "there is no such folder", "", shown))
        return
    if not (folder / "workspace.yaml").is_file():
        fix = "a workspace folder has a workspace.yaml with at least `name:`"
        problems.append(Problem("file_unreadable", "workspace.yaml is missing", "", shown, 0, fix))
    parts = _parts(tree, folder, label)
    tree.folders.add(folder.resolve())
    extends = next((node for section, node, _ in parts if section == "extends"), None)
    for below in _listed(extends):
        _extend(tree, folder, label, below, (*above, folder.resolve()))
    tree.layers.append(shown)
    seen: dict[tuple[str, str], Place] = {}
    for section, node, line in parts:
        if section in SECTIONS:
            _merge_section(tree, section, node, seen)
        elif section != OVERRIDES and _first(tree, section, "", Place(node.file, line), seen):
            if section in OBJECTS and section in tree.whole:
                _note(tree, "replaced", section, Place(node.file, line), tree.place((section,)))
            tree.whole[section] = node
            tree.lines[section, ""] = line
    _tables(tree, folder, label, seen)
    add_partials(tree, folder, label, seen)
    for section, node, _ in parts:
        if section == OVERRIDES:
            _override(tree, node, seen)


def _listed(extends: Node | None) -> list[Node]:
    """What a layer extends, the lowest first: one name, or a list of them."""
    given = [] if extends is None else extends.value if isinstance(extends.value, list) else [extends]
    return [one for one in given if isinstance(one.value, str)]


def _note(tree: Tree, action: Act, path: str, place: Place, before: Place | None) -> None:
    tree.deeds.append(Deed(action, path, place, before))


def _extend(tree: Tree, folder: Path, label: str, extends: Node, above: tuple[Path, ...]) -> None:
    name = str(extends.value)
    try:
        if "/" in name or name.startswith("."):
            below, shown = folder / name, _beside(label, name)
            if not below.is_dir():
                raise PackError(f"there is no folder `{name}` beside this one")
        else:
            below, shown = packs.pack_path(name), f"{name}:"
        if below.resolve() in above:
            raise PackError(f"`{name}` extends itself")
        if below.resolve() in tree.folders:
            return  # Two overlays stand on the same pack: it is read once, beneath both.
        if len(above) >= EXTENDS_LEVELS_MAX:
            raise PackError(f"more than {EXTENDS_LEVELS_MAX} workspaces beneath one another")
    except PackError as error:
        line = extends.line
        problem = Problem("extends_unknown", error.message, "extends", extends.file, line, error.fix)
        tree.problems.append(problem)
        return
    _add(tree, below, shown, above)


def _beside(label: str, name: str) -> str:
    """What a folder beside a layer is called: of a pack `orchestration:use-cases/welcome`."""
    pack, colon, rest = label.rpartition(":")
    return f"{pack}{colon}{normpath(Path(rest, name).as_posix())}"


def _parts(tree: Tree, folder: Path, label: str) -> list[tuple[str, Node, int]]:
    """(section, node, line) of every file: fields of workspace.yaml, and whole files under their section."""
    found: list[tuple[str, Node, int]] = []
    known = (*WHOLE, *SECTIONS, OVERRIDES)
    for path in _files(tree, folder, label):
        relative = path.relative_to(folder)
        name = _shown(label, relative)
        tree.paths[name] = (path, folder)
        try:
            node, problems = read(path.read_bytes(), name)
        except OSError as error:
            problem = Problem("file_unreadable", f"cannot be read: {error.strerror}", "", name)
            tree.problems.append(problem)
            continue
        tree.problems.extend(problems)
        if node is None:
            continue
        if relative.as_posix() != "workspace.yaml":
            found.append((FILES[relative.parts[0].removesuffix(path.suffix)], node, node.line))
        elif not isinstance(node.value, dict):
            tree.problems.append(Problem("wrong_type", "expected a mapping of fields", "", name, node.line))
        else:
            for key, value in node.value.items():
                line = node.keys[key]
                if key in known:
                    found.append((key, value, line))
                else:
                    fix = likely(key, known) or f"it has {', '.join(known)}"
                    tree.problems.append(
                        Problem("unknown_field", f"unknown field `{key}`", key, name, line, fix)
                    )
    return found


def _files(tree: Tree, folder: Path, label: str) -> list[Path]:
    """The YAML files that hold something we know, workspace.yaml first; warns of the others."""
    found: list[Path] = []
    patterns = ("*.yaml", "*.yml", "*/*.yaml", "*/*.yml")
    every = {path.relative_to(folder): path for pattern in patterns for path in folder.glob(pattern)}
    # `signals.yaml` before `signals/*.yaml`: written order decides ties, so it must be plain to see.
    for path in (
        every[key] for key in sorted(every, key=lambda key: (key.with_suffix("").parts, key.suffix))
    ):
        relative = path.relative_to(folder)
        stem = relative.parts[0].removesuffix(path.suffix) if len(relative.parts) == 1 else relative.parts[0]
        if relative.as_posix() == "workspace.yaml":
            found.insert(0, path)
        elif stem in FILES and not any(part.startswith(".") for part in relative.parts):
            found.append(path)
        elif not stem.startswith(".") and not (len(relative.parts) > 1 and stem in OTHERS):
            shown = _shown(label, relative)
            fix = likely(stem, (*FILES, "workspace")) or f"known are {', '.join(FILES)}"
            message = "this file is not read"
            tree.problems.append(Problem("unknown_file", message, "", shown, 0, fix, "warning"))
    if len(found) > WORKSPACE_FILES_MAX:
        tree.problems.append(Problem("too_large", f"more than {WORKSPACE_FILES_MAX} files", "", label or "."))
        return found[:WORKSPACE_FILES_MAX]
    return found


def _shown(label: str, relative: Path) -> str:
    """A file as messages name it: below the folder as it was given, or after the pack's name and a colon."""
    return f"{label}{relative.as_posix()}" if label.endswith(":") else Path(label, relative).as_posix()


def _first(tree: Tree, section: str, name: str, place: Place, seen: dict[tuple[str, str], Place]) -> bool:
    """Whether this layer defines the object for the first time; the second time is a problem."""
    first = seen.setdefault((section, name), place)
    if first is place:
        return True
    what = f"{section}.{name}" if name else section
    fix = f"the first one is in {first.file}:{first.line}"
    message = f"`{name or section}` is defined a second time"
    tree.problems.append(Problem("duplicate_key", message, what, place.file, place.line, fix))
    return False


def _merge_section(tree: Tree, section: str, node: Node, seen: dict[tuple[str, str], Place]) -> None:
    if node.value is None:
        return
    if not isinstance(node.value, dict):
        message = f"expected a mapping of name to object under `{section}`"
        tree.problems.append(Problem("wrong_type", message, section, node.file, node.line))
        return
    objects = tree.sections[section]
    for name, value in node.value.items():
        line = node.keys[name]
        if not _first(tree, section, name, Place(value.file, line), seen):
            continue
        if value.value is None:
            if name in objects:
                before = tree.place((section, name))
                _note(tree, "removed", f"{section}.{name}", Place(value.file, line), before)
                del objects[name]
                if section == "catalogues":
                    tree.tables.pop(name, None)
            elif not _gone(tree, f"{section}.{name}"):
                fix = likely(name, objects)
                message = f"`{name}` is empty, and there is none beneath to remove"
                field = f"{section}.{name}"
                tree.problems.append(Problem("unknown_name", message, field, value.file, line, fix))
            continue
        if name in objects:
            before = tree.place((section, name))
            _note(tree, "replaced", f"{section}.{name}", Place(value.file, line), before)
        objects[name] = value
        tree.lines[section, name] = line
        if section == "catalogues":
            tree.tables.pop(name, None)


def _override(tree: Tree, node: Node, seen: dict[tuple[str, str], Place]) -> None:
    """Lays single values over what is there, each by its path."""
    if not isinstance(node.value, dict):
        message = f"expected a mapping of path to value under `{OVERRIDES}`"
        tree.problems.append(Problem("wrong_type", message, OVERRIDES, node.file, node.line))
        return
    for path, value in node.value.items():
        place = Place(value.file, node.keys[path])
        if not _first(tree, OVERRIDES, path, place, seen):
            continue
        try:
            _lay(tree, path, value, place)
        except OverrideError as error:
            if value.value is None and _gone(tree, path):
                continue
            where = f"{OVERRIDES}.{path}"
            wrong = Problem("unknown_name", error.message, where, place.file, place.line, error.fix)
            tree.problems.append(wrong)


def _gone(tree: Tree, path: str) -> bool:
    """Whether another layer has removed it already: overlays that agree are no contradiction."""
    return any(deed.action == "removed" and deed.path == path for deed in tree.deeds)


def _lay(tree: Tree, path: str, value: Node, place: Place) -> None:
    head, *rest = parts_of(path)
    section = FILES.get(head, head)
    if not rest or section not in (*SECTIONS, *OBJECTS):
        known = (*SECTIONS, *OBJECTS)
        fix = f"write it in {section if section in known else 'workspace'}.yaml"
        fix = fix if section in (*known, *SCALARS) else likely(head, known)
        raise OverrideError(f"`{path}` is not the path of a value in an object", fix)
    if section in SECTIONS:
        name, *rest = rest
        if name not in tree.sections[section]:
            near = likely(name, tree.sections[section])
            raise OverrideError(f"there is no `{name}` in {section}, here or beneath", near)
        if not rest:
            raise OverrideError(f"`{path}` is a whole object", f"write it under `{section}:`")
        was = tree.sections[section][name]
    elif section not in tree.whole:
        raise OverrideError(f"there is no `{section}` beneath", f"write it in {section}.yaml")
    else:
        was = tree.whole[section]
    made, before = overridden(was, rest, value, types_of(section))
    stood = None if before is None else Place(before.file, before.line)
    action: Act = (
        "removed" if value.value is None else "added" if before is None and ADD in path else "overridden"
    )
    _note(tree, action, path, place, stood)
    if section in SECTIONS:
        tree.sections[section][name] = made
    else:
        tree.whole[section] = made


def _tables(tree: Tree, folder: Path, label: str, seen: dict[tuple[str, str], Place]) -> None:
    """CSV files in ``catalogues/``: each is the table of the catalogue of its name, declared or not."""
    catalogues = tree.sections["catalogues"]
    named = {
        Path(str(node.value["file"].value)).name
        for name, node in catalogues.items()
        if ("catalogues", name) in seen and isinstance(node.value, dict) and "file" in node.value
    }
    for path in sorted(folder.glob("catalogues/*.csv")):
        name = path.stem
        own = ("catalogues", name) in seen and name in catalogues and isinstance(catalogues[name].value, dict)
        if path.name in named or (own and "rows" in catalogues[name].value):
            continue
        shown = _shown(label, path.relative_to(folder))
        tree.tables[name] = (path, shown)
        if name not in catalogues:
            catalogues[name] = Node({}, shown, 1)
            tree.lines["catalogues", name] = 1
