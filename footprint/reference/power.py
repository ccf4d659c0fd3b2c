"""What accelerators, meters, memory and hosts draw where nobody measured: priors with their rule in the factor's note."""

from __future__ import annotations

from footprint.model import GRADES, TRAINING_KINDS, Factor, Kind
from footprint.reference import names, tables
from footprint.reference.hardware import HardwareMatch
from footprint.reference.triples import stretched


def accelerator_power(match: HardwareMatch) -> Factor | None:
    """Watts of one device: of the chip that was named, or ranged over all that it may be; None where nothing is published.

    The factor's `basis` says what to do with it: `rated` is a limit, to be multiplied with `utilisation`; `mean` is a
    measured mean. What it covers is the match's `power_scope`. Over several chips the low bound is the lowest, the high
    bound the highest, and the centre the mean of the chips' centres.
    """
    factors = [candidate.tdp_w for candidate in match.candidates if candidate.tdp_w]
    if not factors or len({factor.basis for factor in factors}) > 1:
        return None
    if len(match.candidates) == 1:
        return factors[0]
    low, central, high = stretched(
        min(f.low for f in factors), sum(f.central for f in factors) / len(factors), max(f.high for f in factors)
    )
    silent = [candidate.name for candidate in match.candidates if not candidate.tdp_w]
    name = names.key(match.query)
    return Factor(
        id=f"power:{name}",
        low=low,
        central=central,
        high=high,
        unit="W",
        source=_joined([f.source for f in factors]),
        year=None,
        licence=_joined([f.licence for f in factors]),
        basis=factors[0].basis,
        grade=max((f.grade for f in factors), key=GRADES.index),
        error_family=f"power:{'+'.join(candidate.id for candidate in match.candidates)}",
        varies=factors[0].varies,
        note=f"over {', '.join(candidate.name for candidate in match.candidates)}"
        + (f"; no power published: {', '.join(silent)}" if silent else ""),
    )


def utilisation(kind: Kind | None) -> Factor:
    """Share of rated power that an accelerator draws while it works, by the kind of work; drawn anew for each run."""
    if kind in TRAINING_KINDS:
        return tables.prior("utilisation.training")
    return tables.prior("utilisation.inference" if kind in {"inference", "evaluation"} else "utilisation.other")


def host_overhead() -> Factor:
    """Energy of the whole server over that of its accelerators; not for power figures that include the host."""
    return tables.prior("overhead.host")


def meter_lag(meter: str) -> Factor:
    """Seconds by which the time that a meter's counter covers differs from the time between its readings, about 0.

    Args:
        meter: the meter's name, such as `nvml`.

    Raises:
        KeyError: if the tables hold nothing on this meter's refreshing.
    """
    return tables.prior(f"meter.{meter}.lag")


def memory_power() -> Factor:
    """Watts of a gigabyte of installed memory."""
    return tables.prior("memory.power")


def meter_error(meter: str) -> Factor:
    """True energy over what a meter reads, about 1.

    Args:
        meter: the meter's name, such as `nvml`.

    Raises:
        KeyError: if the tables hold nothing on this meter's error.
    """
    return tables.prior(f"meter.{meter}")


def _joined(texts: list[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
