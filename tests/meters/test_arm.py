"""Arm machines: a chip is named only where no other chip can be meant."""

from __future__ import annotations

import pytest

from footprint.meters import arm
from footprint.reference import find_cpu


def firmware(vendor: str = "", product: str = "", asset: str = "") -> dict[str, str]:
    return dict(zip(arm.FIRMWARE, (vendor, product, asset), strict=True))


@pytest.mark.parametrize(
    ("part", "found", "chip"),
    [
        ("0xd0c", firmware("Amazon EC2", "m6g.medium"), "AWS Graviton2"),
        ("0xd0c", firmware("Amazon EC2", "c6gn.metal"), "AWS Graviton2"),
        ("0xd40", firmware("Amazon EC2", "hpc7g.16xlarge"), "AWS Graviton3"),
        ("0xd4f", firmware("Amazon EC2", "r8gd.metal-48xl"), "AWS Graviton4"),
        ("0xd4f", firmware("NVIDIA", "P4352 Grace CPU Superchip"), "NVIDIA Grace"),
        ("0xd4f", firmware("Amazon EC2", "p6e-gb200.36xlarge"), "NVIDIA Grace"),
        ("0xd4f", firmware("Quanta Cloud Technology", "GH200 144G HBM3e"), "NVIDIA Grace"),
        ("0xd0c", firmware("QEMU", "KVM Virtual Machine", "OracleCloud.com"), "Ampere Altra Q80-30"),
        ("0xd0c", firmware("Google", "Google Compute Engine"), "Ampere Altra"),
        ("0xd0c", firmware("Microsoft Corporation", "Virtual Machine"), "Ampere Altra"),
    ],
)
def test_a_chip_that_no_other_can_be(part: str, found: dict[str, str], chip: str) -> None:
    core = arm.core("0x41", part)
    assert core is not None
    name = arm.chip(core, found)
    assert name == f"{chip} ({core})"
    known = find_cpu(name)
    assert known is not None
    assert known.name == chip


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("0xd0c", firmware()),  # a board of Ampere's, or any other
        ("0xd0c", firmware("GIGABYTE", "R272-P30-JG")),
        ("0xd4f", firmware("Amazon EC2", "p9x.36xlarge")),
        ("0xd4f", firmware("Google", "Google Compute Engine")),  # Axion, of which nothing is published
        ("0xd49", firmware("Microsoft Corporation", "Virtual Machine")),  # Cobalt
        ("0xd08", firmware("Amazon EC2", "a1.large")),
        ("0xd84", firmware("Amazon EC2", "m9g.large")),
        ("0xd0b", firmware()),
    ],
)
def test_a_core_that_several_chips_have_names_none(part: str, found: dict[str, str]) -> None:
    core = arm.core("0x41", part)
    assert core is not None
    assert arm.chip(core, found) == core
    assert find_cpu(core) is None


@pytest.mark.parametrize(("implementer", "part"), [("", ""), ("0x41", "0xfff"), ("0x41", "?"), ("0x61", "0x022")])
def test_a_core_of_no_server_is_unknown(implementer: str, part: str) -> None:
    assert arm.core(implementer, part) is None
