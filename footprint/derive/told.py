"""A run in one line, for a person who has just waited for it."""

from __future__ import annotations

from contextlib import suppress

from footprint import text
from footprint.derive import run_footprint
from footprint.model import Run


def in_a_line(run: Run) -> str:
    """How long it took, how much it used and what that emitted; what cannot be derived is left out."""
    said = [text.duration(run.duration_s)]
    with suppress(Exception):  # the work has ended well: nothing of ours may follow it but a line
        footprint = run_footprint(run)
        energy, emissions = footprint.energy_kwh, footprint.emissions_g
        said.append(text.energy_range(energy.low, energy.central, energy.high) if energy else "energy unknown")
        mass = text.mass_range(emissions.low, emissions.central, emissions.high) if emissions else None
        said.append(f"{mass} CO2eq" if mass else "emissions unknown")
    return ", ".join(said)
