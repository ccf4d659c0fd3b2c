"""RAPL on made-up powercap trees whose truth is known: what is counted, wraps, resets, gaps, and who may not read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import MeterError
from footprint.ledger.reading import read_journal
from footprint.meters import open_meters, rapl_zones
from footprint.meters.rapl import Counter, RaplMeter, open_meter
from footprint.testing import FakeClock, SyntheticRapl, Zone, square, steady, without_root

ROOT = Path(__file__).parents[2]
RANGE_UJ = 262_143_328_850
INTEL = "vendor_id\t: GenuineIntel\nflags\t\t: fpu vme\n"
AMD = "vendor_id\t: AuthenticAMD\nflags\t\t: fpu vme\n"


class Tree:
    """A `/sys` and a `/proc` that show what they are told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sys, self.proc = folder / "sys", folder / "proc"
        self.cpuinfo(INTEL)

    def cpuinfo(self, text: str) -> None:
        self.proc.mkdir(parents=True, exist_ok=True)
        (self.proc / "cpuinfo").write_text(text)

    def zone(
        self,
        name: str,
        label: str,
        energy_uj: int = 5_000_000,
        range_uj: int | None = RANGE_UJ,
        limits_w: Mapping[str, float] | None = None,
    ) -> None:
        target = self.sys / "devices/virtual/powercap" / name
        target.mkdir(parents=True)
        link = self.sys / "class/powercap" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(target, link.parent))
        (target / "name").write_text(f"{label}\n")
        if range_uj is not None:
            (target / "max_energy_range_uj").write_text(f"{range_uj}\n")
        for limit, watts in (limits_w or {}).items():
            (target / f"constraint_{limit}_uw").write_text(f"{watts * 1e6:.0f}\n")
        self.set(name, energy_uj)

    def energy(self, name: str) -> Path:
        return self.sys / "devices/virtual/powercap" / name / "energy_uj"

    def set(self, name: str, energy_uj: int) -> None:
        self.energy(name).write_text(f"{energy_uj}\n")

    def server(self, sockets: int = 2) -> None:
        for number in range(sockets):
            self.zone(f"intel-rapl:{number}", f"package-{number}", 5_000_000 + number)
            self.zone(f"intel-rapl:{number}:0", "core")
            self.zone(f"intel-rapl:{number}:1", "dram", range_uj=65_712_999_613)

    def survey(self) -> list[rapl_zones.Zone]:
        return rapl_zones.survey(self.sys, self.proc)

    def meter(self, clock: FakeClock | None = None) -> RaplMeter:
        return RaplMeter(self.survey(), clock=clock or FakeClock())


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def ids(meter: RaplMeter) -> list[str]:
    return [device.id for device in meter.devices()]


def energies(meter: RaplMeter) -> dict[str, float]:
    return {sample.device_id: sample.energy_j for sample in meter.read() if sample.energy_j is not None}


# -- What is counted ---------------------------------------------------------------------------------------------------


def test_packages_memory_and_platform_are_told_apart(tree: Tree) -> None:
    tree.server()
    tree.zone("intel-rapl:2", "psys")
    tree.zone("intel-rapl:0:2", "uncore")
    meter = tree.meter()
    assert [(one.id, one.component, one.grade, one.contains) for one in meter.devices()] == [
        ("cpu:package-0", "cpu", "counter", ()),
        ("cpu:package-1", "cpu", "counter", ()),
        ("memory:dram-0", "memory", "counter", ()),
        ("memory:dram-1", "memory", "counter", ()),
        ("machine:psys-0", "rest", "counter", ("cpu",)),
    ]
    assert meter.warnings == ()
    assert energies(meter)["cpu:package-1"] == pytest.approx(5.000001)
    meter.close()
    meter.close()


def test_a_package_shown_twice_is_counted_once(tree: Tree) -> None:
    tree.zone("intel-rapl-mmio:0", "package-0", 9_000_000)
    tree.zone("intel-rapl:0", "package-0", 5_000_000)
    meter = tree.meter()
    assert energies(meter) == {"cpu:package-0": 5.0}


def test_the_other_interface_stands_in_for_one_that_does_not_count(tree: Tree) -> None:
    tree.zone("intel-rapl-mmio:0", "package-0", 9_000_000)
    tree.zone("intel-rapl:0", "package-0", 0)
    meter = tree.meter()
    assert energies(meter) == {"cpu:package-0": 9.0}
    assert meter.warnings == ()


def test_dies_of_an_intel_package_count_apart_and_those_of_amd_mirror_the_package(tree: Tree) -> None:
    for number in range(4):
        tree.zone(f"intel-rapl:{number}", f"package-{number // 2}-die-{number % 2}")
        tree.zone(f"intel-rapl:{number}:0", "dram")
    assert ids(tree.meter())[:5] == [
        *(f"cpu:package-{package}-die-{die}" for package in (0, 1) for die in (0, 1)),
        "memory:dram-0-die-0",
    ]
    tree.cpuinfo(AMD)
    assert ids(tree.meter()) == ["cpu:package-0", "cpu:package-1", "memory:dram-0", "memory:dram-1"]


def test_zones_that_lie_only_in_one_another_are_found(tmp_path: Path) -> None:
    for path, label in (("intel-rapl:0", "package-0"), ("intel-rapl:0/intel-rapl:0:0", "dram")):
        folder = tmp_path / "class/powercap" / path
        folder.mkdir(parents=True)
        (folder / "name").write_text(label)
        (folder / "energy_uj").write_text("7\n")
    assert [(zone.label, zone.package) for zone in rapl_zones.survey(tmp_path)] == [
        ("package-0", "package-0"),
        ("dram", "package-0"),
    ]


def test_no_rapl_is_no_meter_and_no_trouble(tree: Tree) -> None:
    assert open_meter(tree.sys, tree.proc) is None
    tree.zone("dtpm:0", "package-0")
    assert open_meter(tree.sys, tree.proc) is None
    assert rapl_zones.troubles(tree.sys, tree.proc) == []


def test_a_virtual_machine_says_whose_counters_these_are(tree: Tree) -> None:
    tree.zone("intel-rapl:0", "package-0")
    tree.cpuinfo("vendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor vme\n")
    meter = open_meter(tree.sys, tree.proc)
    assert meter is not None
    assert "hypervisor" in meter.warnings[0]


# -- Half of a machine -------------------------------------------------------------------------------------------------


def test_one_package_of_two_is_no_machine(tree: Tree) -> None:
    tree.server()
    tree.set("intel-rapl:1", 0)
    meter = tree.meter()
    assert ids(meter) == ["memory:dram-0", "memory:dram-1"]
    assert "package-1 do not count" in meter.warnings[0]
    assert "modelled" in meter.warnings[0]


def test_one_memory_of_two_is_no_memory(tree: Tree) -> None:
    tree.server()
    tree.zone("intel-rapl:2", "package-2")
    meter = tree.meter()
    assert ids(meter) == ["cpu:package-0", "cpu:package-1", "cpu:package-2"]
    assert "memory is modelled" in meter.warnings[0]


def test_memory_that_stands_at_zero_is_modelled(tree: Tree) -> None:
    tree.server(1)
    tree.set("intel-rapl:0:1", 0)
    meter = tree.meter()
    assert ids(meter) == ["cpu:package-0"]
    assert "dram of package-0" in meter.warnings[0]


def test_where_nothing_can_be_read_the_reason_is_told(tree: Tree) -> None:
    tree.zone("intel-rapl:0", "package-0", 0)
    with pytest.raises(MeterError, match="package-0 do not count"):
        open_meter(tree.sys, tree.proc)


def test_zones_hidden_from_a_container_are_told_from_none(tree: Tree) -> None:
    tree.server(1)
    (tree.sys / "devices/virtual/powercap").rename(tree.folder / "masked")
    with pytest.raises(MeterError, match=r"hidden from this container.*docker run -v /sys:/host/sys:ro"):
        open_meter(tree.sys, tree.proc)


def test_all_packages_answer_or_none_does(tree: Tree) -> None:
    tree.server()
    clock = FakeClock()
    meter = tree.meter(clock)
    first = energies(meter)
    gone = tree.energy("intel-rapl:1")
    gone.rename(gone.with_name("gone"))
    gone.with_name("gone").write_text("")  # what a file says that was open when its zone went
    tree.set("intel-rapl:0", 25_000_000)
    clock.advance(1)
    during = energies(meter)
    assert set(during) == {"memory:dram-0", "memory:dram-1"}
    assert any("the processors (RAPL) was gone" in text for text in meter.warnings)
    tree.set("intel-rapl:1", 45_000_001)
    tree.set("intel-rapl:0", 45_000_000)
    clock.advance(1)
    after = energies(meter)
    assert after["cpu:package-0"] - first["cpu:package-0"] == pytest.approx(40)
    assert after["cpu:package-1"] - first["cpu:package-1"] == pytest.approx(40)


def test_a_counter_that_stands_still_is_no_reading_of_zero_watts(tree: Tree) -> None:
    tree.zone("intel-rapl:0", "package-0")
    clock = FakeClock()
    meter = tree.meter(clock)
    assert energies(meter)
    for _ in range(10):
        clock.advance(1)
        later = energies(meter)
    assert later == {}
    assert "stood still" in meter.warnings[0]
    tree.set("intel-rapl:0", 105_000_000)
    clock.advance(1)
    assert energies(meter) == {"cpu:package-0": 105.0}


# -- The platform ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zones", [{"intel-rapl:1": ("psys", 0)}, {"intel-rapl:1": ("psys", 5), "intel-rapl:2": ("psys-1", 5)}])
def test_a_platform_that_cannot_be_trusted_is_left_out(tree: Tree, zones: dict[str, tuple[str, int]]) -> None:
    tree.zone("intel-rapl:0", "package-0")
    for name, (label, energy_uj) in zones.items():
        tree.zone(name, label, energy_uj)
    meter = tree.meter()
    assert ids(meter) == ["cpu:package-0"]
    assert "psys" in meter.warnings[0]


def test_a_platform_that_shows_less_than_its_packages_is_not_used(tree: Tree) -> None:
    tree.zone("intel-rapl:0", "package-0", 1_000_000)
    tree.zone("intel-rapl:1", "psys", 1_000_000)
    clock = FakeClock()
    meter = tree.meter(clock)
    assert set(energies(meter)) == {"cpu:package-0", "machine:psys-0"}
    for second in range(1, 4):
        clock.advance(1)
        tree.set("intel-rapl:0", 1_000_000 + second * 50_000_000)
        tree.set("intel-rapl:1", 1_000_000 + second * 30_000_000)
        assert set(energies(meter)) == {"cpu:package-0"}
    assert [text for text in meter.warnings if "less than the processors" in text] == list(meter.warnings)


def test_a_platform_that_counts_in_whole_joules_is_used(tree: Tree) -> None:
    tree.zone("intel-rapl:0", "package-0", 1_000_000)
    tree.zone("intel-rapl:1", "psys", 7_000_000)
    clock = FakeClock()
    meter = tree.meter(clock)
    for tenth in range(1, 50):
        energies(meter)
        clock.advance(0.1)
        tree.set("intel-rapl:0", 1_000_000 + tenth * 10_000_000)
        tree.set("intel-rapl:1", 7_000_000 + tenth * 11 // 1 * 1_000_000)
    assert set(energies(meter)) == {"cpu:package-0", "machine:psys-0"}
    assert meter.warnings == ()


# -- Wraps, resets, gaps -----------------------------------------------------------------------------------------------


def grown(counter: Counter, readings: Sequence[tuple[float, int]]) -> list[float]:
    taken = [counter.take(t_s, t_s, raw_uj) for t_s, raw_uj in readings]
    return [later - earlier for earlier, later in pairwise(taken)]


def test_a_wrap_is_undone() -> None:
    counter = Counter(1_000_000_000, 300, 2_000)
    assert grown(counter, [(0, 900_000_000), (1, 999_000_000), (2, 98_000_000)]) == pytest.approx([99, 99])


def test_six_wraps_are_undone() -> None:
    counter = Counter(333_000_000, 300, 2_000)
    readings = [(t / 10, int(t * 10e6) % 333_000_000) for t in range(200)]
    assert sum(grown(counter, readings)) == pytest.approx(1990)
    assert min(grown(Counter(333_000_000, 300, 2_000), readings)) == pytest.approx(10)


@pytest.mark.parametrize(("before", "after", "truth_j"), [(1000, 0, 0.0), (999, 0, 1e-6), (990, 1000, 1e-5), (1000, 5, 5e-6)])
def test_a_counter_at_exactly_its_range(before: int, after: int, truth_j: float) -> None:
    counter = Counter(1_000_000_000, 300, 2_000)
    lift = 1_000_000_000 - 1000
    after_uj = after + lift if after >= before else after
    assert grown(counter, [(0, before + lift), (1, after_uj)]) == pytest.approx([truth_j])


def test_a_reset_is_a_gap_and_no_wrap() -> None:
    falls = grown(Counter(RANGE_UJ, 600, 2_000), [(0, 100_000_000_000), (1, 3_000_000), (2, 103_000_000)])
    assert falls[0] < 0
    assert falls[1] == pytest.approx(100)


def test_a_reset_to_zero_of_a_counter_without_a_range_is_a_gap() -> None:
    assert grown(Counter(None, 600, 2_000), [(0, 500_000_000), (1, 0), (2, 80_000_000)]) == pytest.approx([-1, 80])


def test_a_jump_that_no_package_can_draw_is_a_gap() -> None:
    assert grown(Counter(RANGE_UJ, 600, 2_000), [(0, 1_000_000), (1, 90_000_000_000)])[0] < 0


def test_a_silence_in_which_the_counter_could_wrap_twice_is_a_gap() -> None:
    assert grown(Counter(RANGE_UJ, 600, 2_000), [(0, 1_000_000), (3600, 100_000_000_000)])[0] < 0
    assert grown(Counter(RANGE_UJ, 600, 2_000), [(0, 200_000_000_000), (3600, 100_000_000_000)])[0] < 0


def test_two_gaps_in_a_row_are_two_gaps() -> None:
    assert [piece < 0 for piece in grown(Counter(None, 600, 2_000), [(0, 9), (1, 5), (2, 3), (3, 4)])] == [True, True, False]


@pytest.mark.parametrize(
    ("limits_w", "interval_s"),
    [
        ({}, 131.07),  # AMD says nothing
        ({"0_max_power": 350.0}, 124.83),
        ({"0_max_power": 15.0, "1_power_limit": 64.0}, 682.66),
        ({"0_max_power": 15.0}, 1310.7),
        ({"0_max_power": 125.0, "0_power_limit": 4095.0}, 349.52),  # an unlocked board's limit is none
        ({"0_max_power": 1900.0}, 65.54),
    ],
)
def test_how_often_to_read_follows_from_the_limits(tree: Tree, limits_w: dict[str, float], interval_s: float) -> None:
    tree.zone("intel-rapl:0", "package-0", limits_w=limits_w)
    assert tree.meter().max_interval_s == pytest.approx(interval_s, rel=1e-3)


def test_the_zone_that_wraps_first_says_how_often_to_read(tree: Tree) -> None:
    tree.server(1)
    assert tree.meter().max_interval_s == pytest.approx(65_712.999613 / 1000 / 2)


def test_without_a_range_no_wrap_is_believed_and_nothing_is_asked(tree: Tree) -> None:
    tree.zone("intel-rapl:0", "package-0", range_uj=None)
    assert tree.meter().max_interval_s is None


@settings(max_examples=60, deadline=None)
@given(
    start_ratio=st.floats(0, 1),
    range_j=st.integers(200, 300_000),
    limit_w=st.floats(40, 600),
    steps=st.lists(st.tuples(st.floats(0.001, 1), st.floats(0.001, 1)), min_size=1, max_size=60),
)
def test_the_differences_are_the_truth_whatever_wraps(
    tmp_path_factory: pytest.TempPathFactory,
    start_ratio: float,
    range_j: int,
    limit_w: float,
    steps: list[tuple[float, float]],
) -> None:
    """Any power up to a zone's limits, read at any times at most `max_interval_s` apart: nothing is lost, nothing is added."""
    tree = Tree(tmp_path_factory.mktemp("law"))
    range_uj = range_j * 1_000_000
    true_uj = first_uj = 1 + int(start_ratio * (range_uj - 1))
    tree.zone("intel-rapl:0", "package-0", true_uj % range_uj or 1, range_uj, {"0_max_power": limit_w})
    clock = FakeClock()
    meter = tree.meter(clock)
    longest_s = meter.max_interval_s
    assert longest_s is not None
    true_uj = first_uj = true_uj if true_uj % range_uj else 1
    read_j = [energies(meter)["cpu:package-0"]]
    for time_ratio, power_ratio in steps:
        passed_s = time_ratio * longest_s
        clock.advance(passed_s)
        true_uj += max(1, int(power_ratio * 3 * limit_w * passed_s * 1e6))
        tree.set("intel-rapl:0", true_uj % range_uj)
        read_j += energies(meter).values()
    meter.close()
    assert len(read_j) == len(steps) + 1
    assert read_j == sorted(read_j)
    assert read_j[-1] - read_j[0] == pytest.approx((true_uj - first_uj) / 1e6, abs=1e-5)


# -- Who may not read --------------------------------------------------------------------------------------------------


def opened_without_root(root: Path) -> tuple[list[str], list[str]]:
    """The devices and warnings of all meters, for a program that root's power to read everything was taken from."""
    code = """
import json
from footprint.meters import open_meters
opened = open_meters()
print(json.dumps([[device.id for device in opened.devices], opened.warnings]))
"""
    done = subprocess.run(
        without_root(sys.executable, "-c", code),
        env={**os.environ, "FOOTPRINT_SYSFS": str(root), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    devices, warnings = json.loads(done.stdout)
    return devices, warnings


def test_counters_that_are_roots_are_modelled_and_how_to_mend_it_is_told(tree: Tree) -> None:
    tree.server()
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:1", "intel-rapl:1:1"):
        tree.energy(name).chmod(0)
    devices, warnings = opened_without_root(tree.sys)
    assert devices == ["cpu", "memory"]
    told = next(text for text in warnings if text.startswith("rapl: "))
    assert "CVE-2020-8694" in told
    assert f"sudo chmod a+r {tree.sys}/class/powercap/intel-rapl*:*/energy_uj" in told
    assert 'SUBSYSTEM=="powercap"' in told
    assert "package-0" not in told  # it is all of them


def test_the_command_that_is_told_mends_it(tree: Tree) -> None:
    tree.server()
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:1", "intel-rapl:1:1"):
        tree.energy(name).chmod(0)
    _, warnings = opened_without_root(tree.sys)
    command = next(text for text in warnings if text.startswith("rapl: ")).split("`")[1].removeprefix("sudo ")
    subprocess.run(["sh", "-c", command], check=True)
    devices, _ = opened_without_root(tree.sys)
    assert devices == ["cpu:package-0", "cpu:package-1", "memory:dram-0", "memory:dram-1"]


def test_one_package_that_is_roots_leaves_both_to_the_model(tree: Tree) -> None:
    tree.server()
    tree.energy("intel-rapl:1").chmod(0)
    devices, warnings = opened_without_root(tree.sys)
    assert devices == ["memory:dram-0", "memory:dram-1", "cpu"]
    assert any("of package-1 may be read by root only" in text for text in warnings)


# -- Real time ---------------------------------------------------------------------------------------------------------


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_counters_are_kept_open_and_then_closed(tree: Tree) -> None:
    tree.server()
    before = open_files()
    meter = tree.meter()
    assert open_files() == before + 4
    meter.close()
    assert open_files() == before


@pytest.mark.slow
def test_a_run_is_given_the_energy_that_was_drawn(tmp_path: Path) -> None:
    """The recorder, on a tree whose package wraps twice in the run and whose memory does not."""
    home = tmp_path / "home"
    zones = {
        "intel-rapl:0": Zone("package-0", square(160, 40, 0.7), range_j=400.0, start_j=390.0, max_power_w=60),
        "intel-rapl:0:0": Zone("core", steady(30)),
        "intel-rapl:0:1": Zone("dram", steady(12), start_j=3.0),
    }
    with SyntheticRapl(tmp_path / "sys", zones) as lab:
        environ = {**os.environ, **lab.environment, "FOOTPRINT_HOME": str(home), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "footprint", "run", "--record", str(tmp_path / "run.json"), "--", "sleep", "5"],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    run = json.loads((tmp_path / "run.json").read_text())
    found = {one["device"]["id"]: one for one in run["devices"]}
    assert set(found) >= {"cpu:package-0", "memory:dram-0"}
    assert not {"cpu", "memory", "cpu:core"} & set(found)
    (journal,) = home.rglob("*.jsonl")
    begin_s = read_journal(journal).runs[run["id"]].opened.t_s
    for name, zone in (("cpu:package-0", "intel-rapl:0"), ("memory:dram-0", "intel-rapl:0:1")):
        truth_j = lab.truth_j(begin_s, begin_s + run["duration_s"], zone)
        assert found[name]["read_s"] == pytest.approx(run["duration_s"], rel=0.02)
        assert found[name]["energy_j"] == pytest.approx(truth_j, rel=0.02)


def test_opening_all_meters_leads_to_this_one(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.server(1)
    monkeypatch.setenv("FOOTPRINT_SYSFS", str(tree.sys))
    opened = open_meters({})
    assert [(one.id, one.meter) for one in opened.devices] == [("cpu:package-0", "rapl"), ("memory:dram-0", "rapl")]
    assert opened.max_interval_s == pytest.approx(32.86, rel=1e-3)
    opened.close()
