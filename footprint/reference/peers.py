"""What other calculators take for what: single figures of theirs, as they list them, so that theirs can be told from ours.

Only figures that were read in their own tables are here (`data/peers.csv`), and only some of them: what is not here is unknown,
and never put in their mouths.
"""

from __future__ import annotations

from typing import Literal

from footprint.model import Factor
from footprint.reference import tables
from footprint.reference.editions import remembered

PeerQuantity = Literal["power", "intensity", "pue", "memory"]


def peer_figure(peer: str, quantity: PeerQuantity, name: str) -> Factor | None:
    """A figure as a peer lists it; None where it is not known to us.

    Args:
        peer: whose: `mlco2`, `green-algorithms-3.0`, `green-algorithms-1.0`.
        quantity: `power` (W) of an accelerator's id, `intensity` (g/kWh) of a region or zone, `pue` of a provider, `memory`
            (W/GB).
        name: of what.
    """
    row = _figures().get((peer, quantity, name))
    return tables.factor(row) if row else None


@remembered
def _figures() -> dict[tuple[str, str, str], tables.Row]:
    if not tables.has("peers"):
        return {}
    return {(row["peer"], row["quantity"], name): row for row in tables.table("peers") for name in row["names"].split("; ")}
