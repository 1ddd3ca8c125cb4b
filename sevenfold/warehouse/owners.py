"""Whose each event of a log is: a file beside it, two 64-bit ids for each position, the person's and the
account's.

The fold's process writes it as it folds, the warehouse reads it. It is derived from the log: a fold that
begins again writes the same numbers in the same places. A stretch that no fold has written, because the file
was lost while a snapshot was kept, is noted in `unknown`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from sevenfold.warehouse.events import Ids

FILE: Final = "owners.ids"
UNKNOWN_FILE: Final = "owners.unknown"
_BYTES: Final = 16


class OwnersWriter:
    """Writes from a position on; what lies before it and is not there is noted as unknown."""

    def __init__(self, folder: Path, position: int) -> None:
        self._file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
        held = os.fstat(self._file).st_size // _BYTES
        if held < position:
            stretch = msgspec.json.encode([*unknown(folder), [held, position]])
            (folder / UNKNOWN_FILE).write_bytes(stretch)
            os.ftruncate(self._file, position * _BYTES)

    def write(self, position: int, people: Ids, accounts: Ids) -> None:
        """The owners of events from a position on; 0 and 0 for a control record."""
        packed = np.empty((len(people), 2), dtype="<u8")
        packed[:, 0], packed[:, 1] = people, accounts
        os.pwrite(self._file, packed.tobytes(), position * _BYTES)

    def keep(self) -> None:
        """What was written is on the disk when this returns: before a snapshot says it need not be made
        again.
        """
        os.fdatasync(self._file)

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._file)


class OwnersReader:
    """Reads what the fold's process has written so far."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    @property
    def through(self) -> int:
        """The position after the last one that is known."""
        return self._path.stat().st_size // _BYTES if self._path.exists() else 0

    def read(self, position: int, count: int) -> tuple[Ids, Ids]:
        """People and accounts of so many positions."""
        with self._path.open("rb") as file:
            file.seek(position * _BYTES)
            packed = np.frombuffer(file.read(count * _BYTES), dtype="<u8").reshape(-1, 2)
        return packed[:, 0].astype(np.uint64), packed[:, 1].astype(np.uint64)


def unknown(folder: Path) -> list[list[int]]:
    """Stretches of positions (first, after the last) whose owners nobody wrote."""
    path = folder / UNKNOWN_FILE
    return msgspec.json.decode(path.read_bytes(), type=list[list[int]]) if path.exists() else []
