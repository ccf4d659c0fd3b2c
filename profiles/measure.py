"""Measure all profiles that have workloads: results, filled cards and the table. `python -m profiles.measure`, from a clone.

It takes some minutes, on a machine that does nothing else, in an environment with `pip install 'footprint[profiles]'`. The runs
land in a ledger of their own, `.demo/profiles`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from footprint.profile import read_profile
from footprint.profiling.results import Result, read_result
from profiles import table

ROOT: Final = table.HERE.parent
LEDGER: Final = ROOT / ".demo" / "profiles"


def measurable() -> list[Path]:
    """The profiles that can be run."""
    return [path for path in sorted(table.HERE.glob("*/profile.toml")) if read_profile(path).workloads]


def measure(profile: Path, kept: Path, options: list[str]) -> list[Path]:
    """Run the workloads of a profile; keep their results, named by machine and date, and the card that they fill.

    Args:
        profile: its `profile.toml`.
        kept: the folder of the results.
        options: further ones for `footprint profile`.

    Raises:
        subprocess.CalledProcessError: if it fails; it has said why, and nothing is kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        found, card = Path(folder, "results"), Path(folder, "README.md")
        found.mkdir()
        shutil.copy(profile.with_name("README.md"), card)
        command = [
            sys.executable,
            "-m",
            "footprint",
            "profile",
            str(profile),
            "--output",
            str(found),
            "--card",
            str(card),
            *options,
        ]
        subprocess.run(command, check=True, env={"FOOTPRINT_HOME": str(LEDGER), **os.environ})
        kept.mkdir(parents=True, exist_ok=True)
        names = []
        for path in sorted(found.iterdir()):
            names.append(kept / file_name(read_result(path)))
            shutil.copyfile(path, names[-1])
        shutil.copyfile(card, kept / "README.md")
    return names


def file_name(result: Result) -> str:
    """What a result's file is called: its workload, the kind of machine, the date."""
    machine = result.machine
    chips = [chip.lower().replace(" ", "-") for chip in sorted(set(machine.accelerators))]
    kind = ["vm"] if machine.virtual else []
    # The last word of what the operating system is called is the kind of its processor.
    parts = [(machine.os.split() or ["unknown"])[-1].replace("_", "-"), f"{machine.logical_cpus}cpu", *chips, *kind]
    return f"{result.workload.name}-{'-'.join(parts)}-{result.measured_at[:10].replace('-', '')}.json"


def main() -> None:
    """Measure all, then write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only try whether all works: tiny sizes, and nothing is kept")
    parser.add_argument("--region", help="where the machine stands, e.g. gcp:europe-west1; without it emissions stay unknown")
    given = parser.parse_args()
    options = [*(["--quick"] if given.quick else []), *(["--region", given.region] if given.region else [])]
    for profile in measurable():
        print(f"\n{profile.parent.name}", flush=True)
        if given.quick:
            with tempfile.TemporaryDirectory() as folder:
                measure(profile, Path(folder), options)
        else:
            measure(profile, profile.with_name("results"), options)
    if not given.quick:
        table.write()


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"profiles: the measurement above failed with exit code {error.returncode}")
