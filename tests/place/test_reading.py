"""Places as people write them: what was left out is said, and what stays unclear is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footprint.errors import UnknownPlace
from footprint.model import Place
from footprint.place import resolve
from footprint.reference import intensity, tables
from tests.accounting.published import shared_cases


def found(text: str, provider: str | None = None) -> Place:
    place = resolve(text, provider=provider)
    assert place is not None
    return place


@pytest.mark.parametrize(
    ("query", "label", "zone"),
    [
        ("AWS us-east-1", "aws:us-east-1", "egrid:SRVC"),
        ("us-east-1 (AWS)", "aws:us-east-1", "egrid:SRVC"),
        ("aws/us-east-1", "aws:us-east-1", "egrid:SRVC"),
        ("Amazon Web Services us-west-2", "aws:us-west-2", "egrid:NWPP"),
        ("Google Cloud europe-west4", "gcp:europe-west4", "NLD"),
        ("gcp us-central1-a", "gcp:us-central1", "egrid:MROW"),
        ("Azure East US 2", "azure:eastus2", "egrid:SRVC"),
        ("(US) East US", "azure:eastus", "egrid:SRVC"),
        ("US East (N. Virginia)", "aws:us-east-1", "egrid:SRVC"),
        ("EU (Frankfurt)", "aws:eu-central-1", "DEU"),
        ("AWS GovCloud (US-East)", "aws:us-gov-east-1", "egrid:RFCW"),
        ("N. Virginia", "aws:us-east-1", "egrid:SRVC"),
        ("Canada (Central)", "aws:ca-central-1", "CA-QC"),
        ("AWS eu-west-1 (Ireland)", "aws:eu-west-1", "IRL"),
        ("us-central1 (Iowa)", "gcp:us-central1", "egrid:MROW"),
        ("Iowa (us-central1)", "gcp:us-central1", "egrid:MROW"),
        ("us\u2011central1\u2011a", "gcp:us-central1", "egrid:MROW"),
    ],
)
def test_a_region_in_other_words(query: str, label: str, zone: str) -> None:
    place = found(query)
    assert (f"{place.provider}:{place.region}", place.zone, place.remarks) == (label, zone, ())


@pytest.mark.parametrize(
    ("query", "zone"),
    [
        ("U.S.A.", "USA"),
        ("US\u00a0", "USA"),
        ("USA, Iowa", "US-IA"),
        ("US - Virginia", "US-VA"),
        ("Georgia (US)", "US-GA"),
        ("Washington, DC", "US-DC"),
        ("New York City", "egrid:NYCW"),
        ("England", "GB-ENG"),
        ("Hong Kong", "HKG"),
        ("Taiwan", "TWN"),
    ],
)
def test_a_zone_in_other_words(query: str, zone: str) -> None:
    place = found(query)
    assert (place.provider, place.region, place.zone, place.remarks) == (None, None, zone, ())


@pytest.mark.parametrize(
    ("query", "zone", "said"),
    [
        ("US average (EPA 2018)", "USA", ("'US average' is read as 'US'", "'(EPA 2018)' is left out")),
        ("US average", "USA", ("is read as 'US'",)),
        ("average of France", "FRA", ("is read as 'France'",)),
        ("France, national grid", "FRA", ("is read as 'France'",)),
        ("Paris, France", "FRA", ("'Paris' is left out: the grid is that of France",)),
        ("Jean Zay, France", "FRA", ("'Jean Zay' is left out",)),
        ("Montréal, Quebec, Canada", "CA-QC", ("'Montréal' is left out: the grid is that of Quebec, Canada",)),
        ("Montreal, Canada", "CAN", ("grid is that of Canada as a whole, and those of its parts differ: name the part",)),
        ("San Francisco, CA, USA", "US-CA", ("'San Francisco' is left out: the grid is that of California, USA",)),
        ("Montreal, QC, Canada", "CA-QC", ("'Montreal' is left out",)),
        ("Perth, WA, Australia", "AU-WA", ("'Perth' is left out",)),
        ("Frankfurt (Germany)", "DEU", ("'Frankfurt' is left out",)),
        ("Korea", "KOR", ("South Korea",)),
        ("New York", "US-NY", ("egrid:NYCW",)),
        ("Canada Central", "CA-ON", ("aws:ca-central-1",)),
    ],
)
def test_what_was_left_out_is_said_and_warned_of(query: str, zone: str, said: tuple[str, ...]) -> None:
    place = found(query)
    assert place.zone == zone
    assert len(place.remarks) == len(said)
    for remark, words in zip(place.remarks, said, strict=True):
        assert words in remark
    grid = intensity(place, 2023)
    assert grid is not None
    assert grid.warnings[: len(said)] == place.remarks
    assert found(query).zone == found(zone).zone


@pytest.mark.parametrize(
    ("query", "words", "near"),
    [
        ("EU", "many grids", ()),
        ("Europe", "many grids", ()),
        ("the World", "many grids", ()),
        ("us-west-2-lax-1a", "another town", ()),
        ("us-east-1-wl1-bos-wlz-1", "another town", ()),
        ("us-central1-ai1a", "another town", ()),
        ("US-east", "may be ibm:us-east", ("ibm:us-east", "aws:us-east-1")),
        ("us-south", "may be ibm:us-south", ("gcp:us-south1",)),
        ("East USA", "is known", ("azure:eastus",)),
        ("Washington", "may be", ("US-WA", "US-DC")),
        ("Mexico City", "is known", ("MEX",)),
        ("Frankfurt", "is known", ("aws:eu-central-1",)),
        ("Germany Central (Frankfurt)", "is known", ("DEU",)),
        ("Quebeck, Canada", "is known", ("CA-QC",)),
        ("Virgina, USA", "is known", ("US-VA",)),
        ("QC", "is known", ("CA-QC",)),
        ("Cambridge, MA", "is known", ("US-MA",)),
        ("SRVC", "is known", ("egrid:SRVC",)),
        ("DE-BY", "is known", ("DEU",)),
        ("Quebec, France", "is not in France", ()),
        ("Victoria, Canada", "is not in Canada", ()),
        ("us-central1 (Germany)", "is not in Germany", ("gcp:us-central1",)),
        ("azure us-east-1", "is known", ()),
        ("average", "is known", ()),
        ("national grid", "is known", ()),
        ("x" * 5000, "5,000 characters", ()),
    ],
)
def test_what_stays_unclear_is_refused(query: str, words: str, near: tuple[str, ...]) -> None:
    with pytest.raises(UnknownPlace, match=words) as caught:
        resolve(query)
    assert set(near) <= set(caught.value.near)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_short_name_is_a_region_where_its_provider_is_said() -> None:
    assert found("ibm:us-east").region == found("us-east", provider="ibm").region == found("IBM us-east").region == "us-east"
    assert found("centralus").provider == found("southindia").provider == "azure"


def test_a_town_of_a_provider_is_answered_with_its_regions_there() -> None:
    with pytest.raises(UnknownPlace, match="is known") as caught:
        resolve("Montreal, Canada", provider="aws")
    assert caught.value.near == ("aws:ca-central-1",)


def test_a_region_spelled_wrongly_is_answered_with_its_providers_own() -> None:
    """Another provider has a `us-east-1`, too: that hid the one that was meant."""
    with pytest.raises(UnknownPlace) as caught:
        resolve("aws:us-est-1")
    assert "aws:us-east-1" in caught.value.near


def test_a_provider_in_words_must_be_the_one_that_was_said() -> None:
    assert found("AWS us-east-1", provider="aws").provider == "aws"
    with pytest.raises(UnknownPlace, match="but the provider, or the hardware, is"):
        resolve("AWS us-east-1", provider="gcp")


def test_a_stated_zone_needs_no_remark() -> None:
    place = resolve("Paris, France", zone="FRA")
    assert place is not None
    assert place.remarks == ()


def test_every_zone_is_found_by_its_code_and_its_printed_name_with_its_nation() -> None:
    for row in tables.table("zones"):
        assert found(row["zone"]).zone == row["zone"]
        if row["kind"] == "subdivision":
            assert found(f"{row['name']}, {row['parent']}").zone == row["zone"]
            assert found(f"{row['parent']}, {row['name']}").zone == row["zone"]
            assert found(found(row["zone"]).name or "").zone == row["zone"]


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["US", "average", "(", ")", ",", "Iowa", "us-east-1", "AWS", "grid", "Paris", ":", "-", "/"])).map(
        " ".join
    )
)
@example("(" * 200)
@example(" ,".join("a" * 60))
@example("a (b) " * 30)
@example("average " * 24)
@example("a, " * 60 + "US")
@example("AWS " * 40)
def test_random_text_is_a_place_of_the_tables_or_refused_in_one_line(text: str) -> None:
    try:
        place = resolve(text)
    except UnknownPlace as error:
        refusal = str(error)
    else:
        refusal = ""
        assert place is not None
        assert place.zone in {row["zone"] for row in tables.table("zones")}
    assert "\n" not in refusal.replace(repr(text), "")


def test_the_places_of_published_cases_are_found_or_refused_for_a_reason() -> None:
    said = {case["inputs"].get("region") for case in shared_cases().values()} - {None}
    assert {found(one).zone for one in said} == {"USA", "FRA", "egrid:MROW"}
