"""What hardware is called in the tables: drivers' names, usual names, slices of TPUs, instances of clouds and makers' machines.

Exact after normalising (`names`); nothing here reads a sentence (`loose`) or decides what a whole text means (`hardware`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from footprint.reference import names, tables
from footprint.reference.editions import remembered

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
CORES_PER_CHIP: Final = {**dict(_TPU_SUFFIX.values()), "google-tpu-v4i": 1}
"""TensorCores of one TPU chip."""
_TPU_SLICE: Final = re.compile(
    r"(?:google )?(?:cloud )?(?:tpus?[ \-_]?)?(?:vm )?(v2|v3|v4|v5p|v5litepod|v5e|v6e|tpu7x)[\-_](\d{1,6})"
    r"(?: (?:tpus?|vms?|pods?|slices?|pod slices?|tpu vms?|tpu pods?))?",
    re.IGNORECASE,
)
_MOST_CHIPS: Final = 100_000


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What an exact name means: ids of accelerators, and the instance, slice or machine that was named, if one was."""

    ids: tuple[str, ...]
    count: int | float = 1
    provider: str | None = None
    instance: str | None = None
    warnings: tuple[str, ...] = ()
    family: str | None = None
    """The architecture, where it is all that was named."""


def named(text: str) -> Named | None:
    """What a name means, if it is one: a driver's own, a slice, a name known to mean several chips, an id or alias, an instance.

    Raises:
        ValueError: for a slice of TPUs that cannot be, in words that say why.
    """
    driver = _driver_names().get(text.casefold())
    if driver:
        return Named(ids=(driver,))
    return _slice(text) or _chips(text) or _instance(text) or _family(text)


def families(accelerator_id: str) -> tuple[str, ...]:
    """The architectures of a chip, broadest first, as its maker calls them; none where its edition does not tell."""
    return split(row(accelerator_id).get("families", ""))


def row(accelerator_id: str) -> tables.Row:
    """The row of an accelerator."""
    return tables.by_id("accelerators")[accelerator_id]


def family_words(text: str) -> str | None:
    """The name of the architecture that a text starts or ends with, of those that have chips."""
    said = names.words(text)
    for length in (2, 1):
        for part in (said[:length], said[-length:]):
            if len(said) > length and "".join(part) in _families():
                return " ".join(part)
    return None


@remembered
def printed() -> dict[str, str]:
    """Key -> name as printed, of everything that could have been meant: for near matches."""
    found = {names.key(row["name"]): row["name"] for row in tables.table("ambiguous_names")}
    for row in tables.table("accelerators"):
        for name in _all_names(row)[1:]:
            found.setdefault(names.key(name), name)
    found |= {form: row["instance"] for form, row in _instances().items()}
    return {form: name for form, (name, _) in _families().items()} | found


def split(text: str) -> tuple[str, ...]:
    """The values of a cell that holds several."""
    return tuple(text.split("; ")) if text else ()


def _slice(text: str) -> Named | None:
    """`TPU v3-8` and its like: the suffix counts TensorCores, two to a chip, up to v4 and for v5p and 7x, else chips."""
    found = _TPU_SLICE.fullmatch(text)
    if not found:
        return None
    generation, suffix = found[1].lower(), int(found[2])
    accelerator_id, per_chip = _TPU_SUFFIX[generation]
    if suffix % per_chip or not 1 <= suffix // per_chip <= _MOST_CHIPS:
        counts = "TensorCores, two to a chip" if per_chip > 1 else "chips"
        raise ValueError(f"the suffix of {generation} counts {counts}")
    return Named(ids=(accelerator_id,), count=suffix // per_chip, provider="gcp", instance=f"{generation}-{suffix}")


def _chips(text: str) -> Named | None:
    """The chips of a name.

    A small `s` behind a digit may be a plural: `V100s` is several V100, or a V100S. A SUPER is written so, too: `2080S`, `2080s`.
    """
    found = _known(text)
    bare = re.sub(r"\s+(?:gpus?|chips?|cards?)$", "", text, flags=re.IGNORECASE)
    if re.search(r"\ds$", bare, re.IGNORECASE) and text not in tables.by_id("accelerators"):
        singular = bare[:-1]
        plural = _known(singular) if bare.endswith("s") else ()
        found = tuple(dict.fromkeys((*plural, *_known(f"{singular} super"), *found)))
    return Named(ids=found) if found else None


def _known(name: str) -> tuple[str, ...]:
    return names.look_up(name, _ambiguous()) or names.look_up(name, _plain())


def _instance(text: str) -> Named | None:
    row = _instances().get(names.key(instance_name(text)))
    if row is None:
        return None
    count = float(row["count"])
    return Named(
        ids=split(row["accelerator"]),
        count=int(count) if count.is_integer() else count,
        provider=row["provider"] or None,
        instance=row["instance"],
        warnings=() if row["mapping"] == "published" else (f"what {row['instance']} holds is not confirmed",),
    )


def _family(text: str) -> Named | None:
    found = _families().get(names.key(text))
    return Named(ids=found[1], family=found[0]) if found else None


def instance_name(text: str) -> str:
    """An instance's name without SageMaker's and Azure's prefixes."""
    return re.sub(r"^(ml\.|standard[_ ])", "", text, flags=re.IGNORECASE)


@remembered
def _driver_names() -> dict[str, str]:
    rows = tables.table("accelerators")
    return {name.casefold(): row["id"] for row in rows for name in split(row["nvml_names"])}


@remembered
def _ambiguous() -> dict[str, tuple[str, ...]]:
    rows = tables.table("ambiguous_names")
    return names.index((row["name"], one) for row in rows for one in split(row["candidates"]))


@remembered
def _plain() -> dict[str, tuple[str, ...]]:
    return names.index((name, row["id"]) for row in tables.table("accelerators") for name in _all_names(row))


def _all_names(row: tables.Row) -> Sequence[str]:
    return row["id"], row["name"], *split(row["nvml_names"]), *split(row["aliases"])


@remembered
def _instances() -> dict[str, tables.Row]:
    return {names.key(instance_name(row["instance"])): row for row in tables.table("instances")}


@remembered
def _families() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Key -> an architecture's name and its chips."""
    found: dict[str, tuple[str, list[str]]] = {}
    for row in tables.table("accelerators"):
        for family in split(row.get("families", "")):
            found.setdefault(names.key(family), (family, []))[1].append(row["id"])
    return {form: (name, tuple(ids)) for form, (name, ids) in found.items()}
