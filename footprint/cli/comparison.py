"""`footprint estimate --as`: what other calculators would say of the same facts, and why that differs from ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from footprint import text
from footprint.errors import ConfigError
from footprint.model import Declaration, Range

if TYPE_CHECKING:
    from footprint.derive.compare import Comparison, Difference

As = Annotated[
    list[str] | None,
    typer.Option("--as", help="Say what mlco2, green-algorithms[-1.0] or codecarbon would say; may be repeated."),
]
MemoryGb = Annotated[float | None, typer.Option(help="With --as: GB of memory, which some of them count.")]
CpuCores = Annotated[float | None, typer.Option(help="With --as: CPU cores, which some of them count.")]
CpuCoreW = Annotated[float | None, typer.Option(help="With --as: rated watts of a CPU core.")]
CpuBusyRatio = Annotated[float | None, typer.Option(help="With --as: how busy the cores are, 0 to 1.")]
BusyRatio = Annotated[float | None, typer.Option(help="With --as: how busy the accelerators are, 0 to 1.")]

_SAME: Final = 1e-9
# The contract of a comparison, without our own footprint, which is the rest of the object.
_JSON_FIELDS: Final = (
    "peer",
    "version",
    "energy_kwh",
    "emissions_g",
    "steps",
    "differences",
    "energy_ratio",
    "emissions_ratio",
    "missing",
    "notes",
    "figures",
)


def compared(declaration: Declaration, peers: Sequence[str], beside: Mapping[str, float | None]) -> list[Comparison]:
    """What each of the asked peers would say of declared facts.

    Args:
        declaration: the facts.
        peers: those that were asked for.
        beside: facts that only peers ask for, null where they were not stated.

    Raises:
        ConfigError: for an unknown peer, or for facts of peers where none was asked for.
    """
    from footprint.derive.compare import Beside, compare

    stated = [f"--{name.replace('_', '-')}" for name, value in beside.items() if value is not None]
    if stated and not peers:
        raise ConfigError(f"{', '.join(stated)} matters to other calculators only: say which with --as, or leave it out")
    return [compare(declaration, peer, Beside(**beside)) for peer in dict.fromkeys(peers)]


def told(found: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Comparisons as `estimate --json` prints them."""
    return [{name: getattr(one, name) for name in _JSON_FIELDS} for one in found]


def lines(found: Sequence[Comparison]) -> list[str]:
    """Comparisons for a terminal: theirs beside ours, how they come to it, and the difference by name."""
    shown = []
    for one in found:
        shown += ["", f"as {one.peer} ({one.version}) would say"]
        shown += [f"  {'energy':10} {_beside(one.energy_kwh, one.ours.energy_kwh, one.energy_ratio, text.ENERGY)}"]
        shown += [f"  {'emissions':10} {_beside(one.emissions_g, one.ours.emissions_g, one.emissions_ratio, text.MASS)}"]
        shown += [f"  {'its way' if not index else '':10} {step}" for index, step in enumerate(one.steps)]
        shown += [f"  {'because' if not index else '':10} {_difference(each)}" for index, each in enumerate(one.differences)]
        shown += [
            f"  {'it lacks' if not index else '':10} {text.clean(each, limit=300)}" for index, each in enumerate(one.missing)
        ]
        shown += [f"  {'mind':10} {text.clean(each, limit=300)}" for each in one.notes]
        shown += [f"  {'figures' if not index else '':10} {_figure(each)}" for index, each in enumerate(one.figures)]
    return shown


def _beside(theirs: float | None, ours: Range | None, ratio: float | None, units: text.Units) -> str:
    """Theirs, ours, and how many times ours theirs is, and whether it is within our range."""
    own = "unknown" if ours is None else text.quantity_range(ours.low, ours.central, ours.high, units)
    said = f"{'unknown' if theirs is None else text.quantity(theirs, units)}; ours {own}"
    if ratio is None or ours is None or theirs is None:
        return said
    within = "within" if ours.low <= theirs <= ours.high else "outside"
    return f"{said}: × {text.number(ratio)}, {within} our range"


def _difference(one: Difference) -> str:
    values = ""
    if one.theirs is not None or one.ours is not None:
        theirs, ours = ("unknown" if value is None else text.number(value) for value in (one.theirs, one.ours))
        values = f" {theirs} for our {ours} {one.unit}"
    ratio = "" if one.ratio is None else f" (× {text.number(one.ratio)})"
    if one.ratio is not None and math.isclose(one.ratio, 1.0, rel_tol=_SAME):
        ratio = " (no difference)"
    said = f"{values}{ratio};" if values or ratio else ""
    return f"{one.what}:{said} {text.clean(one.why, limit=300)}"


def _figure(factor: Any) -> str:
    year = f", {factor.year}" if factor.year else ""
    name = factor.id.removeprefix("peer:")
    return f"{text.clean(name)}: {text.number(factor.central, 6)} {factor.unit}; {text.clean(factor.source, limit=200)}{year}"
