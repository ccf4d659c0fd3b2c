"""Why a text names no hardware, in one line that says what to do instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from footprint.errors import UnknownHardware
from footprint.reference import chips, loose, names
from footprint.reference.cpu_names import cpus_near, unnamed

_SHOWN: Final = 80
_BOARD: Final = re.compile(r"\bhgx\b", re.IGNORECASE)
_CPU_LIKE: Final = re.compile(
    r"\b(?:cpus?|xeon|epyc|ryzen|opteron|core i\d|threadripper|neoverse|cortex|graviton)", re.IGNORECASE
)
_GENERIC: Final = {
    "gpu", "gpus", "cpu", "cpus", "tpu", "tpus", "nvidia", "amd", "intel", "google", "colab", "kaggle", "cloud", "tesla", "rtx",
    "gtx", "geforce", "quadro", "radeon", "instinct", "aws", "azure", "gcp", "pro", "a", "the", "dgx", "card",
    "graphics", "multi", "pod", "pods", "vm",
}  # fmt: skip


def shown(text: str) -> str:
    """A user's text in a message."""
    return repr(text[:_SHOWN])


def several(query: str, parts: Sequence[str]) -> UnknownHardware:
    """For a text that names several kinds at once."""
    each = names.listed([shown(part) for part in parts], "and")
    return UnknownHardware(f"{shown(query)} names several kinds of hardware: make one estimate for each of {each}")


def unknown(query: str, text: str) -> UnknownHardware:
    """For a text that means nothing that is known: says why where it can be told, else offers near matches."""
    if not text:
        return UnknownHardware("no hardware was named")
    return (
        _known_but(query, text)
        or _no_accelerator(query, text)
        or UnknownHardware(f"unknown accelerator {shown(query)}", _near(text))
    )


def _known_but(query: str, text: str) -> UnknownHardware | None:
    """For a text whose names are known, but not what it says of them."""
    said = loose.roughly(text)
    if said is not None and _is_known(said):
        return UnknownHardware(f"{shown(query)} tells only roughly how many: give the name alone, and the number as the count")
    parts = [part.strip() for part in text.split("/") if part.strip()]
    if len(parts) > 1 and all(map(_is_known, parts)):
        return several(query, parts)
    if _BOARD.search(text):
        bare = " ".join(_BOARD.sub(" ", text).split())
        return UnknownHardware(
            f"{shown(query)}: an HGX board holds 4 or 8 GPUs: write 'HGX H100 8-GPU', or {bare!r} and the count of GPUs"
        )
    for reading in loose.counted(text):
        for name, memory_gb in loose.simpler(reading.name):
            found = _named(name) if memory_gb is not None else None
            if found is not None:
                has = sorted({row["memory_gb"] for one in found.ids if (row := chips.row(one))["memory_gb"]}, key=float)
                return UnknownHardware(f"no {name.upper()} with {memory_gb} GB is known: known are {names.listed(has)} GB")
    return None


def _no_accelerator(query: str, text: str) -> UnknownHardware | None:
    """For a text that names no model, or a CPU that is not known."""
    said = re.findall(r"[a-z0-9]+", text.lower())
    if said and _GENERIC.issuperset(said[1:]) and (said[0] in _GENERIC or loose.is_number(said[0])):
        return UnknownHardware(f"{shown(query)} names no model: give one, such as 'A100 SXM4 80GB', 'TPU v3' or 'p4d.24xlarge'")
    if _CPU_LIKE.search(text):
        why = unnamed(text)
        return UnknownHardware(f"no CPU {shown(query)} is known{f': it is {why}' if why else ''}", cpus_near(text))
    return None


def _is_known(text: str) -> bool:
    return any(_named(reading.name) for reading in loose.counted(text))


def _named(text: str) -> chips.Named | None:
    try:
        return chips.named(text)
    except ValueError:
        return None


def _near(text: str) -> tuple[str, ...]:
    """Known names that stand in the text, else near matches of it or of the name behind its count."""
    said = names.words(text)
    inside = [" ".join(said[at : at + length]) for length in (3, 2, 1) for at in range(len(said) - length + 1)]
    inside = [one if _named(one) else name for name in inside for one in [re.sub(r"(?<=\d)s$", "", name)]]
    found = [name.upper() for name in inside if not name.isdecimal() and (known := _named(name)) and not known.family][:2]
    readings = [reading.name for reading in loose.counted(text)]
    close = [near for name in dict.fromkeys([readings[0], readings[-1]]) for near in names.near(name, chips.printed())]
    return tuple(dict.fromkeys([*found, *close]))[:4]
