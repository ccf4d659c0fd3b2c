"""Which CPU a name means, and its rated power: exact match after normalising, never a likeness."""

from __future__ import annotations

import csv
import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from footprint.reference import tables

_NOT_A_NAME: Final = re.compile(r"\((?:r|tm|c)\)|[®™©]|\(.*?\)|@.*$|,?\s*\d+(?:\.\d+)?\s*ghz|with radeon.*$", re.IGNORECASE)
_FILLER: Final = re.compile(r"\b(?:\d+-core|\w+-core|processor|cpu|intel|amd)\b")
_NEWEST_ERA: Final = "2014"
_PLAUSIBLE_W: Final = (1.0, 1500.0)


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """A CPU model: rated watts a chip, and logical CPUs a chip where known. `era` names the fit that it belongs to."""

    name: str
    tdp_w: float
    source: str
    threads: int | None = None
    cores: int | None = None
    era: str = _NEWEST_ERA


def cpu_key(name: str) -> str:
    """A CPU's name in the form in which names are compared: no maker, marks, clock rate or core count."""
    plain = _FILLER.sub(" ", _NOT_A_NAME.sub(" ", name.lower()))
    plain = re.sub(r"[^a-z0-9]+", " ", plain).strip()
    return re.sub(r" 0$", "", plain)  # the first stepping: `E5-2660 0`


def find_cpu(name: str) -> Cpu | None:
    """The CPU of this name, exact after normalising: one that was measured in servers, else one of CodeCarbon's table."""
    wanted = cpu_key(name)
    row = _measured().get(wanted) if wanted else None
    if row:
        return Cpu(
            name=row["name"],
            tdp_w=float(row["central"]),
            source=tables.sources()[row["source"]]["title"],
            threads=int(row["threads"]),
            cores=int(row["cores"]),
            era=row["era"],
        )
    tdp_w = _codecarbon_tdps().get(wanted)
    return Cpu(name=name.strip(), tdp_w=tdp_w, source="CodeCarbon's table of CPUs (MIT)") if tdp_w else None


@lru_cache(maxsize=1)
def _measured() -> dict[str, tables.Row]:
    return {cpu_key(row["name"]): row for row in tables.table("cpus")}


@lru_cache(maxsize=1)
def _codecarbon_tdps() -> dict[str, float]:
    """CodeCarbon's TDPs by key, read from its file without importing it. Malformed and contradicting rows are left out."""
    spec = importlib.util.find_spec("codecarbon")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found: dict[str, set[float]] = {}
    for place in places[:1]:
        try:
            with (Path(place) / "data" / "hardware" / "cpu_power.csv").open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))[1:]
        except OSError:
            return {}
        for row in rows:
            tdp_w = _watts(row[1]) if len(row) == len(("Name", "TDP")) else None
            if tdp_w is not None:
                found.setdefault(cpu_key(row[0]), set()).add(tdp_w)
    return {name: next(iter(values)) for name, values in found.items() if name and len(values) == 1}


def _watts(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if _PLAUSIBLE_W[0] <= value <= _PLAUSIBLE_W[1] else None


def cpus_near(name: str) -> tuple[str, ...]:
    """Names of CPUs that are spelled like this one, for an error message."""
    import difflib

    known = {cpu_key(row["name"]): row["name"] for row in tables.table("cpus")}
    return tuple(known[form] for form in difflib.get_close_matches(cpu_key(name), known, n=4, cutoff=0.6))
