"""Parquet for what is over: journals whose runs have all ended, in batches that are written once and verified.

A batch is a folder `archive/<batch id>/` with a file for each table and a `manifest.json`. It is made in `.tmp-<batch id>`,
synced, read back, and counts from the one rename on that gives it its name; only then is what it replaces deleted. Readers
leave out the journals and batches that a batch replaces, so a crash between any two steps changes no total.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.ledger.archive.manifest import Archives, Batch, batches, damage, read_archives

__all__ = ["Archives", "Batch", "batches", "damage", "read_archives"]

__getattr__ = lazily(__name__, dict.fromkeys(__all__, "footprint.ledger.archive.manifest"))
