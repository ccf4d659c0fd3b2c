"""Real servers, a real model and a real client: what they were asked is what the ledger says they did."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from footprint.ledger import read_runs
from tests.faults.conftest import settled_runs, wait_for
from tests.integrations.conftest import Paste
from tests.integrations.libraries import AGES, Age, packages
from tests.world.programs import ROOT, Program

pytestmark = pytest.mark.world


@pytest.mark.parametrize("age", AGES)
def test_the_page_works_when_pasted(paste: Paste, age: Age) -> None:
    done = paste("servers.md", "fastapi", age)
    assert done.returncode == 0, done.stderr
    assert "'total_tokens': 23" in done.stdout
    (run,) = settled_runs()
    assert (run.name, run.kind, run.outcome, run.account) == ("serve-llm", "inference", "completed", "serve-llm")
    assert run.whole_work == {"requests": 1, "tokens": 23}
    assert run.place is not None


ASKED = """
    import contextlib, json, threading, time, urllib.error, urllib.request
    from concurrent.futures import ThreadPoolExecutor
    import openai, torch, uvicorn
    from tests.integrations.serving import MODEL, server
    torch.set_num_threads(1)

    @contextlib.contextmanager
    def serving(**middleware):
        it = uvicorn.Server(uvicorn.Config(server(**middleware), port=0, log_level="critical", date_header=False))
        thread = threading.Thread(target=it.run)
        thread.start()
        while not it.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{it.servers[0].sockets[0].getsockname()[1]}"
        finally:
            it.should_exit = True
            thread.join(30)

    def raw(url, body, **headers):
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                told = answer.read()
                when = slice(4, 8 if told[:2] == b"\\x1f\\x8b" else 4)  # gzip writes down when it was made
                return answer.status, answer.headers.items(), told[: when.start] + told[when.stop :]
        except urllib.error.HTTPError as error:
            return error.code, error.headers.items(), error.read()

    chat = {"messages": [{"role": "user", "content": "hello"}]}
    many = {"input": ["ab"] * 40}
    bodies = [("chat/completions", chat), ("chat/completions", chat | {"stream": True}), ("embeddings", many), ("nowhere", {}),
              ("chat/completions", chat | {"stream": True, "stream_options": {"include_usage": True}}), ("fails", {}),
              ("responses", {"input": "hi"}), ("responses", {"input": "hi", "stream": True}), ("embeddings", {"input": "x"})]

    def each(url):
        told = [{"Accept-Encoding": coding} for coding in ("gzip", "identity")]
        return [raw(f"{url}/v1/{path}", body, **headers) for path, body in bodies for headers in told]

    with serving() as plain, serving(name="asked", zone="FRA") as url:
        assert each(plain) == each(url)
        tokens = 2 * (13 + 13 + 80 + 10 + 10 + 1)
        client = openai.OpenAI(base_url=url + "/v1", api_key="sk-secret1234567890", max_retries=0)
        ask = dict(model=MODEL, messages=chat["messages"])
        def complete(_):
            return client.chat.completions.create(**ask).usage.total_tokens
        with ThreadPoolExecutor(8) as pool:
            tokens += sum(pool.map(complete, range(24)))
        streamed = list(client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
        tokens += streamed[-1].usage.total_tokens
        tokens += client.completions.create(model=MODEL, prompt="hello").usage.total_tokens
        tokens += client.embeddings.create(model=MODEL, input="hello", encoding_format="float").usage.total_tokens
        tokens += client.responses.create(model=MODEL, input="hello").usage.total_tokens
        for event in client.responses.create(model=MODEL, input="hello", stream=True):
            tokens += event.response.usage.total_tokens
        list(client.chat.completions.create(**ask, stream=True))
        leaves = client.chat.completions.create(**ask, max_tokens=300, stream=True)
        next(iter(leaves))
        leaves.close()
        try:
            client.post("/nowhere", cast_to=object)
        except openai.NotFoundError:
            pass
        assert raw(url + "/health", {})[0] == 200
    asked = tokens

    # transformers' own server, to which the middleware is added where it makes its application.
    import os
    import transformers.cli.serving.server as own
    from transformers.cli.serve import Serve
    from tests.integrations.serving import save
    from footprint.integrations.asgi import FootprintMiddleware
    save(folder := os.path.abspath("tiny-chat"))
    build = own.build_server
    def tracked(*args, **settings):
        app = build(*args, **settings)
        app.add_middleware(FootprintMiddleware, name="transformers-serve")
        return app
    own.build_server = tracked
    served = Serve(folder, device="cpu", port=0, non_blocking=True, log_level="error")
    while not served.server.started:
        time.sleep(0.01)
    port = served.server.servers[0].sockets[0].getsockname()[1]
    client = openai.OpenAI(base_url=f"http://localhost:{port}/v1", api_key="none", max_retries=0)
    ask = dict(model=folder, messages=[{"role": "user", "content": "w3 w4 w5"}], max_tokens=4)
    tokens = client.chat.completions.create(**ask).usage.total_tokens
    tokens += list(client.chat.completions.create(**ask, stream=True))[-1].usage.total_tokens
    served.kill_server()
    print(asked, tokens)
"""


def test_what_real_clients_ask_is_counted_and_not_a_byte_is_changed(program: Program, tmp_path: Path) -> None:
    done = program(ASKED)
    assert done.returncode == 0, done.stderr
    own, run = settled_runs()
    asked, own_asked = map(int, done.stdout.splitlines()[-1].split())
    assert (run.name, run.kind, run.outcome, run.account) == ("asked", "inference", "completed", "asked")
    assert run.work["requests"] == 14 + 24 + 7
    assert run.work["tokens"] == run.work["tokens/model:org/tiny-gpt2"] == asked
    assert run.work["requests/tokens unknown"] == 2 + 2
    assert run.work["requests/failed:4xx"] == 3
    assert run.work["requests/failed:5xx"] == 2
    assert (own.name, own.outcome, own.whole_work) == ("transformers-serve", "completed", {"requests": 2, "tokens": own_asked})
    assert own_asked == 2 * 7
    assert own.work["tokens/model:tiny-chat@main"] == own_asked
    stored = b"".join(path.read_bytes() for path in (tmp_path / "footprint-home").rglob("*") if path.is_file())
    assert b"requests" in stored
    assert not any(secret in stored for secret in (b"hello", b"sk-secret", b"127.0.0.1"))


SERVED = """
    import importlib, inspect, sys
    import fastapi, uvicorn
    def build():
        app = fastapi.FastAPI()
        @app.post("/v1/completions")
        def complete():
            return {"model": "tiny", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
        # As vLLM does with what `--middleware` names.
        module_path, name = "footprint.integrations.asgi.FootprintMiddleware".rsplit(".", 1)
        imported = getattr(importlib.import_module(module_path), name)
        assert inspect.isclass(imported)
        app.add_middleware(imported)
        return app
    if __name__ == "__main__":
        uvicorn.run("program0:build", factory=True, port=int(sys.argv[1]), log_level="error", workers=int(sys.argv[2]))
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ask(port: int) -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/completions", b"{}", {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bool(json.load(answer)["model"] == "tiny")
    except OSError:
        return False


def test_workers_and_restarts_are_runs_of_one_account(
    tmp_path: Path, versions: Callable[[str, Age], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What vLLM's `--middleware` gets: no arguments, and the settings of the surroundings."""
    versions("uvicorn", "oldest")
    (tmp_path / "program0.py").write_text(textwrap.dedent(SERVED))
    paths = [str(packages("uvicorn", "oldest")), str(ROOT)]
    surroundings = {"FOOTPRINT_NAME": "llm", "FOOTPRINT_REGION": "aws:eu-west-1", "PYTHONPATH": os.pathsep.join(paths)}

    def start(workers: int) -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "program0.py", str(port := free_port()), str(workers)]
        environment = {**os.environ, **surroundings}
        server = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: ask(port), "the server answers")
        return server, port

    server, port = start(2)
    wait_for(lambda: len(read_runs().runs) == 2, "both workers serve")
    assert all(ask(port) for _ in range(9))
    server.terminate()
    assert server.communicate(timeout=30)[1] == ""
    workers = settled_runs()
    assert [run.outcome for run in workers] == ["completed", "completed"]
    assert sum(run.work.get("requests", 0) for run in workers) == 10
    server, port = start(1)
    wait_for(lambda: any(run.work for run in read_runs().runs if run.outcome == "running"), "the request is counted")
    server.kill()
    server.communicate(timeout=30)
    server, port = start(1)
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=30)
    latest, killed, *_ = settled_runs()
    assert [latest.outcome, killed.outcome] == ["completed", "interrupted"]
    assert killed.whole_work == latest.whole_work == {"requests": 1, "tokens": 7}
    assert {run.account for run in settled_runs()} == {"llm"}
    assert latest.place is not None
    done = subprocess.run(
        [sys.executable, "-m", "footprint", "runs", "show", latest.id], capture_output=True, text=True, check=True
    )
    assert "requests" in done.stdout
