"""How far a run has come, what it will have taken by its end, and what has become of its budget, in lines."""

from __future__ import annotations

from footprint import text
from footprint.model import Footprint, Run
from footprint.recorder.outlook import Forecast


def lines(run: Run, footprint: Footprint, forecast: Forecast | None) -> list[str]:
    """A line each; none for a run that tells nothing of the kind.

    Args:
        run: the run.
        footprint: what is derived from it so far.
        forecast: what is foreseen of it; null where it has ended.
    """
    told = []
    if run.progress:
        _, done, total = run.progress[-1]
        told.append(_line("progress", f"{text.number(done)} of {text.number(total)} ({text.percent(done / total)})"))
    told += [_line("budget", sentence) for sentence in _budgets(run, footprint)]
    if forecast is not None and (run.progress or run.budget_g is not None or run.budget_kwh is not None):
        told += [_line("forecast", sentence) for sentence in _forecast(forecast)]
    return told


def _budgets(run: Run, footprint: Footprint) -> list[str]:
    found = []
    for limit, spent, said, of in (
        (run.budget_g, footprint.emissions_g, text.mass, " CO2eq"),
        (run.budget_kwh, footprint.energy_kwh, text.energy, ""),
    ):
        if limit is None:
            continue
        used = "unknown" if spent is None else f"{said(spent.central)} ({text.percent(spent.central / limit)})"
        found.append(f"{used} of {said(limit)}{of}{': exceeded' if spent is not None and spent.central > limit else ''}")
    return found


def _forecast(forecast: Forecast) -> list[str]:
    """When it ends, and with what; why not, where that cannot be told."""
    ends, duration_s = forecast.ends_at, forecast.duration_s
    found = []
    if ends is not None and duration_s is not None:
        after = f"{text.duration(duration_s.central)} ({text.duration(duration_s.low)} to {text.duration(duration_s.high)})"
        found.append(f"ends {ends.central} ({ends.low} to {ends.high}), after {after}")
    if (kwh := forecast.energy_kwh) is not None:
        found.append(f"{text.energy_range(kwh.low, kwh.central, kwh.high)} in all")
    if (mass_g := forecast.emissions_g) is not None:
        found.append(f"{text.mass_range(mass_g.low, mass_g.central, mass_g.high)} CO2eq in all")
    return [*found, *(f"unknown, {reason}" for reason in forecast.unknown), *forecast.warnings]


def _line(label: str, value: str) -> str:
    return f"{label:10} {value}"
