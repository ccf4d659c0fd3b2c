from __future__ import annotations

from pathlib import Path

import pytest

from footprint.card.content.runs import content_from_account
from footprint.derive import Account, declared_footprint, run_footprint
from footprint.errors import LedgerError
from footprint.ledger.exchange.registry import read_source
from footprint.ledger.importers.bills import plain_name
from footprint.model import Declaration, Run
from footprint.report.explain import facts
from tests.ledger.importers.conftest import brought, written

AWS = {
    "identity/LineItemId": "a",
    "lineItem/UsageAccountId": "123",
    "lineItem/LineItemType": "Usage",
    "lineItem/UsageStartDate": "2026-11-03T10:00:00Z",
    "lineItem/UsageEndDate": "2026-11-03T11:00:00Z",
    "lineItem/ProductCode": "AmazonEC2",
    "lineItem/UsageType": "USE1-BoxUsage:p4d.24xlarge",
    "lineItem/ResourceId": "i-0a",
    "lineItem/UsageAmount": "1.0",
    "pricing/unit": "Hrs",
    "product/instanceType": "p4d.24xlarge",
    "product/regionCode": "us-east-1",
}
GCP = {
    "service.description": "Compute Engine",
    "sku.description": "Nvidia Tesla T4 GPU running in Belgium",
    "usage_start_time": "2026-11-03 10:00:00 UTC",
    "usage_end_time": "2026-11-03 11:00:00 UTC",
    "project.id": "lab",
    "location.region": "europe-west1",
    "cost_type": "regular",
    "usage.amount": "14400",
    "usage.unit": "seconds",
}
AZURE = {
    "SubscriptionId": "sub",
    "Date": "11/03/2026",
    "MeterCategory": "Virtual Machines",
    "MeterName": "NC4as T4 v3",
    "Quantity": "24",
    "UnitOfMeasure": "1 Hour",
    "ResourceLocation": "EastUS",
    "ResourceId": "/vm/one",
    "ChargeType": "Usage",
    "PricingModel": "OnDemand",
    "AdditionalInfo": "",
}


def one(path: Path) -> Run:
    (run,) = brought(path)
    return run


def test_hours_of_an_aws_instance_are_declared(tmp_path: Path) -> None:
    later = AWS | {"lineItem/UsageStartDate": "2026-11-03T11:00:00Z", "lineItem/UsageEndDate": "2026-11-03T12:00:00Z"}
    run = one(written(tmp_path / "cur.csv", [AWS, later]))
    assert run.declared is not None
    assert (run.declared.hardware, run.declared.count, run.declared.hours) == ("p4d.24xlarge", 1, 2)
    assert (run.started_at, run.duration_s) == ("2026-11-03T10:00:00.000+00:00", 7200)
    assert run.place is not None
    assert (run.place.provider, run.place.region) == ("aws", "us-east-1")
    footprint = run_footprint(run)
    assert footprint.energy_kwh is not None
    assert footprint.emissions_g is not None
    assert 2 * 8 * 0.2 < footprint.energy_kwh.central < 2 * 8 * 0.8  # eight A100 of 400 W, and their host


@pytest.mark.parametrize(
    "kind", ["SavingsPlanNegation", "RIFee", "SavingsPlanRecurringFee", "Tax", "Credit", "Refund", "EdpDiscount"]
)
def test_lines_that_repeat_or_discount_are_no_use(tmp_path: Path, kind: str) -> None:
    _, incoming = read_source(str(written(tmp_path / "cur.csv", [AWS, AWS | {"lineItem/LineItemType": kind}])))
    (run,) = incoming.runs
    assert run.declared is not None
    assert run.declared.hours == 1
    assert incoming.notes == (f"1 lines left out: {kind}: no usage",)


@pytest.mark.parametrize(
    ("kind", "usage", "market"),
    [
        ("Usage", "SpotUsage:p4d.24xlarge", "spot"),
        ("DiscountedUsage", "BoxUsage:p4d.24xlarge", "reserved"),
        ("SavingsPlanCoveredUsage", "EUW1-BoxUsage:p4d.24xlarge", "savings plan"),
    ],
)
def test_use_counts_however_it_is_paid(tmp_path: Path, kind: str, usage: str, market: str) -> None:
    run = one(written(tmp_path / "cur.csv", [AWS | {"lineItem/LineItemType": kind, "lineItem/UsageType": usage}]))
    assert run.labels["market"] == market


def test_storage_and_traffic_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [AWS, AWS | {"lineItem/UsageType": "EBS:VolumeUsage.gp3"}, AWS | {"lineItem/UsageType": "DataTransfer-Out-Bytes"}]
    _, incoming = read_source(str(written(tmp_path / "cur.csv", rows)))
    assert len(incoming.runs) == 1
    assert incoming.notes == ("2 lines left out: no time on a machine",)


def test_an_instance_that_nobody_knows_has_an_unknown_energy(tmp_path: Path) -> None:
    row = AWS | {"product/instanceType": "m5.large", "lineItem/UsageType": "BoxUsage:m5.large"}
    run = one(written(tmp_path / "cur.csv", [row]))
    assert run.labels["instance"] == "m5.large"
    assert run_footprint(run).energy_kwh is None
    assert any("m5.large" in warning for warning in run.warnings)


def test_sagemaker_instances_are_known_by_their_own_name(tmp_path: Path) -> None:
    row = AWS | {"lineItem/UsageType": "USE1-Train:ml.p3.2xlarge", "product/instanceType": "ml.p3.2xlarge"}
    run = one(written(tmp_path / "cur.csv", [row]))
    assert run.declared is not None
    assert run.declared.hardware == "p3.2xlarge"


def test_the_newer_column_names_are_the_same_columns(tmp_path: Path) -> None:
    old = one(written(tmp_path / "cur.csv", [AWS]))
    new = one(written(tmp_path / "cur2.csv", [{plain_name(name): cell for name, cell in AWS.items()}]))
    assert old == new


def test_months_and_machines_are_runs_of_their_own(tmp_path: Path) -> None:
    rows = [
        AWS,
        AWS | {"lineItem/ResourceId": "i-0b"},
        AWS | {"lineItem/UsageStartDate": "2026-10-03T10:00:00Z", "lineItem/UsageEndDate": "2026-10-03T11:00:00Z"},
    ]
    runs = brought(written(tmp_path / "cur.csv", rows))
    assert len({run.id for run in runs}) == 3
    assert {run.id for run in runs} == {run.id for run in brought(written(tmp_path / "again.csv", rows[::-1]))}


def test_googles_gpu_seconds_are_device_hours(tmp_path: Path) -> None:
    cores = GCP | {"sku.description": "N1 Predefined Instance Core running in Belgium"}
    committed = GCP | {"sku.description": "Commitment v1: Nvidia Tesla T4 GPU running in Belgium for 1 Year"}
    tax = GCP | {"cost_type": "tax"}
    _, incoming = read_source(str(written(tmp_path / "gcp.csv", [GCP, cores, committed, tax])))
    (run,) = incoming.runs
    assert run.declared is not None
    assert (run.declared.hardware, run.declared.device_hours) == ("T4", 4)
    assert len(incoming.notes) == 3
    (settled,) = brought(tmp_path / "gcp.csv")
    assert settled.place is not None
    assert settled.place.zone == "BEL"
    assert run_footprint(settled).emissions_g is not None


def test_googles_spot_gpus_are_gpus(tmp_path: Path) -> None:
    sku = "Nvidia Tesla A100 GPU attached to Spot Preemptible VMs running in Netherlands"
    run = one(written(tmp_path / "gcp.csv", [GCP | {"sku.description": sku}]))
    assert (run.labels["market"], run.labels["instance"]) == ("spot", "A100")


def test_azures_hours_are_those_of_an_instance(tmp_path: Path) -> None:
    row = AZURE | {"MeterName": "NC4as T4 v3 Spot"}
    unused = AZURE | {"ChargeType": "UnusedReservation"}
    _, incoming = read_source(str(written(tmp_path / "azure.csv", [row, unused, AZURE | {"MeterCategory": "Storage"}])))
    (run,) = incoming.runs
    assert run.declared is not None
    assert (run.declared.hardware, run.declared.hours) == ("Standard_NC4as_T4_v3", 24)
    assert run.labels["market"] == "spot"
    assert len(incoming.notes) == 2
    (settled,) = brought(tmp_path / "azure.csv")
    assert settled.place is not None
    assert settled.place.region == "eastus"
    assert run_footprint(settled).energy_kwh is not None


def test_an_azure_region_that_means_nothing_is_unknown(tmp_path: Path) -> None:
    run = one(written(tmp_path / "azure.csv", [AZURE | {"ResourceLocation": "Moon Base"}]))
    assert run.place is not None
    assert run.place.zone is None
    assert run_footprint(run).emissions_g is None
    assert any("moonbase" in warning for warning in run.warnings)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"lineItem/UsageAmount": "-1"}, "below 0"),
        ({"lineItem/UsageAmount": "NaN"}, "no number"),
        ({"lineItem/UsageAmount": "1e999"}, "no number"),
        ({"lineItem/UsageStartDate": "soon"}, "no time"),
        ({"lineItem/UsageStartDate": ""}, "is empty"),
        ({"lineItem/UsageEndDate": "2026-11-02T00:00:00Z"}, "is before"),
    ],
)
def test_an_impossible_line_is_refused_with_its_number(tmp_path: Path, row: dict[str, str], word: str) -> None:
    path = written(tmp_path / "cur.csv", [AWS, AWS | row])
    with pytest.raises(LedgerError) as caught:
        read_source(str(path))
    assert str(caught.value).startswith(f"{path}:3: ")
    assert word in str(caught.value)


def test_hours_that_no_machine_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"cur.csv:2: line_item_usage_amount is 1e\+12"):
        brought(written(tmp_path / "cur.csv", [AWS | {"lineItem/UsageAmount": "1e12"}]))


def test_more_hours_than_the_time_has_are_those_of_several_machines(tmp_path: Path) -> None:
    run = one(written(tmp_path / "cur.csv", [AWS | {"lineItem/UsageAmount": "2.5", "lineItem/ResourceId": ""}]))
    assert run.declared is not None
    assert run.declared.count == 3
    assert run.declared.hours == pytest.approx(2.5 / 3)


def test_a_bill_without_machines_says_what_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no time on a machine is in it"):
        brought(written(tmp_path / "cur.csv", [AWS | {"lineItem/UsageType": "Requests"}]))


def test_a_torn_line_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "cur.csv", [AWS, AWS])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LedgerError, match=r"cur.csv:3: \d+ of \d+ cells"):
        brought(path)


def test_a_card_of_a_bill_says_that_its_facts_are_declared(tmp_path: Path) -> None:
    run = one(written(tmp_path / "cur.csv", [AWS | {"lineItem/UsageAmount": "1.0"}]))
    content = content_from_account([run])
    assert content.fields["hardware_type"] == "1 x p4d.24xlarge"
    assert content.fields["hours_used"] == "1 h wall-clock (8 device-hours)"
    assert content.lines[0].startswith("Worked out from declared facts: 1 run of p4d.24xlarge")
    unknown = AWS | {"product/instanceType": "m5.large", "lineItem/UsageType": "BoxUsage:m5.large"}
    dark = content_from_account([one(written(tmp_path / "dark.csv", [unknown]))])
    assert "hardware_type" not in dark.fields
    assert dark.fields["hours_used"] == "1 h wall-clock"


def test_a_bill_is_what_the_same_facts_come_to(tmp_path: Path) -> None:
    run = one(written(tmp_path / "cur.csv", [AWS]))
    facts_of_it = Declaration(hardware="p4d.24xlarge", count=1, hours=1.0, region="aws:us-east-1", year=2026)
    stated = declared_footprint(facts_of_it)
    account = Account([run])
    assert account.total([run.id]).footprint.emissions_g == stated.emissions_g
    assert account.device_s([run.id]) == 8 * 3600
    lines = facts(run, account.footprint(run.id))
    assert any(line.startswith("declared") and "AWS cost and usage report" in line for line in lines)


def test_hours_here_and_there_in_a_month_are_no_month(tmp_path: Path) -> None:
    later = AWS | {"lineItem/UsageStartDate": "2026-11-13T11:00:00Z", "lineItem/UsageEndDate": "2026-11-13T12:00:00Z"}
    run = one(written(tmp_path / "cur.csv", [AWS, later]))
    assert run.duration_s == 2 * 3600
    assert any("somewhere between 2026-11-03 10:00 and 2026-11-13 12:00" in warning for warning in run.warnings)
