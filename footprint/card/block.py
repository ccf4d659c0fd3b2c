"""Our block in a card: how the numbers are known, and the digests by which we know our own words again.

::

    <!-- footprint:begin schema=1 runs=… factors=… fields=hardware:1f3a…,hours:… digest=… -->
    - …
    <!-- footprint:end -->

A digest in `fields` is that of a value as we wrote it: while the card's value still has it, the value is ours and may be
updated; otherwise a person changed it, and it stays. `digest` is that of the block's own lines.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from footprint import text
from footprint.card.document import Document
from footprint.errors import CardError

SCHEMA: Final = 1
_MARK = re.compile(rb"<!--[ \t]*footprint:(begin|end)\b([^>\r\n]*?)-->")
_DIGEST_LENGTH = 12
_MAX_IDS = 20


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block found in a card: its lines (first and last, indices), its span, and what its header says."""

    first: int
    last: int
    start: int
    end: int
    header_end: int
    header: dict[str, str]
    fields: dict[str, str]
    edited: bool

    @property
    def lines(self) -> range:
        """The indices of its lines."""
        return range(self.first, self.last + 1)


def find_block(document: Document) -> Block | None:
    """Find our block.

    Raises:
        CardError: if there is more than one, or a beginning or an end without the other.
    """
    if b"footprint:" not in document.raw:
        return None
    marks = []
    for index, line in enumerate(document.lines):
        found = _MARK.match(document.raw, line.start, line.end)
        if found and index not in document.covered:
            marks.append((index, found))
    if not marks:
        return None
    kinds = [found[1] for _, found in marks]
    if kinds != [b"begin", b"end"]:
        stray = marks[2][0] if kinds[:2] == [b"begin", b"end"] else marks[0][0]
        raise CardError("a footprint block without its beginning or end, or a second one: remove it and fill again", stray + 1)
    (first, begin), (last, end) = marks
    header = dict(re.findall(r"([a-z]+)=(\S*)", begin[2].decode("ascii", "replace")))
    pairs = [part.partition(":") for part in header.get("fields", "").split(",") if ":" in part]
    body = document.raw[document.lines[first].next : document.lines[last].start]
    return Block(
        first=first,
        last=last,
        start=document.lines[first].start,
        end=end.end(),
        header_end=begin.end(),
        header=header,
        fields={name: value for name, _, value in pairs},
        edited=header.get("digest") != digest(body),
    )


def digest(value: bytes | str) -> str:
    """The digest of a value, whatever its line ends and outer white space."""
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return hashlib.sha256(b"\n".join(line.rstrip() for line in data.strip().splitlines())).hexdigest()[:_DIGEST_LENGTH]


def render_header(*, runs: Iterable[str], factors: str, fields: Mapping[str, str], body_digest: str) -> bytes:
    """The block's first line."""
    parts = [
        f"schema={SCHEMA}",
        f"runs={_runs(runs)}",
        f"factors={_word(factors) or 'none'}",
        f"fields={','.join(f'{name}:{value}' for name, value in fields.items()) or 'none'}",
        f"digest={body_digest}",
    ]
    return f"<!-- footprint:begin {' '.join(parts)} -->".encode()


def recorded_edition(block: Block | None, runs: Iterable[str]) -> str | None:
    """The edition of the factors that a block was written with, if it was written of the same runs; None if it was not."""
    if block is None or block.header.get("runs") != _runs(runs):
        return None
    return block.header.get("factors")


def render_block(header: bytes, lines: Iterable[str], eol: bytes) -> bytes:
    """The whole block, without a line end after it."""
    return eol.join([header, *(line.encode() for line in lines), b"<!-- footprint:end -->"])


def body_of(lines: Iterable[str]) -> bytes:
    """The block's own lines, as their digest takes them."""
    return b"\n".join(line.encode() for line in lines)


@lru_cache(maxsize=1024)  # the same account may fill many cards
def safe(name: str, *, limit: int = 500) -> str:
    """Text of unknown origin for a line of the block: one line, no markup, no comment, no template, no link."""
    cleaned = text.clean(name, limit=limit, empty="")
    cleaned = cleaned.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    cleaned = re.sub(r"([\\`*\[\]|])", r"\\\1", cleaned)
    return re.sub(r"\{(?=[{%#])", "{ ", cleaned)


def _runs(runs: Iterable[str]) -> str:
    ids = list(runs)
    shown = ids if len(ids) <= _MAX_IDS else [*ids[:_MAX_IDS], f"and-{len(ids) - _MAX_IDS}-more"]
    return ",".join(map(_word, shown)) or "none"


def _word(value: str) -> str:
    """A value for the header: letters, digits and a few marks, so that it can neither end the comment nor start a new key."""
    return re.sub(r"[^A-Za-z0-9._:-]", "_", value).replace("--", "-_")[:80]
