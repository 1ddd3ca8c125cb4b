"""Addresses that a former provider knew to leave alone: its exports, as control records for `import_opt_outs`
and `suppress`.

Exports differ in their columns and agree in what they are: a CSV with an address and, in some way, a reason.
Who is unknown to us is created by the control record, so that the no stands when they come.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from ..errors import SevenfoldError
from ..limits import OPT_OUT_IMPORT_ROWS_MAX, SUPPRESSION_IMPORT_ROWS_MAX

Kind = Literal["unsubscribed", "bounce", "complaint", "manual"]
_ADDRESS: Final = re.compile(r"[^\s<>@,;:\"()]{1,64}@[^\s<>@,;:\"()]{1,253}")
_ADDRESS_COLUMNS: Final = (
    *("email", "email address", "emailaddress", "recipient", "address", "subscriber email", "e-mail"),
)
_REASON_COLUMNS: Final = (
    *("suppressionreason", "reason", "type", "status", "unsub_reason", "unsubscribe reason", "event"),
    "suppression reason",
)
_KINDS: Final[dict[str, Kind]] = {
    # Postmark: SuppressionReason; Amazon SES: Reason
    "hardbounce": "bounce",
    "spamcomplaint": "complaint",
    "manualsuppression": "unsubscribed",
    "bounce": "bounce",
    "complaint": "complaint",
    # SendGrid: lists of their own, and types of events
    "bounces": "bounce",
    "blocks": "manual",
    "spamreport": "complaint",
    "spam reports": "complaint",
    "invalid": "bounce",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    # Mailchimp: UNSUB_REASON, and the file's own status
    "unsubscribed": "unsubscribed",
    "cleaned": "bounce",
    "abuse": "complaint",
    "spam": "complaint",
    "n/a (unsubscribed by admin)": "unsubscribed",
}
_NOT_OPTED_OUT: Final = frozenset(
    {"subscribed", "non-subscribed", "nonsubscribed", "active", "pending", "archived"}
)


class ExportError(SevenfoldError):
    """A file that is no export of suppressed addresses."""

    code = "suppressions_unreadable"


class Suppressed(Struct, frozen=True):
    """One address, and why it is to be left alone."""

    address: str
    kind: Kind


def read_export(lines: Iterable[str], kind: Kind | None = None) -> Iterator[Suppressed]:
    """The addresses of an export in CSV: SendGrid (each list is a file of its own: say its `kind` where the
    file does not), Mailchimp (the unsubscribed and the cleaned), Postmark, Amazon SES. A file without a
    header is one address a line, with a reason after it if there is one.

    Rows that hold no address are left out. Raises ExportError when there is no column with addresses, and for
    more than SUPPRESSION_IMPORT_ROWS_MAX rows.
    """
    rows = csv.reader(_without_mark(lines))
    try:
        first = next(rows, None)
        if first is None:
            return
        columns = [one.strip().lower() for one in first]
        if _ADDRESS.fullmatch(first[0].strip()):
            yield from _bare(_chained(first, rows), kind)
            return
        at = next((columns.index(name) for name in _ADDRESS_COLUMNS if name in columns), None)
        if at is None:
            fix = f"one column is called {', '.join(_ADDRESS_COLUMNS[:3])} or alike"
            raise ExportError("the file has no column of addresses", where=", ".join(columns)[:200], fix=fix)
        reasons = [columns.index(name) for name in _REASON_COLUMNS if name in columns]
        default = kind or _by_columns(columns)
        for number, row in enumerate(rows, 1):
            _bounded(number)
            found = _suppressed(row, at, reasons, default)
            if found is not None:
                yield found
    except csv.Error as error:
        raise ExportError(f"the file is no CSV: {error}", fix="export it again") from error


def _suppressed(row: Sequence[str], at: int, reasons: Sequence[int], default: Kind) -> Suppressed | None:
    address = row[at].strip() if at < len(row) else ""
    if not _ADDRESS.fullmatch(address):
        return None
    for column in reasons:
        said = row[column].strip().lower() if column < len(row) else ""
        if said in _NOT_OPTED_OUT:
            return None
        if said in _KINDS:
            return Suppressed(address, _KINDS[said])
    return Suppressed(address, default)


def _bare(rows: Iterable[Sequence[str]], kind: Kind | None) -> Iterator[Suppressed]:
    for number, row in enumerate(rows, 1):
        _bounded(number)
        address = row[0].strip() if row else ""
        if not _ADDRESS.fullmatch(address):
            continue
        said = next((one.strip().lower() for one in row[1:] if one.strip().lower() in _KINDS), "")
        yield Suppressed(address, _KINDS[said] if said else kind or "manual")


def _by_columns(columns: Sequence[str]) -> Kind:
    """What a file is that gives no reason for each row, by the columns that only it has."""
    if "clean_time" in columns or "clean_campaign_title" in columns:
        return "bounce"
    if "unsub_time" in columns or "unsub_campaign_title" in columns:
        return "unsubscribed"
    if {"ip", "created"} <= set(columns) and "reason" not in columns:
        # SendGrid's spam reports: email, ip, created.
        return "complaint"
    if {"reason", "created"} <= set(columns):
        # SendGrid's bounces (status, reason, email, created) and invalid addresses (reason, email, created).
        return "bounce"
    return "unsubscribed"


def controls(found: Iterable[Suppressed], channel: str, source: str) -> Iterator[dict[str, Any]]:
    """Control records for the log: opt-outs by the hundred thousand, and each bounced or complaining address
    as `suppress`. Who complained opts out as well.
    """
    no: list[str] = []
    for one in found:
        if one.kind in ("unsubscribed", "complaint"):
            no.append(one.address)
            if len(no) == OPT_OUT_IMPORT_ROWS_MAX:
                yield _opt_outs(no, channel, source)
                no = []
        if one.kind != "unsubscribed":
            yield {"op": "suppress", "channel": channel, "address": one.address, "reason": one.kind}
    if no:
        yield _opt_outs(no, channel, source)


def _opt_outs(addresses: list[str], channel: str, source: str) -> dict[str, Any]:
    return {"op": "import_opt_outs", "opt_outs": addresses, "channel": channel, "source": source}


def _bounded(number: int) -> None:
    if number > SUPPRESSION_IMPORT_ROWS_MAX:
        fix = "split it"
        raise ExportError(f"the file has more than {SUPPRESSION_IMPORT_ROWS_MAX:,} rows", fix=fix)


def _chained(first: Sequence[str], rest: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    yield first
    yield from rest


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """The lines without a byte-order mark in front."""
    for number, line in enumerate(lines):
        yield line.lstrip("\ufeff") if number == 0 else line


def import_bodies(found: Iterable[Suppressed], channel: str, source: str) -> Iterator[dict[str, Any]]:
    """The same for the API: bodies for `POST /api/suppressions/import`, the opt-outs first."""
    listed: dict[str, list[str]] = {"opt_out": [], "suppression": []}
    for one in found:
        if one.kind in ("unsubscribed", "complaint"):
            listed["opt_out"].append(one.address)
        if one.kind != "unsubscribed":
            listed["suppression"].append(one.address)
    for kind, addresses in listed.items():
        for start in range(0, len(addresses), OPT_OUT_IMPORT_ROWS_MAX):
            part = addresses[start : start + OPT_OUT_IMPORT_ROWS_MAX]
            yield {"kind": kind, "channel": channel, "source": source, "addresses": part}
