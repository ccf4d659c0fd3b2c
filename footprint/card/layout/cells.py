"""Fields in tables: with a row each or a column each, in Markdown or HTML, and the table of nine climate questions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from footprint.card.layout.spans import FieldSpan, Group
from footprint.card.parts.document import Document, plain
from footprint.card.parts.tables import Cell, Table
from footprint.card.words.labels import PAIR, LabelMatch, is_placeholder, name_of
from footprint.model import FieldName

_MIN_LOOSE = 3  # so many fields make a table outside the section one of ours
_MAX_LABEL = 160

_ASIDE = re.compile(r"\([^()]{0,120}\)|\[[^\[\]]{0,120}\]")
_NUMBER = re.compile(r"^\(?\d{1,2}[.):]?\)?\s+")
_CARBON = re.compile(r"\b(?:carbon|co ?2 ?(?:e|eq)?|ghg|greenhouse[ -]gas(?:es)?)\b", re.IGNORECASE)
_EMITTED = re.compile(r"\b(?:emissions?|emitted|footprint|released|co ?2 ?(?:e|eq))\b", re.IGNORECASE)
_OTHER_CARBON = re.compile(
    r"intensit|factor|\bper\b|/|\bmix\b|market|offset|saved|saving|averag|inference|sample|"
    r"all experiments|credit|budget|limit|embodied",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?:(?:total |training |pre-?training |compute |gpu |tpu |device |accelerator |wall[- ]?(?:clock )?)*"
    r"(?:time|hours|duration|runtime|gpu[- ]hours|tpu[- ]hours|device[- ]hours))",
    re.IGNORECASE,
)
_QUESTIONS: Final[tuple[tuple[FieldName, re.Pattern[str]], ...]] = (
    ("carbon_emitted", re.compile(r"co ?2.{0,20}\bemitted\b.{0,20}\btrain", re.IGNORECASE)),
    (
        "hours_used",
        re.compile(r"\b(?:how (?:much time|long)|how many (?:gpu |tpu |device )?hours)\b.{0,40}\btrain", re.IGNORECASE),
    ),
    (
        "compute_region",
        re.compile(r"\b(?:which|what|where)\b.{0,40}\b(?:location|region|country)\b.{0,60}\bcomput", re.IGNORECASE),
    ),
    ("cloud_provider", re.compile(r"\b(?:which|what)\b.{0,20}\b(?:cloud|hardware) provider\b", re.IGNORECASE)),
    ("hardware_type", re.compile(r"\b(?:which|what)\b.{0,20}\b(?:hardware|gpus?|accelerators?)\b.{0,40}\bused\b", re.IGNORECASE)),
)
_NOT_THE_MODEL = re.compile(r"all experiments|inference|one sample|energy mix|power|energy consumption", re.IGNORECASE)
_TOTAL = re.compile(r"(?:grand |sub)?-?total|sum|overall|all(?: models)?|gesamt|summe|合计|总计|合計", re.IGNORECASE)
# A column beside the values that says more of the same field is no other model.
_REMARKS = re.compile(
    r"(?:values?|units?|notes?|remarks?|comments?|sources?|details?|descriptions?|explanations?|references?|methods?|how|)",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)  # tables share most of their titles
def cell_label(text: str) -> LabelMatch | None:
    """The field that a cell or a heading names: by the words of a label, a column's title, or a question about the model."""
    label = _NUMBER.sub("", text.strip()).strip().rstrip(":\uff1a").strip()
    if not label or len(label) > _MAX_LABEL:
        return None
    if label.endswith("?"):
        asked = None if _NOT_THE_MODEL.search(label) else next((name for name, it in _QUESTIONS if it.search(label)), None)
        return _match(asked) if asked is not None else None
    words = _ASIDE.sub(" ", label).replace("₂", "2")
    carbon = _CARBON.search(words) is not None
    if (carbon or "emission" in words.lower()) and (_OTHER_CARBON.search(words) or _is_rate(label)):
        return None
    named = name_of(label)
    if named is not None:
        return _match(named.name, named.sureness, named.languages, named.unit_g)
    return _by_its_words(label, words) if carbon else _match("hours_used") if _TIME.fullmatch(" ".join(words.split())) else None


def _by_its_words(label: str, words: str) -> LabelMatch | None:
    """A column's title that says more than a label does: `Location-based greenhouse gas emissions (kg)`."""
    if not _EMITTED.search(words):
        return None
    named = name_of(f"Carbon Emitted {' '.join(_ASIDE.findall(label)[-1:])}")
    return _match("carbon_emitted", unit_g=named.unit_g if named else None)


def _match(
    name: FieldName, sureness: int = PAIR, languages: tuple[str, ...] = ("en",), unit_g: float | None = None
) -> LabelMatch:
    """A label that is all of its cell."""
    return LabelMatch(name, sureness, b"", "none", 0, gap=True, languages=languages, unit_g=unit_g)


def _is_rate(label: str) -> bool:
    """Whether a label's unit is a mass for each of something: `(kg CO2e/kWh)`."""
    return re.search(r"[(\[][^()\[\]]{0,60}(?:/|\bper\b)[^()\[\]]{0,60}[)\]]", label) is not None


def table_groups(document: Document, table: Table, *, loose: bool) -> list[Group]:
    """The groups of fields that a table holds.

    Args:
        document: the card.
        table: a table of it.
        loose: whether it stands outside the section: then it must name more fields to be ours.
    """
    # What stands beyond the last column of a table's head is not shown.
    width = len(table.rows[0]) if table.kind == "markdown" else max(len(row) for row in table.rows)
    if width < 2 or not table.headed:  # noqa: PLR2004 - a label and a value
        return []
    in_rows = [cell_label(row[0].text) if len(row) > 1 else None for row in table.rows]
    in_columns = [cell_label(cell.text) for cell in table.rows[0]]
    rows, columns = _fields(in_rows), _fields(in_columns)
    most = max(rows, columns, key=len)
    if len(most) < (_MIN_LOOSE if loose else 1) or not ("carbon_emitted" in most or len(most) > 1):
        return []
    if len(columns) > len(rows) and len(table.rows) > 1:
        return _by_columns(document, table, in_columns)
    return _by_rows(document, table, in_rows, width)


def _fields(labels: Sequence[LabelMatch | None]) -> set[FieldName]:
    return {label.name for label in labels if label is not None}


def _by_rows(document: Document, table: Table, labels: Sequence[LabelMatch | None], width: int) -> list[Group]:
    """Groups of a table whose first column names the fields: one group, or one for each further column that has a name."""
    heads = [cell.text for cell in table.rows[0]] if labels[0] is None else []
    names = heads[1:] if len([head for head in heads[1:] if not _REMARKS.fullmatch(head)]) > 1 else heads[1:2] or [""]
    several = len(names) > 1
    groups = []
    for column, name in enumerate(names, 1):
        if (several and _REMARKS.fullmatch(name)) or column >= width:
            continue
        cells = [(label, row[column]) for label, row in zip(labels, table.rows, strict=True) if label and len(row) > column]
        spans = _spans(document, table, cells)
        if spans:
            groups.append(_group(name if several else None, spans, table, rows=True))
    return groups


def _by_columns(document: Document, table: Table, labels: Sequence[LabelMatch | None]) -> list[Group]:
    """Groups of a table whose first row names the fields: one for each row, without the rows of totals."""
    rows = table.rows[1:]
    groups = []
    totalled = False
    for row in rows:
        others = [cell.text for cell, label in zip(row, labels, strict=False) if label is None]
        name = next((text for text in others if text and not is_placeholder(text)), None)
        if name is not None and len(rows) > 1 and _TOTAL.fullmatch(name.strip(" :")):
            totalled = True
            continue
        cells = [(label, cell) for label, cell in zip(labels, row, strict=False) if label]
        spans = _spans(document, table, cells)
        if spans:
            groups.append(_group(name, spans, table, rows=False))
    return [msgspec.structs.replace(group, totalled=totalled) for group in groups]


def _group(name: str | None, spans: dict[FieldName, FieldSpan], table: Table, *, rows: bool) -> Group:
    return Group(name=name or None, line=min(span.line for span in spans.values()), spans=spans, table=table, rows=rows)


def _spans(document: Document, table: Table, cells: Sequence[tuple[LabelMatch, Cell]]) -> dict[FieldName, FieldSpan]:
    """The fields of a group; of two cells for one field the first of the surest."""
    spans: dict[FieldName, FieldSpan] = {}
    for label, cell in cells:
        before = spans.get(label.name)
        if before is not None and before.label.sureness >= label.sureness:
            continue
        line = document.line_number(cell.start) - 1
        raw = document.raw[cell.start : cell.end]
        is_html = table.kind == "html"
        spans[label.name] = FieldSpan(
            name=label.name,
            line=line,
            start=cell.start,
            end=cell.end,
            value=cell.text if is_html else plain(raw),
            label=label,
            last_line=document.line_number(max(cell.end - 1, cell.start)) - 1,
            slot="html" if is_html else "cell",
            unit_g=label.unit_g,
        )
    return spans
