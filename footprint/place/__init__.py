"""Where a run runs: clouds, regions and grid zones by name, and the defaults of a site."""

from footprint.place.defaults import default_place
from footprint.place.providers import find_provider, provider_name
from footprint.place.resolve import resolve

__all__ = ["default_place", "find_provider", "provider_name", "resolve"]
