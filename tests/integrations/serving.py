"""A server in OpenAI's format that really generates, with a small language model of random weights, and what a client asks of it.

Imported by the programs that the tests start, in the environment that has the frameworks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import fastapi
import torch
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse, Response, StreamingResponse
from tokenizers import Tokenizer, models, pre_tokenizers  # type: ignore[import-not-found]  # transformers brings it
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

VOCABULARY = 64
MODEL = "org/tiny-gpt2"
Body = Annotated[dict[str, Any], fastapi.Body()]

torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0))


def generated(text: str, count: int) -> tuple[str, dict[str, int]]:
    """Text, and its usage."""
    prompt = torch.tensor([[byte % VOCABULARY for byte in text.encode()]])
    torch.manual_seed(0)
    made = model.generate(prompt, attention_mask=torch.ones_like(prompt), min_new_tokens=count, max_new_tokens=count)
    new = made[0, prompt.shape[1] :].tolist()
    tokens = {"prompt_tokens": prompt.shape[1], "completion_tokens": len(new), "total_tokens": made.shape[1]}
    return "".join(chr(65 + token % 26) for token in new), tokens


def events(body: dict[str, Any], text: str, usage: dict[str, int]) -> Iterator[bytes]:
    options = body.get("stream_options") or {}
    base = {"id": "x", "created": 1, "model": MODEL, "object": "chat.completion.chunk"}
    for at, letter in enumerate(text):
        said: dict[str, Any] = {"usage": None} if options.get("include_usage") else {}
        if options.get("continuous_usage_stats"):
            part = {"completion_tokens": at + 1, "total_tokens": usage["prompt_tokens"] + at + 1}
            said = {"usage": usage | part}
        chunk = base | {"choices": [{"index": 0, "delta": {"content": letter}, "text": letter}]} | said
        yield f"data: {json.dumps(chunk)}\n\n".encode()
    if options.get("include_usage"):
        yield f"data: {json.dumps(base | {'choices': [], 'usage': usage})}\n\n".encode()
    yield b"data: [DONE]\n\n"


def complete(body: Body) -> Response:
    prompt = body.get("prompt") or "".join(message["content"] for message in body["messages"])
    text, usage = generated(prompt, body.get("max_tokens", 8))
    if body.get("stream"):
        return StreamingResponse(events(body, text, usage), media_type="text/event-stream")
    choice = {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": text}, "text": text}
    told = {"id": "x", "created": 1, "model": MODEL, "object": "chat.completion", "choices": [choice], "usage": usage}
    return JSONResponse(told)


def respond(body: Body) -> Response:
    text, usage = generated(body["input"], 8)
    spent = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
    said: dict[str, Any] = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    said |= {"content": [{"type": "output_text", "text": text, "annotations": []}]}
    answer: dict[str, Any] = {
        "id": "r",
        "created_at": 1,
        "object": "response",
        "model": MODEL,
        "status": "completed",
        "output": [said],
    }
    answer |= {"usage": spent | {"total_tokens": usage["total_tokens"]}, "parallel_tool_calls": False, "tools": []}
    if not body.get("stream"):
        return JSONResponse(answer)
    event = {"type": "response.completed", "sequence_number": 1, "response": answer}
    told = f"event: response.completed\ndata: {json.dumps(event)}\n\n"
    return StreamingResponse(iter([told.encode()]), media_type="text/event-stream")


def embed(body: Body) -> Response:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    tokens = sum(len(text.encode()) for text in texts)
    rows = [{"object": "embedding", "index": at, "embedding": [0.25] * 3000} for at, _ in enumerate(texts)]
    used = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "data": rows, "model": MODEL, "usage": used})


def fail() -> None:
    raise ZeroDivisionError


def health() -> dict[str, str]:
    return {}


ROUTES: Any = (
    ("POST", "/v1/chat/completions", complete),
    ("POST", "/v1/completions", complete),
    ("POST", "/v1/responses", respond),
    ("POST", "/v1/embeddings", embed),
    ("POST", "/v1/fails", fail),
    ("GET", "/health", health),
    ("POST", "/health", health),
)


def server(**middleware: Any) -> fastapi.FastAPI:
    """The application, with the middleware if it is given settings."""
    app = fastapi.FastAPI()
    for method, path, function in ROUTES:
        app.add_api_route(path, function, methods=[method])
    app.add_middleware(GZipMiddleware, minimum_size=20_000)
    if middleware:
        from footprint.integrations.asgi import FootprintMiddleware

        app.add_middleware(FootprintMiddleware, **middleware)
    return app


def save(folder: str) -> None:
    """The model in a folder, with a tokenizer of its own, as transformers' server takes it."""
    words = {"<unk>": 0, "<pad>": 1, "<eos>": 2} | {f"w{number}": number for number in range(3, VOCABULARY)}
    core = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"unk_token": "<unk>", "pad_token": "<pad>", "eos_token": "<eos>"}
    template = "{% for message in messages %}{{ message['content'] }} {% endfor %}"
    PreTrainedTokenizerFast(tokenizer_object=core, chat_template=template, **special).save_pretrained(folder)
    model.generation_config.pad_token_id = 1
    model.save_pretrained(folder)
