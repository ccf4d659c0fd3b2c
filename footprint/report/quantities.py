"""The rows of a footprint's quantities, each with its scope of the GHG Protocol: the same for a run and for an estimate."""

from __future__ import annotations

from footprint import text
from footprint.model import GHG_SCOPES, Footprint
from footprint.report import words

Row = tuple[str, str]


def rows(footprint: Footprint, units: words.Shown | None = None) -> list[Row]:
    """Label and value of each quantity: energy and emissions always, what stands beside them where it is known.

    Args:
        footprint: the footprint.
        units: of energies and masses; each its own if they are not given.
    """
    energy, mass = units or (None, None)
    basis = f" CO2eq ({footprint.basis}; {GHG_SCOPES['emissions_g']})" if footprint.emissions_g and footprint.basis else ""
    found = [
        ("energy", words.energy(footprint.energy_kwh, energy) + (" with PUE" if footprint.energy_kwh else "")),
        ("emissions", words.mass(footprint.emissions_g, mass) + basis),
    ]
    for label, field in (("  direct", "emissions_direct_g"), ("  market", "emissions_market_g"), ("embodied", "embodied_g")):
        value = getattr(footprint, field)
        if value is not None:
            apart = ", not in the emissions" if field == "embodied_g" else ""
            found.append((label, f"{words.mass(value, mass)} CO2eq ({GHG_SCOPES[field]}{apart})"))
    parts = (footprint.water_onsite_l, "on the site"), (footprint.water_offsite_l, "for its electricity")
    found += [("water", f"{words.litres(one)} {where}") for one, where in parts if one is not None]
    if footprint.cost is not None:
        unit = text.clean(footprint.currency or "", empty="in the currency of the price")
        found.append(("cost", f"{words.plain_range(footprint.cost, unit)} for the energy with PUE"))
    return found
