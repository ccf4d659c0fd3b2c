"""What benchmarks find: rows, as Markdown, and the file that keeps them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

RESULTS: Final = Path(__file__).with_name("RESULTS.md")
HEAD: Final = "| what | who | measured | target | met | peer / ours |\n|---|---|---|---|---|---|"

_TITLE: Final = """\
# Results of `make bench`

What we aim at and what we reach, beside what others reach in the same run, on the same machine. Misses stay in the table. Each
section says when and where it was measured; `python -m tests.benchmarks NAME` measures one again.
"""
_SECTION: Final = "## "


class Row(NamedTuple):
    """One tool's figure.

    Attributes:
        target: what ours aims at; empty where there is none, as for peers.
        is_met: whether it is reached; None where there is no target.
        ratio: what a peer needs (or gets wrong) in units of ours.
    """

    what: str
    who: str
    measured: str
    target: str = ""
    is_met: bool | None = None
    ratio: str = ""

    def __str__(self) -> str:
        met = {True: "yes", False: "**no**", None: ""}[self.is_met]
        return f"| {' | '.join(_cell(text) for text in (self.what, self.who, self.measured, self.target, met, self.ratio))} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def failed(what: str, who: str, why: object) -> Row:
    """A figure that could not be had, and the reason."""
    return Row(what, who, f"none: {why}")


def milliseconds(seconds: float) -> str:
    """A time as a person reads it."""
    return f"{seconds:.1f} s" if seconds >= 2 else f"{seconds * 1000:.0f} ms" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"


def times(peer: float, ours: float) -> str:
    """A peer's figure in units of ours."""
    if ours <= 0:
        return ""
    return f"{peer / ours:.0f} x" if peer >= 100 * ours else f"{peer / ours:.2g} x"


def percent(ratio: float) -> str:
    """A signed error."""
    return f"{100 * ratio:+.2f} %"


def medians(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {key: statistics.median(one[key] for one in found) for key in found[0]}


def keep(name: str, title: str, conditions: str, rows: Iterable[Row], *, order: Sequence[str]) -> None:
    """Put a section into RESULTS.md in the place of its last one.

    Args:
        name: the benchmark.
        title: what it is about.
        conditions: when, where and how often it was measured.
        order: the names of all benchmarks; sections of no such name are dropped.
    """
    sections: dict[str, str] = {}
    if RESULTS.exists():
        for text in RESULTS.read_text(encoding="utf-8").split(f"\n{_SECTION}")[1:]:
            sections[text.partition(":")[0]] = text.rstrip("\n")
    sections[name] = "\n".join([f"{name}: {title}", "", conditions, "", HEAD, *map(str, rows)])
    kept = [f"\n{_SECTION}{sections[one]}\n" for one in order if one in sections]
    RESULTS.write_text(_TITLE + "".join(kept), encoding="utf-8")
