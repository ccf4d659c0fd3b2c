"""Debian's packages, installed where a test needs them and that may be done; else the test is skipped aloud.

With FOOTPRINT_NO_SKIP a skip is a failure (see `tests/conftest.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

_LIMIT_S: Final = 300.0


def install(missing: Callable[[], object], *packages: str) -> bool:
    """Install packages unless nothing is missing; whether all is there then.

    Args:
        missing: what is missing; asked again when another process that tests has had its turn.
        packages: their names.
    """
    if missing() and os.geteuid() == 0 and shutil.which("apt-get"):
        with Path(tempfile.gettempdir(), "footprint-tests-apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if missing():
                say(f"Installing Debian's {' '.join(packages)} for the tests …")
                quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
                for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        subprocess.run(
                            ["apt-get", *words], env=quiet, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                            timeout=_LIMIT_S,
                        )  # fmt: skip
    return not missing()


def without(what: str, *packages: str) -> None:
    """Skip the test that asks, aloud."""
    told = f"no {what} here, and it could not be installed (apt-get install {' '.join(packages)})"
    say(f"SKIPPED: {told}")
    pytest.skip(told)


def say(line: str) -> None:
    """Print a line that pytest does not keep to itself."""
    print(f"\n{line}", file=sys.__stderr__)
