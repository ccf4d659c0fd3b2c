"""Real domain objects to fill cards with, and where test input lies. Not a test itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from footprint.card import CardContent, content_from_declaration, content_from_run
from footprint.model import Component, Declaration, Device, DeviceEnergy, Footprint, Host, Place, Range, Run

CORPUS = Path(__file__).parents[1] / "corpus"
PROFILES = Path(__file__).parents[2] / "profiles"
# Facts for a command line: all of them stated, so that the numbers stay the same with any factors.
FACTS = (
    "--hardware",
    "V100 SXM2",
    "--count",
    "8",
    "--hours",
    "100",
    "--power-w",
    "300",
    "--pue",
    "1.11",
    "--intensity",
    "293.85",
)


def shared(folder: str) -> list[Path]:
    """The files of a folder of third-party input; the test is skipped aloud where it is not named."""
    named = os.environ.get("FOOTPRINT_SHARED")
    if not named:
        pytest.skip("FOOTPRINT_SHARED does not name the folder of third-party cards")
    return sorted(path for path in (Path(named) / folder).iterdir() if path.suffix in {".md", ".txt"})


def corpus(*, markdown_only: bool = False) -> list[Path]:
    return sorted(path for path in CORPUS.iterdir() if path.suffix == ".md" or (path.suffix == ".txt" and not markdown_only))


def a_range(central: float, spread: float = 0.15) -> Range:
    return Range(low=central * (1 - spread), central=central, high=central * (1 + spread))


def a_footprint(emissions_g: float | None = 153_000.0, place: Place | None = None) -> Footprint:
    place = (
        place
        if place is not None or emissions_g is None
        else Place(provider="aws", region="eu-west-1", zone="IRL", name="Ireland")
    )
    return Footprint(
        scope="server",
        basis="life-cycle" if emissions_g is not None else None,
        accelerator_energy_kwh=a_range(300.0),
        it_energy_kwh=a_range(400.0),
        energy_kwh=a_range(440.0),
        emissions_g=a_range(emissions_g) if emissions_g is not None else None,
        unknown=() if emissions_g is not None else ("place",),
        breakdown=(Component(component="accelerators", energy_kwh=a_range(300.0), grade="counter"),),
        factors_version="2026.11",
        place=place,
    )


def a_run(
    *,
    ident: str = "r1",
    gpus: int = 8,
    duration_s: float = 360_000.0,
    kind: str = "fine-tuning",
    start: str = "2026-03-01T10:00:00+00:00",
    cpu_name: str | None = "AMD EPYC 7B13",
    first_gpu: int = 0,
    outcome: str = "completed",
) -> Run:
    devices = tuple(
        DeviceEnergy(
            device=Device(
                id=f"gpu:GPU-{first_gpu + n}",
                component="accelerators",
                name="NVIDIA A100-SXM4-80GB",
                meter="nvml",
                grade="counter",
            ),
            energy_j=1e9,
            read_s=duration_s,
            held_ratio=1.0,
        )
        for n in range(gpus)
    )
    host = Host(name="h", os="Linux", cpu_name=cpu_name, logical_cpus=16, sockets=1, memory_bytes=2**36, boot_id="b1")
    return Run(
        id=ident,
        name="finetune",
        kind=kind,  # type: ignore[arg-type]  # tests name kinds in words
        started_at=start,
        duration_s=duration_s,
        outcome=outcome,  # type: ignore[arg-type]  # likewise
        account="a1",
        host=host,
        devices=devices,
    )


def run_content(emissions_g: float | None = 153_000.0, **facts: object) -> CardContent:
    return content_from_run(a_run(**facts), a_footprint(emissions_g))  # type: ignore[arg-type]  # as in `a_run`


def other_content() -> CardContent:
    """What a later, different account says: fewer facts, another number."""
    declaration = Declaration(kind="pre-training", hardware="NVIDIA H100", count=4, hours=12.5)
    return content_from_declaration(declaration, a_footprint(2_500_000.0, Place(zone="FRA", name="France")))


def nothing_known() -> CardContent:
    return CardContent(fields={}, lines=("Nothing is known.",))
