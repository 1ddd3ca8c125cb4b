"""Signals: what a stream of events says about a subject, kept in O(1) an event."""
