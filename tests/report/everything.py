"""A summary that has something of everything a page shows, for its tests."""

from __future__ import annotations

from functools import cache

import msgspec

from footprint.model import Range
from footprint.report.data import Compared, Restated, Side, Summary, Use, Work
from tests.report.examples import runs, summary


@cache
def everything(count: int = 40) -> Summary:
    """Runs of a month, held against those of the month before, restated, with their work and when their joules were used."""
    now = summary(runs(count, placed=2), generated_at="2025-06-01T08:00:00Z")
    before = summary(runs(24, placed=2))
    day = [
        Use(
            begin=f"2025-05-{index + 1:02}T00:00:00Z",
            end=f"2025-05-{index + 2:02}T00:00:00Z",
            energy_kwh=2.0 + index % 5,
            power_w=1000 * (2.0 + index % 5) / 24,
            accelerators_kwh=1.5 + index % 5,
            cpu_kwh=0.3,
            memory_kwh=None if index % 3 else 0.1,
        )
        for index in range(28)
        if index % 6 != 5
    ]
    work = [
        Work(
            unit="tokens",
            kind="inference",
            runs=30,
            uncounted=10,
            amount=2.5e9,
            energy_kwh=Range(low=9, central=10, high=12),
            emissions_g=Range(low=900, central=1300, high=1800),
            per_1000_wh=Range(low=0.0036, central=0.004, high=0.0048),
            per_1000_g=Range(low=0.00036, central=0.00052, high=0.00072),
        ),
        Work(
            unit="samples",
            kind="fine-tuning",
            runs=5,
            uncounted=0,
            amount=64_000,
            energy_kwh=None,
            emissions_g=None,
            per_1000_wh=None,
            per_1000_g=None,
        ),
    ]
    return msgspec.structs.replace(
        now,
        use=tuple(day),
        use_step="day",
        idle_ratio=0.123,
        work=tuple(work),
        compared=Compared(
            what="periods",
            before=_side("2025-04", before),
            now=_side("2025-05", now),
            energy_ratio=Range(low=1.4, central=1.61, high=1.84),
            emissions_ratio=Range(low=0.9, central=1.2, high=1.5),
            is_sure={"energy_kwh": True, "emissions_g": False},
            notes=("emissions are known of a part of the runs on both sides",),
        ),
        restated=Restated(
            reported_at="2025-05-20T00:00:00Z",
            older="2025.1",
            newer="2026.1",
            runs=12,
            stated_g=Range(low=900, central=1200, high=1600),
            old_g=Range(low=900, central=1190, high=1590),
            new_g=Range(low=800, central=1080, high=1400),
            reasons=("grid: -8.1 %", "pue: -1.2 %"),
            with_emissions=10,
            differs=("edition", "number"),
        ),
    )


def _side(label: str, of: Summary) -> Side:
    return Side(label=label, started_at=of.started_at, ended_at=of.ended_at, amounts=of.total, by=of.by, work=())
