"""The past of signals that a running service was given later: worked out beside it, brought in as records."""

from .bringing import Bringing

__all__ = ["Bringing"]
