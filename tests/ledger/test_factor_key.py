"""The factor key: the same for what is multiplied alike, another for what is not."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.ledger.factor_key import EDGES_S, device_class, factor_key
from footprint.model import CpuTime, Declaration, Device, DeviceEnergy, Host, Place, Run

GPU = Device(id="gpu:1", component="accelerators", name="NVIDIA A100-SXM4-80GB", meter="nvml", grade="counter")
PACKAGE = Device(id="cpu:package-0", component="cpu", name="CPU package 0", meter="rapl", grade="counter")
SERVER = Device(id="rest:acpi", component="rest", name="server", meter="hwmon", grade="power", contains=("cpu", "memory"))
HOST = Host(
    name="a",
    os="Linux 6.1",
    cpu_name="Xeon",
    logical_cpus=8,
    sockets=1,
    memory_bytes=32_000_000_000,
    boot_id="boot",
    virtual=False,
)


def read(device: Device = GPU, **facts: Any) -> DeviceEnergy:
    return DeviceEnergy(**{"device": device, "energy_j": 1000.0, "read_s": 3600.0, "held_ratio": 1.0, **facts})


def run(**facts: Any) -> Run:
    known: dict[str, Any] = {
        "id": "r", "name": "n", "kind": "fine-tuning", "started_at": "2024-05-01T00:00:00Z", "duration_s": 3600.0,
        "outcome": "completed", "account": "r", "host": HOST, "devices": (read(),), "place": Place(zone="FRA"),
        "cpu": CpuTime(tree_s=100.0, busy_s=120.0, logical_cpus=8, reserved_cpus=4.0, read_s=3600.0),
    }  # fmt: skip
    return Run(**(known | facts))


def replaced(name: str, **facts: Any) -> Run:
    return run(**{name: msgspec.structs.replace(getattr(run(), name), **facts)})


def test_a_key_is_a_short_word_that_any_engine_can_hold() -> None:
    assert re.fullmatch(r"r1\.[0-9a-f]{16}\.[0-9a-f]{16}", factor_key(run()))


@given(
    energy_j=st.floats(0, 1e12),
    read_s=st.floats(128, 1e7),
    tree_s=st.floats(0, 1e6),
    reserved=st.floats(0, 8),
    text=st.text(max_size=8),
)
def test_what_is_summed_and_what_names_a_run_are_not_in_the_key(
    energy_j: float, read_s: float, tree_s: float, reserved: float, text: str
) -> None:
    other = run(
        id=text,
        name=text,
        account=text,
        labels={"user": text},
        outcome="failed",
        started_at="2024-11-30T00:00:00Z",
        duration_s=read_s,
        devices=(read(energy_j=energy_j, read_s=read_s), read(msgspec.structs.replace(GPU, id=f"gpu:{text}"), energy_j=energy_j)),
        host=msgspec.structs.replace(HOST, name=text, boot_id=text),
        cpu=CpuTime(tree_s=tree_s, busy_s=2 * tree_s, logical_cpus=8, reserved_cpus=reserved, read_s=read_s),
    )
    assert factor_key(other) == factor_key(run())


OTHERS = {
    "another year": run(started_at="2023-05-01T00:00:00Z"),
    "another place": run(place=Place(zone="DEU")),
    "no place": run(place=None),
    "a stated PUE": run(place=Place(zone="FRA", pue_ratio=1.2)),
    "another CPU": replaced("host", cpu_name="EPYC"),
    "more memory": replaced("host", memory_bytes=64_000_000_000),
    "unknown memory": replaced("host", memory_bytes=None),
    "accelerators without a meter": replaced("host", unmetered_accelerators=("0000:00:05.0",)),
    "another system": replaced("host", os="Darwin 23"),
    "no CPU times": run(cpu=None),
    "no busy time": replaced("cpu", busy_s=None),
    "no accelerator": run(devices=()),
    "another accelerator": run(devices=(read(msgspec.structs.replace(GPU, name="NVIDIA H100 PCIe")),)),
    "an accelerator that reads its host": run(devices=(read(msgspec.structs.replace(GPU, contains=("cpu",))),)),
    "a part of an accelerator": run(devices=(read(msgspec.structs.replace(GPU, slices=(1, 7))),)),
    "power that is polled": run(devices=(read(msgspec.structs.replace(GPU, grade="power")),)),
    "one that was never held": run(devices=(read(held_ratio=0.0),)),
    "one of which nobody knows who held it": run(devices=(read(held_ratio=None),)),
    "one without a reading": run(devices=(read(energy_j=None),)),
    "one that was hardly read": run(devices=(read(read_s=0.05),)),
    "a counter of the CPU": run(devices=(read(), read(PACKAGE))),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_decides_formula_or_factor_is_in_the_key(what: str) -> None:
    assert factor_key(OTHERS[what]) != factor_key(run())
    assert len({factor_key(one) for one in OTHERS.values()}) == len(OTHERS)


def test_the_kind_of_work_is_in_the_key_where_rated_power_stands_for_readings() -> None:
    modelled = (read(msgspec.structs.replace(GPU, grade="model"), energy_j=None),)
    assert factor_key(run(kind="inference")) == factor_key(run())
    assert factor_key(run(kind="inference", devices=modelled)) != factor_key(run(devices=modelled))


APART = {
    "declared": run(declared=Declaration(hardware="A100", count=1, hours=2.0)),
    "a meter of the whole machine": run(devices=(read(), read(SERVER))),
    "packages that were read unlike": run(
        devices=(read(PACKAGE), read(msgspec.structs.replace(PACKAGE, id="cpu:1"), energy_j=None))
    ),
    "a part of a GPU": run(devices=(read(msgspec.structs.replace(GPU, slices=(1, 7))),)),
    "a node's own record": run(labels={"recorder": "node"}),
    "two of a class of which one reads its host": run(
        devices=(read(), read(msgspec.structs.replace(GPU, id="gpu:2", contains=("cpu",)))),
    ),
    "two counts of CPUs": replaced("cpu", logical_cpus=16),
}


@pytest.mark.parametrize("what", APART)
def test_what_is_not_linear_is_marked(what: str) -> None:
    assert factor_key(APART[what]).startswith("x1.")


@pytest.mark.parametrize("edge_s", EDGES_S)
def test_times_are_classed_at_their_edges(edge_s: float) -> None:
    assert device_class(read(read_s=edge_s)).time == device_class(read(read_s=edge_s * 0.999)).time + 1
