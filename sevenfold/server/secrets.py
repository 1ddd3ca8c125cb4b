"""Secrets: references that are looked up late, and the key that the service signs its own links and tokens
with.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from ..errors import SettingsError
from ..settings import environment

SECRET_FILE: Final = "secret.key"  # noqa: S105 - a file name
_SECRET_BYTES: Final = 32
_FILE_BYTES_MAX: Final = 64 * 1024
"""A file that a reference names: a private key, a service account."""


def look_up(reference: str, variables: Mapping[str, str] | None = None) -> str:
    """The secret behind `env:NAME` or `file:PATH`, without the line's end. Raises SettingsError, which names
    the reference and never what it holds.
    """
    kind, _, name = reference.partition(":")
    fix = "write `env:NAME` or `file:PATH`"
    if kind == "env" and name:
        found = environment(variables).get(name)
        if not found:
            raise SettingsError("the variable is not set", where=reference, fix=f"set {name}")
        return found
    if kind == "file" and name:
        try:
            with Path(name).open(encoding="utf-8") as file:
                text = file.read(_FILE_BYTES_MAX + 1)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise SettingsError(f"the secret cannot be read: {why}", where=reference, fix=fix) from error
        if len(text) > _FILE_BYTES_MAX:
            raise SettingsError("the file is too large for a secret", where=reference, fix=fix)
        return text.strip("\r\n")
    raise SettingsError("this is no reference to a secret", where=reference[:8] + "…", fix=fix)


class SecretBox:
    """The service's own secret, and keys made of it, one for each purpose: what is signed for one is
    worthless for another.
    """

    def __init__(self, secret: bytes) -> None:
        assert len(secret) >= _SECRET_BYTES
        self._secret = secret

    @classmethod
    def of_folder(cls, folder: Path) -> SecretBox:
        """That of a data folder, made at the first start and readable by its owner only. Raises
        SettingsError.
        """
        path = folder / SECRET_FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                pass
            else:
                with os.fdopen(made, "wb") as file:
                    file.write(secrets.token_hex(_SECRET_BYTES).encode())
                    file.flush()
                    os.fsync(file.fileno())
            held = bytes.fromhex(path.read_text().strip())
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else "") or "it is damaged"
            fix = "restore it from a backup; without it links in sent messages stop working"
            raise SettingsError(
                f"the service's secret cannot be used: {why}", where=str(path), fix=fix
            ) from error
        if len(held) < _SECRET_BYTES:
            raise SettingsError("the service's secret is too short", where=str(path), fix="restore it")
        return cls(held)

    def key(self, purpose: str) -> bytes:
        """The key for one purpose: 32 bytes (HMAC-SHA256 of the purpose)."""
        return hmac.new(self._secret, purpose.encode(), sha256).digest()
