"""`footprint node`: record the machine itself, for as long as it is up, so that an account of a fleet shows idle nodes, too.

One run a day, and one journal: at midnight in UTC the run ends and the next begins, so that what is past can be compacted. Its
runs are background runs: beside others they count, of each device, what no other run takes (`derive.portions`).
"""

from __future__ import annotations

import select
import socket
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from footprint.cli import options
from footprint.recorder.context import labels_of

if TYPE_CHECKING:
    from footprint.tracking import track

_NOT_RECORDED: Final = 2


def node(
    *,
    interval_s: options.Interval = 10.0,
    region: options.Region = None,
    zone: options.Zone = None,
    pue: options.Pue = None,
    account: Annotated[str | None, typer.Option(help="What its runs belong to; node:HOST if not stated.")] = None,
    label: options.Labels = None,
) -> None:
    """Record this machine, a run a day, until SIGTERM or Ctrl-C ends it; meant for a service manager.

    Its runs are labelled recorder=node. In sums and reports they count what of each device no other run takes, so that idle
    nodes are seen and nothing is counted twice; by itself, a node's run is its whole machine. The ledger is that of
    FOOTPRINT_HOME.

    Exit codes: 0 when asked to end; 2 for bad options, or if the ledger cannot be written.
    """
    from footprint.cli.signals import asked_to_end
    from footprint.recorder.days import AGAIN_S
    from footprint.tracking import track

    host = socket.gethostname()
    stated = labels_of(label or [])
    tracker = track(
        "node",
        kind="other",
        region=region,
        zone=zone,
        pue=pue,
        account=account or f"node:{host}",
        labels={"node": host, **stated, "recorder": "node"},
        interval_s=interval_s,
    )
    with asked_to_end() as asked:
        if not _day(tracker, asked):
            raise typer.Exit(_NOT_RECORDED)  # at once: a service that cannot write says so when it is set up
        while not _asked(asked, 0.0):
            if not _day(tracker, asked):
                _asked(asked, AGAIN_S)


def _day(tracker: track, asked: socket.socket) -> bool:
    """Record to the end of the day, or until somebody asks; whether it was recorded."""
    from footprint.recorder.client import close_idle
    from footprint.recorder.days import Stretch

    day = Stretch.of_now()
    run = tracker.begin()
    if not run.is_recorded:  # the logger has said why in a line
        return False
    print(f"footprint: recording this machine as run {run.id}", file=sys.stderr, flush=True)
    while not _asked(asked, day.wait_s()):
        if day.is_over():
            break
    run.stop()
    close_idle()  # the next day goes into a journal of its own
    return True


def _asked(asked: socket.socket, limit_s: float) -> bool:
    return bool(select.select([asked], [], [], limit_s)[0])
