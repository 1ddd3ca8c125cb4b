"""Texts put together from several places, each part of which remembers where its author wrote it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from ..workspace.problems import Path

LIQUID: Final = re.compile(
    r"\{%-?\s*(raw|comment|doc)\s*-?%\}.*?\{%-?\s*end\1\s*-?%\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL
)
"""A piece of Liquid as a whole: an output, a tag, or a block whose inside is not Liquid."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Text from one place: the path of the field in the workspace, and its line (from 1) there.

    ``verbatim``: its own line ends count; otherwise all of it was made from that one line.
    """

    text: str
    path: Path
    line: int = 1
    verbatim: bool = True


class Source:
    """A text in pieces."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = [piece for piece in pieces if piece.text]
        self.text = "".join(piece.text for piece in self.pieces)
        self._starts: list[int] = []
        at = 0
        for piece in self.pieces:
            self._starts.append(at)
            at += len(piece.text)

    def place(self, index: int) -> tuple[Path, int]:
        """(path of the field, line in it) of the character at ``index``; an empty path for an empty text."""
        if not self.pieces:
            return (), 1
        number = max(bisect_right(self._starts, index) - 1, 0)
        piece = self.pieces[number]
        if not piece.verbatim:
            return piece.path, piece.line
        return piece.path, piece.line + piece.text.count("\n", 0, max(index - self._starts[number], 0))

    def replace(self, pattern: re.Pattern[str], make: Replacement) -> Source:
        """Another source, where ``make`` gives the pieces for every match."""
        pieces: list[Piece] = []
        end = 0
        for match in pattern.finditer(self.text):
            pieces.extend(self.cut(end, match.start()))
            pieces.extend(make(match, *self.place(match.start())))
            end = match.end()
        pieces.extend(self.cut(end, len(self.text)))
        return Source(pieces)

    def cut(self, start: int, end: int) -> list[Piece]:
        """The pieces between two characters."""
        found: list[Piece] = []
        for piece, at in zip(self.pieces, self._starts, strict=True):
            low, high = max(start - at, 0), min(end - at, len(piece.text))
            if low < high:
                line = piece.line + (piece.text.count("\n", 0, low) if piece.verbatim else 0)
                found.append(Piece(piece.text[low:high], piece.path, line, piece.verbatim))
        return found


class Replacement(Protocol):
    """What ``Source.replace`` calls: a match and where it stands, to the pieces in its place."""

    def __call__(self, match: re.Match[str], path: Path, line: int) -> Iterable[Piece]: ...
