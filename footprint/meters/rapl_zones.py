"""The powercap zones of RAPL that Linux shows, which of them are counted, and what stands in the way of reading them.

What the zones are is told in `footprint.meters.rapl`. Reading them was open to everybody until 2020; since then it is root's,
because fine readings give a program's secrets away (PLATYPUS, CVE-2020-8694). Docker hides them by an empty folder over
`/sys/devices/virtual/powercap`, to which the links in `/sys/class/powercap` then lead nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from footprint.meters.common import SYSFS_VARIABLE, Attribute, Trouble, sysfs, text_of
from footprint.model import Device

_ZONE = re.compile(r"(intel-rapl(?:-\w+)?):(\d+)(?::(\d+))?")
_PACKAGE = re.compile(r"package-\d+(?:-die-\d+)?")
_PSYS = re.compile(r"psys(?:-\d+)?")
_CPUINFO_BYTES: Final = 8192
"""What the first processor's block of `/proc/cpuinfo` fits in; the rest says the same, and a large machine prints it slowly."""

State = Literal["readable", "denied", "hidden", "dead"]


class Zone(NamedTuple):
    """A zone as the kernel shows it.

    `label` is what it is called, `package` the label of the package that it lies in (its own, if it is one). It is `dead` if
    its counter stands at zero or does not answer, `hidden` if its files are not there (a container's masked path).
    """

    folder: Path
    label: str
    package: str
    state: State


def survey(root: Path | None = None, proc: Path = Path("/proc")) -> list[Zone]:
    """The zones of packages, memory and platform, each once however many ways show it; empty where the kernel shows none.

    Args:
        root: stands for `/sys`; None is `footprint.meters.common.sysfs`.
        proc: stands for `/proc`, which tells the processor's maker.
    """
    powercap = (sysfs() if root is None else root) / "class/powercap"
    patterns = ("intel-rapl*:*/intel-rapl*:*:*", "intel-rapl*:*")  # the class shows all side by side; in containers it may not
    folders = {path.name: path for pattern in patterns for path in powercap.glob(pattern)}
    whole_packages = re.search(r"AuthenticAMD|HygonGenuine", cpuinfo(proc)) is not None
    labels = {name: text_of(path / "name") for name, path in folders.items()}
    found: dict[tuple[str, str], Zone] = {}
    for name in sorted((name for name in folders if _ZONE.fullmatch(name)), key=_place):
        label = labels[name]
        package = labels.get(name.rpartition(":")[0], "") if label == "dram" else label
        if whole_packages:
            label, package = (re.sub(r"-die-\d+$", "", text) for text in (label, package))
        if label and not (label == "dram" or _PACKAGE.fullmatch(label) or _PSYS.fullmatch(label)):
            continue
        zone = Zone(folders[name], label, package, _state(folders[name]))
        known = found.get((label, package))
        if known is None or (known.state != "readable" and zone.state == "readable"):
            found[label, package] = zone
    return list(found.values())


def _place(name: str) -> tuple[str, int, int]:
    """Where a zone stands: the processor's own interface before the memory-mapped one, then by number."""
    match = _ZONE.fullmatch(name)
    assert match is not None, "only zones are asked for"
    return match[1], int(match[2]), -1 if match[3] is None else int(match[3])


def _state(folder: Path) -> State:
    try:
        energy = Attribute(folder / "energy_uj")
    except PermissionError:
        return "denied"
    except FileNotFoundError:
        return "hidden"
    except OSError:
        return "dead"
    value = energy.value()
    energy.close()
    return "readable" if value else "dead"


def cpuinfo(proc: Path) -> str:
    """What the kernel tells of the first processor."""
    try:
        with (proc / "cpuinfo").open("rb") as file:
            return file.read(_CPUINFO_BYTES).decode("ascii", "replace")
    except OSError:
        return ""


def _packages(zones: Iterable[Zone]) -> list[Zone]:
    return [zone for zone in zones if _PACKAGE.fullmatch(zone.label)]


def _memories(zones: Iterable[Zone]) -> list[Zone]:
    return [zone for zone in zones if zone.label == "dram"]


def _platforms(zones: Iterable[Zone]) -> list[Zone]:
    return [zone for zone in zones if _PSYS.fullmatch(zone.label)]


def _are_whole(zones: Sequence[Zone]) -> bool:
    return bool(zones) and all(zone.state == "readable" for zone in zones)


def devices_of(zones: Sequence[Zone]) -> list[tuple[Device, Zone]]:
    """The devices of the components that can be read as a whole, component by component, each with its zone."""
    packages, memories, platforms = _packages(zones), _memories(zones), _platforms(zones)
    found: list[tuple[Device, Zone]] = []
    if _are_whole(packages):
        found += [(_device(f"cpu:{zone.label}", "cpu", zone.label.replace("package", "CPU package")), zone) for zone in packages]
    if _are_whole(memories) and {zone.package for zone in memories} == {zone.label for zone in packages}:
        found += [
            (_device(f"memory:{zone.package.replace('package', 'dram')}", "memory", f"Memory of {zone.package}"), zone)
            for zone in memories
        ]
    if _are_whole(packages) and _are_whole(platforms) and len(platforms) == 1:
        found.append((_device("machine:psys-0", "rest", "Platform (psys)"), platforms[0]))
    return found


def _device(name: str, component: Literal["cpu", "memory", "rest"], words: str) -> Device:
    contains: tuple[Literal["cpu"], ...] = ("cpu",) if component == "rest" else ()
    return Device(id=name, component=component, name=words.replace("-", " "), meter="rapl", grade="counter", contains=contains)


# -- What stands in the way --------------------------------------------------------------------------------------------


def troubles(root: Path | None = None, proc: Path = Path("/proc")) -> list[Trouble]:
    """What keeps RAPL from being read as a whole on this machine; empty also where there is no RAPL."""
    return troubles_of(survey(root, proc))


def troubles_of(zones: Sequence[Zone]) -> list[Trouble]:
    """What keeps these zones from being read as a whole."""
    packages, memories, platforms = _packages(zones), _memories(zones), _platforms(zones)
    states = {zone.state for zone in zones}
    if "hidden" in states and not any(zone.state == "readable" for zone in zones):
        return [Trouble("the CPU's energy counters (RAPL) are hidden from this container: the CPU is modelled", _UNHIDE)]
    found = []
    denied = [zone for zone in zones if zone.state == "denied"]
    if denied:
        which = "" if len(denied) == len(zones) else f" of {', '.join(_title(zone) for zone in denied)}"
        found.append(
            Trouble(
                f"the energy counters (RAPL){which} may be read by root only (since 2020, because fine readings give secrets "
                "away, CVE-2020-8694): what cannot be read as a whole is modelled",
                _permit(denied),
            )
        )
    dead = [zone for zone in (*packages, *memories) if zone.state in {"dead", "hidden"}]
    if dead:
        found.append(
            Trouble(
                f"the energy counters (RAPL) of {', '.join(_title(zone) for zone in dead)} do not count, "
                "and what cannot be read as a whole is modelled"
            )
        )
    if _are_whole(memories) and {zone.package for zone in memories} != {zone.label for zone in packages}:
        found.append(Trouble("not all processors show their memory's energy counter (RAPL dram): memory is modelled"))
    if zones and not packages:
        found.append(Trouble("the energy counters (RAPL) here are of no processor package: the CPU is modelled"))
    if len(platforms) > 1 or any(zone.state == "dead" for zone in platforms):
        found.append(Trouble("the platform's energy counter (RAPL psys) does not count, or there are several: it is not used"))
    return found


def _title(zone: Zone) -> str:
    return f"dram of {zone.package}" if zone.label == "dram" else zone.label


def _permit(zones: Sequence[Zone]) -> str:
    powercap = next(folder for folder in zones[0].folder.parents if folder.name == "powercap")
    return (
        f"`sudo chmod a+r {powercap}/intel-rapl*:*/energy_uj` lets everybody read them until the next boot, and this line in "
        '/etc/udev/rules.d/70-rapl.rules for good: SUBSYSTEM=="powercap", KERNEL=="intel-rapl*:*", ACTION=="add", '
        'RUN+="/bin/chmod a+r %S%p/energy_uj" (not where people who do not trust each other share the machine)'
    )


_UNHIDE: Final = f"start it with the host's /sys: docker run -v /sys:/host/sys:ro -e {SYSFS_VARIABLE}=/host/sys"
