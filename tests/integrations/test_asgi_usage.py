"""What an answer says of its tokens, whatever surrounds it; and what only looks like it."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.integrations.asgi.answers import TAIL_BYTES, Answer
from footprint.integrations.asgi.counts import MODELS_LIMIT, OTHER, UNKNOWN, Counts, clean_model
from footprint.integrations.asgi.usage import Usage

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"
DETAILS = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 5}}
CHAT = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
texts = st.text(max_size=60) | st.sampled_from(
    ['{"usage": {"prompt_tokens": 7}}', '"usage":{"total_tokens":5}}', "\\", '\\"', "}]}"]
)


def of(body: bytes, kind: bytes = JSON, encoding: bytes = b"", at_once: int = 1000) -> Usage | None:
    answer = Answer()
    headers = [(b"Content-Type", kind), *([(b"content-encoding", encoding)] if encoding else [])]
    answer.pass_by({"type": "http.response.start", "status": 200, "headers": headers})
    for at in range(0, len(body), at_once):
        answer.pass_by({"type": "http.response.body", "body": body[at : at + at_once], "more_body": True})
    answer.pass_by({"type": "http.response.body"})
    assert answer.is_whole
    return answer.usage()


def events(*told: Any) -> bytes:
    return b"".join(b"data: " + (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n\n" for one in told)


@pytest.mark.parametrize(
    ("said", "found", "tokens"),
    [
        ({"usage": CHAT}, Usage(prompt=9, completion=12, total=21), 21),
        ({"usage": CHAT | DETAILS}, Usage(prompt=9, completion=12, cached=4, reasoning=5, total=21), 21),
        ({"usage": {"prompt_tokens": 8, "total_tokens": 8}}, Usage(prompt=8, total=8), 8),  # embeddings
        (
            {"usage": {"input_tokens": 3, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 1}}},
            Usage(prompt=3, completion=4, reasoning=1),
            7,
        ),
        (
            {"type": "message", "usage": {"input_tokens": 3, "cache_read_input_tokens": 10, "output_tokens": 4}},
            Usage(prompt=13, completion=4, cached=10),
            17,
        ),
        (
            {"text": "x", "meta_info": {"prompt_tokens": 5, "completion_tokens": 6, "cached_tokens": 2}},
            Usage(prompt=5, completion=6, cached=2),
            11,
        ),
        ({"usage": {"prompt_tokens": 5, "completion_tokens": None}}, Usage(prompt=5), None),
        (
            {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}},
            Usage(prompt=0, completion=0, total=0),
            None,
        ),
    ],
)
def test_what_an_answer_says(said: dict[str, Any], found: Usage, tokens: int | None) -> None:
    for kind, body in ((JSON, json.dumps({"model": "m"} | said).encode()), (EVENTS, events({"model": "m"} | said, b"[DONE]"))):
        read = of(body, kind)
        assert read is not None
        assert msgspec.structs.replace(read, model=None) == found
        assert (read.tokens, read.model) == (tokens, "m")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"{", b'{"usage": null}', b'{"usage": 5}', b'{"usage": {}}', b"\xff\xfe", b"[" * 5000),
        *(b'{"x": ' + b"[" * 3000 + b"]" * 3000 + b"}", b'{"response": ' * 3000 + b"{}" + b"}" * 3000),
        *(b'{"usage": {"total_tokens": -1}}', b'{"usage": {"total_tokens": true}}', b'{"usage": {"total_tokens": "9"}}'),
        *(
            b'{"usage": {"total_tokens": 1e300}}',
            b'{"usage": {"total_tokens": 10000000000}}',
            b'{"x": {"usage": {"total_tokens": 3}}}',
        ),
    ],
)
def test_what_says_nothing_is_unknown(body: bytes) -> None:
    for found in (
        of(body),
        of(b"data: " + body + b"\n\n", EVENTS),
        of(body, EVENTS),
        of(b'{"a":"' + b"x" * 200_000 + b'",' + body),
    ):
        assert found is None or found.tokens is None


def test_a_stream_says_it_last() -> None:
    chunk = {"model": "m", "choices": [{"delta": {"content": "a"}}]}
    final = {"model": "m", "choices": [], "usage": CHAT}
    assert of(events(*[chunk | {"usage": None}] * 40, final, b"[DONE]"), EVENTS) == Usage(
        model="m", prompt=9, completion=12, total=21
    )
    going = [chunk | {"usage": {"prompt_tokens": 9, "completion_tokens": n, "total_tokens": 9 + n}} for n in range(1, 6)]
    for cut in (going, [*going, b"[DONE]"]):  # a client that left has had as many
        found = of(events(*cut), EVENTS)
        assert found is not None
        assert found.tokens == 14
    assert of(events(*[chunk] * 3000, b"[DONE]"), EVENTS) is None
    assert of(events(*[chunk | {"usage": None}] * 3000, b"[DONE]"), EVENTS) is None


def test_messages_say_it_first_and_last() -> None:
    start = {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 25, "output_tokens": 1}}}
    delta = {"type": "content_block_delta", "delta": {"text": "x" * 50}}
    ends: list[dict[str, int]] = [{"output_tokens": 15}, {"input_tokens": 0, "output_tokens": 15}]
    for deltas, said in itertools.product((3, 3000), ends):  # some say 0 of what they have said before
        body = events(start, *[delta] * deltas, {"type": "message_delta", "usage": said}, {"type": "message_stop"})
        assert of(body, EVENTS) == Usage(model="m", prompt=25, completion=15)
    assert of(events(start, delta), EVENTS) is None, "what the answer took is not known when it is cut short"


@given(text=texts, model=st.none() | st.just("m"), length=st.sampled_from([0, 70_000, 300_000]), after=st.booleans())
def test_what_a_text_says_is_no_usage(text: str, model: str | None, length: int, after: bool) -> None:
    """Whatever a model writes, and wherever its long answer is cut: only the answer's own usage counts."""
    body: dict[str, Any] = {"id": text, "choices": [{"text": text + "é" * length + text, "usage": {"total_tokens": 1}}]}
    late = {"note": text, "user": None} if after else {}
    for usage in ({}, {"usage": CHAT}):
        said: dict[str, Any] = ({"model": model} if model else {}) | body | usage | late
        for ascii_only in (True, False):
            whole = json.dumps(said, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
            event = {"type": "response.completed", "response": said}
            inside = b"data: " + json.dumps(event, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") + b"\n\n"
            for found in (of(whole, at_once=50_000), of(inside, EVENTS, at_once=50_000)):
                assert (found is None) == (not usage), found
                assert found is None or found.tokens == 21
            if usage and model:
                assert (read := of(whole, at_once=len(whole))) is not None
                assert read.model == "m"


@given(body=st.binary(max_size=300), at_once=st.integers(1, 100), encoding=st.sampled_from([b"", b"gzip", b"deflate", b"br"]))
def test_any_bytes_are_taken(body: bytes, at_once: int, encoding: bytes) -> None:
    for kind in (JSON, EVENTS, b"image/png", b""):
        assert of(body, kind, encoding, at_once) is None or body


@pytest.mark.parametrize("at_once", [1, 100, 10**6])
def test_a_packed_answer_is_unpacked(at_once: int) -> None:
    body = json.dumps({"model": "m", "usage": CHAT, "data": "x" * 1000}).encode()
    for encoding, packed in ((b"gzip", gzip.compress(body)), (b"deflate", zlib.compress(body))):
        assert of(packed, JSON, encoding, at_once) == Usage(model="m", prompt=9, completion=12, total=21)
    assert of(body, JSON, b"br", at_once) is None


def test_a_large_answer_is_not_kept() -> None:
    answer = Answer()
    answer.pass_by({"type": "http.response.start", "status": 200, "headers": [(b"content-type", JSON)]})
    chunk = b'{"model":"m","data":[' + b"0.25," * 400_000
    for _ in range(20):
        answer.pass_by({"type": "http.response.body", "body": chunk, "more_body": True})
        assert len(answer._tail) + len(answer._head) <= 3 * TAIL_BYTES
    answer.pass_by({"type": "http.response.body", "body": b'0],"usage":{"prompt_tokens":4,"total_tokens":4}}'})
    assert answer.usage() == Usage(model="m", prompt=4, total=4)
    last = b'{"data":[' + b"0.25," * 400_000 + b'0], "model": "m", "usage": {"prompt_tokens": 4, "total_tokens": 4}}'
    assert of(last, at_once=10**7) == Usage(model="m", prompt=4, total=4)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ("/home/someone/models/llama-7b/", "llama-7b"),
        ("C:\\models\\llama.gguf", "llama.gguf"),
        ("ft:gpt-4o:org::abc", "ft:gpt-4o:org::abc"),
        ("What is my diagnosis?", OTHER),
        ("sk-proj-abcdefgh12345678", OTHER),
        ("hf_aBcDeFgH12345678", OTHER),
        ("\x1b[31mred", OTHER),
        ("=cmd|'/c calc'!A1", OTHER),
        ("a" * 97, OTHER),
        ("../../etc/passwd", "passwd"),
        ("", OTHER),
    ],
)
def test_a_models_name_is_kept_if_it_is_one(told: str, name: str) -> None:
    assert clean_model(told) == name


def test_models_are_bounded_and_unknown_tokens_are_none() -> None:
    counts = Counts()
    for number in range(1000):
        counts.add(200, Usage(model=f"m{number}", total=2), is_whole=True)
    counts.add(200, None, is_whole=False)
    counts.add(404, None, is_whole=True)
    counts.add(503, Usage(total=9), is_whole=True)
    counts.add(None, None, is_whole=False)
    work = counts.take()
    assert (work["requests"], work["tokens"], work[UNKNOWN]) == (1001, 2000, 1)
    assert (work["requests/failed:4xx"], work["requests/failed:5xx"], work["requests/unanswered"]) == (1, 1, 1)
    models = {name: number for name, number in work.items() if name.startswith("requests/model:")}
    assert len(models) == MODELS_LIMIT + 1
    assert models["requests/model:other"] == 1000 - MODELS_LIMIT
    assert counts.take() == {}
