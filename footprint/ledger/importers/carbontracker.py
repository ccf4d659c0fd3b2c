"""carbontracker's logs (`…_carbontracker.log`): the mean power and the length of each epoch that it measured.

Predictions are no measurements and stay out, as does its output log: that holds sums times a PUE. Since version 2 the power that
it logs is the mean over devices, not their sum; here it is taken times their number. Between epochs it measures nothing. Where it
finds no sensor, a CPU's power is half its rated power, and the log does not say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from footprint.accounting.energy import Course
from footprint.errors import LedgerError
from footprint.ledger.exchange.registry import Importer, Incoming
from footprint.ledger.importers.sources import head_of, id_of, moment, name_of, number, shown, text_of
from footprint.ledger.importers.stated import (
    HOST_UNKNOWN,
    IMPORTED,
    KEYS,
    MAX_DURATION_S,
    ZONE_UNKNOWN,
    Stated,
    host_name_of,
    run_of,
    stated_of,
)
from footprint.model import Device, DeviceEnergy, Place, Run

TOOL: Final = "carbontracker"
_LINE: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) - (.*)")
_VERSION: Final = re.compile(r"carbontracker version (\S+)")
_FOUND: Final = re.compile(r"(\w+) with device\(s\) (.*?)\.(?= \w+ with device\(s\)|$)")
_DURATION: Final = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_POWER: Final = re.compile(r"Average power usage \(W\) for (\w+): (.*)")
_LOCATION: Final = re.compile(r"at detected location: (.*?): \[")
_RAPL: Final = re.compile(r"(?:cpu|package|intel-rapl)[:-]?\d+$", re.IGNORECASE)
_MEANS_SINCE: Final = 2
_MOST_W: Final = 10_000.0


class Epoch(msgspec.Struct, kw_only=True):
    """One epoch: when it ended, how long it took, and the watts of each component, all its devices together."""

    where: str
    end: datetime
    duration_s: float | None = None
    power_w: dict[str, float] = {}


class Log(msgspec.Struct, kw_only=True):
    """What a log tells."""

    version: str | None = None
    devices: dict[str, tuple[str, ...]] = {}
    epochs: list[Epoch] = []
    location: str | None = None
    interrupted: bool = False


def recognises(source: str) -> bool:
    """Whether it is a log of carbontracker's, or a folder of them."""
    path = Path(source)
    try:
        if path.is_dir():
            return next(path.glob("*_carbontracker.log"), None) is not None
    except (OSError, ValueError):
        return False
    head = head_of(source)
    return b" - carbontracker version " in head or b" - CarbonTracker: " in head


def read(source: str, facts: Mapping[str, str]) -> Incoming:
    """The runs of a log, or of a folder of logs.

    Raises:
        LedgerError: if it cannot be read, or a line of it cannot be.
        ConfigError: for a stated fact that cannot be used.
    """
    stated, path = stated_of(facts), Path(source)
    paths = sorted(path.glob("*_carbontracker.log")) if path.is_dir() else [path]
    runs, empty = [], 0
    for one in paths:
        log = _log(one)
        if log.epochs:
            runs.append(_run(one, log, stated))
        else:
            empty += 1
    if not runs:
        raise LedgerError(f"{shown(path)}: no epoch in it was measured")
    return Incoming(
        foreign=True, runs=tuple(runs), notes=(f"{empty} logs without a measured epoch were left out",) if empty else ()
    )


def _lines(path: Path) -> Iterator[tuple[str, datetime, str]]:
    """The lines of a log; a list of powers may go on over several."""
    text = text_of(path)
    if b" - CarbonTracker: " in text[:4096].encode() and "carbontracker version" not in text:
        raise LedgerError(f"{shown(path)}:1: the output log holds sums times a PUE: give the …_carbontracker.log beside it")
    if text and not text.endswith("\n"):
        raise LedgerError(f"{shown(path)}:{text.count(chr(10)) + 1}: the last line is torn")
    open_line: tuple[str, datetime, str] | None = None
    for count, line in enumerate(text.splitlines(), start=1):
        where, found = f"{shown(path)}:{count}", _LINE.fullmatch(line)
        if open_line is not None and found is None:
            open_line = (*open_line[:2], f"{open_line[2]} {line.strip()}")
        elif found is not None:
            if open_line is not None:
                raise LedgerError(f"{open_line[0]}: the line is torn")
            open_line = (where, _moment(found[1], where), found[2])
        elif line.strip():
            raise LedgerError(f"{where}: no line of a log of carbontracker's: it is torn, or of another file")
        if open_line is not None and open_line[2].count("[") <= open_line[2].count("]"):
            yield open_line
            open_line = None
    if open_line is not None:
        raise LedgerError(f"{open_line[0]}: the line is torn")


def _moment(told: str, where: str) -> datetime:
    return moment(told, "the time", where)


def _log(path: Path) -> Log:
    log = Log()
    for where, at, told in _lines(path):
        if version := _VERSION.fullmatch(told):
            log.version = version[1]
        elif told.startswith("The following components were found:"):
            log.devices = {name.lower(): tuple(one.strip() for one in names.split(",")) for name, names in _FOUND.findall(told)}
        elif re.fullmatch(r"Epoch \d+:", told):
            log.epochs.append(Epoch(where=where, end=at))
        elif told.startswith("Duration:"):
            _last(log, where).duration_s = _duration_s(told, where)
            log.epochs[-1].end = at
        elif power := _POWER.fullmatch(told):
            _take_power(log, _last(log, where), power[1].lower(), power[2], where)
        elif location := _LOCATION.search(told):
            log.location = name_of(location[1])
        elif told.startswith(("Training was interrupted", "Session ended by user")):
            log.interrupted = True
    log.epochs = [epoch for epoch in log.epochs if epoch.duration_s]
    return log


def _last(log: Log, where: str) -> Epoch:
    if not log.epochs:
        raise LedgerError(f"{where}: before the first epoch: lines are missing")
    return log.epochs[-1]


def _duration_s(told: str, where: str) -> float:
    found = _DURATION.fullmatch(told)
    if found is None:
        raise LedgerError(f"{where}: {told[:40]!r} is no duration")
    return min(int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]), MAX_DURATION_S)


def _take_power(log: Log, epoch: Epoch, component: str, told: str, where: str) -> None:
    if told == "None":
        return
    powers = [number(one, "power", where, most=_MOST_W) for one in re.split(r"[\s,]+", told.strip("[] ")) if one]
    if not powers:
        raise LedgerError(f"{where}: no power")
    devices = len(log.devices.get(component, ())) or 1
    version = log.version.partition(".")[0] if log.version else ""
    if len(powers) == 1 and devices > 1:
        if not version.isdigit():
            raise LedgerError(
                f"{where}: one power for {devices} devices, and no version that says whether it is their mean or sum"
            )
        powers *= devices if int(version) >= _MEANS_SINCE else 1
    epoch.power_w[component] = sum(powers)


def _run(path: Path, log: Log, stated: Stated) -> Run:
    first, last = log.epochs[0], log.epochs[-1]
    begin, assumed_utc = stated.utc(first.end - timedelta(seconds=first.duration_s or 0.0))
    end, _ = stated.utc(last.end)
    read_s = sum(epoch.duration_s or 0.0 for epoch in log.epochs)
    duration_s = max((end - begin).total_seconds(), read_s)
    run_id = id_of(TOOL, path.stem, first.end.isoformat(), log.version)
    host = host_name_of(stated, run_id, None)
    warnings = ["what was used between epochs, and after the last that was monitored, is not in the log"]
    if assumed_utc:
        warnings.append(ZONE_UNKNOWN)
    if stated.host is None:
        warnings.append(HOST_UNKNOWN)
    warnings.append("its readings are those of whole devices: what of them the run used is not known")
    devices = [_device(log, name, begin, stated, host=host, warnings=warnings) for name in ("gpu", "cpu") if name in log.devices]
    return run_of(
        stated,
        run_id=run_id,
        tool=TOOL,
        name=path.stem.removesuffix("_carbontracker"),
        started_at=begin,
        duration_s=duration_s,
        where=first.where,
        host_name=host,
        outcome="interrupted" if log.interrupted else "unknown",
        devices=devices,
        place=Place(region=log.location, known_by=IMPORTED) if log.location and log.location != "Unknown" else None,
        labels={"epochs": str(len(log.epochs))},
        version=log.version,
        warnings=warnings,
    )


def _device(log: Log, name: str, begin: datetime, stated: Stated, *, host: str, warnings: list[str]) -> DeviceEnergy:
    devices = log.devices[name]
    measured = name == "gpu" or all(_RAPL.match(one) for one in devices)
    if not measured:
        warnings.append(f"the CPU's power is half the rated power of a {name_of(devices[0]) or 'CPU'}, not a reading")
    if len(devices) > 1:
        warnings.append(f"{len(devices)} devices ({name}) were logged as one")
    course, energy_j, read_s = Course(), 0.0, 0.0
    for epoch in log.epochs:
        if name not in epoch.power_w or epoch.duration_s is None:
            warnings.append(f"no power of the {name} was measured in some epochs: these are not counted")
            continue
        end_s = (stated.utc(epoch.end)[0] - begin).total_seconds()
        after_s = course.points()[-1][0] if course.points() else -1.0
        begin_s = max(0.0, end_s - epoch.duration_s, after_s)
        if begin_s > after_s:
            course.add(begin_s, energy_j)
        energy_j += epoch.power_w[name] * epoch.duration_s
        read_s += epoch.duration_s
        course.add(max(end_s, begin_s), energy_j)
    told = ", ".join(filter(None, map(name_of, devices)))
    device = Device(
        id=f"gpu:{host}/all" if name == "gpu" else "cpu",
        component="accelerators" if name == "gpu" else "cpu",
        name=told or name.upper(),
        meter="nvml" if name == "gpu" else "rapl" if measured else TOOL,
        grade="power" if measured else "assumed",
    )
    return DeviceEnergy(device=device, energy_j=energy_j if read_s else None, read_s=read_s, course=course.points())


IMPORTER: Final = Importer(
    name=TOOL, what="carbontracker's log, or a folder of them", recognises=recognises, read=read, keys=KEYS
)
