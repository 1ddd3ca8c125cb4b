"""The packs that ship with Sevenfold: ready workspaces to start from or to extend.

They lie in ``packs/`` beside the package in a source checkout, and in ``sevenfold/_packs`` once installed.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
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


USE_CASES = "use-cases"
"""The folder of a pack whose folders can be taken singly, all on the one that is called ``base``."""


def use_cases(name: str) -> list[str]:
    """What of a pack can be taken singly, in alphabetical order; nothing for most packs."""
    found = (folder.parent.name for folder in pack_path(name).glob(f"{USE_CASES}/*/workspace.yaml"))
    return sorted(one for one in found if one != "base")


def init(name: str, folder: Path | str, only: Sequence[str] = ()) -> list[Path]:
    """Copies a pack into ``folder``, which is made if absent; the files written, in alphabetical order.

    ``only`` names the use cases to take, of a pack that has some. Raises ``PackError`` for an unknown pack or
    use case, for a folder that already holds something, and for one that cannot be written.
    """
    source = pack_path(name)
    known = use_cases(name)
    left = [one for one in known if only and one not in only]
    for one in only:
        if one not in known:
            there = f"it has {', '.join(known)}" if known else "it is taken whole"
            fix = likely(one, known) or there
            raise PackError(f"`{name}` has no use case `{one}`", fix=fix)
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
        if left:
            _leave_out(target, left)
    except (OSError, shutil.Error) as error:
        raise PackError(
            f"cannot write to `{target}`: {error}", fix="choose a folder you may write to"
        ) from error
    return sorted(path for path in target.rglob("*") if path.is_file())


def _leave_out(folder: Path, names: Sequence[str]) -> None:
    """Takes use cases out of a copy: their folders, and their lines in workspace.yaml."""
    for name in names:
        shutil.rmtree(folder / USE_CASES / name)
    file = folder / "workspace.yaml"
    gone = {f"- ./{USE_CASES}/{name}" for name in names}
    lines = [line for line in file.read_text("utf-8").splitlines(keepends=True) if line.strip() not in gone]
    file.write_text("".join(lines), encoding="utf-8")
