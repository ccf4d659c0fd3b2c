"""`footprint slurm`: the recipe, the scripts for its prolog and epilog, and what they start."""

from __future__ import annotations

from importlib import resources
from typing import Final

import typer

from footprint.cli.slurm import record

app = typer.Typer(help="Record the jobs of a SLURM cluster: the recipe, and its scripts.", rich_markup_mode=None)

RECIPE: Final = """\
Two ways to record jobs of SLURM; both may be used at once, nothing is counted twice.

1. In a job's own script, by whoever writes it; nothing is installed on the nodes but footprint where the job sees it:

       export FOOTPRINT_HOME=/shared/footprint      # one ledger for all nodes; or leave it out: the user's own
       srun footprint run -- python train.py

   Each task is a run with its rank; job, array, nodes and attempts are one account, slurm:CLUSTER:JOB.

2. For all jobs, by the prolog and epilog of slurmd, as its user (root); jobs need to do nothing:

       install -d -m 755 /etc/footprint
       footprint slurm prolog      > /etc/footprint/prolog
       footprint slurm epilog      > /etc/footprint/epilog
       footprint slurm task-prolog > /etc/footprint/task-prolog
       chmod 755 /etc/footprint/prolog /etc/footprint/epilog /etc/footprint/task-prolog
       cat > /etc/footprint/slurm.env <<END            # read by the scripts; all lines may be left out
       FOOTPRINT=/opt/footprint/bin/footprint          # the program; by default the one that printed the scripts
       FOOTPRINT_HOME=/var/lib/footprint               # the nodes' ledger, on a shared file system if there is one
       FOOTPRINT_REGION=                               # or FOOTPRINT_LABELS, FOOTPRINT_PUE: what is true of all nodes
       END

   in slurm.conf, and then `scontrol reconfigure`:

       Prolog=/etc/footprint/prolog
       Epilog=/etc/footprint/epilog
       TaskProlog=/etc/footprint/task-prolog
       PrologFlags=Alloc

   Each job is a run on each of its nodes, from its allocation to its end. TaskProlog tells trackers inside the job that its
   node is recorded already, so that they are nested in that record also where they have a ledger of their own.

More: docs/fleet.md.
"""


@app.callback(invoke_without_command=True)
def _recipe(context: typer.Context) -> None:
    """Print how to record the jobs of a SLURM cluster: the lines of its configuration, and what goes where."""
    if context.invoked_subcommand is None:
        print(RECIPE, end="")


def script(name: str) -> str:
    """One of the scripts, with the program that it is to start.

    Args:
        name: `prolog`, `epilog` or `task-prolog`.
    """
    import shlex
    import shutil
    import sys
    from pathlib import Path

    beside = Path(sys.executable).with_name("footprint")
    program = str(beside) if beside.exists() else shutil.which("footprint") or "footprint"
    text = resources.files("footprint.cli.slurm").joinpath(f"{name}.sh").read_text(encoding="utf-8")
    return text.replace("@FOOTPRINT@", shlex.quote(program))


@app.command("prolog", short_help="Print the prolog: it starts a job's record on its node.")
def prolog() -> None:
    """Print a script for slurm.conf's Prolog: it starts the record of a job on a node, and never fails or delays it for long."""
    print(script("prolog"), end="")


@app.command("epilog", short_help="Print the epilog: it ends that record.")
def epilog() -> None:
    """Print a script for slurm.conf's Epilog: it ends the record of a job on a node."""
    print(script("epilog"), end="")


@app.command("task-prolog", short_help="Print the task prolog: it names the record to trackers in the job.")
def task_prolog() -> None:
    """Print a script for slurm.conf's TaskProlog: trackers inside the job nest their runs in its record."""
    print(script("task-prolog"), end="")


app.command("record", short_help="Record a job on this node until a signal ends it; the prolog starts it.")(record.record)
