"""Profiles: what is read, what is refused, and that ours cite their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from footprint.errors import ConfigError
from footprint.profile import parse_profile, read_profile

PROFILES = Path(__file__).parents[1] / "profiles"
MODEL = '[model]\nname = "m"\n'


def with_work(facts: str) -> str:
    return f"{MODEL}[[work]]\n{facts}\n"


def known() -> list[Path]:
    """The profiles that say what is known of a published model; a profile may also only be a workload."""
    return [path for path in sorted(PROFILES.glob("*/profile.toml")) if "[[work]]" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", known(), ids=lambda p: p.parent.name)
def test_every_fact_has_a_source(path: Path) -> None:
    profile = read_profile(path)
    assert profile.model.name.split("/")[-1] == path.parent.name
    for work in profile.work:
        sources = work.declaration.source
        assert sources
        assert all(source.url.startswith("https://") for source in sources)
        cited = {field for source in sources for field in source.fields}
        facts = {
            name
            for name in ("hardware", "count", "hours", "device_hours", "energy_kwh", "power_w", "pue")
            if getattr(work.declaration, name)
        }
        assert facts <= cited
    assert all(published.url for published in profile.published)


def test_there_are_the_five() -> None:
    names = {path.parent.name for path in known()}
    assert names >= {"xlm-clm-ende-1024", "xlm-mlm-enfr-1024", "switch-c-2048", "MiniLMv2", "MiniLM-L6-H384-uncased"}


def test_switch_is_recomputed() -> None:
    from footprint.derive import declared_footprint

    footprint = declared_footprint(read_profile(PROFILES / "switch-c-2048" / "profile.toml").work[0].declaration)
    assert footprint.energy_kwh is not None
    assert footprint.emissions_g is not None
    assert footprint.energy_kwh.central == pytest.approx(178_827, rel=1e-4)
    assert footprint.emissions_g.central == pytest.approx(72.067e6, rel=1e-4)


def test_no_training_has_neither_zero_nor_number() -> None:
    from footprint.derive import declared_footprint

    footprint = declared_footprint(read_profile(PROFILES / "MiniLM-L6-H384-uncased" / "profile.toml").work[0].declaration)
    assert footprint.energy_kwh is None
    assert footprint.emissions_g is None


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (with_work("hardwear = 'A100'"), r"work\[0\] has no key 'hardwear'; did you mean 'hardware'\?"),
        (
            f"{MODEL}[[published]]\ntitle = 'x'\nemission_g = 5",
            r"published\[0\] has no key 'emission_g'; did you mean 'emissions_g'\?",
        ),
        (with_work("[[work.source]]\ntitel = 'x'"), r"work\[0\].source\[0\] has no key 'titel'; did you mean 'title'\?"),
        ("[modle]\nname = 'x'", "the file has no key 'modle'; did you mean 'model'"),
        (with_work("count = 'eight'"), r"work\[0\].count: Expected"),
        (with_work("count = 8.5"), r"work\[0\].count: Expected"),
        (with_work("hours = true"), r"work\[0\].hours: Expected"),
        (with_work("hours = -3"), r"work\[0\]: hours is -3"),
        (with_work("hours = nan"), r"work\[0\]: hours is nan"),
        (with_work("pue = 'good'"), r"work\[0\].pue: Expected"),
        (with_work("count = 0"), r"work\[0\]: count is 0"),
        (with_work("kind = 'pretraining'"), r"work\[0\].kind: Invalid enum value"),
        (with_work("year = 1066"), r"work\[0\]: year is 1066"),
        (with_work("training = false\nhours = 5"), r"work\[0\].training is false, but hours is stated"),
        (f"{MODEL}[[published]]\ntitle = 'x'\nemissions_g = -5", r"published\[0\].emissions_g is -5"),
        ("", "model"),
        ("[model", "not TOML"),
        (f"{MODEL}unknown = 'all'", "unknown"),
    ],
)
def test_what_is_refused(toml: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse_profile(toml)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe9'")
    (tmp_path / "big.toml").write_bytes(b"#" * 1_000_001)
    for name, words in (
        ("none.toml", "cannot be read"),
        ("latin.toml", "not UTF-8"),
        ("big.toml", "larger than"),
        (".", "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=words):
            read_profile(tmp_path / name)
