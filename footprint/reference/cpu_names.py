"""Which CPU a name means, and its rated power: an exact match after normalising, never a likeness.

Names are those that the operating system prints (`/proc/cpuinfo`, `lscpu`, `sysctl machdep.cpu.brand_string`). Two tables
know them: `data/cpus.csv`, whose rows also tell cores and logical CPUs, goes before CodeCarbon's (4,918 rows of name and
watts, read from its file without importing it). A name that no row has is unknown, and stays so:

- A hypervisor may print a model of its own (`Intel(R) Xeon(R) CPU @ 2.20GHz`, `AMD EPYC`, `QEMU Virtual CPU`).
- On Arm the kernel knows the design of the core, which many chips share; `footprint.meters.arm` names the chip where the
  firmware says whose machine it is.
"""

from __future__ import annotations

import csv
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from footprint.model import Grade
from footprint.reference import tables
from footprint.reference.editions import remembered

_MARKS: Final = re.compile(r"\((?:r|tm|c)\)|[®™©]|\([^()]*\)|@.*$|,?\s*\d+(?:\.\d+)?\s*ghz", re.IGNORECASE)
_GRAPHICS: Final = re.compile(r"(?:\b(?:with|w/)\s*)?\bradeon\b.*$", re.IGNORECASE)
_MAKER: Final = re.compile(r"\b(?:intel|amd)\b")
_FILLER: Final = re.compile(r"\b(?:\d+(?:th|rd|nd) gen|(?:\d+|[a-z]+)-cores?|processor|cpu|apu)\b")
_GLUED: Final = ((re.compile(r"(?<=\d)v(?=\d$)"), " v"), (re.compile(r"\bcore2\b"), "core 2"))
_FIRST_STEPPING: Final = re.compile(r"\b(e[357] \d{4}l?) 0$")  # `E5-2660 0`
_PLAUSIBLE_W: Final = (1.0, 1500.0)
_LONGEST_NAME: Final = 200

_MASKED: Final = re.compile(r"(?:qemu|kvm|common kvm|virtual)\b")
_DESIGNS: Final = re.compile(r"(?:cortex|neoverse|ampere-1a?)\b", re.IGNORECASE)
# Rows of CodeCarbon's table that name no chip (`Cortex-A72` is in a board of 4 cores and in servers of 16), or whose maker
# publishes no rated power (Apple; one of the rows is of a chip that was never sold), or whose rated power is cut to whole watts
# (Core M and Y: 4 of 4.5 W).
_NOT_TAKEN: Final = re.compile(r"(?:apple|cortex|intel core (?:m\d?|i[57]-7y\d+))\b", re.IGNORECASE)


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """A CPU model: rated watts a chip with their range, and logical CPUs a chip where known.

    `low_w` and `high_w` differ from `tdp_w` where the maker publishes nothing, and `grade` is then `assumed`. `threads` are
    the logical CPUs that one chip shows in the machines that it is sold in. `year` is when it came out, or was measured.
    """

    name: str
    tdp_w: float
    low_w: float
    high_w: float
    source: str
    grade: Grade = "declared"
    threads: int | None = None
    cores: int | None = None
    year: int | None = None
    note: str = ""


def cpu_key(name: str) -> str:
    """A CPU's name in the form in which names are compared: no maker, marks, clock rate, core count or graphics.

    A number alone names no chip (`6140` is an Opteron and a Xeon): then the maker stays in (`intel n100`).
    """
    text = _GRAPHICS.sub("", _MARKS.sub(" ", name[:_LONGEST_NAME].lower()))
    text = _FILLER.sub(" ", text)
    named = _plain(text)
    short = _plain(_MAKER.sub(" ", text))
    key = short if " " in short else named
    for pattern, replacement in _GLUED:
        key = pattern.sub(replacement, key)
    return _FIRST_STEPPING.sub(r"\1", key)


def find_cpu(name: str) -> Cpu | None:
    """The CPU of this name, exact after normalising: one of our table, else one of CodeCarbon's."""
    wanted = cpu_key(name)
    row = _ours().get(wanted)
    if row:
        return Cpu(
            name=row["name"],
            tdp_w=float(row["central"]),
            low_w=float(row["low"]),
            high_w=float(row["high"]),
            source=tables.sources()[row["source"]]["title"],
            grade=tables.factor(row).grade,
            threads=int(row["threads"]),
            cores=int(row["cores"]),
            year=int(row["year"]),
            note=row["note"],
        )
    known = codecarbon_table().rows.get(wanted)
    if known is None:
        return None
    return Cpu(
        name=known.name, tdp_w=known.tdp_w, low_w=known.tdp_w, high_w=known.tdp_w, source="CodeCarbon's table of CPUs (MIT)"
    )


def unnamed(name: str) -> str | None:
    """Why a name cannot mean one chip, as half a sentence; None where it could (and may just not be in the tables)."""
    if _DESIGNS.match(name):
        return "a design of cores that many chips have"
    key = cpu_key(name)
    if _MASKED.match(key) or not any(character.isdigit() for character in key):
        return "a name that a hypervisor gives without the model"
    return None


def cpus_near(name: str) -> tuple[str, ...]:
    """Names of CPUs that are spelled like this one, for an error message; none where the name means no single chip."""
    import difflib

    wanted = cpu_key(name)
    if unnamed(name):
        return ()
    known = {key: row.name for key, row in codecarbon_table().rows.items()} | {key: row["name"] for key, row in _ours().items()}
    return tuple(known[form] for form in difflib.get_close_matches(wanted, known, n=4, cutoff=0.7))


class CodeCarbonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A CPU of CodeCarbon's table: its name as printed there, rated watts a chip."""

    name: str
    tdp_w: float


class CodeCarbonTable(msgspec.Struct, frozen=True, kw_only=True):
    """CodeCarbon's table by key, and the rows that were refused, each with why."""

    rows: Mapping[str, CodeCarbonRow]
    refused: Mapping[str, str]


@remembered
def codecarbon_table() -> CodeCarbonTable:
    """CodeCarbon's table of CPUs, read from its file without importing it; empty where CodeCarbon is not installed.

    Refused are rows without a plausible number (`27.29.5`), rows that contradict one another, and rows that name no chip.
    """
    found: dict[str, dict[float, str]] = {}
    refused: dict[str, str] = {}
    for row in _codecarbon_lines():
        name = row[0].strip() if row else ""
        tdp_w = _watts(row[1]) if len(row) == len(("Name", "TDP")) else None
        key = cpu_key(name)
        if tdp_w is None:
            refused[name] = f"{', '.join(row[1:])[:40]!r} is no number of watts"
        elif " " not in key or not any(character.isdigit() for character in key):
            refused[name] = "names no chip"
        elif _NOT_TAKEN.match(name):
            refused[name] = "names no chip, or one whose rated power is not published or not told"
        else:
            found.setdefault(key, {}).setdefault(tdp_w, name)
    for several in found.values():
        if len(several) > 1:
            refused |= dict.fromkeys(several.values(), f"rows contradict one another: {', '.join(map(str, several))} W")
    single = {key: next(iter(one.items())) for key, one in found.items() if len(one) == 1}
    rows = {key: CodeCarbonRow(name=name, tdp_w=tdp_w) for key, (tdp_w, name) in single.items()}
    return CodeCarbonTable(rows=rows, refused=refused)


def _codecarbon_lines() -> list[list[str]]:
    spec = importlib.util.find_spec("codecarbon")
    for place in list(spec.submodule_search_locations or ())[:1] if spec else []:
        try:
            with (Path(place) / "data" / "hardware" / "cpu_power.csv").open(encoding="utf-8", newline="") as file:
                return list(csv.reader(file))[1:]
        except (OSError, UnicodeDecodeError, csv.Error):
            return []
    return []


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text).strip()


def _watts(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if _PLAUSIBLE_W[0] <= value <= _PLAUSIBLE_W[1] else None


@remembered
def _ours() -> dict[str, tables.Row]:
    return {cpu_key(row["name"]): row for row in tables.table("cpus")}
