"""A laboratory that ships: fakes for tests of programs that use `footprint`, and sensors whose truth is known.

`FakeClock`, `ReplayMeter` and `SyntheticSensor` wait for nothing, read nothing and start nothing. `SyntheticRapl` and
`SyntheticNvml` are what the kernel and NVIDIA's driver would show of devices that draw a known power (a `Wave`), so that the
real meters, in a real recorder, can be held against the truth; `footprint doctor --self-test` does that.
"""

from footprint.testing.fakes import FakeClock, ReplayMeter, SyntheticSensor
from footprint.testing.nvml import SyntheticNvml, build_stub
from footprint.testing.rapl import SyntheticRapl, Zone, without_root
from footprint.testing.waves import Wave, spikes, square, steady

__all__ = [
    "FakeClock",
    "ReplayMeter",
    "SyntheticNvml",
    "SyntheticRapl",
    "SyntheticSensor",
    "Wave",
    "Zone",
    "build_stub",
    "spikes",
    "square",
    "steady",
    "without_root",
]
