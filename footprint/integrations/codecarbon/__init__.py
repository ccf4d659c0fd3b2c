"""For who uses CodeCarbon: its trackers by the same names and keywords, measured by us; and its own runs in our ledger.

::

    from footprint.integrations.codecarbon import OfflineEmissionsTracker  # instead of: from codecarbon import …

    with OfflineEmissionsTracker(country_iso_code="FRA") as tracker:
        train()

- `EmissionsTracker`, `OfflineEmissionsTracker`, `track_emissions`, `track_task_emissions`: each tracker's run is one of our
  ledger, and a row of `emissions.csv` with CodeCarbon's columns, kilograms and kilowatt-hours. They load nothing of CodeCarbon.
- `LedgerOutput` is a handler for CodeCarbon's own trackers, which writes their runs into our ledger.
"""

from __future__ import annotations

from footprint.integrations.codecarbon.output import LedgerOutput
from footprint.integrations.codecarbon.totals import EmissionsData, TaskEmissionsData
from footprint.integrations.codecarbon.tracker import (
    EmissionsTracker,
    OfflineEmissionsTracker,
    track_emissions,
    track_task_emissions,
)

__all__ = [
    "EmissionsData",
    "EmissionsTracker",
    "LedgerOutput",
    "OfflineEmissionsTracker",
    "TaskEmissionsData",
    "track_emissions",
    "track_task_emissions",
]
