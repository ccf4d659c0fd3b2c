"""`footprint attach PID`: measure a process that runs already, with its children, and never touch it.

It is no child of ours, so how it ended is often unknown, and is then said to be. What it used before we attached is not
counted; nor is the CPU time of its last moments, if it was gone before we could look.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from footprint.cli import options
from footprint.cli.live.showing import Showing, on_own_line
from footprint.cli.run import code_and_outcome, summary
from footprint.cli.signals import asked_to_end
from footprint.model import Outcome
from footprint.recorder.context import labels_of

if TYPE_CHECKING:
    from footprint.recorder.watch import Watch

_POLL_S: Final = 0.2
_CODE_LIMIT_S: Final = 1.0
_NOT_RECORDED: Final = 2


def attach(
    pid: Annotated[int, typer.Argument(help="The process to measure, with all that it starts.", metavar="PID")],
    *,
    name: Annotated[str | None, typer.Option(help="What the run is called; the process's own short name if not stated.")] = None,
    kind: options.Kind = "other",
    region: options.Region = None,
    zone: options.Zone = None,
    pue: options.Pue = None,
    account: options.AccountName = None,
    label: options.Labels = None,
    record: options.Record = None,
    interval_s: options.Interval = 1.0,
    quiet: options.Quiet = False,
) -> None:
    """Measure a process that runs already, from now until it ends or Ctrl-C detaches; it is not touched.

    At a terminal a line says what is known so far, unless the process writes there itself.

    Its exit code decides the outcome where the kernel tells it, else the outcome is unknown, as it is after detaching. Exit
    codes: 0 when done; 2 for bad options, for a PID that cannot be measured, or if the ledger cannot be written.
    """
    from footprint.recorder import targets
    from footprint.recorder.watch import Watch
    from footprint.tracking import track

    target = targets.find(pid)
    tracker = track(
        name or target.name,
        kind=kind,
        region=region,
        zone=zone,
        pue=pue,
        account=account,
        labels=labels_of(label or []),
        record=record,
        interval_s=interval_s,
    )
    watch = Watch(target.process)
    with asked_to_end() as asked:
        run = tracker.begin(target)
        if not run.is_recorded:  # the logger has said why in a line
            raise typer.Exit(_NOT_RECORDED)
        with Showing(run.journal, None if quiet else on_own_line(pid)):
            is_asked = _wait(watch, asked)
        if is_asked:
            outcome: Outcome = "unknown"
            run.note(targets.DETACHED)
            end_s = None
        else:
            run.look()
            end_s = time.monotonic()
            code = targets.exit_code(target.process, watch.descriptor, _CODE_LIMIT_S)
            outcome = "unknown" if code is None else code_and_outcome(code)[1]
            if code is None:
                run.note(targets.UNSEEN_END)
        run.end(outcome, end_s)
    if not quiet and sys.stderr is not None and sys.stderr.isatty():
        print(summary(run, None, outcome), file=sys.stderr)


def _wait(watch: Watch, asked: socket.socket) -> bool:
    """Wait for the process's end or for a signal; whether it was a signal."""
    poll = select.poll()
    poll.register(asked, select.POLLIN)
    if watch.descriptor is not None:
        poll.register(watch.descriptor, select.POLLIN)
    while not watch.gone():
        ready = poll.poll(None if watch.descriptor is not None else round(_POLL_S * 1000))
        if any(descriptor == asked.fileno() for descriptor, _ in ready):
            return True
    return False
