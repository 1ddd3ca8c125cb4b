"""What the error codes of Meta's Cloud API say of a message, its recipient, its template, or our account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .base import Result
from .calling import Answer, by_status, said

_DAY_S: Final = 86_400.0
_AUTH: Final = {0, 3, 10, 190, 131005, *range(200, 300)}
_ACCOUNT: Final = {33, 368, 131030, 131031, 131037, 131042, 131044, 131045, 133010}
_THROTTLED: Final = {4, 80007, 130429, 131048, 133016, 131064}
_PAIR: Final = 131056
_MARKETING_CAP: Final = 131049
_TRANSIENT: Final = {1, 2, 131000, 131016, 131057, 133004, 135000}
_TEMPLATE: Final = {132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069}
_NEVER: Final = {
    100: "rejected",
    130472: "experiment",
    130497: "region_blocked",
    131008: "rejected",
    131009: "rejected",
    131021: "rejected",
    131047: "window_closed",
    131050: "opted_out",
    131051: "rejected",
    131052: "rejected",
    131053: "rejected",
    131062: "rejected",
    131063: "template",
}


def refused(answer: Answer, address: str | None) -> Result:
    """What an error of the Graph API means."""
    error = answer.object().get("error")
    error = error if isinstance(error, Mapping) else {}
    code = error.get("code")
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, Mapping) else None
    words = said(f"{code or answer.status} {details or error.get('message') or ''}", address)
    return by_code(code if isinstance(code, int) else -1, words, answer.retry_after_s()) or by_status(
        answer, words
    )


def by_code(code: int, words: str, wait: float | None = None) -> Result | None:
    """What one of Meta's codes means; None for one that the status explains as well."""
    if code in _AUTH or code in _ACCOUNT:
        reason = "auth" if code in _AUTH else "account"
        return Result(verdict="config_error", reason=reason, detail=words, scope="account")
    if code == 131026:
        return Result(
            verdict="permanent", reason="bad_address", detail=words, scope="recipient", suppress=True
        )
    if code in _THROTTLED:
        return Result(verdict="throttled", reason="rate", detail=words, scope="account", retry_after_s=wait)
    if code in (_PAIR, _MARKETING_CAP):
        # About this person alone: one message in six seconds, and what they get of everybody's advertising.
        later = 6.0 if code == _PAIR else _DAY_S
        return Result(
            verdict="throttled", reason="rate", detail=words, scope="recipient", retry_after_s=wait or later
        )
    if code in _TEMPLATE:
        return Result(verdict="permanent", reason="template", detail=words)
    if code in _TRANSIENT:
        return Result(verdict="transient", reason="provider", detail=words, retry_after_s=wait)
    if code in _NEVER:
        scope: Any = "recipient" if code == 131050 else "message"
        return Result(verdict="permanent", reason=_NEVER[code], detail=words, scope=scope)
    return None
