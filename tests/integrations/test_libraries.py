"""What is promised of versions is what is tested."""

from __future__ import annotations

import tomllib

import pytest

from footprint.integrations import OldFrameworkError, check_version
from tests.integrations.libraries import LIBRARIES, oldest_served
from tests.world.programs import ROOT

PROMISED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("library", sorted(name for name, known in LIBRARIES.items() if known.oldest))
def test_the_oldest_version_that_is_tested_is_the_oldest_that_is_promised(library: str) -> None:
    distribution = LIBRARIES[library].distribution
    promises = {
        word.removeprefix(distribution + ">=").split(",")[0]
        for extra, words in PROMISED.items()
        if extra != "profiles"  # its results are of the versions that they name
        for word in words
        if word.startswith(distribution + ">=")
    }
    if distribution == "codecarbon":
        return  # a dependency of ours, with bounds of its own
    assert promises, f"no extra of ours installs {distribution}"
    assert len(promises) == 1, f"{distribution} is promised in several ways: {promises}"
    (promised,) = promises
    assert oldest_served(library).split(".")[:2] == promised.split(".")[:2]


@pytest.mark.parametrize("library", ["mlflow", "wandb"])
def test_the_oldest_version_that_the_code_lets_pass_is_the_one_that_is_tested(library: str) -> None:
    code = (ROOT / "footprint" / "integrations" / f"{library}.py").read_text()
    assert f'OLDEST: Final = "{".".join(oldest_served(library).split(".")[:2])}"' in code


@pytest.mark.parametrize("found", ["2.2.0", "2.10", "3.0.0rc1", "2.13.0+cpu", "unknown", ""])
def test_a_version_that_is_served(found: str) -> None:
    check_version("lightning", found, "2.2")


@pytest.mark.parametrize("found", ["2.1.9", "1.9", "0.1.dev3"])
def test_a_version_too_old_is_told_with_what_to_do(found: str) -> None:
    with pytest.raises(OldFrameworkError, match=r"lightning .* is too old: 2\.2 or newer .*pip install 'lightning>=2\.2'"):
        check_version("lightning", found, "2.2")
