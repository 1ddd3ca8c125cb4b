"""What the fold decides: effects, in the order they happen, with ids that depend on nothing but the log."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

CREATED = "created"
MERGED = "merged"
UNMERGED = "unmerged"
ENTERED = "entered"
LEFT = "left"
STAGE = "stage"
BAND = "band"
JUMP = "jump"
VELOCITY = "velocity"
OVERFLOW = "overflow"
REFUSED = "refused"
RETIRED = "retired"
WORKSPACE = "workspace"


class Effect(msgspec.Struct):
    """One decision. ``time`` is engine ms UTC, ``of`` the kind of subject, ``subject`` its id, ``name`` the
    segment, lifecycle or score it is about, ``data`` the rest (JSON-ready).
    """

    time: int
    kind: str
    of: str
    subject: str
    name: str
    data: dict[str, Any]


def subject_id(of: str, seq: int) -> str:
    """The id of the subject that record number ``seq`` created: 16 hexadecimal digits."""
    return blake2b(f"{of}:{seq}".encode(), digest_size=8).hexdigest()
