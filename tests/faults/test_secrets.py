"""Fault 25. Secrets in arguments and environment are in no byte of the ledger; nobody else may read it, whatever the umask."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from footprint.ledger import read_runs
from tests.faults.conftest import settled_runs

pytestmark = pytest.mark.slow

SECRETS = {
    "MY_API_KEY": "xq7-environment",
    "HF_TOKEN": "hf_xq7environmenttoken",
    "DATABASE_URL": "postgresql://me:xq7password@host/db",
}
ARGUMENTS = ("--token", "xq7-argument", "--password=xq7-assigned", "https://me:xq7-userinfo@host/x", "X_SECRET=xq7-variable")


def run(*command: str, umask: int = 0o022, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command of ours, as a shell with that umask would start it."""
    return subprocess.run(
        [sys.executable, "-m", "footprint", *command],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        umask=umask,
    )


def ledger_bytes(home: Path) -> bytes:
    """All that a ledger holds: names and bytes."""
    return b"\n".join([os.fsencode(path) + (path.read_bytes() if path.is_file() else b"") for path in sorted(home.rglob("*"))])


def open_to_others(home: Path, allowed: Sequence[str] = ()) -> dict[str, str]:
    """The files and folders of a ledger that others than its owner may touch."""
    found = {str(path.relative_to(home)): path.lstat().st_mode for path in (home, *home.rglob("*"))}
    return {name: oct(stat.S_IMODE(mode)) for name, mode in found.items() if mode & 0o077 and name not in allowed}


def test_fault_25_secrets_are_in_no_byte_of_the_ledger() -> None:
    home = Path(os.environ["FOOTPRINT_HOME"])
    code = "import os, sys; print(os.environ['HF_TOKEN'], *sys.argv[1:])"
    done = run("run", "--", sys.executable, "-c", code, *ARGUMENTS, environment=SECRETS)
    assert done.returncode == 0, done.stderr
    assert "xq7-argument" in done.stdout  # the command had them
    program = "import footprint\nwith footprint.track('x'):\n    pass"
    subprocess.run([sys.executable, "-c", program, *ARGUMENTS], env={**os.environ, **SECRETS}, check=True, timeout=60)
    assert len(settled_runs()) == 2
    assert b"xq7" not in ledger_bytes(home)
    assert "command" not in read_runs().runs[0].labels


def test_fault_25_a_command_that_is_kept_is_kept_without_its_secrets() -> None:
    home = Path(os.environ["FOOTPRINT_HOME"])
    done = run("run", "--keep-command", "--", sys.executable, "-c", "pass", "--epochs", "3", *ARGUMENTS, environment=SECRETS)
    assert done.returncode == 0, done.stderr
    (one,) = settled_runs()
    assert "-c pass --epochs 3 --token *** --password=*** https://***@host/x X_SECRET=***" in one.labels["command"]
    assert b"xq7" not in ledger_bytes(home)


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_fault_25_the_ledger_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """Each command that writes, one after the other: recording, importing, archiving, exporting, deleting."""
    if umask == 0o777 and os.geteuid() != 0:
        pytest.skip("with such a umask nobody but root reads what other programs make")
    home = Path(os.environ["FOOTPRINT_HOME"])

    def ok(*command: str) -> str:
        done = run(*command, umask=umask)
        assert done.returncode == 0, (command, done.stderr)
        assert open_to_others(home) == {}, command
        return done.stdout

    ok("run", "--record", str(tmp_path / "run.json"), "--", sys.executable, "-c", "import time; time.sleep(0.3)")
    ok("run", "--", sys.executable, "-c", "pass")
    settled_runs()
    ok("runs", "list")
    ok("runs", "verify")
    ok("ledger", "totals")
    assert open_to_others(home) == {}
    (first, second) = [one["id"] for one in json.loads(ok("runs", "list", "--json"))["runs"]]
    if umask == 0:
        ok("runs", "export", "--output", str(tmp_path / "all"))
        assert stat.S_IMODE((tmp_path / "all").stat().st_mode) == 0o700, "it holds what the ledger does"
        ok("runs", "compact", "--older-than", "0h")
        assert any(home.rglob("*.parquet"))
        ok("runs", "list")
        ok("ledger", "totals")
        ok("runs", "delete", first, "--yes")
        assert [one["id"] for one in json.loads(ok("runs", "list", "--json"))["runs"]] == [second]
        ok("runs", "import", str(tmp_path / "all"))
