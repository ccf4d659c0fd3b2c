"""How a line says that it is one of the five fields, in the spellings that cards use, and what says nothing.

A label is read by its words: the phrases of `languages`, and pairs (a word for the thing, a word for the aspect), which also
catch what a rewriter's thesaurus makes of them (`{Hardware} Kind`, `Cloud Supplier`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from footprint.card.parts.document import plain
from footprint.card.words.languages import ENGLISH, GENERIC, LABELS, PLACEHOLDERS, SECTION_TITLES, TEMPLATE, fold
from footprint.model import FieldName

EXACT, PAIR, SINGLE = 3, 2, 1
"""How surely a label names a field; a common word is sure only inside the section."""

TEMPLATE_LABELS: Final[dict[FieldName, str]] = {name: ENGLISH.label(name) for name in ENGLISH.labels}

_AREAS = "region regions area location zone place district space territory site sector locale locality"
_USES = "used utilized utilised employed applied"
_PAIR_WORDS: Final[tuple[tuple[FieldName, str, str], ...]] = (
    (
        "cloud_provider",
        "cloud hardware compute computing infrastructure",
        "provider providers supplier vendor host operator company",
    ),
    (
        "compute_region",
        "compute computing computation computational calculation calculate cloud geographical geographic",
        _AREAS,
    ),
    (
        "hardware_type",
        "hardware gpu gpus accelerator accelerators device equipment gear machine machinery processor chip",
        f"type types kind sort variety category class model make {_USES}",
    ),
    ("hours_used", "hours hour time training runtime", f"{_USES} time duration spent hours consumed expended taken"),
    (
        "carbon_emitted",
        "carbon co2 co2e co2eq",
        "emitted emission emissions released produced generated discharged launched given footprint expelled exuded output",
    ),
)
_PAIRS: Final = tuple((name, frozenset(first.split()), frozenset(second.split())) for name, first, second in _PAIR_WORDS)
# What a phrase may have more of than the field's name: `Cloud Service Supplier`, `Carbon Given Off`.
_EXTRA: Final = frozenset({"service", "services", "off", "approximately", "overall"})

# Runs of blanks are bounded or give nothing back, so that a line of them costs no more than its length.
_PARTS: Final = {
    "BLANK": r"(?:[ \t]|\xc2\xa0|\xe2\x80\xaf|\xe3\x80\x80)",
    "COLON": r"(?::|\xef\xbc\x9a)",
    # What a page or a word processor has for a bullet: round, square, a triangle, a dash, the middle dots of Latin and Japanese.
    "BULLET": r"(?:\xe2\x80[\x93\xa2\xa3]|\xe2\x97[\x8b\x8f\xa6]|\xe2\x96[\xaa\xa0]|\xc2\xb7|\xe3\x83\xbb)",
    "PICTURE": (
        r"(?:(?:\xf0\x9f[\x80-\xbf]{2}|\xe2[\x8c-\xad][\x80-\xbf])"
        r"(?:\xef\xb8\x8f|\xe2\x80\x8d|\xf0\x9f[\x80-\xbf]{2}){0,6}[ \t]{0,8})"
    ),
    "OPENS": r"(?:[*_]{1,4}|<(?:b|strong|em|i)>)",
    "CLOSES": r"(?:[*_]{1,4}|</(?:b|strong|em|i)>)",
    "FIRST": r"[^*:<_\s]",
    "NEXT": r"(?:[^*:<\r\n]|</?su[bp]>)",
}
_LINE: Final = re.compile(
    re.sub(
        "BLANK|COLON|BULLET|PICTURE|OPENS|CLOSES|FIRST|NEXT",
        lambda found: _PARTS[found[0]],
        r"""
        (?P<lead>[ \t>]*+(?:(?:[-*+]|\d{1,3}[.)])[ \t]++(?:\[[ xX]\][ \t]++)?+|:(?=[A-Za-z])|BULLET[ \t]*+)?+BLANK*+)PICTURE?+
        (?:
          # The label's marks: bold, emphasis, both, or HTML; opening and closing need not mirror each other (`**_` and `_**`).
          OPENS[ \t]{0,8}(?P<inside>FIRST NEXT{0,199}?)(?P<colon1>BLANK{0,8}COLON)BLANK{0,8}CLOSES  # **Label:** value
        | OPENS[ \t]{0,8}(?P<before>FIRST NEXT{0,99}?)[ \t]{0,8}CLOSES
          (?:
            (?P<colon2>BLANK{0,8}COLON(?!//)|[ \t]{1,8}(?:-|=|\xe2\x80[\x93\x94])(?=[ \t]))  # **Label**: value, **Label** - value
          | (?P<aside>[^:\r\n]{1,160}?)(?P<colon3>COLON(?!//))  # **Label** *(aside)*: value
          )
        | (?P<bare>[^*:|\r\n]{1,100}?)(?P<colon4>BLANK{0,8}COLON)(?!//)  # Label: value
        )
        (?P<gap>BLANK*+)
        """,
    ).encode(),
    re.VERBOSE,
)

_NO_WORD: Final = "- | -- | --- | – | — | … | ... | ? | ?? | ??? | xx | xxx"
_UNKNOWN: Final = """
unknown | n/a | na | n.a | k. a | k.a | nan | none | null | nil | tbd | tba | todo | wip | not specified | unspecified |
not available | not known | not reported | not stated | not provided | not given | not applicable | not yet known |
to be determined | to be added | to be updated | to be filled | to be filled in | to be completed | to be announced |
to be decided | to be done | to do | to come | to fill | coming soon | work in progress | pending | optional | missing |
placeholder | fill me | fill in | fill me in | undetermined | undefined
"""
# The template's variables, as its annotated version shows them.
_VARIABLES: Final = "hardware_type | hours_used | cloud_provider | cloud_region | compute_region | co2_emitted | carbon_emitted"
_NOTHING: Final = frozenset(
    word.strip() for words in (_NO_WORD, _UNKNOWN, _VARIABLES) for word in words.replace("\n", " ").split(" | ")
)
_MORE: Final = r"(?:more|extra|additional|further|added|no|other|some more)"
_FACTS: Final = r"(?:information|informations|info|infos|details?|data|particulars?|facts?|knowledge|specifics)"
_STATES: Final = "needed need wanted required necessary desired requested sought missing available given provided pending"
_IS_WANTED: Final = rf"(?:{_STATES.replace(' ', '|')}|to come|coming soon)"
_WANTED: Final = re.compile(
    rf"{_MORE} {_FACTS}(?: (?:is|are|will be|to be))?(?: {_IS_WANTED})?"
    rf"|{_FACTS}(?: is| are)? {_IS_WANTED}|needs? {_MORE} {_FACTS}"
)
_TAG: Final = re.compile(r"</?[a-z][^<>]{0,60}>", re.IGNORECASE)
_WORDLESS: Final = re.compile(r"[\W_]*")
_TEMPLATE: Final = (("{{", "}}"), ("{%", "%}"))
_LONGEST: Final = 300  # characters of a value that says nothing, at most
_ASIDE: Final = re.compile(r"\([^()]{0,160}\)|\[[^\[\]]{0,160}\]")
_UNIT: Final = re.compile(
    r"(?:^|[\s(\[,])(mg|g|kg|t|milligrams?|grams?|grammes?|gramos?|gramas?|gramm|kilograms?|kilogrammes?|kilogramos?|kilogramm|kilos?"
    r"|tonnes?|metric tons?|metric tonnes?|tonnen|toneladas?)"
    r"(?: ?-?(?:of ?)?co ?2(?:-?eq?\.?(?:uivalents?)?| ?eq\.?| equivalents?)?)?[)\]]*$"
)
_GRAMS: Final = {"mi": 1e-3, "mg": 1e-3, "g": 1.0, "gr": 1.0, "k": 1e3, "kg": 1e3, "ki": 1e3, "t": 1e6, "to": 1e6, "me": 1e6}
"""By a unit's first two letters."""


_SHORT_LINE: Final = 400  # bytes of a line whose label is remembered


class LabelMatch(NamedTuple):
    """A label at the start of a line: what it names, how surely, and where in the line the value starts.

    `gap` says that no blank is wanting before the value. `colon` is what stands between label and value, with the blanks before
    it; `languages` those that the label may be of. `unit_g` is what one of the number is in grams where the label itself says
    it (`CO2 Emissions (in grams)`), and None where it does not, or says a unit that can be read in two ways (`tons`).
    """

    name: FieldName
    sureness: int
    lead: bytes
    bold: str
    value: int
    gap: bool
    colon: str = ":"
    languages: tuple[str, ...] = ("en",)
    unit_g: float | None = None


class _Named(NamedTuple):
    name: FieldName
    sureness: int
    languages: tuple[str, ...]
    unit_g: float | None


def read_label(line: bytes) -> LabelMatch | None:
    """The field that a line starts with, or None."""
    return _read_short(line) if len(line) <= _SHORT_LINE else _read_label(line)


@lru_cache(maxsize=4096)  # cards share most of their labels, and the proof of a fill reads each again
def _read_short(line: bytes) -> LabelMatch | None:
    return _read_label(line)


def _read_label(line: bytes) -> LabelMatch | None:
    found = _LINE.match(line)
    if found is None:
        return None
    inside, before, bare = found["inside"], found["before"], found["bare"]
    named = name_of(plain(inside or before or bare), plain(found["aside"] or b""))
    if named is None:
        return None
    style = "inside" if inside is not None else "outside" if before is not None else "none"
    colon = plain(found["colon1"] or found["colon2"] or found["colon3"] or found["colon4"])
    wide = colon.endswith("\uff1a")
    return LabelMatch(
        named.name,
        named.sureness,
        found["lead"],
        style,
        found.end(),
        bool(found["gap"]) or wide,
        colon,
        named.languages,
        named.unit_g,
    )


@lru_cache(maxsize=8192)  # cards share most of their labels
def name_of(label: str, aside: str = "") -> _Named | None:
    """The field that a label's words name, how surely, in which languages, and the unit that they fix."""
    text = unicodedata.normalize("NFKC", re.sub(r"</?su[bp]>", "", label))
    bare = _ASIDE.sub(" ", text)
    named = _phrase(bare)
    if named is None:
        # `Emissions in kg`: the unit is no part of the name.
        shorter = re.sub(r",? in \w{1,12}(?: ?co2(?:-?eq?)?)?\s*$|, ?\w{1,3}\s*$", "", bare, flags=re.IGNORECASE)
        named = _phrase(shorter) if shorter != bare else None
    if named is None:
        return None
    name, sureness, languages = named
    unit = _unit(text) or _unit(unicodedata.normalize("NFKC", aside).strip(" *_")) if name == "carbon_emitted" else None
    return _Named(name, sureness, languages, unit)


def _phrase(text: str) -> tuple[FieldName, int, tuple[str, ...]] | None:
    folded = fold(text)
    found = LABELS.get(folded)
    if found is not None:
        sureness = EXACT if folded in TEMPLATE else SINGLE if folded in GENERIC else PAIR
        return found[0], sureness, found[1]
    words = [word for word in folded.split() if word not in _EXTRA] if len(folded) < 80 else []  # noqa: PLR2004 - no pair is longer
    if len(words) == 2 and words[0] != words[1]:  # noqa: PLR2004 - a pair
        for name, first, second in _PAIRS:
            if words[0] in first and words[1] in second:
                return name, PAIR, ("en",)
    return None


def _unit(text: str) -> float | None:
    """Grams of one unit of mass that ends a label, in brackets or after `in`."""
    if "(" not in text and "[" not in text and " in " not in text and "," not in text:
        return None
    found = _UNIT.search(text.lower().replace("₂", "2").strip().removesuffix(":").rstrip())
    if found is None:
        return None
    unit = found[1]
    return (
        _GRAMS.get(unit)
        or _GRAMS["mg" if unit.startswith("milli") else "k" if unit[0] == "k" else "g" if unit[0] == "g" else "t"]
    )


def is_placeholder(value: str) -> bool:
    """Whether a value says nothing: empty, a template's placeholder, an unrendered template, `unknown` and its kin."""
    if any(0 <= value.find(first) <= value.rfind(last) - 2 for first, last in _TEMPLATE):
        return True
    text = _TAG.sub(" ", value).replace("\u00a0", " ")
    text = " ".join(text.strip(" \t[](){}*_`\"'.!<>\\【】「」（）。！").lower().split())
    if _WORDLESS.fullmatch(text) is not None or text in _NOTHING:
        return True
    if len(text) > _LONGEST:
        return False
    return _WANTED.fullmatch(text) is not None or fold(text) in PLACEHOLDERS


@lru_cache(maxsize=4096)  # each heading is asked about several times, and cards share most of theirs
def is_section_title(title: str) -> bool:
    """Whether a heading's text names the section of environmental impact."""
    return fold(title_words(title)) in SECTION_TITLES


@lru_cache(maxsize=4096)  # each heading is asked about several times, and cards share most of theirs
def title_words(title: str) -> str:
    """A heading's text without markup, numbering and remarks in brackets, in lower case."""
    text = re.sub(r"[(（][^()（）]*[)）]|\[optional\]", " ", title.replace("₂", "2"), flags=re.IGNORECASE)
    text = re.sub(r"^[\W\d_]+(?=[^\W\d_])", "", re.sub(r"<[^>]*>|[*_`#{}\[\]]", " ", text))
    return " ".join(re.sub(r"[^\w&,/' -]", " ", text).lower().split())
