"""Where questions are answered: DuckDB here, PostgreSQL, Parquet on an object store, Spark; each question has one text."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.engines.engine import Answer, Engine
from footprint.text import clean

__all__ = ["Answer", "Engine", "open_ledger"]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_MODULES: Final = {"postgresql": "postgres", "postgres": "postgres", "spark": "spark"}
"""Modules of this package by scheme, each with a function `opened(where)`; any other `scheme://` is a file system's."""
_FILE: Final = "file://"


def open_ledger(where: str | Path | None = None) -> Engine:
    """The engine over a ledger; to be closed, or used as a context.

    Args:
        where: None for the user's own; the folder of a ledger, of what was pushed or of an export; `postgresql://…`; a file
            system's address that fsspec knows (`s3://…`, `file://…`, `memory://…`); `spark:` and a folder or address.

    Raises:
        ConfigError: if there is no such engine, or what it needs is not installed.
        LedgerError: if the ledger cannot be opened.
    """
    stated = "" if where is None else str(where)
    scheme = _SCHEME.match(stated)
    if scheme is None or not (scheme[1].lower() in _MODULES or stated[scheme.end() :].startswith("//")):
        return _opened("duck", None) if not stated else _of_folder(stated)
    if stated.lower().startswith(_FILE) and is_home(Path(stated[len(_FILE) :])):
        return _opened("duck", stated[len(_FILE) :])
    return _opened(_MODULES.get(scheme[1].lower(), "remote"), stated)


def is_home(folder: Path) -> bool:
    """Whether recorders write into a folder, or compaction did: it has journals or archived batches."""
    return any(folder.glob("runs/**/*.jsonl")) or any(folder.glob("archive/*/manifest.json"))


def as_address(stated: str) -> str:
    """The folder that a person names as an address of files."""
    return _FILE + os.path.abspath(os.path.expanduser(stated))  # noqa: PTH100, PTH111 - Path's raise where there is no account


def _of_folder(stated: str) -> Engine:
    """A folder by what is in it: another's home, what was pushed, or an export."""
    address = as_address(stated)
    folder = Path(address.removeprefix(_FILE))
    try:
        next(folder.iterdir(), None)
    except (FileNotFoundError, NotADirectoryError):
        raise LedgerError(f"there is no ledger at {clean(stated, limit=400)}: it is no folder") from None
    except OSError as error:
        raise LedgerError(f"the ledger at {clean(stated, limit=400)} cannot be read: {error.strerror}") from None
    if not is_home(folder) and (any(folder.glob("batches/*/manifest.json")) or (folder / "manifest.json").is_file()):
        return _opened("remote", address)
    if not is_home(folder) and not ((folder / "runs").is_dir() or (folder / "archive").is_dir()):
        raise LedgerError(
            f"{clean(stated, limit=400)} holds no ledger: name a folder that is FOOTPRINT_HOME for somebody, "
            "or what `footprint ledger push` or `footprint runs export` made"
        )
    return _opened("duck", str(folder))


def _opened(module: str, where: str | None) -> Engine:
    name = f"{__name__}.{module}"
    try:
        opened: Any = import_module(name).opened
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ConfigError(f"--ledger: this version of footprint has no engine {module!r}") from None
    engine: Engine = opened(where)
    return engine


def in_dialect(sql: str, dialect: str) -> str:
    """A question in another dialect of SQL (`postgres`, `spark`).

    Raises:
        ConfigError: if sqlglot is not installed.
    """
    try:
        import sqlglot
    except ModuleNotFoundError:
        raise ConfigError('a ledger elsewhere needs sqlglot: pip install "footprint[fleet]"') from None
    (translated,) = sqlglot.transpile(sql, read="duckdb", write=dialect)
    return translated
