"""What the user states beside another tool's file, and how a run of it is put together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

import msgspec

from footprint.errors import ConfigError, LedgerError, unknown_choice
from footprint.ledger.importers.sources import name_of, number
from footprint.model import KINDS, Declaration, DeviceEnergy, Host, Kind, Outcome, Place, Run

IMPORTED: Final = "imported"
"""`Place.known_by` of a place as a source words it, which is yet to be found by its name."""
KEYS: Final = ("kind", "name", "account", "host", "timezone", "region", "zone", "pue", "project", "team", "user", "model")
"""The facts that may be stated beside any source."""
_LABELS: Final = ("project", "team", "user", "model")
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)")
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
MAX_DURATION_S: Final = 100 * 366 * 86_400.0


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that stand beside a source; None is what the source says, or unknown."""

    kind: Kind = "other"
    name: str | None = None
    account: str | None = None
    host: str | None = None
    zone_of_time: tzinfo | None = None
    place: Place | None = None
    labels: dict[str, str] = {}

    def utc(self, told: datetime) -> tuple[datetime, bool]:
        """A time that a source tells, in UTC; and whether it was taken to be UTC because nobody says of which zone it is."""
        zone = told.tzinfo or self.zone_of_time
        if zone is None:
            return told.replace(tzinfo=UTC), True
        try:
            return told.replace(tzinfo=zone).astimezone(UTC), False
        except OverflowError:  # in the first or last year that there is: `run_of` refuses both
            return told.replace(tzinfo=UTC), False


ZONE_UNKNOWN: Final = (
    "the source does not say of which time zone its times are: they are taken as UTC (--set timezone=Europe/Paris)"
)


def stated_of(facts: Mapping[str, str]) -> Stated:
    """The facts of `--set`.

    Raises:
        ConfigError: for a kind, time zone or number that there is not.
    """
    kind = facts.get("kind", "other")
    found: Kind | None = next((one for one in KINDS if one == kind), None)
    if found is None:
        raise unknown_choice("kind", kind, KINDS)
    at = {name: name_of(facts.get(name)) for name in ("region", "zone")}
    pue = _pue(facts["pue"]) if "pue" in facts else None
    return Stated(
        kind=found,
        name=name_of(facts.get("name")),
        account=name_of(facts.get("account")),
        host=name_of(facts.get("host")),
        zone_of_time=_zone(facts["timezone"]) if "timezone" in facts else None,
        place=Place(region=at["region"], zone=at["zone"], pue_ratio=pue) if any(at.values()) or pue is not None else None,
        labels={name: told for name in _LABELS if (told := name_of(facts.get(name))) is not None},
    )


def _pue(told: str) -> float:
    try:
        return number(told.strip(), "pue", "--set", least=1.0, most=3.0)
    except LedgerError as error:
        raise ConfigError(str(error)) from None


def _zone(told: str) -> tzinfo:
    if told.upper() in {"UTC", "Z"}:
        return UTC
    offset = _OFFSET.fullmatch(told)
    if offset:
        minutes = (int(offset[2]) * 60 + int(offset[3])) * (-1 if offset[1] == "-" else 1)
        if abs(minutes) <= 14 * 60:
            return timezone(timedelta(minutes=minutes))
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(told)
    except (ValueError, OSError, LookupError):
        raise ConfigError(f"--set timezone={told[:60]!r} is no time zone: Europe/Paris, UTC or +02:00") from None


def run_of(
    stated: Stated,
    *,
    run_id: str,
    tool: str,
    name: str | None,
    started_at: datetime,
    duration_s: float,
    where: str,
    host: Host | None = None,
    host_name: str | None = None,
    outcome: Outcome = "unknown",
    account: str | None = None,
    devices: Sequence[DeviceEnergy] = (),
    place: Place | None = None,
    labels: Mapping[str, str] | None = None,
    work: Mapping[str, float] | None = None,
    version: str | None = None,
    declared: Declaration | None = None,
    warnings: Sequence[str] = (),
) -> Run:
    """A run of another tool's, with what the user states beside it.

    Raises:
        LedgerError: if its times cannot be; `where` is the place in the source.
    """
    if not 0 <= duration_s <= MAX_DURATION_S:
        raise LedgerError(f"{where}: a duration of {duration_s:g} s is not possible")
    if not _FIRST <= started_at <= datetime.now(UTC) + timedelta(days=1):
        raise LedgerError(f"{where}: it would have begun at {started_at:%Y-%m-%d %H:%M}, which is not possible")
    own_name = stated.name or name or tool
    at = place
    if stated.place is not None:
        at = stated.place
        if at.region is None and at.zone is None and place is not None:
            at = msgspec.structs.replace(place, pue_ratio=at.pue_ratio)
    return Run(
        id=run_id,
        name=own_name,
        kind=stated.kind,
        started_at=started_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        duration_s=duration_s,
        outcome=outcome,
        account=stated.account or account or run_id,
        host=host_of(stated, run_id, host, host_name),
        devices=tuple(devices),
        place=at,
        work=dict(work or {}),
        labels={**(labels or {}), **stated.labels},
        versions={tool: version or "unknown"},
        warnings=tuple(dict.fromkeys(warnings)),
        declared=declared,
    )


def host_name_of(stated: Stated, run_id: str, told: str | None) -> str:
    """The machine's name. One that nobody names is a machine of its own: it must not seem to be another run's."""
    return stated.host or name_of(told) or f"unknown-{run_id[:8]}"


def os_of(told: str | None, *, accelerators_told: bool) -> str:
    """The operating system in words that say whether accelerators would be known of: on Linux none seen means none there."""
    name = name_of(told)
    return (name or "unknown") if accelerators_told else f"unknown ({name})" if name else "unknown"


HOST_UNKNOWN: Final = (
    "the source does not name the machine: runs that overlapped on one are not told apart, and each counts (--set host=NAME)"
)


def host_of(stated: Stated, run_id: str, host: Host | None, told: str | None) -> Host:
    """The machine, as far as it is known."""
    name = host_name_of(stated, run_id, host.name if host is not None and host.name else told)
    if host is not None:
        return msgspec.structs.replace(host, name=name)
    return Host(name=name, os="unknown", cpu_name=None, logical_cpus=0, sockets=None, memory_bytes=None, boot_id=None)
