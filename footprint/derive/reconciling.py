"""Measured against declared: how far the two are apart, and which assumption of the declaration makes the difference.

The gap is taken apart as a product: devices x hours x watts a device x host x PUE x grid. Each ratio is measured over declared,
and their product is the whole ratio. The range of a ratio comes from the draws of both sides: what they share (a site's PUE, a
grid's series) cancels, as it should.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

import footprint.reference as ref
from footprint import text
from footprint.accounting.ranges import Quantity
from footprint.derive.account import Account
from footprint.derive.declared import derive_declaration
from footprint.derive.discrepancies import Discrepancy, Side, cautions, contradictions, held_by, is_apart
from footprint.derive.equipment import Equipment, device_hours, known_equipment
from footprint.derive.measured import derive_run
from footprint.derive.nesting import containers
from footprint.derive.working import Working, range_of
from footprint.model import Attribution, Declaration, Footprint, Range, Run
from footprint.units import W_PER_KW, h_from_s

_SAME: Final = 1e-6
_NAMES: Final = {"it_energy_kwh": "energy of the equipment", "emissions_g": "emissions"}
# What is held against a declaration: the field of a footprint, and its name on the sheet.
_OF_ALL: Final = {
    "it_energy_kwh": "it",
    "energy_kwh": "facility",
    "emissions_g": "emissions",
    "emissions_direct_g": "emissions_direct",
    "emissions_market_g": "emissions_market",
    "embodied_g": "embodied",
    "water_l": "water",
    "water_onsite_l": "water_onsite",
    "water_offsite_l": "water_offsite",
}
# A cause that moves the result by less than this is none.
_LEAST_RATIO: Final = 0.01


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity on both sides; null where it is not known.

    `ratio` is measured over declared: its middle is that of the middles, its bounds the 5th and 95th percentile of the ratio of
    the draws. `within` says whether the measured middle lies in the declared range. `contradicts` says whether the two cannot
    both be true: not within, and further apart than the errors of both explain (the ratio's range leaves out 1) and than figures
    of one thing are rounded.
    """

    name: str
    measured: Range | None
    declared: Range | None
    ratio: Range | None
    within: bool | None
    contradicts: bool | None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One factor of the gap: what was measured for what was declared, or assumed where nobody stated it, with its range."""

    what: str
    measured: float | None
    declared: float | None
    low: float | None
    high: float | None
    unit: str
    ratio: float | None
    assumed: bool
    note: str = ""


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """Runs against a declaration of the same work. `main` is the cause with the largest part in the gap, null without a gap."""

    runs: tuple[str, ...]
    measured: Footprint
    declared: Footprint
    amounts: tuple[Amount, ...]
    causes: tuple[Cause, ...]
    main: str | None
    findings: tuple[Discrepancy, ...]

    @property
    def agrees(self) -> bool:
        """Whether there is no finding of severity error."""
        return not any(one.severity == "error" for one in self.findings)


def reconcile(runs: Sequence[Run], declaration: Declaration, *, attribution: Attribution = "share") -> Reconciliation:
    """Hold runs against a declaration of the same work.

    Where the declaration counts accelerators alone, so does what is measured here. Of several runs a quantity is known if it is
    known of all of them: a sum of some of the work is held against nothing.

    Args:
        runs: the runs, at least one; several are added up, each joule once.
        declaration: the facts as they were declared.
        attribution: whose joules are counted of the runs.

    Raises:
        ConfigError: for declared facts that cannot be.
    """
    known = {run.id: run for run in runs}
    account = Account(known.values(), attribution)
    within = containers(known, known)
    outer = [run for run_id, run in known.items() if within[run_id] is None]
    sheet = _together(account, outer) if len(known) > 1 else derive_run(outer[0], attribution)
    claimed = derive_declaration(declaration)
    found = known_equipment(declaration)
    here = _measured(sheet, outer, alone=claimed.scope == "accelerators", attribution=attribution)
    there = _declared(claimed, declaration, found)
    amounts = tuple(_amounts(here, there))
    causes = tuple(_causes(here, there, claimed, declaration, found))
    measured, declared = sheet.footprint(), claimed.footprint()
    energy = next(one for one in amounts if one.name == "it_energy_kwh")
    findings = [
        *contradictions(outer, declaration, claimed.place, found, here, other_energy=energy.contradicts is True),
        *cautions(outer, declaration, sheet, alone=claimed.scope == "accelerators"),
        *_outside(amounts),
    ]
    return Reconciliation(
        runs=tuple(known),
        measured=measured,
        declared=declared,
        amounts=amounts,
        causes=causes,
        main=_main(causes),
        findings=tuple(sorted(findings, key=lambda one: ("error", "warning", "info").index(one.severity))),
    )


# -- The two sides -----------------------------------------------------------------------------------------------------


def _together(account: Account, runs: Sequence[Run]) -> Working:
    """The sum of some runs, without the quantities that are not known of all of them."""
    sheet = account.sheet([run.id for run in runs])
    each = [account.footprint(run.id) for run in runs]
    for name, attribute in _OF_ALL.items():
        if any(getattr(one, name) is None for one in each):
            setattr(sheet, attribute, None)
    if sheet.it is None:
        sheet.parts = {}
    return sheet


def _measured(sheet: Working, runs: Sequence[Run], *, alone: bool, attribution: Attribution) -> Side:
    accelerators = sheet.parts.get("accelerators")
    it, facility, emissions = sheet.it, sheet.facility, sheet.emissions
    if alone:
        it = accelerators
        facility = it * sheet.pue if it is not None and sheet.pue is not None else None
        emissions = facility * sheet.intensity if facility is not None and sheet.intensity is not None else None
    held = [(len(held_by(run, attribution)), h_from_s(run.duration_s)) for run in runs]
    by_machine = not any(count for count, _ in held)
    hours = sum(hours * (1 if by_machine else count) for count, hours in held)
    devices = float(held[0][0]) if len(held) == 1 and not by_machine else None
    return Side(accelerators, it, facility, emissions, devices, hours or None, by_machine)


def _declared(sheet: Working, facts: Declaration, found: Equipment) -> Side:
    hours, devices = device_hours(facts), found.devices
    by_machine = found.cpu is not None
    if by_machine:
        devices, hours = None, facts.hours if facts.hours is not None else hours
    return Side(sheet.parts.get("accelerators"), sheet.it, sheet.facility, sheet.emissions, devices, hours, by_machine)


# -- Side by side ------------------------------------------------------------------------------------------------------


def _amounts(here: Side, there: Side) -> Iterator[Amount]:
    for name, mine, theirs in (
        ("accelerator_energy_kwh", here.accelerators, there.accelerators),
        ("it_energy_kwh", here.it, there.it),
        ("energy_kwh", here.facility, there.facility),
        ("emissions_g", here.emissions, there.emissions),
    ):
        measured, declared = range_of(mine), range_of(theirs)
        within = declared.low <= measured.central <= declared.high if measured and declared else None
        ratio = _ratio_range(mine, theirs)
        apart = None
        if measured and declared and within is not None:
            sure = ratio is None or not ratio.low <= 1 <= ratio.high
            apart = not within and sure and is_apart(measured.central, declared.central)
        yield Amount(name=name, measured=measured, declared=declared, ratio=ratio, within=within, contradicts=apart)


def _ratio_range(measured: Quantity | None, declared: Quantity | None) -> Range | None:
    """Measured over declared, draw by draw; its middle is the ratio of the middles."""
    if measured is None or declared is None or declared.central <= 0:
        return None
    central = measured.central / declared.central
    above, below = ((one.central if one.draws is None else one.draws) for one in (measured, declared))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.atleast_1d(np.asarray(above, dtype=float) / np.asarray(below, dtype=float))
    known = ratios[np.isfinite(ratios)]
    low, high = np.percentile(known, (5.0, 95.0), method="hazen") if known.size else (central, central)
    return Range(low=min(float(low), central), central=central, high=max(float(high), central))


def _causes(here: Side, there: Side, claimed: Working, facts: Declaration, found: Equipment) -> Iterator[Cause]:
    """The gap as a product."""
    by_device = all(one is not None and one.central > 0 for one in (here.accelerators, there.accelerators))
    mine, theirs = (here.accelerators, there.accelerators) if by_device else (here.it, there.it)
    my_h, their_h = here.device_hours, there.device_hours
    if my_h and their_h and here.by_machine == there.by_machine:
        if here.devices is not None and there.devices is not None:
            yield _cause("devices", here.devices, there.devices, "")
            yield _cause("hours", my_h / here.devices, their_h / there.devices, "h")
        else:
            yield _cause("hours", my_h, their_h, "h" if here.by_machine else "device-h")
        implied_w, declared_w = (
            None if one is None else one.central * W_PER_KW / hours for one, hours in ((mine, my_h), (theirs, their_h))
        )
        known = claimed.power.range() if claimed.power is not None else None
        if known is None or declared_w is None or not math.isclose(known.central, declared_w, rel_tol=_SAME):
            known = None  # the declared watts are not those of one device
        note = _of_rated(implied_w, found)
        yield _cause("power", implied_w, declared_w, "W", known, assumed=facts.power_w is None, note=note)
    else:
        measured, declared = (None if one is None else one.central for one in (mine, theirs))
        yield _cause("energy", measured, declared, "kWh", assumed=facts.energy_kwh is None)
    if by_device:
        hosts = _over(here.it, here.accelerators), _over(there.it, there.accelerators)
        yield _cause("host", *hosts, "equipment / accelerators", assumed=claimed.scope == "server")
    pue = claimed.pue.range() if claimed.pue is not None else None
    yield _cause("PUE", _over(here.facility, here.it), _over(there.facility, there.it), "", pue, assumed=facts.pue is None)
    grid = claimed.intensity.range() if claimed.intensity is not None else None
    intensities = _over(here.emissions, here.facility), _over(there.emissions, there.facility)
    yield _cause("grid", *intensities, "g/kWh", grid, assumed=facts.intensity_g_per_kwh is None)


def _of_rated(implied_w: float | None, found: Equipment) -> str:
    """Which share of the rated power the measured watts of a device are; empty where that says nothing."""
    rated = ref.accelerator_power(found.match) if found.match is not None else None
    if implied_w is None or rated is None or rated.basis != "rated":
        return ""
    shares = [text.percent(implied_w / watts) for watts in (rated.high, rated.low)]
    return f"{' to '.join(dict.fromkeys(shares))} of the rated power of {found.name}"


def _cause(
    what: str,
    measured: float | None,
    declared: float | None,
    unit: str,
    known: Range | None = None,
    *,
    assumed: bool = False,
    note: str = "",
) -> Cause:
    ratio = measured / declared if measured is not None and declared else None
    return Cause(
        what=what,
        measured=measured,
        declared=declared,
        low=known.low if known else None,
        high=known.high if known else None,
        unit=unit,
        ratio=ratio,
        assumed=assumed,
        note=note,
    )


def _over(above: Quantity | None, below: Quantity | None) -> float | None:
    return above.central / below.central if above is not None and below is not None and below.central else None


def _main(causes: Sequence[Cause]) -> str | None:
    """The cause that moves the result most."""
    moved = [(abs(math.log(one.ratio)), one.what) for one in causes if one.ratio]
    most = max(moved, default=(0.0, ""))
    return most[1] if most[0] > _LEAST_RATIO else None


def _outside(amounts: Sequence[Amount]) -> Iterator[Discrepancy]:
    """What was measured outside of what the declaration leaves open, by more than the errors of the two explain."""
    for one in amounts:
        if one.contradicts and one.name in _NAMES and one.measured and one.declared:
            side = "above" if one.measured.central > one.declared.high else "below"
            what = "value" if one.declared.low == one.declared.high else "90 % range"
            message = f"{_NAMES[one.name]}: the measured value is {side} the declared {what}"
            yield Discrepancy(code="outside", severity="error", message=message)
