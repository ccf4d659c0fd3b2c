"""What a node's monitoring kept in Prometheus: dcgm-exporter's GPUs, Kepler's nodes, pods and containers.

A run is what one node (one pod, one container) used in the time that is stated. A node's series know nothing of who used it: such
a run is a background one (`recorder=node`), which counts of each device only what no other run has read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from footprint.errors import ConfigError, LedgerError, unknown_choice
from footprint.ledger.exchange.registry import Importer, Incoming
from footprint.ledger.importers.power import gap_warning, of_counter, of_power
from footprint.ledger.importers.promql import SELECTOR, Found, Server
from footprint.ledger.importers.sources import id_of, name_of
from footprint.ledger.importers.stated import KEYS, Stated, run_of, stated_of
from footprint.model import ComponentName, Device, DeviceEnergy, Grade, Run

TOOL: Final = "prometheus"
_SOURCES: Final = ("dcgm", "kepler")
_DCGM_ENERGY: Final = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
_DCGM_POWER: Final = "DCGM_FI_DEV_POWER_USAGE"
_DCGM_BLANK: Final = float(0x7FFFFFFFFFFFFFF0)
_MJ_PER_J: Final = 1000.0
_MOST_W: Final = 5_000.0
_KEPLER: Final = re.compile(r"kepler_(node|pod|container)_(package|dram|gpu|cpu|platform|core|uncore|other)_joules_total")
_KEPLER_NODE: Final = (
    "kepler_node_package_joules_total",
    "kepler_node_dram_joules_total",
    "kepler_node_gpu_joules_total",
    "kepler_node_cpu_joules_total",
)
_ZONES: Final[dict[str, ComponentName]] = {"package": "cpu", "dram": "memory", "gpu": "accelerators"}


class _Read(NamedTuple):
    """A series: whose it is, of which device, and its samples."""

    owner: str
    whole_node: bool
    device: Device
    samples: dict[float, float]
    counter: bool


def recognises(source: str) -> bool:
    """Whether it is an address of HTTP."""
    return source.startswith(("http://", "https://"))


def read(source: str, facts: Mapping[str, str]) -> Incoming:
    """What was used between `start` and `end`.

    Raises:
        LedgerError: if the server does not answer, or has no such series.
        ConfigError: for a stated fact that is missing, or cannot be used.
    """
    stated = stated_of(facts)
    begin_s, end_s = _moment(facts, "start", stated), _moment(facts, "end", stated)
    if not begin_s < end_s:
        raise ConfigError("--set start=… lies not before --set end=…")
    server = Server(source)
    metrics, matchers = _asked(facts)
    found = {one: server.samples(f"{one}{{{matchers}}}" if matchers else one, begin_s, end_s) for one in metrics}
    reads = _dcgm(found) if metrics[0].startswith("DCGM") else _kepler(found)
    owners: dict[tuple[str, bool], list[_Read]] = {}
    for one in reads:
        owners.setdefault((one.owner, one.whole_node), []).append(one)
    if not owners:
        raise LedgerError(f"{server.shown} has no samples of {', '.join(metrics)} in this time")
    runs = tuple(
        _run(owner, ones, begin_s, end_s, stated, whole_node=whole_node) for (owner, whole_node), ones in sorted(owners.items())
    )
    return Incoming(foreign=True, runs=runs)


def _moment(facts: Mapping[str, str], name: str, stated: Stated) -> float:
    told = facts.get(name)
    if told is None:
        raise ConfigError(f"the time is not stated: --set {name}=2026-11-03T10:00:00+00:00")
    try:
        return stated.utc(datetime.fromisoformat(told))[0].timestamp()
    except (ValueError, OverflowError):
        raise ConfigError(f"--set {name}={told[:60]!r} is no time in ISO 8601: 2026-11-03T10:00:00+00:00") from None


def _asked(facts: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    """The metrics that are asked for, and which labels their series must have."""
    query, source = facts.get("query"), facts.get("source")
    if source is not None and source not in _SOURCES:
        raise unknown_choice("--set source", source, _SOURCES)
    if query is None:
        if source is None:
            raise ConfigError("say what is asked for: --set source=dcgm, --set source=kepler, or --set query=METRIC{…}")
        return ((_DCGM_ENERGY, _DCGM_POWER) if source == "dcgm" else _KEPLER_NODE), ""
    parts = SELECTOR.fullmatch(query.strip())
    if parts is None:
        raise ConfigError(
            f"--set query={query[:60]!r} is no selector such as {_DCGM_POWER}{{Hostname='n1'}}: no functions, no range"
        )
    metric = parts[1]
    if metric.startswith("footprint_"):
        raise ConfigError(
            f"{metric[:80]} is a sum that `footprint metrics` tells of a ledger: no runs can be made of it, and its joules would "
            "count twice; bring the runs themselves: `footprint runs export` there, or `footprint ledger push`"
        )
    if metric not in {_DCGM_ENERGY, _DCGM_POWER} and _KEPLER.fullmatch(metric) is None:
        raise ConfigError(
            f"of {metric[:80]} it is not known what it holds: {_DCGM_ENERGY}, {_DCGM_POWER} or kepler_*_joules_total"
        )
    return (metric,), parts[2] or ""


def _dcgm(found: Mapping[str, Found]) -> list[_Read]:
    """One series a GPU: MIG slices and pods repeat it. Where there is a counter, power is not needed."""
    gpus: dict[str, _Read] = {}
    for metric in (_DCGM_ENERGY, _DCGM_POWER):
        counter = metric == _DCGM_ENERGY
        merged: dict[str, _Read] = {}
        for labels, samples in found.get(metric, {}).items():
            told = dict(labels)
            kept = {t_s: value for t_s, value in samples.items() if 0 <= value < (_DCGM_BLANK if counter else _MOST_W)}
            if not kept:
                continue
            host = name_of(told.get("Hostname") or told.get("hostname") or told.get("instance")) or "unknown"
            uuid = name_of(told.get("UUID") or told.get("uuid"))
            key = uuid or f"{host}/{told.get('gpu', '')}"
            if key in merged:
                merged[key].samples.update(kept)
                continue
            grade: Grade = "counter" if counter else "power"
            name = name_of(told.get("modelName") or told.get("model_name")) or "GPU"
            device = Device(id=f"gpu:{key}", component="accelerators", name=name, meter="nvml", grade=grade)
            merged[key] = _Read(host, whole_node=True, device=device, samples=kept, counter=counter)
        for key, one in merged.items():
            gpus.setdefault(key, one)
    return list(gpus.values())


def _kepler(found: Mapping[str, Found]) -> list[_Read]:
    """One device a series (idle and dynamic, package by package); of zones that contain each other only the outer ones."""
    reads = []
    for metric, series in found.items():
        parts = _KEPLER.fullmatch(metric)
        assert parts is not None, "only such metrics are asked for"
        for labels, samples in series.items():
            told = dict(labels)
            component = _ZONES.get(told.get("zone", "package") if parts[2] == "cpu" else parts[2])
            kept = {t_s: value for t_s, value in samples.items() if value >= 0}
            if component is None or not kept:
                continue
            node = name_of(told.get("node_name") or told.get("exported_instance") or told.get("instance")) or "unknown"
            whole = parts[1] == "node"
            within = [told.get(name) for name in ("container_namespace", "pod_namespace", "pod_name", "container_name")]
            owner = node if whole else "/".join(filter(None, map(name_of, within))) or node
            rapl = "rapl" in f"{told.get('source', '')}{told.get('path', '')}".lower()
            apart = [told.get(name) for name in ("package", "zone", "path", "mode", "gpu", "uuid") if told.get(name)]
            prefix = f"gpu:{node}" if component == "accelerators" else component
            device = Device(
                id="/".join([prefix, parts[1], *(name_of(one) or "" for one in apart)]),
                component=component,
                name=f"{component} of {owner}",
                meter="rapl" if rapl and whole else "kepler",
                grade="counter" if rapl and whole else "model",
            )
            reads.append(_Read(owner, whole_node=whole, device=device, samples=kept, counter=True))
    return reads


def _run(owner: str, reads: list[_Read], begin_s: float, end_s: float, stated: Stated, *, whole_node: bool) -> Run:
    duration_s = end_s - begin_s
    devices: list[DeviceEnergy] = []
    for one in reads:
        scale = _MJ_PER_J if one.counter and one.device.meter == "nvml" else 1.0
        points = [(t_s - begin_s, value / scale) for t_s, value in one.samples.items()]
        series = of_counter if one.counter else of_power
        devices.append(series(points, one.device, duration_s, held_ratio=None if whole_node else 1.0))
    warnings = []
    if whole_node:
        warnings.append("it is what the node used, whoever used it: it counts only what no other run has read")
    else:
        warnings.append("Kepler divides a node's energy among its containers by a model")
    if any(one.device.meter == "kepler" for one in reads):
        warnings.append("Kepler does not say here whether its counters are read (RAPL) or estimated")
    gap = gap_warning(devices, duration_s)
    labels = {"recorder": "node"} if whole_node else {"container": owner}
    return run_of(
        stated,
        run_id=id_of(TOOL, owner, *sorted(one.device.id for one in reads), f"{begin_s:.3f}", f"{end_s:.3f}"),
        tool=TOOL,
        name=owner,
        started_at=datetime.fromtimestamp(begin_s, UTC),
        duration_s=duration_s,
        where=owner,
        host_name=owner if whole_node else None,
        devices=devices,
        labels=labels,
        warnings=[*warnings, *([gap] if gap else [])],
    )


IMPORTER: Final = Importer(
    name=TOOL,
    what="http://… of a Prometheus that keeps dcgm-exporter's or Kepler's series",
    recognises=recognises,
    read=read,
    keys=(*KEYS, "start", "end", "source", "query"),
)
