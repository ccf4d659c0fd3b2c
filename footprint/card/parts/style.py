"""A card's own style: how its headings look, what its lists begin with, how its labels are bold, in which language it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from footprint.card.parts.document import Document, Heading
from footprint.card.words.languages import Language, language_of
from footprint.model import FieldName

HeadingStyle = Literal["atx", "closed", "setext", "html", "bold"]

_LABEL = re.compile(
    rb"(?P<bullet>[-*+])[ \t]{1,4}"
    rb"(?:\*\*[^*\r\n]{2,60}(?P<inside>:\*\*)|\*\*[^*:\r\n]{2,60}\*\*[ \t]{0,2}(?P<outside>:))"
)
_ITEM = re.compile(rb"(?P<bullet>[-*+])[ \t]")
_BOLD_HEADING = re.compile(rb"\*\*[^*\r\n]{3,60}\*\*[ \t]{0,3}(?=[\r\n])")
_NUMBERED = re.compile(r"(\d{1,2})([.)]?)[ \t]+\S")
_SAYS = re.compile(r"[^\W_]")
_FEW: Final = 2  # headings of another kind that may be chance


class Style(NamedTuple):
    """A style: of headings, of list items (`bullet` with its blank), of labels (`bold`), and the language."""

    headings: HeadingStyle
    bullet: bytes
    bold: str
    language: Language

    def heading(self, level: int, title: str, eol: bytes) -> bytes:
        """A heading of a level."""
        words = title.encode()
        if self.headings == "setext" and level <= 2:  # noqa: PLR2004 - Markdown underlines two levels
            width = max(len(title) * (2 if not title.isascii() else 1), 3)
            return words + eol + (b"=" if level == 1 else b"-") * width
        if self.headings == "html":
            return f"<h{level}>{title}</h{level}>".encode()
        if self.headings == "bold":
            return b"**" + words + b"**"
        closing = b" " + b"#" * level if self.headings == "closed" else b""
        return b"#" * level + b" " + words + closing

    def line(self, name: FieldName, value: str) -> bytes:
        """A new field's line."""
        return field_line(name, value, lead=self.bullet, bold=self.bold, language=self.language)


def field_line(
    name: FieldName, value: str, *, lead: bytes = b"- ", bold: str = "inside", language: Language | None = None, colon: str = ""
) -> bytes:
    """A field's line in the style of its neighbours."""
    language = language or language_of(())
    label, colon = language.label(name), colon or language.colon
    marked = {"inside": f"**{label}{colon}**", "outside": f"**{label}**{colon}", "none": f"{label}{colon}"}[bold]
    gap = "" if colon.endswith("\uff1a") and bold != "inside" else " "
    return lead + f"{marked}{gap}{value}".encode()


@lru_cache(maxsize=2)  # each new field asks for the style of the one card that is filled
def style_of(document: Document, headings: tuple[Heading, ...]) -> Style:
    """The style that a card has; the template's where it has none.

    Args:
        document: the card.
        headings: its headings of the first order, none inside lists and quotations.
    """
    labels = list(_matches(document, _LABEL, b"-*+"))
    bullets = [found["bullet"] for found in labels or _matches(document, _ITEM, b"-*+")]
    outside = sum(1 for found in labels if found["outside"])
    bullet = Counter(bullets).most_common(1)[0][0] if bullets else b"-"
    return Style(
        headings=_headings(document, headings),
        bullet=bullet + b" ",
        bold="outside" if outside * 2 > len(labels) else "inside",
        language=language_of([heading.text for heading in headings]),
    )


def numbered(headings: list[Heading], title: str) -> str:
    """A title with the number that follows that of the last heading, where headings of its level are numbered."""
    found = [_NUMBERED.match(heading.text) for heading in headings]
    last = found[-1] if found else None
    if last is None or len([one for one in found if one]) < _FEW:
        return title
    return f"{int(last[1]) + 1}{last[2]} {title}"


def _matches(document: Document, pattern: re.Pattern[bytes], first: bytes) -> Iterator[re.Match[bytes]]:
    """The matches at the beginnings of lines that are shown; `first` are the bytes that one may begin with."""
    raw, starts, covered = document.raw, document.starts, document.covered
    found = (pattern.match(raw, starts[index]) for index in document.beginning_with(first) if index not in covered)
    return (one for one in found if one is not None)


def _headings(document: Document, headings: tuple[Heading, ...]) -> HeadingStyle:
    """What most of a card's headings look like."""
    kinds: dict[HeadingStyle, int] = {}
    for heading in headings:
        if not _SAYS.search(heading.text):
            continue
        line = document.text(heading.line).strip()
        kind: HeadingStyle = "setext"
        if line.startswith(b"#"):
            kind = "closed" if line.endswith(b"#") and line.strip(b"#") else "atx"
        elif line[:2].lower() == b"<h":
            kind = "html"
        kinds[kind] = kinds.get(kind, 0) + 1
    if not kinds:
        bold = sum(1 for _ in _matches(document, _BOLD_HEADING, b"*"))
        return "bold" if bold > _FEW else "atx"
    # One title in HTML or underlined says nothing of the rest.
    return max(kinds, key=kinds.__getitem__)
