"""What accelerators and hosts draw, and what meters err, where nobody measured: priors with their rule in the factor's note."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from footprint.model import TRAINING_KINDS, ComponentName, Factor, Grade, Kind, Workload
from footprint.reference import names, tables
from footprint.reference.choices import over
from footprint.reference.cpu import era, maker
from footprint.reference.cpu_names import cpu_key, find_cpu
from footprint.reference.editions import remembered
from footprint.reference.hardware import HardwareMatch
from footprint.reference.triples import stretched

_METERS: Final[dict[str, tuple[ComponentName, ...]]] = {
    "nvml": ("accelerators",),
    "amd": ("accelerators",),
    "codecarbon": ("accelerators", "cpu", "memory"),
    "carbontracker": ("cpu",),
    "hwmon": ("cpu", "memory", "rest"),
    "rapl": ("cpu", "memory", "rest"),
}
"""The meters whose error is told, and what they read."""
_ALIKE: Final = {"carbontracker": "codecarbon"}
"""Both take a CPU's rated power times an assumed load where they find no sensor."""
_MIG_IDLE_RATIO: Final = 0.25
_SMALL_W: Final = 150.0
"""Rated power up to which a host weighs more beside an accelerator."""


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
    silent = [candidate.name for candidate in match.candidates if not candidate.tdp_w]
    return over(
        factors,
        f"power:{names.key(match.name_in_text or match.query)}",
        error_family=f"power:{'+'.join(candidate.id for candidate in match.candidates)}",
        note=f"over {', '.join(candidate.name for candidate in match.candidates)}"
        + (f"; no power published: {', '.join(silent)}" if silent else ""),
    )


def utilisation(kind: Kind | None, workload: Workload | None = None, match: HardwareMatch | None = None) -> Factor:
    """Share of rated power that an accelerator draws while it works; drawn anew for each run.

    What is stated decides, and nothing is guessed from the rest: a pre-training alone is training of which no more is known (a
    tiny vision model drew 0.30), and so is the training of a model that is not said to be a transformer.

    - pre-training with workload `llm`: of large language models, the narrowest;
    - fine-tuning with workload `llm`, any training with workload `transformer`: of transformers;
    - any other training: of training;
    - inference with workload `llm`: of serving them; other inference, and evaluation: each its own;
    - work of kind `other`: over training and inference; no kind stated: nearly always training, whatever the workload.

    Args:
        kind: the kind of work; None if nobody says.
        workload: what kind of model it is on, where that is stated.
        match: the accelerators; where no measured job of theirs is known, the factor's note says so. The share itself is the same
            for all: what is known of chips differs less between them than between jobs.
    """
    found = _first_known(_utilisations(kind, workload))
    if match is None or not (known := _chips_with_jobs()) or known & {candidate.id for candidate in match.candidates}:
        return found
    unseen = f"no measured job of {names.listed([c.name for c in match.candidates])} is known: other chips' share stands for it"
    return msgspec.structs.replace(found, note=f"{found.note}; {unseen}")


def _utilisations(kind: Kind | None, workload: Workload | None) -> tuple[str, ...]:
    """The priors of a kind of work, the closest first: an earlier edition has not all of them."""
    if kind in TRAINING_KINDS:
        if workload is None:
            return ("training",)
        is_llm = (kind, workload) == ("pre-training", "llm")
        return (*(["training.llm"] if is_llm else []), "training.transformer", "training")
    if kind == "inference":
        return ("inference.llm", "inference") if workload == "llm" else ("inference",)
    if kind == "evaluation":
        return "evaluation", "inference"
    return ("unstated", "other") if kind is None else ("other",)


def _first_known(kinds: tuple[str, ...]) -> Factor:
    rows = tables.by_id("priors")
    return tables.prior(next(name for name in (f"utilisation.{kind}" for kind in kinds) if name in rows))


@remembered
def _chips_with_jobs() -> frozenset[str]:
    """The accelerators of which a job was measured; none where the edition does not list jobs."""
    return frozenset(row["accelerator"] for row in tables.table("measured_jobs")) if tables.has("measured_jobs") else frozenset()


def host_overhead(match: HardwareMatch | None = None) -> Factor:
    """Energy of the whole server over what its accelerators draw (not over their rating); not for figures that include the host.

    Args:
        match: the accelerators; the host weighs more beside small ones.
    """
    if match is not None and tables.has_id("priors", "overhead.host.small"):
        rated = [candidate.tdp_w.high for candidate in match.candidates if candidate.tdp_w]
        if rated and max(rated) <= _SMALL_W:
            return tables.prior("overhead.host.small")
    return tables.prior("overhead.host")


def host_rest() -> Factor:
    """Energy of a host's board, fans, disks and power supply over that of its processor packages and memory."""
    return tables.prior("host.rest")


def meter_lag(meter: str, *, grade: Grade = "counter") -> Factor:
    """Seconds by which the time that a meter's counter covers differs from the time between its readings, about 0.

    Args:
        meter: the meter's name, such as `nvml`.
        grade: how it is read: a counter, or power that is polled and integrated.

    Raises:
        KeyError: if the tables hold nothing on this meter's refreshing.
    """
    meter = _ALIKE.get(meter, meter)
    return tables.prior("meter.nvml.power.lag" if (meter, grade) == ("nvml", "power") else f"meter.{meter}.lag")


def meter_error(
    meter: str, component: ComponentName = "accelerators", *, name: str | None = None, grade: Grade = "counter"
) -> Factor:
    """True energy over what a meter reads, about 1.

    Args:
        meter: the meter's name: `nvml`, `rapl`, `amd`, `hwmon`, `codecarbon`.
        component: what it reads; `rest` is the whole machine.
        name: the CPU's name, by which makers whose counters measure are told from those whose counters model.
        grade: how it is read: a counter, or power that is polled and integrated.

    Raises:
        KeyError: if the tables hold nothing on the error of this meter.
    """
    if component not in _METERS.get(meter, ()):
        raise KeyError(f"{meter}: {component}")
    meter = _ALIKE.get(meter, meter)
    if (meter, component) == ("rapl", "cpu"):
        return tables.prior(f"meter.rapl.cpu.{'measured' if _measures(name or '') else 'modelled'}")
    if meter in {"rapl", "codecarbon"}:
        return tables.prior(f"meter.{meter}.{component}")
    return tables.prior("meter.nvml.power" if (meter, grade) == ("nvml", "power") else f"meter.{meter}")


def mig_share(ours: int, whole: int) -> Factor:
    """The part of a GPU's energy that goes to a run which holds some of its slices (MIG): only the whole has a sensor.

    By rule between two poles. The others work as we do: our part of the slices. The others are idle: our part of the idle
    power, by rule a quarter of what the GPU draws, and all the rest. The centre is the middle of the two, the high bound the
    second, the low bound the first less as much as the others may work harder than we do.

    Args:
        ours: slices that the run may use.
        whole: slices that the GPU has; ours, and an exact 1, where all are ours.

    Raises:
        ValueError: if there are no such slices.
    """
    if not 0 < ours <= whole:
        raise ValueError(f"{ours} of {whole} slices")
    part = ours / whole
    high = part * _MIG_IDLE_RATIO + (1 - _MIG_IDLE_RATIO) if ours < whole else 1.0
    low, central, high = stretched(part * (1 - (1 - part) / 2), (part + high) / 2, high)
    return Factor(
        id=f"mig.share:{ours}/{whole}",
        low=low,
        central=central,
        high=high,
        unit="ratio",
        source="rule",
        year=None,
        licence="",
        basis="run / GPU",
        grade="assumed",
        error_family="mig:share",
        varies="run",
        note=f"{ours} of {whole} slices. From the run's part of the slices (all work alike) to that part of a quarter, which an "
        "idle GPU draws, and all the rest (the others are idle); the centre is the middle of the two",
    )


def _measures(name: str) -> bool:
    """Whether RAPL is known to measure the power of a processor, rather than to model it: Intel's from Haswell on."""
    cpu = find_cpu(name)
    if cpu is None or maker(cpu.name) != "intel" or era(cpu) != "2014" or cpu.name.endswith(" v2"):
        return False
    return cpu.year is not None or re.match("xeon|core", cpu_key(cpu.name)) is not None
