from __future__ import annotations

from typing import Any

import pytest

from footprint.derive.settling import settled
from footprint.errors import ConfigError, UnknownPlace
from footprint.model import Declaration, Host, Place, Run

HOST = Host(name="h", os="Linux", cpu_name=None, logical_cpus=0, sockets=None, memory_bytes=None, boot_id=None)


def run(**facts: Any) -> Run:
    stated: dict[str, Any] = {"id": "a", "name": "a", "account": "a", "started_at": "2026-11-03T10:00:00+00:00"}
    return Run(**stated, kind="other", duration_s=1, outcome="unknown", host=HOST, **facts)


def imported(**words: Any) -> Place:
    return Place(known_by="imported", **words)


@pytest.mark.parametrize(
    ("words", "zone"),
    [
        ({"provider": "gcp", "region": "europe-west1"}, "BEL"),
        ({"name": "california", "zone": "USA"}, "US-CA"),
        ({"name": "Bavaria", "zone": "DEU"}, "DEU"),
        ({"provider": "nobody", "region": "x", "zone": "FRA"}, "FRA"),
        ({"region": "nowhere at all"}, None),
    ],
)
def test_a_place_is_found_by_the_sources_words_or_is_unknown(words: dict[str, str], zone: str | None) -> None:
    found = settled(run(place=imported(**words)))
    assert found.place is not None
    assert found.place.zone == zone
    assert bool(found.warnings) is (zone is None or (zone == "DEU"))


def test_a_place_that_the_user_states_is_refused_where_it_is_none() -> None:
    with pytest.raises(UnknownPlace):
        settled(run(place=Place(region="aws:atlantis-1")))


def test_a_pue_alone_is_no_place_and_stays() -> None:
    place = imported(pue_ratio=1.2)
    assert settled(run(place=place)).place == place


def test_a_declaration_is_at_its_runs_place() -> None:
    found = settled(run(place=imported(provider="aws", region="us-east-1", pue_ratio=1.1), declared=Declaration(energy_kwh=1.0)))
    assert found.declared is not None
    assert (found.declared.provider, found.declared.region, found.declared.pue) == ("aws", "us-east-1", 1.1)


def test_hardware_that_nobody_knows_leaves_a_word() -> None:
    found = settled(run(declared=Declaration(hardware="warp core", count=1, hours=1.0)))
    assert found.declared is not None
    assert found.declared.hardware is None
    assert any("warp core" in warning for warning in found.warnings)


def test_a_declaration_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError):
        settled(run(declared=Declaration(hardware="A100", count=-1, hours=1.0)))
