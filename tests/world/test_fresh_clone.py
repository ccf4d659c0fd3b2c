"""What a newcomer does: clone, and type the README's first command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from footprint.model import Run

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("clone") / "fresh"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
    return target


def make(clone: Path, *words: str) -> str:
    # Nothing of this test's own environment helps: no ledger, no virtual environment, no make flags.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "http", "HTTP"))}
    done = subprocess.run(["make", *words], cwd=clone, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_demo_without_a_place_states_energy_and_says_that_the_place_is_unknown(clone: Path) -> None:
    printed = make(clone, "demo")
    assert str(clone / "reports" / "demo.html") in printed
    assert str(clone / "reports" / "demo-run.html") in printed
    assert "REGION=" in printed
    run = msgspec.json.decode((clone / ".demo" / "run.json").read_bytes(), type=Run)
    assert run.outcome == "completed"
    assert run.cpu is not None
    assert run.cpu.tree_s > 5
    card = (clone / ".demo" / "README.md").read_text(encoding="utf-8")
    assert "- **Carbon Emitted:** [More Information Needed]" in card
    assert "- **Hours used:** [More Information Needed]" not in card
    assert "place" in card
    assert "co2_eq_emissions" not in card


def test_demo_with_a_place_states_emissions(clone: Path) -> None:
    make(clone, "demo", "REGION=gcp:europe-west1")
    card = (clone / ".demo" / "README.md").read_text(encoding="utf-8")
    assert "co2_eq_emissions:" in card
    assert "Belgium" in card
    assert "CO2eq (90 % range" in card
    page = (clone / "reports" / "demo.html").read_text(encoding="utf-8")
    assert "CO" in page
    run_page = (clone / "reports" / "demo-run.html").read_text(encoding="utf-8")
    assert '"source":"recorded"' in run_page
    assert subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True).stdout == ""
