"""Manual lists: a CSV of people or accounts becomes one control record, with every row accounted for.

A row is *matched* when its identifier is known, *created* when it is not yet, *refused* when it names nobody
that could be found or made. Nothing is written here; the record is for the log.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import SevenfoldError
from ..limits import IDENTIFIER_CHARS_MAX, LIST_IMPORT_ROWS_MAX, LIST_REFUSED_ROWS_SHOWN_MAX
from .models import ACCOUNT, PERSON

Action = Literal["append", "replace", "clear", "remove"]
Lookup = Callable[[str, str], str | None]
"""(identifier type, value) -> the id of the subject that has it, or None."""

_ID_HEADINGS = frozenset({"id", "userid", "accountid", "groupid", "customerid"})
_EMAIL_HEADINGS = frozenset({"email", "mail", "emailaddress"})
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s.,;<>\"]+")


class ListError(SevenfoldError):
    """A list cannot be imported at all: no usable column, not CSV, or too many rows."""

    code = "list_refused"


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was left out: its line in the file (the heading is line 1), its cells and the reason."""

    line: int
    cells: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ListImport:
    """The outcome of an import. ``matched + created + repeated + refused`` are all rows of the file.

    ``record`` is the control record to append to the log; ``refused_rows`` shows the first of them.
    """

    record: dict[str, Any]
    rows: int
    matched: int
    created: int
    repeated: int
    refused: int
    refused_rows: tuple[RefusedRow, ...]


def clear_list(name: str) -> dict[str, Any]:
    """The control record that empties a list."""
    return _record(name, "clear", [])


def _record(name: str, action: Action, members: list[dict[str, str]]) -> dict[str, Any]:
    return {"op": "list", "list": name, "action": action, "members": members}


def import_list(text: str, name: str, action: Action, lookup: Lookup, of: str = PERSON) -> ListImport:
    """Reads the CSV ``text`` of a list called ``name``.

    The columns are found by their headings: an id (``id``, ``user_id``, ``account_id`` ...) and, for people,
    an ``email``; with both, the id says who and the email helps to find them. Each member of the record is
    an object of identifier type to value: ``{"user_id": "u1"}``, ``{"email": "a@b.c"}`` or both; accounts
    have ``group_id``. ``remove`` refuses rows that match nobody; the other actions create them. Raises
    ``ListError``.
    """
    if action == "clear":
        raise ListError("clearing a list takes no rows", fix="use `clear_list`")
    reader = _reader(text)
    try:
        heading = [cell.strip() for cell in next(reader, [])]
        id_column, email_column = _columns(heading, of)
        key = "group_id" if of == ACCOUNT else "user_id"
        tally = _Tally(action, lookup)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if tally.rows >= LIST_IMPORT_ROWS_MAX:
                raise ListError(f"the list has more than {LIST_IMPORT_ROWS_MAX} rows", fix="split it")
            tally.row(reader.line_num, cells, key, id_column, email_column)
    except csv.Error as error:
        raise ListError(f"not CSV: {error}", where=f"line {reader.line_num}") from None
    return ListImport(
        _record(name, action, list(tally.members.values())),
        tally.rows,
        tally.matched,
        tally.created,
        tally.repeated,
        tally.refused,
        tuple(tally.refused_rows),
    )


def _reader(text: str) -> Any:
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    return csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)


def _columns(heading: list[str], of: str) -> tuple[int | None, int | None]:
    """The places of the id and email columns. Raises ``ListError`` when there is neither, or one twice."""

    def find(known: frozenset[str], what: str) -> int | None:
        folded = [re.sub(r"[\W_]", "", cell).lower() for cell in heading]
        found = [index for index, cell in enumerate(folded) if cell in known]
        if len(found) > 1:
            names = " and ".join(f"`{heading[index]}`" for index in found)
            raise ListError(f"two columns could be the {what}: {names}", where="line 1", fix="keep one")
        return found[0] if found else None

    id_column = find(_ID_HEADINGS, "id")
    email_column = find(_EMAIL_HEADINGS, "email") if of == PERSON else None
    if id_column is None and email_column is None:
        wanted = "`user_id` or `email`" if of == PERSON else "`account_id`"
        shown = ", ".join(heading) or "nothing"
        raise ListError(
            f"no column says who is meant; the heading has {shown}", where="line 1", fix=f"add {wanted}"
        )
    return id_column, email_column


class _Tally:
    """Counts the rows of one import and gathers its members in order."""

    def __init__(self, action: Action, lookup: Lookup) -> None:
        self.action = action
        self.lookup = lookup
        self.members: dict[str, dict[str, str]] = {}
        self.emails: dict[str, str] = {}
        self.rows = self.matched = self.created = self.repeated = self.refused = 0
        self.refused_rows: list[RefusedRow] = []

    def refuse(self, line: int, cells: list[str], reason: str) -> None:
        self.refused += 1
        if len(self.refused_rows) < LIST_REFUSED_ROWS_SHOWN_MAX:
            self.refused_rows.append(RefusedRow(line, tuple(cells), reason))

    def row(
        self, line: int, cells: list[str], key: str, id_column: int | None, email_column: int | None
    ) -> None:
        self.rows += 1
        identifier = _cell(cells, id_column)
        email = _cell(cells, email_column).lower()
        member = {name: value for name, value in ((key, identifier), ("email", email)) if value}
        if reason := _refusal(identifier, email, id_column, email_column):
            self.refuse(line, cells, reason)
            return
        subjects = {name: self.lookup(name, value) for name, value in member.items()}
        known = {subject for subject in subjects.values() if subject is not None}
        if len(known) > 1:
            self.refuse(line, cells, "the id and the email belong to two different people")
        elif not known and self.action == "remove":
            self.refuse(line, cells, "nobody is known by it, so there is nobody to remove")
        else:
            self.take(member, next(iter(known), None))

    def take(self, member: dict[str, str], subject: str | None) -> None:
        """Counts a good row once; the same subject or identifier again is a repetition."""
        keys = [f"{name} {value}" for name, value in member.items()]
        identity = f"subject {subject}" if subject is not None else keys[0]
        by_email = self.emails.get(member.get("email", ""))
        if by_email is not None and (len(member) == 1 or len(self.members[by_email]) == 1):
            identity = by_email  # the same address, once with and once without an id
        if identity in self.members:
            self.repeated += 1
            self.members[identity] = {**member, **self.members[identity]}
            return
        self.members[identity] = member
        if subject is None:
            self.created += 1
            if "email" in member:
                self.emails.setdefault(member["email"], identity)
        else:
            self.matched += 1


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column].strip() if column is not None and column < len(cells) else ""


def _refusal(identifier: str, email: str, id_column: int | None, email_column: int | None) -> str:
    """Why a row names nobody; empty when it does."""
    if not identifier and not email:
        if id_column is not None and email_column is not None:
            return "the id and the email are empty"
        return "the id is empty" if id_column is not None else "the email is empty"
    if max(len(identifier), len(email)) > IDENTIFIER_CHARS_MAX:
        return f"an identifier has at most {IDENTIFIER_CHARS_MAX} characters"
    if email and not _EMAIL.fullmatch(email):
        return f"`{email[:60]}` is not an email address"
    return ""
