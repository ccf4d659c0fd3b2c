"""Programs that train, in processes of their own: a framework stays loaded, and changes much, in the process that loads it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.card.samples import CORPUS

ROOT = Path(__file__).parents[2]
LIMIT_S = 240.0

CARD = (CORPUS / "template.md").read_text(encoding="utf-8")
"""A card whose fields are all open."""

Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Run a program in a folder of its own, by Python or by a launcher of it, to its end."""

    def run(code: str, *launcher: str, packages: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(code))
        paths = [str(packages)] * (packages is not None) + [str(ROOT)]
        # No telemetry, no network; warnings of the frameworks are theirs.
        ours = {"PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
        return subprocess.run(
            [sys.executable, *launcher, str(script)],
            cwd=tmp_path,
            env={**os.environ, **ours, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    return run


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card whose fields are all open, where the programs run."""
    path = tmp_path / "README.md"
    path.write_text(CARD)
    return path
