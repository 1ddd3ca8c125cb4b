"""Questions kept under a name, in one small file of the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from ...limits import SAVED_QUESTIONS_ITEMS_MAX
from ..errors import ConflictError

FILE: Final = "questions.json"


class Saved(Struct, kw_only=True):
    """A question under a name; `question` holds its analysis and fields."""

    name: str
    question: dict[str, Any]


def saved_questions(folder: Path, *, keep: Saved | None = None, forget: str = "") -> dict[str, Saved]:
    """The questions of a data folder by name, after one was kept or forgotten. Raises ConflictError when
    there are too many.
    """
    path = folder / FILE
    held = msgspec.json.decode(path.read_bytes(), type=dict[str, Saved]) if path.exists() else {}
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
