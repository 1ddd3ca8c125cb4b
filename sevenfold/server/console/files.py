"""Drafts of the workspace's files: what the console's editors write, beside the definition in force until it
is published. The definition is shown as `export` writes it, one file a section; an object of a section can be
changed alone.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from ...clock import Clock
from ...errors import SevenfoldError
from ...limits import WORKSPACE_FILE_BYTES_MAX
from ...workspace.exporting import export, to_yaml
from ...workspace.layers import OBJECTS, SECTIONS
from ...workspace.models import Workspace
from ...workspace.reading import read
from ..errors import ConflictError, InvalidError
from ..questions import QuestionError

_COLUMNS: Final = "path, text, base, created, changed, by, revision"
_FILES: Final = {"lifecycles": "lifecycle.yaml", "scores": "health.yaml"}


class FileUnreadableError(SevenfoldError):
    """A draft that is no YAML of objects: an object in it cannot be changed alone."""

    code = "draft_unreadable"


class FileDraft(Struct, kw_only=True):
    """A file in the making. `text` null: it is to go. `base` is a digest of the file it began from;
    `revision` counts its changes; times ms UTC, `by` the id of who wrote last.
    """

    path: str
    text: str | None
    base: str
    created: int
    changed: int
    by: str
    revision: int


class FileDrafts:
    """The drafts in a store."""

    def __init__(self, store: sqlite3.Connection, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def list(self) -> list[FileDraft]:
        """Every draft by path."""
        rows = self._store.execute(f"SELECT {_COLUMNS} FROM file_drafts ORDER BY path")  # noqa: S608
        return [_draft(row) for row in rows]

    def get(self, path: str) -> FileDraft | None:
        """The draft of a file."""
        row = self._store.execute(
            f"SELECT {_COLUMNS} FROM file_drafts WHERE path = ?",  # noqa: S608
            (path,),
        ).fetchone()
        return None if row is None else _draft(row)

    def put(self, path: str, text: str | None, base: str, by: str, revision: int | None) -> FileDraft:
        """Writes a draft; `revision` is the one that its author saw (None: there was none). Raises
        ConflictError, InvalidError.
        """
        if text is not None and len(text.encode()) > WORKSPACE_FILE_BYTES_MAX:
            raise InvalidError(f"a file has at most {WORKSPACE_FILE_BYTES_MAX} bytes", where="text")
        held, now = self.get(path), self._clock.now()
        if (None if held is None else held.revision) != revision:
            raise ConflictError(
                f"the draft of `{path}` has changed meanwhile",
                where="revision",
                fix="read it again, and write with its revision",
            )
        self._store.execute(
            "INSERT INTO file_drafts (path, text, base, created, changed, by, revision)"
            " VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT (path) DO UPDATE SET text = excluded.text,"
            " changed = excluded.changed, by = excluded.by, revision = revision + 1",
            (path, text, base, now, now, by),
        )
        found = self.get(path)
        assert found is not None
        return found

    def remove(self, path: str) -> None:
        """Forgets a draft. Raises QuestionError."""
        if not self._store.execute("DELETE FROM file_drafts WHERE path = ?", (path,)).rowcount:
            raise QuestionError(f"`{path[:200]}` has no draft", where="path")

    def clear(self, drafts: Sequence[FileDraft]) -> None:
        """Forgets drafts as they were; what was written since stays."""
        for one in drafts:
            self._store.execute(
                "DELETE FROM file_drafts WHERE path = ? AND revision = ?", (one.path, one.revision)
            )


def files_of(workspace: Workspace) -> dict[str, str]:
    """The definition as files: path to text. Takes a while; never on the loop."""
    with tempfile.TemporaryDirectory(prefix="sevenfold-") as scratch:
        folder = Path(scratch) / "workspace"
        written = export(workspace, folder)
        return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in written}


def merged(files: dict[str, str], drafts: Sequence[FileDraft]) -> dict[str, str]:
    """The files as they will be once the drafts are published."""
    found = dict(files)
    for one in drafts:
        if one.text is None:
            found.pop(one.path, None)
        else:
            found[one.path] = one.text
    return found


def digest(text: str | None) -> str:
    """A digest of a file; that of no file is empty."""
    return "" if text is None else blake2b(text.encode(), digest_size=8).hexdigest()


def path_of(section: str) -> str:
    """The file that holds a section. Raises QuestionError."""
    if section not in SECTIONS and section not in OBJECTS:
        known = ", ".join((*SECTIONS, *OBJECTS))
        raise QuestionError(f"there is no section `{section[:100]}`", where="section", fix=f"one of {known}")
    return _FILES.get(section, f"{section}.yaml")


def object_in(text: str | None, section: str, name: str) -> Any:
    """An object of a section in a file's text; None when it is not there. Raises FileUnreadableError."""
    held = _objects(text, section)
    return held if section in OBJECTS else held.get(name)


def with_object(text: str | None, section: str, name: str, made: Any) -> str | None:
    """The file's text with an object in it put, or taken out (None); None when nothing is left."""
    if section in OBJECTS:
        return None if made is None else to_yaml(made)
    held = _objects(text, section)
    if made is None:
        held.pop(name, None)
    else:
        held[name] = made
    return to_yaml(held) if held else None


def _objects(text: str | None, section: str) -> dict[str, Any]:
    if text is None:
        return {}
    node, problems = read(text.encode(), path_of(section))
    plain = node.plain() if node is not None else {}
    if problems or not isinstance(plain, dict):
        message = problems[0].message if problems else "it holds no objects"
        raise FileUnreadableError(message, where=path_of(section), fix="mend the draft's text first")
    return plain


def _draft(row: tuple[Any, ...]) -> FileDraft:
    return msgspec.convert(dict(zip(_COLUMNS.split(", "), row, strict=True)), FileDraft)
