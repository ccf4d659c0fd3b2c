"""Old numbers and new ones: the same facts with two editions of the factors, and what each change of a factor does.

**The method** is sequential substitution (Ang & Zhang 2000 survey it among the index decompositions): from the older edition to
the newer one, one group of tables after the other is replaced, in a fixed order, and the same facts are worked out each time
again. What a replacement multiplies a quantity by is its ratio. The product of all ratios is the whole ratio, and the sum of all
differences the whole difference, exactly. Where a quantity is a plain product of factors the order does not matter; where it is
a sum (accelerators and host), it does a little: a change of one part weighs more in a smaller whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

import footprint.reference as ref
from footprint.accounting.ranges import Quantity
from footprint.derive.account import Account
from footprint.derive.declared import derive_declaration
from footprint.derive.measured import derive_run
from footprint.derive.working import Working
from footprint.errors import FootprintError
from footprint.model import Attribution, Declaration, Factor, Footprint, Run
from footprint.reference import tables

METHOD: Final = "sequential substitution of tables, in the order in which they stand"
QUANTITIES: Final = {
    "it_energy_kwh": "it",
    "energy_kwh": "facility",
    "emissions_g": "emissions",
    "emissions_market_g": "emissions_market",
    "embodied_g": "embodied",
    "water_l": "water",
}
"""The quantities whose change is explained: the field of a footprint, and its name on the sheet."""

# What is replaced together, in this order; a table that is not named here is replaced alone, before the last two groups. What
# names mean stands together with the figures that the names are looked up in.
_FIRST: Final = (
    ("sources",),
    ("accelerators", "ambiguous_names", "instances", "peaks"),
    ("priors",),
    ("cpus", "server_power", "cpu_fit"),
)
_LAST: Final = (("pue",), ("regions", "zones", "grid"))
# Its rows are of several things that change for reasons of their own.
_BY_FAMILY: Final = {"priors"}
# By so little a number moves when a computer adds in another order.
_SAME: Final = 1e-9


class FactorChange(msgspec.Struct, frozen=True, kw_only=True):
    """A factor that one edition uses where the other uses another; null on a side that uses none in its place."""

    old: Factor | None
    new: Factor | None


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """What one replacement did.

    `ratios` and `differences` are by quantity, for those that are known before and after it: after over before, and after less
    before in the quantity's own unit. `shares_ratio` is the part of the whole difference, which may be below zero or above one
    where changes work against each other.
    """

    what: str
    tables: tuple[str, ...]
    changes: tuple[FactorChange, ...]
    ratios: dict[str, float]
    differences: dict[str, float]
    shares_ratio: dict[str, float]
    newly_known: tuple[str, ...] = ()
    no_longer_known: tuple[str, ...] = ()


class Restatement(msgspec.Struct, frozen=True, kw_only=True):
    """The same facts with two editions of the factors.

    `ratios` are new over old of what both know. `stated` are the facts that somebody stated (a PUE, an intensity, an energy):
    no edition changes them. `reasons` are in the order in which the tables were replaced.
    """

    older: str
    newer: str
    old: Footprint
    new: Footprint
    ratios: dict[str, float]
    newly_known: tuple[str, ...]
    no_longer_known: tuple[str, ...]
    reasons: tuple[Reason, ...]
    stated: tuple[Factor, ...]


def restate(facts: Run | Declaration, older: str, newer: str, *, attribution: Attribution = "share") -> Restatement:
    """The footprint of some facts with two editions, and why the two differ.

    Raises:
        ConfigError: if there is no such edition, or for facts that cannot be.
    """

    def work() -> Working:
        return derive_run(facts, attribution) if isinstance(facts, Run) else derive_declaration(facts)

    return _restated(work, older, newer)


def restate_total(runs: Sequence[Run], older: str, newer: str, *, attribution: Attribution = "share") -> Restatement:
    """The sum of some runs with two editions, each joule once, and why the two differ.

    Raises:
        ConfigError: if there is no such edition.
    """
    ids = [run.id for run in runs]
    return _restated(lambda: Account(runs, attribution).sheet(ids), older, newer)


def _restated(work: Callable[[], Working], older: str, newer: str) -> Restatement:
    with ref.using_edition(older):
        before = work()
        old = before.footprint()
    with ref.using_edition(newer):
        after = work()
        new = after.footprint()
    found = list(_reasons(work, before, after, older, newer))
    start, end = _amounts(before), _amounts(after)
    known = [name for name in start if name in end]
    return Restatement(
        older=older,
        newer=newer,
        old=old,
        new=new,
        ratios={name: _ratio(start[name], end[name]) for name in known},
        newly_known=tuple(name for name in end if name not in start),
        no_longer_known=tuple(name for name in start if name not in end),
        reasons=tuple(_shared(one, {name: end[name] - start[name] for name in known}) for one in found),
        stated=tuple(factor for factor in new.factors if factor.basis == "stated"),
    )


class _Step(NamedTuple):
    """What is replaced at once, and what it is called."""

    what: str
    taken: tuple[str, ...]


@lru_cache(maxsize=64)
def _steps(older: str, newer: str) -> tuple[_Step, ...]:
    """What is replaced, one after the other."""
    changed = ref.differing(older, newer)
    named = {name for group in (*_FIRST, *_LAST) for name in group}
    steps = []
    for group in (*_FIRST, *((name,) for name in changed if name not in named), *_LAST):
        own = tuple(name for name in group if name in changed)
        if not own:
            continue
        for name in (name for name in own if name in _BY_FAMILY):
            steps += [_Step(f"{name}: {one}", (f"{name}:{one}",)) for one in _families(name, older, newer)]
        steps.append(_Step(" and ".join(own), own))
    return tuple(steps)


def _families(name: str, older: str, newer: str) -> list[str]:
    """The families of a table's rows that differ; none where the tables are not of one shape."""
    rows = {}
    for edition in (older, newer):
        with ref.using_edition(edition):
            rows[edition] = tables.table(name) if tables.has(name) else ()
    if not rows[older] or not rows[newer] or rows[older][0].keys() != rows[newer][0].keys():
        return []
    old, new = ({row["id"]: row for row in rows[edition]} for edition in (older, newer))
    return sorted({ref.family(one) for one in {*old, *new} if old.get(one) != new.get(one)})


def _reasons(work: Callable[[], Working], before: Working, after: Working, older: str, newer: str) -> Iterator[Reason]:
    """What each replacement did; those that did nothing are left out.

    Tables that make no sense without others of their edition are replaced together with the next ones.
    """
    taken: set[str] = set()
    waiting: list[_Step] = []
    steps = _steps(older, newer)
    for step in steps:
        waiting.append(step)
        taken |= set(step.taken)
        if step is steps[-1]:
            now = after
        else:
            try:
                with ref.mixing_editions(older, newer, taken):
                    now = work()
            except (FootprintError, KeyError, ValueError):
                continue
        reason = _reason(waiting, before, now)
        if reason is not None:
            yield reason
        before, waiting = now, []


def _reason(steps: Sequence[_Step], before: Working, after: Working) -> Reason | None:
    start, end = _amounts(before), _amounts(after)
    changes = tuple(_changes(before.factors.values(), after.factors.values()))
    known = [name for name in start if name in end]
    ratios = {name: _ratio(start[name], end[name]) for name in known}
    gained, lost = (tuple(name for name in here if name not in there) for here, there in ((end, start), (start, end)))
    if not changes and not gained and not lost and all(abs(ratio - 1) < _SAME for ratio in ratios.values()):
        return None
    return Reason(
        what="; ".join(step.what for step in steps),
        tables=tuple(dict.fromkeys(name.partition(":")[0] for step in steps for name in step.taken)),
        changes=changes,
        ratios=ratios,
        differences={name: end[name] - start[name] if ratios[name] != 1.0 else 0.0 for name in known},
        shares_ratio={},
        newly_known=gained,
        no_longer_known=lost,
    )


def _shared(reason: Reason, whole: dict[str, float]) -> Reason:
    """A reason with its part of the whole difference of each quantity that differs."""
    shares = {name: one / whole[name] for name, one in reason.differences.items() if whole.get(name)}
    return msgspec.structs.replace(reason, shares_ratio=shares)


def _amounts(work: Working) -> dict[str, float]:
    """The middles of what is known."""
    found: dict[str, Quantity | None] = {name: getattr(work, attribute) for name, attribute in QUANTITIES.items()}
    return {name: quantity.central for name, quantity in found.items() if quantity is not None}


def _ratio(old: float, new: float) -> float:
    """New over old; of nothing, nothing changed as long as it stays nothing."""
    if abs(old - new) <= _SAME * abs(old):
        return 1.0
    return new / old if old else float("inf")


def _changes(old: Iterable[Factor], new: Iterable[Factor]) -> Iterator[FactorChange]:
    """The factors that differ: of one id, else the only ones of what they are about, in one unit and on one basis."""
    before, after = ({factor.id: factor for factor in factors} for factors in (old, new))
    for key in before.keys() & after.keys():
        if _told(before[key]) != _told(after[key]):
            yield FactorChange(old=before[key], new=after[key])
    gone = [factor for key, factor in before.items() if key not in after]
    come = [factor for key, factor in after.items() if key not in before]
    for factor in gone:
        twin = next((one for one in come if _about(one) == _about(factor)), None)
        if twin is not None:
            come.remove(twin)
        yield FactorChange(old=factor, new=twin)
    for factor in come:
        yield FactorChange(old=None, new=factor)


def _about(factor: Factor) -> tuple[str, str, str]:
    return ref.family(factor.id), factor.unit, factor.basis.removesuffix(", estimated")


def _told(factor: Factor) -> tuple[float | str | int | None, ...]:
    """What a reader would call a change of a factor; a note that is worded anew is none."""
    return factor.low, factor.central, factor.high, factor.unit, factor.basis, factor.source, factor.year, factor.grade
