"""The socket between a host program and its recorder: messages framed by newlines, never a signal, never a wait unasked.

A stream with framing of our own works on every platform alike. Writing to a dead peer raises here instead of killing
the host by SIGPIPE. The host may have closed our descriptor behind our back (daemons close all they did not open), and
its number may name the host's own socket by then: it is compared with what it was before each use.
"""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import msgspec

_CHUNK_BYTES: Final = 1 << 16
_UNSENT_LIMIT_BYTES: Final = 1 << 16
_UNREAD_LIMIT_BYTES: Final = 1 << 22
_NO_SIGNAL: Final = getattr(socket, "MSG_NOSIGNAL", 0)
_STANDARD: Final = 2

Incoming = TypeVar("Incoming")


class ChannelClosedError(OSError):
    """The other side is gone, or the descriptor is no longer ours."""


class Channel(Generic[Incoming]):
    """One end of the channel.

    Args:
        end: a connected stream socket; the channel owns it from now on.
        incoming: the type (a tagged union) of the messages that arrive here.
    """

    def __init__(self, end: socket.socket, incoming: Any) -> None:
        self._socket = _Held(end.family, end.type, fileno=_above_standard(end.detach()))
        self._socket.setblocking(False)
        self._identity = _identity(self._socket.fileno())
        self._decoder: msgspec.json.Decoder[Incoming] = msgspec.json.Decoder(incoming)
        self._encoder = msgspec.json.Encoder()
        self._unsent = b""
        self._unread = b""

    def __del__(self, suppress: Any = suppress) -> None:  # as the interpreter ends, the module's own name is gone before we are
        with suppress(Exception):  # a start that a signal handler's exception ended leaves nothing open
            self.close()

    def fileno(self) -> int:
        """The descriptor, for polling."""
        return self._socket.fileno()

    def offer(self, message: msgspec.Struct) -> bool:
        """Send without waiting; false if the channel is full and the message was dropped.

        What the kernel does not take at once waits here, within a limit, for the next message to take it along.

        Raises:
            ChannelClosedError: if nobody is there to take it.
        """
        line = self._encoder.encode(message) + b"\n"
        if len(self._unsent) + len(line) > _UNSENT_LIMIT_BYTES:
            self._flush()
        if len(self._unsent) + len(line) > _UNSENT_LIMIT_BYTES:
            return False
        self._unsent += line
        self._flush()
        return True

    def send(self, message: msgspec.Struct, limit_s: float) -> None:
        """Send, waiting for room for at most `limit_s` seconds.

        Raises:
            ChannelClosedError: if nobody is there to take it.
            TimeoutError: if there was no room in time.
        """
        self._unsent += self._encoder.encode(message) + b"\n"
        deadline_s = time.monotonic() + limit_s
        self._flush()
        while self._unsent:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the channel stayed full")
            self._wait(for_room=True, limit_s=left_s)
            self._flush()

    def receive(self, limit_s: float) -> Incoming:
        """The next message, waiting for at most `limit_s` seconds.

        Raises:
            ChannelClosedError: if the other side is gone.
            TimeoutError: if none came in time.
        """
        deadline_s = time.monotonic() + limit_s
        while True:
            message = self.next_message()
            if message is not None:
                return message
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("no answer in time")
            self._wait(for_room=False, limit_s=left_s)

    def next_message(self) -> Incoming | None:
        """The next message if one has arrived whole; null if not.

        Raises:
            ChannelClosedError: if the other side is gone and has left no message.
        """
        while True:
            if b"\n" not in self._unread:
                self._check()
                try:
                    chunk = self._socket.recv(_CHUNK_BYTES)
                except (BlockingIOError, InterruptedError):
                    return None
                except OSError as error:
                    raise ChannelClosedError(str(error)) from error
                if not chunk:
                    raise ChannelClosedError("the other side is gone")
                self._unread += chunk
                if len(self._unread) > _UNREAD_LIMIT_BYTES and b"\n" not in chunk:
                    self._unread = b""  # nobody of us says so much in one line
            line, newline, rest = self._unread.partition(b"\n")
            if not newline:
                return None
            self._unread = rest
            with suppress(msgspec.DecodeError, UnicodeDecodeError):  # what somebody else wrote into it is no message
                return self._decoder.decode(line)

    def close(self) -> None:
        """Close our end, unless the descriptor has become somebody else's; safe to call twice."""
        if self._socket.fileno() >= 0 and _identity(self._socket.fileno()) == self._identity:
            self._socket.close()
        else:
            self._socket.detach()

    def _flush(self) -> None:
        if not self._unsent:
            return
        self._check()
        try:
            sent = self._socket.send(self._unsent, _NO_SIGNAL)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            raise ChannelClosedError(str(error)) from error
        self._unsent = self._unsent[sent:]

    def _check(self) -> None:
        if _identity(self._socket.fileno()) != self._identity:
            raise ChannelClosedError("the host program closed the recorder's channel")

    def _wait(self, *, for_room: bool, limit_s: float) -> None:
        """Wait until the socket is ready; `poll`, because `select` fails beyond descriptor 1023."""
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self._socket, select.POLLOUT if for_room else select.POLLIN)
            poll.poll(max(1, round(limit_s * 1000)))
        else:
            ends = [self._socket]
            select.select([] if for_room else ends, ends if for_room else [], [], limit_s)


class _Held(socket.socket):
    """A socket that may be left open until the program ends: Python would warn of it, the kernel closes it."""

    def __del__(self) -> None:
        self.detach()


def _above_standard(descriptor: int) -> int:
    """The descriptor under a number of its own: a program that closed its standard streams may still write to their numbers."""
    if descriptor > _STANDARD or os.name == "nt":
        return descriptor
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _STANDARD + 1)
    os.close(descriptor)
    return moved


def _identity(descriptor: int) -> tuple[int, int] | None:
    """What a descriptor names: device and inode, null if nothing. Windows tells neither, and reuses no numbers so soon."""
    if os.name == "nt":
        return (0, 0)
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return (status.st_dev, status.st_ino)
