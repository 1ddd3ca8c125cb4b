"""Questions kept under a name, in one small file of the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from ...errors import SevenfoldError
from ...limits import SAVED_QUESTIONS_ITEMS_MAX
from ...measures.saved import Saved, read_saved
from ..errors import ConflictError

FILE: Final = "questions.json"


class UnknownNameError(SevenfoldError):
    """Nothing is kept under that name."""

    code = "not_found"


def saved_questions(folder: Path, *, keep: Saved | None = None, forget: str = "") -> dict[str, Saved]:
    """The questions of a data folder by name, after one was kept or forgotten. Raises ConflictError when
    there are too many.
    """
    path = folder / FILE
    held = read_saved(path.read_bytes()) if path.exists() else {}
    if keep is not None:
        held[keep.name] = keep
        if len(held) > SAVED_QUESTIONS_ITEMS_MAX:
            raise ConflictError(f"at most {SAVED_QUESTIONS_ITEMS_MAX} questions are kept", fix="forget one")
    held.pop(forget, None)
    if keep is not None or forget:
        draft = path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(dict(sorted(held.items()))))
        draft.replace(path)
    return held


def saved_question(folder: Path, name: str) -> Saved:
    """The question of that name. Raises UnknownNameError."""
    held = saved_questions(folder)
    if name not in held:
        raise UnknownNameError(
            f"no question is kept as `{name}`", where="name", fix="GET /api/questions says which are"
        )
    return held[name]
