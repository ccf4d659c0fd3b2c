"""Which chip an Arm machine has: the kernel tells the design of the cores only, which many chips share.

The chip is named where the firmware says whose machine it is and only one chip of that owner has the cores: AWS's Graviton by
the instance type, Ampere's Altra in the clouds that have no other chip with Neoverse-N1, NVIDIA's Grace by the product's name.
Everywhere else the design of the cores is all that is known, and no watts are derived from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Part numbers of server cores (Arm's and Ampere's manuals: MIDR_EL1).
_CORES: Final = {
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD83): "Neoverse-V3AE",
    (0x41, 0xD84): "Neoverse-V3",
    (0x41, 0xD8E): "Neoverse-N3",
    (0xC0, 0xAC3): "Ampere-1",
    (0xC0, 0xAC4): "Ampere-1a",
}

FIRMWARE: Final = ("sys_vendor", "product_name", "chassis_asset_tag")
"""The files of `/sys/class/dmi/id` that say whose machine this is."""

_AWS, _ORACLE = "Amazon EC2", "OracleCloud.com"
_CHIPS: Final = {
    ("Neoverse-N1", _AWS): "AWS Graviton2",
    ("Neoverse-V1", _AWS): "AWS Graviton3",
    ("Neoverse-V2", _AWS): "AWS Graviton4",
    ("Neoverse-N1", "Google"): "Ampere Altra",
    ("Neoverse-N1", "Microsoft Corporation"): "Ampere Altra",
    ("Neoverse-N1", _ORACLE): "Ampere Altra Q80-30",
}
# EC2 names Graviton's instances by generation and `g` (`m7g.large`, `c6gn.metal`); its Grace (`p6e-gb200`) has other names.
_GRAVITON: Final = re.compile(r"[a-z]+\d+g[a-z]*\.[a-z0-9-]+")
_GRACE: Final = re.compile(r"\b(?:grace|gh200|gb200|gb300)\b", re.IGNORECASE)


def core(implementer: str, part: str) -> str | None:
    """The design of a core by the numbers that `/proc/cpuinfo` prints (`0x41`, `0xd0c`); None where it is not a server's."""
    try:
        return _CORES.get((int(implementer, 16), int(part, 16)))
    except ValueError:
        return None


def chip(core: str, firmware: Mapping[str, str]) -> str:
    """The chip with its cores in parentheses (`AWS Graviton2 (Neoverse-N1)`), else the design of the cores alone.

    Args:
        core: as `core` tells it.
        firmware: the texts of the files of `FIRMWARE`.
    """
    product = firmware.get("product_name", "")
    owner = _ORACLE if firmware.get("chassis_asset_tag") == _ORACLE else firmware.get("sys_vendor", "")
    found = _CHIPS.get((core, owner))
    if core == "Neoverse-V2" and _GRACE.search(product):
        found = "NVIDIA Grace"
    elif owner == _AWS and not _GRAVITON.fullmatch(product):
        found = None
    return f"{found} ({core})" if found else core
