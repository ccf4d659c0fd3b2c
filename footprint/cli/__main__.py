"""`python -m footprint.cli`."""

from __future__ import annotations

from footprint.cli import main

main()
