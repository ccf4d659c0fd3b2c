"""Energy to impact: facility energy and operational emissions.

GHG Protocol scope 2: emissions = energy bought by the facility x the intensity of the grid (location-based) or of the contracts
(market-based). PUE (ISO/IEC 30134-2) is the facility's energy over the IT equipment's.
"""

from __future__ import annotations

from footprint.accounting.ranges import Quantity


def facility_energy_kwh(it_energy_kwh: Quantity, pue: Quantity) -> Quantity:
    """Energy that the facility takes for this IT energy, kWh."""
    return it_energy_kwh * pue


def emissions_g(facility_energy_kwh: Quantity, intensity_g_per_kwh: Quantity) -> Quantity:
    """CO2-equivalent of this facility energy, g."""
    return facility_energy_kwh * intensity_g_per_kwh
