"""`python -m footprint`."""

from __future__ import annotations

from footprint.cli import main

main()
