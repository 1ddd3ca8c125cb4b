"""What providers and connected services call: `/hooks/{channel}` and `/in/{connector}`."""

from .routes import router

__all__ = ["router"]
