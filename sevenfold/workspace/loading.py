"""Loading a workspace folder: YAML and CSV to one checked ``Workspace``, or all that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..limits import WORKSPACE_PROBLEMS_MAX
from . import models
from .catalogues import fill, read_csv
from .checking import check
from .event_names import renamed
from .layers import SECTIONS, Place, Tree, read_tree
from .origins import Origin, inherited, origins
from .problems import Path as Field
from .problems import Problem, WorkspaceError, dotted
from .report import Report
from .shapes import fit
from .texts import read_texts

_TYPES: dict[str, Any] = models.SECTION_TYPES | models.OBJECT_TYPES | {"extends": str | list[str]}
_DECLARES = {
    "consent": ("consent category",),
    "messaging": ("topic", "programme"),
    "people": ("role",),
}
"""What parts of a workspace that are one object declare."""
_HIDING = frozenset({"file_unreadable", "alias_refused", "too_large", "extends_unknown"})
"""Problems that keep objects from being seen at all."""


@dataclass(frozen=True)
class Loaded:
    """A workspace with where its parts come from, and every problem found.

    With errors among ``problems`` the workspace lacks the objects that could not be read; use it only to say
    more.
    """

    workspace: models.Workspace
    problems: tuple[Problem, ...]
    tree: Tree

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps the workspace from being used."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is doubtful."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    @property
    def layers(self) -> tuple[str, ...]:
        """The folders and packs it is made of, the lowest first."""
        return tuple(self.tree.layers)

    def origin(self, path: Field) -> Place:
        """File and line of ``("signals", "logins_7d", "window")``, or of the nearest value around it."""
        return self.tree.place(path)

    def origins(self) -> list[Origin]:
        """What came from where: every object, and the values that layers laid over one another."""
        return origins(self.tree)


def load(folder: Path | str) -> models.Workspace:
    """The workspace in ``folder``, checked. Raises one ``WorkspaceError`` that lists everything that is
    wrong."""
    loaded = examine(folder)
    if loaded.errors:
        raise WorkspaceError(loaded.errors, where=str(folder))
    return loaded.workspace


def examine(folder: Path | str) -> Loaded:
    """Reads and checks ``folder`` and never raises for what is in it: errors and warnings are in
    ``problems``."""
    tree = read_tree(Path(folder))
    read_texts(tree)
    problems = tree.problems
    broken: set[str] = set()
    unseen: set[str] = set()
    parts: dict[str, Any] = {}
    for section in SECTIONS:
        parts[section] = {}
        for name, node in tree.sections[section].items():
            if section == "catalogues":
                found, wrong = _catalogue(tree, name)
            else:
                found, wrong = fit(node, _TYPES[section], (section, name))
            problems.extend(wrong)
            if found is None:
                broken.add(name)
            else:
                parts[section][name] = found
    for key, node in tree.whole.items():
        found, wrong = fit(node, _TYPES.get(key, str), (key,))
        problems.extend(wrong)
        if found is not None:
            parts[key] = found
        else:
            unseen.update(_DECLARES.get(key, ()))
    if "name" not in tree.whole and not any(p.code == "file_unreadable" for p in problems):
        shown = Path(folder, "workspace.yaml").as_posix()
        problems.append(Problem("missing_field", "the field `name` is missing", "name", shown))
    workspace = models.Workspace(**{"name": Path(folder).name, **parts})
    names = Report(tree.place, tree.text_place)
    workspace = renamed(workspace, names)
    problems.extend(names.problems)
    workspace = _without_gone(workspace, tree)
    incomplete = any(problem.code in _HIDING for problem in problems)
    problems.extend(
        p
        for p in check(workspace, tree.place, tree.text_place)
        # That something inherited is not used here is no slip of this workspace's author.
        if not _doubtful(p, broken, unseen, incomplete)
        and not (p.code == "unused" and inherited(tree, p.file))
    )
    ordered = sorted(problems, key=lambda p: (p.severity, p.file, p.line, p.field))
    return Loaded(workspace, tuple(ordered[:WORKSPACE_PROBLEMS_MAX]), tree)


def _without_gone(workspace: models.Workspace, tree: Tree) -> models.Workspace:
    """A journey that a layer removed leaves the phases that the layers beneath put it in."""
    gone = {deed.path.partition(".")[2] for deed in tree.deeds if deed.action == "removed"}
    gone -= set(workspace.journeys)
    if not any(gone.intersection(phase.journeys) for phase in workspace.phases.values()):
        return workspace
    phases = {
        name: replace(phase, journeys=[one for one in phase.journeys if one not in gone])
        for name, phase in workspace.phases.items()
    }
    return replace(workspace, phases=phases)


def _doubtful(problem: Problem, broken: set[str], unseen: set[str], incomplete: bool) -> bool:
    """Whether a complaint may only follow from another: what could not be read is not there to be found.

    ``broken`` are names, ``unseen`` kinds of things that a part which could not be read declares.
    """
    if problem.code == "unknown_name" and any(f"{one} `" in problem.message for one in unseen):
        return True
    if problem.code in ("unknown_name", "wrong_subject"):
        return incomplete or any(f"`{name}`" in problem.message for name in broken)
    return problem.severity == "warning" and (incomplete or bool(broken) or bool(unseen))


def _catalogue(tree: Tree, name: str) -> tuple[models.Catalogue | None, list[Problem]]:
    """A catalogue with its rows, from its own CSV file, the file it names, or the rows in it."""
    node = tree.sections["catalogues"][name]
    path: Field = ("catalogues", name)
    declared: models.Catalogue | None = None
    if node.value != {}:
        declared, wrong = fit(node, models.Catalogue, path)
        if declared is None:
            return None, wrong
    if name in tree.tables:
        return read_csv(*tree.tables[name], declared)
    if declared is None:
        return None, [
            Problem("missing_field", "the field `key` is missing", dotted(path), node.file, node.line)
        ]
    if declared.file is not None:
        return _named_table(tree, name, declared, declared.file)
    filled, complaints = fill(declared, declared.rows)
    problems = []
    for index, column, message in complaints:
        where = (*path, "rows", *(() if index < 0 else (index, column)))
        place = tree.place(where)
        code = "too_large" if index < 0 else "bad_catalogue"
        problems.append(Problem(code, message, dotted(where), place.file, place.line))
    return filled, problems


def _named_table(
    tree: Tree, name: str, catalogue: models.Catalogue, file: str
) -> tuple[models.Catalogue | None, list[Problem]]:
    path: Field = ("catalogues", name, "file")
    place = tree.place(path)
    if catalogue.rows:
        message = "a catalogue has a `file` or `rows`, not both"
        return None, [Problem("wrong_value", message, dotted(path), place.file, place.line)]
    beside, root = tree.paths[place.file]
    for folder in (beside.parent, root):
        found = folder / file
        if found.is_file():
            if not found.resolve().is_relative_to(root.resolve()):
                break
            shown = place.file[: len(place.file) - len(beside.relative_to(root).as_posix())]
            label = f"{shown}{found.resolve().relative_to(root.resolve()).as_posix()}"
            return read_csv(found, label, catalogue)
    message = f"there is no file `{file}` in the workspace folder"
    return None, [Problem("file_unreadable", message, dotted(path), place.file, place.line)]
