"""Dated, cited factors and the look-ups that find them: one match, a range over all that fit, or a refusal."""

from footprint.reference.attributions import Attribution as SourceAttribution
from footprint.reference.attributions import attributions
from footprint.reference.cpu import CpuPower, cpu_power, memory_power, package_idle
from footprint.reference.cpu_names import Cpu, find_cpu
from footprint.reference.editions import EDITIONS, differing, family
from footprint.reference.editions import current as current_edition
from footprint.reference.editions import mixing as mixing_editions
from footprint.reference.editions import using as using_edition
from footprint.reference.grid import Intensity, intensity
from footprint.reference.hardware import (
    Accelerator,
    CpuMatch,
    HardwareMatch,
    PowerScope,
    accelerator,
    find_accelerator,
    find_hardware,
)
from footprint.reference.power import accelerator_power, host_overhead, host_rest, meter_error, meter_lag, mig_share, utilisation
from footprint.reference.pue import pue
from footprint.reference.statements import stated
from footprint.reference.storage import memory_power_declared, storage_power
from footprint.reference.tables import FACTORS_VERSION

__all__ = [
    "EDITIONS",
    "FACTORS_VERSION",
    "Accelerator",
    "Cpu",
    "CpuMatch",
    "CpuPower",
    "HardwareMatch",
    "Intensity",
    "PowerScope",
    "SourceAttribution",
    "accelerator",
    "accelerator_power",
    "attributions",
    "cpu_power",
    "current_edition",
    "differing",
    "family",
    "find_accelerator",
    "find_cpu",
    "find_hardware",
    "host_overhead",
    "host_rest",
    "intensity",
    "memory_power",
    "memory_power_declared",
    "meter_error",
    "meter_lag",
    "mig_share",
    "mixing_editions",
    "package_idle",
    "pue",
    "stated",
    "storage_power",
    "using_edition",
    "utilisation",
]
