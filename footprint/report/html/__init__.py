"""Pages: a summary as a dashboard, a file each."""

from __future__ import annotations

from footprint.report.html.building import LIMIT_BYTES, MARKER, is_ours, safe_json
from footprint.report.html.dashboard import render

__all__ = ["LIMIT_BYTES", "MARKER", "is_ours", "render", "safe_json"]
