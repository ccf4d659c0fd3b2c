"""The NVML meter: the real pynvml against a library whose GPUs draw a known power."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.meters import nvml, open_meters
from footprint.meters.cuda import Gpu, visible_units

SHOW = """
import json
from footprint.meters import open_meters
opened = open_meters()
gpus = [d for d in opened.devices if d.meter == "nvml"]
samples = [s for s in opened.read() if s.device_id.startswith("gpu:")]
nvml = [m for m in opened.meters if m.name == "nvml"]
opened.close(); opened.close()
print(json.dumps({
    "ids": [d.id for d in gpus], "slices": [d.slices for d in gpus],
    "names": [d.name for d in gpus], "grades": [d.grade for d in gpus],
    "warnings": opened.warnings, "unread": nvml[0].unread if nvml else None, "opened": bool(nvml),
    "samples": [[s.device_id, s.energy_j, s.power_w] for s in samples], "after_close": len(opened.read()),
}))
"""

READ = """
import json, time
from footprint.meters import open_meters
opened = open_meters()
rows = []
until_s = time.monotonic() + {seconds}
while time.monotonic() < until_s:
    rows.append([[s.device_id, s.t_s, s.energy_j, s.power_w] for s in opened.read()])
    time.sleep(0.02)
opened.close()
print(json.dumps(rows))
"""

HOLD = """
import json
from footprint.meters import open_meters
opened = open_meters()
print(json.dumps({name: sorted(pids) for name, pids in opened.holders().items()}))
opened.close()
"""


def uuid(index: int) -> str:
    return f"GPU-{0xA0000000 + index:08x}-1111-2222-3333-444444444444"


def device_id(index: int) -> str:
    return f"gpu:{uuid(index)}"


def test_without_the_library_there_is_nothing_and_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "_LIBRARY", "libnvidia-ml-that-is-not-there.so.1")
    assert nvml.open_meter({}) is None
    assert not [text for text in open_meters({}).warnings if "nvml" in text]


def test_a_counter_gives_the_true_energy(run_with_gpus: Any) -> None:
    rows = run_with_gpus(READ.format(seconds=0.6), STUB_GPUS="2", STUB_POWER_W="300,75")
    for index, true_w in enumerate((300.0, 75.0)):
        seen = [sample for row in rows for sample in row if sample[0] == device_id(index)]
        (_, begin_s, begin_j, _), (_, end_s, end_j, _) = seen[0], seen[-1]
        assert (end_j - begin_j) / (end_s - begin_s) == pytest.approx(true_w, rel=0.01)
        assert all(power is None for *_, power in seen)


def test_a_counter_sees_what_lies_between_readings(run_with_gpus: Any) -> None:
    # A square wave five times as fast as the readings: two readings of the counter are enough.
    code = READ.format(seconds=0.5).replace("0.02", "0.24")
    rows = run_with_gpus(code, STUB_POWER_W="400", STUB_SQUARE_S="0.004")
    (_, begin_s, begin_j, _), (_, end_s, end_j, _) = rows[0][0], rows[-1][0]
    assert (end_j - begin_j) / (end_s - begin_s) == pytest.approx(400 * 0.55, rel=0.02)


def test_power_stands_in_for_a_missing_counter(run_with_gpus: Any) -> None:
    shown = run_with_gpus(SHOW, STUB_GPUS="2", STUB_NO_COUNTER="1", STUB_POWER_W="300,70")
    assert shown["grades"] == ["counter", "power"]
    assert shown["samples"][1] == [device_id(1), None, 70.0]
    assert shown["samples"][0][2] is None
    assert not shown["warnings"]


def test_a_gpu_that_tells_nothing_is_named_and_not_a_zero(run_with_gpus: Any) -> None:
    shown = run_with_gpus(SHOW, STUB_GPUS="2", STUB_NO_COUNTER="1", STUB_NO_POWER="1", STUB_NAMES="NVIDIA A,GRID B")
    assert shown["ids"] == [device_id(0)]
    assert shown["unread"] == ["NVIDIA GRID B (GPU 1)"]
    assert "neither energy nor power" in shown["warnings"][0]


def test_a_lost_gpu_is_left_out_and_read_again_when_it_is_back(run_with_gpus: Any) -> None:
    rows = run_with_gpus(READ.format(seconds=1.6), STUB_GPUS="2", STUB_LOST="1:0.4:1.0")
    there = [any(sample[0] == device_id(1) for sample in row) for row in rows]
    assert there[0]
    assert not all(there)
    assert there[-1]
    assert all(any(sample[0] == device_id(0) for sample in row) for row in rows)
    seen = [sample for row in rows for sample in row if sample[0] == device_id(1)]
    assert max(b[1] - a[1] for a, b in itertools.pairwise(seen)) >= 0.3
    assert (seen[-1][2] - seen[0][2]) / (seen[-1][1] - seen[0][1]) == pytest.approx(250, rel=0.01)


def test_a_gpu_lost_from_the_start_is_named(run_with_gpus: Any) -> None:
    shown = run_with_gpus(SHOW, STUB_GPUS="2", STUB_LOST="0:0:60")
    assert shown["ids"] == [device_id(1)]
    assert shown["unread"] == ["NVIDIA GPU 0"]
    assert "GPU is lost" in shown["warnings"][0]
    hidden = run_with_gpus(SHOW, STUB_GPUS="2", STUB_LOST="0:0:60", CUDA_VISIBLE_DEVICES="1")
    assert (hidden["ids"], hidden["unread"], hidden["warnings"]) == ([device_id(1)], [], [])


def test_an_implausible_counter_is_dropped(run_with_gpus: Any) -> None:
    rows = run_with_gpus(READ.format(seconds=1.0), STUB_GARBAGE="0:0.2:0.7")
    energies = [sample[2] for row in rows for sample in row]
    assert [] in rows
    assert rows[-1]
    assert all(math.isfinite(energy) and energy < 1e12 for energy in energies)


def test_a_driver_that_does_not_start_is_a_warning_with_the_way_out(run_with_gpus: Any) -> None:
    shown = run_with_gpus(SHOW, STUB_INIT="9")
    assert not shown["opened"]
    (warning,) = shown["warnings"]
    assert warning.startswith("nvml: libnvidia-ml.so.1 is there but does not work (Driver Not Loaded)")
    assert "nvidia-smi" in warning


def slice_uuid(gpu: int, index: int) -> str:
    return f"MIG-{0xA0000000 + gpu:08x}-1111-2222-3333-{0xB0 + index:012x}"


CUT = {"STUB_GPUS": "3", "STUB_MIG": "12", "STUB_SLICES": "1:3,1:1,1:2,2:7"}


@pytest.mark.parametrize(
    ("stated", "shares"),
    [
        (None, [(0, None), (1, [6, 7]), (2, None)]),
        (slice_uuid(1, 1), [(1, [1, 7])]),
        (slice_uuid(1, 1) + "," + slice_uuid(1, 2), [(1, [3, 7])]),
        (slice_uuid(1, 1) + "," + slice_uuid(1, 1), [(1, [1, 7])]),
        (slice_uuid(1, 2)[:-4], []),  # the beginning of three
        (f"MIG-{uuid(1)}/3/0", [(1, [2, 7])]),
        (f"MIG-{uuid(1)}/9/0", []),
        (slice_uuid(2, 0), [(2, None)]),  # all of it
        ("1", [(1, [6, 7])]),
        (uuid(1), [(1, [6, 7])]),
        ("MIG-ffff", []),
    ],
)
def test_of_a_cut_gpu_the_whole_is_read_and_the_runs_part_told(
    run_with_gpus: Any, stated: str | None, shares: list[tuple[int, list[int] | None]]
) -> None:
    shown = run_with_gpus(SHOW, **CUT, **({} if stated is None else {"CUDA_VISIBLE_DEVICES": stated}))
    assert list(zip(shown["ids"], shown["slices"], strict=True)) == [(device_id(gpu), share) for gpu, share in shares]
    assert shown["samples"] == [[name, pytest.approx(shown["samples"][0][1], rel=0.01), None] for name in shown["ids"]]
    assert len(shown["warnings"]) == (not shares)
    assert bool([text for text in shown["warnings"] if "no GPU here" in text]) == (not shares)


def test_a_cut_gpu_without_a_slice_for_the_program_is_none_of_its_devices(run_with_gpus: Any) -> None:
    shown = run_with_gpus(SHOW, STUB_GPUS="2", STUB_MIG="1")
    assert (shown["ids"], shown["unread"], shown["warnings"]) == ([device_id(0)], [], [])


def test_slices_of_unknown_size_are_no_share(run_with_gpus: Any) -> None:
    shown = run_with_gpus(SHOW, STUB_MIG="0", STUB_SLICES="0:0")
    assert (shown["ids"], shown["slices"]) == ([device_id(0)], [None])
    assert "is not told" in shown["warnings"][0]


def test_a_zero_for_counter_and_power_is_nothing_told(run_with_gpus: Any) -> None:
    shown = run_with_gpus(SHOW, STUB_GPUS="2", STUB_ZERO="0", STUB_NAMES="GRID A,NVIDIA B")
    assert (shown["ids"], shown["unread"]) == ([device_id(1)], ["NVIDIA GRID A (GPU 0)"])


def test_a_gpu_that_is_listed_twice_is_read_once(run_with_gpus: Any) -> None:
    shown = run_with_gpus(SHOW, STUB_GPUS="2", STUB_SAME_UUID="1")
    assert shown["ids"] == [device_id(0)]
    assert len(shown["samples"]) == 1


def test_who_holds_a_gpu(run_with_gpus: Any, tmp_path: Path) -> None:
    (tmp_path / "compute").write_text("0:11,0:12,1:13,0:11")
    (tmp_path / "graphics").write_text("0:14")
    (tmp_path / "mps").write_text("1:15")
    told = run_with_gpus(HOLD, STUB_GPUS="3", STUB_NO_LISTS="2", STUB_FAULTS=str(tmp_path))
    assert told == {device_id(0): [11, 12, 14], device_id(1): [13, 15]}
    # Drivers before 510 have the second version of the lists only, and the oldest no list of MPS's clients.
    old = run_with_gpus(HOLD, STUB_GPUS="3", STUB_NO_LISTS="2", STUB_FAULTS=str(tmp_path), STUB_OLD="1")
    assert old == {device_id(0): [11, 12], device_id(1): [13]}


def test_the_server_of_mps_holds_a_gpu_for_its_clients_only(run_with_gpus: Any, tmp_path: Path) -> None:
    code = """
import ctypes, json, os, pathlib
from footprint.meters import open_meters
ctypes.CDLL(None).prctl(15, b"nvidia-cuda-mps-server", 0, 0, 0)
faults = pathlib.Path(os.environ["STUB_FAULTS"])
(faults / "compute").write_text(f"0:{os.getpid()},0:1")
opened = open_meters()
alone = opened.holders()
(faults / "mps").write_text("0:1")
served = opened.holders()
opened.close()
print(json.dumps([[sorted(pids) for pids in one.values()] for one in (alone, served)] + [os.getpid()]))
"""
    alone, served, server = run_with_gpus(code, STUB_FAULTS=str(tmp_path))
    assert alone == [[1, server]]
    assert served == [[1]]


def test_a_driver_that_is_loaded_anew_is_opened_anew(run_with_gpus: Any, tmp_path: Path) -> None:
    code = """
import json, os, pathlib, time
from footprint.meters import nvml
nvml._RENEW_AFTER_S = 0.0
meter = nvml.open_meter({})
gone = pathlib.Path(os.environ["STUB_FAULTS"]) / "reloaded"
counts = [len(meter.read())]
gone.touch()
counts += [len(meter.read()), len(meter.read())]
gone.unlink()
counts += [len(meter.read()), len(meter.read())]
meter.close()
print(json.dumps(counts))
"""
    assert run_with_gpus(code, STUB_FAULTS=str(tmp_path)) == [1, 0, 0, 0, 1]


@pytest.mark.parametrize("nothing", ["", "-1", "NoDevFiles"])
def test_no_visible_gpu_is_no_device_and_no_unknown(run_with_gpus: Any, nothing: str) -> None:
    shown = run_with_gpus(SHOW, STUB_GPUS="2", CUDA_VISIBLE_DEVICES=nothing)
    assert shown["opened"]
    assert (shown["ids"], shown["unread"], shown["warnings"]) == ([], [], [])


@pytest.mark.parametrize(
    ("stated", "indices", "warned"),
    [
        ("0", [0], False),
        ("2,0", [2, 0], False),
        (" 1 , 2", [1, 2], False),
        (f"{uuid(2)},{uuid(0)[:12]}", [2, 0], False),
        ("1,1", [1], False),
        ("1,-1,2", [1], False),
        ("1,7,2", [1], True),
        ("GPU-a", [], True),  # the beginning of three
        ("GPU-ffff", [], True),
    ],
)
def test_visible_devices_as_cuda_reads_them(stated: str, indices: list[int], warned: bool) -> None:
    gpus = [Gpu(index, uuid(index), "NVIDIA A", "counter") for index in range(3)]
    chosen, warnings = visible_units(gpus, {"CUDA_VISIBLE_DEVICES": stated})
    assert [(gpu.index, part) for gpu, part in chosen] == [(index, None) for index in indices]
    assert bool(warnings) is warned


def test_an_index_among_several_models_is_doubted() -> None:
    gpus = [Gpu(index, uuid(index), f"NVIDIA {index}", "counter") for index in range(2)]
    stated = {"CUDA_VISIBLE_DEVICES": "1"}
    assert "CUDA_DEVICE_ORDER" in visible_units(gpus, stated)[1][0]
    assert not visible_units(gpus, stated | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"})[1]
    assert not visible_units(gpus, {"CUDA_VISIBLE_DEVICES": uuid(1)})[1]
    assert not visible_units(gpus, {"CUDA_VISIBLE_DEVICES": "1,0"})[1]


@given(st.text(max_size=80) | st.lists(st.sampled_from(["0", "2", "²", "9" * 5000, "MIG-\udcff", "GPU-"])).map(",".join))
def test_any_text_in_visible_devices_is_survived(stated: str) -> None:
    gpus = [Gpu(index, uuid(index), "NVIDIA A", "counter") for index in range(3)]
    chosen, warnings = visible_units(gpus, {"CUDA_VISIBLE_DEVICES": stated})
    assert len(chosen) <= 3
    assert len(warnings) <= 1


def test_a_forked_copy_reads_nothing(run_with_gpus: Any) -> None:
    code = """
import json, os
from footprint.meters import open_meters
opened = open_meters()
pid = os.fork()
if pid == 0:
    silent = opened.read() == ()
    opened.close()
    os._exit(0 if silent else 1)
child = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps([child, len(opened.read())]))
opened.close()
"""
    assert run_with_gpus(code) == [0, 1]


@pytest.mark.gpu
def test_a_real_counter_runs() -> None:
    import time

    meter = nvml.open_meter({})
    if meter is None or not meter.devices():
        pytest.skip("no NVIDIA GPU here: the real counter is not read")
    try:
        before = {sample.device_id: sample for sample in meter.read()}
        time.sleep(2)
        after = {sample.device_id: sample for sample in meter.read()}
    finally:
        meter.close()
    for device in meter.devices():
        if device.grade != "counter":
            continue
        begin, end = before[device.id], after[device.id]
        assert begin.energy_j is not None
        assert end.energy_j is not None
        assert 5 < (end.energy_j - begin.energy_j) / (end.t_s - begin.t_s) < 2000
