"""Our block in a card: how the numbers are known, and the digests by which we know our own words again.

::

    <!-- footprint:begin schema=1 about=training runs=… factors=… fields=hardware:1f3a…,hours:… lines=energy:… digest=… -->
    - …
    <!-- footprint:end -->

A card has one block a subject: `about` is `training` (what the five fields say; so is a block that does not name its subject),
`inference` or `evaluation`. Where a card has several groups of fields, `group` is the digest of the name of the block's own.

A digest in `fields` is that of a value as we wrote it: while the card's value still has it, the value is ours and may be
updated; otherwise a person changed it, and it stays. `lines` are the digests of the block's own entries, `digest` that of all of
them together: what does not have them is a person's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, Literal, get_args

import msgspec

from footprint import text
from footprint.card.parts.document import Document
from footprint.errors import CardError

SCHEMA: Final = 1
Subject = Literal["training", "inference", "evaluation"]
"""What a block is about: work that made the model, or work that it did."""
SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)
# At the start of a line only, so that a line of marks costs no more than its length.
_MARK = re.compile(rb"<!--[ \t]{0,9}footprint:(begin|end)\b([^>\r\n]*?)-->")
_DIGEST_LENGTH = 12
_SHORT = 400  # bytes or characters of a value whose digest is remembered
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
    body: bytes

    @property
    def edited(self) -> bool:
        """Whether its own lines are not as we wrote them."""
        return self.header.get("digest") != digest(self.body)

    @property
    def about(self) -> str:
        """Its subject; one of a later version of this program may be none of `SUBJECTS`."""
        return self.header.get("about", "training")

    @property
    def group(self) -> str:
        """The digest of the name of the group of fields that it belongs to; empty where the card has but one."""
        return self.header.get("group", "")

    @property
    def entries(self) -> list[tuple[str, str]]:
        """Name and digest of each entry as we wrote it; empty for a block of an earlier version, which did not keep them."""
        return pairs(self.header.get("lines", ""))

    @property
    def lines(self) -> range:
        """The indices of its lines."""
        return range(self.first, self.last + 1)


def find_blocks(document: Document) -> tuple[Block, ...]:
    """Find our blocks, in the order of the card.

    Raises:
        CardError: if there is a beginning or an end without the other, or a second block of one subject.
    """
    marks = []
    place = document.raw.find(b"footprint:")
    while place >= 0:
        index = document.line_index(place)
        found = _MARK.match(document.raw, document.starts[index])
        if found is not None and index not in document.covered:
            marks.append((index, found))
        place = document.raw.find(b"footprint:", document.nexts[index])
    blocks: list[Block] = []
    for (first, begin), (last, end) in zip(marks[::2], [*marks[1::2], marks[-1]] if marks else (), strict=False):
        if (begin[1], end[1]) != (b"begin", b"end"):
            raise CardError("a footprint block without its beginning or end: remove it and fill again", first + 1)
        block = _block(document, first, begin, last, end)
        if any((one.about, one.group) == (block.about, block.group) for one in blocks):
            raise CardError(f"a second one of the footprint blocks about {block.about}: remove it and fill again", first + 1)
        blocks.append(block)
    return tuple(blocks)


def block_about(blocks: Iterable[Block], about: Subject = "training", group: str = "") -> Block | None:
    """The block of a subject, and of a group of fields where the card has several."""
    return next((block for block in blocks if (block.about, block.group) == (about, group)), None)


def group_digest(name: str | None) -> str:
    """What the header says of a group of fields: the digest of its name, whatever its case; empty for one without a name."""
    return digest(" ".join(name.casefold().split())) if name else ""


def _block(document: Document, first: int, begin: re.Match[bytes], last: int, end: re.Match[bytes]) -> Block:
    header = dict(re.findall(r"([a-z]+)=(\S*)", begin[2].decode("ascii", "replace")))
    body = document.raw[document.nexts[first] : document.starts[last]]
    return Block(
        first=first,
        last=last,
        start=document.starts[first],
        end=end.end(),
        header_end=begin.end(),
        header=header,
        fields=dict(pairs(header.get("fields", ""))),
        body=body,
    )


def pairs(text: str) -> list[tuple[str, str]]:
    """The parts of `name:value,name:value`."""
    parted = (part.partition(":") for part in text.split(","))
    return [(name, value) for name, colon, value in parted if colon]


def digest(value: bytes | str) -> str:
    """The digest of a value, whatever its line ends and outer white space."""
    return _digest_short(value) if len(value) <= _SHORT else _digest(value)


@lru_cache(maxsize=4096)  # the same account may fill many cards
def _digest_short(value: bytes | str) -> str:
    return _digest(value)


def _digest(value: bytes | str) -> str:
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return hashlib.sha256(b"\n".join(line.rstrip() for line in data.strip().splitlines())).hexdigest()[:_DIGEST_LENGTH]


def render_header(
    *,
    about: Subject = "training",
    group: str = "",
    runs: Iterable[str],
    factors: str,
    fields: Mapping[str, str],
    entries: Iterable[tuple[str, str]],
    body_digest: str,
) -> bytes:
    """The block's first line."""
    parts = [
        f"schema={SCHEMA}",
        f"about={about}",
        *([f"group={group}"] if group else []),
        f"runs={_runs(runs)}",
        f"factors={_word(factors) or 'none'}",
        *([f"fields={_joined(fields.items())}"] if about == "training" else []),
        f"lines={_joined(entries)}",
        f"digest={_word(body_digest)}",
    ]
    return f"<!-- footprint:begin {' '.join(parts)} -->".encode()


def _joined(named: Iterable[tuple[str, str]]) -> str:
    return ",".join(f"{_word(name)}:{_word(value)}" for name, value in named) or "none"


def recorded_edition(block: Block | None, runs: Iterable[str]) -> str | None:
    """The edition of the factors that a block was written with, if it was written of the same runs; None if it was not."""
    if block is None or block.header.get("runs") != _runs(runs):
        return None
    return block.header.get("factors")


def render_block(header: bytes, body: bytes, eol: bytes) -> bytes:
    """The whole block, without a line end after it."""
    return header + eol + body + eol + b"<!-- footprint:end -->"


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
