"""The command while it runs: its process, the socket on which it speaks, and what it says when it fails."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from footprint import text
from footprint.errors import ConfigError
from footprint.profiling import words

_LOOK_S: Final = 0.2
_PATIENCE_S: Final = 5.0
_TAIL_BYTES: Final = 4096


class Spoken:
    """A socket of the engine's own, on which one command at a time speaks."""

    def __init__(self) -> None:
        if not hasattr(socket, "AF_UNIX"):
            raise ConfigError("a workload with inside = true needs Unix sockets, which this system does not have")
        self._folder = tempfile.TemporaryDirectory(prefix="footprint-")  # 0700
        self.path = str(Path(self._folder.name) / "profile")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(self.path)
        self._socket.listen(4)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()
        self._folder.cleanup()

    def accept(self) -> socket.socket | None:
        """Who has begun to speak, if somebody has within a moment."""
        if not select.select([self._socket], [], [], _LOOK_S)[0]:
            return None
        return self._socket.accept()[0]


class Conversation:
    """What one program says, word by word."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._held = b""
        self._decode = msgspec.json.Decoder(words.Hello | words.Done).decode

    def hear(self) -> words.Hello | words.Done | None:
        """The next word, if it is there within a moment.

        Raises:
            EOFError: if the program speaks no more.
            ConfigError: if it says what is no word of this contract.
        """
        if b"\n" not in self._held and select.select([self._socket], [], [], _LOOK_S)[0]:
            try:
                data = self._socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                raise EOFError
            self._held += data
        if len(self._held) > words.MOST_BYTES:
            raise ConfigError("the command says more of a repeat than fits")
        first, newline, rest = self._held.partition(b"\n")
        if not newline:
            return None
        self._held = rest
        try:
            word: words.Hello | words.Done = self._decode(first)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"the command says what this footprint does not understand (another version of it?): {error}"
            ) from None
        return word

    def say(self, word: msgspec.Struct) -> None:
        """Answer; a program that has gone is told nothing."""
        with suppress(OSError):
            self._socket.sendall(words.line(word))

    def close(self) -> None:
        """Speak no more."""
        self._socket.close()


class Process:
    """The command's process. What it prints goes nowhere, but the end of its stderr is kept for when it fails.

    Args:
        command: its words.
        folder: where it runs.
        environment: all of its environment.

    Raises:
        ConfigError: if it cannot be started.
    """

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
            )
        except OSError as error:
            self._stderr.close()
            raise ConfigError(f"the command {command[0]!r} cannot be started: {error.strerror or error}") from None

    def code(self) -> int | None:
        """The exit code, negative if a signal killed it; null while it runs."""
        return self._process.poll()

    def wait(self, until_s: float) -> int | None:
        """Wait for its end, no longer than until a moment of the monotonic clock; null if it runs on."""
        try:
            return self._process.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """See that it has ended: asked to, and made to where it does not."""
        if self._process.poll() is None:
            self._process.terminate()
            if self.wait(time.monotonic() + _PATIENCE_S) is None:
                self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """The same, and nothing of it is kept."""
        self.end()
        self._stderr.close()

    def last_words(self) -> str:
        """How it ended, with the last line of its stderr."""
        code = self._process.returncode
        how = f"exit code {code}" if code is None or code >= 0 else f"killed by signal {-code}"
        with suppress(OSError, ValueError):
            size = os.fstat(self._stderr.fileno()).st_size
            self._stderr.seek(max(0, size - _TAIL_BYTES))
            said = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
            if said:
                return f"{how}: {text.clean(said[-1], limit=300)}"
        return how
