"""`make demo`: measure a real training, fill its card, show it on a dashboard and on a page of its own.

Everything lands in `.demo/` and `reports/`.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DEMO = ROOT / ".demo"
LEDGER = DEMO / "ledger"
# The console script beside this interpreter; not resolved, for the interpreter of a virtual environment is a link out of it.
COMMAND = Path(sys.executable).with_name("footprint")
REPORT = ROOT / "reports" / "demo.html"
RUN_PAGE = ROOT / "reports" / "demo-run.html"


def footprint(*words: str) -> None:
    """Run one `footprint` command as a user would, and show it as it can be typed again."""
    print(f"\n$ FOOTPRINT_HOME={LEDGER.relative_to(ROOT)} {COMMAND.relative_to(ROOT)} {shlex.join(words)}", flush=True)
    subprocess.run([COMMAND, *words], check=True, cwd=ROOT)


def main() -> None:
    """Run the journey from a training to a filled card."""
    parser = argparse.ArgumentParser(description="The main job on real work: measure, fill the card, report.")
    parser.add_argument("--region", help="where this machine stands, e.g. gcp:europe-west1; without it emissions stay unknown")
    region = parser.parse_args().region
    # A ledger of the demo's own: nobody's real account is touched.
    os.environ["FOOTPRINT_HOME"] = str(LEDGER)
    DEMO.mkdir(exist_ok=True)
    card, run = DEMO / "README.md", DEMO / "run.json"
    shutil.copy(HERE / "README.md", card)
    card_name, run_name, report_name, page_name, train_name = (
        str(path.relative_to(ROOT)) for path in (card, run, REPORT, RUN_PAGE, HERE / "train.py")
    )
    place = ("--region", region) if region else ()
    command = ("--", str(Path(sys.executable).relative_to(ROOT)), train_name)
    footprint("run", "--name", "digits", "--kind", "pre-training", *place, "--record", run_name, *command)
    footprint("runs", "list")
    footprint("card", "fill", card_name, "--run", run_name)
    footprint("report", "-o", report_name)
    # By its id: the ledger has the run's readings, which its file does not.
    footprint("report", "-o", page_name, "--run", json.loads(run.read_bytes())["id"])
    print(f"\nThe dashboard: {REPORT}\nThe page of the run: {RUN_PAGE}")
    print(f"The filled card: {card} (see its Environmental Impact section)")
    if not region:
        print("Emissions are unknown because the place is: `make demo REGION=gcp:europe-west1` states them.")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"demo: the command above failed with exit code {error.returncode}")
