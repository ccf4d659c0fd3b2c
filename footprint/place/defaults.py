"""The defaults of a site: FOOTPRINT_REGION and FOOTPRINT_PUE, then `footprint.toml` of the project, the user and /etc.

The nearest level that names a region or zone decides the place. A PUE counts if it stands at that level or nearer: that of
another site never applies to it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from footprint.errors import ConfigError
from footprint.model import Place

FILE_NAME: Final = "footprint.toml"
SYSTEM_FILE: Final = Path("/etc") / FILE_NAME
KEYS: Final[dict[str, type | tuple[type, ...]]] = {
    "region": str,
    "zone": str,
    "pue": (int, float),
    "intensity_g_per_kwh": (int, float),
    "labels": dict,
    "ledger": dict,
}
LEDGER_KEYS: Final[dict[str, type | tuple[type, ...]]] = {"quota": str}
_PLACE_KEYS: Final = ("region", "zone", "intensity_g_per_kwh")
_LARGEST_BYTES: Final = 1_000_000


class _Level(msgspec.Struct, frozen=True):
    """What one level says: the name for messages, `Place.known_by`, and its values."""

    where: str
    known_by: str
    values: dict[str, Any]


def default_place(pue: float | None = None) -> Place | None:
    """The place that this site's defaults name; None if they name none.

    Args:
        pue: what was stated of the site, if anything: it goes before the PUE of the defaults.

    Raises:
        ConfigError: if a value cannot be used, naming the file or the variable.
    """
    alone = _resolved(_Level("pue", "stated", {}), pue=pue) if pue is not None else None
    for level in _levels():
        if pue is None and "pue" in level.values:
            pue = level.values["pue"]
            alone = _resolved(level, pue=pue)
        if any(key in level.values for key in _PLACE_KEYS):
            return _resolved(level, pue=pue, **{k: level.values.get(k) for k in _PLACE_KEYS})
    return alone


def default_quota() -> tuple[str, str] | None:
    """What the ledger may take, as it is stated in `[ledger]` of the nearest file that says so, and which that is.

    Raises:
        ConfigError: if a file cannot be used.
    """
    for level in _levels():
        stated = level.values.get("ledger", {}).get("quota")
        if stated is not None:
            return stated, f"{level.where}: quota of [ledger]"
    return None


def _resolved(level: _Level, **facts: Any) -> Place | None:
    from footprint.place.resolving import resolve  # loads the map: not for a site that names nothing

    try:
        return resolve(**facts, known_by=level.known_by)
    except ConfigError as error:
        raise ConfigError(f"{level.where}: {error}") from error


def _levels() -> Iterator[_Level]:
    """The levels that say something, nearest first."""
    region = os.environ.get("FOOTPRINT_REGION", "").strip()
    pue = os.environ.get("FOOTPRINT_PUE", "").strip()
    if pue:
        yield _Level("FOOTPRINT_PUE", "environment", {"pue": _number(pue)})
    if region:
        yield _Level("FOOTPRINT_REGION", "environment", {"region": region})
    for path in _files():
        values = _read(path)
        if values:
            yield _Level(str(path), "config", values)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"FOOTPRINT_PUE: {text[:40]!r} is not a number") from None


def _files() -> Iterator[Path]:
    """The files that may hold defaults: of the project (upward to its repository's root), the user and the system."""
    try:
        here = Path.cwd()
    except OSError:  # the working directory was removed
        here = None
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none
    for folder in (here, *here.parents) if here else ():
        if (folder / FILE_NAME).is_file():
            yield folder / FILE_NAME
            break
        if (folder / ".git").exists() or folder == home:
            break
    yield _users_config() / FILE_NAME
    yield SYSTEM_FILE


def _users_config() -> Path:
    """The user's folder for settings. On Linux by the rule of XDG, applied here: `platformdirs` loads a megabyte for it."""
    if sys.platform == "linux":
        stated = os.environ.get("XDG_CONFIG_HOME", "").strip()
        return Path(stated or os.path.expanduser("~/.config")) / "footprint"  # noqa: PTH111 - as above
    from platformdirs import user_config_path

    return user_config_path("footprint")


def _read(path: Path) -> dict[str, Any]:
    """The file's values, checked; nothing if there is no such file.

    Raises:
        ConfigError: if it cannot be read, or holds a key or a value that cannot be used.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
        if len(data) > _LARGEST_BYTES:
            raise ConfigError(f"{path}: larger than {_LARGEST_BYTES} bytes")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    import tomllib  # not for a program whose site says nothing

    try:
        values = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    _check(f"{path}:", values, KEYS)
    _check(f"{path}: [ledger]", values.get("ledger", {}), LEDGER_KEYS)
    return values


def _check(where: str, values: dict[str, Any], known: Mapping[str, type | tuple[type, ...]]) -> None:
    """Refuse a key that is not known, and a value that is not of its kind.

    Raises:
        ConfigError: if there is one.
    """
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{where} unknown key {key[:40]!r}; known are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, known[key]):
            raise ConfigError(f"{where} {key} is not of the right kind")
