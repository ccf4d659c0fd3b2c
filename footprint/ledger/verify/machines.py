"""What the runs of a ledger say of their machines: two of one name, clocks that do not agree, one device in two places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, NamedTuple

from footprint import text
from footprint.ledger.verify.findings import Finding, found, named
from footprint.model import Host, Run

APART_S: Final = 3600.0
"""Clocks that differ by more are not merely inexact."""
OVERLAP_S: Final = 60.0
_MEMORY_RATIO: Final = 0.05


class _Span(NamedTuple):
    begin_s: float
    end_s: float
    boot: str
    run: Run


def of_runs(home: str, runs: Sequence[Run], now_s: float) -> list[Finding]:
    """What the runs say of their machines together.

    Args:
        home: the ledger, which the findings are about.
        runs: its runs.
        now_s: this machine's clock.
    """
    spans = list(_spans(runs))
    by_host: dict[str, list[_Span]] = defaultdict(list)
    by_boot: dict[str, list[_Span]] = defaultdict(list)
    by_device: dict[str, list[_Span]] = defaultdict(list)
    for span in spans:
        by_host[span.run.host.name].append(span)
        by_boot[span.boot].append(span)
        for one in span.run.devices:
            if one.device.id.startswith(("gpu:GPU-", "gpu:MIG-")):
                by_device[one.device.id].append(span)
    told = _in_future(home, spans, now_s)
    for name, own in sorted(by_host.items()):
        told += _one_name(home, name, own)
    for own in by_boot.values():
        told += _clock_set(home, own)
    for device, own in sorted(by_device.items()):
        told += _two_places(home, device, own)
    return told


def _spans(runs: Iterable[Run]) -> Iterator[_Span]:
    for run in runs:
        if run.host.boot_id is None or run.declared is not None:
            continue
        try:
            begin_s = datetime.fromisoformat(run.started_at).timestamp()
        except (ValueError, OverflowError):
            continue
        yield _Span(begin_s, begin_s + run.duration_s + run.suspended_s, run.host.boot_id, run)


def _in_future(home: str, spans: list[_Span], now_s: float) -> list[Finding]:
    ahead = [span for span in spans if span.begin_s > now_s + APART_S]
    if not ahead:
        return []
    most_s = max(span.begin_s for span in ahead) - now_s
    hosts = named(sorted({text.clean(span.run.host.name) for span in ahead}))
    message = (
        f"{text.plural(len(ahead), 'run')} of {hosts} began up to {text.duration(most_s)} after now, by this machine's clock: "
        f"{named([text.clean(span.run.id) for span in ahead])}"
    )
    return [found("in-future", home, message, run=ahead[0].run.id if len(ahead) == 1 else None)]


def _one_name(home: str, name: str, spans: list[_Span]) -> list[Finding]:
    """Two boots of one name at one time are two machines; two of other parts may be."""
    boots: dict[str, list[_Span]] = defaultdict(list)
    for span in spans:
        boots[span.boot].append(span)
    told = []
    shown = text.clean(name)
    whole = sorted((min(s.begin_s for s in own), max(s.end_s for s in own), boot) for boot, own in boots.items())
    latest_s, latest = -1e18, ""
    for begin_s, end_s, boot in whole:
        if latest and latest_s - begin_s > OVERLAP_S:
            message = (
                f"two machines are called {shown}: boots {latest} and {boot} of that name ran at one time, from {_when(begin_s)} "
                f"to {_when(min(end_s, latest_s))}; or one's clock was wrong by {text.duration(latest_s - begin_s)} or more"
            )
            told.append(found("two-hosts-one-name", home, message))
        if end_s > latest_s:
            latest_s, latest = end_s, boot
    parts = {boot: own[0].run.host for boot, own in boots.items()}
    for (_, _, one), (begin_s, _, other) in pairwise(whole):
        if changed := _changed(parts[one], parts[other]):
            message = f"{shown} is not the machine that it was: since {_when(begin_s)} {changed}"
            told.append(found("host-changed", home, message))
    return told


def _changed(one: Host, other: Host) -> str:
    told = [
        f"{what} is {after!r}, it was {before!r}"
        for what, before, after in (
            ("cpu_name", one.cpu_name, other.cpu_name),
            ("sockets", one.sockets, other.sockets),
            ("logical_cpus", one.logical_cpus, other.logical_cpus),
        )
        if before != after and before is not None and after is not None
    ]
    before, after = one.memory_bytes, other.memory_bytes
    if before and after and abs(before - after) > _MEMORY_RATIO * max(before, after):
        told.append(f"memory_bytes is {after}, it was {before}")
    return ", ".join(told)


def _clock_set(home: str, spans: list[_Span]) -> list[Finding]:
    """Of one boot, the clock on the wall and the monotonic one keep their distance, unless somebody sets the first."""
    anchors = sorted((s.begin_s - s.run.monotonic_s, s.run.id) for s in spans if s.run.monotonic_s is not None)
    if not anchors or anchors[-1][0] - anchors[0][0] <= APART_S:
        return []
    # A machine that sleeps moves the two apart as well: by as long as it slept, and always one way.
    moved_s, (one, other) = anchors[-1][0] - anchors[0][0], (text.clean(anchors[place][1]) for place in (0, -1))
    message = (
        f"the clock of {text.clean(spans[0].run.host.name)} moved by {text.duration(moved_s)} against its monotonic clock "
        f"between runs {one} and {other}: it was set, or the machine slept"
    )
    return [found("clock-set", home, message)]


def _two_places(home: str, device: str, spans: list[_Span]) -> list[Finding]:
    latest: _Span | None = None
    for span in sorted(spans, key=lambda one: one[:3]):
        if latest is not None and latest.boot != span.boot and latest.end_s - span.begin_s > OVERLAP_S:
            hosts = " and by ".join(text.clean(one.run.host.name) for one in (latest, span))
            ids = ", ".join(text.clean(one.run.id) for one in (latest, span))
            message = (
                f"{text.clean(device)} was read by {hosts} at one time ({ids}): their clocks are "
                f"{text.duration(latest.end_s - span.begin_s)} or more apart, or one is a copy"
            )
            return [found("device-on-two-hosts", home, message)]
        if latest is None or span.end_s > latest.end_s:
            latest = span
    return []


def _when(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
