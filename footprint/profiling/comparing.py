"""Two results of a workload: do they agree, and if not, what differs?"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final, Literal

import msgspec

from footprint import text
from footprint.model import Range
from footprint.profiling.energies import DISTURBED_LIMIT, disturbed_ratio
from footprint.profiling.results import Machine, Result
from footprint.profiling.statistics import ratio_range

_SYSTEM: Final = {"os", "governor"}
"""What a machine may be given another of; it is told, and the machine stays the same."""
Agreement = Literal["agrees", "differs", "unknown"]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity, now and before.

    `verdict` is `agrees` where the mean now lies in the interval that the earlier result foretold for it; `unknown` where there
    is none, the machine or the work is another one, or it would differ and most repeats of one of them were disturbed. `ratio` is
    now by before, with its 90 % interval.
    """

    name: str
    unit: str
    now: float | None
    before: float | None
    ratio: Range | None
    verdict: Agreement


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A result beside an earlier one. `same_machine` tells of its kind: two of one kind cannot be told apart."""

    measured_at: str
    same_machine: bool
    same_work: bool
    differences: tuple[str, ...]
    quantities: tuple[Compared, ...]


def compare(now: Result, before: Result) -> Comparison:
    """Hold a result against an earlier one.

    Args:
        now: what was measured.
        before: what was measured then.
    """
    machine = _differences(now.machine, before.machine, "machine", but=_SYSTEM)
    work = _of_work(now, before)
    other = _differences(now.machine, before.machine, "system", but=set(Machine.__struct_fields__) - _SYSTEM)
    other += [
        f"{name}: {before.libraries.get(name, 'none')} then, {now.libraries.get(name, 'none')} now"
        for name in sorted({*now.libraries, *before.libraries})
        if now.libraries.get(name) != before.libraries.get(name)
    ]
    other += [
        f"{name}: {getattr(before, name)} then, {getattr(now, name)} now"
        for name in ("footprint", "factors_version")
        if getattr(now, name) != getattr(before, name)
    ]
    shares = [disturbed_ratio(result.repeats) for result in (before, now)]
    is_quiet = max(shares) <= DISTURBED_LIMIT
    if not is_quiet:
        then, here = map(text.percent, shares)
        other.append(f"disturbed: {then} of the repeats then, {here} now; a difference would say nothing of the work")
    same = not machine and not work
    return Comparison(
        measured_at=before.measured_at,
        same_machine=not machine,
        same_work=not work,
        differences=(*machine, *work, *other),
        quantities=tuple(
            _compared(name, now, before, same=same, is_quiet=is_quiet)
            for name in ("energy_j", "machine_energy_j", "time_s", "cpu_s")
        ),
    )


def _compared(name: str, now: Result, before: Result, *, same: bool, is_quiet: bool) -> Compared:
    ours, theirs = now.statistics.get(name), before.statistics.get(name)
    a, b = ours.all if ours else None, theirs.all if theirs else None
    found = None if a is None or b is None else ratio_range(a, b)
    verdict: Agreement = "unknown"
    if same and a is not None and b is not None and b.low is not None and b.high is not None:
        verdict = "agrees" if b.low <= a.mean <= b.high else "differs" if is_quiet else "unknown"
    return Compared(
        name=name,
        unit=ours.unit if ours else "",
        now=a.mean if a else None,
        before=b.mean if b else None,
        ratio=None if found is None else Range(low=found[0], central=found[1], high=found[2]),
        verdict=verdict,
    )


def _differences(now: msgspec.Struct, before: msgspec.Struct, what: str, but: AbstractSet[str]) -> list[str]:
    return [
        f"{what}: {name} {_shown(getattr(before, name))} then, {_shown(getattr(now, name))} now"
        for name in now.__struct_fields__
        if name not in but and getattr(now, name) != getattr(before, name)
    ]


def _of_work(now: Result, before: Result) -> list[str]:
    found = [] if now.profile == before.profile else [f"profile: {before.profile} then, {now.profile} now"]
    for name in ("name", "command", "unit", "inside", "amount"):
        a, b = getattr(now.workload, name), getattr(before.workload, name)
        if a != b:
            found.append(f"workload: {name} {_shown(b)} then, {_shown(a)} now")
    if now.protocol.quick != before.protocol.quick:
        found.append(f"only tried (--quick): {'now' if now.protocol.quick else 'then'}")
    amounts = [{one.amount for one in result.repeats} for result in (before, now)]
    if all(len(one) == 1 for one in amounts) and amounts[0] != amounts[1]:
        then, here = (text.number(min(one)) for one in amounts)
        found.append(f"amount: {then} {before.workload.unit} a repeat then, {here} now")
    files = [{(one.package, one.path): one.sha256 for one in result.files} for result in (now, before)]
    keys = sorted({*files[0], *files[1]}, key=str)
    return found + [f"file {key[1]}: another one than then" for key in keys if files[0].get(key) != files[1].get(key)]


def _shown(value: object) -> str:
    if isinstance(value, tuple | list):
        return " ".join(map(str, value)) or "none"
    return "unknown" if value is None else str(value)
