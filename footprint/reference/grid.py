"""Carbon intensity of a place's electricity: life-cycle and location-based, with the direct figure beside it.

The finest zone that has a figure goes first. Where it has only a direct one (eGRID, states, provinces), what life-cycle has
over direct in its nation is added; where the nation has no direct figure either, the mean of that difference over the
nations that have both. Then the basis is `life-cycle, estimated`. Every step taken is in `Intensity.chain`.
"""

from __future__ import annotations

import math

import msgspec

from footprint.model import Basis, Factor, Place
from footprint.reference import evidence, tables
from footprint.reference.editions import remembered
from footprint.reference.statements import stated
from footprint.reference.triples import Triple, added, stretched, widened

_MARKET_YEARS = 1
"""A residual mix is the mix of its year: it stands for a neighbouring year at most."""

_LEAST_G_PER_KWH = 1.0
"""Grids run on water alone have direct figures of 1 to 3; a smaller one but zero is most likely in another unit."""

_DRIFT_YEARS = 10
"""Beyond these a range says nothing more by growing."""


class Intensity(msgspec.Struct, frozen=True, kw_only=True):
    """Grams of CO2-equivalent a kWh at a place: the figure to use, and others of other bases that stand beside it.

    `zone` is the grid zone that the figure is of; `chain` says in words how it was found.
    """

    central: Factor
    basis: Basis
    direct: Factor | None
    market: Factor | None
    zone: str | None
    chain: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class _Picked(msgspec.Struct, frozen=True):
    """A zone's figure of the wanted year, or of the nearest with its range widened."""

    factor: Factor
    year: int
    warning: str | None

    @property
    def triple(self) -> Triple:
        return self.factor.low, self.factor.central, self.factor.high

    @property
    def warnings(self) -> tuple[str, ...]:
        return (self.warning,) if self.warning else ()


def intensity(place: Place, year: int) -> Intensity | None:
    """The carbon intensity of electricity at a place in a year, g/kWh; None where the place or its grid is not known."""
    if place.intensity_g_per_kwh is not None:
        return _stated(place, place.intensity_g_per_kwh)
    zone = place.zone
    passed: tuple[str, ...] = ()
    while zone:
        found = _life_cycle(zone, year) or _estimated(zone, year, place)
        if found:
            chain, warnings = (*passed, *found.chain), (*place.remarks, *passed, *found.warnings, *_doubt(place))
            return msgspec.structs.replace(found, chain=chain, warnings=warnings)
        passed = (*passed, f"{zone}: no figure is known; that of {parent(zone)} stands for it")
        zone = parent(zone)
    return None


def parent(zone: str) -> str | None:
    """The nation of a subdivision or grid subregion; None of a nation, or of a zone that is not known."""
    row = zones().get(zone)
    return row["parent"] or None if row else None


@remembered
def zones() -> dict[str, tables.Row]:
    """The grid zones by their code."""
    return {row["zone"]: row for row in tables.table("zones")}


def _doubt(place: Place) -> tuple[str, ...]:
    """A warning where the table of regions is not sure of what stands there."""
    region = f"{place.provider}:{place.region}"
    doubtful = tables.by_id("regions").get(region, {}).get("mapping") == "unverified"
    return (f"that {region} lies in {place.name} is not confirmed",) if doubtful else ()


def _stated(place: Place, value: float) -> Intensity:
    factor = stated("intensity", value, "g/kWh", place.known_by)
    low = (
        (f"a carbon intensity of {value:g} g/kWh is below that of any grid: is it in kg?",)
        if 0 < value < _LEAST_G_PER_KWH
        else ()
    )
    return Intensity(central=factor, basis="stated", direct=None, market=None, zone=place.zone, chain=("stated",), warnings=low)


def _life_cycle(zone: str, year: int) -> Intensity | None:
    """The zone's own life-cycle figure."""
    picked = _nearest(zone, "life-cycle", year)
    if picked is None:
        return None
    direct = _nearest(zone, "direct", year)
    contradiction: tuple[str, ...] = ()
    if direct is not None and direct.factor.central > picked.factor.central:
        told = f"{zone}: the direct figure of {direct.year} ({direct.factor.central:g} g/kWh, {direct.factor.source})"
        contradiction = (
            f"{told} is above the life-cycle figure ({picked.factor.central:g} g/kWh), which contains it: sources disagree",
        )
    beside: tuple[str, ...] = ()
    if direct is not None and direct.year != year:
        beside = (f"beside it the direct figure of {direct.year}, {direct.factor.central:g} g/kWh: none of {year} is known",)
    return Intensity(
        central=picked.factor,
        basis="life-cycle",
        direct=direct.factor if direct else None,
        market=_market(zone, year),
        zone=zone,
        chain=(f"{zone}: life-cycle figure of {picked.year}, {picked.factor.central:g} g/kWh", *beside),
        warnings=(*picked.warnings, *contradiction),
    )


def _estimated(zone: str, year: int, place: Place) -> Intensity | None:
    """The zone's direct figure, and what life-cycle has over direct."""
    picked = _nearest(zone, "direct", year)
    if picked is None:
        return None
    picked, contradiction = _with_provider(picked, place)
    extra, step = _add_on(zone, picked.year)
    low, central, high = added(picked.triple, extra)
    direct = picked.factor
    central_factor = msgspec.structs.replace(
        direct,
        id=direct.id.replace(":direct:", ":life-cycle, estimated:"),
        low=low,
        central=central,
        high=high,
        source=f"{direct.source}; add-on from Ember, EEA and EPA",
        licence=f"{direct.licence}; CC BY 4.0",
        basis="life-cycle, estimated",
        grade="assumed",
        error_family=f"grid:{zone}:life-cycle",
        note="; ".join(filter(None, (direct.note, step))),
    )
    first = f"{zone}: no life-cycle figure; direct figure of {picked.year}, {direct.central:g} g/kWh"
    return Intensity(
        central=central_factor,
        basis="life-cycle, estimated",
        direct=direct,
        market=_market(zone, year),
        zone=zone,
        chain=(first, *contradiction, step),
        warnings=(*picked.warnings, *contradiction),
    )


def _add_on(zone: str, year: int) -> tuple[Triple, str]:
    """What life-cycle has over direct for a zone, g/kWh, and in words. The nation's own keeps the spread of all nations'."""
    nation = parent(zone) or zone
    low, central, high = evidence.add_on()
    years = [known for where, known in evidence.add_ons() if where == nation]
    if not years:
        step = (
            f"+ life-cycle less direct, mean of {len(evidence.add_ons())} nations with both: {central:.3g} g/kWh "
            f"({low:.3g} to {high:.3g}), as {nation} has no direct figure"
        )
        return (low, central, high), step
    known = min(years, key=lambda one: (abs(one - year), -one))
    own = evidence.add_ons()[nation, known]
    life_cycle, direct = (evidence.central(nation, basis, known) for basis in ("life-cycle", "direct"))
    step = f"+ life-cycle less direct of {nation} in {known}: {own:.3g} g/kWh ({life_cycle:g} less {direct:g})"
    return stretched(own * low / central, own, own * high / central), step


def add_on(zone: str, year: int) -> Factor:
    """What life-cycle has over direct for a zone, g/kWh, as a factor: for a direct series that stands in a life-cycle sum."""
    (low, central, high), step = _add_on(zone, year)
    return Factor(
        id=f"grid:{zone}:life-cycle less direct:{year}",
        low=low,
        central=central,
        high=high,
        unit="g/kWh",
        source="add-on from Ember, EEA and EPA",
        year=year,
        licence="CC BY 4.0",
        basis="life-cycle, estimated",
        grade="assumed",
        error_family=f"grid:{parent(zone) or zone}:life-cycle less direct",
        note=step.removeprefix("+ "),
    )


def _with_provider(picked: _Picked, place: Place) -> tuple[_Picked, tuple[str, ...]]:
    """The figure with its range reaching the provider's own of the region, where that lies outside: it contradicts ours."""
    theirs = evidence.series().get((f"{place.provider}:{place.region}", "direct"), {})
    near = [year for year in theirs if abs(year - picked.year) <= 1]
    if not near:
        return picked, ()
    year = min(near, key=lambda known: (abs(known - picked.year), -known))
    value = float(theirs[year]["central"])
    low, central, high = picked.triple
    if low <= value <= high:
        return picked, ()
    low, central, high = stretched(min(low, value), central, max(high, value))
    factor = msgspec.structs.replace(
        picked.factor, id=f"{picked.factor.id} at {place.region}", low=low, central=central, high=high
    )
    publisher = tables.sources()[theirs[year]["source"]]["title"]
    step = f"{publisher} has {value:g} g/kWh (direct, {year}) for {place.region}: the range reaches it"
    return _Picked(factor, picked.year, picked.warning), (step,)


def _nearest(zone: str, basis: str, year: int) -> _Picked | None:
    """The zone's figure of this year, or the nearest with a warning, its range widened by the drift of the years between."""
    years = evidence.series().get((zone, basis), {})
    if not years:
        return None
    known = min(years, key=lambda one: (abs(one - year), -one))
    factor = tables.factor(years[known])
    if known == year:
        return _Picked(factor, known, None)
    years_off = abs(known - year)
    drift = evidence.yearly_drift_sigma() * math.sqrt(min(years_off, _DRIFT_YEARS))
    low, central, high = widened((factor.low, factor.central, factor.high), drift)
    note = "; ".join(filter(None, (factor.note, f"range widened for {min(years_off, _DRIFT_YEARS)} years of drift")))
    factor = msgspec.structs.replace(factor, id=f"{factor.id} for {year}", low=low, central=central, high=high, note=note)
    return _Picked(factor, known, f"no {basis} figure of {zone} for {year}: that of {known} is used, with a wider range")


def figures(zone: str) -> tuple[Factor, ...]:
    """All published figures of a zone, of every basis and year."""
    found = evidence.series()
    return tuple(
        tables.factor(row)
        for basis in ("life-cycle", "direct", "market")
        for _, row in sorted(found.get((zone, basis), {}).items())
    )


def _market(zone: str, year: int) -> Factor | None:
    picked = _nearest(zone, "market", year)
    return picked.factor if picked and abs(picked.year - year) <= _MARKET_YEARS else None
