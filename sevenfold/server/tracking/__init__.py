"""What people and mailboxes call: links, the pixel, unsubscribing, preferences, confirmations,
recommendations.
"""

from .routes import router

__all__ = ["router"]
