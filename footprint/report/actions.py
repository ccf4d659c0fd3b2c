"""What to do next, most useful first: first what is not known, then what is wasted, then what is cleaner elsewhere or later.

All of it is read off a summary, so that it is the same whichever way its sums were made. Nothing to do is an answer, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from footprint import text
from footprint.accounting.ranges import tidy
from footprint.model import TRAINING_KINDS, Range
from footprint.report import cleaner, lines
from footprint.report.data import Action, Group, Summary
from footprint.units import S_PER_H

MOST: Final = 5
IDLE_RATIO: Final = 0.2
"""From this share of the accelerators' joules on, idling is worth a look: some idling between batches is everybody's."""
LOST_RATIO: Final = 0.1
"""And from this share of the energy on, runs that failed or were interrupted are."""
STATED_RATIO: Final = 0.2
WORTH_MOVING_G: Final = 100.0
"""For less than this, some hundred metres of driving, nobody moves work or puts it off."""
_WORTH_WAITING_S: Final = 900.0
_MOST_WAITING_S: Final = 24 * S_PER_H
"""Longer work fills most of what a forecast looks ahead, wherever it begins."""
_COMPONENTS: Final = ("accelerators", "cpu", "memory")
_LOST: Final = ("failed", "interrupted")
_DOCTOR: Final = "footprint doctor"
_NOT_READ: Final = (
    (
        {"declared"},
        "Measure what is stated: {} of the energy is declared, not read from a device",
        "footprint run -- python train.py",
    ),
    (
        {"model", "assumed"},
        "Read what is worked out: {} of the energy is modelled or assumed. The doctor says what can be read on the machine",
        _DOCTOR,
    ),
)


def actions(summary: Summary) -> tuple[Action, ...]:
    """What to do next about what a summary shows, at most `MOST`.

    Args:
        summary: the summary; of it are used the total, the groups, the shares, what is unknown, `lost_ratio`, `idle_ratio`.
    """
    if not summary.total.runs:
        return ()
    unknown = [one for find in (_place, _unmeasured) for one in find(summary)]
    wasted = [one for find in (_idle, _lost) for one in find(summary)]
    wasted.sort(key=lambda one: _central(one.energy_kwh), reverse=True)
    rest = [one for find in (_cleaner, _stated, _card, _when) for one in find(summary)]
    return tuple([*unknown, *wasted, *rest][:MOST])


def _central(value: Range | None) -> float:
    """The middle, for order and choice, where what is unknown weighs nothing."""
    return value.central if value else 0.0


# -- What is not known ------------------------------------------------------------------------------------------------


def _place(summary: Summary) -> Iterator[Action]:
    """Runs that do not say where they ran have no emissions."""
    runs = next((one.runs for one in summary.unknown if one.what == "place"), 0)
    if not runs:
        return
    group = next((one for one in summary.by.get("region", ()) if not one.key and not one.merged), None)
    energy = group.amounts.energy_kwh if group and group.amounts.runs == runs else None
    if runs == summary.total.runs:
        energy = summary.total.energy_kwh
    yield Action(
        code="place",
        message=f"Say where runs take place: the emissions of {text.plural(runs, 'run')} are unknown for want of it. "
        "FOOTPRINT_REGION says it for all runs of a machine",
        command="footprint run --region gcp:europe-west1 -- python train.py",
        runs=runs,
        energy_kwh=energy,
        emissions_g=None,
    )


def _unmeasured(summary: Summary) -> Iterator[Action]:
    """Components of which no meter told anything."""
    missing = [one for one in summary.unknown if one.what in _COMPONENTS]
    if not missing:
        return
    names = {"accelerators": "accelerators", "cpu": "CPU", "memory": "memory"}
    listed = " and ".join(names[one.what] for one in missing)
    yield Action(
        code="unmeasured",
        message=f"Find out why nothing was read of {listed}: the doctor says, on the machine, what is missing",
        command=_DOCTOR,
        runs=max(one.runs for one in missing),
        energy_kwh=None,
        emissions_g=None,
    )


def _stated(summary: Summary) -> Iterator[Action]:
    """Energy that no device told: somebody's statement can be measured, and what we worked out may be readable there."""
    for grades, told, command in _NOT_READ:
        some = [one for one in summary.shares if one.grade in grades and one.component != "rest"]
        ratio = sum(one.energy_ratio or 0.0 for one in some)
        if ratio >= STATED_RATIO and not (command == _DOCTOR and any(_unmeasured(summary))):
            yield Action(
                code="measure",
                message=told.format(text.percent(ratio)),
                command=command,
                runs=max(one.runs for one in some),
                energy_kwh=None,
                emissions_g=None,
            )
            return


# -- What is wasted ---------------------------------------------------------------------------------------------------


def _idle(summary: Summary) -> Iterator[Action]:
    """Accelerators that wait."""
    ratio, used = summary.idle_ratio, summary.total.accelerator_energy_kwh
    if ratio is None or ratio < IDLE_RATIO:
        return
    yield Action(
        code="idle",
        message=f"Keep accelerators busy, or give them back: {lines.idle(summary)} of their joules went into idling",
        command="footprint ledger shares --by account",
        runs=summary.total.runs,
        energy_kwh=_part(used, ratio),
        emissions_g=None,
    )


def _lost(summary: Summary) -> Iterator[Action]:
    """Runs that came to nothing."""
    groups = [one for one in summary.by.get("outcome", ()) if one.key in _LOST and not one.merged]
    if summary.lost_ratio is None or summary.lost_ratio < LOST_RATIO or not groups:
        return
    runs = sum(one.amounts.runs for one in groups)
    yield Action(
        code="lost",
        message=f"Look into what failed: {text.percent(summary.lost_ratio)} of the energy went into "
        f"{text.plural(runs, 'run')} that failed or {'was' if runs == 1 else 'were'} interrupted. Checkpoints keep what was done",
        command="footprint report --where outcome=failed --where outcome=interrupted --group-by name --format table",
        runs=runs,
        energy_kwh=_sum([one.amounts.energy_kwh for one in groups]),
        emissions_g=_sum([one.amounts.emissions_g for one in groups])
        if all(one.amounts.with_emissions == one.amounts.runs for one in groups)
        else None,
    )


# -- What is cleaner --------------------------------------------------------------------------------------------------


def _cleaner(summary: Summary) -> Iterator[Action]:
    """The region that emitted most, and one of the same provider whose grid is surely cleaner."""
    group = _placed(summary)
    found = cleaner.region(group.key, summary) if group else None
    if group is None or found is None:
        return
    yield Action(
        code="region",
        message=f"Compute where the grid is cleaner: {cleaner.told(found)}. Not counted: latency, moving data, the sites' PUE, "
        "and which plants answer to one load more",
        command=f"footprint reference region {found.region}",
        runs=group.amounts.runs,
        energy_kwh=group.amounts.energy_kwh,
        emissions_g=group.amounts.emissions_g,
    )


def _when(summary: Summary) -> Iterator[Action]:
    """Work that can wait, where the runs are long enough for the hour to matter."""
    group = _placed(summary)
    if group is None or not group.amounts.runs:
        return
    mean_s = group.amounts.duration_s / group.amounts.runs
    if not _WORTH_WAITING_S <= mean_s <= _MOST_WAITING_S:
        return
    kinds = [one for one in summary.by.get("kind", ()) if one.key in {*TRAINING_KINDS, "evaluation"}]
    if sum(one.energy_ratio or 0.0 for one in kinds) < 0.5:  # noqa: PLR2004 - most of it
        return
    hours = max(1, math.ceil(mean_s / S_PER_H))
    key = (
        "" if cleaner.has_public_forecast(group.key) else ", of that grid with a key of Electricity Maps (ELECTRICITYMAPS_TOKEN)"
    )
    yield Action(
        code="when",
        message=f"Start what can wait in the cleanest hours to come: a forecast of the grid names them{key}",
        command=f"footprint when --hours {hours} --region {group.key}",
        runs=group.amounts.runs,
        energy_kwh=group.amounts.energy_kwh,
        emissions_g=group.amounts.emissions_g,
    )


def _placed(summary: Summary) -> Group | None:
    """The cloud region that emitted most, by a name that a command takes as it stands; none if that is next to nothing."""
    groups = (one for one in summary.by.get("region", ()) if not one.merged)
    regions = (one for one in groups if _central(one.amounts.emissions_g) >= WORTH_MOVING_G)
    known = [one for one in regions if cleaner.is_known(one.key)]
    return max(known, key=lambda one: _central(one.amounts.emissions_g), default=None)


# -- What is to be told -----------------------------------------------------------------------------------------------


def _card(summary: Summary) -> Iterator[Action]:
    """One account of finished training whose emissions are known: its card can say so."""
    accounts, total = summary.by.get("account", ()), summary.total
    if len(accounts) != 1 or not _central(total.emissions_g) or total.with_emissions < total.runs:
        return
    kinds = {one.key for one in summary.by.get("kind", ())}
    outcomes = {one.key for one in summary.by.get("outcome", ())}
    name = accounts[0].key
    if not kinds & set(TRAINING_KINDS) or "completed" not in outcomes or not _is_plain(name):
        return
    yield Action(
        code="card",
        message="Write it into the model's card, if that does not say it yet",
        command=f"footprint card fill README.md --run {name}",
        runs=total.runs,
        energy_kwh=total.energy_kwh,
        emissions_g=total.emissions_g,
    )


def _is_plain(name: str) -> bool:
    """Whether a shell takes a name as it stands, and a person who copies it gets what was read."""
    return name.isascii() and bool(name) and name[0].isalnum() and all(char.isalnum() or char in "._-:/" for char in name)


def _part(value: Range | None, ratio: float) -> Range | None:
    if value is None:
        return None
    return Range(low=tidy(value.low * ratio), central=tidy(value.central * ratio), high=tidy(value.high * ratio))


def _sum(values: list[Range | None]) -> Range | None:
    """The sum of what is known, bound by bound: no narrower than it is, whatever they share."""
    known = [one for one in values if one is not None]
    if not known:
        return None
    low, central, high = (tidy(math.fsum(getattr(one, bound) for one in known)) for bound in ("low", "central", "high"))
    return Range(low=low, central=central, high=high)
