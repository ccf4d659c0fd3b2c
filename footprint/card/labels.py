"""How a line says that it is one of the five fields, in the spellings that cards use, and what says nothing.

A label is read by its words. Beside the template's own there are pairs (a word for the thing, a word for the aspect), which
also catch what a rewriter's thesaurus makes of them (`{Hardware} Kind`, `Cloud Supplier`), and single words, which count only
inside the section.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from footprint.card.document import plain
from footprint.model import FieldName

EXACT, PAIR, SINGLE = 3, 2, 1
"""How surely a label names a field; a single word is sure only inside the section."""

TEMPLATE_LABELS: Final[dict[FieldName, str]] = {
    "hardware_type": "Hardware Type",
    "hours_used": "Hours used",
    "cloud_provider": "Cloud Provider",
    "compute_region": "Compute Region",
    "carbon_emitted": "Carbon Emitted",
}
_EXACT: Final = {tuple(label.lower().split()): name for name, label in TEMPLATE_LABELS.items()}

_AREAS = "region regions area location zone place district space territory site sector"
_USES = "used utilized utilised employed"
_PAIR_WORDS: Final[tuple[tuple[FieldName, str, str], ...]] = (
    ("cloud_provider", "cloud hardware compute computing infrastructure", "provider supplier vendor"),
    ("compute_region", "compute computing computation calculation calculate cloud geographical geographic", _AREAS),
    (
        "hardware_type",
        "hardware gpu accelerator device equipment gear machine processor chip",
        f"type kind sort variety category class model {_USES}",
    ),
    ("hours_used", "hours hour time training runtime", f"{_USES} time duration spent hours consumed"),
    (
        "carbon_emitted",
        "carbon co2 co2e co2eq",
        "emitted emission emissions released produced generated discharged launched given footprint",
    ),
)
_PAIRS: Final = tuple((name, frozenset(first.split()), frozenset(second.split())) for name, first, second in _PAIR_WORDS)
_SINGLES: Final[dict[str, FieldName]] = {
    "hardware": "hardware_type",
    "gpu": "hardware_type",
    "gpus": "hardware_type",
    "duration": "hours_used",
    "hours": "hours_used",
    "provider": "cloud_provider",
    "region": "compute_region",
    "location": "compute_region",
    "emissions": "carbon_emitted",
    "co2": "carbon_emitted",
}
_FILLERS: Final = frozenset({"the", "of", "total", "estimated", "eq", "approximate", "optional", "service", "services", "off"})

_SECTION_TITLES: Final = frozenset(
    {
        "environmental impact",
        "environment impact",
        "environmental impacts",
        "environmental impact statement",
        "carbon footprint",
        "carbon emissions",
        "co2 emissions",
        "co2 eq emissions",
        "co2eq emissions",
        "climate performance model card",
        "emission information",
    }
)

_LINE: Final = re.compile(
    rb"""
    # Runs of blanks are bounded, so that a line of them costs no more than its length.
    # The label's marks: bold, emphasis, both, or HTML; opening and closing need not mirror each other (`**_` and `_**`).
    (?P<lead>[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+|(?:\xe2\x80\xa2|\xc2\xb7)[ \t]*)?(?:\xc2\xa0|[ \t])*)
    (?:
      (?:[*_]{1,4}|<(?:b|strong|em|i)>)[ \t]{0,8}(?P<inside>[^*:<_\s][^*:<\r\n]{0,199}?)[ \t]{0,8}:[ \t]{0,8}
      (?:[*_]{1,4}|</(?:b|strong|em|i)>)  # **Label:** value
    | (?:[*_]{1,4}|<(?:b|strong|em|i)>)[ \t]{0,8}(?P<before>[^*:<_\s][^*:<\r\n]{0,99}?)[ \t]{0,8}
      (?:[*_]{1,4}|</(?:b|strong|em|i)>)[^:\r\n]{0,160}?:(?!//)  # **Label** *(aside)*: value
    | (?P<bare>[^*:|\r\n]{1,100}?)[ \t]{0,8}:(?!//)  # Label: value
    )
    (?P<gap>(?:\xc2\xa0|[ \t])*)
    """,
    re.VERBOSE,
)

_NOTHING: Final = frozenset(
    ("unknown", "n/a", "na", "nan", "none", "null", "tbd", "tba", "todo", "?", "-", "--", "–", "—", "…", "...")
) | {
    "not specified",
    "not available",
    "not known",
    "not reported",
    "not stated",
    "to be determined",
    "to be added",
    "to be updated",
    "to come",
    "coming soon",
    "not applicable",
    "optional",
    "xxx",
    # The template's variables, as its annotated version shows them.
    "hardware_type",
    "hours_used",
    "cloud_provider",
    "cloud_region",
    "co2_emitted",
}
_WANTED: Final = re.compile(
    r"(?:more|extra|additional|further|no) (?:information|info|details?|data)(?: is| are)?"
    r"(?: (?:needed|wanted|required|necessary|available|given|provided))?"
)
_TAG: Final = re.compile(r"</?[a-z][^<>]{0,60}>", re.IGNORECASE)
_WORDLESS: Final = re.compile(r"[\W_]*")
_TEMPLATE: Final = re.compile(r"\{\{.*\}\}|\{%.*%\}", re.DOTALL)


class LabelMatch(NamedTuple):
    """A label at the start of a line: what it names, how surely, and where in the line the value starts."""

    name: FieldName
    sureness: int
    lead: bytes
    bold: str
    value: int
    gap: bool


def read_label(line: bytes) -> LabelMatch | None:
    """The field that a line starts with, or None."""
    found = _LINE.match(line)
    if found is None:
        return None
    inside, before, bare = found["inside"], found["before"], found["bare"]
    named = _name(_words(plain(inside or before or bare)))
    if named is None:
        return None
    style = "inside" if inside is not None else "outside" if before is not None else "none"
    return LabelMatch(named[0], named[1], found["lead"], style, found.end(), bool(found["gap"]))


def is_placeholder(value: str) -> bool:
    """Whether a value says nothing: empty, a template's placeholder, an unrendered template, `unknown` and its kin."""
    if _TEMPLATE.search(value):
        return True
    text = _TAG.sub(" ", value).replace("\u00a0", " ")
    text = " ".join(text.strip(" \t[](){}*_`\"'.!<>\\").lower().split())
    return _WORDLESS.fullmatch(text) is not None or text in _NOTHING or _WANTED.fullmatch(text) is not None


def is_section_title(title: str) -> bool:
    """Whether a heading's text names the section of environmental impact."""
    return title_words(title) in _SECTION_TITLES


@lru_cache(maxsize=4096)  # each heading is asked about several times, and cards share most of theirs
def title_words(title: str) -> str:
    """A heading's text without markup, numbering and remarks in brackets, in lower case."""
    text = re.sub(r"\([^()]*\)|\[optional\]", " ", title.replace("₂", "2"), flags=re.IGNORECASE)
    text = re.sub(r"^[\W\d_]+(?=[^\W\d_])", "", re.sub(r"<[^>]*>|[*_`#{}\[\]]", " ", text))
    return " ".join(re.sub(r"[^\w&,/ -]", " ", text).lower().split())


def _words(label: str) -> tuple[str, ...]:
    text = re.sub(r"\([^()]*\)", " ", label.replace("₂", "2"))
    words = re.findall(r"[^\W_]+", text.lower())
    return tuple(word for word in words if word not in _FILLERS) if len(words) < 8 else ()  # noqa: PLR2004 - no label is longer


def _name(words: tuple[str, ...]) -> tuple[FieldName, int] | None:
    if words in _EXACT:
        return _EXACT[words], EXACT
    if len(words) == 2:  # noqa: PLR2004 - a pair
        for name, first, second in _PAIRS:
            if words[0] in first and words[1] in second and words[0] != words[1]:
                return name, PAIR
    if len(words) == 1 and words[0] in _SINGLES:
        return _SINGLES[words[0]], SINGLE
    return None
