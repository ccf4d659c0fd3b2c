"""Where a run runs: clouds, regions and grid zones by name, and the defaults of a site.

A tracked program that names no place asks for the site's default and no more: the map is loaded when a name has to be found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.place.defaults import default_place, default_quota
    from footprint.place.providers import find_provider, provider_name
    from footprint.place.resolving import resolve

__all__ = ["default_place", "default_quota", "find_provider", "provider_name", "resolve"]

__getattr__ = lazily(
    __name__,
    {
        "default_place": "footprint.place.defaults",
        "default_quota": "footprint.place.defaults",
        "find_provider": "footprint.place.providers",
        "provider_name": "footprint.place.providers",
        "resolve": "footprint.place.resolving",
    },
)
