"""A site's defaults: environment, project, user, system; bad values name where they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from footprint.errors import ConfigError
from footprint.place import default_place, defaults


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder two levels below a repository's root, with a user and a system of its own."""
    project = tmp_path / "repo" / "deep" / "down"
    project.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    (tmp_path / "user" / "footprint").mkdir(parents=True)
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(defaults, "SYSTEM_FILE", tmp_path / "etc.toml")
    monkeypatch.delenv("FOOTPRINT_REGION", raising=False)
    monkeypatch.delenv("FOOTPRINT_PUE", raising=False)
    return tmp_path


def test_nothing_said_is_no_place(site: Path) -> None:
    assert default_place() is None


def test_the_environment_goes_first(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "repo" / "footprint.toml").write_text('region = "aws:eu-west-1"\npue = 1.9\n')
    monkeypatch.setenv("FOOTPRINT_REGION", "aws:us-east-1")
    place = default_place()
    assert place is not None
    assert (place.region, place.known_by) == ("us-east-1", "environment")
    assert place.pue_ratio is None  # 1.9 is another site's


def test_a_pue_of_the_environment_counts_for_the_place_of_the_file(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "repo" / "footprint.toml").write_text('zone = "FRA"\npue = 1.9\n')
    monkeypatch.setenv("FOOTPRINT_PUE", "1.2")
    place = default_place()
    assert place is not None
    assert (place.zone, place.pue_ratio, place.known_by) == ("FRA", 1.2, "config")


def test_a_pue_alone_is_a_place_without_a_name(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_PUE", "1.2")
    place = default_place()
    assert place is not None
    assert (place.zone, place.pue_ratio) == (None, 1.2)


def test_a_stated_pue_joins_the_sites_place_and_goes_before_its_own(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_REGION", "aws:eu-west-1")
    monkeypatch.setenv("FOOTPRINT_PUE", "1.9")
    place = default_place(pue=1.2)
    assert place is not None
    assert (place.region, place.zone, place.pue_ratio) == ("eu-west-1", "IRL", 1.2)


def test_a_stated_pue_stays_where_the_site_says_nothing(site: Path) -> None:
    place = default_place(pue=1.2)
    assert place is not None
    assert (place.zone, place.pue_ratio, place.known_by) == (None, 1.2, "stated")


def test_a_site_that_names_no_place_does_not_load_the_map(site: Path) -> None:
    code = "import sys; from footprint.place import default_place; default_place(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "footprint.place.defaults" in loaded
    assert not {name for name in loaded if name.startswith(("footprint.reference", "footprint.place.atlas"))}


@pytest.mark.parametrize(
    "where", ["repo/deep/down/footprint.toml", "repo/footprint.toml", "user/footprint/footprint.toml", "etc.toml"]
)
def test_files_are_found_from_near_to_far(site: Path, where: str) -> None:
    (site / where).write_text('region = "FR"\n')
    place = default_place()
    assert place is not None
    assert place.zone == "FRA"


def test_a_file_outside_the_repository_is_not_the_projects(site: Path) -> None:
    (site / "footprint.toml").write_text('region = "FR"\n')
    assert default_place() is None


def test_blank_variables_say_nothing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_REGION", " ")
    monkeypatch.setenv("FOOTPRINT_PUE", "")
    assert default_place() is None


@pytest.mark.parametrize(("name", "value"), [("FOOTPRINT_REGION", "CA"), ("FOOTPRINT_PUE", "0.9"), ("FOOTPRINT_PUE", "low")])
def test_bad_variables_are_named(site: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        default_place()


@pytest.mark.parametrize(
    "text",
    ['region = "Atlantis"', "pue = 0.5", 'pue = "low"', "pue = true", "regoin = 1", "region = ", "region = 1", "x" * 2_000_000],
    ids=["place", "pue", "text", "truth", "key", "toml", "kind", "huge"],
)
def test_bad_files_are_named(site: Path, text: str) -> None:
    path = site / "repo" / "footprint.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"footprint\.toml"):
        default_place()


def test_a_file_that_is_not_text_is_named(site: Path) -> None:
    (site / "repo" / "footprint.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"footprint\.toml"):
        default_place()


def test_labels_belong_to_others(site: Path) -> None:
    (site / "repo" / "footprint.toml").write_text('[labels]\nproject = "x"\n')
    assert default_place() is None
