"""The sheet on which one footprint is worked out: its quantities with their draws, and where each came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import footprint.reference as ref
from footprint.accounting.impact import emissions_g, facility_energy_kwh
from footprint.accounting.ranges import Quantity, draw, total
from footprint.model import (
    GRADES,
    Attribution,
    Basis,
    Component,
    ComponentName,
    Coverage,
    Factor,
    Footprint,
    Grade,
    Place,
    Range,
    Scope,
)

NO_PLACE: Final = (
    "the place is unknown, so emissions are too: give --region (for example gcp:europe-west1) or --zone (for example FRA), "
    "or set FOOTPRINT_REGION"
)
NO_STATED_PLACE: Final = (
    "the place is unknown, so emissions are too: give --region (for example gcp:europe-west1) or --zone (for example FRA)"
)
# What stands for a site of which no PUE is known.
_ASSUMED_PUES: Final = {"pue.unknown", "pue.cloud"}


class Term(NamedTuple):
    """A part of a component's energy as a product that a pocket calculator can follow, and its middle, kWh.

    Facts stand in it as they were read or stated, each factor with its id in brackets. `unit` is what the product comes out in:
    joules where seconds and watts were multiplied, watt-hours where it was hours.
    """

    component: ComponentName
    name: str
    product: str
    energy_kwh: float
    unit: Literal["J", "Wh", "kWh"] = "J"


class Product(NamedTuple):
    """A part of what making hardware emitted as a product that a pocket calculator can follow, and its middle, g."""

    name: str
    product: str
    mass_g: float


def range_of(quantity: Quantity | None) -> Range | None:
    """The range of a quantity, none of which is below zero (the rest of a difference may seem so); unknown stays unknown."""
    if quantity is None:
        return None
    found = quantity.range()
    return Range(low=min(max(found.low, 0.0), found.central), central=found.central, high=found.high)


@dataclass(kw_only=True)
class Working:
    """One footprint being worked out; None is unknown.

    `terms` are the products that components' energies are, `makings` those that embodied emissions are; `reasons` says of what is
    unknown why it is.
    """

    scope: Scope = "server"
    attribution: Attribution | None = None
    place: Place | None = None
    basis: Basis | None = None
    parts: dict[ComponentName, Quantity | None] = field(default_factory=dict)
    grades: dict[ComponentName, Grade] = field(default_factory=dict)
    it: Quantity | None = None
    facility: Quantity | None = None
    emissions: Quantity | None = None
    emissions_market: Quantity | None = None
    emissions_direct: Quantity | None = None
    embodied: Quantity | None = None
    water: Quantity | None = None
    water_onsite: Quantity | None = None
    water_offsite: Quantity | None = None
    cost: Quantity | None = None
    currency: str | None = None
    power: Quantity | None = None
    pue: Quantity | None = None
    intensity: Quantity | None = None
    unknown: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    coverage: list[Coverage] = field(default_factory=list)
    factors: dict[str, Factor] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    chain: tuple[str, ...] = ()
    terms: list[Term] = field(default_factory=list)
    makings: list[Product] = field(default_factory=list)
    year: int | None = None

    def use(self, factor: Factor, *, run: str = "", device: str = "") -> Quantity:
        """A factor's quantity, noted among the factors used."""
        self.factors.setdefault(factor.id, factor)
        return draw(factor, run=run, device=device)

    def miss(self, name: str, warning: str | None = None) -> None:
        """Note that something is unknown, and say once what to do about it."""
        if name not in self.unknown:
            self.unknown.append(name)
        if warning is not None:
            self.reasons.setdefault(name, warning)
            self.warn(warning)

    def warn(self, *warnings: str) -> None:
        """Note warnings, each once."""
        self.warnings += [w for w in dict.fromkeys(warnings) if w not in self.warnings]

    def add_part(self, component: ComponentName, energy: Quantity | None, grade: Grade) -> None:
        """A component's energy, kWh of IT equipment; None if it is unknown."""
        self.parts[component] = energy
        self.grades[component] = grade

    def term(
        self, component: ComponentName, name: str, product: str, energy: Quantity, unit: Literal["J", "Wh", "kWh"] = "J"
    ) -> Quantity:
        """Note how a part of a component's energy comes about; the energy, for the caller to go on with."""
        self.terms.append(Term(component, name, product, energy.central, unit))
        return energy

    def sum_parts(self) -> None:
        """The IT energy: the sum of the parts, unknown if one of them is."""
        known = [part for part in self.parts.values() if part is not None]
        self.it = total(known) if len(known) == len(self.parts) else None

    def locate(self, place: Place | None, year: int, *, run: str = "") -> None:
        """Carry the IT energy to the facility and to emissions with the place's PUE and grid of that year.

        Args:
            place: where the work ran; None if nobody knows.
            year: the year of the work.
            run: the run's id, for factors that vary from run to run.
        """
        self.place, self.year = place, year
        pue = ref.pue(place, year)
        self.pue = self.use(pue, run=run)
        if pue.id.partition(":")[0] in _ASSUMED_PUES:
            self.warn(f"the site's PUE is not known and was assumed to be {pue.low:.3g} to {pue.high:.3g}: give --pue")
        if self.it is not None:
            self.facility = facility_energy_kwh(self.it, self.pue)
        self._emit(place, year, run=run)

    def _emit(self, place: Place | None, year: int, *, run: str) -> None:
        found = ref.intensity(place, year) if place is not None else None
        if found is None:
            # A site's default place is taken when a run is tracked; it says nothing of work that was only declared.
            self.miss("place", NO_PLACE if run else NO_STATED_PLACE)
            return
        self.warn(*found.warnings)
        self.chain = found.chain
        self.basis = found.basis
        self.intensity = self.use(found.central, run=run)
        if self.facility is None:
            return
        self.emissions = emissions_g(self.facility, self.intensity)
        if found.direct is not None:
            self.emissions_direct = emissions_g(self.facility, self.use(found.direct, run=run))
        if found.market is not None:
            self.emissions_market = emissions_g(self.facility, self.use(found.market, run=run))

    def footprint(self) -> Footprint:
        """What was worked out, as ranges."""
        return Footprint(
            scope=self.scope,
            basis=self.basis,
            accelerator_energy_kwh=range_of(self.parts.get("accelerators")),
            it_energy_kwh=range_of(self.it),
            energy_kwh=range_of(self.facility),
            emissions_g=range_of(self.emissions),
            emissions_market_g=range_of(self.emissions_market),
            emissions_direct_g=range_of(self.emissions_direct),
            embodied_g=range_of(self.embodied),
            water_l=range_of(self.water),
            water_onsite_l=range_of(self.water_onsite),
            water_offsite_l=range_of(self.water_offsite),
            cost=range_of(self.cost),
            currency=self.currency,
            power_w=range_of(self.power),
            pue=range_of(self.pue),
            intensity_g_per_kwh=range_of(self.intensity),
            unknown=tuple(self.unknown),
            breakdown=tuple(
                Component(component=name, energy_kwh=range_of(energy), grade=self.grades.get(name))
                for name, energy in self.parts.items()
            ),
            coverage=tuple(self.coverage),
            factors=tuple(self.factors.values()),
            warnings=tuple(self.warnings),
            attribution=self.attribution,
            factors_version=ref.current_edition(),
            place=self.place,
            chain=self.chain,
        )


def weakest(grades: Sequence[Grade]) -> Grade:
    """The weakest of some grades: a sum is known no better than its least known part."""
    return max(grades, key=GRADES.index)
