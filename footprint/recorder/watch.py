"""Tells when a process has ended."""

from __future__ import annotations

import os
import select
from contextlib import suppress

from footprint.ledger.processes import Process, is_alive


class Watch:
    """Tells a process's end by its pidfd, and by its start time where there is none or the pid was reused.

    Attributes:
        descriptor: becomes readable when the process ends; null where the kernel has no pidfd, or it is gone already.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self.descriptor: int | None = None
        with suppress(OSError, AttributeError):
            self.descriptor = os.pidfd_open(process.pid)
        if is_alive(process) is False:  # looked at once more: the number may have become another's before we held it
            self.close()

    def gone(self) -> bool:
        """Whether the process has ended, also if nobody has waited for it yet."""
        if self.descriptor is None:
            return is_alive(self._process) is False
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self.descriptor, select.POLLIN)
            return bool(poll.poll(0))
        return False

    def close(self) -> None:
        """Close the descriptor; safe to call twice."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
