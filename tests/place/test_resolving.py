"""One place, or a refusal that names what may have been meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import ConfigError, UnknownPlace
from footprint.place import find_provider, provider_name, resolve
from footprint.place.providers import PROVIDERS
from footprint.reference import tables


def test_nothing_said_is_no_place() -> None:
    assert resolve() is None


@pytest.mark.parametrize(
    ("query", "provider", "region", "zone", "name"),
    [
        ("aws:us-east-1", "aws", "us-east-1", "egrid:SRVC", "Northern Virginia, USA"),
        ("AWS:US-EAST-1", "aws", "us-east-1", "egrid:SRVC", "Northern Virginia, USA"),
        ("gcp:europe-west4", "gcp", "europe-west4", "NLD", "Eemshaven, Netherlands"),
        ("europe-west4-a", "gcp", "europe-west4", "NLD", "Eemshaven, Netherlands"),
        ("us-central1-f", "gcp", "us-central1", "egrid:MROW", "Council Bluffs, Iowa, USA"),
        ("aws:us-east-1b", "aws", "us-east-1", "egrid:SRVC", "Northern Virginia, USA"),
        ("East US", "azure", "eastus", "egrid:SRVC", "Virginia, USA"),
        ("FR", None, None, "FRA", "France"),
        ("fra", None, None, "FRA", "France"),
        ("France", None, None, "FRA", "France"),
        ("US-VA", None, None, "US-VA", "Virginia, USA"),
        ("ca-qc", None, None, "CA-QC", "Quebec, Canada"),
        ("Quebec", None, None, "CA-QC", "Quebec, Canada"),
        ("Québec", None, None, "CA-QC", "Quebec, Canada"),
        ("Iowa, USA", None, None, "US-IA", "Iowa, USA"),
        ("Georgia, United States", None, None, "US-GA", "Georgia, USA"),
        ("the Netherlands", None, None, "NLD", "Netherlands"),
        ("UK", None, None, "GBR", "United Kingdom"),
        ("US", None, None, "USA", "United States"),
    ],
)
def test_names_of_one_place(query: str, provider: str | None, region: str | None, zone: str, name: str) -> None:
    place = resolve(query)
    assert place is not None
    assert (place.provider, place.region, place.zone, place.name) == (provider, region, zone, name)
    assert place.known_by == "stated"


def test_every_region_resolves_with_its_provider() -> None:
    for row in tables.table("regions"):
        place = resolve(row["id"])
        assert place is not None
        assert (place.provider, place.region, place.zone) == (row["provider"], row["region"], row["zone"])
        assert place.name
        assert "?" not in place.name


@pytest.mark.parametrize(
    ("query", "readings"),
    [
        ("CA", ("Canada", "California", "CAN", "US-CA")),
        ("ca", ("CAN", "US-CA")),
        ("DE", ("DEU", "US-DE")),
        ("Georgia", ("GEO", "US-GA")),
        ("us-west-2", ("aws:us-west-2", "lambda:us-west-2")),
        ("ap-southeast-3", ("aws:ap-southeast-3", "alibaba:ap-southeast-3")),
    ],
)
def test_ambiguity_is_refused_with_its_readings(query: str, readings: tuple[str, ...]) -> None:
    with pytest.raises(UnknownPlace) as caught:
        resolve(query)
    for reading in readings:
        assert reading in str(caught.value)
    assert len(caught.value.near) >= 2


def test_a_region_that_several_providers_have_in_one_place_is_that_place() -> None:
    place = resolve("us-east-1")
    assert place is not None
    assert (place.provider, place.zone) == (None, "egrid:SRVC")


@pytest.mark.parametrize(
    ("query", "near"),
    [
        ("Paris", "aws:eu-west-3"),
        ("aws:eu-west-33", "aws:eu-west-3"),
        ("TX", "US-TX"),
        ("Fransе", None),
        ("EEE", None),
        ("WOR", None),
        ("World", None),
        ("", None),
        ("foo:bar", "aws"),
        ("aws:", None),
        ("DE-BY", None),
        ("x" * 5000, None),
        ("\x00", None),
    ],
)
def test_what_is_unknown_is_refused(query: str, near: str | None) -> None:
    with pytest.raises(UnknownPlace) as caught:
        resolve(query)
    if near:
        assert near in caught.value.near
    assert len(str(caught.value)) < 400


def test_a_zone_is_a_code_and_decides_the_grid() -> None:
    place = resolve("aws:us-east-1", zone="egrid:RFCW")
    assert place is not None
    assert (place.region, place.zone) == ("us-east-1", "egrid:RFCW")
    with pytest.raises(UnknownPlace):
        resolve(zone="France")
    with pytest.raises(UnknownPlace):
        resolve(zone="us-east-1")
    with pytest.raises(UnknownPlace, match="US-CA"):
        resolve(zone="CA")


def test_a_provider_stands_beside_a_zone() -> None:
    place = resolve(zone="US-GA", provider="Google")
    assert place is not None
    assert (place.provider, place.zone, place.name) == ("gcp", "US-GA", "Georgia, USA")
    place = resolve("us-west-2", provider="aws")
    assert place is not None
    assert (place.provider, place.region) == ("aws", "us-west-2")
    place = resolve(provider="our cellar")
    assert place is not None
    assert place.provider == "our cellar"


@pytest.mark.parametrize("pue", [0.99, 0, -1, 3.01, float("nan"), float("inf")])
def test_a_pue_that_cannot_be_is_refused(pue: float) -> None:
    with pytest.raises(ConfigError, match="PUE"):
        resolve("FR", pue=pue)


@pytest.mark.parametrize("intensity", [-1, 2001, 0.403, float("nan"), float("inf")])
def test_an_intensity_that_cannot_be_is_refused(intensity: float) -> None:
    with pytest.raises(ConfigError, match="intensity"):
        resolve("FR", intensity_g_per_kwh=intensity)


def test_numbers_alone_are_a_place_without_a_name() -> None:
    place = resolve(pue=1.2)
    assert place is not None
    assert (place.zone, place.pue_ratio) == (None, 1.2)


def test_providers_have_names() -> None:
    assert provider_name("aws") == "Amazon Web Services (AWS)"
    assert provider_name("gcp") == "Google Cloud"
    assert provider_name("our cellar") == "our cellar"
    assert find_provider(" GOOGLE  Cloud ") == "gcp"
    assert find_provider("nobody") is None
    assert {row["provider"] for row in tables.table("regions")} == set(PROVIDERS)
    for provider, name in PROVIDERS.items():
        assert find_provider(name) == provider


@given(st.text(max_size=40))
def test_random_text_is_a_place_or_refused_on_one_line(text: str) -> None:
    refusal = ""
    try:
        place = resolve(text)
    except UnknownPlace as error:
        refusal = str(error)
    else:
        assert place is not None
        assert place.zone
    assert "\n" not in refusal


def test_a_zone_of_a_region_that_two_clouds_have_is_as_ambiguous_as_the_region() -> None:
    with pytest.raises(UnknownPlace, match="alibaba:eu-west-1"):
        resolve("eu-west-1a")
    place = resolve("us-west-2b")  # AWS alone has a lettered zone there
    assert place is not None
    assert place.provider == "aws"


def test_two_nations_are_called_congo() -> None:
    with pytest.raises(UnknownPlace, match="COD"):
        resolve("Congo")
    for name, zone in (("DR Congo", "COD"), ("Republic of the Congo", "COG"), ("Congo-Brazzaville", "COG")):
        place = resolve(name)
        assert place is not None
        assert place.zone == zone


def test_a_region_may_name_the_provider_again_but_not_another() -> None:
    place = resolve("aws:us-east-1", provider="AWS")
    assert place is not None
    assert (place.provider, place.region) == ("aws", "us-east-1")
    with pytest.raises(UnknownPlace, match="Google Cloud"):
        resolve("aws:us-east-1", provider="gcp")


def test_a_zone_of_another_nation_contradicts_the_region() -> None:
    with pytest.raises(UnknownPlace, match="give one of them"):
        resolve("gcp:us-central1", zone="FRA")
    finer = resolve("gcp:us-central1", zone="US-IA")
    assert finer is not None
    assert (finer.region, finer.zone) == ("us-central1", "US-IA")


@pytest.mark.parametrize(
    ("region", "zone"), [("aws:us-east-1", "US-CA"), ("azure:canadacentral", "CA-QC"), ("Quebec", "CA-ON"), ("US-VA", "US-GA")]
)
def test_a_zone_of_another_state_contradicts_the_region(region: str, zone: str) -> None:
    with pytest.raises(UnknownPlace, match=r"is not in .*: give one of them"):
        resolve(region, zone=zone)


def test_another_subregion_of_the_grid_is_taken_as_stated_and_said() -> None:
    place = resolve("aws:us-east-1", zone="egrid:CAMX")
    assert place is not None
    assert (place.region, place.zone) == ("us-east-1", "egrid:CAMX")
    assert [("egrid:SRVC" in remark and "as stated" in remark) for remark in place.remarks] == [True]
    for region, zone in [("aws:us-east-1", "US-VA"), ("aws:us-east-1", "egrid:SRVC"), ("US-IA", "egrid:MROW"), ("US", "US-CA")]:
        same = resolve(region, zone=zone)
        assert same is not None
        assert (same.zone, same.remarks) == (zone, ())
