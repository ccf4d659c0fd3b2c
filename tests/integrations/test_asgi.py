"""The middleware as a server calls it, without a framework: nothing is changed, and what was served is counted."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import ConfigError
from footprint.integrations.asgi import FootprintMiddleware
from footprint.ledger import read_runs
from footprint.ledger.reading import journal_paths, read_journal
from footprint.model import Run
from tests.faults.conftest import Clocks, Program, clocks, clocks_library, settled_runs, start, wait_for

__all__ = ["clocks", "clocks_library", "start"]

DAY_S = 86_400
BODY = b'{"model":"tiny","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}'
BEGIN = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
END = {"type": "http.response.body", "body": BODY}

SERVER = """
    import asyncio, os, sys, time
    from footprint.integrations.asgi import FootprintMiddleware
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive(); await send({"type": "lifespan.startup.complete"})
            await receive(); await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"model":"tiny","usage":{"total_tokens":7}}'})
    async def sent(message): pass
    async def ask(app): await app({"type": "http", "method": "POST", "path": "/v1/completions"}, None, sent)
"""
"""A server of seven tokens a request, and how it is asked."""


class RaisedError(Exception):
    """What an application raises."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Seven tokens a request, and a lifespan."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
        return
    for message in scope.get("told", (BEGIN, END)):
        if isinstance(message, BaseException):
            raise message
        await send(message)


async def asked(app: Any, path: str = "/v1/completions", send: Any = None, **scope: Any) -> list[Any]:
    told: list[Any] = []

    async def sent(message: Any) -> None:
        told.append(message)

    await app({"type": "http", "method": "POST", "path": path, **scope}, None, send or sent)
    return told


def served(app: Any, work: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Start a server, do something, and shut it down; what its lifespan said."""
    told: list[Any] = []

    async def live() -> None:
        messages: asyncio.Queue[Any] = asyncio.Queue()
        started = asyncio.Event()

        async def sent(message: Any) -> None:
            told.append(message)
            started.set()

        life = asyncio.create_task(app({"type": "lifespan"}, messages.get, sent))
        messages.put_nowait({"type": "lifespan.startup"})
        await asyncio.wait([life, waits := asyncio.create_task(started.wait())], return_when="FIRST_COMPLETED")
        waits.cancel()
        try:
            await work()
        finally:
            messages.put_nowait({"type": "lifespan.shutdown"})
            await asyncio.wait([life])
            life.exception()  # a server looks at it, too

    asyncio.run(live())
    return told


def the_run() -> Run:
    (run,) = read_runs().runs
    return run


def test_a_server_is_a_run_and_its_answers_are_its_work() -> None:
    made = FootprintMiddleware(app, name="serve", zone="FRA", labels={"team": "nlp"})

    async def work() -> None:
        await asyncio.gather(*(asked(made) for _ in range(20)))
        await asked(made, told=(BEGIN | {"status": 404}, END))
        await asked(made, told=(BEGIN | {"status": 503}, END))
        await asked(made, told=(BEGIN, {"type": "http.response.body", "body": b"{}"}))
        await asked(made, told=(BEGIN, {"type": "http.response.body", "body": b'{"usa', "more_body": True}))
        await asked(made, told=())
        for path in ("/health", "/healthz", "/metrics", "/metrics/", "/ping", "/v1/load_lora_adapter", "/tokenize"):
            await asked(made, path)
        await asked(made, "/root/health", root_path="/root")
        await asked(made, method="GET")

    assert served(made, work) == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    run = the_run()
    assert (run.name, run.kind, run.outcome, run.account) == ("serve", "inference", "completed", "serve")
    assert run.labels == {"team": "nlp"}
    assert run.place is not None
    assert run.work == {
        "requests": 22,
        "requests/model:tiny": 20,
        "requests/tokens unknown": 2,
        "requests/cut short": 1,
        "requests/failed:4xx": 1,
        "requests/failed:5xx": 1,
        "requests/unanswered": 1,
        "tokens": 140,
        "tokens/prompt": 60,
        "tokens/completion": 80,
        "tokens/model:tiny": 140,
    }
    assert run.whole_work == {"requests": 22, "tokens": 140}
    assert run.unknown_work("tokens") == 2
    (warning,) = run.warnings
    assert "the tokens of 2 of 22 requests are unknown" in warning


ODD = {"headers": [(b"content-encoding", b"gzip"), (b"content-type", b"text/event-stream")]}
messages = st.sampled_from([
    *(BEGIN, END, BEGIN | {"status": 500}, BEGIN | ODD, {"type": "http.response.start"}, BEGIN | {"status": "x"}),
    *({"type": "http.response.body"}, {"type": "http.response.body", "body": b"\x00\xff", "more_body": True}),
    *({"type": "http.response.body", "body": 7}, {"type": "http.response.trailers"}, {"type": "http.response.pathsend"}),
    *(RaisedError("an error"), asyncio.CancelledError()),
])  # fmt: skip


@given(told=st.lists(messages, max_size=6), gone_after=st.integers(0, 6))
def test_what_is_sent_is_what_the_application_sends(told: list[Any], gone_after: int) -> None:
    """The same objects in the same order, whatever they are; an exception of the application or of the server is the same one."""
    made = FootprintMiddleware(app)
    made._is_shut = True  # nothing is recorded: what passes is the same
    gone = OSError("the client has gone")

    def outcome_of(application: Any) -> tuple[list[Any], BaseException | None]:
        passed: list[Any] = []

        async def send(message: Any) -> None:
            if len(passed) >= gone_after:
                raise gone
            passed.append(message)

        try:
            asyncio.run(asked(application, send=send, told=told))
        except BaseException as error:  # noqa: BLE001 - that it is the same is what is tested
            return passed, error
        return passed, None

    (plain, plain_error), (ours, our_error) = outcome_of(app), outcome_of(made)
    assert len(plain) == len(ours)
    assert all(one is other for one, other in zip(plain, ours, strict=True))
    assert type(plain_error) is type(our_error)
    assert plain_error is our_error or isinstance(plain_error, asyncio.CancelledError)


def test_other_connections_are_not_touched() -> None:
    seen: list[Any] = []

    async def keeps(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    scope, receive, send = {"type": "websocket", "path": "/v1/realtime"}, object(), object()
    asyncio.run(FootprintMiddleware(keeps)(scope, receive, send))  # type: ignore[arg-type]  # told apart by what they are
    assert seen[0] == (scope, receive, send)
    assert scope == {"type": "websocket", "path": "/v1/realtime"}


@pytest.mark.parametrize("way", ["raises", "fails to start", "fails to end"])
def test_a_server_without_a_proper_end(way: str, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        if way == "raises":
            raise RaisedError
        if way == "fails to start":
            await send({"type": "lifespan.startup.failed", "message": "no"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await receive()
        await send({"type": "lifespan.shutdown.failed"})

    made = FootprintMiddleware(broken)
    told = served(made, lambda: asked(made))
    assert [message["type"].rpartition(".")[2] for message in told] == {
        "raises": [],
        "fails to start": ["failed"],
        "fails to end": ["complete", "failed"],
    }[way]
    if way == "raises":  # it serves on without a lifespan, until the program ends
        assert made._serving is not None
        assert the_run().outcome == "running"
        made._serving.end("completed")
        assert the_run().work["requests"] == 1
    else:
        assert the_run().outcome == "failed"
    assert not caplog.records


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"region": "aws:nowhere-1"}, "nowhere-1"),
        ({"regoin": "aws:eu-west-1"}, "did you mean region?"),
        ({"roll": "hour"}, "there are day, never"),
        ({"ignored": "/health"}, "not a list"),
        ({"methods": [1]}, "not a list"),
        ({"interval_s": 0}, "interval_s"),
        ({"name": " "}, "name="),
        ({"pue": 0.1}, "PUE"),
    ],
)
def test_a_bad_setting_keeps_the_server_from_starting(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        FootprintMiddleware(app, **settings)

    async def made_late(scope: Any, receive: Any, send: Any) -> None:
        """As FastAPI does: once a server runs."""
        await FootprintMiddleware(app, **settings)(scope, receive, send)

    async def nothing() -> None: ...

    (failed,) = served(made_late, nothing)
    assert failed["type"] == "lifespan.startup.failed"
    assert failed["message"].startswith("footprint: ")
    assert said in failed["message"]
    assert "\n" not in failed["message"]
    assert not read_runs().runs


def test_a_bad_setting_that_is_found_late_costs_the_server_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def late() -> None:
        made = FootprintMiddleware(app, region="aws:nowhere-1")
        assert await asked(made) == [BEGIN, END]
        assert await asked(made) == [BEGIN, END]

    asyncio.run(late())
    assert ["the server is not recorded: Amazon" in record.getMessage() for record in caplog.records] == [True]


def test_two_of_them_count_once(caplog: pytest.LogCaptureFixture) -> None:
    made = FootprintMiddleware(FootprintMiddleware(app, name="inner"), name="outer")
    served(made, lambda: asked(made))
    assert (the_run().name, the_run().work["requests"]) == ("outer", 1)
    assert [record.getMessage() for record in caplog.records] == [
        "footprint: FootprintMiddleware was added twice: the inner one counts nothing"
    ]


def test_a_server_that_starts_again_is_another_run_of_its_account() -> None:
    made = FootprintMiddleware(app, name="again")
    for _ in range(2):
        served(made, lambda: asked(made))
    asyncio.run(asked(made))  # after its shutdown
    first, second = read_runs().runs
    assert first.account == second.account == "again"
    assert (first.work["requests"], second.work["requests"]) == (1, 1)
    assert first.parent is second.parent is None


def test_a_ledger_that_cannot_be_written_costs_the_server_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from footprint.recorder import active

    monkeypatch.setenv("FOOTPRINT_HOME", "/proc/nowhere")
    monkeypatch.setattr(active, "_told", set())
    made = FootprintMiddleware(app)
    told: list[Any] = []

    async def work() -> None:
        told.extend(await asked(made))

    assert len(served(made, work)) == 2
    assert told == [BEGIN, END]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "not recorded" in record.getMessage()


def test_requests_on_many_threads_are_all_counted() -> None:
    made = FootprintMiddleware(app)

    async def many() -> None:
        for _ in range(200):
            await asked(made)

    def work() -> Awaitable[Any]:
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(4)
        return asyncio.gather(*(loop.run_in_executor(pool, lambda: asyncio.run(many())) for _ in range(4)))

    served(made, work)
    assert (the_run().work["requests"], the_run().work["tokens"]) == (800, 5600)
    assert not [thread for thread in threading.enumerate() if thread.name == "footprint-serving"]


def test_a_request_waits_for_no_run(start: Program) -> None:
    """Without a lifespan the first request begins the run, which goes on until the program ends."""
    process = start(
        SERVER
        + """
    made = FootprintMiddleware(app, account="mine")
    asyncio.run(ask(made))
    assert made._serving.run is None or made._serving.run.id
    asyncio.run(ask(made))
    while made._serving.run is None: time.sleep(0.01)
    """
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    (run,) = settled_runs()
    assert (run.outcome, run.account, run.name, run.work["requests"]) == ("completed", "mine", "server", 2)


def test_forked_workers_are_runs_of_one_account(start: Program) -> None:
    """As gunicorn does: the application is made, then forked, and each worker serves on its own."""
    process = start(
        SERVER
        + """
    made = FootprintMiddleware(app)
    async def serve():
        messages = asyncio.Queue(); messages.put_nowait({"type": "lifespan.startup"})
        life = asyncio.create_task(made({"type": "lifespan"}, messages.get, sent))
        await ask(made)
        messages.put_nowait({"type": "lifespan.shutdown"})
        await life
    workers = []
    for _ in range(2):
        pid = os.fork()
        if not pid:
            asyncio.run(serve())
            os._exit(0)
        workers.append(pid)
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in workers)
    """,
        FOOTPRINT_NAME="llm",
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    one, other = settled_runs()
    assert one.account == other.account == one.name == "llm"
    assert [run.work for run in (one, other)] == [
        {"requests": 1, "tokens": 7, "requests/model:tiny": 1, "tokens/model:tiny": 7}
    ] * 2
    assert one.parent is other.parent is None


ENDLESS = """
    made = FootprintMiddleware(app, name="endless", interval_s=0.1)
    async def serve():
        messages = asyncio.Queue(); messages.put_nowait({"type": "lifespan.startup"})
        life = asyncio.create_task(made({"type": "lifespan"}, messages.get, sent))
        while True:
            await ask(made)
            await asyncio.sleep(0.05)
    asyncio.run(serve())
"""


@pytest.mark.slow
def test_a_day_is_a_run_and_a_killed_recorder_is_replaced(start: Program, clocks: Clocks) -> None:
    clocks.set_wall_clock(DAY_S - time.time() % DAY_S - 3)
    process = start(SERVER + ENDLESS, **clocks.environment)
    wait_for(lambda: len([run for run in read_runs().runs if run.work]) == 2, "the next day begins")
    today, before = read_runs().runs
    assert today.started_at[:10] > before.started_at[:10]
    assert (before.outcome, before.account) == ("completed", today.account)
    journals = [read_journal(path).runs for path in journal_paths()]
    (recorder,) = [runs[today.id].opened.recorder for runs in journals if today.id in runs]
    os.kill(recorder.pid, signal.SIGKILL)
    wait_for(lambda: len(read_runs().runs) == 3, "another recorder begins")
    process.kill()
    process.wait()
    latest, killed, _ = settled_runs()
    assert (latest.outcome, killed.outcome) == ("interrupted", "interrupted")
    assert latest.account == killed.account
    assert killed.work["requests"] > 0


def test_importing_it_loads_no_framework(start: Program) -> None:
    process = start("import sys, footprint.integrations.asgi; print(*{m.split('.')[0] for m in sys.modules})")
    loaded = set(process.communicate(timeout=60)[0].split())
    assert not {"asyncio", "starlette", "fastapi", "numpy", "duckdb"} & loaded
