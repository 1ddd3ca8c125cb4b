"""Sevenfold: a self-hosted customer-journey platform whose engine is a fold over an event log.

    import sevenfold as sf

    result = sf.replay(sf.load("seven-stage"), events)

docs/tutorial.md shows what goes in and what comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sevenfold.errors import SevenfoldError
    from sevenfold.foretelling import Learned, predict, train
    from sevenfold.library import Result, load, replay

_HOMES = {
    "load": "library", "replay": "library", "Result": "library", "SevenfoldError": "errors",
    "train": "foretelling", "predict": "foretelling", "Learned": "foretelling",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # Loaded when asked for: the parts of the package import each other through here.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"sevenfold.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sevenfold' has no attribute {name!r}")


__all__ = ["Learned", "Result", "SevenfoldError", "load", "predict", "replay", "train"]
