"""The lines of three clouds' bills, each by the columns of its header: AWS usage reports, Google's export, Azure's usage.

Of each line it is said whether it is time on a machine (`Use`), or why it is not: discounts, commitments and credits repeat hours
that another line has, and storage or traffic are none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from footprint.ledger.importers.sources import Line, moment, name_of
from footprint.units import S_PER_H

_MOST_HOURS: Final = 1e7


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """Time on a machine, or on the accelerators of one (`devices`): hours summed over those."""

    where: str
    provider: str
    resource: str | None
    hardware: str
    devices: bool
    hours: float
    begin: datetime
    end: datetime
    region: str | None
    payer: str | None
    market: str
    product: str | None


class Bill(NamedTuple):
    """A cloud's format: its name, the columns (in plain words) without which it is not, and how a line is read."""

    name: str
    needed: Sequence[str]
    read: Callable[[Line], Use | str]


def plain_name(column: str) -> str:
    """A column's name without case, dots, slashes and capitals between words: `lineItem/UsageType` is `line_item_usage_type`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.strip())
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def bill_of(header: Sequence[str]) -> Bill | None:
    """The format whose columns are all there."""
    names = {plain_name(one) for one in header}
    return next((bill for bill in _BILLS if names.issuperset(bill.needed)), None)


def _time(line: Line, column: str) -> datetime | None:
    told = line.text(column)
    if told is None:
        return None
    tidy = re.sub(r"^(\d\d)/(\d\d)/(\d{4})$", r"\3-\1-\2", re.sub(r" UTC$", "+00:00", told))
    found = moment(tidy, column, line.where)
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _span(line: Line, first: str, last: str) -> tuple[datetime, datetime]:
    begin, end = _time(line, first), _time(line, last)
    if begin is None:
        raise line.wrong(f"{first} is empty")
    if end is None:
        end = begin + timedelta(days=1)
    if end < begin:
        raise line.wrong(f"{last} is before {first}")
    return begin, end


# -- AWS ---------------------------------------------------------------------------------------------------------------

_AWS_USAGE: Final = {"Usage": "on demand", "DiscountedUsage": "reserved", "SavingsPlanCoveredUsage": "savings plan"}
_AWS_MACHINE: Final = re.compile(
    r"(?:[A-Z0-9]+-)?(BoxUsage|SpotUsage|HostBoxUsage|DedicatedUsage|Train|Host|Tsform|Notebk)(?::|$)"
)


def _aws(line: Line) -> Use | str:
    kind = line.text("line_item_line_item_type") or ""
    if kind not in _AWS_USAGE:
        return f"{kind or 'no type'}: no usage"
    usage = line.text("line_item_usage_type") or ""
    machine = _AWS_MACHINE.match(usage)
    if machine is None:
        return "no time on a machine"
    instance = line.text("product_instance_type") or usage.partition(":")[2] or None
    unit = (line.text("pricing_unit") or "Hrs").lower()
    if instance is None or not unit.startswith(("hr", "hour")):
        return "no hours of an instance"
    hours = line.number("line_item_usage_amount", most=_MOST_HOURS)
    if not hours:
        return "no hours"
    begin, end = _span(line, "line_item_usage_start_date", "line_item_usage_end_date")
    region = line.text("product_region_code") or line.text("product_region")
    zone = line.text("line_item_availability_zone")
    return Use(
        where=line.where,
        provider="aws",
        resource=line.text("line_item_resource_id"),
        hardware=instance.removeprefix("ml.").partition("-")[0],
        devices=False,
        hours=hours,
        begin=begin,
        end=end,
        region=region or (zone.rstrip("abcdef") if zone else None),
        payer=line.text("line_item_usage_account_id"),
        market="spot" if machine[1] == "SpotUsage" else _AWS_USAGE[kind],
        product=line.text("line_item_product_code"),
    )


# -- Google ------------------------------------------------------------------------------------------------------------

_GOOGLE_UNITS: Final = {"seconds": S_PER_H, "second": S_PER_H, "s": S_PER_H, "hour": 1.0, "hours": 1.0, "h": 1.0, "minutes": 60.0}
_GOOGLE_GPU: Final = re.compile(r"(?:^|[\s:])(?:Nvidia )(.+?) GPU\b", re.IGNORECASE)
_GOOGLE_TPU: Final = re.compile(r"\b(TPU|Tpu)[\s-]?(v\d+\w*)", re.IGNORECASE)
_GOOGLE_HOST: Final = re.compile(r"\b(?:Instance Core|Instance Ram|Core running|Ram running)\b", re.IGNORECASE)


def _google(line: Line) -> Use | str:  # noqa: PLR0911 - one line of refusals
    kind = (line.text("cost_type") or "regular").lower()
    if kind not in {"regular", "usage"}:
        return f"{kind}: no usage"
    sku = line.text("sku_description") or ""
    if "commitment" in sku.lower():
        return "commitments: their hours are in other lines"
    if "reserv" in sku.lower() and "running" not in sku.lower():
        return "reservations that were not used"
    gpu, tpu = _GOOGLE_GPU.search(sku), _GOOGLE_TPU.search(sku)
    if gpu is None and tpu is None:
        return "cores and memory, which stand beside what they serve" if _GOOGLE_HOST.search(sku) else "no time on an accelerator"
    unit = (line.text("usage_unit") or "").lower()
    amount = line.number("usage_amount", most=_MOST_HOURS * S_PER_H)
    if unit not in _GOOGLE_UNITS:
        unit, amount = (line.text("usage_pricing_unit") or unit).lower(), line.number("usage_amount_in_pricing_units")
    if unit not in _GOOGLE_UNITS:
        return "no hours of an accelerator"
    if not amount:
        return "no hours"
    begin, end = _span(
        line, _first(line, "usage_start_time", "usage_start_date"), _first(line, "usage_end_time", "usage_end_date")
    )
    return Use(
        where=line.where,
        provider="gcp",
        resource=line.text("resource_global_name") or line.text("resource_name"),
        hardware=re.sub(r"^Tesla ", "", gpu[1]) if gpu else f"TPU {tpu[2]}" if tpu else sku,
        devices=True,
        hours=amount / _GOOGLE_UNITS[unit],
        begin=begin,
        end=end,
        region=line.text("location_region"),
        payer=line.text("project_id"),
        market="spot" if re.search(r"\b(?:spot|preemptible)\b", sku, re.IGNORECASE) else "on demand",
        product=line.text("service_description"),
    )


def _first(line: Line, *columns: str) -> str:
    return next((one for one in columns if one in line.cells), columns[0])


# -- Azure -------------------------------------------------------------------------------------------------------------

_AZURE_SIZE: Final = re.compile(r'"(?:ServiceType|VMName|Size)"\s*:\s*"((?:Standard|Basic)_[\w-]+)"')


def _azure(line: Line) -> Use | str:
    kind = (line.text("charge_type") or "Usage").lower()
    if kind != "usage":
        return f"{name_of(kind)}: no usage"
    if (line.text("meter_category") or "").lower() != "virtual machines":
        return "no time on a machine"
    if not re.fullmatch(r"1? ?hours?", (line.text("unit_of_measure") or "").lower().strip()):
        return "no single hours of an instance"
    hours = line.number("quantity", most=_MOST_HOURS)
    if not hours:
        return "no hours"
    told = _AZURE_SIZE.search(line.cells.get("additional_info", ""))
    meter = line.text("meter_name") or ""
    size = told[1] if told else "Standard_" + re.sub(r"\s*(?:Low Priority|Spot)$", "", meter.partition("/")[0]).replace(" ", "_")
    begin, _ = _span(line, _first(line, "date", "usage_date_time", "usage_date"), "")
    region = line.text("resource_location")
    return Use(
        where=line.where,
        provider="azure",
        resource=line.text("resource_id") or line.text("instance_id") or line.text("instance_name"),
        hardware=size,
        devices=False,
        hours=hours,
        begin=begin,
        end=begin + timedelta(days=1),
        region=region.replace(" ", "").lower() if region else None,
        payer=line.text("subscription_id") or line.text("subscription_guid"),
        market="spot" if meter.endswith(("Spot", "Low Priority")) else (line.text("pricing_model") or "on demand").lower(),
        product=line.text("meter_category"),
    )


_BILLS: Final[tuple[Bill, ...]] = (
    Bill(
        "aws", ("line_item_line_item_type", "line_item_usage_type", "line_item_usage_amount", "line_item_usage_start_date"), _aws
    ),
    Bill("gcp", ("sku_description", "usage_amount", "usage_unit"), _google),
    Bill("azure", ("meter_category", "quantity", "unit_of_measure"), _azure),
)
