"""`footprint slurm record`: record a job of SLURM on this node, from outside, from its prolog to its epilog."""

from __future__ import annotations

import os
import select
import socket
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from footprint.cli import options
from footprint.errors import ConfigError
from footprint.recorder.context import labels_of

_NOT_RECORDED: Final = 2
_WORLD_READABLE: Final = 0o644


def record(
    number: Annotated[str, typer.Argument(help="The job's number.", metavar="JOB")],
    *,
    told: Annotated[str | None, typer.Option("--told", help="A file to write the run's id to, once it is recorded.")] = None,
    interval_s: options.Interval = 1.0,
    label: options.Labels = None,
) -> None:
    """Record all steps of a job on this node, and the node's devices, until SIGTERM or Ctrl-C; the prolog starts it.

    What SLURM tells a prolog of the job becomes the run's labels and account. How the job ended SLURM knows: the run's
    outcome is unknown.

    Exit codes: 0 when asked to end; 2 for bad options, or if the ledger cannot be written.
    """
    from footprint.cli.signals import asked_to_end
    from footprint.ledger.processes import identify
    from footprint.recorder import jobs
    from footprint.recorder.messages import Steps
    from footprint.recorder.targets import Target
    from footprint.tracking import track

    if not (number.isascii() and number.isdigit()):
        raise ConfigError(f"{number!r} is not the number of a job")
    environ = {**os.environ, "SLURM_JOB_ID": number}
    tracker = track(f"job {number}", interval_s=interval_s, labels={"recorder": "slurm", **labels_of(label or [])})
    steps = Steps(number=number, cpus=jobs.cpus_here(environ))
    target = Target(process=identify(os.getpid()), name=f"job {number}", environ=environ, steps=steps)
    with asked_to_end() as asked:
        run = tracker.begin(target)
        if not run.is_recorded:  # the logger has said why in a line
            raise typer.Exit(_NOT_RECORDED)
        if steps.cpus is None:
            run.note("how many CPUs of this node are the job's is not known: all were taken to be")
        if told is not None:
            _tell(Path(told), run.id)
        _wait(asked)
        run.note(f"how the job ended is known to SLURM (sacct -j {number})")
        run.end("unknown")


def _tell(path: Path, run_id: str) -> None:
    """Name the run to trackers inside the job, in one step: whoever reads the file finds the whole of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), _WORLD_READABLE)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{run_id}\n")
        temporary.replace(path)
    except OSError as error:
        print(f"footprint: the run cannot be named in {path}: {error.strerror or error}", file=sys.stderr)


def _wait(asked: socket.socket) -> None:
    select.select([asked], [], [])
