"""The forms in which cards are found: Markdown, and those that some tool made of it.

A rendering is unwrapped into the Markdown (or text) that it was made of, each line with its place in the file, so that the
same rules read and fill every form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from footprint.card.parts.document import Document, plain, scan
from footprint.card.parts.unwrapped import Form, Row, Unwrapped
from footprint.card.words.labels import PAIR, is_section_title, read_label
from footprint.card.words.languages import is_heading

__all__ = ["Form", "Row", "Unwrapped", "unwrap"]

_MIN_LINES: Final = 5
_SHARE: Final = 20  # one line in so many may look like markup in the text of a page
_HEADINGS: Final = 2  # of the template; one may be a comment in code: `# Evaluation`
_SHORT: Final = 60  # bytes of a title, at most
_NUMBER_ALONE: Final = re.compile(rb"[ \t]*+(?:\xc2\xa0)?\d{0,7}(?:\xc2\xa0)?[ \t]*+\Z")
_HUNK: Final = re.compile(rb"@@ -\d{1,9}(?:,\d{1,9})? \+\d{1,9}(?:,\d{1,9})? @@")
_FILE: Final = re.compile(
    rb"diff --git [^\r\n]{1,500}? b/([^\r\n]{1,500})\Z|([^\s@+-][^\r\n]{0,300}) (?:CHANGED|ADDED|RENAMED)[ \t]*\Z"
)
_HEADER: Final = re.compile(
    rb"diff --git |index [0-9a-f]|(?:new|deleted) file mode |(?:old|new) mode |similarity |rename (?:from|to) "
)
_FENCE: Final = re.compile(rb"[ \t]{0,3}(?:```|~~~)")
_LONGEST_HEAD: Final = 60  # lines of a diff before its first hunk: a message, names of files and how much of each changed
_NEW_NAME: Final = re.compile(rb"\+\+\+ (?:b/)?([^\t\r\n]{1,500})")

# The template's sentence about a calculator, in whatever words a rewriter or a translator put it.
_CALCULATOR: Final = re.compile(
    rb"Lacoste|mlco2|Machine[ -]Learning[ -](?:Impact|CO2|Impression|Influence|Emissions?)\b", re.IGNORECASE
)
_CARBON: Final = re.compile(
    rb"carbon|emission|CO ?2|CO\xe2\x82\x82|\xe7\xa2\xb3|\xe7\x82\xad\xe7\xb4\xa0|kohlenstoff", re.IGNORECASE
)
_ROUND: Final = re.compile(rb"[ \t]{0,40}(?:\xe2\x80\xa2|\xe2\x97\x8f|\xe2\x97\xa6|\xe2\x96\xaa|\xc2\xb7)")
_ROUND_MARK: Final = b"\xe2\x80\xa2"
# One of these is in each title of the section, in small letters.
_SECTION_WORDS: Final = tuple(
    word.encode()
    for word in re.findall(
        r"\S+",
        "environment impact carbon co2 co₂ emission emisi emissõ climat umwelt kologisch klima kohlenstoff ambiental"
        " 环境 環境 碳 炭 カーボン",
    )
)
_CALCULATOR_WORDS: Final = (b"lacoste", b"mlco2", b"machine learning", b"machine-learning")
_MOST_LINES: Final = 20_000  # lines with such a word; a card has some dozens
# What a page shows as something else: headings below the first level (a `#` may be a comment in code), links, bold text, fences.
_MARKUP: Final = re.compile(
    rb"#{2,6}[ \t]|[ \t]{0,40}(?:```|~~~)|[^\r\n]{0,2000}?(?:\]\((?:https?:|#|/|\./)|\*\*[^\s*][^*\r\n]{0,200}\*\*)"
)


def unwrap(raw: bytes) -> Unwrapped:
    """Find a card's form and what it was made of.

    Raises:
        CardError: if the card's parts cannot be told apart, see `scan`.
    """
    document = scan(raw)
    if document.front_matter is None:
        # Counts of single bytes first: most cards are none of these, and are not taken apart to see it.
        signed = document.firsts.count(b"+") >= _MIN_LINES
        barred = raw.count(b"|") >= _MIN_LINES and raw.count(b"|\n") + raw.count(b"|\r") >= _MIN_LINES - 1
        if signed and _is_diff(texts := _texts(document)):
            return _rebuild("rendered diff", document, _undiff(texts))
        if barred and _is_piped(texts := _texts(document)):
            return _rebuild("pipe-delimited", document, _unpipe(texts))
        if _may_be_page(document):
            section = _bare_section(document)
            if _is_rendered(document, section):
                return Unwrapped(form="rendered text", document=document, raw=raw, section=section)
    return Unwrapped(form="markdown", document=document, raw=raw)


# Index of a line in the file, how many of its first bytes are not the card's, its text, and whether it is not to be edited.
_Piece = tuple[int, int, bytes, bool]


def _rebuild(form: Form, file: Document, pieces: list[_Piece]) -> Unwrapped:
    document = scan(b"".join(text + b"\n" for _, _, text, _ in pieces))
    rows = tuple(Row(index + 1, file.starts[index] + skip, frozen) for index, skip, _, frozen in pieces)
    return Unwrapped(form=form, document=document, raw=file.raw, rows=rows or (Row(1, 0, frozen=True),))


def _is_diff(texts: list[bytes]) -> bool:
    """Whether most lines that say something are added lines of a diff, and their numbers or a hunk's header stand there."""
    hunk = next((i for i, text in enumerate(texts) if _HUNK.match(text)), None)
    if hunk is not None and _is_patch(texts, hunk):
        return True
    added = sum(1 for text in texts if text.startswith(b"+") and (hunk is not None or text[1:2] in {b"", b" "}))
    numbered = sum(1 for text in texts if text.strip().isdigit())
    said = sum(1 for text in texts if not _NUMBER_ALONE.match(text))
    return added >= _MIN_LINES and (hunk is not None or numbered >= added // 2) and added * 2 >= said


def _is_patch(texts: list[bytes], hunk: int) -> bool:
    """Whether a text is what git writes: nearly each line after the first hunk's header has its sign, or is a header itself."""
    if hunk > _LONGEST_HEAD or any(_FENCE.match(text) for text in texts[:hunk]):
        return False
    after = texts[hunk:]
    signed = sum(1 for text in after if text[:1] in {b"", b"+", b"-", b" ", b"\\", b"@"} or _HEADER.match(text))
    return signed * 20 >= len(after) * 19 and sum(1 for text in after if text.startswith(b"+")) >= _MIN_LINES


def _undiff(texts: list[bytes]) -> list[_Piece]:
    """The new text: added lines without their sign, and unchanged lines, which are not edited.

    What stands before the hunk is not of the card, and of several files only the card's is read.
    """
    files = _files(texts)
    signed = [text for first, last in files for text in texts[first:last] if len(text) > 1 and text.startswith(b"+")]
    # A page shows a blank after each sign; git does not, and gives one to each unchanged line in the place of its sign.
    spaced = sum(text.startswith(b"+ ") for text in signed) * 10 >= len(signed) * 9
    pieces: list[_Piece] = []
    for first, last in files:
        for index in range(first, last):
            text = texts[index]
            if text.startswith(b"+"):
                skip = 2 if spaced and text.startswith(b"+ ") else 1
                pieces.append((index, min(skip, len(text)), text[skip:], False))
            elif not (_NUMBER_ALONE.match(text) or _HUNK.match(text) or _is_removed(text, spaced=spaced)):
                skip = 0 if spaced else int(text.startswith(b" "))
                pieces.append((index, skip, text[skip:], True))
    return pieces


def _is_removed(text: bytes, *, spaced: bool) -> bool:
    if text.startswith(b"\\ No newline"):
        return True
    return text.startswith(b"- ") or text == b"-" if spaced else text.startswith(b"-")


def _files(texts: list[bytes]) -> list[tuple[int, int]]:
    """The lines after each hunk's header, up to the next file: those of the README, else of the first file that is Markdown."""
    starts: list[tuple[int, str]] = []  # where a file's part starts, and its name
    hunks = [i for i, text in enumerate(texts) if _HUNK.match(text)]
    if not hunks:
        return [(0, len(texts))]
    named = 0
    for hunk in hunks:
        # A file's name stands between the hunk before and its first one; a file's later hunks have none of their own.
        for index in range(hunk - 1, max(named, hunk - 8) - 1, -1):
            if found := _FILE.match(texts[index]) or _NEW_NAME.match(texts[index]):
                starts.append((index, plain(found[found.lastindex or 1]).strip()))
                named = index + 1
                break
        else:
            if not starts:
                starts.append((hunk, ""))
        named = max(named, hunk + 1)
    bounds = [*starts, (len(texts), "")]
    parts = [(name, first, last) for (first, name), (last, _) in pairwise(bounds)]
    chosen = next((part for part in parts if part[0].rpartition("/")[2].lower() == "readme.md"), None)
    chosen = chosen or next((part for part in parts if part[0].lower().endswith(".md")), parts[0])
    _, first, last = chosen
    inside = [hunk for hunk in hunks if first <= hunk < last]
    return [(hunk + 1, after) for hunk, after in pairwise([*inside, last])]


def _is_piped(texts: list[bytes]) -> bool:
    """Whether lines end in a bar as a one-column table does, with lone bars between them; a real table's rows start with one."""
    said = [text.strip() for text in texts if text.strip()]
    lone = sum(1 for text in said if text == b"|")
    ended = sum(1 for text in said if text.endswith(b"|") and not text.startswith(b"|"))
    return lone >= _MIN_LINES and (lone + ended) * 10 >= len(said) * 8


def _unpipe(texts: list[bytes]) -> list[_Piece]:
    return [(index, 0, text.rstrip().removesuffix(b"|").rstrip(b" \t"), False) for index, text in enumerate(texts)]


def _may_be_page(document: Document) -> bool:
    """Whether a text may have been a page: it has few headings of Markdown, and none of the template's.

    A line of code that starts with `#` is no heading of a page, so one as such proves nothing: the template's do.
    """
    if sum(1 for heading in document.headings if heading.level > 1) * _SHARE > len(document.starts):
        return False
    known = [heading.text for heading in document.headings if is_heading(heading.text)]
    return len(known) < _HEADINGS and not any(map(is_section_title, known))


def _is_rendered(document: Document, section: int | None) -> bool:
    """Whether a text was a page: it has a section by its bare title or sentence, or our labels behind round bullets.

    Markup that a page would not show says that it was none.
    """
    if section is None:
        rounds = (document.text(index) for index in _lines_with(document, document.raw, (_ROUND_MARK,)))
        labels = (read_label(text) for text in rounds if _ROUND.match(text))
        if not any(label is not None and label.sureness >= PAIR for label in labels):
            return False
    texts = _texts(document)
    marked = sum(1 for text in texts if _MARKUP.match(text))
    return marked * _SHARE <= sum(1 for text in texts if text.strip())


def _bare_section(document: Document) -> int | None:
    """The line of a page's section: the sentence about the calculator, else its bare title among other bare titles."""
    lower = document.raw.lower()
    for index in reversed(_lines_with(document, lower, _CALCULATOR_WORDS)):
        text = document.text(index)
        if _CALCULATOR.search(text) and _CARBON.search(text) and b"](" not in text:
            return index
    found = [index for index in _lines_with(document, lower, _SECTION_WORDS) if _is_bare(document, index, is_section_title)]
    # A page has other titles too, and a text that only begins with these words is none.
    if found and any(_is_bare(document, index, _is_other_heading) for index in range(len(document.starts))):
        return found[-1]
    return None


def _is_bare(document: Document, index: int, is_title: Callable[[str], bool]) -> bool:
    """Whether a line is a title and nothing else."""
    text = document.text(index)
    if not 0 < len(text) < _SHORT:
        return False
    title = plain(text).strip()
    return not title[:1].isdigit() and is_title(title)


def _is_other_heading(title: str) -> bool:
    return is_heading(title) and not is_section_title(title)


def _lines_with(document: Document, data: bytes, words: tuple[bytes, ...]) -> list[int]:
    """The indices of lines with one of the words, in order; `data` is as long as the card."""
    found: set[int] = set()
    for word in words:
        place = data.find(word)
        while place >= 0 and len(found) < _MOST_LINES:
            index = document.line_index(place)
            found.add(index)
            place = data.find(word, document.nexts[index])
    return sorted(found - document.covered)


def _texts(document: Document) -> list[bytes]:
    return [document.raw[start:end] for start, end in zip(document.starts, document.ends, strict=True)]
