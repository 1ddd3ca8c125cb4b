"""Addresses that nothing is sent to, by channel: after a bounce, a complaint, or because somebody said so.

Kept are digests of normalised addresses: the list survives the erasure of a person, and reveals nobody.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

from ..profiles.identity import normal_email, normal_phone
from .channels import Channel

REASONS: Final = ("manual", "bounce", "complaint", "import")


def normal_address(channel: Channel, address: str, region: str | None) -> str:
    """An address as it is compared: e-mail in lower case, phone numbers in E.164, others trimmed."""
    if channel.address == "email":
        return normal_email(address) or address.strip().lower()
    if channel.address == "phone":
        return normal_phone(address, region) or address.strip()
    return address.strip()


class Suppressions:
    """The list of each channel: digest -> place of the reason."""

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()[:64]
        self._lists: dict[str, dict[int, int]] = {}

    def digest(self, address: str) -> int:
        """What is kept of a normalised address: 64 bits, signed, salted by the workspace's name."""
        made = blake2b(address.encode(), digest_size=8, key=self._salt).digest()
        return int.from_bytes(made, "big", signed=True)

    def holds(self, channel: Channel, address: str) -> bool:
        """Whether nothing is sent to a normalised address on a channel."""
        listed = self._lists.get(channel.name)
        return listed is not None and self.digest(address) in listed

    def lists(self, channel: Channel, digest: int) -> bool:
        """The same of an address of which only the digest is known."""
        return digest in self._lists.get(channel.name, ())

    def reason(self, channel: Channel, address: str) -> str | None:
        """Why an address is on the list; None when it is not."""
        place = self._lists.get(channel.name, {}).get(self.digest(address))
        return None if place is None else REASONS[place]

    def add(self, channel: Channel, digest: int, reason: str) -> bool:
        """Puts an address on a list; False when it is there already (the first reason stays)."""
        listed = self._lists.setdefault(channel.name, {})
        if digest in listed:
            return False
        listed[digest] = REASONS.index(reason)
        return True

    def remove(self, channel: Channel, digest: int) -> bool:
        """Takes an address off a list; False when it is not there."""
        return self._lists.get(channel.name, {}).pop(digest, None) is not None

    def dump(self) -> Any:
        return [(name, list(listed.items())) for name, listed in self._lists.items()]

    def load(self, held: Any) -> None:
        """What `dump` gave."""
        self._lists = {name: dict(listed) for name, listed in held}
