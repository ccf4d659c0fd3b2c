"""Our own formats as importers: exports as Parquet, CSV and JSONL, and run files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from footprint.errors import LedgerError
from footprint.ledger.exchange.commas import is_commas, read_commas
from footprint.ledger.exchange.files import open_plain
from footprint.ledger.exchange.lines import is_lines, read_lines
from footprint.ledger.exchange.parquet import is_parquet, read_parquet
from footprint.ledger.exchange.registry import Importer, Incoming
from footprint.ledger.rows import Rows
from footprint.ledger.runfile import read_run_file


def _is_run_file(source: str) -> bool:
    path = Path(source)
    try:
        with open_plain(path) as file:
            head = file.read(4096)
    except (LedgerError, OSError):
        return False
    return path.suffix == ".json" and head.lstrip().startswith(b"{") and b'"started_at"' in head


def _run_file(source: str, stated: Mapping[str, str]) -> Incoming:  # noqa: ARG001 - an importer's signature
    return Incoming(runs=(read_run_file(Path(source)),))


def _rows(read: Callable[[Path], Rows]) -> Callable[[str, Mapping[str, str]], Incoming]:
    return lambda source, _: Incoming(rows=read(Path(source)))


def _is(looks: Callable[[Path], bool]) -> Callable[[str], bool]:
    return lambda source: looks(Path(source))


IMPORTERS: Final[tuple[Importer, ...]] = (
    Importer(name="parquet", what="an export as Parquet", recognises=_is(is_parquet), read=_rows(read_parquet)),
    Importer(name="csv", what="an export as CSV", recognises=_is(is_commas), read=_rows(read_commas)),
    Importer(name="jsonl", what="an export as JSON Lines", recognises=_is(is_lines), read=_rows(read_lines)),
    Importer(name="run", what="a run file that `record=` or --record wrote", recognises=_is_run_file, read=_run_file),
)
