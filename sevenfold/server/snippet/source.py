"""The snippet as it is served: its parts joined to one script, without comments and needless spaces.

The parts (`web/snippet/src`, `sevenfold/_snippet` once installed) are ES modules that editors and node read
as they are. Their names are unique over all parts, imports stand on one line each and nothing is exported by
default, so joining them needs no bundler: imports and the word `export` go, and one function holds the rest.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from msgspec import Struct

from ...errors import SevenfoldError

PARTS: Final = (
    *("base", "consent", "queue", "visit", "events", "view", "line", "asking", "push", "desk", "kinds"),
    "main",
)
"""In an order in which everything is there before it is needed at once."""
_TEXTS: Final = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)""")
_SPACED: Final = re.compile(r"\s*([=<>!&|?:;,(){}\[\]*])\s*")
_AFTER: Final = frozenset("{([,;?:&|=>")
_BEFORE: Final = frozenset("})].,?:;&|")
"""What a line may end or begin with when a statement goes on there, or is over anyway."""
_PLACES: Final = (Path(__file__).parents[2] / "_snippet", Path(__file__).parents[3] / "web" / "snippet")


class SnippetMissingError(SevenfoldError):
    """The installation holds no snippet."""

    code = "snippet_missing"


class Script(Struct, frozen=True):
    """A script as it is served: its bytes, the same in gzip, and the ETag of both."""

    plain: bytes
    gzipped: bytes
    etag: str


def home() -> Path:
    """The folder that holds the parts. Raises SnippetMissingError."""
    for place in _PLACES:
        if (place / "src").is_dir():
            return place
    raise SnippetMissingError("the browser snippet is not installed", fix="install Sevenfold from its wheel")


@cache
def page_script() -> Script:
    """`/sevenfold.js`. Raises SnippetMissingError."""
    folder = home() / "src"
    parts = [stripped((folder / f"{part}.js").read_text("utf-8")) for part in PARTS]
    return _script('(()=>{"use strict";\n' + "".join(parts) + "})();\n")


@cache
def push_worker() -> Script:
    """`/sevenfold-push.js`, the service worker. Raises SnippetMissingError."""
    return _script(stripped((home() / "push-worker.js").read_text("utf-8")))


def stripped(text: str) -> str:
    """A part without imports, the word `export`, lines that are comments, and indentation."""
    kept = []
    inside = False
    for line in text.splitlines():
        line = line.strip()
        inside = inside or line.startswith("/*")
        if inside:
            inside = "*/" not in line
        elif line and not line.startswith(("//", "import ")):
            kept.append(line.removeprefix("export "))
    return "\n".join(kept) + "\n"


def squeezed(text: str) -> str:
    """Without spaces around punctuation and ends of lines beside it, outside texts. Lines with a slash (a
    regular expression, a division) and those inside a template of several lines stay as they are, and so do
    `+` and `-`, which may stand in pairs.
    """
    found = ""
    inside = False
    for line in text.splitlines():
        pieces = _TEXTS.split(line)
        code = "".join(pieces[::2])
        opens = code.count("`") % 2 == 1
        if not inside and not opens and "/" not in code:
            line = "".join(piece if at % 2 else _SPACED.sub(r"\1", piece) for at, piece in enumerate(pieces))
        joined = not found or (not inside and (found[-1:] in _AFTER or line[:1] in _BEFORE))
        if joined and line.startswith("}"):
            found = found.removesuffix(";")
        found += line if joined else "\n" + line
        inside ^= opens
    return found + "\n"


def _script(text: str) -> Script:
    plain = squeezed(text).encode()
    etag = f'"{blake2b(plain, digest_size=12).hexdigest()}"'
    return Script(plain, gzip.compress(plain, 9, mtime=0), etag)
