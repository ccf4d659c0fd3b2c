"""A command at a terminal of its own."""

from __future__ import annotations

import os
import select


def rest_of(terminal: int, limit_s: float) -> bytes:
    """What a terminal shows until the last process has closed it, or has been silent for the limit."""
    output = b""
    while select.select([terminal], [], [], limit_s)[0]:
        try:
            output += os.read(terminal, 1000)
        except OSError:  # Linux says so when the last process has closed the terminal
            break
    return output
