"""Sevenfold: a self-hosted customer-journey platform whose engine is a fold over an event log."""

__version__ = "0.1.0"
