"""What the ledger adds up to, by the labels that were chosen: each joule once, as the ledger's own questions have it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from footprint import units as u
from footprint.errors import ConfigError
from footprint.integrations.exporting.families import OTHERS, Labels, label_name, label_value, labels_of, summed
from footprint.ledger.questions import key_expression, question
from footprint.model import Range

MOST_GROUPS: Final = 1_000
MOST_UNITS: Final = 20
_CHANGING: Final = {
    "outcome": "a run that ends would take its joules from one counter to another; footprint_ledger_runs is by outcome",
    "component": "a run's footprint is of all its components; footprint_read_joules_total is by component",
}
_RESERVED: Final = {"component", "grade", "outcome", "unit"}
_ADVICE: Final = "choose keys of few values, such as project, team, kind or hardware"

Group = tuple[str, ...]


class Sums(NamedTuple):
    """The sums of a ledger; of what is not known there is no value, and it is in no sum.

    Energies are in joules of the facility (`it_j`: at the plug), masses in grams. `unknown_energy` and `unknown_emissions` are
    numbers of runs. `read_j` is what meters read.
    """

    runs: int
    energy_j: dict[Labels, float]
    energy_low_j: dict[Labels, float]
    energy_high_j: dict[Labels, float]
    emissions_g: dict[Labels, float]
    emissions_low_g: dict[Labels, float]
    emissions_high_g: dict[Labels, float]
    embodied_g: dict[Labels, float]
    unknown_energy: dict[Labels, float]
    unknown_emissions: dict[Labels, float]
    it_j: dict[Labels, float]
    by_outcome: dict[Labels, float]
    work: dict[Labels, float]
    read_j: dict[Labels, float]
    groups: tuple[Group, ...]
    left_out: int
    problems: tuple[str, ...]


def checked_keys(by: Sequence[str]) -> tuple[str, ...]:
    """The keys to tell by, each of which becomes a label.

    Raises:
        ConfigError: for a key that there is not, that changes while a run goes on, or two that become one label.
    """
    names: dict[str, str] = {}
    for key in by:
        if key in _CHANGING:
            raise ConfigError(f"--by {key}: {_CHANGING[key]}")
        key_expression(key)
        name = label_name(key)
        if name in names or name in _RESERVED:
            raise ConfigError(f"--by {key}: there is a label {name} already; name each key once")
        names[name] = key
    return tuple(by)


def gather(engine: Any, by: Sequence[str], named: Iterable[Group], limit: int) -> Sums:
    """Sum up a ledger.

    Args:
        engine: the ledger, see `open_ledger`.
        by: the keys to tell by.
        named: the groups that have series of their own.
        limit: so many groups may; those beyond are told together.

    Raises:
        LedgerError: if it cannot be read.
        ConfigError: if there are more groups than can be derived.
    """
    from footprint.derive import group_totals

    outcomes = _counted(engine, by)
    if len({row[:-2] for row in outcomes}) > MOST_GROUPS:
        raise ConfigError(f"--by {','.join(by)}: the ledger has more than {MOST_GROUPS:,} such groups; {_ADVICE}")
    totals = group_totals(engine, by=by)
    energies = {_group(row.keys): row.energy_kwh.central if row.energy_kwh else 0.0 for row in totals.rows}
    groups = _chosen(energies, named, limit)
    at = _At(by, groups)
    work, left_out = _work(engine, by, at)
    return Sums(
        runs=sum(row.runs for row in totals.rows),
        energy_j=summed((at(row.keys), _end(row.energy_kwh, "central", u.J_PER_KWH)) for row in totals.rows),
        energy_low_j=summed((at(row.keys), _end(row.energy_kwh, "low", u.J_PER_KWH)) for row in totals.rows),
        energy_high_j=summed((at(row.keys), _end(row.energy_kwh, "high", u.J_PER_KWH)) for row in totals.rows),
        emissions_g=summed((at(row.keys), _end(row.emissions_g, "central")) for row in totals.rows),
        emissions_low_g=summed((at(row.keys), _end(row.emissions_g, "low")) for row in totals.rows),
        emissions_high_g=summed((at(row.keys), _end(row.emissions_g, "high")) for row in totals.rows),
        embodied_g=summed(
            (at(row.keys), None if row.sheet.embodied is None else row.sheet.embodied.central) for row in totals.rows
        ),
        unknown_energy=summed((at(row.keys), float(row.runs - row.with_energy)) for row in totals.rows),
        unknown_emissions=summed((at(row.keys), float(row.runs - row.with_emissions)) for row in totals.rows),
        it_j=summed(_by_grade(totals.rows, at)),
        by_outcome=summed((at(row[:-2], outcome=str(row[-2])), float(row[-1])) for row in outcomes),
        work=work,
        read_j=summed(_read(engine)),
        groups=tuple(groups),
        left_out=len(energies.keys() - set(groups)) + left_out,
        problems=totals.problems,
    )


def _end(known: Range | None, end: str, times: float = 1.0) -> float | None:
    return None if known is None else float(getattr(known, end)) * times


class _At:
    """The labels of a row, by its keys: its own group's, or those of the others."""

    def __init__(self, by: Sequence[str], groups: Sequence[Group]) -> None:
        self._names, self._groups = [label_name(key) for key in by], set(groups)
        self._others = (OTHERS,) * len(by)

    def __call__(self, keys: Sequence[Any], **more: str) -> Labels:
        group = _group(keys)
        return labels_of(self._names, group if group in self._groups else self._others, **more)


def _group(keys: Sequence[Any]) -> Group:
    return tuple(map(label_value, keys))


def _chosen(energies: Mapping[Group, float], named: Iterable[Group], limit: int) -> list[Group]:
    """The groups that have series of their own: those that had them, then the greatest there is room for."""
    known = list(dict.fromkeys(named))
    new = sorted((group for group in energies if group not in set(known)), key=lambda group: (-energies[group], group))
    return known + new[: max(0, limit - len(known))]


def _counted(engine: Any, by: Sequence[str]) -> list[tuple[Any, ...]]:
    """The keys, the outcome and the number of the runs that share both."""
    keys = "".join(f"{key_expression(key)}, " for key in by)
    rows: list[tuple[Any, ...]] = engine.query(f"SELECT {keys}r.outcome, COUNT(*) FROM runs r GROUP BY ALL").rows  # noqa: S608 - checked keys
    return rows


def _work(engine: Any, by: Sequence[str], at: _At) -> tuple[dict[Labels, float], int]:
    """What runs counted, by unit: the units that most runs counted; and how many units are left out."""
    keys = "".join(f"{key_expression(key)}, " for key in by)
    source = "runs r, json_each(r.facts, '$.work') w"
    found = engine.query(f"SELECT {keys}w.key, SUM(TRY_CAST(w.value AS DOUBLE)), COUNT(*) FROM {source} GROUP BY ALL").rows  # noqa: S608
    counts: Counter[str] = Counter()
    for *_, unit, amount, runs in found:
        if amount is not None and math.isfinite(amount) and amount > 0:
            counts[label_value(unit)] += runs
    units = {unit for unit, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_UNITS]}
    parts = (
        (at(keys, unit=label_value(unit)), float(amount))
        for *keys, unit, amount, _ in found
        if amount is not None and math.isfinite(amount) and amount > 0 and label_value(unit) in units
    )
    return summed(parts), len(counts) - len(units)


def _read(engine: Any) -> Iterator[tuple[Labels, float | None]]:
    """What meters read of all runs, each joule once, by component and grade."""
    answer = engine.query(question("models"))
    place = {name: index for index, name in enumerate(answer.columns)}
    for row in answer.rows:
        energy_mj = row[place["energy_mj"]]
        labels = labels_of((), (), component=str(row[place["component"]]), grade=str(row[place["grade"]]))
        yield labels, None if energy_mj is None else energy_mj / 1e3


def _by_grade(rows: Iterable[Any], at: _At) -> Iterator[tuple[Labels, float | None]]:
    """The energy at the plug by component, and by how it is known."""
    for row in rows:
        for sheet in row.workings:
            for component, energy in sheet.parts.items():
                if energy is not None and energy.central > 0:
                    more = {"component": component, "grade": sheet.grades[component]}
                    yield at(row.keys, **more), energy.central * u.J_PER_KWH
