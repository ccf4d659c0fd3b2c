"""What a form was made of, and the way back: where an edit of the unwrapped document stands in the file's own bytes.

A rendering's lines are the card's with something around them: a sign in front (a diff), a bar behind (a table of one column).
An edit goes to the same place of the same line; a line that is added gets what the others have around them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import msgspec

from footprint.card.parts.document import Document, dominant_eol
from footprint.card.parts.edits import Edit, arrange
from footprint.errors import CardError

Form = Literal["markdown", "rendered text", "rendered diff", "pipe-delimited"]

FROZEN: Final = "its line is not one that the diff adds"
NO_LINES: Final = "a diff's own lines are edited, and none is added"


class Row(NamedTuple):
    """A line of the document in the file: its 1-based number, where its text starts, and whether it may be edited at all."""

    number: int
    start: int
    frozen: bool = False


class Unwrapped(msgspec.Struct, frozen=True, kw_only=True):
    """A form and the document that it was made of.

    `rows` are the document's lines in the file; None where the document is the file. `section` is the line (an index) of a
    page's own section, known by its bare title or its sentence about the calculator, where it has no Markdown heading.
    """

    form: Form
    document: Document
    raw: bytes
    rows: tuple[Row, ...] | None = None
    section: int | None = None

    @property
    def adds_lines(self) -> bool:
        """Whether lines may be added: not to a diff, whose hunks count them."""
        return self.form != "rendered diff"

    @property
    def adds_front_matter(self) -> bool:
        """Whether a front matter may be added: a rendering that shows none would not show ours, and no site would read it."""
        return self.form == "markdown"

    def number(self, index: int) -> int:
        """The 1-based number, in the file, of a line of the document."""
        return index + 1 if self.rows is None else self.rows[min(index, len(self.rows) - 1)].number

    def frozen(self, index: int) -> bool:
        """Whether a line of the document is not ours to edit: one that a diff only shows."""
        return self.rows is not None and self.rows[index].frozen

    def in_file(self, error: CardError) -> CardError:
        """The same error, with its line counted in the file instead of in the document."""
        if self.rows is None or error.line is None:
            return error
        message = str(error).removeprefix(f"line {error.line}: ")
        return CardError(message, self.number(error.line - 1))

    def place(self, edits: Iterable[Edit]) -> tuple[Edit, ...]:
        """Arranged edits of the document as edits of the file.

        Raises:
            CardError: if one of them edits a line that is not ours, or adds or joins lines where none may be.
        """
        if self.rows is None:
            return tuple(edits)
        if self.form == "rendered diff":
            return arrange([self._in_row(edit) for edit in edits])
        own = list(edits)
        starts = Counter(edit.start for edit in own)
        return arrange([self._between_bars(edit, joined=starts[edit.end] > (edit.start == edit.end)) for edit in own])

    def fits(self, edits: Iterable[Edit]) -> bool:
        """Whether edits of the document can be placed in the file."""
        try:
            self.place(edits)
        except CardError:
            return False
        return True

    def _in_row(self, edit: Edit) -> Edit:
        """An edit inside one added line of a diff."""
        index = self.document.line_number(edit.start) - 1
        if b"\n" in edit.new or b"\r" in edit.new or edit.end > self.document.ends[index]:
            raise CardError(f"{NO_LINES}: fill the card itself", self.number(index))
        if self.frozen(index):
            raise CardError(f"{FROZEN}: fill the card itself", self.number(index))
        return Edit(start=self._offset(edit.start), end=self._offset(edit.end), new=edit.new)

    def _between_bars(self, edit: Edit, *, joined: bool) -> Edit:
        """An edit of lines that each end in a bar: added ones end in one too, in the file's own line ends.

        `joined` says that another edit goes on where this one ends.
        """
        eol = dominant_eol(self.raw)
        start, end = self._offset(edit.start), self._offset(edit.end)
        pieces = edit.new.split(b"\n")
        line = self.document.line(self.document.line_number(edit.start) - 1)
        # The first piece continues the text that stands before it on its line, if there is any.
        before = edit.start - line.start if edit.start < len(self.document.raw) else 0
        new = b"".join(piece + (b" |" if piece or (n == 0 and before) else b"|") + eol for n, piece in enumerate(pieces[:-1]))
        if edit.start >= len(self.document.raw) and not self.raw.endswith((b"\n", b"\r")):
            new = eol + new.removesuffix(eol)
        after = b" " if pieces[-1] and not joined and self.raw.startswith(b"|", end) else b""
        return Edit(start=start, end=end, new=new + pieces[-1] + after)

    def _offset(self, offset: int) -> int:
        """The place in the file of a place in the document."""
        assert self.rows is not None
        if offset >= len(self.document.raw):
            return len(self.raw)
        index = self.document.line_number(offset) - 1
        return self.rows[index].start + offset - self.document.starts[index]
