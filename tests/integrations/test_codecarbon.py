from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from footprint.errors import ConfigError, UnknownPlace
from footprint.integrations.codecarbon import LedgerOutput
from footprint.ledger import read_runs
from tests.ledger.importers.conftest import brought, codecarbon_row


def totals(**cells: str) -> SimpleNamespace:
    return SimpleNamespace(**codecarbon_row(**cells))


@pytest.mark.slow  # CodeCarbon takes seconds to start
def test_a_real_tracker_writes_its_run_and_its_file_gives_the_same(tmp_path: Path) -> None:
    from codecarbon import OfflineEmissionsTracker

    begun_s = time.monotonic()
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA",
        project_name="live",
        output_dir=str(tmp_path),
        output_handlers=[LedgerOutput(kind="fine-tuning")],
        measure_power_secs=1,
        log_level="critical",
        allow_multiple_runs=True,
    )
    tracker.start()
    time.sleep(1.2)
    tracker.flush()
    assert read_runs().runs == ()
    tracker.stop()
    (run,) = read_runs().runs
    assert (run.name, run.kind) == ("live", "fine-tuning")
    assert run.place is not None
    assert run.place.zone == "FRA"
    assert run.monotonic_s is not None
    assert begun_s < run.monotonic_s < time.monotonic()
    assert run.duration_s > 1
    energies = {one.device.component: one.energy_j or 0.0 for one in run.devices}
    assert energies["cpu"] > 0
    assert energies["memory"] > 0
    (imported,) = brought(tmp_path / "emissions.csv")
    assert imported.id == run.id
    for one in imported.devices:
        assert one.energy_j == pytest.approx(energies[one.device.component], rel=0.2)  # the file's row is of the same moment


def test_flushes_are_steps_of_one_run() -> None:
    handler = LedgerOutput(host="box", region="aws:us-east-1")
    handler.out(totals(duration="1800", cpu_energy="0.05", gpu_energy="0.1", ram_energy="0.01", energy_consumed="0.16"), None)
    handler.out(totals(), None)
    handler.exit()
    handler.exit()  # a second stop writes nothing
    (run,) = read_runs().runs
    assert run.duration_s == 3600
    assert len(run.devices[0].course) == 3
    assert run.place is not None
    assert run.place.provider == "aws"


def test_what_goes_wrong_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    handler = LedgerOutput()
    with pytest.warns(RuntimeWarning, match="cpu_energy is -1"):
        handler.out(totals(cpu_energy="-1"), None)
    handler.exit()
    handler.out(totals(), None)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "file"))
    with pytest.warns(RuntimeWarning, match="the ledger cannot be written"):
        handler.exit()


def test_a_long_run_with_many_flushes_keeps_few_of_them() -> None:
    handler = LedgerOutput()
    for step in range(1, 1000):
        share = step / 1000
        cells = {f"{name}_energy": repr(share * kwh) for name, kwh in (("cpu", 0.1), ("gpu", 0.2), ("ram", 0.02))}
        handler.out(totals(duration=repr(3600 * share), energy_consumed=repr(0.3200001 * share), **cells), None)
    handler.out(totals(), None)
    handler.exit()
    (run,) = read_runs().runs
    assert run.devices[0].energy_j == pytest.approx(360_000)
    assert len(run.devices[0].course) < 70


def test_a_place_or_kind_that_is_none_is_refused_before_anything_runs() -> None:
    with pytest.raises(UnknownPlace):
        LedgerOutput(region="aws:atlantis-1")
    with pytest.raises(ConfigError):
        LedgerOutput(kind="trainin")
