"""What is read at a tick: the devices, the process tree, the machine, the clocks, and who holds the devices."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from footprint.ledger.processes import Process, is_alive
from footprint.ledger.records import Held, Tick
from footprint.meters import open_meters
from footprint.meters.common import KnowsHolders
from footprint.meters.host import read_host
from footprint.recorder import tree

if TYPE_CHECKING:
    from footprint.recorder.holders import Holders
    from footprint.recorder.messages import Steps
    from footprint.recorder.steps import JobTree

Reading = TypeVar("Reading")

_NO_TREE: Final = "/proc does not show this program (is it another pid namespace's?): its CPU time is not known"
_KNOWN: Final = "FOOTPRINT_EPHEMERAL"
"""Set by who knows that the ledger vanishes with its container, and collects it before, say."""
_LENT: Final = re.compile("COLAB_|KAGGLE_")
_MOMENT_S: Final = 1e-4
_MOMENT_TRIES: Final = 3


class Readings:
    """All that is read of one process and of its machine. No failure of a reading gets out.

    Args:
        tracked: the process.
        attached: whether it is recorded from outside; then its environment is looked up.
        in_thread: whether we are a thread of the process itself.
        steps: a job of SLURM, whose steps are recorded in the process's stead.

    Attributes:
        devices: the devices that the meters claimed.
        host: the machine.
        max_gap_s: the longest time between readings that loses nothing; None where that is no matter.
        failed: how many readings failed so far.
    """

    def __init__(self, tracked: Process, *, attached: bool, in_thread: bool, steps: Steps | None = None) -> None:
        self._pid, self._steps = tracked.pid, steps
        self._first_warnings: tuple[str, ...] = ()
        environ: Mapping[str, str] = self._environment_of(tracked) if attached else os.environ
        self._meters = open_meters(environ, drivers_in="thread" if in_thread else "process")
        self._tree = tree.ProcessTree(tracked.pid, tracked.start_ticks) if steps is None else _tree_of(steps)
        if not self._tree.is_found and is_alive(tracked) is not False:
            self._first_warnings += (_NO_TREE,)
        self._holders = self._find_holders()
        self.devices = self._meters.devices
        self.host = read_host(self._meters.meters)
        self.max_gap_s = self._meters.max_interval_s
        self.failed = 0

    def tick(self, runs: tuple[str, ...], *, whole: bool) -> Tick:
        """One reading of everything, for the given runs; `whole` looks at a large tree whatever it costs."""
        tree_s = self._try(lambda: self._tree.read(time.monotonic(), whole=whole)) if self._tree.is_found else None
        busy_s = self._try(tree.machine_busy_s)
        t_s, boot_s, wall_s = moment()
        return Tick(
            runs=runs,
            t_s=t_s,
            boot_s=boot_s,
            wall_s=wall_s,
            tree_s=tree_s,
            busy_s=busy_s,
            samples=self._try(self._meters.read) or (),
        )

    def held(self, begun_s: Mapping[str, float], *, unless_within_s: float | None = None) -> Sequence[Held]:
        """Who holds the devices, as far as it is worth a record.

        Args:
            begun_s: when each of the open runs began.
            unless_within_s: look now, unless it was done so lately, since all of the runs began; by default if it is time to.
        """
        holders = self._holders
        if not begun_s or holders is None:
            return ()
        now_s, youngest_s = time.monotonic(), max(begun_s.values())
        if unless_within_s is None:
            is_due = holders.is_due(now_s, youngest_s)
        else:
            is_due = holders.unseen(max(now_s - unless_within_s, youngest_s))
        return (self._try(lambda: holders.look(now_s, begun_s)) or ()) if is_due else ()

    def reserved_cpus(self) -> float | None:
        """The CPUs that the process may use; None if it cannot be told."""
        stated = self._steps.cpus if self._steps is not None else None
        return stated if stated is not None else self._try(lambda: tree.reserved_cpus(self._pid))

    def claim_steps_by(self, claim: Callable[[Process], bool]) -> None:
        """Follow the job's steps, if it is a job that is recorded; `claim` says whether one is ours to follow."""
        if self._steps is not None:
            self._tree.claim_by(claim)  # type: ignore[union-attr]  # a JobTree, then

    @property
    def steps(self) -> tuple[Process, ...]:
        """The daemons of the job's steps that were followed."""
        return () if self._steps is None else self._tree.ours  # type: ignore[union-attr]  # as above

    def warnings(self) -> tuple[str, ...]:
        """What a reader should know of the readings, as far as it has been seen by now."""
        return self._first_warnings + self._meters.warnings + self._tree.warnings

    def warnings_of(self, home: Path) -> tuple[str, ...]:
        """What a reader should know of a ledger that nothing else keeps the run beside."""
        vanishing = self._try(lambda: self._vanishing(home))
        return () if vanishing is None else (vanishing,)

    def _vanishing(self, home: Path) -> str | None:
        if os.environ.get(_KNOWN) or (self.host.container is None and not any(map(_LENT.match, os.environ))):
            return None  # as on most machines, which then load nothing to find it out

        from footprint.recorder import ephemeral

        return ephemeral.warning(home, self.host.container, os.environ)

    def _environment_of(self, tracked: Process) -> Mapping[str, str]:
        """The environment of a process that we are attached to, as far as it can be read."""
        from footprint.recorder import targets

        environ = targets.environment(tracked.pid)
        if environ is None and is_alive(tracked) is not False:  # of one that has just ended there is nothing to read
            self._first_warnings += (targets.UNREADABLE,)
        return environ or {}

    def _find_holders(self) -> Holders | None:
        """What tells who holds the devices; None where no driver here does."""
        if not any(isinstance(meter, KnowsHolders) for meter in self._meters.meters):
            return None
        from footprint.recorder.holders import Holders

        return Holders(self._meters.holders, lambda: self._tree.pids() | {self._pid})

    def close(self) -> None:
        """Release the devices."""
        self._meters.close()
        self._tree.close()

    def _try(self, read: Callable[[], Reading]) -> Reading | None:
        """A reading, or null: none may stop the others' record; the count of failures stands in the run."""
        try:
            return read()
        except Exception:  # noqa: BLE001 - drivers and libraries fail in ways of their own
            self.failed += 1
            return None


def _tree_of(steps: Steps) -> JobTree:
    from footprint.recorder.steps import JobTree  # only there where a job is recorded

    return JobTree(steps.number)


def moment() -> tuple[float, float | None, float]:
    """Now, by the monotonic clock, the clock since boot and the wall's: read at one moment, again if something came between."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    for _ in range(_MOMENT_TRIES):
        t_s = time.monotonic()
        boot_s = None if boot is None else time.clock_gettime(boot)
        wall_s = time.time()
        if time.monotonic() - t_s < _MOMENT_S:
            break
    return t_s, boot_s, wall_s
