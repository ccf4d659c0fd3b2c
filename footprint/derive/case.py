"""One run being worked out: its facts, whose joules are counted, and what of its readings counts in a sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import footprint.reference as ref
from footprint import text
from footprint.accounting.ranges import Quantity
from footprint.derive.portions import WHOLE, Portion
from footprint.derive.working import Working
from footprint.model import GRADES, Attribution, ComponentName, Device, DeviceEnergy, Factor, Grade, Run
from footprint.units import kwh_from_j

SENSOR_PERIOD_S: Final = {"rapl": 0.01, "hwmon": 1.0, "codecarbon": 1.0}
"""A sensor's own refreshing, s: over less than that, a reading of zero is no zero. RAPL counters move each millisecond (Khan
et al. 2018), power meters of boards about each second (ACPI 6.5, 10.4), counters of GPUs each 20 to 100 ms (arXiv 2312.02741)."""
OTHERS_PERIOD_S: Final = 0.1
POLLED_PERIOD_S: Final = 1.0
"""Power of a GPU may be the mean of the last second."""
# The sensor's lag no longer shows beside its error where it is less than this share of the time.
LAG_RATIO: Final = 0.01
# A reading is worth a word when more than this share of the run's time is missing from it.
GAP_RATIO: Final = 0.02
DIGITS: Final = 6


class Metered(NamedTuple):
    """What a meter read of a device, kWh, and the product that gives its middle."""

    energy: Quantity
    product: str


class Power(NamedTuple):
    """A power, W, and the product that gives its middle; `note` is what limits it, to stand behind its name."""

    watts: Quantity
    product: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A run, and the sheet that it is worked out on."""

    work: Working
    run: Run
    attribution: Attribution
    portion: Portion = WHOLE

    def own(self, device_id: str) -> str:
        """A device's name among all machines, so that its error is one error in all its runs."""
        return f"{self.run.host.name}/{device_id}"

    def covered(self, read_s: float) -> float:
        """The share of the run's time that was read; a run of no length is wholly read."""
        return min(1.0, read_s / self.run.duration_s) if self.run.duration_s > 0 else 1.0

    def devices(self, component: ComponentName, *grades: Grade) -> list[DeviceEnergy]:
        """The run's devices of a component; of some grades, if they are given."""
        found = [one for one in self.run.devices if one.device.component == component]
        return [one for one in found if not grades or one.device.grade in grades]

    def metered(self, reading: DeviceEnergy) -> Metered | None:
        """What a meter read of a whole device, with the meter's error; None where it read too little to tell."""
        device, energy_j = reading.device, reading.energy_j
        if energy_j is None or reading.read_s < period_s(device):
            return None
        try:
            error = ref.meter_error(device.meter, device.component, name=self.run.host.cpu_name, grade=device.grade)
        except KeyError:
            self.work.warn(f"nothing is known of the accuracy of the meter {device.meter!r}: its readings are taken as they are")
            return Metered(Quantity(kwh_from_j(energy_j)), f"{number(energy_j)} J read")
        # The packages of a machine are of one kind and err alike; of accelerators each board has an error of its own.
        errs = device.id if device.component == "accelerators" else device.component
        energy = self.work.use(error, device=self.own(errs)) * kwh_from_j(energy_j)
        lag = ref.meter_lag(device.meter, grade=device.grade)
        if lag.high > LAG_RATIO * reading.read_s:
            energy += self.work.use(lag, run=self.run.id) * kwh_from_j(energy_j / reading.read_s)
        return Metered(energy, f"{number(energy_j)} J read × {cited(error)}")


def period_s(device: Device) -> float:
    """How long a device must have been read for its readings to tell anything, s."""
    least_s = POLLED_PERIOD_S if device.grade == "power" else OTHERS_PERIOD_S
    return SENSOR_PERIOD_S.get(device.meter, least_s)


def lowered(grade: Grade) -> Grade:
    """One grade weaker."""
    return GRADES[min(GRADES.index(grade) + 1, len(GRADES) - 1)]


def number(value: float) -> str:
    """A number with all the digits that a calculation needs."""
    return text.number(value, DIGITS)


def cited(factor: Factor, unit: str = "") -> str:
    """A factor's middle in a product, with its id in brackets: there it is looked up among the factors."""
    return f"{number(factor.central)}{f' {unit}' if unit else ''} [{text.clean(factor.id)}]"


def times(ratio: float) -> str:
    """A ratio as a further factor of a product; nothing for all of it."""
    return "" if ratio == 1 else f" × {number(ratio)}"
