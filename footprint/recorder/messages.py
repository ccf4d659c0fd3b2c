"""What the host program and its recorder say to each other: one JSON object a message.

The host says `Hello`, then `Start`, `Marked`, `Work`, `Progress` and `Stop` for each run, and `Bye` when it wants no more; `Look`
where the process that it attached to has just ended. The recorder answers `Start` with `Started` and `Stop` with `Stopped`, or
either with `Failed`. It says `Foreseen` in its own time: when it was asked by `Ask`, and when something has become of a budget.
"""

from __future__ import annotations

import msgspec

from footprint.ledger.processes import Process
from footprint.ledger.records import Marked, Progress, Work
from footprint.model import Kind, Outcome, Place
from footprint.recorder.outlook import Forecast


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Base of the messages that are not records of the journal themselves."""


class Steps(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job of SLURM whose steps on this machine are recorded: its number, and how many of the CPUs are its, where known."""

    number: str
    cpus: float | None = None


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """Who is recorded (its pid and start time), and into which ledger: paths are bytes, which need not be UTF-8.

    `host` is who speaks, where that is not the process that is recorded: it is attached to from outside. With `steps` it is not
    that process's tree that counts, but those of the job's steps.
    """

    home: bytes
    tracked: Process
    host: Process | None = None
    steps: Steps | None = None


class Start(Message, frozen=True, kw_only=True, tag="start"):
    """Open a run: read the baseline and answer. `kept` says that the run will also be written to a file of the user's."""

    run: str
    name: str
    kind: Kind
    account: str
    interval_s: float
    place: Place | None = None
    parent: str | None = None
    labels: dict[str, str] = {}
    versions: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    kept: bool = False
    budget_g: float | None = None
    budget_kwh: float | None = None


class Look(Message, frozen=True, kw_only=True, tag="look"):
    """Read at once: what ends can soon not be read any more."""


class Ask(Message, frozen=True, kw_only=True, tag="ask"):
    """Foresee the end of a run, and say so when that is done."""

    run: str


class Stop(Message, frozen=True, kw_only=True, tag="stop"):
    """Close a run that ended at `t_s`: read once more, write, and answer."""

    run: str
    t_s: float
    outcome: Outcome
    work: dict[str, float] = {}
    warnings: tuple[str, ...] = ()


class Bye(Message, frozen=True, kw_only=True, tag="bye"):
    """The host wants no more: close what is open and end."""


class Started(Message, frozen=True, kw_only=True, tag="started"):
    """The baseline of a run is read and written; the run's clock starts at `t_s`."""

    run: str
    t_s: float
    journal: bytes


class Stopped(Message, frozen=True, kw_only=True, tag="stopped"):
    """The last record of a run is written, unless `warnings` say that the ledger took not everything.

    `journal` is where it is written, if that is no longer where it began.
    """

    run: str
    warnings: tuple[str, ...] = ()
    journal: bytes | None = None


class Foreseen(Message, frozen=True, kw_only=True, tag="foreseen"):
    """A forecast of a run, null where none could be made; `warning` is a sentence for the record that has become due by it.

    `over` says that what the run has spent so far exceeds its budget.
    """

    run: str
    forecast: Forecast | None = None
    warning: str = ""
    over: bool = False


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """A run cannot be recorded, and why."""

    run: str
    reason: str


class Adopted(Message, frozen=True, kw_only=True, tag="adopted"):
    """The recorder has become a child of the host itself (pid 1 of a container, a subreaper), which must not be."""

    pid: int


ToRecorder = Hello | Start | Marked | Work | Progress | Look | Ask | Stop | Bye
ToHost = Started | Stopped | Foreseen | Failed | Adopted
