"""Our own formats as importers: exports as Parquet, CSV and JSONL, and run files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from footprint.ledger.exchange.registry import Importer, Incoming
from footprint.ledger.runfile import read_run_file


def _is_run_file(source: str) -> bool:
    path = Path(source)
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except (OSError, ValueError):
        return False
    return path.suffix == ".json" and head.lstrip().startswith(b"{") and b'"started_at"' in head


def _run_file(source: str, stated: Mapping[str, str]) -> Incoming:  # noqa: ARG001 - an importer's signature
    return Incoming(runs=(read_run_file(Path(source)),))


IMPORTERS: Final[tuple[Importer, ...]] = (
    Importer(name="run", what="a run file that `record=` or --record wrote", recognises=_is_run_file, read=_run_file),
)
