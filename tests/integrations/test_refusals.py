"""Frameworks that are missing or too old: one line that says what to do, before anything runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.world.programs import ROOT

CALLBACK = "from footprint.integrations.{} import FootprintCallback"


def last_line(code: str, *paths: Path) -> str:
    paths_first = "".join(f"import sys; sys.path.insert(0, {str(path)!r}); " for path in (ROOT, *paths))
    done = subprocess.run([sys.executable, "-c", paths_first + code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("gone", "module", "extra"),
    [
        ("sys.modules['lightning'] = sys.modules['pytorch_lightning'] = None", "lightning", "lightning"),
        ("sys.modules['keras'] = None", "keras", "keras"),
        ("sys.modules['IPython'] = None", "ipython", "notebook"),
    ],
)
def test_what_is_missing_is_told_with_the_extra(gone: str, module: str, extra: str) -> None:
    told = last_line(f"{gone}; import footprint.integrations.{module}")
    assert told.startswith("footprint.integrations.MissingFrameworkError: ")
    assert told.endswith(f"pip install 'footprint[{extra}]'")


def test_keras_2_is_told_to_be_renewed_without_loading_it(tmp_path: Path) -> None:
    metadata = tmp_path / "keras-2.15.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: keras\nVersion: 2.15.0\n")
    told = last_line("sys.modules['keras'] = None; " + CALLBACK.format("keras"), tmp_path)
    assert told.endswith("keras 2.15.0 is too old: 3.0 or newer is needed; pip install 'keras>=3.0'")


@pytest.mark.parametrize(("package", "needed"), [("lightning", "2.1"), ("pytorch_lightning", "2.0")])
def test_a_lightning_too_old_is_told_when_the_callback_is_made(package: str, needed: str, tmp_path: Path) -> None:
    where = tmp_path / package / ("pytorch" if package == "lightning" else "")
    where.mkdir(parents=True)
    (tmp_path / package / "__init__.py").touch()
    (where / "__init__.py").write_text("__version__ = '1.9.5'\nclass Callback: pass\n")
    loaded = "lightning.pytorch" if package == "lightning" else package
    told = last_line(f"import {loaded}; {CALLBACK.format('lightning')}; FootprintCallback()", tmp_path)
    assert f"1.9.5 is too old: {needed} or newer is needed" in told


def test_importing_the_package_loads_nothing_of_a_notebook() -> None:
    code = "import sys, footprint; assert not {'IPython', 'footprint.integrations'} & sys.modules.keys(); dir(footprint)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
