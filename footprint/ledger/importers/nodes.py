"""SLURM's short words: lists of nodes (`node[01-04,7]`) and what a job was given (`cpu=64,gres/gpu:a100=8,node=2`)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from footprint.errors import LedgerError
from footprint.ledger.importers.sources import number

_MOST_NODES: Final = 100_000
_PIECE: Final = re.compile(r"((?:[^,\[\]]|\[[^\[\]]*\])+)(?:,|$)")
_BRACKETS: Final = re.compile(r"([^\[\]]*)\[([^\[\]]*)\](.*)")
_SPAN: Final = re.compile(r"(\d+)(?:-(\d+))?")
_NONE: Final = {"", "None assigned", "(null)", "Unknown"}


class Resources(NamedTuple):
    """What a job was given; None is what is not told."""

    cpus: float | None = None
    nodes: float | None = None
    gpus: int | None = None
    gpu_type: str | None = None


def names_in(text: str, where: str) -> tuple[str, ...]:
    """The nodes of a list.

    Raises:
        LedgerError: if it is none, or names more nodes than any machine has.
    """
    if text in _NONE:
        return ()
    pieces = _PIECE.findall(text)
    if ",".join(pieces) != text.rstrip(","):
        raise LedgerError(f"{where}: NodeList is {text[:60]!r}, which is no list of nodes")
    found: list[str] = []
    for piece in pieces:
        found += _spread(piece, where)
        if len(found) > _MOST_NODES:
            raise LedgerError(f"{where}: NodeList names more than {_MOST_NODES:,} nodes")
    return tuple(found)


def _spread(piece: str, where: str) -> list[str]:
    parts = _BRACKETS.fullmatch(piece)
    if parts is None:
        return [piece]
    found: list[str] = []
    for span in parts[2].split(","):
        ends = _SPAN.fullmatch(span)
        if ends is None:
            raise LedgerError(f"{where}: NodeList holds {piece[:60]!r}, which is no list of nodes")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if not 0 <= last - first < _MOST_NODES:
            raise LedgerError(f"{where}: NodeList holds {piece[:60]!r}, which is no list of nodes")
        found += [f"{parts[1]}{one:0{len(ends[1])}d}" for one in range(first, last + 1)]
    return [name for head in found for name in _spread(head + parts[3], where)] if parts[3] else found


def resources(text: str, where: str) -> Resources:
    """What `AllocTRES` says.

    Raises:
        LedgerError: if a count in it is none.
    """
    if not text:
        return Resources()
    told: dict[str, str] = {}
    for item in text.split(","):
        name, equals, value = item.partition("=")
        if not equals:
            raise LedgerError(f"{where}: AllocTRES holds {item[:40]!r}: the line is torn")
        told[name] = value
    typed = {name.partition(":")[2]: value for name, value in told.items() if name.startswith("gres/gpu:")}
    every = number(told["gres/gpu"], "gres/gpu", where) if "gres/gpu" in told else None
    counts = {name: number(value, f"gres/gpu:{name}", where) for name, value in typed.items()}
    gpus = every if every is not None else sum(counts.values()) if counts else None
    return Resources(
        cpus=number(told["cpu"], "cpu", where) if "cpu" in told else None,
        nodes=number(told["node"], "node", where) if "node" in told else None,
        gpus=int(gpus) if gpus else None,
        gpu_type=next(iter(typed)) if len(typed) == 1 else None,
    )
