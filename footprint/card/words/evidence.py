"""Sentences of a card that bear on its compute: hardware with counts, hours, regions, energy, emissions.

General rules over the card's own words; each finding carries its sentence, its line and the words that matched. A finding
is offered, never used as a fact by itself.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from footprint.card.parts.document import Document, plain
from footprint.card.parts.forms import Unwrapped
from footprint.model import Evidence

MAX_TEXT: Final = 400
MAX_FOUND: Final = 200
_LONGEST_LINE: Final = 50_000
_SHORTEST: Final = 8
_WRAPPED_FROM: Final = 50
_MOST_LINES: Final = 100
# A list's item, a table's row, a heading, a label; and, at its end, a break of the line, a label, a table's row.
_STARTS_ITSELF = re.compile(
    rb"[ \t>]*(?:[-*+#|<_=~`]|\d{1,3}[.)][ \t]|\xe2\x80\xa2|\[|[^:|\r\n]{1,40}:[ \t\r\n]|[^:|\r\n]{1,40}:\Z|.{0,200}\|)"
)
_ENDS_ITSELF = re.compile(rb"(?:  |\\|[:|]|<br ?/?>)[ \t]*\Z")

_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bet al\.)[\"'”’)\]*_]{0,3}\s+(?=[\"'“‘(\[*_>]{0,3}[^\W\d_]|\d)"
)
_MARKUP = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)|</?\w[^<>]{0,200}>|\*\*|__|`")
_ESCAPE = re.compile(r"\\(?=[^\w\s])")
_URL = re.compile(r"https?://\S+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}\.\S{1,64}")

_COUNT = r"(?:\d{1,3}(?:,\d{3})+|\d{1,6}|(?:a )?single|one|two|three|four|six|eight|sixteen|thirty-two|sixty-four)"
_VENDOR = r"(?:NVIDIA|Nvidia|nvidia|AMD|Intel|Google|AWS|Apple|Graphcore|Huawei|Tesla|GeForce|Quadro|Instinct|Radeon|Habana)"
_FAMILY = r"(?:Volta|Ampere|Hopper|Blackwell|Turing|Pascal|Maxwell|Kepler|Ada(?: Lovelace)?)"
_MODEL = (
    r"(?:(?:GTX |RTX )?(?:TITAN|Titan)(?: ?(?:X[Pp]?|V|RTX))?\b"
    r"|(?:RTX|GTX)[ -]?\w{1,6}(?: ?(?:Ti|SUPER|Super|Ada))?|(?:GH|GB|[ABHKLMPTV])\d{2,4}[sS]?|MI ?\d{2,3}[AX]?"
    r"|Gaudi ?\d?|Trainium\d?|Inferentia\d?|Ascend ?\d{3}\w?|DGX[ -]?\w{0,8}|M\d (?:Pro|Max|Ultra))"
)
_FORM = r"(?:[- ](?:SXM\d?|PCIe?|PCIE|NVL|\d{1,3} ?Gi?B|\d{2,3}G))*"
_TPU = (
    r"(?:(?:Google )?(?:Cloud )?TPUs?(?: ?-? ?v\d\w{0,3}(?:-\d{1,5})?)"
    r"(?:(?:,| or| and|/|, or|, and) ?(?:TPU ?)?v\d\w{0,3}(?:-\d{1,5})?)*(?: (?:[Pp]ods?|[Ss]lices?|chips?|VMs?|cores?))?)"
)
_WORD = r"(?!(?:[KMGT]i?B|of|the|and|on|in|for)\b)[A-Za-z][\w.+-]{0,20}"
# Not `8 GPU hours`, which are hours; not `1 pod TPU v3-256`, of which the version says more; not `8 TPU per node`, a share.
_NOUN = r"(?:GPUs?|TPUs?|gpus?|tpus?|accelerators?|graphics cards?|chips)(?![- ]?(?:hours?|hrs?|h|days?|v\d\w*|per|each)\b)"

_HARDWARE: Final = (
    # A count, what they are called, and that they are devices: `64 Volta GPUs`, `8 GPUs`, `4XTesla V100 GPUs`.
    re.compile(rf"(?<![\w.-]){_COUNT} ?(?:[xX×*] ?)?(?:{_WORD} ){{0,4}}?{_NOUN}(?!\w)"),
    re.compile(rf"(?<![\w.-])(?:{_COUNT} ?[xX×]? ?)?{_TPU}(?!\w)"),
    re.compile(rf"(?<![\w.-])(?:{_COUNT} ?(?:[xX×*] ?)?){{0,2}}(?:{_VENDOR} ){{0,3}}{_MODEL}{_FORM}(?: GPUs?)?(?![\w-])"),
    re.compile(rf"(?<![\w.-])(?:{_COUNT} ?[xX×]? ?)?(?:{_VENDOR} ){{1,3}}{_FAMILY}(?: GPUs?)?(?!\w)"),
)
_AMOUNT = r"\d[\d,]{0,12}(?:\.\d{1,6})?(?: ?(?:-|–|to) ?\d[\d,]{0,12}(?:\.\d{1,6})?)?"
_HOURS: Final = re.compile(
    rf"(?<![\w.])(?:(?:{_AMOUNT}) ?[kKMB]?|one|two|three|four|five|six|seven)"
    rf"(?:[ -](?:GPU|TPU|device|chip|node|{_MODEL}))?[ -]?(?:hours?|hrs?|h|days?|weeks?|months?|minutes?|GPUh)(?![\w/])"
)
_WORK: Final = re.compile(
    r"(?<!s)train|tuned|tuning|distil|took|takes|comput|\bGPU|\bTPU|hardware|wall[- ]?clock|runtime|duration|epoch|skilled",
    re.IGNORECASE,
)
_USE: Final = re.compile(r"\b(?:deploy|inference|latenc|serving|throughput|TensorRT)", re.IGNORECASE)
_MAKING: Final = re.compile(r"(?<!s)train|tun(?:ed|ing)\b|distil|skilled|Wh\b|CO2|CO₂|emission|footprint", re.IGNORECASE)
_ENERGY: Final = re.compile(rf"(?<![\w.]){_AMOUNT} ?(?:[kMG]?Wh|[kMG]W[- ]?hours?)(?!\w)")
_MASS = r"(?:[mk]?g|(?:kilo)?grams?|t|tons?|tonnes?|metric tons?|lbs?|pounds?)"
_CO2 = r"[Cc][Oo](?:<sub>)?[2₂](?:</sub>)?(?: ?-?(?:eq?|equivalents?)\b)?"
_CARBON: Final = re.compile(rf"(?<![\w.]){_AMOUNT} ?{_MASS}?[ -]?(?:of )?{_CO2}(?! ?/)(?!\w)")
_REGION: Final = re.compile(
    r"(?<![\w-])(?:us|eu|ap|ca|sa|af|me|il|cn|asia|europe|northamerica|southamerica|australia|africa)-(?:gov-)?"
    r"(?:north|south|east|west|central|northeast|northwest|southeast|southwest)(?:-?\d{1,2})?(?:-[a-f])?(?![\w-])"
)
_PROVIDER: Final = re.compile(
    r"(?<!\w)(?:Amazon Web Services|AWS|Google Cloud(?: Platform)?|GCP|Microsoft Azure|Azure|CoreWeave|Lambda (?:Labs|Cloud)"
    r"|Oracle Cloud|OVH(?:cloud)?|Scaleway|Google Colab|Colab|Kaggle|Paperspace|RunPod|Vast\.ai|MosaicML"
    r"|Jean Zay|LUMI|Leonardo)(?!\w)"
)
_NO_TRAINING: Final = re.compile(
    r"(?:keeping|taking|removing|dropping|pruning|selecting)(?: only)? every (?:second|other|third|fourth|\w{1,8}th) layers?",
    re.IGNORECASE,
)
_LARGE = r"(?:[MBT]|[mb]illion|trillion|bn)"
_PARAMETERS: Final = re.compile(
    rf"(?<![\w.])(?:{_AMOUNT} ?{_LARGE}|\d{{1,3}}(?:,\d{{3}}){{2,4}})[ -]"
    r"(?:(?:trainable|total|active|model)[ -])?param(?:eter)?s?(?!\w)"
)
# Thousands of tokens are the length of a text; what a training took is millions and more.
_TOKENS: Final = re.compile(
    rf"(?<![\w.])(?:{_AMOUNT} ?{_LARGE}|\d{{1,3}}(?:,\d{{3}}){{2,4}})[ -](?:[a-z-]{{1,20}} ){{0,2}}?tokens?(?!\w)"
)
_RULES: Final = (
    ("hours_used", _HOURS, True),
    ("energy", _ENERGY, False),
    ("carbon_emitted", _CARBON, False),
    ("compute_region", _REGION, False),
    ("cloud_provider", _PROVIDER, True),
    ("training", _NO_TRAINING, False),
    ("parameters", _PARAMETERS, False),
    ("tokens", _TOKENS, True),
)


def find_evidence(card: Unwrapped, not_in: set[int]) -> tuple[Evidence, ...]:
    """Find the sentences.

    Args:
        card: the card, unwrapped from its form.
        not_in: indices of lines that are read otherwise: fields, and our own block.
    """
    found: list[Evidence] = []
    document = card.document
    for paragraph in _paragraphs(document, not_in):
        # No digit and none of the names: most paragraphs end here.
        if not any(_WORTH.search(document.raw, document.lines[i].start, document.lines[i].shown) for i in paragraph):
            continue
        text, starts = _joined(document, paragraph)
        for start, sentence in _sentences(text):
            line = paragraph[bisect_right(starts, start) - 1]
            found += _read(" ".join(sentence.split()), card.number(line))
            if len(found) >= MAX_FOUND:
                return tuple(found[:MAX_FOUND])
    return tuple(found)


def _paragraphs(document: Document, not_in: set[int]) -> Iterator[list[int]]:
    """The lines by the text that they are one of: wrapped prose together, each other line by itself."""
    paragraph: list[int] = []
    for index, line in enumerate(document.lines):
        length = line.shown - line.start
        if index in not_in or length < _SHORTEST or length > _LONGEST_LINE:
            # What is too short to say anything may still end a sentence.
            if paragraph and 0 < length < _SHORTEST and index not in not_in and _goes_on(document, paragraph, index):
                paragraph.append(index)
                continue
            if paragraph:
                yield paragraph
            paragraph = []
        elif paragraph and _goes_on(document, paragraph, index):
            paragraph.append(index)
        else:
            if paragraph:
                yield paragraph
            paragraph = [index]
    if paragraph:
        yield paragraph


def _goes_on(document: Document, paragraph: list[int], index: int) -> bool:
    """Whether a line is more of the prose above it: that was wrapped, and this starts nothing of its own."""
    above, line = document.lines[paragraph[-1]], document.lines[index]
    if paragraph[-1] + 1 != index or above.end - above.start < _WRAPPED_FROM or len(paragraph) >= _MOST_LINES:
        return False
    raw = document.raw
    return not (
        _ENDS_ITSELF.search(raw, max(above.start, above.shown - 8), above.shown)
        or _STARTS_ITSELF.match(raw, line.start, line.shown)
        or document.is_blank(index)
    )


def _joined(document: Document, paragraph: list[int]) -> tuple[str, list[int]]:
    """A paragraph's text without its markup, and where each of its lines starts in it."""
    parts: list[str] = []
    starts = []
    length = 0
    for index in paragraph:
        line = document.lines[index]
        raw = document.raw[line.start : line.shown]
        text = _ESCAPE.sub("", _MARKUP.sub(lambda m: m[1] or "", plain(raw))).strip(" \t|>•*-")
        starts.append(length)
        parts.append(text)
        length += len(text) + 1
    return " ".join(parts), starts


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """The sentences of a text, each with where it starts."""
    start = 0
    for end in _SENTENCE_END.finditer(text):
        yield start, text[start : end.start()]
        start = end.end()
    yield start, text[start:]


_WORTH: Final = re.compile(
    rb"GPU|TPU|gpu|hour|hrs|day|week|month|minute|Wh|CO2|CO\xe2\x82\x82|CO<sub>|co2|every|AWS|Azure|GCP|Google|Amazon|Cloud"
    rb"|NVIDIA|Nvidia|Tesla|TITAN|[ABHKLMPTV]\d{2,4}|RTX|GTX|MI\d|Trainium|Gaudi"
    rb"|Colab|Kaggle|param|token|\d ?h\b|-(?:east|west|north|south|central)|chips"
)


def _read(sentence: str, line: int) -> Iterator[Evidence]:
    """The findings of one sentence, hardware first."""
    if _USE.search(sentence) and not _MAKING.search(sentence):
        return  # what a user needs to run the model says nothing of what made it
    searched = _URL.sub(lambda m: " " * len(m[0]), sentence)
    shown = sentence if len(sentence) <= MAX_TEXT else sentence[: MAX_TEXT - 1] + "…"
    for value in hardware_in(searched):
        yield Evidence(field="hardware_type", text=shown, line=line, value=value)
    for field, rule, needs_work in _RULES:
        if needs_work and not _WORK.search(searched):
            continue
        matches = (
            m for m in rule.finditer(searched) if field != "tokens" or "batch" not in searched[max(0, m.start() - 24) : m.start()]
        )
        values = dict.fromkeys(m[0].strip(" .,;") for m in matches)
        for value in values:
            yield Evidence(field=field, text=shown, line=line, value=value)


def hardware_in(sentence: str) -> list[str]:
    """The names of hardware in a sentence, the longest where two rules find the same, in the order of the text."""
    spans = sorted(((m.start(), m.end()) for rule in _HARDWARE for m in rule.finditer(sentence)), key=lambda s: (s[0], -s[1]))
    values: list[str] = []
    reached = -1
    for start, end in spans:
        value = sentence[start:end].strip()
        if _HOURS_OF_IT.match(sentence, end):
            value = _COUNTED.sub("", value)  # `184,320 A100 hours` are hours, not so many devices
        if start >= reached and not _NOT_HARDWARE.fullmatch(value):
            values.append(value)
            reached = end
    return list(dict.fromkeys(values))


_HOURS_OF_IT: Final = re.compile(r"[ -](?:hours?|hrs?|h|days?)\b")
_COUNTED: Final = re.compile(rf"\A{_COUNT} ?(?:[xX×*] ?)?(?=\D)")
# A letter and two digits, or four, may be anything (a grade, a paper size, a section): that needs a count, a maker or a noun.
_NOT_HARDWARE: Final = re.compile(r"[A-Z]\d{2}|[A-Z]\d{4}|[KLMT]\d{3}")
