"""What a bulk fill has done, noted card by card, so that one that was broken off goes on where it stopped.

The file has one JSON object a line: a header, which names the fill by a digest of its facts and options, then a line a card,
written after the card was. A line that was cut off is not counted: its card is filled again, which changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from footprint.card.many.finder import shown
from footprint.errors import ConfigError

SCHEMA: Final = 1
_DIGEST_BYTES: Final = 16


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    footprint: Literal["card fill"]
    schema: int
    job: str


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """One card: its absolute path, what became of it, the digest of its bytes from then on, and why it was refused."""

    path: str
    state: Literal["filled", "unchanged", "refused"]
    digest: str | None = None
    why: str | None = None


def digest_of(data: bytes) -> str:
    """The digest by which a card is known to be as it was left."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def job_of(facts: Any) -> str:
    """A name for a fill: the digest of all that decides what it writes.

    Args:
        facts: what can be written as JSON: the content, the options, the version.
    """
    return digest_of(msgspec.json.encode(facts, order="deterministic"))


class State:
    """The file of `--resume`, held by one fill at a time."""

    def __init__(self, path: Path, job: str) -> None:
        """Open the file, or begin it.

        Args:
            path: where it is.
            job: what the fill is, see `job_of`.

        Raises:
            ConfigError: if it cannot be written, another fill holds it, it is something else, or it is of another fill.
        """
        self.path = path
        self._done: dict[str, str] = {}
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be opened to note what is done: {error.strerror or error}") from None
        try:
            self._hold()
            self._read(job)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the file go."""
        os.close(self._descriptor)

    def has_done(self, file: str) -> bool:
        """Whether a card was done by this fill and is still as it was left."""
        known = self._done.get(_key(file))
        if known is None:
            return False
        try:
            return digest_of(Path(file).read_bytes()) == known
        except OSError:  # it is looked at again, and refused with the reason
            return False

    def note(self, file: str, *, changed: bool, digest: str | None, refused: str | None) -> None:
        """Note what became of a card.

        Raises:
            ConfigError: if it cannot be written down.
        """
        state: Literal["filled", "unchanged", "refused"] = "refused" if refused else "filled" if changed else "unchanged"
        self._write(Done(path=_key(file), state=state, digest=digest, why=refused))

    def _hold(self) -> None:
        try:
            import fcntl
        except ImportError:  # no such locks here
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{self.path}: another fill writes to it now; wait for it, or name another file") from None
        except OSError:  # a file system without locks
            return

    def _read(self, job: str) -> None:
        with open(self._descriptor, "rb", closefd=False) as file:
            first = file.readline(_MAX_LINE)
            if not first:
                self._write(_Header(footprint="card fill", schema=SCHEMA, job=job))
                return
            try:
                header = msgspec.json.decode(first, type=_Header)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise ConfigError(f"{self.path}: is not what a fill noted; name another file for --resume") from None
            if header.job != job or header.schema != SCHEMA:
                raise ConfigError(
                    f"{self.path}: was noted by a fill with other facts, options or version; name another file, or remove it"
                )
            line = first
            decoder = msgspec.json.Decoder(Done)
            for line in file:
                try:
                    done = decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError):  # cut off as it was written
                    continue
                if done.digest is not None:
                    self._done[done.path] = done.digest
        if not line.endswith(b"\n"):
            os.write(self._descriptor, b"\n")

    def _write(self, record: Any) -> None:
        try:
            os.write(self._descriptor, msgspec.json.encode(record) + b"\n")
        except OSError as error:
            raise ConfigError(f"{self.path}: what is done cannot be noted: {error.strerror or error}") from None


_MAX_LINE: Final = 1_000_000


def _key(file: str) -> str:
    return shown(os.path.abspath(file))  # noqa: PTH100 - a link stays a link
