"""Every look-up that an edition answers, as one digest for each kind: run by a process of its own, on the package that it finds.

`python lookups.py EDITION` prints JSON: kind of look-up -> [how many, digest].
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hashlib import blake2b
from itertools import product
from typing import get_args

import msgspec

from footprint import reference
from footprint.errors import ConfigError
from footprint.model import Host, Kind, Place, Workload
from footprint.place import resolve
from footprint.reference import grid, tables

YEARS = (2011, 2020, 2024, 2026)


def look_ups() -> Iterator[tuple[str, object]]:
    """(kind of look-up, what it answers), of all that can be asked."""
    for name in tables.factor_tables():
        for row in tables.table(name):
            if row["central"]:
                yield "factor", tables.factor(row)
    for name in _hardware():
        match = reference.find_accelerator(name)
        yield "hardware", match
        yield "power", reference.accelerator_power(match)
        yield "host", reference.host_overhead(match)
        yield "share", reference.utilisation("fine-tuning", "llm", match)
    for kind, workload in product((*get_args(Kind), None), (*get_args(Workload), None)):
        yield "share", reference.utilisation(kind, workload)
    for place, year in product(_places(), YEARS):
        yield "pue", reference.pue(place, year)
        yield "intensity", reference.intensity(place, year)
    for row in tables.table("zones"):
        yield "figures", grid.figures(row["zone"])
    for row in tables.table("cpus"):
        host = Host(
            name="h", os="Linux", cpu_name=row["name"], logical_cpus=8, sockets=1, memory_bytes=2**33, boot_id=None, virtual=True
        )
        yield "cpu", (reference.cpu_power(host), reference.memory_power(host), reference.package_idle(host))
    yield "rest", (reference.host_rest(), reference.meter_error("nvml"), reference.meter_lag("rapl"), reference.mig_share(2, 7))


def _hardware() -> Iterator[str]:
    for row in tables.table("accelerators"):
        yield row["id"]
        yield row["name"]
    for table, column in (("ambiguous_names", "name"), ("instances", "instance")):
        yield from (row[column] for row in tables.table(table))


def _places() -> Iterator[Place]:
    yield Place()
    yield Place(provider="a lab of its own", zone="FRA")
    for row in tables.table("regions"):
        yield _resolved(region=row["id"])
    for row in tables.table("zones"):
        yield _resolved(zone=row["zone"])


def _resolved(*, region: str | None = None, zone: str | None = None) -> Place:
    try:
        return resolve(region=region, zone=zone) or Place()
    except ConfigError as error:
        return Place(name=str(error))


def main(edition: str) -> None:
    """Print the digests."""
    found: dict[str, tuple[int, str]] = {}
    with reference.using_edition(edition):
        for kind, answer in look_ups():
            count, digest = found.get(kind, (0, ""))
            found[kind] = count + 1, blake2b(digest.encode() + msgspec.json.encode(answer), digest_size=16).hexdigest()
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
