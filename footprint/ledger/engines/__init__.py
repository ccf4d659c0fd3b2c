"""Where questions are answered: DuckDB here, PostgreSQL, Parquet on an object store, Spark; each question has one text."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from footprint.errors import ConfigError
from footprint.ledger.engines.engine import Answer, Engine

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Answer", "Engine", "open_ledger"]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_MODULES: Final = {"postgresql": "postgres", "postgres": "postgres", "spark": "spark"}
"""Modules of this package by scheme, each with a function `opened(where)`; any other `scheme://` is a file system's."""


def open_ledger(where: str | Path | None = None) -> Engine:
    """The engine over a ledger; to be closed, or used as a context.

    Args:
        where: None for the user's own; the folder of one; `postgresql://…`; a file system's address that fsspec knows
            (`s3://…`, `file://…`, `memory://…`); `spark:` and a folder or address.

    Raises:
        ConfigError: if there is no such engine, or what it needs is not installed.
        LedgerError: if the ledger cannot be opened.
    """
    stated = "" if where is None else str(where)
    scheme = _SCHEME.match(stated)
    if scheme is None or not (scheme[1].lower() in _MODULES or stated[scheme.end() :].startswith("//")):
        return _opened("duck", stated or None)
    return _opened(_MODULES.get(scheme[1].lower(), "remote"), stated)


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
