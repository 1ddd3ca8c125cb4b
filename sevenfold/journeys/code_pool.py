"""A pool of codes: which are left, who has which, and which were redeemed. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from .times import NEVER

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter is taken for a digit."""
_LENGTH = 10


class Given(msgspec.Struct, kw_only=True):
    """A code that somebody has. Times are ms UTC."""

    run: str
    of: str
    row: int
    at: int
    expires: int = NEVER
    redeemed: int | None = None


class Redemption(NamedTuple):
    """What a redeemed code was: `status` is `redeemed`, `expired` or `again`."""

    status: str
    given: Given


def made_code(prefix: str, *parts: str | int) -> str:
    """A code of its own: the prefix and ten letters that depend on nothing but the parts."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    letters = [_LETTERS[number >> 5 * place & 31] for place in range(_LENGTH)]
    return prefix + "".join(letters)


class CodePool:
    """The codes of one pool, given in written order; without written codes each is made from `prefix`.

    Codes are compared without regard to case and blanks around them, as people type them.
    """

    def __init__(self, name: str, codes: list[str], prefix: str | None) -> None:
        self.name, self.prefix = name, prefix
        self.codes = list(dict.fromkeys(codes))
        """Codes in the order in which they are given; those before `next` are gone."""
        self.next = 0
        self.added: list[str] = []
        """Codes that came after the workspace's own."""
        self.given: dict[str, Given] = {}
        """Who has which code, by the code without regard to case."""
        self._by_run: dict[str, str] = {}
        self._by_subject: dict[tuple[str, int], list[str]] = {}

    @property
    def left(self) -> int | None:
        """How many codes are left; None when they are made."""
        return None if self.prefix is not None else len(self.codes) - self.next

    def of_run(self, run: str) -> str | None:
        """The code that a run has."""
        return self._by_run.get(run)

    def take(self, run: str, of: str, row: int, t: int, expires: int) -> str | None:
        """The next code goes to a run; the one it has, if it has one; None when none is left."""
        known = self._by_run.get(run)
        if known is not None:
            return known
        code = self._next(run)
        if code is not None:
            self.given[_plain(code)] = Given(run=run, of=of, row=row, at=t, expires=expires)
            self._by_run[run] = code
            self._by_subject.setdefault((of, row), []).append(_plain(code))
        return code

    def holder(self, code: str) -> Given | None:
        """Who has a code."""
        return self.given.get(_plain(code))

    def _next(self, run: str) -> str | None:
        if self.prefix is not None:
            turn, code = 0, made_code(self.prefix, self.name, run)
            while _plain(code) in self.given:
                turn += 1
                code = made_code(self.prefix, self.name, run, turn)
            return code
        while self.next < len(self.codes):
            code = self.codes[self.next]
            self.next += 1
            if _plain(code) not in self.given:
                return code
        return None

    def add(self, codes: list[str]) -> int:
        """More codes; returns how many were new."""
        known = {_plain(code) for code in self.codes} | set(self.given)
        fresh = [code for code in dict.fromkeys(codes) if _plain(code) not in known]
        self.codes += fresh
        self.added += fresh
        return len(fresh)

    def redeem(self, code: str, t: int) -> Redemption | None:
        """A code is redeemed; None when it is none of this pool's, or nobody has it."""
        given = self.holder(code)
        if given is None:
            return None
        if given.redeemed is not None:
            return Redemption("again", given)
        if t >= given.expires:
            return Redemption("expired", given)
        given.redeemed = t
        return Redemption("redeemed", given)

    def move(self, of: str, winner: int, loser: int) -> None:
        """Codes of one row are another's from now on."""
        for code in self._by_subject.pop((of, loser), ()):
            self.given[code].row = winner
            self._by_subject.setdefault((of, winner), []).append(code)

    def forget(self, of: str, row: int) -> int:
        """Codes of a row are nobody's from now on, and are not given again."""
        codes = self._by_subject.pop((of, row), [])
        for code in codes:
            self.given[code].row = 0
        return len(codes)

    def dump(self) -> Any:
        """The state, for msgpack; the workspace's own codes are no part of it."""
        given = [[code, msgspec.to_builtins(one)] for code, one in self.given.items()]
        return [self.added, given, list(self._by_run.items())]

    def load(self, held: Any) -> None:
        """What `dump` gave, for a pool that was just made, perhaps with other codes than then."""
        self.added, given, by_run = held
        self.given = {code: msgspec.convert(one, Given) for code, one in given}
        every = dict.fromkeys([*self.codes, *self.added])
        self.codes, self.next = [code for code in every if _plain(code) not in self.given], 0
        self._by_run, self._by_subject = dict(by_run), {}
        for code, one in self.given.items():
            self._by_subject.setdefault((one.of, one.row), []).append(code)


def _plain(code: str) -> str:
    return code.strip().upper()


__all__ = ["CodePool", "Given", "Redemption", "made_code"]
