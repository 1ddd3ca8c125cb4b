"""Advertising audiences, the part without a network: who may be in one, as what, and what has to change.

An audience holds digests of addresses, never addresses. What a platform was given is remembered as a
*ledger* of those digests; bringing an audience up to date is the difference between the ledger and who
should be in it, in batches of a size that the platform takes. Doing it twice, or again after a crash,
changes nothing.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from ..limits import AUDIENCE_BATCH_ITEMS_MAX
from ..profiles.identity import normal_phone
from .base import ChannelError

Dialect = Literal["google", "meta"]
Change = Literal["add", "remove"]
_GMAIL: Final = ("gmail.com", "googlemail.com")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Member(Struct, frozen=True):
    """Somebody who should be in an audience. `consented`: whether they agreed to advertising; without that
    they are not in it, whatever else holds.
    """

    email: str | None = None
    phone: str | None = None
    consented: bool = False


class Row(NamedTuple):
    """What a platform is given of somebody: SHA-256 in hexadecimal, empty where there is nothing."""

    email: str = ""
    phone: str = ""


class Batch(Struct, frozen=True):
    """One call's worth of changes."""

    change: Change
    rows: tuple[Row, ...]


def hashed(email: str | None, phone: str | None, dialect: Dialect, region: str | None = None) -> Row | None:
    """The row of two addresses; None when neither is one. `region` (ISO 3166) is where phone numbers without
    a country code are from.

    Google (Data Manager API, "Format user data"): no white space, lower case; of Gmail addresses no dots and
    nothing after +; phones in E.164 with +. Meta (Custom Audience API, "Hashing and normalisation"): trimmed
    and in lower case; phones as digits with the country code.
    """
    row = Row(_digest(_email(email or "", dialect)), _digest(_phone(phone or "", dialect, region)))
    return row if any(row) else None


def _email(text: str, dialect: Dialect) -> str:
    text = text.strip().lower()
    if dialect == "google":
        text = "".join(text.split())
        local, _, domain = text.rpartition("@")
        if domain in _GMAIL:
            text = f"{local.partition('+')[0].replace('.', '')}@{domain}"
    return text if _EMAIL.fullmatch(text) else ""


def _phone(text: str, dialect: Dialect, region: str | None) -> str:
    found = normal_phone(text, region) or ""
    return found if dialect == "google" else found.removeprefix("+")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest() if text else ""


def rows_of(members: Iterable[Member], dialect: Dialect, region: str | None = None) -> set[Row]:
    """Who should be in the audience, by digest. Who did not consent, and who has no address, is not."""
    rows = (hashed(one.email, one.phone, dialect, region) for one in members if one.consented)
    return {row for row in rows if row is not None}


def plan(desired: Set[Row], ledger: Set[Row], batch_rows: int = AUDIENCE_BATCH_ITEMS_MAX) -> Iterator[Batch]:
    """What makes of the audience in `ledger` the one desired: removals first, so that nobody who left is in
    it longer than need be, each in order of digest and at most `batch_rows` at a time.
    """
    changes: tuple[tuple[Change, Set[Row]], ...] = (("remove", ledger - desired), ("add", desired - ledger))
    for change, rows in changes:
        ordered = sorted(rows)
        for start in range(0, len(ordered), batch_rows):
            yield Batch(change, tuple(ordered[start : start + batch_rows]))


def applied(ledger: Set[Row], batch: Batch) -> set[Row]:
    """The ledger once a platform took a batch."""
    return set(ledger) | set(batch.rows) if batch.change == "add" else set(ledger) - set(batch.rows)


def agreed(segment: str, category: str) -> None:
    """Raises ValueError for settings that would put a segment into an audience without asking who agreed."""
    if segment and not category and not segment.startswith(("env:", "file:")):
        raise ValueError("`category` says who agreed to be in the audience of `segment`")


def as_csv(rows: Iterable[Row], dialect: Dialect) -> bytes:
    """A file for uploading by hand, as the platform names the columns."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(("Email", "Phone") if dialect == "google" else ("email", "phone"))
    writer.writerows(sorted(rows))
    return made.getvalue().encode()


# ------------------------------------------------------------------------------------------------- the ledger


class FileLedger:
    """A ledger in a file of the data folder: a line for each batch that was taken, written before the next
    one is sent, and made short again when it is read. Readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: set[Row] = set()
        if path.exists():
            for batch in _batches(path.read_bytes()):
                self.rows = applied(self.rows, batch)
            write_whole(path, b"".join(_line(batch) for batch in plan(self.rows, set())))

    def took(self, batch: Batch) -> None:
        """A platform took a batch."""
        self.rows = applied(self.rows, batch)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, _line(batch))
            os.fsync(handle)
        finally:
            os.close(handle)


def _line(batch: Batch) -> bytes:
    return msgspec.json.encode(batch) + b"\n"


def _batches(data: bytes) -> Iterator[Batch]:
    """The batches of a ledger. A last line that a crash cut off is left out: it is sent again."""
    for line in data.split(b"\n")[:-1]:
        try:
            yield msgspec.json.decode(line, type=Batch)
        except msgspec.DecodeError as error:
            fix = "delete it to send the whole audience again"
            raise ChannelError("an audience's ledger is damaged", fix=fix) from error


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file all at once, readable by its owner only: who reads it finds the old one or the new
    one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def member_of(payload: Mapping[str, object]) -> tuple[Change, str, str]:
    """(change, email, phone) that the payload of a message to an audience says: `{action: add or remove,
    email, phone}`. Raises ValueError.
    """
    action = payload.get("action", "add")
    if action not in ("add", "remove"):
        raise ValueError("`action` is add or remove")
    change: Change = "add" if action == "add" else "remove"
    return change, str(payload.get("email") or ""), str(payload.get("phone") or "")
