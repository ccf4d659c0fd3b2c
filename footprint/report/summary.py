"""From runs and their footprints to the data of a report.

`summarise` is pure: it reads no store, no clock and no file.

Every joule is counted once. A run that is nested in another one of the selection is part of that one: it has its row, and
it is in no total and no group, so that the groups of a dimension add up to the total.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from footprint.derive import Account, Total
from footprint.derive.nesting import containers
from footprint.derive.portions import portions
from footprint.derive.working import NO_PLACE
from footprint.ledger.words import hardware, region
from footprint.model import Factor, Footprint, Range, Run
from footprint.report import grouping, words
from footprint.report.actions import actions
from footprint.report.data import Amounts, FactorUse, Group, Note, Options, RunRow, Summary, Unknown
from footprint.report.equivalences import equivalences
from footprint.report.evidence import device_rows, measured_ratio, shares
from footprint.report.work import work

__all__ = ["ALWAYS", "DIMENSIONS", "Options", "Summary", "completed", "run_row", "stated_only", "summarise"]

DIMENSIONS: Final = (
    "account", "name", "project", "team", "user", "model", "kind", "hardware", "provider", "region", "outcome", "basis",
)  # fmt: skip
ALWAYS: Final = ("account", "name", "kind", "hardware", "region", "outcome")
"""Those that are in a summary even where no run states any: what is not stated is then in sight."""


def summarise(runs: Sequence[Run], account: Account, options: Options | None = None) -> Summary:
    """Sum runs up.

    Args:
        runs: the selection, in any order.
        account: the footprints of these runs, one by one and together.
        options: how to group and cut.

    Raises:
        ConfigError: if `options.group_by` is no dimension.
    """
    options = options or Options()
    grouping.check(options.group_by)
    runs = sorted(runs, key=lambda run: (run.started_at, run.id), reverse=True)
    within = containers([run.id for run in runs], {run.id: run for run in runs})
    counted = [run for run in runs if within[run.id] is None]
    prints = {run.id: account.footprint(run.id) for run in runs}
    ids = [run.id for run in counted]
    whole = account.total(ids)
    parts = account.counted(ids)
    dimensions = dict.fromkeys((options.group_by, *DIMENSIONS))
    sums = _Sums(account, parts, counted)
    by = stated_only({name: _groups(name, sums, options.groups) for name in dimensions}, options.group_by)
    step = grouping.time_step([run.started_at for run in counted])
    known_how = shares(counted, parts)
    uses = _factor_uses(counted, prints)
    places = {use.factor: index for index, use in enumerate(uses)}
    shown = runs[: options.rows] if options.rows else runs
    bases = tuple(sorted({basis for run in counted if (basis := prints[run.id].basis)}))
    summary = Summary(
        options=options,
        started_at=min((run.started_at for run in runs), default=None),
        ended_at=max((grouping.ended_at(run) for run in runs), default=None),
        all_runs=len(runs),
        total=sums.of(counted),
        scopes=tuple(sorted({prints[run.id].scope for run in counted})),
        bases=bases,
        measured_ratio=measured_ratio(known_how),
        lost_ratio=lost(by["outcome"]),
        shares=known_how,
        components=whole.footprint.breakdown,
        devices=device_rows(counted, portions(counted, {run.id: run for run in runs}, "machine")),
        unknown=_unknown(counted, prints),
        by=by,
        over_time=_groups(step, sums, 0),
        time_step=step,
        rows=tuple(run_row(run, prints[run.id], within[run.id], places) for run in shown),
        factors=uses,
        warnings=_warnings(counted, prints, (*options.notes, *whole.footprint.warnings)),
        factors_version=", ".join(sorted({p.factors_version for p in prints.values() if p.factors_version})),
        work=work(counted, parts, sums.of),
    )
    return completed(summary)


def completed(summary: Summary) -> Summary:
    """A summary with what follows from the rest of it: what its total compares with, and what to do next.

    Whoever adds to a summary (`idle_ratio`, another total) completes it again.
    """
    return msgspec.structs.replace(summary, equivalences=equivalences(summary.total, summary.bases), actions=actions(summary))


def stated_only(by: Mapping[str, tuple[Group, ...]], group_by: str) -> dict[str, tuple[Group, ...]]:
    """The dimensions in which some run states something, and those that are always there.

    Args:
        by: the groups of each dimension.
        group_by: the dimension that the report is about.
    """
    return {
        name: groups
        for name, groups in by.items()
        if name == group_by or name in ALWAYS or any(group.key or group.merged for group in groups)
    }


# -- Sums -------------------------------------------------------------------------------------------------------------


class _Sums:
    """What sets of the counted runs add up to, each set once: many dimensions divide the runs alike.

    Of runs that overlapped in different sets, too, each joule counts once: the parts of a division add up to the whole.
    """

    def __init__(self, account: Account, prints: Mapping[str, Footprint], runs: Sequence[Run]) -> None:
        self.prints, self.runs = prints, runs
        self._account, self._ids = account, [run.id for run in runs]
        self._known: dict[frozenset[str], Amounts] = {}

    def of(self, runs: Sequence[Run]) -> Amounts:
        """The sum of some of the runs."""
        ids = [run.id for run in runs]
        key = frozenset(ids)
        if key not in self._known:
            one = self.prints[ids[0]] if len(ids) == 1 else None
            # Of one whose sum is not known no part is in a sum, either.
            whole = _alone(one) if one is not None and one.energy_kwh is not None else self._account.total(ids, self._ids)
            self._known[key] = _amounts(runs, whole, self.prints, self._account.device_s(ids, self._ids))
        return self._known[key]


def _alone(counted: Footprint) -> Total:
    """The sum of one run: what counts of it."""
    energy, emissions = counted.energy_kwh is not None, counted.emissions_g is not None
    return Total(footprint=counted, runs=1, with_energy=int(energy), with_emissions=int(emissions))


def _amounts(runs: Sequence[Run], total: Total, prints: Mapping[str, Footprint], device_s: float) -> Amounts:
    """What the runs add up to; of none, nothing is known."""
    time_s = sum(run.duration_s for run in runs)
    whole = total.footprint
    return Amounts(
        runs=len(runs),
        with_energy=total.with_energy,
        with_emissions=total.with_emissions,
        with_direct=sum(prints[run.id].emissions_direct_g is not None for run in runs),
        with_market=sum(prints[run.id].emissions_market_g is not None for run in runs),
        duration_s=time_s,
        device_s=device_s,
        energy_kwh=whole.energy_kwh,
        it_energy_kwh=whole.it_energy_kwh,
        accelerator_energy_kwh=whole.accelerator_energy_kwh,
        emissions_g=whole.emissions_g,
        emissions_direct_g=whole.emissions_direct_g,
        emissions_market_g=whole.emissions_market_g,
        embodied_g=whole.embodied_g,
        water_l=whole.water_l,
    )


def _groups(dimension: str, sums: _Sums, limit: int) -> tuple[Group, ...]:
    """The groups of one dimension, largest energy first (time: in order); the smallest put together beyond `limit`."""
    prints = sums.prints
    members = grouping.members(dimension, sums.runs, prints)
    weight = {key: sum(_central(prints[run.id].energy_kwh) for run in some) for key, some in members.items()}
    keys = sorted(members) if dimension in grouping.IN_TIME else sorted(members, key=lambda key: (-weight[key], key))
    whole = sum(weight.values())
    kept = keys if not limit or len(keys) <= limit else keys[: limit - 1]
    parts: list[tuple[str, list[Run], int]] = [(key, members[key], 0) for key in kept]
    if rest := keys[len(kept) :]:
        parts.append(("", [run for key in rest for run in members[key]], len(rest)))
    labels = grouping.labels({key: members[key] for key in kept})
    return tuple(
        Group(
            key=key,
            label="" if merged else labels[key][0],
            apart="" if merged else labels[key][1],
            amounts=sums.of(some),
            energy_ratio=_ratio([prints[run.id].energy_kwh for run in some], whole),
            merged=merged,
        )
        for key, some, merged in parts
    )


def _ratio(energies: Sequence[Range | None], whole_kwh: float) -> float | None:
    """The share of the whole that is known to be of some runs; of runs whose energy is unknown, so is the share."""
    known = [energy.central for energy in energies if energy]
    return sum(known) / whole_kwh if whole_kwh and known else None


def _central(value: Range | None) -> float:
    """The middle, for shares and order, where what is unknown weighs nothing."""
    return value.central if value else 0.0


def lost(outcomes: Sequence[Group]) -> float | None:
    """The share of the energy of runs that failed or were interrupted."""
    known = [group for group in outcomes if group.energy_ratio is not None]
    return sum(group.energy_ratio or 0.0 for group in known if group.key in {"failed", "interrupted"}) if known else None


# -- Lists ------------------------------------------------------------------------------------------------------------


def _unknown(runs: Sequence[Run], prints: Mapping[str, Footprint]) -> tuple[Unknown, ...]:
    """What is not known, the most frequent first, after what can be mended what we do not count."""
    count = Counter(what for run in runs for what in dict.fromkeys(prints[run.id].unknown))
    return tuple(Unknown(what=what, runs=many, of=len(runs), advice=words.advice(what)) for what, many in count.most_common())


def _factor_uses(runs: Sequence[Run], prints: Mapping[str, Footprint]) -> tuple[FactorUse, ...]:
    """The factors used, in the order of their ids."""
    count = Counter(factor for run in runs for factor in dict.fromkeys(prints[run.id].factors))
    return tuple(
        FactorUse(factor=factor, runs=many)
        for factor, many in sorted(count.items(), key=lambda item: (item[0].id, item[0].year or 0, item[0].central, item[0].note))
    )


def _warnings(runs: Sequence[Run], prints: Mapping[str, Footprint], notes: Sequence[str]) -> tuple[Note, ...]:
    """The ledger's problems, then the runs' warnings, the most frequent first."""
    count = Counter(text for run in runs for text in _warned(run, prints[run.id]))
    ours = tuple(Note(message=message, runs=0) for message in notes)
    return ours + tuple(Note(message=message, runs=many) for message, many in count.most_common())


def _warned(run: Run, derived: Footprint) -> tuple[str, ...]:
    """A run's warnings, each once; that the place is unknown stands among what is unknown."""
    return tuple(text for text in dict.fromkeys((*run.warnings, *derived.warnings)) if text != NO_PLACE)


def run_row(run: Run, derived: Footprint, within: str | None, places: dict[Factor, int]) -> RunRow:
    """One run's row; a nested run's factors that no counted run uses have no place in the list."""
    return RunRow(
        id=run.id,
        name=run.name,
        account=run.account,
        kind=run.kind,
        outcome=run.outcome,
        started_at=run.started_at,
        duration_s=run.duration_s,
        hardware=hardware(run),
        region=region(run),
        place_known_by=run.place.known_by if run.place else None,
        within=within,
        scope=derived.scope,
        basis=derived.basis,
        energy_kwh=derived.energy_kwh,
        it_energy_kwh=derived.it_energy_kwh,
        accelerator_energy_kwh=derived.accelerator_energy_kwh,
        emissions_g=derived.emissions_g,
        emissions_direct_g=derived.emissions_direct_g,
        emissions_market_g=derived.emissions_market_g,
        pue=derived.pue,
        intensity_g_per_kwh=derived.intensity_g_per_kwh,
        breakdown=derived.breakdown,
        coverage=derived.coverage,
        devices=device_rows([run]),
        factors=tuple(places[factor] for factor in derived.factors if factor in places),
        unknown=derived.unknown,
        warnings=_warned(run, derived),
        labels=run.labels,
        work=run.work,
        embodied_g=derived.embodied_g,
        water_l=derived.water_l,
    )
