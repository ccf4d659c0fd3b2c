"""The far side of `apart`: a process, or where none can be had a thread, in which a meter is opened and read.

Messages are JSON: a word to ask with, and an `Answer`. The first answer comes unasked, when the meter is open.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from footprint.errors import MeterError
from footprint.meters.common import KnowsHolders, Meter
from footprint.model import Device, Sample

Place = Literal["process", "thread"]
Opener = Callable[[Mapping[str, str]], Meter | None]

READ: Final = b"read"
HOLDERS: Final = b"holders"
_MESSAGE_BYTES: Final = 1 << 20
_LAST_WORD_S: Final = 0.05


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the far side says: its devices once it is open, or why it is not, and then readings or holders when asked."""

    absent: bool = False
    failed: str = ""
    devices: tuple[Device, ...] = ()
    warnings: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()
    holders: dict[str, frozenset[int]] = {}


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Answer)


def answer_of(data: bytes) -> Answer:
    """An answer, from its message."""
    return _decoder.decode(data)


class Line(Protocol):
    """The way to the far side."""

    def send(self, ask: bytes) -> None:
        """Ask.

        Raises:
            OSError: if nobody is there.
        """
        ...

    def receive(self, limit_s: float) -> bytes | None:
        """What the far side says, None if nothing in time.

        Raises:
            EOFError: if the far side has ended.
        """
        ...

    def close(self) -> str:
        """End the far side, as far as it can be; how it ended if it had, for a sentence."""
        ...


def _serve(opener: Opener, environ: Mapping[str, str], receive: Callable[[], bytes], send: Callable[[bytes], object]) -> None:
    """Open the meter, say so, and answer until nobody asks any more."""
    try:
        meter = opener(environ)
    except MeterError as error:
        send(_encoder.encode(Answer(failed=str(error))))
        return
    except Exception as error:  # noqa: BLE001 - drivers and libraries fail in ways of their own
        told = f"failed to open ({type(error).__name__}: {error}); its devices are not measured"
        send(_encoder.encode(Answer(failed=told)))
        return
    if meter is None:
        send(_encoder.encode(Answer(absent=True)))
        return
    send(_encoder.encode(Answer(devices=meter.devices(), warnings=meter.warnings, unread=meter.unread)))
    while ask := receive():
        send(_encoder.encode(_reply(meter, ask)))
    meter.close()


def _reply(meter: Meter, ask: bytes) -> Answer:
    try:
        if ask == READ:
            return Answer(samples=meter.read())
        return Answer(holders=dict(meter.holders()) if isinstance(meter, KnowsHolders) else {})
    except Exception:  # noqa: BLE001 - what a library raises costs this answer; the device is seen to be left out
        return Answer()


def begin(opener: Opener, environ: Mapping[str, str], place: Place) -> Line:
    """Start a far side that opens a meter and says so.

    Raises:
        OSError: if no process can be had.
    """
    return _Process(opener, environ) if place == "process" else _Thread(opener, environ)


class _Process:
    """A fork of ours: it holds nothing of ours but its end of the socket, and ends with us."""

    def __init__(self, opener: Opener, environ: Mapping[str, str]) -> None:
        self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pid = os.fork()
        if self._pid == 0:
            _be_the_far_side(theirs, opener, environ)
        theirs.close()

    def send(self, ask: bytes) -> None:
        """Ask over the socket."""
        self._end.send(ask, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def receive(self, limit_s: float) -> bytes | None:
        """Wait for the socket."""
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        if not poll.poll(limit_s * 1000):
            return None
        data = self._end.recv(_MESSAGE_BYTES)
        if not data:
            raise EOFError
        return data

    def close(self) -> str:
        """End it; how it ended, if a signal that is not ours did it."""
        self._end.close()
        status = self._ended()
        if status is None:
            with suppress(OSError):  # a call that hangs in the kernel outlives the signal, and us: it is not waited for
                os.kill(self._pid, signal.SIGKILL)
            self._ended()
        return f" (signal {os.WTERMSIG(status)})" if status is not None and os.WIFSIGNALED(status) else ""

    def _ended(self) -> int | None:
        """Its status, if it ends in a moment: its socket closes a little before it is gone."""
        until_s = time.monotonic() + _LAST_WORD_S
        try:
            while True:
                ended, status = os.waitpid(self._pid, os.WNOHANG)
                if ended:
                    return status
                if time.monotonic() > until_s:
                    return None
                time.sleep(0.001)
        except ChildProcessError:
            return 0


def _be_the_far_side(end: socket.socket, opener: Opener, environ: Mapping[str, str]) -> None:
    """The body of the fork; never returns."""
    try:
        for held in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
            if held > 2 and held != end.fileno():  # noqa: PLR2004 - the standard ones lead nowhere in a recorder
                with suppress(OSError):
                    os.close(held)
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a driver's crash is not to fill a disk
        _serve(opener, environ, lambda: end.recv(_MESSAGE_BYTES), end.send)
    except BaseException:  # noqa: BLE001, S110 - nothing of ours may unwind into the code that forked
        pass
    finally:
        os._exit(0)


class _Thread:
    """A daemon thread: it cannot be ended while it hangs, and is left behind."""

    def __init__(self, opener: Opener, environ: Mapping[str, str]) -> None:
        from queue import SimpleQueue

        self._asks: SimpleQueue[bytes] = SimpleQueue()
        self._answers: SimpleQueue[bytes] = SimpleQueue()
        arguments = (opener, environ, self._asks.get, self._answers.put)
        threading.Thread(target=_serve, args=arguments, name="footprint-driver", daemon=True).start()

    def send(self, ask: bytes) -> None:
        """Ask over a queue."""
        self._asks.put(ask)

    def receive(self, limit_s: float) -> bytes | None:
        """Wait for the other queue."""
        from queue import Empty

        try:
            return self._answers.get(timeout=limit_s) if limit_s > 0 else self._answers.get_nowait()
        except Empty:
            return None

    def close(self) -> str:
        """Let it end once it answers again."""
        self._asks.put(b"")
        return ""
