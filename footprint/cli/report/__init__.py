"""`footprint report`: what is asked for, how it is chosen, and where it goes."""

from __future__ import annotations

from footprint.cli.report.command import report

__all__ = ["report"]
