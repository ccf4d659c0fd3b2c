"""How wide the range of a hundred runs on one site is, beside that of one: for what they share and what varies, apart.

`pytest -s tests/accounting/test_widths.py` prints the table.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from footprint.derive import Account, sum_many
from footprint.model import Footprint, Range, Run
from tests.derive.examples import HOUR_S, gpu, host, run

N = 100
JOB: dict[str, Any] = {"hardware": "A100 SXM4 80GB", "count": 8, "hours": 10.0, "scope": "accelerators"}
STATED: dict[str, Any] = {"pue": 1.1, "intensity_g_per_kwh": 400.0}

# What is uncertain of a declared job, what is known of it, and what a hundred are to one.
DECLARED: dict[str, tuple[dict[str, Any], float]] = {
    "PUE of the site (shared)": ({"energy_kwh": 100.0, "intensity_g_per_kwh": 400.0}, 1.0),
    "grid (shared)": ({"energy_kwh": 100.0, "pue": 1.1, "zone": "FRA", "year": 2023}, 1.0),
    "utilisation (job to job)": (JOB | STATED, 0.1),
    "utilisation and host (job to job)": (JOB | STATED | {"scope": "server"}, 0.1),
}


def width(found: Range | None) -> float:
    assert found is not None
    return (found.high - found.low) / found.central


def of_row(frame: pd.DataFrame) -> float:
    row = frame.iloc[0]
    return float((row["emissions_g_high"] - row["emissions_g_low"]) / row["emissions_g"])


def declared(facts: dict[str, Any]) -> tuple[float, float]:
    frame = pd.DataFrame([facts] * N)
    return of_row(sum_many(frame.head(1))), of_row(sum_many(frame))


def measured(runs: list[Run]) -> tuple[float, float]:
    """Widths of the accelerators' energy, of one run and of all."""
    account = Account(runs)

    def energy(footprint: Footprint) -> float:
        return width(footprint.accelerator_energy_kwh)

    return energy(account.footprint(runs[0].id)), energy(account.total([one.id for one in runs]).footprint)


def measured_runs(*, devices: int, duration_s: float = HOUR_S) -> list[Run]:
    """Runs of an hour one after the other, on so many machines in turn."""
    return [
        run(
            f"r{i}",
            started_at=f"2024-05-{1 + i // 24:02}T{i % 24:02}:00:00Z",
            duration_s=duration_s,
            host=host(name=f"n{i % devices}", boot_id=f"b{i % devices}"),
            devices=(gpu(1e6 * duration_s / HOUR_S, duration_s, uuid=f"GPU-{i % devices}"),),
        )
        for i in range(N)
    ]


@pytest.mark.parametrize("what", DECLARED)
def test_a_hundred_declared_jobs_on_one_site(what: str) -> None:
    facts, expected = DECLARED[what]
    one, every = declared(facts)
    print(f"\n{what:<40} one {one:6.1%}   {N} {every:6.1%}   ratio {every / one:.3f}")
    assert every / one == pytest.approx(expected, rel=1e-9 if expected == 1.0 else 0.1)


def test_all_of_a_jobs_factors_together() -> None:
    """What stays of a hundred jobs is what they share."""
    place = {"region": "aws:us-east-1", "year": 2023}
    one, every = declared(JOB | place | {"scope": "server"})
    _, shared = declared({"energy_kwh": 100.0} | place | {"provider": "aws"})
    print(f"\n{'all of it':<40} one {one:6.1%}   {N} {every:6.1%}   of which shared {shared:.1%}")
    assert shared <= every <= math.hypot(shared, 0.15 * one)


@pytest.mark.parametrize(
    ("what", "devices", "duration_s", "expected"),
    [
        ("sensor of one device (shared)", 1, HOUR_S, 1.0),
        ("sensors of a hundred devices", N, HOUR_S, 0.1),
        ("sensors of four devices", 4, HOUR_S, 0.5),
    ],
)
def test_a_hundred_measured_runs(what: str, devices: int, duration_s: float, expected: float) -> None:
    one, every = measured(measured_runs(devices=devices, duration_s=duration_s))
    print(f"\n{what:<40} one {one:6.1%}   {N} {every:6.1%}   ratio {every / one:.3f}")
    assert every / one == pytest.approx(expected, rel=0.12)


def test_a_sensors_lag_is_drawn_anew_for_each_run() -> None:
    """Of runs of 0.3 s the lag is most of the error: over a hundred on one device what is left is the device's own."""
    one, every = measured(measured_runs(devices=1, duration_s=0.3))
    whole, _ = measured(measured_runs(devices=1))
    print(f"\n{'lag of short runs (run to run)':<40} one {one:6.1%}   {N} {every:6.1%}   sensor alone {whole:.1%}")
    assert every == pytest.approx(math.hypot(whole, math.sqrt(one**2 - whole**2) / math.sqrt(N)), rel=0.05)
