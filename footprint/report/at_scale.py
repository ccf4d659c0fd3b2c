"""A summary of more runs than can be derived one by one: sums of facts by factor key, made where the ledger lies.

It is the same data as `summary.summarise` makes, each joule once. Rows are those of the newest runs. What cannot be told at
this size is said in the warnings: what runs themselves warned of, and what work they counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from footprint.accounting.ranges import Quantity
from footprint.derive import Account
from footprint.derive.measured import derive_run
from footprint.derive.pieces import GroupTotal
from footprint.derive.several import Several, Tally, each_key
from footprint.derive.working import NO_PLACE, Working, range_of
from footprint.ledger.engines.facts import read_these
from footprint.ledger.questions import literal, question
from footprint.model import ComponentName, Factor
from footprint.reference import current_edition
from footprint.report import grouping, words
from footprint.report.data import Amounts, DeviceRow, FactorUse, Group, Note, Options, RunRow, Share, Summary, Unknown
from footprint.report.evidence import Known, KnownHow, measured_ratio, shares_of
from footprint.report.grouping import COMPONENTS
from footprint.report.summary import DIMENSIONS, completed, lost, run_row, stated_only
from footprint.report.use import shown, used
from footprint.text import plural

MOST_ROWS: Final = 100_000
"""Of more runs than this no rows are made, even where all are wanted: each is derived by itself."""
_ROWS_AT_ONCE: Final = 1_000
_DAY_US: Final = 86_400_000_000
_UNTOLD: Final = (
    "so many runs are summed by what they have in common: what runs warned of themselves, and what work they counted, is not told"
)
_MJ_PER_KWH: Final = 3.6e9


class Period(NamedTuple):
    """How many runs are asked about, when the first of them began, the last began, and the last ended."""

    runs: int
    first_us: int
    last_us: int
    ended_us: int


class AtScale:
    """The summary of a large ledger.

    Args:
        engine: the ledger.
        asked: which runs it is about, see `ledger.questions.question`.
        period: of these runs.
        options: how to group and cut.
    """

    def __init__(self, engine: Any, asked: dict[str, Any], period: Period, options: Options) -> None:
        self._engine, self._period, self._options = engine, period, options
        days = period.last_us // _DAY_US - period.first_us // _DAY_US
        self._step = "day" if days <= grouping.DAYS_SHOWN else "month"
        limits = {name: 0 if name in grouping.IN_TIME else options.groups for name in (options.group_by, *DIMENSIONS, self._step)}
        self._sums = Several(engine, options.attribution, asked, limits)

    def summary(self) -> tuple[Summary, Quantity | None, Quantity | None]:
        """The summary, and the totals that it states with their draws.

        Raises:
            LedgerError: if the ledger cannot be read.
        """
        sums, options, period = self._sums, self._options, self._period
        sums.sums()
        whole = sums.whole
        weights = {name: [tally.weight_kwh for tally in groups] for name, groups in sums.by.items()}
        named = self._names({tally.key for groups in sums.by.values() for tally in groups})
        by = {name: _groups(groups, weights[name], named) for name, groups in sums.by.items()}
        over_time = by[self._step]
        if self._step not in {options.group_by, *DIMENSIONS}:
            del by[self._step]
        known_how = _shares(sums)
        uses = _factor_uses(sums)
        rows, problems = self._rows(uses)
        told = used(self._ask, period.first_us, period.ended_us)
        summary = Summary(
            options=options,
            started_at=shown(period.first_us),
            ended_at=shown(period.ended_us),
            all_runs=period.runs,
            total=_amounts(whole),
            scopes=tuple(sorted({work.scope for work in _workings(sums)})),
            bases=tuple(sorted({basis for work in _workings(sums, there=True) if (basis := work.basis)})),
            measured_ratio=measured_ratio(known_how),
            lost_ratio=lost(by["outcome"]),
            shares=known_how,
            components=whole.total.footprint.breakdown,
            devices=self._devices(),
            unknown=_unknown(whole.total),
            by=stated_only(by, options.group_by),
            over_time=over_time,
            time_step=self._step,
            rows=rows,
            factors=uses,
            warnings=self._warnings(len(rows), (*options.notes, *sums.problems, *problems)),
            factors_version=current_edition(),
            use=told.use,
            use_step=told.step,
            idle_ratio=told.idle_ratio,
            idle_seen_ratio=told.idle_seen_ratio,
            how="groups",
        )
        return completed(summary), whole.total.sheet.facility, whole.total.sheet.emissions

    def _ask(self, name: str, **more: Any) -> Any:
        """An answer about what meters read, where runs whose energy is not known share joules, too, unlike in footprints."""
        if self._sums.unknown:
            return self._sums.query(question(name, **self._sums.asked, attribution=self._options.attribution, **more))
        return self._sums.ask(name, **more)

    def _names(self, keys: Iterable[str]) -> dict[str, str]:
        """The names of runs whose ids are keys."""
        ids = ", ".join(map(literal, sorted(key for key in keys if key)))
        if not ids:
            return {}
        found = self._sums.query(f"SELECT r.id, r.name FROM runs r WHERE r.id IN ({ids})")  # noqa: S608 - literals
        return dict(found.rows)

    def _rows(self, uses: Sequence[FactorUse]) -> tuple[tuple[RunRow, ...], tuple[str, ...]]:
        """The rows of the newest runs, each derived by itself."""
        newest = self._sums.ask("newest", most=min(self._options.rows or MOST_ROWS, MOST_ROWS)).rows
        within: Mapping[str, str | None] = dict(newest)
        places: dict[Factor, int] = {use.factor: index for index, use in enumerate(uses)}
        rows: list[RunRow] = []
        problems: list[str] = []
        for begin in range(0, len(newest), _ROWS_AT_ONCE):  # facts are many times as long as the rows that come of them
            reading = read_these(self._engine, [run_id for run_id, _ in newest[begin : begin + _ROWS_AT_ONCE]])
            account = Account(reading.runs, self._options.attribution)
            rows += [run_row(run, account.footprint(run.id), within.get(run.id), places) for run in reading.runs]
            problems += reading.problems
        return tuple(rows), tuple(dict.fromkeys(problems))

    def _devices(self) -> tuple[DeviceRow, ...]:
        answer = self._ask("models")
        if any(row[-1] for row in answer.rows) and self._options.attribution == "share":
            # What was read of devices that nobody held, too, counts once.
            answer = self._sums.query(question("models", **self._sums.asked, attribution="machine"))
        found = []
        for component, name, meter, grade, devices, runs, energy_mj, read_s, _ in answer.rows:
            energy_kwh = None if energy_mj is None else energy_mj / _MJ_PER_KWH
            found.append(
                DeviceRow(
                    name=name, component=component, meter=meter, grade=grade, devices=int(devices), runs=int(runs),
                    energy_kwh=energy_kwh, read_s=float(read_s),
                )
            )  # fmt: skip
        return tuple(sorted(found, key=lambda row: (COMPONENTS.index(row.component), row.name, row.meter, row.grade)))

    def _warnings(self, n_rows: int, notes: Sequence[str]) -> tuple[Note, ...]:
        """What is wrong with the ledger and untold at this size, then what factors warn of, the most frequent first."""
        sums = self._sums
        ours = [*notes, *sums.whole.total.sheet.warnings, _UNTOLD]
        if n_rows < self._period.runs and n_rows >= MOST_ROWS:
            ours.append(
                f"rows are those of the newest {plural(n_rows, 'run')} of {self._period.runs:,}: --since and --name choose others"
            )
        count: Counter[str] = Counter()
        for _, factors, runs in each_key(sums):
            count.update(dict.fromkeys((*factors.units.whole.warnings, *factors.there.whole.warnings), runs))
        for one in sums.aparts:
            count.update(dict.fromkeys((*one.run.warnings, *one.working.warnings), 1))
        del count[NO_PLACE]
        own = (Note(message=message, runs=runs) for message, runs in count.most_common())
        return (*(Note(message=message, runs=0) for message in dict.fromkeys(ours)), *own)


def period_of(answer: Any) -> Period:
    """The answer to the question `period`."""
    ((runs, *times),) = answer.rows
    return Period(int(runs), *(int(time or 0) for time in times))


# -- Groups ------------------------------------------------------------------------------------------------------------


def _amounts(tally: Tally) -> Amounts:
    total, sheet = tally.total, tally.total.sheet
    return Amounts(
        runs=total.runs,
        with_energy=total.with_energy,
        with_emissions=total.with_emissions,
        with_direct=tally.direct,
        with_market=tally.market,
        duration_s=tally.duration_s,
        device_s=tally.device_s,
        energy_kwh=range_of(sheet.facility),
        it_energy_kwh=range_of(sheet.it),
        accelerator_energy_kwh=range_of(sheet.parts.get("accelerators")),
        emissions_g=range_of(sheet.emissions),
        emissions_direct_g=range_of(sheet.emissions_direct),
        emissions_market_g=range_of(sheet.emissions_market),
        embodied_g=range_of(sheet.embodied),
        water_l=range_of(sheet.water),
    )


def _groups(tallies: Sequence[Tally], weights: Sequence[float | None], named: Mapping[str, str]) -> tuple[Group, ...]:
    whole_kwh = sum(weight for weight in weights if weight is not None)
    begun = {tally.key: "" if tally.started_us is None else shown(tally.started_us) for tally in tallies if not tally.merged}
    labels = grouping.told_apart({key: named.get(key, key) for key in begun}, begun)
    return tuple(
        Group(
            key=tally.key,
            label="" if tally.merged else labels[tally.key][0],
            apart="" if tally.merged else labels[tally.key][1],
            amounts=_amounts(tally),
            energy_ratio=weight / whole_kwh if whole_kwh and weight is not None else None,
            merged=tally.merged,
        )
        for tally, weight in zip(tallies, weights, strict=True)
    )


# -- How it is known -----------------------------------------------------------------------------------------------------


def _shares(sums: Several) -> tuple[Share, ...]:
    """How each component's energy is known, strongest grade first, as `evidence.shares` has it.

    Of how much of the time accelerators were read is told by device; of CPUs and memory, by the time for which CPU time was read.
    """
    found: KnownHow = {}

    def add(
        work: Working, energies: Mapping[ComponentName, float], read: Mapping[ComponentName, float], runs: int, time_s: float
    ) -> None:
        for name in dict.fromkeys((*read, *work.parts)):
            energy = energies.get(name)
            if name not in read and energy == 0.0:
                continue  # a component that is known not to be there
            one = found.setdefault((name, None if energy is None else work.grades[name]), Known())
            one.energy_kwh += energy or 0.0
            one.time_s += time_s
            one.read_s += time_s * read.get(name, 0.0)
            one.runs += runs

    by_key = _energies(sums)
    alone = Counter[str]()
    for apart in sums.aparts:
        alone[apart.factor_key] += 1
        work = apart.working
        energies = {name: part.central for name, part in work.parts.items() if part is not None}
        add(work, energies, {one.component: one.read_ratio for one in work.coverage}, 1, apart.run.duration_s)
    for key, factors, runs in each_key(sums):
        work = factors.units.whole
        read_s, time_s = sums.cpu_read_s[key]
        ratio = min(1.0, read_s / time_s) if time_s else 0.0
        read = {one.component: one.read_ratio if one.read_ratio in {0.0, 1.0} else ratio for one in work.coverage}
        read |= {name: one for name, one in by_key[key][1].items() if read.get(name)}
        energies = {name: by_key[key][0].get(name, 0.0) for name, part in work.parts.items() if part is not None}
        add(work, energies, read, runs, time_s * runs / (runs + alone[key]))
    return shares_of(found)


def _energies(sums: Several) -> dict[str, tuple[dict[ComponentName, float], dict[ComponentName, float]]]:
    """By factor key each component's energy, kWh of IT equipment, and the share of the time that accelerators were read."""
    found: dict[str, tuple[dict[ComponentName, float], dict[ComponentName, float]]] = {}
    times: dict[str, list[float]] = {}
    for key, _, _ in each_key(sums):
        found[key], times[key] = ({}, {}), [0.0, 0.0]
    for one, piece in sums.pieces:
        energies, _ = found[one.key]
        for weights, rates in zip(piece.runs, sums.rates_of(one), strict=True):
            for component, kwh in rates.items():
                energies[component] = energies.get(component, 0.0) + kwh * weights.w
        if one.of is not None and one.of.held != 0:
            times[one.key][0] += piece.runs[piece.part("read_s")].w
            times[one.key][1] += piece.runs[piece.part("used_s")].w
    for key, (read_s, used_s) in times.items():
        if used_s:
            found[key][1]["accelerators"] = min(1.0, read_s / used_s)
    return found


def _workings(sums: Several, *, there: bool = False) -> list[Working]:
    """The sheets of what runs have in common, and of those that were derived one by one."""
    alike = [factors.there.whole if there else factors.units.whole for _, factors, _ in each_key(sums)]
    return [*alike, *(one.working for one in sums.aparts)]


def _unknown(total: GroupTotal) -> tuple[Unknown, ...]:
    return tuple(
        Unknown(what=what, runs=runs, of=total.runs, advice=words.advice(what)) for what, runs in total.unknown.most_common()
    )


def _factor_uses(sums: Several) -> tuple[FactorUse, ...]:
    """The factors used, in the order of their ids."""
    count: Counter[Factor] = Counter()
    for _, factors, runs in each_key(sums):
        both = factors.units.whole.factors | factors.there.whole.factors
        # Where there is no energy, there is nothing to multiply with some of them.
        known = both if factors.known.energy else derive_run(factors.example, sums.attribution).factors
        count.update(dict.fromkeys(known.values(), runs))
    for one in sums.aparts:
        count.update(dict.fromkeys(one.working.factors.values(), 1))
    in_order = sorted(count.items(), key=lambda item: (item[0].id, item[0].year or 0, item[0].central, item[0].note))
    return tuple(FactorUse(factor=factor, runs=runs) for factor, runs in in_order)
