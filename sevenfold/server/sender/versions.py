"""Versions of templates that are still to be sent, also those that the workspace has replaced meanwhile.

A message is pinned to the version it was decided with. The definition in force has the newest one only,
and those before lie scattered in the log, so the sender writes each version to the disk the first time it
sees it: a file each, named by its digest.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Protocol

import msgspec

from ...limits import TEMPLATE_VERSIONS_STORED_FILES_MAX
from ...messages.templates import TemplateVersion
from ...workspace.models import Workspace


class Versions(Protocol):
    """Where versions are kept."""

    def keep(self, version: TemplateVersion) -> None:
        """Remembers a version."""
        ...

    def find(self, digest: str) -> TemplateVersion | None:
        """A version by its digest; None when it was never kept, or is damaged."""
        ...


class MemoryVersions:
    """For tests and notebooks."""

    def __init__(self) -> None:
        self._kept: dict[str, TemplateVersion] = {}

    def keep(self, version: TemplateVersion) -> None:
        self._kept[version.digest] = version

    def find(self, digest: str) -> TemplateVersion | None:
        return self._kept.get(digest)


class FolderVersions:
    """A folder of versions. The oldest files go when there are too many."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._known = {path.stem for path in folder.glob("*.json")}
        self._trim()

    def keep(self, version: TemplateVersion) -> None:
        digest = version.digest
        if digest in self._known:
            return
        path = self._folder / f"{digest}.json"
        draft = path.with_suffix(".new")
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(version))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        self._known.add(digest)

    def find(self, digest: str) -> TemplateVersion | None:
        if digest not in self._known:
            return None
        try:
            found = msgspec.json.decode((self._folder / f"{digest}.json").read_bytes(), type=TemplateVersion)
        except (OSError, msgspec.DecodeError):
            return None
        return found if found.digest == digest else None

    def _trim(self) -> None:
        if len(self._known) <= TEMPLATE_VERSIONS_STORED_FILES_MAX:
            return
        files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[: len(files) - TEMPLATE_VERSIONS_STORED_FILES_MAX]:
            with contextlib.suppress(OSError):
                path.unlink()
            self._known.discard(path.stem)


def keep_all(versions: Versions, workspace: Workspace, find: Finder) -> None:
    """Keeps every version that a workspace has now."""
    for name in workspace.templates:
        version = find(name)
        if version is not None:
            versions.keep(version)


class Finder(Protocol):
    """The version of a template's name now (`TemplateBook.version`)."""

    def __call__(self, name: str, /) -> TemplateVersion | None: ...


__all__ = ["FolderVersions", "MemoryVersions", "Versions", "keep_all"]
