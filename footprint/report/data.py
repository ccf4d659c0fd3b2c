"""The data of a report: what every renderer takes, and nothing else.

A `Summary` is JSON-able as it stands (`msgspec.json.encode`), and that JSON is a contract: `schema` counts its versions.

    1  first version
       since then were added: equivalences, actions, work, use, idle_ratio, idle_seen_ratio, restated, compared, how,
       options.since and options.until

Types of quantities are as in `model`: a `Range` or null, where null is unknown.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from footprint.model import (
    Attribution,
    Basis,
    Component,
    ComponentName,
    Coverage,
    Factor,
    Grade,
    Kind,
    Outcome,
    Range,
    Scope,
)

SCHEMA: Final = 1


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to summarise, and what the caller knows of the selection. `rows` and `groups` cut; 0 is all.

    `selection` is the choice in the words of whoever made it; `since` and `until` are the period that it comes to, ISO 8601 in
    UTC, from the one to before the other, and empty where it is open.
    """

    group_by: str = "account"
    attribution: Attribution = "share"
    generated_at: str = ""
    selection: tuple[str, ...] = ()
    rows: int = 100
    groups: int = 24
    notes: tuple[str, ...] = ()
    since: str = ""
    until: str = ""


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """What some runs add up to; the `with_…` say how many of `runs` the energy and the emissions on each basis cover.

    `duration_s` is the runs' time, `device_s` the time for which accelerators were used, each device once at a
    time. A null is not known for any of the runs; a sum over some of them is partial, and every renderer says so.
    """

    runs: int
    with_energy: int
    with_emissions: int
    with_direct: int
    with_market: int
    duration_s: float
    device_s: float
    energy_kwh: Range | None
    it_energy_kwh: Range | None
    accelerator_energy_kwh: Range | None
    emissions_g: Range | None
    emissions_direct_g: Range | None
    emissions_market_g: Range | None
    embodied_g: Range | None
    water_l: Range | None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that share a key; `merged` counts the smaller groups that were put together here, 0 for a group by itself.

    An empty `key` is a run that does not say (no region, no such label). `label` is the key as a person knows it: an account that
    is a run by itself goes by the run's name. `apart` tells it from others of the same label, by when it began or by its key; it
    is empty where no other has that label.
    """

    key: str
    label: str
    amounts: Amounts
    energy_ratio: float | None
    merged: int = 0
    apart: str = ""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Energy (of the IT equipment, central) of a component that is known in one way, and its share of all of it.

    `energy_kwh` is null where that component's energy is unknown in those runs. `read_ratio` is the share of the runs' time
    for which it was read.
    """

    component: ComponentName
    grade: Grade | None
    energy_kwh: float | None
    energy_ratio: float | None
    read_ratio: float
    runs: int


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A model of device: how many of it, in how many runs, and the energy that was read from it, before attribution."""

    name: str
    component: ComponentName
    meter: str
    grade: Grade
    devices: int
    runs: int
    energy_kwh: float | None
    read_s: float


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not known, in how many of the runs, and what to do about it (empty where nothing can be done)."""

    what: str
    runs: int
    of: int
    advice: str


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A warning, and the number of runs that carry it (0: it is about the ledger or the whole)."""

    message: str
    runs: int


class FactorUse(msgspec.Struct, frozen=True, kw_only=True):
    """A factor, and the number of runs that it was used for."""

    factor: Factor
    runs: int


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run, with what leads from its numbers to their proof. `factors` are positions in the summary's `factors`.

    `within` is the run of this selection that contains this one, and in whose numbers this one's are.
    """

    id: str
    name: str
    account: str
    kind: Kind
    outcome: Outcome
    started_at: str
    duration_s: float
    hardware: str
    region: str
    place_known_by: str | None
    within: str | None
    scope: Scope
    basis: Basis | None
    energy_kwh: Range | None
    it_energy_kwh: Range | None
    accelerator_energy_kwh: Range | None
    emissions_g: Range | None
    emissions_direct_g: Range | None
    emissions_market_g: Range | None
    pue: Range | None
    intensity_g_per_kwh: Range | None
    breakdown: tuple[Component, ...]
    coverage: tuple[Coverage, ...]
    devices: tuple[DeviceRow, ...]
    factors: tuple[int, ...]
    unknown: tuple[str, ...]
    warnings: tuple[str, ...]
    labels: dict[str, str]
    work: dict[str, float]
    embodied_g: Range | None = None
    water_l: Range | None = None


class Equivalence(msgspec.Struct, frozen=True, kw_only=True):
    """What the total compares with: so many units of something that a person knows, by a cited factor.

    `amount` is the total divided by the factor, both middles and both bounds; `unit` is what there are so many of, `of`
    what is done with them. `note` says what is not alike in the two (what a figure leaves out).
    """

    code: str
    of: str
    amount: Range
    unit: str
    factor: Factor
    note: str


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do next: what and why, the command that does it or shows more, and how many runs it is about.

    `energy_kwh` and `emissions_g` are what it is about, at most, as ranges; null where that cannot be told.
    """

    code: str
    message: str
    command: str
    runs: int
    energy_kwh: Range | None
    emissions_g: Range | None


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Work done: how much of a unit the runs of a kind counted, and what a thousand of it took.

    `amount` and the energies are of the `runs` of which both are known; `uncounted` are runs of that kind that counted none of
    it, or whose energy is not known. A null is not known.
    """

    unit: str
    kind: Kind
    runs: int
    uncounted: int
    amount: float
    energy_kwh: Range | None
    emissions_g: Range | None
    per_1000_wh: Range | None
    per_1000_g: Range | None


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """When joules were used, as meters read them (nothing derived): a stretch of time, UTC, and what was read in it.

    `power_w` is the mean of the stretch. Stretches in which nothing was read are not there.
    """

    begin: str
    end: str
    energy_kwh: float
    power_w: float
    accelerators_kwh: float | None
    cpu_kwh: float | None
    memory_kwh: float | None


class Restated(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that an earlier report was about, with the edition of the factors that it used and with today's.

    `runs` are those that started before it was written; `stated_g` is what it said, which may be of other facts (runs that
    went on, journals that came later). `reasons` say which tables changed the emissions by how much, largest first. `selection`
    is the earlier report's own. `with_emissions` is of how many of `runs` the emissions are known today; `differs` says why this
    is told: the `edition` is another, or the `number` is.
    """

    reported_at: str
    older: str
    newer: str
    runs: int
    stated_g: Range | None
    old_g: Range | None
    new_g: Range | None
    reasons: tuple[str, ...]
    selection: tuple[str, ...] = ()
    with_emissions: int | None = None
    differs: tuple[Literal["edition", "number"], ...] = ()


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of two that are compared: a period, or a run."""

    label: str
    started_at: str | None
    ended_at: str | None
    amounts: Amounts
    by: dict[str, tuple[Group, ...]]
    work: tuple[Work, ...]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two periods or two runs (`what`), the newer one in `now`.

    `energy_ratio` and `emissions_ratio` are now / before, as ranges of the draws where what both share moves together; null where
    one is unknown or only known of a part. `is_sure` says by quantity (`energy_kwh`, `emissions_g`) whether its range leaves out
    one. `notes` say what is not alike in the two, and why there is no ratio.
    """

    what: Literal["periods", "runs"]
    before: Side
    now: Side
    energy_ratio: Range | None
    emissions_ratio: Range | None
    is_sure: dict[str, bool]
    notes: tuple[str, ...] = ()


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A report. `by` holds the groups of each dimension; `over_time` those by day, or by month for a long period.

    `measured_ratio` is the share of the energy that was read from a counter or a power sensor; `lost_ratio` the share that
    went into runs that failed or were interrupted. Both are null where no energy is known. `rows` are the newest runs.

    `idle_ratio` is the share of the accelerators' joules that were read while they idled, null where that was not looked at or
    of no accelerator is known what it draws while it idles; `idle_seen_ratio` is the share of those joules for which that is
    known: below 1, more of the others may have gone into idling. `how` says how the sums were made: `runs`, each run by itself,
    or `groups`, sums of facts by factor key, where the ledger is large (see `derive.grouped`).
    """

    options: Options
    started_at: str | None
    ended_at: str | None
    all_runs: int
    total: Amounts
    scopes: tuple[Scope, ...]
    bases: tuple[Basis, ...]
    measured_ratio: float | None
    lost_ratio: float | None
    shares: tuple[Share, ...]
    components: tuple[Component, ...]
    devices: tuple[DeviceRow, ...]
    unknown: tuple[Unknown, ...]
    by: dict[str, tuple[Group, ...]]
    over_time: tuple[Group, ...]
    time_step: str
    rows: tuple[RunRow, ...]
    factors: tuple[FactorUse, ...]
    warnings: tuple[Note, ...]
    factors_version: str
    equivalences: tuple[Equivalence, ...] = ()
    actions: tuple[Action, ...] = ()
    work: tuple[Work, ...] = ()
    use: tuple[Use, ...] = ()
    use_step: str = ""
    idle_ratio: float | None = None
    idle_seen_ratio: float | None = None
    restated: Restated | None = None
    compared: Compared | None = None
    how: Literal["runs", "groups"] = "runs"
    schema: int = SCHEMA

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """What a notebook shows of it: the text of `footprint report --format md`, or at least its headline."""
        from footprint.report import words
        from footprint.report.exports import to_markdown

        return {"text/markdown": to_markdown(self), "text/plain": words.headline(self)}
