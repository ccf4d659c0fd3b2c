"""What NVIDIA's driver counts of slowed GPUs, of a driver that is played."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from footprint.profile import Workload
from footprint.profiling import conditions, gpus
from footprint.profiling.checks import checks_of


def _driver(thermal_ns: int, count: int = 2) -> Any:
    return SimpleNamespace(
        NVML_PERF_POLICY_THERMAL=1,
        NVML_PERF_POLICY_POWER=0,
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: count,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetViolationStatus=lambda _, policy: SimpleNamespace(violationTime=thermal_ns if policy else 5_000_000_000),
        nvmlDeviceGetTemperature=lambda handle, _: 60 + handle,
    )


def test_slowed_gpus_are_doubtful() -> None:
    cool, warm = gpus.read(_driver(0)), gpus.read(_driver(1_500_000_000))
    assert warm == gpus.Slowed(gpus=2, warmth_s=3.0, power_s=10.0, celsius=61.0)
    now = conditions.read()
    ends = (msgspec.structs.replace(now, gpus=cool), msgspec.structs.replace(now, gpus=warm))
    checks = checks_of(workload=Workload(command="true"), idle=None, repeats=(), runs=(), energy=None, ends=ends)
    (check,) = [one for one in checks if one.name == "GPU throttling"]
    assert check.verdict == "doubtful"
    assert check.numbers == {"warmth_s": 3.0, "power_s": 0.0}
    assert not {one.verdict for one in checks} - {"ok", "doubtful", "unknown"}


def test_without_a_gpu_or_a_driver_nothing_is_said() -> None:
    assert gpus.read(_driver(0, count=0)) is None
    assert gpus.read(SimpleNamespace()) is None
