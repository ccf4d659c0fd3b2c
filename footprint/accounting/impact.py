"""Energy and hours to impact: facility energy, operational and embodied emissions, water, cost.

GHG Protocol scope 2: emissions = energy bought by the facility x the intensity of the grid (location-based) or of the contracts
(market-based). PUE (ISO/IEC 30134-2) is the facility's energy over the IT equipment's. WUE (ISO/IEC 30134-9) is the site's water
over the IT equipment's energy, L/kWh; the water of electricity goes by the facility's.

Scope 3, capital goods: what making a device emitted is spread over the hours for which it is used in its life, each hour alike
(straight line). Embodied emissions stand apart and are part of no operational figure. Life and use come as reciprocals: the mean
of a quotient is not the quotient of the means, but the mean of a product of independent factors is the product of theirs.
"""

from __future__ import annotations

from footprint.accounting.ranges import Quantity
from footprint.units import H_PER_YEAR


def facility_energy_kwh(it_energy_kwh: Quantity, pue: Quantity) -> Quantity:
    """Energy that the facility takes for this IT energy, kWh."""
    return it_energy_kwh * pue


def emissions_g(facility_energy_kwh: Quantity, intensity_g_per_kwh: Quantity) -> Quantity:
    """CO2-equivalent of this facility energy, g."""
    return facility_energy_kwh * intensity_g_per_kwh


def making_g(accelerator_g: Quantity, server_g: Quantity, per_server: int) -> Quantity:
    """Emissions of making one accelerator with its share of the server that it stands in, g.

    Args:
        accelerator_g: of making one accelerator.
        server_g: of making the server without its accelerators.
        per_server: how many of them the server has.
    """
    return accelerator_g + server_g * (1 / per_server)


def embodied_g(device_hours: float, making_g: Quantity, lives_per_year: Quantity, life_per_use: Quantity) -> Quantity:
    """Embodied emissions of using devices for some hours, g: the part of their used life, times what making one emitted.

    Args:
        device_hours: hours summed over the devices.
        making_g: emissions of making one device, g.
        lives_per_year: 1 / life in years.
        life_per_use: 1 / share of its life that a device is used.
    """
    return making_g * lives_per_year * life_per_use * (device_hours / H_PER_YEAR)


def water_l(energy_kwh: Quantity, l_per_kwh: Quantity) -> Quantity:
    """Litres of water: the site's from the IT equipment's energy and WUE, electricity's from the facility's energy."""
    return energy_kwh * l_per_kwh


def cost(facility_energy_kwh: Quantity, price_per_kwh: float) -> Quantity:
    """What the facility's energy costs, in the currency of the price."""
    return facility_energy_kwh * price_per_kwh
