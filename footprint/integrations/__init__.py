"""Where people work: callbacks, magics and exporters. Each is a module of its own, which loads the framework that it serves."""

from __future__ import annotations

from footprint.errors import ConfigError

__all__ = ["MissingFrameworkError"]


class MissingFrameworkError(ConfigError, ImportError):
    """The framework that an integration serves is not installed; says how to install it."""

    def __init__(self, framework: str, because: Exception) -> None:
        super().__init__(f"{framework} cannot be imported ({because}); to install it: pip install 'footprint[{framework}]'")
