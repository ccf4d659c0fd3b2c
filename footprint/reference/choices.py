"""One factor over several, where a name may mean any of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from footprint.model import GRADES, Factor
from footprint.reference.triples import Triple, stretched


def over(factors: Sequence[Factor], factor_id: str, *, error_family: str, note: str, triple: Triple | None = None) -> Factor:
    """A factor that holds all of some factors, with all their sources, and known no better than the worst known of them.

    Args:
        factors: at least one, of one unit and basis.
        factor_id: the id of the new one.
        error_family: what shares its error.
        note: what it is over.
        triple: its numbers; by default the lowest low, the mean of the centres, the highest high.
    """
    low, central, high = triple or stretched(
        min(one.low for one in factors), sum(one.central for one in factors) / len(factors), max(one.high for one in factors)
    )
    return msgspec.structs.replace(
        factors[0],
        id=factor_id,
        low=low,
        central=central,
        high=high,
        source=_joined(one.source for one in factors),
        year=None,
        licence=_joined(one.licence for one in factors),
        grade=max((one.grade for one in factors), key=GRADES.index),
        error_family=error_family,
        url="",
        note=note,
    )


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
