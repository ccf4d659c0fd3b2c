"""An answer as it passes by: its first and last bytes are kept until it has ended, whatever its length."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from footprint.integrations.asgi import usage
from footprint.integrations.asgi.usage import Usage

HEAD_BYTES: Final = 8192
TAIL_BYTES: Final = 65_536
_INFLATED_AT_ONCE: Final = 262_144
_INFLATED_LIMIT: Final = 268_435_456
_EITHER_KIND: Final = 32 + zlib.MAX_WBITS
"""zlib finds out by itself whether a stream is gzip's or its own."""


class Answer:
    """One answer, of which what passes is told.

    Attributes:
        status: its status; null as long as it has not begun.
        is_whole: whether its last byte has passed.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.is_whole = False
        self._is_stream: bool | None = None
        self._head, self._tail = bytearray(), bytearray()
        self._has_lost = False
        self._inflater: Any = None
        self._inflated = 0

    def pass_by(self, message: Mapping[str, Any]) -> None:
        """Look at a message of the server's to its client."""
        kind = message["type"]
        if kind == "http.response.body":
            if self._is_stream is not None and (body := message.get("body", b"")):
                self._take(body)
            self.is_whole = not message.get("more_body", False)
        elif kind == "http.response.start":
            self.status = int(message["status"])
            if 200 <= self.status < 300:  # noqa: PLR2004 - those that were answered
                self._expect(message.get("headers", ()))
        elif kind in {"http.response.pathsend", "http.response.zerocopysend"}:
            self._is_stream = None  # a file, which the server reads itself
            self.is_whole = True

    def usage(self) -> Usage | None:
        """What the answer says of its tokens; null if nothing, or not in a way that is understood."""
        if self._is_stream is None or not self._tail:
            return None
        head, tail = bytes(self._head) if self._has_lost else b"", bytes(self._tail)
        try:
            return usage.of_stream(head, tail) if self._is_stream else usage.of_json(head, tail)
        except RecursionError:  # lists in lists in lists: it was answered all the same
            return None

    def _expect(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Whether it will be read, and how, by its headers."""
        kind = encoding = b""
        for name, value in headers:
            lower = name.lower()
            if lower == b"content-type":
                kind = value.partition(b";")[0].strip().lower()
            elif lower == b"content-encoding":
                encoding = value.strip().lower()
        if encoding in {b"gzip", b"x-gzip", b"deflate"}:
            self._inflater = zlib.decompressobj(_EITHER_KIND)
        elif encoding not in {b"", b"identity"}:
            return
        if kind == b"text/event-stream":
            self._is_stream = True
        elif kind == b"application/json" or kind.endswith(b"+json"):
            self._is_stream = False

    def _take(self, data: bytes) -> None:
        if self._inflater is None:
            self._keep(data)
            return
        try:
            while data and not self._inflater.eof:
                plain = self._inflater.decompress(data, _INFLATED_AT_ONCE)
                self._inflated += len(plain)
                if self._inflated > _INFLATED_LIMIT:
                    self._is_stream = None
                    return
                self._keep(plain)
                data = self._inflater.unconsumed_tail
        except zlib.error:
            self._is_stream = None

    def _keep(self, data: bytes) -> None:
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self._tail += data[-TAIL_BYTES:]
        if len(data) > TAIL_BYTES or len(self._tail) > 2 * TAIL_BYTES:
            self._has_lost = True
            del self._tail[:-TAIL_BYTES]
