"""The second step of an opt-in that wants confirmation."""

from __future__ import annotations

from ..tokens import CONFIRM, About, Tokens


def confirmation_url(tokens: Tokens, base: str, about: About) -> str:
    """The address by which somebody confirms: `{{ links.confirm }}` of a message. `about` names the person,
    and the channel and category that are confirmed; `base` is the public address of the service.
    """
    return f"{base.rstrip('/')}/confirm/{tokens.sign(CONFIRM, about)}"
