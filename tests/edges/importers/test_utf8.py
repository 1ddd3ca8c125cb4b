"""Bytes that are no UTF-8 are marked, and nothing else is changed."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from sevenfold.importers import utf8

pieces = st.sampled_from(
    [b"a", b"xyz,", b"\xff", b"\x80", b"\xc3\xa9", b"\xe2\x82\xac", b"\xe2\x82", b"\xf0\x9f\x98\x80"]
)


@given(st.lists(pieces, max_size=12), st.integers(1, 5))
def test_any_bytes_become_utf_8_from_which_they_can_be_told_again(parts: list[bytes], size: int) -> None:
    raw = b"".join(parts)
    marked = utf8.Marked(io.BytesIO(raw))
    found = b""
    while chunk := marked.read(size):
        assert len(chunk) <= size
        found += chunk
    assert utf8.original(found.decode()) == raw
    assert marked.damaged == (found != raw)
    assert marked.damaged == ("\ufffd" in raw.decode(errors="replace"))
