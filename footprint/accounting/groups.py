"""Sums over very many runs, by groups of equal factors.

A sum over runs is a polynomial: what runs share (a site's PUE, a grid series) is a variable that stands in many terms; what is
drawn anew for each run or device is a variable of its own. A million of those cannot be drawn one by one, and need not be: the
sum of many independent errors is one error, of a law that is known (`laws.averaged`).

Two ways lead here. `lumped` takes a polynomial with a variable for each run: up to `MOST_APART` of them stay as they are, so
that small sums are exact; beyond, the `KEPT` with the largest effect stay and the others are averaged in groups. `group_terms`
takes sums that somebody else made (SQL over a ledger): of each group of equal factors the sums of its weights, their squares
and cubes.

**What is exact.** The mean. First, second and third cumulant of what each variable alone does to the sum. And all products of
moments up to the third where the runs of a group share all other factors in one proportion, as those of equal factors do.
**What is not.** Cumulants beyond the third (`laws.averaged` states what that costs). Where two variables of one term are averaged
over different sets (a device's error times a run's share), the variance of their product beyond that of each alone is
divided by both numbers, not by that of the pairs: less than the product of two relative variances.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from footprint.accounting.laws import Cumulants, Term, Uncertain, averaged, cumulants, product
from footprint.model import Factor

MOST_APART: Final = 256
"""So many variables of runs and devices are drawn one by one."""
KEPT: Final = 64
"""Of more than that, so many with the largest effect on the sum are drawn one by one."""
MOST_GROUPS: Final = 128
"""The others are averaged in at most about so many groups by what they are multiplied with, the last of them by law alone."""
_ROUNDING: Final = 1e-9
_MODULUS: Final = 1 << 64
_SEPARATOR: Final = "\x1f"
_GROUP: Final = " group"

Unit = tuple[Uncertain, ...]
"""What is averaged as one: the variables of runs and devices that stand in a term, where they stand together only."""


def draw_key(factor: Factor, *, run: str = "", device: str = "") -> str:
    """What decides a factor's draws: its error family, and the run or device where its error is drawn anew."""
    own = {"shared": "", "run": run, "device": device}[factor.varies]
    return _SEPARATOR.join((factor.error_family, factor.varies, own))


# -- Polynomials ---------------------------------------------------------------------------------------------------------


def lumped(terms: Mapping[Term, float]) -> Mapping[Term, float]:
    """A polynomial with few enough variables to be drawn: the same one, or with the lighter of its variables averaged.

    The result depends on no order; equal sets of runs give equal draws, whatever is summed of them.
    """
    slopes = _slopes(terms)
    if len(slopes) <= MOST_APART:
        return terms
    units = _units(terms, slopes)
    ranked = sorted(units, key=lambda unit: (-abs(_effect(unit, units[unit])), unit))
    instead = _averages(_grouped({unit: units[unit] for unit in ranked[KEPT:]}, _rests(terms, set(ranked[KEPT:]))))
    result: dict[Term, list[float]] = defaultdict(list)
    for term, amount in terms.items():
        result[_with(term, instead)].append(amount)
    return {term: math.fsum(amounts) for term, amounts in result.items()}


def _slopes(terms: Mapping[Term, float]) -> dict[Uncertain, float]:
    """By how much the sum grows with each variable of a run or device, the others at their centres."""
    found: dict[Uncertain, float] = {}
    for term, amount in terms.items():
        for at, variable in enumerate(term):
            if is_own(variable.key):
                others = math.prod(other.central for i, other in enumerate(term) if i != at)
                found[variable] = found.get(variable, 0.0) + amount * others
    return found


@lru_cache(maxsize=MOST_APART * 16)
def is_own(key: str) -> bool:
    """Whether the draws of a key are those of a run or device, not shared by all."""
    return key.split(_SEPARATOR)[1:2] not in ([], ["shared"])


def _own(term: Term) -> Unit:
    return tuple(variable for variable in term if is_own(variable.key))


def _units(terms: Mapping[Term, float], slopes: Mapping[Uncertain, float]) -> dict[Unit, float]:
    """What is averaged as one, with its slope. Variables that stand together in all their terms are one unit."""
    together: dict[Uncertain, Unit] = {}
    for term in terms:
        own = _own(term)
        for variable in own:
            together[variable] = own if together.get(variable, own) == own else (variable,)
    units: dict[Unit, float] = {}
    for variable, own in together.items():
        unit = own if all(together[other] == own for other in own) else (variable,)
        # Over a product of centres the slope is the same whichever of its variables it is taken of.
        others = math.prod(other.central for other in unit if other is not variable)
        units[unit] = slopes[variable] / others if others else 0.0
    return units


def _effect(unit: Unit, slope: float) -> float:
    return slope * math.sqrt(_law_of(unit).k2)


def _law_of(unit: Unit) -> Cumulants:
    return _law_of_triples(tuple(variable[1:] for variable in unit))


@lru_cache(maxsize=1024)
def _law_of_triples(triples: tuple[tuple[float, float, float], ...]) -> Cumulants:
    return product(cumulants(*triple) for triple in triples)


def _class_of(unit: Unit) -> Term:
    """A unit without its runs and devices: what units of one law have in common."""
    return tuple(Uncertain(_SEPARATOR.join(v.key.split(_SEPARATOR)[:2]), *v[1:]) for v in unit)


def _rests(terms: Mapping[Term, float], units: set[Unit]) -> dict[Unit, tuple[int, ...]]:
    """What each unit is multiplied with, as numbers of what is the same for many: other units count as their class."""
    numbers: dict[tuple[Term, ...], int] = {}
    found: dict[Unit, list[int]] = defaultdict(list)
    for term in terms:
        inside = _inside(term, units)
        shared = tuple(v for v in term if not any(v in unit for unit in inside))
        for unit in inside:
            others = tuple(sorted(_class_of(other) for other in inside if other != unit))
            found[unit].append(numbers.setdefault((shared, *others), len(numbers)))
    return {unit: tuple(sorted(rests)) for unit, rests in found.items()}


def _inside(term: Term, units: set[Unit] | Mapping[Unit, object]) -> list[Unit]:
    """The units that a term holds."""
    own = _own(term)
    if own in units:
        return [own]
    return [(variable,) for variable in own if (variable,) in units]


def _grouped(units: Mapping[Unit, float], rests: Mapping[Unit, tuple[int, ...]]) -> list[dict[Unit, float]]:
    """Units of one law that are multiplied with the same, and pull the sum the same way; small groups beyond a number by law."""
    fine: dict[tuple[Term, bool, tuple[int, ...]], dict[Unit, float]] = defaultdict(dict)
    for unit, slope in units.items():
        fine[_class_of(unit), slope < 0, rests[unit]][unit] = slope

    def weight(key: tuple[Term, bool, tuple[int, ...]]) -> float:
        return math.fsum(_effect(unit, slope) ** 2 for unit, slope in fine[key].items())

    # The numbers of the rests depend on the terms' order: of groups that weigh the same, their members decide.
    ranked = sorted(fine, key=lambda key: (-weight(key), min(fine[key])))
    coarse: dict[tuple[Term, bool], dict[Unit, float]] = defaultdict(dict)
    for key in ranked[MOST_GROUPS:]:
        coarse[key[:2]] |= fine[key]
    return [*(fine[key] for key in ranked[:MOST_GROUPS]), *coarse.values()]


def _averages(groups: Iterable[dict[Unit, float]]) -> dict[Unit, Uncertain]:
    """The variable that stands for each unit; a unit alone in its group stays."""
    found: dict[Unit, Uncertain] = {}
    for group in groups:
        if len(group) == 1:
            continue
        weights = list(group.values()) if math.fsum(group.values()) else [1.0] * len(group)
        some = next(iter(group))
        sums = (math.fsum(w**power for w in weights) for power in (1, 2, 3))
        key = _set_key(some, group)
        average = Uncertain(key, *averaged(_law_of(some), *sums))
        found |= dict.fromkeys(group, average)
    return found


def _set_key(some: Unit, units: Iterable[Unit]) -> str:
    """The key of a set of units: the same in any order."""
    digest = sum(_hash64(_SEPARATOR.join(v.key for v in unit)) for unit in units) % _MODULUS
    return _SEPARATOR.join(("+".join(v.key.split(_SEPARATOR)[0] for v in some), "group", f"{digest:016x}"))


def _hash64(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _with(term: Term, instead: Mapping[Unit, Uncertain]) -> Term:
    """A term with the averages in the places of what they stand for."""
    inside = _inside(term, instead)
    if not inside:
        return term
    gone = {variable for unit in inside for variable in unit}
    return tuple(sorted([*(v for v in term if v not in gone), *(instead[unit] for unit in inside)]))


# -- Sums of groups ------------------------------------------------------------------------------------------------------


class Weights(NamedTuple):
    """How many there are, and the sums of their weights, squares and cubes; weights are not negative."""

    n: int
    w: float
    w2: float
    w3: float

    @classmethod
    def of(cls, weights: ArrayLike) -> Weights:
        """The sums of these weights."""
        each = np.asarray(weights, dtype=np.float64)
        return cls(each.size, float(each.sum()), float((each**2).sum()), float((each**3).sum()))

    def check(self, what: str) -> None:
        """Refuse sums that no weights have.

        Raises:
            ValueError: if one is not finite or negative, or if they contradict each other (Cauchy, Lyapunov).
        """
        n, w, w2, w3 = self
        if n < 1 or not all(math.isfinite(one) and one >= 0 for one in (w, w2, w3)):
            raise ValueError(f"{what}: {self} are no sums of weights: each is finite and not negative, of one or more")
        slack = 1 + _ROUNDING
        if w**2 > n * w2 * slack or w2 > w**2 * slack or w2**2 > w * w3 * slack or w3 > w2**1.5 * slack:
            raise ValueError(f"{what}: {self} contradict each other: no weights have these sums")


def group_terms(
    key: str, each: Mapping[Term, float], runs: Weights, devices: Weights | None = None, device_key: str = ""
) -> dict[Term, float]:
    """A group's sum as a polynomial, see `ranges.Group`."""
    runs.check(key)
    own = {variable for term in each for variable in _own(term)}
    by_device = {variable for variable in own if _varies(variable) == "device"}
    if by_device:
        if devices is None:
            named = min(variable.key.split(_SEPARATOR)[0] for variable in by_device)
            raise ValueError(f"{key}: {named} varies from device to device: sums of the weights by device are needed")
        devices.check(key)
        if abs(devices.w - runs.w) > _ROUNDING * runs.w:
            raise ValueError(f"{key}: runs weigh {runs.w:g} together, devices {devices.w:g}")
    instead: dict[Unit, Unit] = {}
    for variables, weights, of in ((own - by_device, runs, key), (by_device, devices, device_key or key)):
        for unit in _bundles(each, variables):
            assert weights is not None
            instead[unit] = _of_group(unit, weights, of)
    result: dict[Term, list[float]] = defaultdict(list)
    for term, amount in each.items():
        inside = [unit for unit in instead if set(unit) <= set(term)]
        gone = {variable for unit in inside for variable in unit}
        replaced = [*(v for v in term if v not in gone), *(v for unit in inside for v in instead[unit])]
        result[tuple(sorted(replaced))].append(amount * runs.w)
    return {term: math.fsum(amounts) for term, amounts in result.items()}


def told_apart(terms: Mapping[Term, float], mark: str) -> dict[Term, float]:
    """The same sum, whose groups' averages move with those of no other sum of groups of the same keys.

    For two sums over other runs (of two periods, say), which would else move together in what is averaged. Where both are over
    the same devices, their errors do not cancel any more, either: a ratio of the two is then known better than it seems.
    """
    return {tuple(sorted(_marked(variable, mark) for variable in term)): amount for term, amount in terms.items()}


def _marked(variable: Uncertain, mark: str) -> Uncertain:
    is_average = is_own(variable.key) and _varies(variable).endswith(_GROUP)
    return variable._replace(key=f"{variable.key}/{mark}") if is_average else variable


def _bundles(terms: Iterable[Term], variables: set[Uncertain]) -> set[Unit]:
    """Some variables in units: those that stand together wherever they stand; alone, if they do not."""
    parts = {tuple(v for v in term if v in variables) for term in terms} - {()}
    once = {part for part in parts if not any(set(part) & set(other) for other in parts if other != part)}
    return once | {(variable,) for part in parts - once for variable in part}


def _of_group(unit: Unit, weights: Weights, of: str) -> Unit:
    """What stands for a unit in a group's sum: the weighted mean of its draws; of one run or device the unit itself."""
    if weights.n == 1 or not weights.w:
        return tuple(owned(variable, of) for variable in unit)
    families = "+".join(variable.key.split(_SEPARATOR)[0] for variable in unit)
    average = averaged(_law_of(unit), weights.w, weights.w2, weights.w3)
    return (Uncertain(_SEPARATOR.join((families, f"{_varies(unit[0])}{_GROUP}", of)), *average),)


def _varies(variable: Uncertain) -> str:
    return variable.key.split(_SEPARATOR)[1]


def owned(variable: Uncertain, by: str) -> Uncertain:
    """A variable of no run or device in particular as that of one; what is shared stays."""
    if not is_own(variable.key):
        return variable
    family, varies, _ = variable.key.split(_SEPARATOR)
    return variable._replace(key=_SEPARATOR.join((family, varies, by)))
