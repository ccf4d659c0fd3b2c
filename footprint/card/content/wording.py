"""What is written into the fields: short texts that a person reads and that a later check can read back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from footprint import text
from footprint.errors import ConfigError
from footprint.model import Basis, Footprint, Place, Range, Run
from footprint.place import provider_name
from footprint.units import S_PER_H, h_from_s

# Cards speak of grams, kilograms and tonnes; larger and smaller units are read as each other.
_MASS_UNITS: Final = (("t", 1e6), ("kg", 1e3), ("g", 1.0))
_NATION: Final = re.compile(r"[A-Z]{2,3}")
_LEAST_H: Final = 0.001
_SENSED: Final = frozenset({"counter", "power"})
_NEARLY: Final = 0.99
_ROUNDING: Final = 0.005
_MOMENT_S: Final = 1.0
_NAMES: Final = 5
_BASES: Final[dict[Basis, str]] = {
    "life-cycle": "location-based, life-cycle",
    "life-cycle, estimated": "location-based, life-cycle, estimated",
    "direct": "location-based, direct emissions only",
    "market": "market-based",
    "stated": "grid intensity as stated",
}


def carbon(emissions_g: Range, basis: Basis | None) -> str:
    """Emissions with their range and basis: `153 kg CO2eq (90 % range 131-178; location-based, life-cycle)`."""
    name, scale = mass_unit(emissions_g.central)
    middle = _plain_number(emissions_g.central / scale)
    low, high = (_plain_number(bound / scale) for bound in (emissions_g.low, emissions_g.high))
    spread = f"90 % range {low}-{high}; " if (low, high) != (middle, middle) else "from stated figures, no range; "
    return f"{middle} {name} CO2eq ({spread}{basis_text(basis)})"


def mass(value_g: float) -> str:
    """Grams in the unit that fits, of those that cards use: `72.2 t`."""
    name, scale = mass_unit(value_g)
    return f"{_plain_number(value_g / scale)} {name}"


def mass_unit(value_g: float) -> tuple[str, float]:
    """The unit for a mass and its size in grams: at least one of it after rounding, else grams."""
    return next(((name, scale) for name, scale in _MASS_UNITS if text.significant(abs(value_g) / scale) >= 1), ("g", 1.0))


def basis_text(basis: Basis | None) -> str:
    """A basis in words."""
    return _BASES[basis] if basis is not None else "basis mixed"


def _plain_number(value: float) -> str:
    """Three significant figures, thousands apart, never an exponent."""
    return text.number(value) if abs(value) >= 1 else text.plain(value)


def hours(wall_h: float | None, device_h: float | None) -> str | None:
    """Hours: `100 h wall-clock (800 device-hours)`; a short time also in seconds or minutes; None if neither is known."""
    devices = _device_hours(_full(device_h)) if device_h is not None else ""
    if wall_h is None:
        return devices or None
    if wall_h < 1:
        short = f"{_short(wall_h)} h ({text.duration(wall_h * S_PER_H)}) wall-clock"
        return f"{short}, {_device_hours(_short(device_h))}" if device_h is not None else short
    return f"{_full(wall_h)} h wall-clock" + (f" ({devices})" if devices else "")


def _device_hours(value: str) -> str:
    return f"{value} device-hour" if value == "1" else f"{value} device-hours"


def _short(value_h: float) -> str:
    """Less than some hours: two figures, but no more than thousandths."""
    return text.plain(value_h, 2) if value_h >= _LEAST_H else f"under {_LEAST_H:g}"


def _full(value_h: float) -> str:
    """Hours in full where they are whole or many; three figures otherwise."""
    if value_h >= 1000 or value_h == int(value_h):  # noqa: PLR2004 - beyond it, tenths of an hour say nothing
        return f"{value_h:,.0f}"
    return text.plain(value_h)


def counted(count: int | None, name: str) -> str:
    """`8 x NVIDIA A100-SXM4-80GB`; without a known count, the name alone."""
    return f"{count} x {name}" if count is not None else name


def provider(name: str) -> str:
    """A provider as people call it: a cloud's id by its name, any other word as it was given."""
    return provider_name(name) if name.islower() else name


def region(region_name: str | None, zone: str | None, place: Place | None) -> str | None:
    """A region with its place's name: `us-east1 (South Carolina, USA)`; None if nothing is known of the place."""
    code = region_name or (place.region if place else None)
    if code is not None and ":" in code and not code.startswith("egrid:"):
        code = code.split(":", 1)[1]
    where = zone or (place.zone if place else None)
    called = place.name if place else None
    if code is None and called and where and _NATION.fullmatch(where):
        return called  # a nation's name says what its code would
    named, coded = (code, called or where) if code else (called or where, where)
    return f"{named} ({coded})" if named and coded and named != coded else named


def run_places(runs: Sequence[Run]) -> tuple[Place | None, ...]:
    """Where the runs of an account took place, each place once; None among them for runs of which nobody knows.

    A run that is nested in another of the account is where that one is.
    """
    ids = {run.id for run in runs}
    return tuple(dict.fromkeys(run.place for run in runs if run.parent not in ids))


def each(places: Sequence[Place | None], words: Callable[[Place], str | None]) -> str | None:
    """What there is to say of each of some places; None if one of them leaves it open: the others do not speak for it."""
    said = [words(place) if place is not None else None for place in places]
    known = [one for one in dict.fromkeys(said) if one is not None]
    return "; ".join(known) if known and None not in said else None


def run_hardware(runs: Sequence[Run]) -> str | None:
    """The hardware of an account: its accelerators, each device once, and what was declared; else its CPUs."""
    devices = {r.device.id: r.device.name for run in runs for r in run.devices if r.device.component == "accelerators"}
    hosts = {(run.host.boot_id or run.host.name): run.host for run in runs if run.declared is None}
    unread = Counter(name for host in hosts.values() for name in host.unmetered_accelerators)
    parts = [f"{count} x {name}" for name, count in Counter(devices.values()).items()]
    parts += [f"{count} x {name} (not metered)" for name, count in unread.items()]
    stated = [run.declared for run in runs if run.declared is not None]
    parts += dict.fromkeys(counted(one.count, text.clean(one.hardware, limit=60)) for one in stated if one.hardware)
    if parts or not hosts:
        return ", ".join(parts) or None
    cpus: Counter[str] = Counter()
    for host in hosts.values():
        cpus[f"{host.cpu_name or 'CPU of unknown name'} ({text.plural(host.logical_cpus, 'logical CPU')}, no accelerator)"] += 1
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in cpus.items())


def run_hours(runs: Sequence[Run]) -> tuple[float | None, float | None]:
    """Wall-clock hours (times that overlap count once) and device-hours of an account's accelerators (None without any).

    Of declared runs they are what was declared: None where the one or the other was not.
    """
    from footprint.derive import device_hours

    stated = [run.declared for run in runs if run.declared is not None]
    # The hours of a machine of which nobody knows what it is are no device-hours.
    of_stated = [device_hours(one) if one.hardware else one.device_hours for one in stated]
    if len(stated) == len(runs) == 1:
        return stated[0].hours, of_stated[0]
    wall: list[tuple[float, float]] = []
    held: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        start_s = datetime.fromisoformat(run.started_at).timestamp()
        wall.append((start_s, start_s + run.duration_s))
        for reading in run.devices:
            if reading.device.component == "accelerators":
                held.setdefault(reading.device.id, []).append(wall[-1])
    device_h = sum(h_from_s(_union_s(spans)) for spans in held.values()) if held else None
    if stated and (device_h is not None or len(stated) == len(runs)):
        device_h = None if None in of_stated else (device_h or 0.0) + sum(one or 0.0 for one in of_stated)
    if stated:  # a declared run's begin and end are those of the account that somebody kept, not of the work
        return None, device_h
    # A single run's own duration is exact; its absolute times would round it.
    wall_s = runs[0].duration_s if len(runs) == 1 else _union_s(wall)
    if len(runs) == 1 and held:
        device_h = h_from_s(runs[0].duration_s) * len(held)
    return h_from_s(wall_s), device_h


def _union_s(spans: Iterable[tuple[float, float]]) -> float:
    """The time that spans cover together, seconds."""
    total = 0.0
    reached = float("-inf")
    for start_s, end_s in sorted(spans):
        total += max(0.0, end_s - max(start_s, reached))
        reached = max(reached, end_s)
    return total


def how(footprint: Footprint, runs: Sequence[Run] = ()) -> str:
    """Whether the energy of a recorded run was measured: all of it by sensors, a part of it, or none, or whether it was declared.

    A model of a recorded load is no measurement, nor is a sensor's silence.
    """
    if runs and all(run.declared is not None for run in runs):
        return "worked out from declared facts"
    parts = [part for part in footprint.breakdown if part.energy_kwh is not None and part.energy_kwh.central > 0]
    whole_kwh = sum(part.energy_kwh.central for part in parts if part.energy_kwh is not None)
    sensed_kwh = sum(part.energy_kwh.central for part in parts if part.energy_kwh is not None and part.grade in _SENSED)
    if not sensed_kwh:
        return "modelled from a recorded run"
    silent = any(one.grade is None or (one.grade in _SENSED and one.read_ratio < _NEARLY) for one in footprint.coverage)
    known = footprint.it_energy_kwh
    missing = known is not None and whole_kwh < _NEARLY * known.central
    return "measured" if sensed_kwh >= _NEARLY * whole_kwh and not silent and not missing else "measured in part"


def account(runs: Sequence[Run]) -> str:
    """Which runs, of what kind, how they lay in time, and how they ended: `2 runs of finetune (1 completed, 1 failed), …`."""
    ends = ", ".join(
        f"{sum(run.outcome == outcome for run in runs)} {outcome if outcome != 'unknown' else 'whose end nobody saw'}"
        for outcome in dict.fromkeys(run.outcome for run in runs)
    )
    if len(runs) == 1:
        ends = ends.partition(" ")[2]
    days = sorted({run.started_at[:10] for run in runs})
    when = f"started {days[0]}" if len(days) == 1 else f"started {days[0]} to {days[-1]}"
    names = list(dict.fromkeys(text.clean(run.name, limit=60) for run in runs))
    named = ", ".join(names[:_NAMES]) + (f" and {len(names) - _NAMES} others" if len(names) > _NAMES else "")
    hosts = {run.host.boot_id or run.host.name for run in runs}
    machines = [f"on {len(hosts)} machines"] if len(hosts) > 1 else []
    kinds = ", ".join(sorted({run.kind for run in runs}))
    parts = [f"{text.plural(len(runs), 'run')} of {named} ({ends})", kinds, *machines, *_arranged(runs), f"{when} (UTC)"]
    return "; ".join(part for part in parts if part != "other")


def _arranged(runs: Sequence[Run]) -> list[str]:
    """How runs lay in time; those that are nested in another one aside."""
    ids = {run.id for run in runs}
    outer = [run for run in runs if run.parent not in ids]
    nested = [f"{len(runs) - len(outer)} of them inside another"] if len(outer) < len(runs) else []
    if len(outer) < 2:  # noqa: PLR2004 - one run lies as it likes
        return nested
    marks: list[tuple[float, int]] = []
    for run in outer:
        start_s = datetime.fromisoformat(run.started_at).timestamp()
        # What overlaps by no more than a moment follows the other.
        marks += [(start_s, 1), (start_s + max(0.0, run.duration_s - _MOMENT_S), -1)]
    most = now = 0
    for _, step in sorted(marks):
        now += step
        most = max(most, now)
    if most <= 1:
        return [*nested, "one after the other"]
    return [*nested, "all at the same time" if most == len(outer) else f"up to {most} at the same time"]


def energy_of(footprint: Footprint) -> str | None:
    """A footprint's energy in words; None if it is unknown."""
    held = footprint.accelerator_energy_kwh
    host = "the server, which has no accelerator" if held is not None and held.high == 0 else "accelerators and host"
    of_it = host if footprint.scope == "server" else "accelerators alone, their host not counted"
    whole, it = footprint.energy_kwh, footprint.it_energy_kwh
    it_text = f"{_energy(it)} of {of_it}" if it is not None else ""
    if whole is None:
        return it_text or None
    factor = f" of {text.number(footprint.pue.central)}" if footprint.pue is not None else ""
    site = f"with what the site adds for cooling and power supply (a PUE{factor})"
    return f"{_energy(whole)}: {it_text}, {site}" if it_text else f"{_energy(whole)} {site}"


def _energy(value: Range) -> str:
    return text.energy_range(value.low, value.central, value.high)


def _grid(place: Place) -> str | None:
    """What people call the grid of a place: by its zone, for a region's own name is that of a town."""
    if place.zone is None:
        return place.name
    from footprint.place import resolve

    try:
        found = resolve(zone=place.zone)
    except ConfigError:
        found = None  # one that a later edition does not know any more
    return (found.name if found is not None else None) or place.zone


def product_of(footprint: Footprint) -> str | None:
    """How energy and the grid's intensity make the emissions, where one product does: `440.1 kWh x 348.2 g CO2eq/kWh`."""
    energy, intensity, emissions = footprint.energy_kwh, footprint.intensity_g_per_kwh, footprint.emissions_g
    if energy is None or intensity is None or emissions is None:
        return None
    if abs(energy.central * intensity.central - emissions.central) > _ROUNDING * emissions.central:
        return None  # by the hours of the run, say
    grid = _grid(footprint.place) if footprint.place is not None and footprint.basis != "stated" else None
    of = f" (grid: {text.clean(grid, limit=80)})" if grid else ""
    name, scale = text.unit_for(energy.central, text.ENERGY)
    # One figure more than the emissions have, so that who multiplies gets them.
    factors = [text.number(value, text.FIGURES + 1) for value in (energy.central / scale, intensity.central)]
    return f"{factors[0]} {name} x {factors[1]} g CO2eq/kWh{of}"
