"""Connectors: services whose webhooks, tables and files become events, and CRMs that are written back to."""
