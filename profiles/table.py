"""The table of results in `profiles/README.md`: written from the JSON files; `python -m profiles.table` renews it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from footprint import text
from footprint.profiling.results import Result, read_result
from footprint.profiling.statistics import Spread

HERE: Final = Path(__file__).resolve().parent
README: Final = HERE / "README.md"
_BETWEEN: Final = re.compile(r"(<!-- results: begin -->\n).*?(<!-- results: end -->)", re.DOTALL)
_HEAD: Final = (
    "profile",
    "work",
    "weights",
    "Wh for 1,000 (next profile, 90 %)",
    "with what meters and models may be wrong by",
    "units a second",
    "known by",
    "machine",
    "measured",
)
_J_PER_WH: Final = 3600.0
_PER: Final = 1000


def results() -> list[tuple[Path, Result]]:
    """All results that are kept, by profile and workload, the newest of a kind last."""
    found = [(path, read_result(path)) for path in sorted(HERE.glob("*/results/*.json"))]
    return sorted(found, key=lambda one: (one[0].parts[-3].lower(), one[1].workload.name, one[1].measured_at))


def table() -> str:
    """The results as Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(_row(path, result) for path, result in results())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write() -> None:
    """Put the table between its two comments in README.md."""
    page = README.read_text(encoding="utf-8")
    README.write_text(_BETWEEN.sub(lambda found: found[1] + table() + found[2], page), encoding="utf-8")


def machine_of(result: Result) -> str:
    """What it was measured on, in words, without a name of its own."""
    machine = result.machine
    chips = f", {', '.join(machine.accelerators)}" if machine.accelerators else ""
    kind = ", virtual" if machine.virtual else ""
    return f"{machine.cpu_name or 'unknown CPU'}, {text.plural(machine.logical_cpus, 'CPU')}{kind}{chips}"


def _row(path: Path, result: Result) -> tuple[str, ...]:
    profile, work, name = path.parts[-3], result.workload, path.relative_to(HERE).as_posix()
    energy = result.statistics["energy_j"].all
    wide = result.it_energy_kwh_per_1000
    grades = {
        part.component: part.grade
        for part in result.components
        if part.grade is not None and part.energy_kwh is not None and part.energy_kwh.central > 0
    }
    return (
        f"[{profile}]({profile}/)",
        f"{work.name} ({work.unit})",
        work.weights,
        "unknown" if energy is None else _spread(energy, _PER / _J_PER_WH),
        "unknown" if wide is None else text.span(wide.low * _PER, wide.high * _PER),
        "unknown" if (speed := result.statistics["throughput"].all) is None else _spread(speed, 1.0),
        ", ".join(f"{component}: {grade}" for component, grade in grades.items()) or "unknown",
        machine_of(result),
        f"[{result.measured_at[:10]}]({name})",
    )


def _spread(one: Spread, scale: float) -> str:
    mean = text.number(one.mean * scale)
    return mean if one.low is None or one.high is None else f"{mean} ({text.span(one.low * scale, one.high * scale)})"


if __name__ == "__main__":
    write()
