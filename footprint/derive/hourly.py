"""A run's emissions hour by hour: its energy as it was spread over time, against a provider's intensities of that time.

The energy itself does not change; only what a kilowatt-hour of it emitted does. Each component is spread by the best that is
known of it: a device by its readings, what a CPU did by its CPU-seconds, the rest evenly. Hours that the provider does not know
count with the year's figure of the place, and the result says how many.

Bases are not mixed: direct intensities give the direct emissions; in the life-cycle headline the zone's yearly difference between
life-cycle and direct is added to them, basis `life-cycle, estimated`, as with a yearly direct figure. Market-based intensities
give the market-based emissions alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np

import footprint.reference as ref
from footprint import text
from footprint.accounting.hourly import Numbers, mean
from footprint.accounting.impact import facility_energy_kwh
from footprint.accounting.ranges import Quantity, total
from footprint.derive.case import number
from footprint.derive.measured import derive_run
from footprint.derive.spreading import Spreading
from footprint.derive.timeline import Mask, Match, Timeline
from footprint.derive.working import Working
from footprint.model import Attribution, Basis, ComponentName, Factor, Footprint, Place, Run
from footprint.place.intensity.series import Provider, Series, when
from footprint.reference import grid, hourly
from footprint.reference.triples import stretched

_SLEPT_S: Final = 60.0
"""A shorter sleep moves nothing that a half-hour would notice."""
_WHO: Final[dict[ComponentName, str]] = {
    "accelerators": "accelerators",
    "cpu": "CPU",
    "memory": "memory",
    "rest": "rest of the server",
}


class Hourly(NamedTuple):
    """A footprint with emissions by the hour, and how they were matched."""

    footprint: Footprint
    match: Match


def ask(run: Run, provider: Provider) -> Series:
    """A provider's series for the time of a run, the time that its machine slept included.

    Raises:
        ConfigError: where the provider cannot have anything for the run's zone.
        IntensityError: where it does not answer.
    """
    start = datetime.fromisoformat(run.started_at)
    end = start + timedelta(seconds=run.duration_s + run.suspended_s)
    return provider.history(run.place.zone if run.place else None, start, end)


def hourly_footprint(run: Run, series: Series, *, attribution: Attribution = "share") -> Hourly:
    """The footprint of a run with its emissions matched to a series.

    Args:
        run: its facts.
        series: of the time of the run, see `ask`.
        attribution: whose joules are counted.
    """
    work = derive_run(run, attribution)
    annual = work.emissions
    matching = _Matching(run, series, work)
    matching.apply()
    work.warn(*(f"{series.name}: {note}" for note in series.notes))
    annual_g = annual.range() if annual is not None else None
    return Hourly(work.footprint(), Timeline(run, series).match(matching.mean, annual_g))


class _Part(NamedTuple):
    """A component: its energy (kWh of IT equipment), its share in each piece of time, and how it was spread, in words."""

    energy: Quantity
    shares: Numbers
    how: str


class _Matching:
    """One run against one series, on the sheet of its yearly figures."""

    def __init__(self, run: Run, series: Series, work: Working) -> None:
        self._run, self._series, self._work = run, series, work
        self._line = Timeline(run, series)
        self._slept = run.suspended_s > _SLEPT_S
        self._place = run.place
        if run.place is None and series.zone is not None and series.provider != "file":
            self._place = Place(zone=series.zone, known_by="stated")  # who names the provider of a zone says where it was
        self._parts: list[_Part] = []
        self._kept: set[str] = set()
        self.mean: float | None = None

    # -- What comes out ------------------------------------------------------------------------------------------------

    def apply(self) -> None:
        """Put hourly emissions in the place of the yearly ones."""
        work = self._work
        if work.it is None or work.pue is None:
            work.warn(f"{self._series.name} was not used: the energy of the run is unknown")
            return
        self._parts = self._spread()
        if not self._line.has.any():
            work.warn(f"{self._series.name} has no figure for the time of the run: the year's figure stands for all of it")
        steps = [self._line.what()]
        matched = self._matched(work)
        basis = self._series.basis
        if self.mean is not None:
            steps.append(f"their mean, weighted with the run's energy: {number(self.mean)} g/kWh")
        steps.append(f"energy over time: {'; '.join(one.how for one in self._parts if one.how) or 'none'}")
        if basis == "market":
            work.emissions_market = self._completed(matched, lambda found: found.market, "market-based", steps)
            work.chain = (*work.chain, *steps)
            return
        if basis == "direct":
            work.emissions_direct = self._completed(matched, lambda found: found.direct, "direct", steps)
        self._headline(matched, steps)

    # -- The sums ------------------------------------------------------------------------------------------------------

    def _matched(self, work: Working) -> _Sum:
        """What the hours with a figure emitted, g, on the series' own basis."""
        base = float(self._line.g[self._line.has][0]) if self._line.has.any() else 0.0
        beyond = np.where(self._line.has, self._line.g - base, 0.0)
        weights = self._weights()
        covered = [self._share(part, self._line.has) for part in self._parts]
        # Around one of the values, so that a constant has no rounding.
        excess = [math.fsum(part.shares * beyond) for part in self._parts]
        share = math.fsum(w * a for w, a in zip(weights, covered, strict=True))
        if share <= 0:
            return _Sum([], [])
        self.mean = max(0.0, base + math.fsum(w * x for w, x in zip(weights, excess, strict=True)) / share)
        figure = work.use(self._factor(self.mean))
        error = None
        if self._line.estimated.any():
            error = work.use(hourly.estimate_error(self._series.zone, self._series.provider), run=self._run.id)
        estimates = np.where(self._line.estimated, self._line.g, 0.0)
        intensities = []
        for part, a, x in zip(self._parts, covered, excess, strict=True):
            ratio = (base * a + x) / self.mean if self.mean else a
            doubtful = math.fsum(part.shares * estimates) / self.mean if self.mean else 0.0
            sure = figure * max(0.0, ratio - doubtful) if doubtful else figure * ratio
            intensities.append(sure + figure * error * doubtful if error is not None and doubtful else sure)
        return _Sum(intensities, covered)

    def _completed(
        self, matched: _Sum, of: Callable[[ref.Intensity], Factor | None], name: str, steps: list[str]
    ) -> Quantity | None:
        """Emissions on a basis beside the headline's: with the year's figure of that basis for the hours without one.

        None where there are such hours and no such figure.
        """
        fallback = self._fallback(of)
        if fallback is None:
            steps.append(f"{self._line.without()} have no {name} figure: those emissions are unknown")
            return None
        return self._grams(matched.intensities, fallback.intensities)

    def _headline(self, matched: _Sum, steps: list[str]) -> None:
        """The location-based sum: with the year's figure where the series has none."""
        work, series = self._work, self._series
        fallback = self._fallback(lambda found: found.central)
        added: list[Quantity] = []
        basis: Basis = series.basis
        if series.basis == "direct":
            zone = self._place.zone if self._place else series.zone
            basis = "life-cycle, estimated"
            if zone is None:
                self._unknown("what life-cycle has over direct is known of a place only, and the place is unknown", steps)
                return
            factor = grid.add_on(zone, self._line.year(0))
            steps.append(f"+ {factor.note}")
            figure = work.use(factor)
            added = [figure * a for a in matched.covered]
        if fallback is None:
            self._unknown(f"{self._line.without()} have no figure in {series.name}, and the place is unknown", steps)
            return
        steps += fallback.steps
        self._forget_the_year()
        if "place" in work.unknown:
            work.unknown.remove("place")
            work.warnings = [one for one in work.warnings if not one.startswith("the place is unknown, so")]
            work.reasons.pop("place", None)
        if work.place is None:
            work.place = self._place
        if matched.intensities and series.basis != "direct" and work.emissions_direct is not None:
            work.warn(f"the direct emissions are by the year's mean: {series.name} has no direct figures")
        work.basis = _together({basis} if matched.intensities else set(), fallback.bases)
        work.emissions = self._grams(matched.intensities, added, fallback.intensities)
        work.intensity = self._intensity(matched.intensities, added, fallback.intensities)
        if added or fallback.intensities:
            terms = ((matched.intensities, "matched"), (added, "added"), (fallback.intensities, "the year's"))
            told = " + ".join(f"{number(self._intensity(one).central)} {name}" for one, name in terms if one)
            steps.append(f"together, of all the run's energy: {told} = {number(work.intensity.central)} g/kWh")
        work.chain = tuple(steps)

    def _unknown(self, why: str, steps: list[str]) -> None:
        work = self._work
        self._forget_the_year()
        work.emissions = work.intensity = work.basis = None
        work.miss("place", why)
        work.chain = tuple(steps)

    def _grams(self, *intensities: Sequence[Quantity]) -> Quantity:
        """Each component's facility energy times what a kilowatt-hour of it emitted, summed."""
        assert self._work.pue is not None, "it was looked at"
        return total(
            facility_energy_kwh(part.energy, self._work.pue) * each
            for one in intensities
            if one
            for part, each in zip(self._parts, one, strict=True)
        )

    def _intensity(self, *intensities: Sequence[Quantity]) -> Quantity:
        """The mean by energy of what a kilowatt-hour emitted."""
        weights = self._weights()
        return total(each * w for one in intensities if one for w, each in zip(weights, one, strict=True))

    def _fallback(self, of: Callable[[ref.Intensity], Factor | None]) -> _Fallback | None:
        """What the hours without a figure emitted by the year's figures, each year with its own."""
        missing = [at for at, piece in enumerate(self._line.pieces) if piece.slot is None and self._weighs(at)]
        if not missing:
            return _Fallback([], set(), ())
        by_year: dict[int, list[int]] = {}
        for at in missing:
            by_year.setdefault(self._line.year(at), []).append(at)
        figures: dict[int, tuple[ref.Intensity, Factor]] = {}
        for year in by_year:
            found = ref.intensity(self._place, year) if self._place is not None else None
            factor = of(found) if found is not None else None
            if found is None or factor is None:
                return None
            figures[year] = found, factor
        sums = [Quantity(0.0)] * len(self._parts)
        steps: list[str] = [f"{self._line.without()} have no figure there and count with the year's"]
        for year, (found, factor) in figures.items():
            chosen = np.isin(np.arange(len(self._line.pieces)), by_year[year])
            figure = self._work.use(factor, run=self._run.id)
            sums = [one + figure * self._share(part, chosen) for one, part in zip(sums, self._parts, strict=True)]
            self._work.warn(*found.warnings)
            self._kept |= {factor.id, *found.warnings}
            steps += found.chain
        return _Fallback(sums, {found.basis for found, _ in figures.values()}, tuple(steps))

    def _forget_the_year(self) -> None:
        """Take the year's figure and its doubts from the sheet, where nothing came of it; what stands beside it stays."""
        work = self._work
        found = ref.intensity(self._run.place, self._line.year(0)) if self._run.place is not None else None
        if found is None:
            return
        replaced = [found.central, *([found.direct] if self._series.basis == "direct" and found.direct is not None else [])]
        for factor in replaced:
            if factor.id not in self._kept:
                work.factors.pop(factor.id, None)
        gone = {one for one in found.warnings if not one.endswith("is not confirmed")} - self._kept - set(self._run.warnings)
        work.warnings = [one for one in work.warnings if one not in gone]

    # -- Over time -----------------------------------------------------------------------------------------------------

    def _spread(self) -> list[_Part]:
        found = []
        slept_s = (0.0, self._run.suspended_s) if self._slept else (0.0,)
        spreading = Spreading(self._run, self._work, self._line.start_s, slept_s)
        for name, energy in self._work.parts.items():
            assert energy is not None, "the sum is known, so its parts are"
            spread = spreading.of(name, self._line.edges)
            found.append(_Part(energy, spread.shares, f"{_WHO[name]} {spread.how}" if energy.central else ""))
        return found

    def _weights(self) -> list[float]:
        """Each component's share of the energy; of no energy, all alike."""
        energies = [max(0.0, part.energy.central) for part in self._parts]
        whole = math.fsum(energies)
        return [one / whole for one in energies] if whole > 0 else [1 / len(energies)] * len(energies)

    def _weighs(self, at: int) -> bool:
        return any(part.shares[at] > 0 for part in self._parts) or self._line.lengths[at] > 0

    @staticmethod
    def _share(part: _Part, chosen: Mask) -> float:
        """The share of a component in some pieces; of all of them, all of it, to the last digit."""
        return 1.0 if chosen.all() else math.fsum(part.shares[chosen])

    def _factor(self, value: float) -> Factor:
        """The mean over the matched hours as a factor: its level as uncertain as a year's."""
        series = self._series
        if series.basis == "stated":
            return ref.stated("intensity", value, "g/kWh", series.source)
        low, central, high = hourly.level(series.basis, value)
        used = self._line.g[self._line.has]
        told = f"{text.plural(len(used), 'slot')}, {used.min():g} to {used.max():g} g/kWh, weighted with the run's energy"
        if self._slept and value > 0:
            extremes = self._asleep()
            low, central, high = stretched(low * min(1.0, min(extremes) / value), value, high * max(1.0, max(extremes) / value))
            told += f"; range widened for {text.duration(self._run.suspended_s)} asleep at an unknown time"
        span = "/".join(when(s).strftime("%Y-%m-%dT%H:%MZ") for s in (self._line.start_s, self._line.end_s))
        return Factor(
            id=f"intensity:{series.provider}:{series.basis}:{span}",
            low=low,
            central=central,
            high=high,
            unit="g/kWh",
            source=series.source,
            year=self._line.year(0),
            licence=series.licence,
            basis=series.basis,
            grade="assumed" if self._line.estimated.all() else "declared",
            error_family=f"intensity:{series.provider}:{series.zone}:{series.basis}",
            url=series.url,
            note=told,
        )

    def _asleep(self) -> list[float]:
        """The mean, had the machine slept at the end of the run or at its begin."""
        found = []
        for slept_s in (0.0, self._run.suspended_s):
            spreading = Spreading(self._run, self._work, self._line.start_s, (slept_s,))
            amounts = np.zeros(len(self._line.pieces))
            for w, name in zip(self._weights(), self._work.parts, strict=True):
                amounts += w * spreading.of(name, self._line.edges).shares
            average = mean(amounts[self._line.has], self._line.g[self._line.has])
            found += [average] if average is not None else []
        return found


class _Sum(NamedTuple):
    """Of the hours with a figure: what a kWh of each component emitted in them, g, and the component's share in them."""

    intensities: list[Quantity]
    covered: list[float]


class _Fallback(NamedTuple):
    """Of the hours without a figure: what a kWh of each component emitted in them, g, and on which bases."""

    intensities: list[Quantity]
    bases: set[Basis]
    steps: tuple[str, ...]


def _together(matched: set[Basis], filled: set[Basis]) -> Basis:
    """The basis of a sum of hours of a series and of the year's figure."""
    bases = matched | filled
    if len(bases) == 1:
        return next(iter(bases))
    return "stated" if "stated" in bases else "life-cycle, estimated"
