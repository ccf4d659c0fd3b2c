"""Reading a card: its fields, its front matter's emissions, its evidence, and the spans that a fill edits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import msgspec

from footprint.card.layout import Fields, FieldSpan, find_fields
from footprint.card.parts.block import Block, block_about, find_blocks
from footprint.card.parts.document import Document
from footprint.card.parts.forms import Form, Unwrapped, unwrap
from footprint.card.parts.metadata import KEY, Metadata, read_metadata
from footprint.card.words.evidence import find_evidence
from footprint.errors import CardError
from footprint.model import FIELD_NAMES, Claim, Evidence, FieldGroup, FieldName

MAX_BYTES: Final = 5_000_000
_MORE: Final = 65_536  # bytes that are asked for where a file holds more than it said, or is a pipe


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A card as found: what its five fields claim, and where everything stands.

    `layout`, `yaml` and `blocks` are the spans that `fill` edits; they speak of `source.document`, which is the file itself
    unless `form` says that the file is a rendering of a card.
    """

    raw: bytes
    source: Unwrapped
    layout: Fields
    yaml: Metadata
    blocks: tuple[Block, ...] = ()

    @property
    def block(self) -> Block | None:
        """Our block on what the five fields say; None where there is none, or where each group of fields has its own."""
        return block_about(self.blocks)

    @property
    def form(self) -> Form:
        """The form in which the card was found."""
        return self.source.form

    @property
    def document(self) -> Document:
        """The card's bytes and the spans of their parts."""
        return self.source.document

    @property
    def fields(self) -> dict[FieldName, Claim | None]:
        """What the card says in each of the five fields; None where a field is absent.

        Of a card with several groups of fields these are those of the one that a fill edits, or of the first.
        """
        layout = self.layout
        group = layout.main or (layout.groups[0] if layout.groups else None)
        return self._claims(group.spans if group is not None else {})

    def _claims(self, spans: dict[FieldName, FieldSpan]) -> dict[FieldName, Claim | None]:
        """The fields of a group as claims."""
        number = self.source.number
        return {
            name: Claim(value=spans[name].value, placeholder=spans[name].placeholder, line=number(spans[name].line))
            if name in spans
            else None
            for name in FIELD_NAMES
        }

    @property
    def groups(self) -> tuple[FieldGroup, ...]:
        """The groups of fields that the card has, in its order, each with the name that stands above or beside it."""
        return tuple(
            FieldGroup(name=group.name, line=self.source.number(group.line), fields=self._claims(group.spans))
            for group in self.layout.groups
        )

    @property
    def metadata(self) -> dict[str, Any]:
        """`co2_eq_emissions` of the front matter as found, under its name; empty where there is none."""
        entry = self.yaml.emissions()
        return {} if entry is None else {KEY: self.yaml.value}

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Sentences that bear on the model's compute, outside the fields and our own block."""
        spans = (span for group in self.layout.groups for span in group.spans.values())
        covered = {i for span in spans for i in range(span.line, span.last_line + 1)}
        return find_evidence(self.source, covered | _lines_of(self.blocks))

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the card but does not keep it from being read."""
        yaml = self.yaml
        doubled = yaml.doubled
        found = (
            (yaml.problem, yaml.problem_line),
            (yaml.obstacle, yaml.obstacle_line),
            (f"the key {doubled[0]!r} stands twice in the front matter", doubled[1]) if doubled else (None, None),
        )
        said = ((what, self.source.number(line - 1) if line else None) for what, line in found if what is not None)
        return tuple(f"line {line}: {what}" if line else what for what, line in said)


def read_card(card: str | os.PathLike[str] | bytes) -> Card:
    """Read a card from a file, or from its bytes.

    Raises:
        CardError: if the file cannot be read, is binary or larger than 5 MB, if its front matter is hostile, or if a block
            of ours is broken; with the line. Front matter that is not valid is told in `problems`.
    """
    raw = card if isinstance(card, bytes) else read_bytes(Path(card))
    if len(raw) > MAX_BYTES:
        raise CardError(f"the card is larger than {MAX_BYTES // 1_000_000} MB; a model card is text of some kilobytes")
    if b"\0" in raw:
        raise CardError("the card is binary, not text", raw[: raw.index(b"\0")].count(b"\n") + 1)
    source = unwrap(raw)
    try:
        blocks = find_blocks(source.document)
        layout = find_fields(source.document, _lines_of(blocks), source.section)
        return Card(raw=raw, source=source, layout=layout, yaml=read_metadata(source.document), blocks=blocks)
    except CardError as error:
        raise source.in_file(error) from None


def _lines_of(blocks: tuple[Block, ...]) -> set[int]:
    """The indices of the lines of our blocks."""
    return {index for block in blocks for index in block.lines}


def named(path: Path, error: Exception) -> str:
    """What is wrong with a card, with its path in front: what was found in its bytes does not know it."""
    message = str(error)
    return message if message.startswith(str(path)) else f"{path}: {message}"


def _at_once(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(descriptor, True)  # what is being written into a pipe is waited for
    return descriptor


def read_bytes(path: Path) -> bytes:
    """A card's bytes.

    Raises:
        CardError: if it is no file that can be read, or larger than 5 MB.
    """
    try:
        if path.is_dir():
            raise CardError(f"{path}: is a folder; name the card in it, such as {path / 'README.md'}")
        # Without waiting: to open a pipe that nobody writes to would not end.
        with open(path, "rb", buffering=0, opener=_at_once) as file:
            # As much as there is: room for the largest card costs more than a card.
            parts = [file.read(min(os.fstat(file.fileno()).st_size, MAX_BYTES) + 1)]
            while parts[-1] and sum(map(len, parts)) <= MAX_BYTES:
                parts.append(file.read(_MORE))
            raw = b"".join(parts)
    except FileNotFoundError:
        raise CardError(f"{path}: there is no such file") from None
    except OSError as error:
        raise CardError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(raw) > MAX_BYTES:
        raise CardError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB; a model card is text of some kilobytes")
    return raw
