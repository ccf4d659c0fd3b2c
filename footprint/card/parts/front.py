r"""Where a card's front matter stands, as the Hub sees it, and why front matter that is there is not seen.

The Hub's expression is `^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(\r\n|\n|$))`, whose `\s` is that of
JavaScript: it takes a BOM and Unicode's spaces for white space too.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

BOM: Final = b"\xef\xbb\xbf"

# JavaScript's white space beyond ASCII: NBSP, BOM, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000.
_SPACE: Final = rb"(?:\s|\xc2\xa0|\xef\xbb\xbf|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)*"
_OPENING: Final = re.compile(rb"\A" + _SPACE + rb"---(?:\r\n|\r|\n)")
_AFTER_DASHES: Final = re.compile(rb"[ \t]*(?:\r\n|\n|\Z)")
# Front matter by its looks: dashes, then a key. A line with `#` after dashes may be a heading below a rule.
_KEY: Final = rb"[ \t]*[\w.-]{1,100}[ \t]*:(?:[ \t\r\n]|\Z)"
_HUB_KEY: Final = (
    rb"(?:license|language|tags|datasets|metrics|library_name|pipeline_tag|base_model|model-index|co2_eq_emissions|thumbnail|widget)"
    rb"[ \t]{0,9}:"
)
_UNCLOSED: Final = re.compile(rb"\A" + _SPACE + rb"(---)(?:\r\n|\r|\n)" + _KEY)
_DOTS: Final = re.compile(rb"(?:\r\n|\r|\n)\.\.\.[ \t]*(?:[\r\n]|\Z)")
_BLANK_AFTER: Final = re.compile(rb"\A" + _SPACE + rb"(---)[ \t]+[\r\n]" + _KEY)
_REMARKS: Final = rb"(?:#[^\r\n]{0,200}[\r\n]{1,2}){0,3}"
_FENCED: Final = re.compile(rb"\A" + _SPACE + rb"(?:```|~~~)[^\r\n]{0,80}[\r\n]{1,2}(---)[ \t]*[\r\n]{1,2}" + _REMARKS + _HUB_KEY)
# What Python takes for white space and JavaScript does not.
_CONTROL: Final = re.compile(rb"\A(?:[\x1c-\x1f\s]|\xc2\x85|" + _SPACE[:-1] + rb")*+(---)(?:\r\n|\r|\n)")
_LATE: Final = re.compile(rb"(?:\n|\r)(---)[ \t]*(?:\r\n|\r|\n)" + _REMARKS + _HUB_KEY)
_LATEST: Final = 8000  # bytes into a card in which front matter that is not at its beginning is looked for
_BESIDE: Final = (
    (_BLANK_AFTER, "white space follows its opening dashes"),
    (_FENCED, "a code fence stands around it"),
    (_CONTROL, "a control character stands before it"),
    (_LATE, "text stands before it"),
)


class FrontMatter(NamedTuple):
    """Spans of the front matter: the YAML between the markers, and where the body starts."""

    start: int
    end: int
    body: int


class Unseen(NamedTuple):
    """Front matter that the Hub does not see: the offset of its dashes, and why it is not seen."""

    place: int
    reason: str


def find(raw: bytes) -> FrontMatter | None:
    """The front matter as the Hub sees it, or None."""
    opening = _OPENING.match(raw)
    if opening is None:
        return None
    start = opening.end()
    # What closes it is dashes that begin a line of their own, after a line end that is not the opening's.
    dashes = raw.find(b"---", start + 1)
    while dashes >= 0:
        if raw[dashes - 1] in b"\r\n" and (after := _AFTER_DASHES.match(raw, dashes + 3)):
            halves = dashes - 2 >= start and raw[dashes - 2 : dashes] == b"\r\n"
            return FrontMatter(start, dashes - (2 if halves else 1), after.end())
        dashes = raw.find(b"---", dashes + 1)
    return None


def unseen(raw: bytes) -> Unseen | None:
    """Where front matter stands, in a card of which the Hub sees none, and why it does not."""
    if b"---" not in raw[: _LATEST + 4]:
        return None
    if found := _UNCLOSED.match(raw):
        dots = _DOTS.search(raw, found.end(1), found.end(1) + 50_000)
        return Unseen(found.start(1), "it ends with dots, not with three dashes" if dots else "it never closes with three dashes")
    opened = _OPENING.match(raw) is not None
    for pattern, reason in _BESIDE:
        if (found := pattern.search(raw, 0, _LATEST)) and not (opened and pattern is _CONTROL):
            return Unseen(found.start(1), reason)
    return None
