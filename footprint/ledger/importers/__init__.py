"""Runs that other tools recorded: what the source knew, and what it did not."""

from __future__ import annotations

from typing import Final

from footprint.ledger.exchange.registry import Importer
from footprint.ledger.importers.billing import IMPORTER as BILLING
from footprint.ledger.importers.carbontracker import IMPORTER as CARBONTRACKER
from footprint.ledger.importers.codecarbon import IMPORTER as CODECARBON
from footprint.ledger.importers.mlflow import IMPORTER as MLFLOW
from footprint.ledger.importers.prometheus import IMPORTER as PROMETHEUS
from footprint.ledger.importers.sacct import IMPORTER as SACCT
from footprint.ledger.importers.wandb import IMPORTER as WANDB

IMPORTERS: Final[tuple[Importer, ...]] = (CODECARBON, CARBONTRACKER, SACCT, BILLING, MLFLOW, WANDB, PROMETHEUS)
"""The formats of other tools, in the order in which a source is shown to them."""
