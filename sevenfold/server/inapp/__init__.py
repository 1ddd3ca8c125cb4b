"""Messages in the product: who a page speaks for, what it may show, what became of it."""

from .http import router
from .visitors import proof_of, proof_secret

__all__ = ["proof_of", "proof_secret", "router"]
