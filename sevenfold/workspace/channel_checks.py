"""Checks of delivery channels as services: who carries them, with which settings, how fast, and who stands
in.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..journeys.limits_text import LimitTextError, limit_of
from ..messages.channels import ADDRESSES
from ..messages.policy import DeliveryChannel
from .problems import Path, likely
from .report import Report


def check_channels(channels: Mapping[str, DeliveryChannel], report: Report) -> None:
    """Reports what is wrong with providers, settings, rates and fallbacks."""
    for name, channel in channels.items():
        path: Path = ("channels", name)
        if channel.rate is not None:
            try:
                limit_of(channel.rate)
            except LimitTextError as error:
                fix = "write a number and a time, such as `80 per 1s`"
                report.error((*path, "rate"), "wrong_value", error.message, error.fix or fix)
        _fallback(channels, name, channel, report)
        if channel.provider is not None or channel.settings:
            _provider(path, channel, report)


def _provider(path: Path, channel: DeliveryChannel, report: Report) -> None:
    # Here and not above: adapters bring their HTTP and mail libraries, which a workspace without providers
    # (every replay and every test of journeys) does not need.
    from ..channels.registry import doubts

    for doubt in doubts(channel):
        report.error((*path, *doubt.place), doubt.code, doubt.message, doubt.fix)


def _fallback(
    channels: Mapping[str, DeliveryChannel], name: str, channel: DeliveryChannel, report: Report
) -> None:
    path: Path = ("channels", name, "fallback")
    if channel.fallback is None:
        return
    other = channels.get(channel.fallback)
    if other is None:
        fix = likely(channel.fallback, set(channels) - {name}) or "name another channel"
        report.error(path, "unknown_name", f"unknown channel `{channel.fallback}`", fix)
        return
    if other.type != channel.type or _address(other) != _address(channel):
        message = f"`{channel.fallback}` is no {channel.type} to the same kind of address"
        report.error(path, "type_mismatch", message, f"a fallback has `type: {channel.type}` too")
    seen = [name]
    while channel.fallback is not None and channel.fallback in channels:
        seen.append(channel.fallback)
        if channel.fallback == name:
            report.error(path, "cycle", f"a circle: {' -> '.join(seen)}", "let one of them have no fallback")
            return
        if channel.fallback in seen[:-1]:
            return
        channel = channels[channel.fallback]


def _address(channel: DeliveryChannel) -> str | None:
    return channel.address if channel.address is not None else ADDRESSES.get(channel.type)
