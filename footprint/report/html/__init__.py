"""Pages: a summary as a dashboard, a file each."""

from __future__ import annotations

from footprint.report.html.building import LIMIT_BYTES, MARKER, is_ours, safe_json
from footprint.report.html.dashboard import render
from footprint.report.html.plotly_js import Assets, folder_files
from footprint.report.html.run import render_run

__all__ = ["LIMIT_BYTES", "MARKER", "Assets", "folder_files", "is_ours", "render", "render_run", "safe_json"]
