"""What a provider answered, as the outcome that the log is told."""

from __future__ import annotations

from ...channels.base import Result
from .items import Item
from .telling import Outcome

NOT_TAKEN = ("transient", "throttled", "config_error")
"""Verdicts after which the provider surely has not got the message."""


def outcome_of(item: Item, result: Result, carrier: str) -> Outcome:
    """The outcome for an answer of a channel. What will be tried again is given back (`back`), so that a
    crash finds it as if it had never been claimed; unless it was unknown before: then it stays so.
    """
    told: Outcome = {"effect": item.effect, "outcome": _word(item, result)}
    if carrier != item.channel:
        told["channel"] = carrier
    if result.provider_id:
        told["provider_id"] = result.provider_id
    if result.verdict == "accepted":
        return told
    told["reason"] = result.reason or result.verdict
    if result.detail:
        told["detail"] = result.detail
    if result.verdict == "permanent":
        told["permanent"] = result.suppress
    if told["outcome"] == "rate_limited":
        told["back"] = True
    return told


def _word(item: Item, result: Result) -> str:
    if result.verdict == "accepted":
        return "sent"
    if result.verdict == "permanent":
        return "bounced" if result.suppress or result.scope == "recipient" else "failed"
    if result.verdict in NOT_TAKEN and not item.again:
        return "rate_limited"
    return "unknown"


def together(results: list[Result]) -> Result:
    """One answer for several: what may have arrived goes before what will be tried again, that before what
    arrived, and that before what never will.
    """
    for verdict in ("unknown", "config_error", "throttled", "transient", "accepted"):
        for result in results:
            if result.verdict == verdict:
                return result
    return results[0] if results else Result(verdict="permanent", reason="nobody", scope="message")


__all__ = ["NOT_TAKEN", "outcome_of", "together"]
