"""Which accelerator a name means: one chip, all the chips that it may mean, or a refusal with near matches.

In this order: a driver's own name (NVML), a slice of TPUs, a name known to mean several chips, an id or alias, a cloud
instance. Matching is exact after normalising (`names`); a near match is offered and never used.
"""

from __future__ import annotations

import re
from typing import Final, Literal, cast

import msgspec

from footprint.errors import UnknownHardware
from footprint.model import Factor
from footprint.reference import names, tables
from footprint.reference.editions import remembered

PowerScope = Literal["chip", "with-host", "machine"]
"""What a power figure covers: the chip or its board; the chip with its share of the host; the whole machine at the wall."""

# How many of the suffix make a chip: TensorCores, two to a chip, or chips. Google Cloud TPU documentation.
_TPU_SUFFIX: Final = {
    "v2": ("google-tpu-v2", 2),
    "v3": ("google-tpu-v3", 2),
    "v4": ("google-tpu-v4", 2),
    "v5p": ("google-tpu-v5p", 2),
    "tpu7x": ("google-tpu-v7", 2),
    "v5litepod": ("google-tpu-v5e", 1),
    "v5e": ("google-tpu-v5e", 1),
    "v6e": ("google-tpu-v6e", 1),
}
_TPU_SLICE: Final = re.compile(
    r"(?:google\s+)?(?:cloud\s+)?(?:tpu[\s\-_]?)?(v2|v3|v4|v5p|v5litepod|v5e|v6e|tpu7x)[\-_](\d{1,6})", re.IGNORECASE
)
_COUNTED: Final = re.compile(r"(\d{1,6})\s*[x×*]?\s*(.+)", re.IGNORECASE)
_MOST_CHIPS: Final = 100_000
_CERTAIN_PROVIDER: Final = {"Google": "gcp", "AWS": "aws"}


class Accelerator(msgspec.Struct, frozen=True, kw_only=True):
    """A chip or board as a driver lists it. `tdp_w` is null where no power is published.

    `tdp_w.basis` is `rated` (a limit: multiply by the share that work draws) or `mean` (a measured mean: do not).
    """

    id: str
    name: str
    vendor: str
    kind: str
    nvml_names: tuple[str, ...]
    tdp_w: Factor | None
    power_scope: PowerScope
    memory_gb: float | None
    year: int | None
    caution: str = ""


class HardwareMatch(msgspec.Struct, frozen=True, kw_only=True):
    """What a name means. `devices_per_unit` is 4 for a `TPU v3-8`, 8 for a `p4d.24xlarge`, a fraction for a shared GPU.

    `provider` is set where the name alone says whose cloud it is. `instance` is the instance or slice that was named.
    """

    query: str
    candidates: tuple[Accelerator, ...]
    devices_per_unit: int | float = 1
    provider: str | None = None
    instance: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def power_scope(self) -> PowerScope:
        """What the power of the candidates covers; the widest of them where they differ, so that no host is counted twice."""
        scopes = {candidate.power_scope for candidate in self.candidates}
        return next(scope for scope in ("machine", "with-host", "chip") if scope in scopes)

    @property
    def name(self) -> str:
        """The accelerator's name where there is one candidate, else the name as it was asked for."""
        return self.candidates[0].name if len(self.candidates) == 1 else self.query


@remembered
def accelerator(accelerator_id: str) -> Accelerator:
    """The accelerator of an id.

    Raises:
        KeyError: if there is none of that id.
    """
    row = tables.by_id("accelerators")[accelerator_id]
    return Accelerator(
        id=row["id"],
        name=row["name"],
        vendor=row["vendor"],
        kind=row["kind"],
        nvml_names=_split(row["nvml_names"]),
        tdp_w=tables.factor(row) if row["central"] else None,
        power_scope=cast("PowerScope", row["power_scope"]),
        memory_gb=float(row["memory_gb"]) if row["memory_gb"] else None,
        year=int(row["launch_year"]) if row["launch_year"] else None,
        caution=row["caution"],
    )


@remembered
def find_accelerator(query: str) -> HardwareMatch:
    """What an accelerator's name means.

    Args:
        query: a driver's name, an id, a usual name, a TPU slice (`v3-8`) or a cloud instance (`p4d.24xlarge`).

    Raises:
        UnknownHardware: if the name means nothing that is known; carries the near matches.
    """
    text = " ".join(query.split())
    driver = _driver_names().get(text.casefold())
    if driver:
        return _match(query, (driver,))
    found = _tpu_slice(query, text)
    if found:
        return found
    ids = _ids(text)
    if ids:
        return _match(query, ids)
    instance = _instances().get(names.key(_instance_name(text)))
    if instance:
        count = float(instance["count"])
        return _match(
            query,
            (instance["accelerator"],),
            count=int(count) if count.is_integer() else count,
            provider=instance["provider"],
            instance=instance["instance"],
            warnings=() if instance["mapping"] == "published" else (f"what {instance['instance']} holds is not confirmed",),
        )
    counted = _COUNTED.fullmatch(text)
    if counted and _ids(counted[2]):
        raise UnknownHardware(f"{query[:80]!r} holds a count: give {counted[2]!r} as the hardware, and {counted[1]} as the count")
    raise UnknownHardware(f"unknown accelerator {query[:80]!r}", names.near(text, _printed()))


def _ids(text: str) -> tuple[str, ...]:
    """The accelerators of a name. A small `s` behind a digit may be a plural: `V100s` is several V100, or a V100S."""
    found = names.look_up(text, _ambiguous()) or names.look_up(text, _plain())
    if re.search(r"\ds$", text) and text not in tables.by_id("accelerators"):
        singular = text.removesuffix("s")
        found = tuple(dict.fromkeys((*(names.look_up(singular, _ambiguous()) or names.look_up(singular, _plain())), *found)))
    return found


def _match(
    query: str,
    ids: tuple[str, ...],
    *,
    count: float = 1,
    provider: str | None = None,
    instance: str | None = None,
    warnings: tuple[str, ...] = (),
) -> HardwareMatch:
    candidates = tuple(accelerator(one) for one in ids)
    powers = {(c.tdp_w.low, c.tdp_w.high) if c.tdp_w else None for c in candidates}
    if len(powers) > 1:
        meant = names.listed([candidate.name for candidate in candidates])
        warnings = (*warnings, f"{' '.join(query.split())} may be {meant}: the range covers all of them")
    warnings += tuple(f"{candidate.name}: {candidate.caution}" for candidate in candidates if candidate.caution)
    if re.search(r"\bpods?$", query, re.IGNORECASE):
        warnings = (*warnings, "a pod says no number of chips: give the count")
    provider = provider or _CERTAIN_PROVIDER.get(candidates[0].vendor)
    return HardwareMatch(
        query=query, candidates=candidates, devices_per_unit=count, provider=provider, instance=instance, warnings=warnings
    )


def _tpu_slice(query: str, text: str) -> HardwareMatch | None:
    """`TPU v3-8` and its like: the suffix counts TensorCores, two to a chip, up to v4 and for v5p and 7x, else chips."""
    found = _TPU_SLICE.fullmatch(re.sub(r"[\u2010-\u2015]", "-", text))
    if not found:
        return None
    generation, suffix = found[1].lower(), int(found[2])
    accelerator_id, per_chip = _TPU_SUFFIX[generation]
    if suffix % per_chip or not 1 <= suffix // per_chip <= _MOST_CHIPS:
        counts = "TensorCores, two to a chip" if per_chip == 2 else "chips"  # noqa: PLR2004 - cores to a chip
        raise UnknownHardware(f"no TPU slice {query[:80]!r}: the suffix of {generation} counts {counts}")
    return _match(query, (accelerator_id,), count=suffix // per_chip, instance=f"{generation}-{suffix}")


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split("; ")) if text else ()


def _instance_name(text: str) -> str:
    """An instance's name without SageMaker's and Azure's prefixes."""
    return re.sub(r"^(ml\.|standard[_ ])", "", text, flags=re.IGNORECASE)


@remembered
def _driver_names() -> dict[str, str]:
    rows = tables.table("accelerators")
    return {name.casefold(): row["id"] for row in rows for name in _split(row["nvml_names"])}


@remembered
def _ambiguous() -> dict[str, tuple[str, ...]]:
    rows = tables.table("ambiguous_names")
    return names.index((row["name"], one) for row in rows for one in _split(row["candidates"]))


@remembered
def _plain() -> dict[str, tuple[str, ...]]:
    return names.index((name, row["id"]) for row in tables.table("accelerators") for name in _all_names(row))


def _all_names(row: tables.Row) -> tuple[str, ...]:
    return row["id"], row["name"], *_split(row["nvml_names"]), *_split(row["aliases"])


@remembered
def _instances() -> dict[str, tables.Row]:
    return {names.key(_instance_name(row["instance"])): row for row in tables.table("instances")}


@remembered
def _printed() -> dict[str, str]:
    """Key -> name as printed, of everything that could have been meant."""
    found = {names.key(row["name"]): row["name"] for row in tables.table("ambiguous_names")}
    for row in tables.table("accelerators"):
        for name in _all_names(row)[1:]:
            found.setdefault(names.key(name), name)
    return found | {form: row["instance"] for form, row in _instances().items()}
