"""The packs that ship with Sevenfold: ready workspaces to start from or to extend.

They lie in ``packs/`` beside the package in a source checkout, and in ``sevenfold/_packs`` once installed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .problems import PackError, likely

_PLACES = (Path(__file__).parents[1] / "_packs", Path(__file__).parents[2] / "packs")


def _home() -> Path | None:
    return next((place for place in _PLACES if place.is_dir()), None)


def pack_names() -> list[str]:
    """The names of the packs, in alphabetical order."""
    home = _home()
    if home is None:
        return []
    return sorted(folder.name for folder in home.iterdir() if (folder / "workspace.yaml").is_file())


def pack_path(name: str) -> Path:
    """The folder of a pack. Raises ``PackError`` for an unknown name."""
    home = _home()
    names = pack_names()
    if home is None or name not in names:
        fix = likely(name, names) or (f"there are {', '.join(names)}" if names else "no packs are installed")
        raise PackError(f"unknown pack `{name}`", fix=fix)
    return home / name


def init(name: str, folder: Path | str) -> list[Path]:
    """Copies a pack into ``folder``, which is made if absent; the files written, in alphabetical order.

    Raises ``PackError`` for an unknown pack, for a folder that already holds something, and for one that
    cannot be written.
    """
    source = pack_path(name)
    target = Path(folder)
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise PackError(f"`{target}` is not an empty folder", fix="name a new folder, or empty this one")
        shutil.copytree(
            source,
            target,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(".*", "__pycache__", "*.pyc"),
        )
    except (OSError, shutil.Error) as error:
        raise PackError(
            f"cannot write to `{target}`: {error}", fix="choose a folder you may write to"
        ) from error
    return sorted(path for path in target.rglob("*") if path.is_file())
