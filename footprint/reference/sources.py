"""Write SOURCES.md from the tables: each source, its licence, how many rows rest on it; and the rules of the ranges.

`python -m footprint.reference.sources` rewrites the file; a test holds it against the tables.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Final

from footprint.reference import checking, embodied, evidence, hourly, tables, water

PATH: Final = Path(__file__).parent / "SOURCES.md"

_HEAD: Final = """\
# Sources of the factors

Edition {version}. Written by `python -m footprint.reference.sources` from `data/*.csv`; edit those, not this file.

Every factor is a triple: 5th percentile, mean, 95th percentile. The rule of a row stands in its `note`; these are the rules
of whole tables.

## Rules

**Grid intensity** (`grid.csv`, g CO2e/kWh). A published figure is the mean of a log-normal; its standard deviation, of the
logarithm, comes from how far two readings of one grid disagree, each given half of the variance:

- a nation's life-cycle figure: {national:.3f} (CodeCarbon 3.3.2 against Ember for the same year, {national_pairs});
- a direct figure (subregion, state, province, nation): {direct:.3f} ({provider_pairs} regions where Google's own figure stands
  beside ours, {boundary_pairs} pairs of an eGRID subregion and the state of a cloud region in it);
- a bidding zone's production mix: {bidding:.3f} (against the nation's figure).

The newest Ember release names no year in the copy that was read: where nothing else tells it, each series is taken to go on
by a year, grade `assumed`, and the range is widened by a year's drift. Where that makes a jump of more than three standard
deviations of a year's drift (Venezuela, Montenegro and others), the range reaches the earlier figure. Belgium 2025: two copies
disagree, the mean of the two and the range of both. Hong Kong's series is of production and leaves imports out: its low bound
reaches down in the proportion of Google's figure of its region. Where a direct figure lies above the life-cycle figure of its
year, the range of the latter reaches up to it. The pseudo-zones EEE and WOR were left out.

Outside the years known, the nearest year, its range widened by {drift:.3f} times the square root of the years between, at most
ten (nine of ten moves of a nation's figure in one year stay within 1.645 times that).

A zone with only a direct figure: direct plus what life-cycle has over direct in its nation in that year. A nation without a
direct figure: plus the mean over the {add_ons} nations that have both, {add_on[1]:.1f} g/kWh ({add_on[0]:.1f} to
{add_on[2]:.1f}); a difference below zero is two sources that disagree and counts as the smallest above it. The nation's own
difference keeps the same relative bounds. Sides are added in quadrature. Google's own figure of a region, where it lies
outside the range of the direct figure, moves the bound to it.

**Hours of a grid** (`intensity.csv`; asked for, or read from a file). The level of a series is as uncertain as a year's figure of
its basis, by the standard deviations above: one error for all its hours. A forecast, and an hour that its provider calls an
estimate, errs by {forecast:.2f} more (a standard deviation of the logarithm), one error a run: 318,561 half-hourly forecasts for
Great Britain on 97 days of 2023 erred by 18.4 % in the mean. A stated number is exact.

**Accelerator power** (`accelerators.csv`, W). A published rating is exact, basis `rated`. Measured means are basis `mean`.
Unpublished: a third party's estimate, halved and raised by half, grade `assumed`; one unconfirmed statement, 20 % either way,
grade `assumed`; no statement: unknown. A name that means several chips: lowest low, highest high, mean of the means.

**Share of rated power** (`priors.csv`). 5th, 50th and 95th percentile of what jobs drew, by kind of work and model; the mean by
the three-point rule 0.185, 0.63, 0.185 (Keefer & Bodily 1983). `measured_jobs.csv` holds single jobs; nine of ten of training,
of transformers with language models, and of serving lie within the range. The bounds were set by judgement from these few jobs
and no wider than they ask for (of language models three, of other transformers seven): that they hold them is no independent
test. A server over its accelerators: from published nodes and accountings, over what is drawn, not rated.

**PUE** (`pue.csv`). A region's own figure: its overhead above 1 within a quarter either way; a design value, a fleet's or an
inferred site's: within half. A region without one, of a provider that publishes ten or more: 5th percentile, mean and 95th
percentile of those; in years before and after, their overheads times what the fleet's had over that of their year. A cloud that
publishes none: from the best fleet of the year to the Uptime survey's average; a machine anywhere: from 1 to the highest average
published for the year; and their middles. Where sources disagree on a year, the range holds both. Another year than those known:
the nearest, the overhead widened by {pue_drift:.3f} times the square root of the years between, at most ten (nine of ten moves of
a published average stay within 1.645 times that).

**CPU and memory** (`cpu_fit.csv`, W). Fitted by `python -m footprint.reference.fitting` to the SPECpower servers of
`server_power.csv`; data, filter, model and rule stand in that module. Watts of a whole server are memory's watts a GB, the idle
watts of its chips (until 2013 a share of the rated power; since then a constant a chip and one a logical CPU) and a share of the
rated power times the load: least squares of the relative error, each CPU model weighing the same. Ranges are 5th and 95th
percentile of measured over modelled. `python -m tests.benchmarks.cpu_model` shows what the fit does on CPUs that it did not see.

**Memory and drives by size** (`components.csv`, W/GB, W/TB). Memory: lowest, mean and highest of four origins, each at its
middle. Drives: one origin, a factor of two either way. For what nobody describes further; no host's memory is added from here.

**Meters** (`priors.csv`, true / read). NVML's error is NVIDIA's statement; the others are rules, named in their notes.

**Peak and utilisation** (`peaks.csv`, TFLOP/s; `mfu.csv`, device-hours over those at peak, which is 1 / MFU). The dense peak of
half precision, of FP32 where that is no slower; a published peak is exact, two that differ are the range, grade `assumed`; cells
that held vector or sparse rates were left out. Of a name that means several chips: times weighed with rated power, so that the
centre of energy is the mean of theirs. Pre-training of large language models: 5th percentile, mean and 95th percentile of
the reciprocals of published utilisations (`mfu_published.csv`; as printed, or operations over the peak of all device-hours).
Other training, of which no series is published: from the best of those to 5 % (transformers) or 2 % (unknown models). Serving:
from the best of those, which reading a prompt comes near to, to the 95th percentile of measured servings. For these three the
centre is the lowest mean that a law with the two bounds has.

**Work on processors** (`cpu_jobs.csv`). Load and memory of which nothing is said: by rule, named in the notes.

**Rated power of CPUs** (`cpus.csv`). The maker's figure is exact. Of a chip that a maker sells to one cloud only nothing is
published: a third party's figure 20 % either way, else that of its public siblings with a range over what they and third parties
say, grade `assumed`. A name that neither this table nor CodeCarbon's has, to the letter after normalising, is unknown.

**Embodied** (`embodied.csv`, kg CO2e; figures in `embodied_published.csv`). The mean is the maker's figure or an assessment's,
else Boavizta's model divided by what that has over the maker's figure of the H100 ({model_ratio:.2f} times, also the high bound
over the mean); the low bound is that of a log-normal with the spread of two figures of one chip ({making_sigma:.3f} of the
logarithm). A chip with HBM, or a TPU, of which no figure was read: mean, lowest low and highest high of its class, grade
`assumed`; half of it for one of two GPUs in a package. Other chips, CPUs, and machines without accelerators: unknown. A server's
share is an eighth of a server for eight.
Life and use stand as reciprocals, because the mean of a quotient is not the quotient of the means.

**Water** (`water.csv`, L/kWh). On the site: a fleet's mean is no region's, so from nothing to 3.8 times of it, the widest that a
law with that mean carries; a cloud that publishes none: middle of no water and the industry's mean, widened alike; elsewhere
unknown. For electricity: water consumed, by nation, a log-normal whose spread is half the disagreement of two means of the
United States ({water_sigma:.3f}); a zone below the nation takes the nation's figure, widened by the spread among nations
({nations_sigma:.3f}); a nation without a figure is unknown.

**Other calculators** (`peers.csv`). Figures as a calculator lists them, exact, and only to say what it would say: none of our own
numbers rests on them.

**Equivalences** (`equivalences.csv`). What a report compares its totals with, and nothing else: published means, their ranges
from what the same publishers say of better and worse ones. A total divided by one: middle by middle; the sides, as ratios to
their middles, in quadrature, since the two err apart.

**Shape.** The law of the ranges (`accounting.ranges`) fits triples whose sides differ at most 2.8 times; where a rule gives a
more lopsided one, the shorter side is made longer.

## Tables

| source | rows | licence | attribution | what |
|---|---|---|---|---|
"""
_NATIONAL_PAIRS: Final = "211 nations, 188 of them within 20 %"
_MAPS: Final = """
## Names and mappings

- `zones.csv`: codes and names of ISO 3166 (nations, subdivisions) and EPA (eGRID subregions).
- `regions.csv`, `instances.csv`: each row names where it was read in `mapping_source`; `mapping` is `published` or
  `unverified` (from memory, or of medium confidence). eGRID subregions of US regions: EPA Power Profiler, by postal code.
- `ambiguous_names.csv`: names that mean several chips; they go before any other alias.
"""


def render() -> str:
    """The text of SOURCES.md."""
    used = Counter(source for name in tables.names() for row in tables.table(name) if (source := row.get("source")))
    head = _HEAD.format(
        version=tables.FACTORS_VERSION,
        national=evidence.NATIONAL_SIGMA,
        national_pairs=_NATIONAL_PAIRS,
        direct=evidence.direct_sigma(),
        provider_pairs=len(evidence.provider_pairs()),
        boundary_pairs=len(evidence.boundary_pairs()),
        bidding=evidence.bidding_zone_sigma(),
        drift=evidence.yearly_drift_sigma(),
        forecast=hourly.FORECAST_SIGMA,
        add_ons=len(evidence.add_ons()),
        add_on=evidence.add_on(),
        model_ratio=embodied.model_ratio(),
        making_sigma=embodied.making_sigma(),
        water_sigma=water.NATIONAL_SIGMA,
        nations_sigma=water.nations_sigma(),
        pue_drift=evidence.pue_drift_sigma(),
    )
    lines = [
        f"| {_titled(row)} | {used[row['id']]} | {row['licence']} | {row['attribution']} | {row['what']} |"
        for row in tables.table("sources")
    ]
    return head + "\n".join(lines) + "\n" + _MAPS


def _titled(row: tables.Row) -> str:
    return f"[{row['title']}]({row['url']})" if row["url"] else row["title"]


if __name__ == "__main__":
    if faulty := checking.all_faults():
        sys.exit("\n".join(faulty))
    PATH.write_text(render(), encoding="utf-8")
