"""Which hardware a text means: one chip, all the chips that it may mean, or a refusal with near matches.

A text is tried as it stands: a driver's own name (NVML), a slice of TPUs, a name known to mean several chips, an id or alias, a
cloud instance or a maker's machine, an architecture. Then without a count, then without words that tell no chip from another
(`loose`). Every name is matched exactly after normalising (`names`); a near match is offered and never used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from footprint.errors import UnknownHardware
from footprint.reference import chips, loose, names, refusals
from footprint.reference.chips import Named
from footprint.reference.cpu_names import Cpu, find_cpu
from footprint.reference.editions import remembered
from footprint.reference.matches import Accelerator, CpuMatch, HardwareMatch, PowerScope, accelerator

__all__ = ["Accelerator", "CpuMatch", "HardwareMatch", "PowerScope", "accelerator", "find_accelerator", "find_hardware"]

_CERTAIN_PROVIDER: Final = {"Google": "gcp", "AWS": "aws"}
_RESTATED: Final = re.compile(r"([^()]+?) ?\(([^()]+)\)")
_XEON: Final = re.compile(r"e[357]-?\d{4}", re.IGNORECASE)


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """A text, or a part of one, that was understood."""

    named: Named
    count: int | None
    name: str
    warnings: tuple[str, ...] = ()


def find_accelerator(query: str) -> HardwareMatch:
    """What an accelerator's name means, with or without a count.

    Args:
        query: a driver's name, an id, a usual name, a TPU slice (`v3-8`), a cloud instance (`p4d.24xlarge`), or any of them in
            loose text (`64 Volta GPUs`, `A100-SXM4-80GB x8`, `TPU v3 or TPU v4`).

    Raises:
        UnknownHardware: if it means nothing that is known, or a CPU, or several kinds at once; carries the near matches.
    """
    found = find_hardware(query)
    if isinstance(found, CpuMatch):
        raise UnknownHardware(f"{refusals.shown(query)} is a CPU, not an accelerator ({found.name})")
    return found


@remembered
def find_hardware(query: str) -> HardwareMatch | CpuMatch:
    """What the name of an accelerator or a CPU means, with or without a count: see `find_accelerator`.

    Raises:
        UnknownHardware: if it means nothing that is known, or several kinds at once; carries the near matches.
    """
    if len(query) > loose.LONGEST:
        raise UnknownHardware(f"{refusals.shown(query)} is a text of {len(query):,} characters: give the hardware's name")
    text = names.cleaned(query)
    try:
        found = _accelerators(query, text) or _cpu(query, text)
    except ValueError as error:
        raise UnknownHardware(f"no TPU slice {refusals.shown(query)}: {error}") from None
    if found is None:
        raise refusals.unknown(query, text)
    return found


def _accelerators(query: str, text: str) -> HardwareMatch | None:
    read = _one(text) or _restated(text)
    if read is not None:
        return _match(query, read)
    parts = loose.alternatives(text)
    choices = [read for part in parts if (read := next(filter(None, map(_one, part)), None))]
    if len(parts) > 1:
        return _match(query, _any_of(query, text, choices)) if len(choices) == len(parts) else None
    return _listed(query, text)


def _one(text: str) -> _Read | None:
    """What a text means that names one kind: as it stands, without its count, without its plain words, without its service."""
    readings = tuple(loose.counted(text))
    for reading in readings:
        found = chips.named(reading.name)
        if found is not None:
            return _counted(reading, found)
    for reading in readings:
        for name, memory_gb in loose.simpler(reading.name):
            found = _of_memory(_of_family(name), memory_gb)
            if found is not None and loose.clouds(text) <= {found.provider}:
                return _counted(reading, found)
    bare = loose.without_site(text)
    read = _one(bare) if bare else None
    if read is None or read.named.instance is not None:  # a service that lends single GPUs lends no instances
        return None
    provider = "gcp" if "colab" in text.lower() else None
    return msgspec.structs.replace(read, named=msgspec.structs.replace(read.named, provider=provider))


def _restated(text: str) -> _Read | None:
    """An instance or slice with what it holds in brackets: `p4d.24xlarge (8 x A100)`.

    Raises:
        UnknownHardware: if it does not hold that.
    """
    found = _RESTATED.fullmatch(text)
    outer, inner = (_one(found[1]), _one(found[2])) if found else (None, None)
    if found is None or outer is None or inner is None or outer.named.instance is None:
        return None
    held = outer.named.count * (outer.count or 1)
    said = inner.named.count * (inner.count or 1)
    both = tuple(one for one in outer.named.ids if one in inner.named.ids)
    if not both or (inner.count is not None and said not in {held, outer.named.count}):
        raise UnknownHardware(f"{outer.named.instance} is not {found[2]!r}: give one of them")
    return msgspec.structs.replace(outer, named=msgspec.structs.replace(outer.named, ids=both))


def _of_family(name: str) -> Named | None:
    """What a name means, with or without the right name of its architecture (`Volta V100`)."""
    found = chips.named(name)
    family = chips.family_words(name) if found is None else None
    if family is None:
        return found
    rest = name.removeprefix(family).removesuffix(family).strip()
    found = chips.named(rest)
    wanted = names.key(family)
    right = found is not None and all(wanted in map(names.key, chips.families(one)) for one in found.ids)
    return found if right else None


def _of_memory(found: Named | None, memory_gb: int | None) -> Named | None:
    """Those of the chips that have this much memory, if any has."""
    if found is None or memory_gb is None:
        return found
    ids = tuple(one for one in found.ids if accelerator(one).memory_gb == memory_gb)
    return msgspec.structs.replace(found, ids=ids) if ids else None


def _counted(reading: loose.Counted, found: Named) -> _Read:
    """The reading in units of what was named: a count of devices or cores may restate what is in a slice or an instance."""
    count, unit = reading.count, reading.unit
    if count is None:
        return _Read(named=found, count=None, name=reading.name)
    if count < 1:
        raise UnknownHardware(f"{refusals.shown(reading.name)} is counted as {count}: the count must be at least 1")
    if unit == "node" and found.instance is None:
        raise UnknownHardware(
            f"{count} nodes of {reading.name!r}: say how many are in each, such as '{count} x 8 {reading.name}'"
        )
    if unit == "core":
        per_chip = chips.CORES_PER_CHIP.get(found.ids[0])
        if per_chip is None or count % per_chip:
            raise UnknownHardware(f"{count} cores of {reading.name!r}: give the number of chips as the count")
        count, unit = count // per_chip, "device"
    if unit == "device" and found.instance is not None:
        units, left = divmod(count, found.count)
        if left:
            raise UnknownHardware(f"{found.instance} holds {found.count}, but the text counts {count}: give one of them")
        return _Read(named=found, count=int(units) if units > 1 else None, name=reading.name)
    return _Read(named=found, count=count, name=reading.name)


def _any_of(query: str, text: str, choices: Sequence[_Read]) -> _Read:
    """The union of several choices, with a warning; refused where their numbers or the kinds of their figures differ."""
    ids = tuple(dict.fromkeys(one for choice in choices for one in choice.named.ids))
    counts = {choice.count for choice in choices} - {None}
    bases = {one.tdp_w.basis for one in map(accelerator, ids) if one.tdp_w}
    if len(counts) > 1 or len({choice.named.count for choice in choices}) > 1 or len(bases) > 1:
        raise refusals.several(query, [choice.name for choice in choices])
    named = [one.name for one in map(accelerator, ids)]
    warnings: tuple[str, ...] = (f"{text} leaves the choice: the range covers {names.listed(named, 'and')}",)
    if len({accelerator(one).power_scope for one in ids}) > 1:
        hosted = [one.name for one in map(accelerator, ids) if one.power_scope == "chip"]
        warnings = (*warnings, f"the figure of {names.listed(hosted, 'and')} is without its host, that of the others with it")
    instance = text if any(choice.named.instance for choice in choices) else None
    merged = Named(ids=ids, count=choices[0].named.count, provider=_single(choices), instance=instance)
    name = names.listed([choice.name for choice in choices])
    return _Read(named=merged, count=next(iter(counts), None), name=name, warnings=warnings)


def _single(choices: Sequence[_Read]) -> str | None:
    providers = {choice.named.provider for choice in choices}
    return providers.pop() if len(providers) == 1 else None


def _listed(query: str, text: str) -> HardwareMatch | None:
    """An accelerator that is listed with parts of its host, which are left out with a warning; two kinds are refused."""
    parts = loose.pieces(text)
    if len(parts) < 2:  # noqa: PLR2004 - nothing is listed
        return None
    kinds = [(part, _one(part)) for part in parts]
    found = [(part, read) for part, read in kinds if read]
    others = [part for part, read in kinds if not read]
    hosts = [part for part in others if loose.is_memory(part) or _cpu_of(part)]
    if len(found) > 1:
        raise refusals.several(query, [part for part, _ in found])
    if not found or hosts != others:
        return None
    warning = f"{names.listed(hosts, 'and')}: left out, as parts of the host, which has a factor of its own"
    return _match(query, msgspec.structs.replace(found[0][1], warnings=(warning,)))


def _match(query: str, read: _Read) -> HardwareMatch:
    named = read.named
    candidates = tuple(accelerator(one) for one in named.ids)
    warnings = (*read.warnings, *named.warnings)
    powers = {(c.tdp_w.low, c.tdp_w.high) if c.tdp_w else None for c in candidates}
    if named.family is not None:
        every = names.listed([candidate.name for candidate in candidates], "and")
        warnings = (*warnings, f"{named.family} is an architecture: the range covers all of its chips that are known: {every}")
    elif len(powers) > 1 and not read.warnings:
        meant = names.listed([candidate.name for candidate in candidates])
        warnings = (*warnings, f"{read.name} may be {meant}: the range covers all of them")
    warnings += tuple(f"{candidate.name}: {candidate.caution}" for candidate in candidates if candidate.caution)
    if re.search(r"\bpods?$", query, re.IGNORECASE) and named.instance is None and read.count is None:
        warnings = (*warnings, "a pod says no number of chips: give the count")
    vendors = {candidate.vendor for candidate in candidates}
    return HardwareMatch(
        query=query,
        candidates=candidates,
        devices_per_unit=named.count,
        count_in_text=read.count,
        name_in_text=read.name,
        provider=named.provider or (_CERTAIN_PROVIDER.get(vendors.pop()) if len(vendors) == 1 else None),
        instance=named.instance,
        warnings=warnings,
    )


def _cpu(query: str, text: str) -> CpuMatch | None:
    """The CPU of a text, alone or with its memory."""
    parts = loose.pieces(text)
    memory = [part for part in parts if loose.is_memory(part)]
    rest = [part for part in parts if part not in memory]
    found = _cpu_of(rest[0]) if len(rest) == 1 else None
    if found is None:
        return None
    cpu, count, name = found
    warnings = (f"{names.listed(memory, 'and')}: left out of the hardware's name",) if memory else ()
    return CpuMatch(query=query, cpu=cpu, count_in_text=count, name_in_text=name, warnings=warnings)


def _cpu_of(text: str) -> tuple[Cpu, int | None, str] | None:
    """A CPU, the chips that the text counts, and the name in it."""
    for reading in loose.counted(text):
        if reading.unit in {"unit", "device"}:
            named = f"Intel Xeon {reading.name}" if _XEON.match(reading.name) else reading.name
            cpu = find_cpu(named.removesuffix("s")) or find_cpu(named)
            if cpu is not None:
                return cpu, reading.count, reading.name
    return None
