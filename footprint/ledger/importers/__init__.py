"""Runs that other tools recorded: what the source knew, and what it did not."""

from __future__ import annotations

from typing import Final

from footprint.ledger.exchange.registry import Importer

IMPORTERS: Final[tuple[Importer, ...]] = ()
"""The formats of other tools, in the order in which a source is shown to them."""
