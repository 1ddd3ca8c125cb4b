"""The browser snippet and its service worker, served."""

from .http import router
from .source import page_script, push_worker

__all__ = ["page_script", "push_worker", "router"]
