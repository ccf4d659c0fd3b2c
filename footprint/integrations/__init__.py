"""Where people work: callbacks, magics, loggers and exporters. Each is a module that loads the framework it serves."""

from __future__ import annotations

from typing import Final

from footprint.errors import ConfigError

__all__ = ["MissingFrameworkError", "OldFrameworkError", "check_version"]

_RELEASE_PARTS: Final = 3


class MissingFrameworkError(ConfigError, ImportError):
    """The framework that an integration serves is not installed; says how to install it.

    Args:
        framework: what it is called.
        because: what was raised when it was imported.
        extra: ours that installs it, where that is called otherwise.
    """

    def __init__(self, framework: str, because: Exception, extra: str = "") -> None:
        install = f"pip install 'footprint[{extra or framework}]'"
        super().__init__(f"{framework} cannot be imported ({because}); to install it: {install}")


class OldFrameworkError(ConfigError, ImportError):
    """The framework is installed, and older than what the integration was written for; says how to renew it."""

    def __init__(self, framework: str, found: str, oldest: str) -> None:
        super().__init__(f"{framework} {found} is too old: {oldest} or newer is needed; pip install '{framework}>={oldest}'")


def check_version(framework: str, found: str, oldest: str) -> None:
    """Refuse a framework that is older than the oldest one served.

    Args:
        framework: its name for pip.
        found: its version, as it tells it itself; what cannot be read as one is let pass.
        oldest: the oldest one served.

    Raises:
        OldFrameworkError: if it is older.
    """
    there, needed = _release(found), _release(oldest)
    if there and there < needed:
        raise OldFrameworkError(framework, found, oldest)


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a version, without what is added to them: `2.13.0+cpu` is 2.13.0."""
    numbers = []
    for part in version.split("+", maxsplit=1)[0].split(".")[:_RELEASE_PARTS]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
