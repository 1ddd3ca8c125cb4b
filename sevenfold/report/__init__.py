"""A replay for people: the HTML report, and the same figures in the terminal."""

from __future__ import annotations

from sevenfold.report.html import write_report
from sevenfold.report.terminal import print_explanation, print_summary

__all__ = ["print_explanation", "print_summary", "write_report"]
