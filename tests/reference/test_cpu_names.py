"""CPU names: right or unknown, never wrong; a table that is read with suspicion; a share of the chip, not the chip."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.model import Host
from footprint.reference import cpu_power, find_cpu, tables
from footprint.reference.cpu_names import codecarbon_table, cpu_key, cpus_near, unnamed
from tests.each import each
from tests.reference.kernel_names import KERNEL_NAMES, score

# Where a table of ours and CodeCarbon's have a chip of the same name and other watts, and who is right.
DISAGREEMENTS = {
    "Intel Core i7-12700K": "190 W is its turbo power; the data sheet's base power is 125 W",
    "Intel Xeon Platinum 8370C": "no data sheet; CodeCarbon's 205 W is in our range",
}


def test_at_least_nine_of_ten_kernel_names_are_right_and_none_is_wrong() -> None:
    found = score()
    told = f"of {len(KERNEL_NAMES)} names {len(found['right'])} right; unknown: {found['unknown']}; wrong: {found['wrong']}"
    assert len(KERNEL_NAMES) >= 60
    assert not found["wrong"], told
    assert len(found["right"]) >= 0.9 * len(KERNEL_NAMES), told


def test_the_list_has_each_kind_of_name() -> None:
    truths = list(KERNEL_NAMES.values())
    assert sum(truth is None for truth in truths) >= 15
    assert sum(isinstance(truth, tuple) for truth in truths) >= 20
    assert sum(isinstance(truth, int | float) for truth in truths) >= 40


@pytest.mark.parametrize("name", [name for name, truth in KERNEL_NAMES.items() if truth is None])
def test_a_name_that_means_no_single_chip_is_refused(name: str) -> None:
    assert find_cpu(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", "hypervisor"),
        ("QEMU Virtual CPU version 2.5+", "hypervisor"),
        ("AMD EPYC-Milan Processor", "hypervisor"),
        ("Neoverse-N1", "cores"),
        ("Ampere-1a", "cores"),
    ],
)
def test_it_is_said_why_a_name_means_no_chip(name: str, why: str) -> None:
    assert why in (unnamed(name) or "")
    assert cpus_near(name) == ()


def test_a_chip_that_is_only_not_in_the_tables_is_not_called_hidden() -> None:
    assert unnamed("AMD EPYC 77420") is None
    assert "AMD EPYC 7742" in cpus_near("AMD EPYC 77420")


@each(tables.table("cpus"), lambda row: row["name"])
def test_a_row_is_found_by_its_own_name_and_is_of_one_chip(row: tables.Row) -> None:
    found = find_cpu(row["name"])
    assert found is not None
    assert (found.name, found.threads, found.cores) == (row["name"], int(row["threads"]), int(row["cores"]))
    assert found.low_w <= found.tdp_w <= found.high_w
    assert found.grade == row["grade"]
    assert (found.low_w < found.high_w) == (found.grade == "assumed")
    assert found.threads is not None
    assert found.cores is not None
    assert 1 <= found.threads / found.cores <= 2
    assert 0.5 <= found.tdp_w / found.threads <= 30


def test_our_watts_are_codecarbons_but_where_it_is_known_why_not() -> None:
    table = codecarbon_table().rows
    shared = [row for row in tables.table("cpus") if cpu_key(row["name"]) in table]
    other = {row["name"] for row in shared if table[cpu_key(row["name"])].tdp_w != float(row["central"])}
    assert len(shared) > 300
    assert other == set(DISAGREEMENTS)
    lower, upper = (float(tables.by_id("cpus")["cpu:xeon-platinum-8370c"][bound]) for bound in ("low", "high"))
    assert lower <= table[cpu_key("Xeon Platinum 8370C")].tdp_w <= upper


def test_codecarbons_malformed_rows_are_refused_with_why() -> None:
    table = codecarbon_table()
    malformed = {name for name, why in table.refused.items() if re.search(r"'\d+\.\d+\.\d+' is no number", why)}
    assert malformed == {"Intel Celeron 1000A", "Intel Celeron 1100A", "Intel Celeron 1200", "Intel Celeron 1400"}
    assert all(1 <= row.tdp_w <= 1500 for row in table.rows.values())
    assert len(table.rows) > 4000


def test_codecarbons_rows_that_contradict_one_another_or_name_no_chip_are_refused() -> None:
    refused = codecarbon_table().refused
    assert "contradict" in refused["Intel Core 2 Quad Q6600 (95W)"]
    assert "contradict" in refused["Intel Core 2 Quad Q6600 (105W)"]
    assert {"6140", "Cortex-A72", "Apple M4 Ultra"} <= set(refused)
    assert find_cpu("6140") is None
    assert find_cpu("Intel 6140") is None


@pytest.mark.parametrize(
    ("name", "cpus", "watts"),
    [
        ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", 2, 210 * 2 / 48),
        ("AMD EPYC 9R14", 4, 360 * 4 / 96),  # AWS gives whole cores of it
        ("AMD EPYC 7763 64-Core Processor", 8, 280 * 8 / 128),
        ("AWS Graviton2 (Neoverse-N1)", 16, 125 * 16 / 64),
    ],
)
def test_a_virtual_machine_answers_for_its_share_of_the_chip(name: str, cpus: int, watts: float) -> None:
    host = Host(name="h", os="Linux", cpu_name=name, logical_cpus=cpus, sockets=1, memory_bytes=None, boot_id=None, virtual=True)
    per_cpu = cpu_power(host).tdp_w_per_cpu
    assert per_cpu is not None
    assert per_cpu * cpus == pytest.approx(watts)


@given(st.text(max_size=400))
def test_any_text_has_a_plain_key(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9 ]*", cpu_key(name))


@given(st.sampled_from([row["name"] for row in tables.table("cpus")]), st.sampled_from("0123456789xkfpv"))
def test_a_name_with_another_letter_is_another_name(name: str, letter: str) -> None:
    found = find_cpu(f"{name}{letter}")
    assert found is None or cpu_key(found.name) == cpu_key(f"{name}{letter}") != cpu_key(name)


def test_watts_that_the_table_cut_are_not_taken() -> None:
    """Core M and Y are rated 4.5 W; CodeCarbon's table says 4."""
    for name in ("Intel(R) Core(TM) m3-7Y30 CPU @ 1.00GHz", "Intel(R) Core(TM) M-5Y10c CPU @ 0.80GHz", "Intel Core i5-7Y54"):
        assert find_cpu(name) is None
