"""How much was computed, where it was stated, and the device-hours that follow where no time was.

Device-hours = operations / (peak x MFU). The operations of a language model are 6 a parameter and token in training and 2 in
inference (Kaplan et al. 2020): of the parameters that work on a token, which in a mixture of experts are those that are active.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from footprint.accounting.ranges import Quantity
from footprint.derive.case import cited, number
from footprint.derive.equipment import Equipment
from footprint.derive.working import Working
from footprint.model import Declaration, Workload
from footprint.reference import peaks, stated
from footprint.units import S_PER_H

# A model of this many parameters that learns from tokens is a large language model.
_LARGE: Final = 1e9
_TERA: Final = 1e12


class Operations(NamedTuple):
    """Floating-point operations of the whole work, and how they were found."""

    flops: float
    how: str


def operations(facts: Declaration) -> Operations | None:
    """The operations of declared work: as stated, else of its parameters and tokens; None where neither is known."""
    if facts.flops is not None:
        return Operations(facts.flops, f"{_shown(facts.flops)} operations, as stated")
    if facts.parameters is None or facts.tokens is None:
        return None
    each = peaks.operations_per_token(facts.kind)
    said = "" if facts.kind is not None else " (no kind was stated: training)"
    flops = each * facts.parameters * facts.tokens
    how = f"{each} x {_shown(facts.parameters)} parameters x {_shown(facts.tokens)} tokens = {_shown(flops)} operations{said}"
    return Operations(flops, how)


def model_of(facts: Declaration) -> Workload | None:
    """What kind of model the operations are of: as stated, else what learns from tokens by parameters is a transformer."""
    if facts.workload is not None or facts.parameters is None or facts.tokens is None:
        return facts.workload
    return "llm" if facts.parameters >= _LARGE else "transformer"


def why_no_hours(facts: Declaration, found: Equipment) -> str | None:
    """Why no device-hours follow from what was computed; None where they do, or nothing was said of it."""
    if operations(facts) is None:
        if facts.parameters is None and facts.tokens is None:
            return None
        return "tokens say nothing without parameters" if facts.parameters is None else "parameters say nothing without tokens"
    if found.match is None:
        what = "a processor's peak is not known" if found.cpu else "operations need the hardware whose peak they run at"
        return f"{what}: give hours or device_hours"
    if peaks.peak(found.match) is None:
        return f"no dense peak of {found.match.name} is known: give hours or device_hours"
    if facts.mfu_ratio is None and peaks.slowdown(facts.kind, model_of(facts)) is None:
        return "these factors know no utilisation: give mfu_ratio, or hours"
    return None


class Hours(NamedTuple):
    """Device-hours, and the product that gives their middle."""

    device_hours: Quantity
    product: str


def computed_hours(work: Working, facts: Declaration, found: Equipment) -> Hours | None:
    """Device-hours that the operations took; None where they do not follow."""
    done = operations(facts)
    if done is None or found.match is None or why_no_hours(facts, found) is not None:
        return None
    peak = peaks.peak(found.match, weighed=facts.power_w is None)
    assert peak is not None
    if peak.silent:
        work.warn(f"no dense peak is known of {', '.join(peak.silent)}: that of the others stands for it")
    at_peak = work.use(peak.time) * (done.flops / peaks.EFLOP)
    product = f"{number(done.flops / peaks.EFLOP)} EFLOP × {cited(peak.time, peak.time.unit)}"
    if facts.mfu_ratio is not None:
        slower = stated("slowdown", 1 / facts.mfu_ratio, "h/h")
        work.warn(f"{done.how}; device-hours at {100 * facts.mfu_ratio:.3g} % of the peak, as stated")
        return Hours(at_peak * work.use(slower), f"{product} × {cited(slower)}")
    prior = peaks.slowdown(facts.kind, model_of(facts))
    assert prior is not None
    work.warn(
        f"{done.how}; device-hours at {100 / prior.high:.2g} to {100 / prior.low:.2g} % of the peak, which is assumed "
        "(give mfu_ratio, or better the hours)"
    )
    return Hours(at_peak * work.use(prior), f"{product} × {cited(prior)}")


def implied_utilisation(facts: Declaration, found: Equipment, device_hours: float) -> tuple[float, float] | None:
    """The shares of the peak, lowest and highest, that stated operations in stated device-hours mean; None if not known."""
    done = operations(facts)
    peak = peaks.peak(found.match) if found.match is not None else None
    if done is None or peak is None:
        return None
    rate_tflops = done.flops / _TERA / (device_hours * S_PER_H)
    return rate_tflops / peak.high_tflops, rate_tflops / peak.low_tflops


def _shown(value: float) -> str:
    """A large number as it is written by hand: 7e9, 3.14e23."""
    return f"{value:.3g}".replace("e+0", "e").replace("e+", "e")
