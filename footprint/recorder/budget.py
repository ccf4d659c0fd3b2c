"""What a run may emit or use at most, and what is to happen when it has."""

from __future__ import annotations

from typing import NamedTuple


class Budget(NamedTuple):
    """A limit of a run; null is none.

    Attributes:
        emissions_g: g of CO2-equivalent, as in `Footprint.emissions_g`.
        energy_kwh: kWh of the facility, as in `Footprint.energy_kwh`.
        stop: the exception that ends the body, or its class, which is given a sentence; null to warn only.
    """

    emissions_g: float | None = None
    energy_kwh: float | None = None
    stop: BaseException | type[BaseException] | None = None

    def error(self, sentence: str) -> BaseException | None:
        """The exception to raise."""
        return self.stop(sentence) if isinstance(self.stop, type) else self.stop
