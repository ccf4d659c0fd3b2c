"""Carbon intensity hour by hour: the series that a provider has for a zone, past or forecast.

Nothing here is asked unless somebody names it: `--intensity-from`, or `footprint when`. Each provider says what its figures are
(basis, licence, who to thank); no series mixes bases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.place.intensity.opening import default_provider, open_provider
    from footprint.place.intensity.series import Provider, Series, Slot

__all__ = ["Provider", "Series", "Slot", "default_provider", "open_provider"]

__getattr__ = lazily(
    __name__,
    {
        "Provider": "footprint.place.intensity.series",
        "Series": "footprint.place.intensity.series",
        "Slot": "footprint.place.intensity.series",
        "default_provider": "footprint.place.intensity.opening",
        "open_provider": "footprint.place.intensity.opening",
    },
)
