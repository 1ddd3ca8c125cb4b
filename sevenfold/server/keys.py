"""Keys: write keys for sources of events, API keys with a scope. Only digests are stored; a key is shown
once.

A key is `wk_` or `sk_` and 32 random bytes in base64url. Its SHA-256 finds it: a fast digest is right for
what has 256 bits of chance. All keys are held in memory; another process that changes the store is noticed
within a second.
"""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from ..clock import Clock
from ..errors import SevenfoldError
from ..limits import (
    KEY_NAME_CHARS_MAX,
    KEY_OVERLAP_DEFAULT_MS,
    KEY_RECHECK_MS,
    KEY_USED_WRITE_MS,
    KEYS_ROWS_MAX,
    SOURCE_NAME_CHARS_MAX,
)
from .store import open_store

Kind = Literal["write", "api"]
Scope = Literal["read", "write", "admin"]
PREFIXES: Final[dict[Kind, str]] = {"write": "wk_", "api": "sk_"}
SCOPES: Final[tuple[Scope, ...]] = ("read", "write", "admin")
"""From the smallest; each includes those before it."""
_COLUMNS: Final = "id, kind, hint, name, source, scope, created, used, expires, revoked, replaces"


class KeyUnknownError(SevenfoldError):
    """There is no key with that id."""

    code = "not_found"


class KeyInvalidError(SevenfoldError):
    """A key cannot be made or changed in this way."""

    code = "key_invalid"


class Key(Struct, kw_only=True):
    """A key as it may be shown. `id` names it everywhere; `hint` is its readable prefix and last characters;
    times are ms UTC; `used` is when it was last used, to about a minute.
    """

    id: str
    kind: Kind
    hint: str
    name: str
    source: str | None
    scope: Scope | None
    created: int
    used: int | None = None
    expires: int | None = None
    revoked: int | None = None
    replaces: str | None = None

    def valid(self, now: int) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class Made(Struct, kw_only=True):
    """A new key: `secret` is shown this once and stored nowhere."""

    secret: str
    key: Key


class _Bucket:
    """Tokens of one key: `rate_per_s` a second, at most `burst`."""

    __slots__ = ("at", "left")

    def __init__(self, left: float, at: int) -> None:
        self.left, self.at = left, at


class Keys:
    """The keys of a data folder; in memory without one. Rates are requests a second (API keys) and events a
    second (write keys), each key for itself; `burst_s` seconds' worth may come at once.
    """

    def __init__(
        self,
        folder: Path | None,
        clock: Clock,
        *,
        api_rate_per_s: int = 100,
        write_rate_per_s: int = 1_000_000,
        burst_s: int = 2,
        store: sqlite3.Connection | None = None,
    ) -> None:
        self.store = open_store(folder) if store is None else store
        self.clock = clock
        self._rates: dict[Kind, int] = {"api": api_rate_per_s, "write": write_rate_per_s}
        self._burst_s = burst_s
        self._buckets: dict[str, _Bucket] = {}
        self._by_digest: dict[bytes, tuple[bytes, Key]] = {}
        self._unwritten: dict[str, int] = {}
        self._looked = 0
        self._version = -1
        self._refresh()

    # ----------------------------------------------------------------------------------------------- checking

    def source_of(self, write_key: str) -> str | None:
        """The source that a write key belongs to; nothing when it is none, revoked or expired."""
        found = self.find(write_key, "write")
        return found.source if found is not None else None

    def scopes_of(self, api_key: str) -> frozenset[Scope]:
        """What an API key allows: its scope and those below it; nothing when it is none."""
        found = self.find(api_key, "api")
        return frozenset() if found is None or found.scope is None else scopes_under(found.scope)

    def find(self, secret: str, kind: Kind) -> Key | None:
        """The valid key that a secret is, noting that it was used."""
        now = self.clock.now()
        if now - self._looked >= KEY_RECHECK_MS or now < self._looked:
            self._recheck(now)
        digest = sha256(secret.encode("utf-8", "surrogatepass")).digest()
        stored, key = self._by_digest.get(digest, (b"", None))
        if key is None or not hmac.compare_digest(stored, digest) or key.kind != kind or not key.valid(now):
            return None
        if key.used is None or now - key.used >= KEY_USED_WRITE_MS:
            key.used = now
            self._unwritten[key.id] = now
        return key

    def wait_s(self, key: Key, cost: int = 1) -> float:
        """Takes `cost` tokens of a key's bucket: 0 when there were enough, else how many seconds to wait (and
        takes none). A cost above the burst waits for a full bucket.
        """
        now, rate = self.clock.now(), self._rates[key.kind]
        full = float(rate * self._burst_s)
        bucket = self._buckets.get(key.id)
        if bucket is None:
            bucket = self._buckets[key.id] = _Bucket(full, now)
        bucket.left = min(full, bucket.left + max(0, now - bucket.at) * rate / 1_000)
        bucket.at = now
        wanted = min(float(cost), full)
        if bucket.left < wanted:
            return (wanted - bucket.left) / rate
        bucket.left -= cost
        return 0.0

    # ----------------------------------------------------------------------------------------------- changing

    def make_write_key(self, source: str, name: str = "", *, expires: int | None = None) -> Made:
        """A new key to write events of a source with. Raises KeyInvalidError."""
        if not source or len(source) > SOURCE_NAME_CHARS_MAX or not source.isprintable():
            raise KeyInvalidError(
                f"a source is named in 1 to {SOURCE_NAME_CHARS_MAX} printable characters", where="source"
            )
        return self._make("write", name or source, source, None, expires)

    def make_api_key(self, name: str, scope: Scope, *, expires: int | None = None) -> Made:
        """A new key for the API. Raises KeyInvalidError."""
        if scope not in SCOPES:
            raise KeyInvalidError(
                f"there is no scope `{scope}`", where="scope", fix=f"one of {', '.join(SCOPES)}"
            )
        return self._make("api", name, None, scope, expires)

    def rotate(self, id: str, overlap_ms: int = KEY_OVERLAP_DEFAULT_MS) -> Made:  # noqa: A002 - its name everywhere
        """A new key in place of an old one, which stays valid for `overlap_ms` yet. Raises KeyUnknownError,
        KeyInvalidError.
        """
        old = self.get(id)
        now = self.clock.now()
        if not old.valid(now):
            raise KeyInvalidError("a key that is not valid is not rotated", where="id", fix="make a new one")
        if overlap_ms < 0:
            raise KeyInvalidError("an overlap is not negative", where="overlap_ms")
        made = self._make(old.kind, old.name, old.source, old.scope, old.expires, old.id)
        ends = now + overlap_ms if old.expires is None else min(old.expires, now + overlap_ms)
        self.store.execute("UPDATE keys SET expires = ? WHERE id = ?", (ends, id))
        self._refresh()
        return made

    def revoke(self, id: str) -> Key:  # noqa: A002
        """A key opens nothing any more, from now on and for ever. Raises KeyUnknownError."""
        key = self.get(id)
        if key.revoked is None:
            self.store.execute("UPDATE keys SET revoked = ? WHERE id = ?", (self.clock.now(), id))
            self._refresh()
        return self.get(id)

    def get(self, id: str) -> Key:  # noqa: A002
        """A key by its id. Raises KeyUnknownError."""
        for key in self.list():
            if key.id == id:
                return key
        raise KeyUnknownError(f"there is no key `{id}`", where="id", fix="see the list of keys")

    def list(self, kind: Kind | None = None) -> list[Key]:
        """Every key, the newest first."""
        self._recheck(self.clock.now())
        found = [key for _, key in self._by_digest.values() if kind is None or key.kind == kind]
        return sorted(found, key=lambda key: (-key.created, key.id))

    def close(self) -> None:
        """Writes when keys were last used."""
        self._write_used()

    # ------------------------------------------------------------------------------------------------- inside

    def _make(
        self,
        kind: Kind,
        name: str,
        source: str | None,
        scope: Scope | None,
        expires: int | None,
        replaces: str | None = None,
    ) -> Made:
        now = self.clock.now()
        if not name or len(name) > KEY_NAME_CHARS_MAX or not name.isprintable():
            raise KeyInvalidError(
                f"a key is named in 1 to {KEY_NAME_CHARS_MAX} printable characters", where="name"
            )
        if expires is not None and expires <= now:
            raise KeyInvalidError("a key that has expired already opens nothing", where="expires")
        if len(self._by_digest) >= KEYS_ROWS_MAX:
            raise KeyInvalidError(f"there are {KEYS_ROWS_MAX} keys already", fix="use fewer")
        secret = PREFIXES[kind] + secrets.token_urlsafe(32)
        made = Key(
            id=f"key_{secrets.token_hex(6)}",
            kind=kind,
            hint=f"{secret[:3]}…{secret[-4:]}",
            name=name,
            source=source,
            scope=scope,
            created=now,
            expires=expires,
            replaces=replaces,
        )
        digest = sha256(secret.encode()).digest()
        values = (made.hint, name, source, scope, now, expires, replaces)
        self.store.execute(
            "INSERT INTO keys (id, kind, digest, hint, name, source, scope, created, expires, replaces)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (made.id, kind, digest, *values),
        )
        self._refresh()
        return Made(secret=secret, key=made)

    def _recheck(self, now: int) -> None:
        """Looks whether another process changed the store; writes when keys were used."""
        self._looked = now
        if self._unwritten:
            self._write_used()
        (version,) = self.store.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._refresh()

    def _refresh(self) -> None:
        self._looked = self.clock.now()
        (self._version,) = self.store.execute("PRAGMA data_version").fetchone()
        # The columns are a constant of this file.
        rows: Iterable[tuple[object, ...]] = self.store.execute(f"SELECT digest, {_COLUMNS} FROM keys")  # noqa: S608
        fresh: dict[bytes, tuple[bytes, Key]] = {}
        for digest, *values in rows:
            assert isinstance(digest, bytes)
            key = Key(**dict(zip(Key.__struct_fields__, values, strict=True)))  # type: ignore[arg-type]
            key.used = max(key.used or 0, self._unwritten.get(key.id, 0)) or None
            fresh[digest] = (digest, key)
        self._by_digest = fresh

    def _write_used(self) -> None:
        used, self._unwritten = self._unwritten, {}
        self.store.executemany(
            "UPDATE keys SET used = ? WHERE id = ?", [(at, id_) for id_, at in used.items()]
        )


def scopes_under(scope: Scope) -> frozenset[Scope]:
    """A scope and those that it includes."""
    return frozenset(SCOPES[: SCOPES.index(scope) + 1])
