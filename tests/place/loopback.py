"""A server on this machine that answers as the documentation of a provider says, or as badly as a test wants."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from footprint.place.intensity import cache as caching
from footprint.place.intensity.http import Limits

QUICK = Limits(attempt_s=5.0, total_s=10.0, tries=2, backoff_s=0.01)
KEY = "s3cr3t-key-0123456789"
DAY = datetime(2026, 11, 1, tzinfo=UTC)


class Answer(NamedTuple):
    """What is sent: with `length` as its stated length, `drip_s` seconds between bytes, after `wait_s`."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    length: int | None = None
    wait_s: float = 0.0
    drip_s: float = 0.0
    raw: bytes | None = None


def of_json(value: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(value).encode(), {name.replace("_", "-"): text for name, text in headers.items()})


class Loopback:
    """Answers in turn, the last one again and again; or what a function makes of the path.

    Attributes:
        asked: the requests so far: path, and headers in lower case.
        answered: how many answers went out whole.
    """

    def __init__(self, answers: Sequence[Answer] | Callable[[str], Answer], certificate: Path | None = None) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answered = 0
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self.url = f"http{'s' * (certificate is not None)}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)

    def serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, accepted: socket.socket) -> None:
        with (
            suppress(OSError),
            accepted if self._tls is None else self._tls.wrap_socket(accepted, server_side=True) as connection,
        ):
            data = b""
            while b"\r\n\r\n" not in data:
                chunk = connection.recv(65536)
                if not chunk:
                    return
                data += chunk
            head = data.split(b"\r\n\r\n")[0].decode().split("\r\n")
            path = head[0].split(" ")[1]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            self.asked.append((path, headers))
            answer = (
                self._answers(path) if callable(self._answers) else self._answers[min(len(self.asked), len(self._answers)) - 1]
            )
            self.answered += self._send(connection, answer)

    def _send(self, connection: socket.socket, answer: Answer) -> bool:
        if answer.wait_s and self._over.wait(answer.wait_s):
            return False
        if answer.raw is not None:
            connection.sendall(answer.raw)
            return True
        length = len(answer.body) if answer.length is None else answer.length
        headers = {"Content-Length": str(length), "Connection": "close", **answer.headers}
        lines = [f"HTTP/1.1 {answer.status} Status", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        data = "\r\n".join(lines).encode() + answer.body
        if not answer.drip_s:
            connection.sendall(data)
            return True
        for byte in data:
            connection.sendall(bytes([byte]))
            if self._over.wait(answer.drip_s):
                return False
        return True

    def stop(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def serving(answers: Sequence[Answer] | Callable[[str], Answer], certificate: Path | None = None) -> Iterator[Loopback]:
    """A server for as long as the block lasts; with a certificate (and its key) one that speaks TLS."""
    server = Loopback(answers, certificate)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5)


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%MZ")


def uk(start_s: float, figures: Sequence[tuple[float | None, float | None]]) -> dict[str, Any]:
    """A national answer of Great Britain: half-hours from a time on, each with its forecast and its actual."""
    return {
        "data": [
            {
                "from": stamp(start_s + 1800 * at),
                "to": stamp(start_s + 1800 * (at + 1)),
                "intensity": {"forecast": forecast, "actual": actual, "index": "moderate"},
            }
            for at, (forecast, actual) in enumerate(figures)
        ]
    }


def maps(
    start_s: float, figures: Sequence[float | None], *, zone: str = "DE", rows: str = "data", kind: str = "lifecycle", **more: Any
) -> dict[str, Any]:
    """An answer of Electricity Maps: hours from a time on."""
    found = [
        {
            "zone": zone,
            "carbonIntensity": figure,
            "datetime": datetime.fromtimestamp(start_s + 3600 * at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "updatedAt": "2026-11-20T12:00:00.000Z",
            "emissionFactorType": kind,
            "isEstimated": False,
            "estimationMethod": None,
        }
        for at, figure in enumerate(figures)
    ]
    return {"zone": zone, rows: found, **more}


def kept_files() -> list[Path]:
    """What the cache holds."""
    return sorted(caching.folder().rglob("*.json"))
