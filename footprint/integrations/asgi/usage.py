"""What an answer says of the tokens that it took, read from its last bytes; nothing else of an answer is looked at.

The wire formats: OpenAI's chat completions, completions, embeddings and responses (also those of vLLM, SGLang, llama.cpp's and
transformers' servers), Anthropic's messages, and SGLang's own `meta_info`. An answer that does not say it in one of these says
nothing: its tokens are unknown.

The end of a long answer is enough: `"usage"` cannot stand in a text of JSON without a backslash before its second quotation
mark, and what follows the usage must close exactly the objects that it is said to lie in.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, Final

import msgspec

_LIMIT: Final = 1_000_000_000
"""More tokens than this in one answer are a mistake."""
_EVENTS: Final = 64
"""A stream says its usage in one of its last events."""
_PLACES: Final = 8
_USAGE: Final = re.compile(rb'"usage"\s*:\s*(?=\{)')
_BEFORE: Final = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.){0,400}")\s*,\s*$')
_BEFORE_BYTES: Final = 1000
_DATA: Final = b"data:"
_MEMBER: Final = rb'\s*"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[-+.\w]+)\s*,'
_MODEL: Final = re.compile(rb"\s*\{(?:" + _MEMBER + rb'){0,16}?\s*"model"\s*:\s*("(?:[^"\\]|\\.){0,400}")')


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one answer, as it states them; null where it does not.

    `prompt` holds those that came from a cache, `completion` those of reasoning.
    """

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    total: int | None = None
    model: str | None = None

    @property
    def tokens(self) -> int | None:
        """All of them; null where that cannot be told, or none are said to have been."""
        parts = None if self.prompt is None or self.completion is None else self.prompt + self.completion
        known = [number for number in (self.total, parts) if number]
        return max(known, default=None)


class _Details(msgspec.Struct):
    cached_tokens: Any = None
    reasoning_tokens: Any = None


class _Counts(msgspec.Struct):
    prompt_tokens: Any = None
    completion_tokens: Any = None
    total_tokens: Any = None
    input_tokens: Any = None
    output_tokens: Any = None
    cached_tokens: Any = None
    reasoning_tokens: Any = None
    cache_read_input_tokens: Any = None
    cache_creation_input_tokens: Any = None
    prompt_tokens_details: msgspec.Raw = msgspec.Raw(b"null")
    completion_tokens_details: msgspec.Raw = msgspec.Raw(b"null")
    input_tokens_details: msgspec.Raw = msgspec.Raw(b"null")
    output_tokens_details: msgspec.Raw = msgspec.Raw(b"null")


class _Said(msgspec.Struct):
    """The members of an answer, or of an event, that are read; all others are passed over."""

    model: msgspec.Raw = msgspec.Raw(b"null")
    usage: msgspec.Raw = msgspec.Raw(b"null")
    meta_info: msgspec.Raw = msgspec.Raw(b"null")
    response: msgspec.Raw = msgspec.Raw(b"null")  # an event of the responses API holds the answer in it
    message: msgspec.Raw = msgspec.Raw(b"null")  # the first event of Anthropic's messages


_said: Final = msgspec.json.Decoder(_Said)
_counts: Final = msgspec.json.Decoder(_Counts)
_details: Final = msgspec.json.Decoder(_Details)
_text: Final = msgspec.json.Decoder(str)
_any: Final = msgspec.json.Decoder(dict[str, Any])


def of_json(head: bytes, tail: bytes) -> Usage | None:
    """The usage that a JSON answer states; null if none.

    Args:
        head: its first bytes, where `tail` does not hold all of it; else nothing.
        tail: all of it, or its last bytes.
    """
    if not head:
        return _of_object(tail)
    found = _of_end(tail, (b'{"x":0',))
    if found is not None and found.model is None and (model := _MODEL.match(head)):
        return msgspec.structs.replace(found, model=_string(model[1]))
    return found


def of_stream(head: bytes, tail: bytes) -> Usage | None:
    """The usage that a stream of server-sent events states: the last one wins; null if none.

    Args:
        head: its first bytes, where `tail` does not hold all of it; else nothing.
        tail: all of it, or its last bytes.
    """
    first = _first(head or tail)
    lines = tail.splitlines()
    looked = 0
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if not line.startswith(_DATA) and not (at == 0 and head):
            continue
        looked += 1
        if looked > _EVENTS:
            break
        if b'"usage"' in line or b'"meta_info"' in line:
            is_whole = line.startswith(_DATA)
            last = _of_object(line[len(_DATA) :]) if is_whole else _of_end(line, (b'{"x":0', b'{"response":{"x":0'))
            if last is not None:
                return _joined(first, last)
    return first if first is not None and first.tokens is not None else None


def _first(events: bytes) -> Usage | None:
    """What the first event says: Anthropic's has the tokens of the prompt; what it says of the answer is not known yet."""
    line = next((line for line in events.splitlines() if line.startswith(_DATA)), b"")
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        said = _said.decode(line[len(_DATA) :])
        if bytes(said.message) != b"null":
            inner = _of_object(bytes(said.message))
            return None if inner is None else msgspec.structs.replace(inner, completion=None, total=None)
        return Usage(model=_string(bytes(said.model)))
    return None


def _joined(first: Usage | None, last: Usage) -> Usage:
    """What two events say together: counts grow, and a last one may say 0 of a prompt that the first one has told."""
    if first is None:
        return last
    earlier, later = msgspec.structs.asdict(first), msgspec.structs.asdict(last)
    model = earlier["model"] if last.model is None else last.model
    known = {name: [one[name] for one in (earlier, later) if one[name] is not None] for name in later if name != "model"}
    return Usage(model=model, **{name: max(values, default=None) for name, values in known.items()})


def _of_object(told: bytes) -> Usage | None:
    """What a whole object says, or the answer in it."""
    try:
        said = _said.decode(told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    for inner in (said.usage, said.meta_info):
        found = _of_counts(bytes(inner))
        if found is not None:
            return msgspec.structs.replace(found, model=_string(bytes(said.model)))
    return _of_object(bytes(said.response)) if bytes(said.response)[:1] == b"{" else None


def _of_end(tail: bytes, openings: tuple[bytes, ...]) -> Usage | None:
    """What the last bytes of an object say whose beginning is not there any more.

    Args:
        tail: the last bytes.
        openings: what the object may begin with, in front of the usage: how deep it lies.
    """
    for found in list(_USAGE.finditer(tail))[-_PLACES:][::-1]:
        text = tail[found.end() :].decode("utf-8", "replace")
        try:
            _, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            continue
        inner, rest = text[:end].encode(), text[end:].encode()
        for opening in openings:
            with suppress(msgspec.DecodeError):
                around = _any.decode(opening + rest)
                usage = _of_counts(inner)
                if usage is not None:
                    before = tail[max(0, found.start() - _BEFORE_BYTES) : found.start()]
                    return msgspec.structs.replace(usage, model=_model_beside(before, around))
    return None


def _model_beside(before: bytes, around: dict[str, Any]) -> str | None:
    """The model that is named in front of a usage, or behind it."""
    if found := _BEFORE.search(before):
        return _string(found[1])
    inner = around.get("response")
    model = around.get("model") or (inner.get("model") if isinstance(inner, dict) else None)
    return model if isinstance(model, str) else None


def _of_counts(told: bytes) -> Usage | None:
    try:
        counts = _counts.decode(told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    prompt = _number(counts.prompt_tokens)
    if prompt is None and (prompt := _number(counts.input_tokens)) is not None:
        # Anthropic's do not hold those that a cache had.
        prompt += (_number(counts.cache_read_input_tokens) or 0) + (_number(counts.cache_creation_input_tokens) or 0)
    completion = _first_of(counts.completion_tokens, counts.output_tokens)
    before = _detail(counts.prompt_tokens_details, counts.input_tokens_details)
    after = _detail(counts.completion_tokens_details, counts.output_tokens_details)
    found = Usage(
        prompt=prompt,
        completion=completion,
        total=_number(counts.total_tokens),
        cached=_first_of(before.cached_tokens, counts.cached_tokens, counts.cache_read_input_tokens),
        reasoning=_first_of(after.reasoning_tokens, counts.reasoning_tokens),
    )
    return None if found == Usage() else found


def _detail(*told: msgspec.Raw) -> _Details:
    for one in told:
        with suppress(msgspec.DecodeError):
            return _details.decode(one)
    return _Details()


def _first_of(*told: object) -> int | None:
    return next((number for one in told if (number := _number(one)) is not None), None)


def _number(told: object) -> int | None:
    """A count; null for what is none, or cannot be."""
    return told if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= _LIMIT else None


def _string(told: bytes) -> str | None:
    try:
        return _text.decode(told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
