"""Every region that AWS, Google Cloud and Azure list in public is known, and its grid has a figure in every year of training.

The lists are written from the providers' public lists (AWS: "Regions and Availability Zones" and the endpoints of its SDKs;
Google: "Regions and zones" and region-carbon-info; Azure: "Azure regions list", `az account list-locations`, Azure SDK) as they
stood in 2026, and from memory where those were not at hand: the regions of secret partitions, of governments and those announced.
"""

from __future__ import annotations

import pytest

from footprint.accounting.ranges import check_triple
from footprint.place import resolve
from footprint.reference import intensity, tables

AWS = (
    "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
    "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 "
    "ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 "
    "eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2 "
    "us-gov-east-1 us-gov-west-1 cn-north-1 cn-northwest-1 eusc-de-east-1 us-iso-east-1 us-iso-west-1 "
    "us-isob-east-1 us-isob-west-1 us-isof-east-1 us-isof-south-1 eu-isoe-west-1"
)
GCP = (
    "africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2 "
    "asia-southeast1 asia-southeast2 asia-southeast3 australia-southeast1 australia-southeast2 europe-central2 "
    "europe-north1 europe-north2 europe-southwest1 europe-west1 europe-west2 europe-west3 europe-west4 "
    "europe-west6 europe-west8 europe-west9 europe-west10 europe-west12 me-central1 me-central2 me-west1 "
    "northamerica-northeast1 northamerica-northeast2 northamerica-south1 southamerica-east1 southamerica-west1 "
    "us-central1 us-central2 us-east1 us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4"
)
AZURE = (
    "Australia Central,Australia Central 2,Australia East,Australia Southeast,Austria East,Belgium Central,"
    "Brazil South,Brazil Southeast,Canada Central,Canada East,Central India,Central US,Central US EUAP,"
    "Chile Central,Denmark East,East Asia,East US,East US 2,East US 2 EUAP,France Central,France South,"
    "Germany North,Germany West Central,Indonesia Central,Israel Central,Italy North,Japan East,Japan West,"
    "Jio India Central,Jio India West,Korea Central,Korea South,Malaysia West,Mexico Central,New Zealand North,"
    "North Central US,North Europe,Norway East,Norway West,Poland Central,Qatar Central,South Africa North,"
    "South Africa West,South Central US,South India,Southeast Asia,Spain Central,Sweden Central,Switzerland North,"
    "Switzerland West,UAE Central,UAE North,UK South,UK West,West Central US,West Europe,West India,West US,"
    "West US 2,West US 3,US Gov Arizona,US Gov Texas,US Gov Virginia,US Gov Iowa,US DoD Central,US DoD East,"
    "China East,China East 2,China East 3,China North,China North 2,China North 3,Saudi Arabia East,Sweden South,"
    "Southeast US,Southeast US 3,Southeast US 5,Southwest US,South Central US 2,Northeast US 5,Taiwan North,"
    "Taiwan Northwest,Israel Northwest,Malaysia South,Germany Central,Germany Northeast"
)
YEARS = range(2015, 2027)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        *(("aws", name) for name in AWS.split()),
        *(("gcp", name) for name in GCP.split()),
        *(("azure", name) for name in AZURE.split(",")),
    ],
)
def test_a_public_region_is_known_and_its_grid_has_figures(provider: str, name: str) -> None:
    place = resolve(name, provider=provider)
    assert place is not None
    assert place == resolve(f"{provider}:{name.replace(' ', '').lower()}")
    assert place.provider == provider
    for year in YEARS:
        found = intensity(place, year)
        assert found is not None
        check_triple(found.central.low, found.central.central, found.central.high)
        assert found.central.low > 0


def test_the_names_that_consoles_show_are_of_one_region() -> None:
    for row in tables.table("regions"):
        for title in filter(None, row["aliases"].split("; ")):
            place = resolve(title)
            assert place is not None
            assert (place.provider, place.region, place.remarks) == (row["provider"], row["region"], ())


@pytest.mark.parametrize("year", YEARS)
def test_every_region_has_a_figure_whose_chain_names_each_step(year: int) -> None:
    for row in tables.table("regions"):
        place = resolve(row["id"])
        assert place is not None
        found = intensity(place, year)
        assert found is not None
        check_triple(found.central.low, found.central.central, found.central.high)
        told = " ".join(found.chain)
        assert (found.zone or "") in told
        assert f" of {found.central.year}" in told, "the chain names the year of the figure"
        assert (found.central.year == year) != any(f"for {year}" in warning for warning in found.warnings)
        if found.zone != place.zone:
            assert f"{place.zone}: no figure is known; that of {found.zone} stands for it" in told
        if found.basis == "life-cycle, estimated":
            assert "life-cycle less direct" in told


@pytest.mark.parametrize("zone", ["GB-ENG", "GB-SCT", "GB-WLS", "GB-NIR"])
def test_a_part_without_a_figure_has_its_nations_and_says_so(zone: str) -> None:
    place = resolve(zone)
    assert place is not None
    found = intensity(place, 2023)
    assert found is not None
    assert found.zone == "GBR"
    assert found.warnings[0] == f"{zone}: no figure is known; that of GBR stands for it"
