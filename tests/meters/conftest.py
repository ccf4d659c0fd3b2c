"""The stand-in for NVIDIA's library, compiled here, and a way to run code against it in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from footprint.testing import nvml

ROOT = Path(__file__).parents[2]
SOURCE = nvml.SOURCE

RunWithGpus = Callable[..., Any]


def compiled(source: Path, target: Path) -> Path:
    """A library of C, compiled; the test is skipped where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the meters of GPUs are not proven here")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", target, source, "-lm"], check=True)
    return target


@pytest.fixture(scope="session")
def stub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds a libnvidia-ml.so.1 for LD_LIBRARY_PATH."""
    return compiled(SOURCE, tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1").parent


@pytest.fixture
def run_with_gpus(stub_folder: Path) -> RunWithGpus:
    """Run Python code in a process that finds the stand-in; the JSON that it prints comes back."""

    def run(code: str, **settings: str) -> Any:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA_", "STUB_"))}
        environ |= {"LD_LIBRARY_PATH": str(stub_folder), "PYTHONPATH": str(ROOT), **settings}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
