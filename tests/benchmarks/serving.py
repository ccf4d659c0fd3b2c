"""What the middleware of a server adds to a request: the same answers with and without it, by turns."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from footprint.integrations.asgi import FootprintMiddleware
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import Row

TITLE: Final = "a server's middleware: time added to a request, on the event loop, paired"

_LABEL: Final = "footprint"
_CHUNK: Final = b'data: {"model":"tiny","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}\n\n'
_LAST: Final = b'data: {"model":"tiny","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":200}}\n\ndata: [DONE]\n\n'
_SAYS: Final = b'{"model":"tiny","choices":[{"text":"'
_USAGE: Final = b'"usage":{"prompt_tokens":9,"completion_tokens":200,"total_tokens":209}}'
_TARGET_S: Final = 0.001
_ANSWERS: Final = {
    "a chat completion of 1 kB": (
        b"application/json",
        [_SAYS + b"a" * 1000 + b'"}],' + _USAGE],
    ),
    "a stream of 200 chunks": (b"text/event-stream", [_CHUNK] * 200 + [_LAST]),
    "embeddings of 4 MB": (b"application/json", [b'{"data":[' + b"0.25," * 800_000 + b'0],"model":"tiny",' + _USAGE]),
}


def run(effort: Effort) -> Iterator[Row]:
    """Measure each kind of answer, whole and until its first byte."""
    home = os.environ.get("FOOTPRINT_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FOOTPRINT_HOME"] = folder
        try:
            for what, (kind, chunks) in _ANSWERS.items():
                first, whole = asyncio.run(_added_s(kind, chunks, pairs=100 * effort.repeats))
                yield _row(f"{what}: until its first byte", first)
                yield _row(f"{what}: until it has ended", whole)
        finally:
            os.environ.pop("FOOTPRINT_HOME") if home is None else os.environ.update(FOOTPRINT_HOME=home)


def _row(what: str, added_s: list[float]) -> Row:
    middle = statistics.median(added_s)
    most = sorted(added_s)[int(0.99 * (len(added_s) - 1))]
    shown = f"{middle * 1e6:.1f} us (99 of 100 below {most * 1e6:.0f} us)"
    return Row(what, _LABEL, shown, f"<= {_TARGET_S * 1e3:g} ms", middle <= _TARGET_S)


async def _added_s(kind: bytes, chunks: list[bytes], pairs: int) -> tuple[list[float], list[float]]:
    """The time that each tracked request took more than the plain one beside it: until its first byte, and until its end."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        for at, chunk in enumerate(chunks):
            await send({"type": "http.response.body", "body": chunk, "more_body": at < len(chunks) - 1})

    made = FootprintMiddleware(app, name="benchmark")
    await _asked(made)
    firsts, wholes = [], []
    for _ in range(pairs):
        order: list[Callable[..., Any]] = [app, made]
        random.shuffle(order)
        took: dict[Callable[..., Any], tuple[float, float]] = {}
        for one in order:
            took[one] = await _asked(one)
        firsts.append(took[made][0] - took[app][0])
        wholes.append(took[made][1] - took[app][1])
    made._end("completed")
    return firsts, wholes


async def _asked(app: Callable[..., Any]) -> tuple[float, float]:
    """Until the first byte and until the end of a request, s."""
    first_s: float | None = None

    async def sent(message: Any) -> None:
        nonlocal first_s
        if first_s is None and "body" in message:
            first_s = time.perf_counter()

    begin_s = time.perf_counter()
    await app({"type": "http", "method": "POST", "path": "/v1/completions"}, None, sent)
    end_s = time.perf_counter()
    return (end_s if first_s is None else first_s) - begin_s, end_s - begin_s
