"""The carbon intensity that an installed CodeCarbon would take for a place, read from its files as data, never imported.

Its rule (3.3.2, offline): a cloud's region by its table of clouds; else a state of the US, a province of Canada or China, or a
bidding zone of Sweden, Norway or Finland where one is given; else the country by its three letters; else, in silence, its world
average.
"""

from __future__ import annotations

import csv
import json
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from footprint.place.atlas import zone_name
from footprint.reference.grid import parent
from footprint.units import G_PER_KG

_G_PER_KWH_PER_LB_PER_MWH: Final = 0.45359237
# What it takes for the fuels of Canada's provinces, kg/kWh; the other sources count as nothing.
_FUELS_KG_PER_KWH: Final = {"coal": 0.995725971, "petroleum": 0.8166885263, "naturalGas": 0.7438415916}
_NORDIC: Final = {"SE-SE1", "SE-SE2", "SE-SE3", "SE-SE4", "NO-NO1", "NO-NO2", "NO-NO3", "NO-NO4", "NO-NO5"}
_ISO3_LENGTH: Final = 3


class Taken(NamedTuple):
    """The g/kWh that it takes, and how it comes to it."""

    g_per_kwh: float
    why: str


@lru_cache(maxsize=1)
def installed() -> tuple[Path, str] | None:
    """The folder of its data and its version; None where it is not installed."""
    spec = find_spec("codecarbon")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    try:
        return (folder, version("codecarbon")) if folder.is_dir() else None
    except PackageNotFoundError:
        return None


def of_cloud(provider: str, region: str) -> Taken:
    """A cloud's region, where no country is given beside it."""
    with (_data() / "cloud/impact.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if (row["provider"], row["region"]) == (provider, region):
                return Taken(float(row["impact"]), f"its table of clouds, for {provider}:{region}")
    average = world()
    return Taken(average.g_per_kwh, f"its table of clouds has no {provider}:{region}: in silence {average.why}")


def of_zone(zone: str) -> Taken:
    """A grid zone of ours, given as it takes places: a country by three letters, and a part of it by its name."""
    nation = parent(zone) or zone
    return _of_part(nation, zone) or of_country(nation)


def of_country(code: str) -> Taken:
    """A country, by the code as it is given: any that is not three capital letters of its table is the world."""
    row = _json("private_infra/global_energy_mix.json").get(code)
    if row is None:
        average = world()
        return Taken(average.g_per_kwh, f"its table of countries has no {code}: in silence {average.why}")
    if row.get("carbon_intensity") is None:
        return _of_sources(code, row)
    return Taken(float(row["carbon_intensity"]), f"its figure for {code} of {row['year']}")


def world() -> Taken:
    """Its world average."""
    return Taken(float(_sources()["world_average"]), "its world average of 2019")


def _of_part(nation: str, zone: str) -> Taken | None:
    """A part of a country that it has figures of; None where it takes the whole country's."""
    if zone in _NORDIC:
        row = _json("private_infra/nordic_emissions.json")["data"][zone.partition("-")[2]]
        return Taken(float(row["emission_factor"]), f"its figure for the bidding zone of {row['year']}")
    if zone == nation or zone.startswith("egrid:"):
        return None
    name = zone_name(zone).lower()
    if nation == "USA":
        row = _json("private_infra/2023/usa_emissions.json").get(name)
        if row is not None:
            return Taken(float(row["emissions"]) * _G_PER_KWH_PER_LB_PER_MWH, "its figure for the state, direct, eGRID 2023")
    if nation == "CAN":
        row = _json("private_infra/2023/canada_energy_mix.json").get(name)
        if row is not None:
            kg = sum(row[fuel] / row["total"] * kg_per_kwh for fuel, kg_per_kwh in _FUELS_KG_PER_KWH.items())
            return Taken(kg * G_PER_KG, "the fuels that are burnt in the province, direct; other sources count as nothing")
    if nation == "CHN":
        for row in _json("private_infra/2023/china_provincial_emissions.json")["data"].values():
            if name in row["names"]:
                return Taken(float(row["emission_factor"]), f"its figure for the province of {row['year']}, direct")
    return None


def _of_sources(code: str, row: dict[str, Any]) -> Taken:
    """A country of which it has a mix and no intensity: by source; its world average where it knows not every source."""
    known = {name.removesuffix("_TWh"): twh for name, twh in row.items() if name.endswith("_TWh")}
    total = known.pop("total")
    of_source = {name: twh for name, twh in known.items() if _sources().get(name) is not None}
    if sum(of_source.values()) != total:
        average = world()
        return Taken(average.g_per_kwh, f"its mix for {code} does not add up: {average.why}")
    return Taken(sum(twh / total * float(_sources()[name]) for name, twh in of_source.items()), f"its mix for {code}")


def _sources() -> dict[str, Any]:
    return _json("private_infra/carbon_intensity_per_source.json")


@lru_cache(maxsize=8)
def _json(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_data() / name).read_text(encoding="utf-8"))
    return found


def _data() -> Path:
    known = installed()
    assert known is not None, "asked only where it is installed"
    return known[0]
