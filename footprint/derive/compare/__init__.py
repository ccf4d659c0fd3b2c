"""What other calculators would say of the same declared facts, and what makes the difference, by name.

A peer's own figures (its rated watts, its grid, its PUE) are taken where they are known to us; where they are not, and nobody
states them, its answer is unknown. Nothing is asked of a network, and no peer is run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from footprint.derive.compare.codecarbon import say as codecarbon
from footprint.derive.compare.common import Beside, Case, Comparison, Difference
from footprint.derive.compare.green_algorithms import say as green_algorithms
from footprint.derive.compare.mlco2 import say as mlco2
from footprint.derive.declared import derive_declaration
from footprint.errors import unknown_choice
from footprint.model import Declaration

__all__ = ["PEERS", "Beside", "Comparison", "Difference", "compare"]

_SAID_BY: Final[dict[str, Callable[[Case], Comparison]]] = {
    "mlco2": mlco2,
    "green-algorithms": lambda case: green_algorithms(case, "3.0"),
    "green-algorithms-1.0": lambda case: green_algorithms(case, "1.0"),
    "codecarbon": codecarbon,
}
PEERS: Final = tuple(_SAID_BY)
"""The calculators that can be compared with."""


def compare(declaration: Declaration, peer: str, beside: Beside | None = None) -> Comparison:
    """What a peer would say of declared facts, beside what we say.

    Args:
        declaration: the facts.
        peer: one of `PEERS`.
        beside: facts that only peers ask for.

    Raises:
        ConfigError: for an unknown peer, or for facts that cannot be.
    """
    if peer not in _SAID_BY:
        raise unknown_choice("--as", peer, PEERS)
    return _SAID_BY[peer](Case.of(declaration, derive_declaration(declaration), beside or Beside()))
