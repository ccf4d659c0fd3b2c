"""footprint: the carbon and compute account of machine-learning work.

    import footprint

    with footprint.track("finetune", kind="fine-tuning", region="aws:eu-west-1", card="README.md") as run:
        train()
    run.footprint.emissions_g

Importing this package loads nothing heavy: a name's module is loaded when the name is first used.
"""

from __future__ import annotations

# Loaded before msgspec loads it: where Ctrl-C interrupts that, msgspec can be imported again, and then crashes.
import datetime as _datetime  # noqa: F401, ICN001 - only to be there, and no name of ours
from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.card import Card, read_card
    from footprint.derive import estimate, estimate_many, runs
    from footprint.errors import FootprintError
    from footprint.model import Footprint, Range, Run
    from footprint.tracking import track

__version__ = "0.1.0"

__all__ = [
    "Card",
    "Footprint",
    "FootprintError",
    "Range",
    "Run",
    "__version__",
    "estimate",
    "estimate_many",
    "read_card",
    "runs",
    "track",
]

__getattr__ = lazily(
    __name__,
    {
        "Card": "footprint.card",
        "Footprint": "footprint.model",
        "FootprintError": "footprint.errors",
        "Range": "footprint.model",
        "Run": "footprint.model",
        "estimate": "footprint.derive",
        "estimate_many": "footprint.derive",
        "load_ipython_extension": "footprint.integrations.ipython",  # what `%load_ext footprint` looks for; no name to be used
        "read_card": "footprint.card",
        "runs": "footprint.derive",
        "track": "footprint.tracking",
        "unload_ipython_extension": "footprint.integrations.ipython",
    },
)


def __dir__() -> list[str]:
    return list(__all__)
