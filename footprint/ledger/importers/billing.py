"""Cloud bills as declarations: hours of instances, or of accelerators, with what the reference data know of their hardware.

A run is what one resource (or, where none is named, one kind of instance) was used in one month. A bill knows hours: not what the
machine drew, not how busy it was, not which work it did.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from footprint.errors import LedgerError, UnknownHardware
from footprint.ledger.exchange.registry import Importer, Incoming
from footprint.ledger.importers.bills import Bill, Use, bill_of, plain_name
from footprint.ledger.importers.sources import Line, head_of, id_of, shown, table_of
from footprint.ledger.importers.stated import IMPORTED, KEYS, Stated, run_of, stated_of
from footprint.model import Declaration, Place, Run, Source
from footprint.reference import find_hardware
from footprint.text import number
from footprint.units import S_PER_H

_TITLES: Final = {
    "aws": "AWS cost and usage report",
    "gcp": "Google Cloud billing export",
    "azure": "Azure usage details",
}
_ROUNDING: Final = 1e-6
_LEAST_H: Final = 1.0


def recognises(source: str) -> bool:
    """Whether a file begins with a header of a bill."""
    header = head_of(source).partition(b"\n")[0].decode("utf-8-sig", "replace")
    return bill_of([one.strip().strip('"') for one in header.split(",")]) is not None


def read(source: str, facts: Mapping[str, str]) -> Incoming:
    """The use of machines in a bill.

    Raises:
        LedgerError: if it cannot be read, or a line of it cannot be.
        ConfigError: for a stated fact that cannot be used.
    """
    stated = stated_of(facts)
    groups: dict[tuple[str, ...], list[Use]] = {}
    left_out: dict[str, int] = {}
    for use in _uses(Path(source)):
        if isinstance(use, str):
            left_out[use] = left_out.get(use, 0) + 1
            continue
        key = (
            use.provider,
            use.payer or "",
            use.resource or "",
            use.hardware,
            use.region or "",
            use.market,
            f"{use.begin:%Y-%m}",
        )
        groups.setdefault(key, []).append(use)
    runs = tuple(_run(key, uses, stated) for key, uses in groups.items())
    notes = [f"{count} lines left out: {why}" for why, count in sorted(left_out.items(), key=lambda item: -item[1])]
    if not runs:
        why = "; ".join(notes) or "it has no lines"
        raise LedgerError(f"{shown(Path(source))}: no time on a machine is in it ({why})")
    return Incoming(foreign=True, runs=runs, notes=tuple(notes))


def _uses(path: Path) -> Iterator[Use | str]:
    bill: Bill | None = None
    for line in table_of(path, needed=()):
        if bill is None:
            bill = bill_of(list(line.cells))
            if bill is None:
                raise LedgerError(f"{shown(path)}:1: no columns of a bill that is known (AWS, Google Cloud, Azure)")
        yield bill.read(Line(line.where, {plain_name(name): cell for name, cell in line.cells.items()}))


def _run(key: tuple[str, ...], uses: list[Use], stated: Stated) -> Run:
    first = uses[0]
    begin, end = min(use.begin for use in uses), min(max(use.end for use in uses), datetime.now(UTC))
    end = max(end, begin)
    hours = sum(use.hours for use in uses)
    warnings = ["a bill tells hours, not what the machine drew or how busy it was: its energy is worked out from its hardware"]
    known = _known(first.hardware)
    if not known:
        warnings.append(f"the hardware of {first.hardware} is not in the reference data: its energy is unknown")
    if first.devices:
        warnings.append("cores and memory beside the accelerators are taken by an overhead factor, not from their own lines")
    if first.resource is None:
        warnings.append("the bill does not name the machine: all of its kind in the month stand together")
    wall_h = max((end - begin).total_seconds() / S_PER_H, _LEAST_H)
    machines = 1 if first.devices else max(1, math.ceil(hours / wall_h - _ROUNDING))
    if machines > 1:
        warnings.append(f"{number(hours)} h were used within {number(wall_h)} h: by {machines} machines at least")
    # A machine that was used now and then lies in the month from its first hour to its last, and worked for less.
    used_h = min((end - begin).total_seconds() / S_PER_H, hours / machines)
    if used_h < (1 - _ROUNDING) * (end - begin).total_seconds() / S_PER_H:
        warnings.append(f"{number(used_h)} h lie somewhere between {begin:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC")
    run_id = id_of("billing", *key)
    labels = {
        "provider": first.provider,
        "payer": first.payer,
        "resource": first.resource,
        "instance": first.hardware,
        "market": first.market,
        "product": first.product,
        "hours": f"{hours:.6g}",
    }
    source = Source(title=_TITLES[first.provider], locator=first.resource or first.hardware, fields=("hardware", "hours"))
    return run_of(
        stated,
        run_id=run_id,
        tool="billing",
        name=f"{first.hardware} {begin:%Y-%m}",
        started_at=begin,
        duration_s=used_h * S_PER_H,
        where=first.where,
        host_name=first.resource,
        labels={name: value for name, value in labels.items() if value},
        place=Place(provider=first.provider, region=first.region, known_by=IMPORTED) if first.region else None,
        declared=Declaration(
            hardware=first.hardware if known else None,
            count=None if first.devices else machines,
            hours=None if first.devices else hours / machines,
            device_hours=hours if first.devices else None,
            provider=first.provider,
            year=begin.year,
            source=(source,),
        ),
        version=first.provider,
        warnings=warnings,
    )


def _known(hardware: str) -> bool:
    try:
        find_hardware(hardware)
    except UnknownHardware:
        return False
    return True


IMPORTER: Final = Importer(
    name="billing",
    what="a cloud bill as CSV (AWS cost and usage report, Google Cloud export, Azure usage)",
    recognises=recognises,
    read=read,
    keys=KEYS,
)
