"""The result of a run as one HTML page for a person to look at."""

from matcher.report.html import render_report

__all__ = ["render_report"]
