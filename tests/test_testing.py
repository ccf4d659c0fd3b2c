"""The fakes and the synthetic sensors that ship are themselves true."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import ConfigError, MeterError
from footprint.meters import OpenMeters
from footprint.meters.common import Meter
from footprint.model import Device, Sample
from footprint.testing import (
    FakeClock,
    ReplayMeter,
    SyntheticNvml,
    SyntheticRapl,
    SyntheticSensor,
    Zone,
    build_stub,
    spikes,
    square,
    steady,
    without_root,
)

GPU = Device(id="gpu:x", component="accelerators", name="X", meter="replay", grade="counter")


def test_the_docstring_tells_the_truth() -> None:
    clock = FakeClock()
    sensor = SyntheticSensor(clock, high_w=300, low_w=50, period_s=2)
    (before,) = sensor.read()
    clock.advance(10)
    (after,) = sensor.read()
    assert before.energy_j is not None
    assert after.energy_j is not None
    assert sensor.true_energy_j(0, 10) == after.energy_j - before.energy_j == 1750.0


@given(st.floats(0, 1e4), st.floats(0.01, 100), st.floats(0, 1000), st.floats(0, 1000))
def test_energy_is_the_integral_of_power(t_s: float, period_s: float, high_w: float, low_w: float) -> None:
    sensor = SyntheticSensor(FakeClock(), high_w=high_w, low_w=low_w, period_s=period_s)
    assert sensor.true_energy_j(t_s, t_s + 7 * period_s) == pytest.approx(7 * period_s * (high_w + low_w) / 2, rel=1e-6, abs=1e-3)
    assert sensor.true_energy_j(0, t_s) <= t_s * max(high_w, low_w) + 1e-6


def test_power_and_wraps() -> None:
    clock = FakeClock()
    power = SyntheticSensor(clock, high_w=10, low_w=4, period_s=2, grade="power")
    wrapping = SyntheticSensor(clock, high_w=10, wrap_j=25)
    seen = []
    for _ in range(4):
        seen.append((power.read()[0].power_w, wrapping.read()[0].energy_j))
        clock.advance(1)
    assert seen == [(10, 0), (4, 10), (10, 20), (4, 5)]
    with pytest.raises(ValueError, match="counter or a power"):
        SyntheticSensor(clock, high_w=1, grade="model")


def test_a_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        FakeClock().advance(-1)


def test_a_replay_ends_in_silence() -> None:
    sample = Sample(device_id="gpu:x", t_s=1.0, energy_j=2.0)
    meter: Meter = ReplayMeter([GPU], [[sample], []])
    opened = OpenMeters([meter])
    assert opened.devices == (GPU,)
    assert [opened.read() for _ in range(3)] == [(sample,), (), ()]
    opened.close()
    assert opened.read() == ()


@given(st.floats(0, 1e4), st.floats(0.01, 10), st.floats(0.01, 0.99))
def test_a_wave_is_the_sum_of_its_pieces(begin_s: float, every_s: float, ratio: float) -> None:
    wave = spikes(20, 300, every_s=every_s, length_s=ratio * every_s)
    assert wave.energy_j(begin_s, begin_s + every_s) == pytest.approx(every_s * (300 * ratio + 20 * (1 - ratio)), rel=1e-6)
    middle_s = begin_s + every_s / 3
    pieces = wave.energy_j(begin_s, middle_s) + wave.energy_j(middle_s, begin_s + every_s)
    assert pieces == pytest.approx(wave.energy_j(begin_s, begin_s + every_s), rel=1e-6)
    assert {wave.power_w(0), wave.power_w(every_s * (1 + ratio) / 2)} == {300, 20}


ZONES = {
    "intel-rapl:0": Zone("package-0", square(90, 10, 0.02), range_j=20.0, start_j=15.0, max_power_w=95),
    "intel-rapl:0:0": Zone("core", steady(30)),
    "intel-rapl:1": Zone("psys", steady(120)),
}


def counter_uj(rapl: SyntheticRapl, zone: str) -> int:
    return int((rapl.folder / "class/powercap" / zone / "energy_uj").read_text())


def test_a_synthetic_tree_is_laid_out_as_the_kernels(tmp_path: Path) -> None:
    rapl = SyntheticRapl(tmp_path / "sys", ZONES)
    powercap = tmp_path / "sys/class/powercap"
    assert {path.name for path in powercap.iterdir()} == {"intel-rapl", *ZONES}
    assert (powercap / "intel-rapl:0/intel-rapl:0:0/name").read_text() == "core\n"
    assert (powercap / "intel-rapl:0/constraint_0_max_power_uw").read_text() == "95000000\n"
    assert (powercap / "intel-rapl:0/max_energy_range_uj").read_text() == "20000000\n"
    assert counter_uj(rapl, "intel-rapl:0") == 15_000_000


@pytest.mark.parametrize(
    ("zones", "word"),
    [
        ({"package-0": Zone("package-0", steady(80))}, "intel-rapl:0"),
        ({"intel-rapl:0/../../x": Zone("package-0", steady(80))}, "intel-rapl:0"),
        ({"intel-rapl:0": Zone("package-0", steady(-1))}, "cannot count"),
        ({"intel-rapl:0": Zone("package-0", steady(float("nan")))}, "cannot count"),
        ({"intel-rapl:0": Zone("package-0", square(90, 30, 0))}, "cannot count"),
        ({"intel-rapl:0": Zone("package-0", steady(80), range_j=0)}, "cannot count"),
        ({"intel-rapl:0": Zone("package-0", steady(80), range_j=10, start_j=20)}, "cannot count"),
    ],
)
def test_a_tree_that_could_not_be_is_refused_before_anything_is_written(
    zones: dict[str, Zone], word: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=word):
        SyntheticRapl(tmp_path / "sys", zones)
    assert list(tmp_path.iterdir()) == []


def test_a_synthetic_tree_says_how_it_is_used(tmp_path: Path) -> None:
    rapl = SyntheticRapl(tmp_path / "sys", ZONES)
    with pytest.raises(ConfigError, match="a folder of its own"):
        SyntheticRapl(tmp_path / "sys", ZONES)
    with pytest.raises(ConfigError, match="inside `with`"):
        rapl.reset("intel-rapl:0")
    for ask in (rapl.reset, rapl.vanish, lambda zone: rapl.truth_j(0, 1, zone)):
        with pytest.raises(ConfigError, match="intel-rapl:1"):
            ask("intel-rapl:7")
    with rapl, pytest.raises(ConfigError, match="run already"):
        rapl.__enter__()


@pytest.mark.slow
def test_synthetic_counters_follow_the_truth_through_wraps(tmp_path: Path) -> None:
    with SyntheticRapl(tmp_path / "sys", ZONES) as rapl:
        begin_s, before_uj, grown_uj, wraps = time.monotonic(), counter_uj(rapl, "intel-rapl:0"), 0, 0
        last_s, last_uj = begin_s, before_uj
        while wraps < 3:
            now_s, now_uj = time.monotonic(), counter_uj(rapl, "intel-rapl:0")
            wraps += now_uj < last_uj
            grown_uj += (now_uj - last_uj) % 20_000_000
            last_s, last_uj = now_s, now_uj
            assert now_s < begin_s + 60, "the counter stands still"
        # The driver may come late on a loaded machine, by a tenth of a second at the very worst.
        assert grown_uj / 1e6 == pytest.approx(rapl.truth_j(begin_s, last_s), abs=90 * 0.1)


@pytest.mark.slow
def test_a_synthetic_counter_can_be_reset_denied_and_taken_away(tmp_path: Path) -> None:
    with SyntheticRapl(tmp_path / "sys", ZONES) as rapl:
        path = rapl.folder / "class/powercap/intel-rapl:0/energy_uj"
        deadline_s = time.monotonic() + 60
        while counter_uj(rapl, "intel-rapl:1") < 30_000_000:
            assert time.monotonic() < deadline_s, "the counter stands still"
            time.sleep(0.01)
        rapl.reset("intel-rapl:1")
        assert counter_uj(rapl, "intel-rapl:1") < 30_000_000

        def read() -> subprocess.CompletedProcess[str]:
            return subprocess.run(without_root("cat", str(path)), capture_output=True, text=True, check=False)

        assert read().returncode == 0
        rapl.deny()
        assert "Permission denied" in read().stderr
        rapl.allow()
        assert int(read().stdout) >= 0

        held = os.open(path, os.O_RDONLY)
        rapl.vanish("intel-rapl:0")
        assert os.pread(held, 64, 0) == b""
        os.close(held)
        assert not path.exists()
        assert counter_uj(rapl, "intel-rapl:1") > 0


def test_without_a_compiler_the_stand_in_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MeterError, match="no C compiler"):
        build_stub(tmp_path)
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho out of paper >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(MeterError, match="out of paper"):
        SyntheticNvml(tmp_path / "nvml")


@pytest.mark.slow
def test_a_synthetic_gpu_counts_what_it_draws(tmp_path: Path) -> None:
    """The real pynvml reads the stand-in, in a process that finds it first."""
    gpus = SyntheticNvml(tmp_path, count=2, wave=spikes(30, 300, every_s=0.05, length_s=0.01))
    code = (
        "import time, pynvml\npynvml.nvmlInit()\ngpu = pynvml.nvmlDeviceGetHandleByIndex(pynvml.nvmlDeviceGetCount() - 1)\n"
        "for _ in range(2):\n"
        "    print(time.monotonic(), pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu)); time.sleep(0.6)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **gpus.environment}, capture_output=True, text=True, check=True
    )
    (begin_s, before_mj), (end_s, after_mj) = (map(float, line.split()) for line in done.stdout.splitlines())
    assert (after_mj - before_mj) / 1e3 == pytest.approx(gpus.truth_j(begin_s, end_s), abs=3)
    assert (after_mj - before_mj) / 1e3 == pytest.approx(84 * (end_s - begin_s), abs=10)
