"""The errors a user can meet, all in one file.

Every error says what happened, where, and how to put it right, and carries a stable snake_case `code` that
programs may rely on. Code that catches `SevenfoldError` catches everything Sevenfold raises on purpose;
anything else is a defect.
"""

from __future__ import annotations


class SevenfoldError(Exception):
    """Something Sevenfold can explain.

    `message` says what happened, `where` the file, line, field or position, `fix` what to do about it.
    """

    code = "sevenfold_error"

    def __init__(self, message: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.fix})" if self.fix else text

    def to_json(self) -> dict[str, str]:
        """The one shape in which errors leave the process; `where` and `fix` only when known."""
        shape = {"code": self.code, "message": self.message}
        if self.where:
            shape["where"] = self.where
        if self.fix:
            shape["fix"] = self.fix
        return shape


class SettingsError(SevenfoldError):
    """A setting has a value that cannot be used."""

    code = "settings_invalid"


class InputError(SevenfoldError):
    """An input file or table cannot be read."""

    code = "input_unreadable"


class MappingError(SevenfoldError):
    """A mapping file does not say, in a way we understand, how rows become events."""

    code = "mapping_invalid"


class LogError(SevenfoldError):
    """The log refused a request that makes no sense, such as reading before its start."""

    code = "log_refused"


class LogUnwritableError(LogError):
    """The log cannot be written: the disk is full, the folder read-only, or another process owns it."""

    code = "log_unwritable"


class LogDamagedError(LogError):
    """A stored record does not read back as it was written."""

    code = "log_damaged"


class ControlError(SevenfoldError):
    """A control record asks for something the fold does not know."""

    code = "bad_control"
