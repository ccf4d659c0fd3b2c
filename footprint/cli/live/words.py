"""A run that is being recorded, in words: plain ASCII, so that any terminal and any locale shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from footprint import text
from footprint.model import Coverage
from footprint.watching import Row

UNKNOWN: Final = "unknown"
_SHORT: Final = {"accelerators": "GPU", "accelerator": "GPU", "cpu": "CPU", "memory": "memory", "rest": "rest"}


def ascii_of(told: str) -> str:
    """The same in ASCII; what has no such character is a question mark."""
    plain = told.replace("µ", "u").replace("–", "-").replace("…", "...").replace("×", "x")
    return plain.encode("ascii", "replace").decode()


def power(row: Row) -> str:
    """`312 W`."""
    return text.power(row.power_w) if row.power_w is not None else UNKNOWN


def energy(row: Row) -> str:
    """`1.2 kWh`, so far."""
    return text.energy(row.energy_kwh.central) if row.energy_kwh else UNKNOWN


def emissions(row: Row, *, with_range: bool = False) -> str:
    """`45 g (40-52)`, so far; why not, where that is not known."""
    mass = row.emissions_g
    if mass is None:
        is_place = row.energy_kwh is not None and any("place" in reason for reason in row.unknown)
        return "place unknown" if is_place else UNKNOWN
    told = text.mass_range(mass.low, mass.central, mass.high, dash="-") if with_range else text.mass(mass.central)
    return ascii_of(told)


def done(row: Row) -> str:
    """`34 %`; nothing where the program says nothing."""
    return text.percent(row.done / row.total) if row.done is not None and row.total else ""


def ends(row: Row) -> str:
    """`14:32`, or with its day where that is another: local time; nothing where it is not foreseen."""
    if row.ends_at is None:
        return ""
    at = datetime.fromisoformat(row.ends_at.central).astimezone()
    is_today = at.date() == datetime.now(UTC).astimezone().date()
    return at.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M")


def coverage(parts: Sequence[Coverage]) -> str:
    """`CPU counter, memory model 80 %`: how each part is known, and of how much of the time where not of all."""
    told = []
    for one in parts:
        share = "" if one.read_ratio >= 0.995 or one.grade is None else f" {text.percent(one.read_ratio)}"  # noqa: PLR2004 - rounds to all
        told.append(f"{_SHORT.get(one.component, one.component)} {one.grade or UNKNOWN}{share}")
    return ", ".join(told)


def line(row: Row) -> list[str]:
    """What a line says of a run, the most wanted first: it may be cut behind any part."""
    parts = [
        power(row) if row.power_w is not None else "power unknown",
        energy(row) if row.energy_kwh else "energy unknown",
        emissions(row, with_range=True) + (" CO2eq" if row.emissions_g else "" if row.energy_kwh else " emissions"),
    ]
    if told := done(row):
        whole = f", {ascii_of(text.mass(row.whole_emissions_g.central))} CO2eq in all" if row.whole_emissions_g else ""
        foreseen = f" (ends {ends(row)}{whole})" if row.ends_at else " (end not foreseen yet)"
        parts.append(told + foreseen)
    if row.coverage:
        parts.append(coverage(row.coverage))
    return [*parts, text.duration(row.at_s) if row.at_s else "0 s"]


def fitted(parts: Sequence[str], width: int, *, before: str = "footprint: ") -> str:
    """As many parts as a line of so many characters takes, whole ones."""
    told = before + parts[0]
    for part in parts[1:]:
        if len(told) + len(part) + 2 > width:
            break
        told += f", {part}"
    return told[: max(0, width)]
