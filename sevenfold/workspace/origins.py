"""What came from where: each object of a workspace with the layer, file and line it stands in, what it took
the place of, and the values in it that other layers laid over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .layers import OBJECTS, SECTIONS, Deed, Place, Tree


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one object stands. ``path`` is ``segments.buyers``, or ``messaging`` for a field that is one
    object; ``replaced`` are the places of its forerunners, the latest first; ``deeds`` what was done to
    values in it. An object that a layer removed has ``removed`` and stands where that is said.
    """

    path: str
    layer: str
    place: Place
    replaced: tuple[Place, ...] = ()
    deeds: tuple[Deed, ...] = ()
    removed: bool = False

    def __str__(self) -> str:
        lines = [f"{self.path}: {'removed in ' if self.removed else ''}{shown(self.place)}"]
        lines[0] += "".join(f", in place of {shown(place)}" for place in self.replaced)
        for deed in self.deeds:
            before = f", was {shown(deed.before)}" if deed.before is not None else ""
            lines.append(f"    {self._inside(deed)}: {deed.action} in {shown(deed.place)}{before}")
        return "\n".join(lines)

    def _inside(self, deed: Deed) -> str:
        """The path of a value from the object it is in."""
        rest = deed.path.partition(".")[2] if "." in self.path else deed.path
        return rest[len(self.path.rpartition(".")[2]) :].removeprefix(".")

    def to_json(self) -> dict[str, Any]:
        """The origin as an object for programs; what is empty is left out."""
        shape: dict[str, Any] = {"path": self.path, "layer": self.layer, **_place(self.place)}
        if self.replaced:
            shape["replaced"] = [_place(place) for place in self.replaced]
        if self.deeds:
            shape["values"] = [
                {"path": deed.path, "action": deed.action, **_place(deed.place)}
                | ({"before": _place(deed.before)} if deed.before is not None else {})
                for deed in self.deeds
            ]
        return shape | ({"removed": True} if self.removed else {})


def shown(place: Place) -> str:
    """A place as messages name it."""
    return f"{place.file}:{place.line}" if place.line else place.file


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line}


def layer_of(tree: Tree, file: str) -> str:
    """The layer that a file belongs to, as ``Tree.layers`` names it: a folder, or a pack and a colon."""
    fitting = [one for one in tree.layers if file.startswith(one if one.endswith(":") else f"{one}/")]
    return max(fitting, key=len, default=tree.layers[-1] if tree.layers else "")


def inherited(tree: Tree, file: str) -> bool:
    """Whether a file belongs to something that the workspace extends, and not to the workspace itself."""
    return bool(tree.layers) and layer_of(tree, file) != tree.layers[-1]


def origins(tree: Tree) -> list[Origin]:
    """Every object, section by section in the order it is in the workspace; then what was removed."""
    inside: dict[str, list[Deed]] = {}
    forerunners: dict[str, list[Place]] = {}
    gone: dict[str, Deed] = {}
    for deed in tree.deeds:
        path, whole = _object(deed.path)
        if not whole:
            inside.setdefault(path, []).append(deed)
            continue
        # What was laid over the object before it was replaced or removed went with it.
        inside.pop(path, None)
        if deed.before is not None:
            forerunners.setdefault(path, []).insert(0, deed.before)
        if deed.action == "removed":
            gone[path] = deed
    found = []
    for path, place in _standing(tree):
        gone.pop(path, None)
        before, deeds = tuple(forerunners.get(path, ())), tuple(inside.get(path, ()))
        found.append(Origin(path, layer_of(tree, place.file), place, before, deeds))
    for path, deed in gone.items():
        layer = layer_of(tree, deed.place.file)
        found.append(Origin(path, layer, deed.place, tuple(forerunners[path]), removed=True))
    return found


def _standing(tree: Tree) -> Iterator[tuple[str, Place]]:
    for field in OBJECTS:
        if field in tree.whole:
            yield field, tree.place((field,))
    for section in SECTIONS:
        for name in tree.sections[section]:
            yield f"{section}.{name}", tree.place((section, name))


def _object(path: str) -> tuple[str, bool]:
    """(the object that a deed is about, whether it is about the whole object)."""
    head, _, rest = path.partition(".")
    section = {"health": "scores", "lifecycle": "lifecycles"}.get(head, head)
    if section.partition("[")[0] in OBJECTS:
        return section.partition("[")[0], section in OBJECTS and not rest
    name = rest.partition(".")[0].partition("[")[0]
    return f"{section}.{name}", rest == name


def summary(tree: Tree) -> str:
    """One line about the layers: ``on post-purchase: 3 added, 2 replaced, 1 removed, 4 values overridden``;
    empty for a workspace that extends nothing.
    """
    if len(tree.layers) < 2:
        return ""
    top = tree.layers[-1]
    counts: Counter[str] = Counter()
    for one in origins(tree):
        if one.layer == top:
            counts["removed" if one.removed else "replaced" if one.replaced else "added"] += 1
        counts["values"] += sum(layer_of(tree, deed.place.file) == top for deed in one.deeds)
    told = [f"{counts[what]} objects {what}" for what in ("added", "replaced", "removed") if counts[what]]
    told += [f"{counts['values']} values overridden"] if counts["values"] else []
    below = ", ".join(one.removesuffix(":") for one in tree.layers[:-1])
    return f"on {below}: {', '.join(told) or 'nothing changed'}"
