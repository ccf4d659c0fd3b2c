"""What is kept in `profiles/`: workloads that say what they are, open cards, results that the table agrees with."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from footprint.card import read_card
from footprint.errors import ConfigError
from footprint.profile import Workload, read_profile
from footprint.profiling.plan import plans_of
from profiles import table
from profiles.common.sentences import pairs, texts
from profiles.measure import file_name, measurable
from profiles.pins import renewed

FOLDERS = ["all-MiniLM-L6-v2", "MiniLMv2", "switch-c-2048", "xlm-clm-ende-1024", "xlm-mlm-enfr-1024"]
PROFILES = table.HERE


def workloads(name: str) -> tuple[Workload, ...]:
    return read_profile(PROFILES / name / "profile.toml").workloads


def has(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def test_these_are_measured() -> None:
    assert sorted(path.parent.name for path in measurable()) == sorted(FOLDERS)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_workload_says_what_it_is(name: str) -> None:
    for work in workloads(name):
        assert work.inside
        assert work.unit in {"tokens", "sentences", "pairs"}
        assert "extra:profiles" in work.needs
        assert all(source.url.startswith("https://") and source.locator for source in work.source)
        assert (PROFILES / name / work.command[1]).is_file()
        if work.weights == "random":
            assert "random weights" in work.note
            assert "no trained weights are used" in work.note
            assert not any(file.package for file in work.files)
        else:
            assert work.weights == "real"
            assert [file.path for file in work.files if file.package] == ["model/model.safetensors"]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_card_is_open_and_says_what_it_is_not(name: str) -> None:
    card = read_card(PROFILES / name / "README.md")
    assert all(claim is not None and claim.placeholder for claim in card.fields.values())
    if workloads(name)[0].weights == "random":
        assert b"This is a compute profile, not a trained model." in card.raw
        assert b"random-weights" in card.raw


@pytest.mark.parametrize("name", FOLDERS)
def test_shared_programs_are_pinned_as_they_are(name: str) -> None:
    profile = (PROFILES / name / "profile.toml").read_text(encoding="utf-8")
    assert renewed(profile) == profile, "python -m profiles.pins renews them"
    assert all({"../common/forward.py", "../common/machine.py"} <= {file.path for file in work.files} for work in workloads(name))


@pytest.mark.skipif(has("torch"), reason="what is missing is there")
def test_a_missing_package_is_named_with_the_extra() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'footprint\[profiles\]'") as caught:
        plans_of(PROFILES / "MiniLMv2" / "profile.toml")
    assert "\n" not in str(caught.value)


def test_the_corpus_is_the_same_everywhere() -> None:
    corpus = pairs(500, 20_260)
    assert corpus[:1] == pairs(1, 20_260)
    assert corpus[0].text == "A farmer repaired the water pump in a warm greenhouse."
    assert corpus[0].paraphrase.startswith("The owner of the fields got the machine that lifts the water going again")
    assert [pair.text for pair in corpus] == texts(500, 20_260)
    assert texts(500, 20_260) != texts(500, 1)
    words = sorted(len(pair.text.split()) for pair in corpus)
    # Mostly short, with a long tail.
    assert words[0] >= 4
    assert words[len(words) // 2] < sum(words) / len(words) < words[-1] / 2


def test_the_table_is_that_of_the_results() -> None:
    page = table.README.read_text(encoding="utf-8")
    assert table.table() in page


def test_results_are_named_by_kind_of_machine_and_date() -> None:
    for path, result in table.results():
        assert path.name == file_name(result)
        assert result.workload.name in {work.name for work in workloads(path.parts[-3])}
        assert result.is_complete


@pytest.mark.parametrize("name", FOLDERS)
def test_a_kept_card_is_ours_filled(name: str) -> None:
    """Where a profile was measured, the card beside its results is its own, filled; nothing before the section has changed."""
    folder = PROFILES / name / "results"
    assert folder.exists() == any(path.parts[-3] == name for path, _ in table.results())
    if not folder.exists():
        return
    filled, ours = (Path(where, "README.md").read_bytes() for where in (folder, PROFILES / name))
    head = b"# Model Card for"
    assert b"footprint:begin" in filled
    assert filled[filled.index(head) :].startswith(ours[ours.index(head) : ours.index(b"## Environmental Impact")])
