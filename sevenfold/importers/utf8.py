"""Bytes that should be UTF-8, made UTF-8 for a reader that stops at the first that are not.

A byte that cannot be decoded becomes a mark, a code point that Unicode keeps out of all texts, and a letter
that says which byte it was.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import IO, Final

MARK: Final = "\ufdd0"
_MARKED: Final = re.compile(f"{MARK}(.)", re.DOTALL)


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    bad = error.object[error.start : error.end]
    return "".join(MARK + chr(byte) for byte in bad), error.end


codecs.register_error("sevenfold.mark", _mark)


def original(text: str) -> bytes:
    """The bytes of which `Marked` made a text."""
    parts = _MARKED.split(text)
    # Texts and letters by turns, each letter a byte.
    return b"".join(
        bytes([ord(part) & 255]) if place % 2 else part.encode("utf-8", "replace")
        for place, part in enumerate(parts)
    )


class Marked(io.RawIOBase):
    """A file of bytes read as UTF-8; `damaged` once a byte has been marked."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")("sevenfold.mark").decode
        self._ready = b""
        self._whole = True
        """Nothing is left of a character that began in the bytes read before."""
        self.damaged = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of UTF-8, none at the end."""
        while not self._ready:
            chunk = self._file.read(size)
            if self._whole and chunk.isascii():
                return chunk
            text = self._decode(chunk, not chunk)
            self.damaged = self.damaged or MARK in text
            self._ready = text.encode()
            self._whole = chunk.isascii()
            if not chunk and not self._ready:
                return b""
        if size < 0:
            taken, self._ready = self._ready, b""
        else:
            taken, self._ready = self._ready[:size], self._ready[size:]
        return taken
