"""Numbers that somebody states stand among the factors, so that they are listed and followed back like any other."""

from __future__ import annotations

from footprint.model import Factor


def stated(name: str, value: float, unit: str, by: str = "stated") -> Factor:
    """A stated number as an exact factor.

    Args:
        name: what it is of: `power`, `pue`, `intensity`, `energy`.
        value: the number.
        unit: its unit.
        by: who states it, as in `Place.known_by`.
    """
    return Factor(
        id=f"{name}.stated:{value:g}",
        low=value,
        central=value,
        high=value,
        unit=unit,
        source=by,
        year=None,
        licence="",
        basis="stated",
        grade="declared",
        error_family=f"{name}.stated",
    )
