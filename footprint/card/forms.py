"""The forms in which cards are found: Markdown, and four that some tool made of it and that are read but not filled.

A rendering is unwrapped into the Markdown (or text) that it was made of, each line with the number of the line that it came
from, so that the same rules read every form.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from footprint.card.document import Document, plain, scan
from footprint.card.labels import is_section_title, read_label

Form = Literal["markdown", "rendered text", "rendered diff", "pipe-delimited"]

_MIN_LINES = 5
_DIFF_NUMBER = re.compile(rb"[ \t]*(?:\xc2\xa0)?\d{0,7}(?:\xc2\xa0)?[ \t]*\Z")
_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@")
_PLUS = re.compile(rb"\+(?: |\Z)")
_MINUS = re.compile(rb"-(?: |\Z)")
# The template's sentence about a calculator, in whatever words a rewriter put it, without the link that Markdown would have.
_BARE_CALCULATOR = re.compile(rb"Carbon emissions [^\r\n.\[\]]{1,80}Machine Learning Impact calculator [^\r\n\[\]]{1,80}\(")
_ROUND_BULLET = re.compile(rb"[ \t]*\xe2\x80\xa2")
_TITLES = frozenset({"model details", "model description", "uses", "direct use", "bias, risks, and limitations", "evaluation"})


class Unwrapped(msgspec.Struct, frozen=True, kw_only=True):
    """What a form was made of: a document, and for each of its lines the number of the line in the file."""

    form: Form
    document: Document
    numbers: tuple[int, ...] | None = None

    def number(self, index: int) -> int:
        """The 1-based number, in the file, of a line of the document."""
        return index + 1 if self.numbers is None else self.numbers[index]


def unwrap(raw: bytes) -> Unwrapped:
    """Find a card's form and what it was made of.

    Raises:
        CardError: if the card's parts cannot be told apart, see `scan`.
    """
    document = scan(raw)
    if document.front_matter is None:
        texts = [raw[line.start : line.end] for line in document.lines]
        if raw.count(b"+") >= _MIN_LINES and _is_diff(texts):
            return _rebuild("rendered diff", _undiff(texts))
        if raw.count(b"|") >= _MIN_LINES and _is_piped(texts):
            return _rebuild("pipe-delimited", _unpipe(texts))
        if _is_rendered(document, texts):
            return Unwrapped(form="rendered text", document=document)
    return Unwrapped(form="markdown", document=document)


def _rebuild(form: Form, lines: list[tuple[int, bytes]]) -> Unwrapped:
    document = scan(b"".join(text + b"\n" for _, text in lines))
    return Unwrapped(form=form, document=document, numbers=tuple(number for number, _ in lines) or (1,))


def _is_diff(texts: list[bytes]) -> bool:
    """Whether most lines that say something are added lines of a diff, and their numbers or a hunk's header stand there."""
    added = sum(1 for text in texts if _PLUS.match(text))
    numbered = sum(1 for text in texts if text.strip().isdigit())
    said = sum(1 for text in texts if not _DIFF_NUMBER.match(text))
    framed = numbered >= added // 2 or any(_HUNK.match(text) for text in texts)
    return added >= _MIN_LINES and framed and added * 2 >= said


def _undiff(texts: list[bytes]) -> list[tuple[int, bytes]]:
    """The new text: added lines without their sign, and unchanged lines; what stands before the hunk is not of the card."""
    first = next((i + 1 for i, text in enumerate(texts) if _HUNK.match(text)), 0)
    lines = []
    for number, text in enumerate(texts[first:], first + 1):
        if _PLUS.match(text):
            lines.append((number, text[2:]))
        elif not _DIFF_NUMBER.match(text) and not _MINUS.match(text) and not _HUNK.match(text):
            lines.append((number, text))
    return lines


def _is_piped(texts: list[bytes]) -> bool:
    """Whether lines end in a bar as a one-column table does, with lone bars between them; a real table's rows start with one."""
    said = [text.strip() for text in texts if text.strip()]
    lone = sum(1 for text in said if text == b"|")
    ended = sum(1 for text in said if text.endswith(b"|") and not text.startswith(b"|"))
    return lone >= _MIN_LINES and (lone + ended) * 10 >= len(said) * 8


def _unpipe(texts: list[bytes]) -> list[tuple[int, bytes]]:
    return [(number, text.rstrip().removesuffix(b"|").rstrip(b" \t")) for number, text in enumerate(texts, 1)]


def _is_rendered(document: Document, texts: list[bytes]) -> bool:
    """Whether a text was a page: round bullets before our labels, bare titles, the template's sentence without its links.

    A line of code that starts with `#` is no heading of a page, so headings as such prove nothing: a section's does.
    """
    if any(is_section_title(heading.text) for heading in document.headings):
        return False
    if any(_ROUND_BULLET.match(text) and read_label(text) for text in texts):
        return True
    titles = {plain(text).strip().lower() for text in texts if len(text) < 60}  # noqa: PLR2004 - titles are short
    if titles & _TITLES and any(is_section_title(title) for title in titles):
        return True
    return not document.headings and _BARE_CALCULATOR.search(document.raw) is not None
