"""What an accelerator computes at best, and how much longer real work takes: from floating-point operations to device-hours.

Time = operations / (peak x MFU). Model FLOPs utilisation (MFU: Chowdhery et al. 2022) is the share of the peak that the model's
own operations reach, with all that a job waits for. Its reciprocal stands here as a factor, since a mean of times needs the mean
of reciprocals. `peaks.csv` holds dense peaks in the precision that training uses, never those for sparse matrices; `mfu.csv`
holds the priors, computed from `mfu_published.csv` by the rules in SOURCES.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from footprint.model import TRAINING_KINDS, Factor, Kind, Workload
from footprint.reference import names, tables
from footprint.reference.choices import over
from footprint.reference.editions import remembered
from footprint.reference.hardware import HardwareMatch, accelerator
from footprint.reference.triples import MAX_SIDES_RATIO, percentile, stretched
from footprint.units import S_PER_H

OPERATIONS_TRAINING: Final = 6
"""Floating-point operations a parameter and token of training, forward and backward (Kaplan et al. 2020)."""
OPERATIONS_INFERENCE: Final = 2
"""The same of a forward pass alone."""
EFLOP: Final = 1e18
_TFLOP: Final = 1e12
# The rows of `mfu_published.csv`: what the operations are counted with where only parameters and tokens are published.
_OPERATIONS: Final = {"training": OPERATIONS_TRAINING, "serving": OPERATIONS_INFERENCE}


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """The dense peak of what a name may mean: lowest and highest of the candidates, TFLOP/s, and the time as a factor.

    `time` is device-hours per EFLOP (10^18 operations) at peak; `silent` names candidates of which no peak is published.
    """

    low_tflops: float
    high_tflops: float
    time: Factor
    silent: tuple[str, ...] = ()


def peak(match: HardwareMatch, *, weighed: bool = False) -> Peak | None:
    """The dense peak of one device; None where no candidate's is published (or the edition knows none).

    Args:
        match: what the name means.
        weighed: whether the mean time over several chips is weighed with their rated power. A slower chip draws less: so weighed,
            mean time times mean power is the mean of the chips' energies, not more.
    """
    return _peak_of(tuple(candidate.id for candidate in match.candidates), match.name_in_text, weighed)


@remembered
def _peak_of(ids: tuple[str, ...], query: str, weighed: bool) -> Peak | None:
    rows = _peaks()
    found = [tables.factor(rows[one]) for one in ids if one in rows]
    if not found:
        return None
    low, high = min(f.low for f in found), max(f.high for f in found)
    weights = _weights([one for one in ids if one in rows]) if weighed else [1.0] * len(found)
    centre = sum(weight / f.central for weight, f in zip(weights, found, strict=True)) / sum(weights)
    times = stretched(1 / high, centre, 1 / low) if low < high else (1 / low, 1 / low, 1 / low)
    scale = EFLOP / _TFLOP / S_PER_H
    rates = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    bases = ", ".join(dict.fromkeys(f.basis for f in found))
    notes = "; ".join(dict.fromkeys(f.note for f in found if f.note))
    together = over(
        found,
        f"peak-time:{names.key(query)}",
        triple=(times[0] * scale, times[1] * scale, times[2] * scale),
        error_family=f"peak:{'+'.join(one for one in ids if one in rows)}",
        note=f"{rates} TFLOP/s ({bases}){': ' + notes if notes else ''}",
    )
    factor = msgspec.structs.replace(together, unit="h/EFLOP", basis="device-hours at peak", url=found[0].url)
    silent = tuple(tables.by_id("accelerators")[one]["name"] for one in ids if one not in rows)
    return Peak(low_tflops=low, high_tflops=high, time=factor, silent=silent)


def _weights(ids: list[str]) -> list[float]:
    """The rated power of each chip; all the same where one has none."""
    rated = [found.tdp_w.central for one in ids if (found := accelerator(one)).tdp_w is not None]
    return rated if len(rated) == len(ids) else [1.0] * len(ids)


@remembered
def slowdown(kind: Kind | None, workload: Workload | None) -> Factor | None:
    """Device-hours over the device-hours at peak, 1 / MFU, by kind of work and model; None in editions without such priors.

    Args:
        kind: the kind of work; one that is not known counts as training.
        workload: `llm` or `transformer` where known. Fine-tuning of a large language model is no large run.
    """
    rows = _mfu()
    if kind in {"inference", "evaluation"}:
        name = "mfu.serving"
    elif workload == "llm" and kind != "fine-tuning":
        name = "mfu.training.llm"
    else:
        name = "mfu.training.transformer" if workload is not None else "mfu.training"
    return tables.factor(rows[name]) if name in rows else None


def operations_per_token(kind: Kind | None) -> int:
    """Operations a parameter and token: 2 where nothing is learnt, 6 in training and where the kind is not known."""
    return OPERATIONS_TRAINING if kind in TRAINING_KINDS or kind not in {"inference", "evaluation"} else OPERATIONS_INFERENCE


def published_utilisations(work: str) -> tuple[float, ...]:
    """The utilisations that were published, or follow from published operations, hours and peaks.

    Args:
        work: `training` or `serving`.
    """
    found = []
    for row in tables.table("mfu_published"):
        if row["work"] != work:
            continue
        if row["mfu"]:
            found.append(float(row["mfu"]))
            continue
        flops = float(row["flops"]) if row["flops"] else _OPERATIONS[work] * float(row["parameters"]) * float(row["tokens"])
        at_peak_s = flops / (float(_peaks()[row["accelerator"]]["central"]) * _TFLOP)
        found.append(at_peak_s / (float(row["device_hours"]) * S_PER_H))
    return tuple(found)


def rules() -> dict[str, tuple[float, float, float]]:
    """The triples of `mfu.csv` by their rule: 1 / MFU as 5th percentile, mean and 95th percentile."""
    training = [1 / share for share in published_utilisations("training")]
    serving = [1 / share for share in published_utilisations("serving")]
    best = percentile(training, 0.05)
    return {
        "mfu.training.llm": (best, sum(training) / len(training), percentile(training, 0.95)),
        "mfu.training.transformer": _lowest_mean(best, 1 / 0.05),
        "mfu.training": _lowest_mean(best, 1 / 0.02),
        "mfu.serving": _lowest_mean(best, percentile(serving, 0.95)),
    }


def _lowest_mean(low: float, high: float) -> tuple[float, float, float]:
    """Two bounds and the lowest mean that a law of the ranges with these bounds can have."""
    return low, (high + MAX_SIDES_RATIO * low) / (1 + MAX_SIDES_RATIO), high


@remembered
def _peaks() -> dict[str, tables.Row]:
    return {row["accelerator"]: row for row in _rows("peaks")}


@remembered
def _mfu() -> dict[str, tables.Row]:
    return {row["id"]: row for row in _rows("mfu")}


def _rows(name: str) -> tuple[tables.Row, ...]:
    """The rows of a table; none in an edition that came before it."""
    try:
        return tables.table(name)
    except KeyError:
        return ()
