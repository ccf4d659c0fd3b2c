"""What `estimates` asks programs of their own: `python -m tests.benchmarks.estimating frame|sums|one NUMBERS`; JSON on stdout."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any


def frame_of(n: int, combinations: int, seed: int = 20) -> Any:
    """Rows of all chips, kinds, regions and years that the tables know, with numbers that are all different.

    Args:
        n: how many rows.
        combinations: how many combinations of names and years; 0 for one drawn for each row.
        seed: of the generator.
    """
    import numpy as np
    import pandas as pd

    from footprint.model import KINDS
    from footprint.reference import tables

    rng = np.random.default_rng(seed)
    chips = [row["id"] for row in tables.table("accelerators") if row["central"]]
    regions = [f"{row['provider']}:{row['region']}" for row in tables.table("regions")]
    k = combinations or n
    names = pd.DataFrame(
        {
            "hardware": rng.choice(chips, k),
            "kind": rng.choice(KINDS, k),
            "region": rng.choice(regions, k),
            "year": rng.integers(2018, 2026, k),
        }
    )
    vendors = {row["id"]: row["vendor"] for row in tables.table("accelerators")}
    for vendor, provider in (("Google", "gcp"), ("AWS", "aws")):  # which alone has its chips
        its = names["hardware"].map(vendors) == vendor
        names.loc[its, "region"] = rng.choice([one for one in regions if one.startswith(provider)], int(its.sum()))
    frame = names.iloc[np.arange(n) % k].reset_index(drop=True)
    frame["count"] = rng.integers(1, 4096, n)
    frame["hours"] = rng.lognormal(3, 1.2, n)
    frame["pue"] = np.where(rng.random(n) < 0.3, rng.uniform(1.05, 1.6, n), np.nan)
    return frame


def of_frame(n: int, combinations: int, repeats: int) -> dict[str, Any]:
    """Seconds of estimates with and without ranges, and of the formula in a loop."""
    from footprint import estimate_many

    frame = frame_of(n, combinations)
    estimate_many(frame.head(2))  # loads
    return {
        "combinations": len(frame[["hardware", "kind", "region", "year"]].drop_duplicates()),
        "plain": seconds(lambda: estimate_many(frame, ranges=False), repeats),
        "ranges": seconds(lambda: estimate_many(frame), repeats),
        "loop": seconds(lambda: loop(frame), repeats),
    }


def loop(frame: Any) -> list[tuple[float, float]]:
    """Power x hours x number x PUE, and that times the intensity; nothing is looked up but two numbers by name."""
    watts = dict.fromkeys(frame["hardware"].unique(), 300.0)
    g_per_kwh = dict.fromkeys(frame["region"].unique(), 400.0)
    columns = (frame[name].tolist() for name in ("hardware", "region", "count", "hours", "pue"))
    found = []
    for hardware, region, count, hours, pue in zip(*columns, strict=True):
        energy_kwh = watts[hardware] * count * hours / 1000 * (pue if pue == pue else 1.5)  # noqa: PLR0124 - NaN is not itself
        found.append((energy_kwh, energy_kwh * g_per_kwh[region]))
    return found


def of_sums(n: int, groups: int, repeats: int) -> dict[str, Any]:
    """Seconds and memory of a sum by groups, and of one over a frame."""
    import numpy as np

    from footprint.accounting.ranges import Group, Weights, draw, sum_groups
    from footprint.derive import sum_many
    from footprint.model import Place
    from footprint.reference import intensity, meter_error, meter_lag, pue, tables

    rng = np.random.default_rng(3)
    kwh, cell = rng.lognormal(0, 1.5, n), rng.integers(0, groups, n)
    sums = [np.bincount(cell, kwh**power, groups) for power in (1, 2, 3)]  # what SQL gives
    counts = np.bincount(cell, minlength=groups)
    regions = tables.table("regions")
    factors = []
    for at in range(groups):
        row = regions[at % len(regions)]
        place = Place(provider=row["provider"], region=row["region"], zone=row["zone"])
        found = intensity(place, 2020 + at % 5)
        grid = draw(found.central) if found is not None else draw(meter_lag("nvml"))
        factors.append((draw(meter_error("nvml")) + draw(meter_lag("nvml")) * 1e-3) * draw(pue(place, 2023)) * grid)

    def by_groups() -> Any:
        every = (
            Group(f"{at}", factors[at], (weights := Weights(int(counts[at]), *(float(one[at]) for one in sums))), weights)
            for at in range(groups)
        )
        return sum_groups(every).range()

    before = peak_mb()
    grouped = seconds(by_groups, repeats)
    groups_mb = peak_mb() - before
    frame = frame_of(n, groups)
    before = peak_mb()
    framed = seconds(lambda: sum_many(frame), 1)
    return {"groups": grouped, "groups_mb": groups_mb, "frame": framed, "frame_mb": peak_mb() - before}


def of_one() -> dict[str, Any]:
    """Seconds of the first estimate with its imports, of further ones, and of the tables."""
    begin_s = time.perf_counter()
    import footprint

    footprint.estimate(hardware="A100 SXM4 80GB", count=8, hours=100, region="aws:us-east-1", year=2023)
    first_s = time.perf_counter() - begin_s
    some = [("V100", "gcp:europe-west1"), ("H100", "FRA"), ("TPU v3-8", "gcp:us-central1"), ("T4", "US-VA")] * 25
    for hardware, region in some[:4]:
        footprint.estimate(hardware=hardware, count=1, hours=1, region=region, year=2020)
    begin_s = time.perf_counter()
    for at, (hardware, region) in enumerate(some):
        footprint.estimate(hardware=hardware, count=1 + at, hours=10.5 + at, region=region, year=2020 + at % 4)
    warm_s = (time.perf_counter() - begin_s) / len(some)
    return {"first": first_s, "warm": warm_s, "tables": _tables_s()}


def _tables_s() -> float:
    """Seconds of reading the tables of look-ups into rows, those of an edition that nothing has read here."""
    from footprint.reference import editions, tables

    names = ("accelerators", "ambiguous_names", "cpu_fit", "cpus", "grid", "instances", "priors", "pue", "regions", "zones")
    with editions.using(editions.EDITIONS[0]):
        begin_s = time.perf_counter()
        for name in names:
            tables.table(name)
        return time.perf_counter() - begin_s


def seconds(work: Callable[[], object], repeats: int) -> list[float]:
    """How long each of some calls takes."""
    found = []
    for _ in range(repeats):
        begin_s = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin_s)
    return found


def peak_mb() -> float:
    """The most memory that this program has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    asked, *numbers = sys.argv[1:]
    known: dict[str, Callable[..., dict[str, Any]]] = {"frame": of_frame, "sums": of_sums, "one": of_one}
    json.dump(known[asked](*map(int, numbers)), sys.stdout)
