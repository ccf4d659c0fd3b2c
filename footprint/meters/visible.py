"""Which GPUs a vendor's runtime leaves to a program: the lists in environment variables, as CUDA and ROCm read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

Gpu = TypeVar("Gpu")

INDEX = re.compile(r"[0-9]{1,4}")
# How a list says that it names no GPU; Slurm writes NoDevFiles.
_NOTHING = {"", "-1", "NoDevFiles"}


def named(stated: str, find: Callable[[str], Sequence[Gpu]]) -> tuple[list[Gpu], str | None]:
    """What a list names, each once and in its order, and the name that ended it early.

    A list ends at the first name that names nothing; both vendors' runtimes leave out all that follows.

    Args:
        stated: the variable's value: names, comma-separated.
        find: what one name names; nothing if it names nothing, or several things at once.
    """
    chosen: list[Gpu] = []
    for name in (piece.strip() for piece in stated.split(",")):
        found = find(name)
        if not found:
            return chosen, None if name in _NOTHING else name
        chosen += [gpu for gpu in found if gpu not in chosen]
    return chosen, None


def beginning_with(name: str, gpus: Sequence[Gpu], uuid_of: Callable[[Gpu], str]) -> list[Gpu]:
    """The one whose UUID begins with a name; none if several do, for then the name names nothing."""
    found = [gpu for gpu in gpus if uuid_of(gpu).lower().startswith(name.lower())]
    return found if len(found) == 1 else []


def left_out(variable: str, name: str) -> str:
    """What to tell of a name that names nothing."""
    return (
        f"{variable} names {name[:60]!r}, which is no GPU here: it and all that follows are left out, as the GPU's runtime does"
    )
