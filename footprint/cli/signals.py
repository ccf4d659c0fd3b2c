"""Signals that ask a command of ours to end, as something that can be waited for together with other things."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def asked_to_end() -> Iterator[socket.socket]:
    """A socket that becomes readable when a signal asks us to end; what was ignored before stays so (nohup)."""
    reader, writer = socket.socketpair()
    with reader, writer:
        for end in (reader, writer):
            end.setblocking(False)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
        handlers = {number: signal.getsignal(number) for number in numbers}
        for number, handler in handlers.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, lambda *_: None)
        try:
            yield reader
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
