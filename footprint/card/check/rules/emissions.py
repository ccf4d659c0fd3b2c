"""Rules on the number of emissions in the front matter: whether all readers take it for the number that is meant.

The Hub asks for grams of CO2eq. Its client looks for the first number in what it is given, whatever stands around it; PyYAML and
the Hub's own reader do not agree on what a number is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from footprint import text
from footprint.card.check.registry import Subject, rule
from footprint.card.check.shown import number_of_line, short
from footprint.card.parts.metadata import KEY, Node, scalar_value
from footprint.card.read import Card
from footprint.card.words.amounts import read_mass
from footprint.card.words.labels import is_placeholder
from footprint.model import Finding

# The client's own expression.
_CLIENT: Final = re.compile(r"\d+\.\d+|\d+")
_DECIMAL: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)")
_EXPONENT: Final = re.compile(r"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})[eE][-+]?\d{1,3}")
_COMMAS: Final = re.compile(r"[-+]?\d{1,20}(?:[,' \u00a0\u202f]\d{3}){1,9}(?:[.,]\d{1,20})?|[-+]?\d{1,20},\d{1,20}")
_GRAMS: Final = re.compile(
    r"\s*([-+]?\d[\d,._]{0,40})\s*(?:g|gr|grams?)(?:\b|(?=CO[2₂]))(?:\s*(?:of\s*)?CO.{0,20})?\s*", re.IGNORECASE
)
_MAX_DIGITS: Final = 30
_MAX_TEXT: Final = 300


class _Stated(NamedTuple):
    """A value that stands where the Hub reads emissions: its node, what it is called, its text, and what PyYAML makes of it."""

    node: Node
    name: str
    text: str
    value: Any


@rule("emissions-exponent", "error", "emissions with an exponent")
def emissions_exponent(subject: Subject) -> Iterator[Finding]:
    """An exponent is read in three ways: as a number, as text (`1e5` by PyYAML), and up to the `e` by the Hub's client.

    `1.5e-05` is taken for 1.5. It is an error where the client reads another number, and a warning where it reads the same.
    (Below 0.0001 g the client misreads a plain decimal too, because Python prints it with an exponent; nothing mends that.)
    """
    for one in _stated(subject.card):
        if not _EXPONENT.fullmatch(one.text):
            continue
        meant = _decimal(one.text)
        read = _CLIENT.search(str(one.value))
        is_same = meant is not None and read is not None and Decimal(read[0]) == abs(meant)
        takes = f"the Hub's client reads {read[0]}" if read is not None and not is_same else "some readers take it for text"
        plain = _plain(meant)
        yield Finding(
            code="emissions-exponent",
            severity="warning" if is_same else "error",
            line=number_of_line(subject.card, one.node),
            message=f"{one.name} has an exponent: {takes}",
            stated=one.text,
            expected=plain,
            fix=f"write {plain}" if plain is not None else "write a plain decimal, in grams",
        )


@rule("emissions-thousands", "error", "emissions with a comma or digits in groups")
def emissions_thousands(subject: Subject) -> Iterator[Finding]:
    """A number with a comma, an apostrophe or blanks in it is text to YAML, and the Hub's client reads what stands before them.

    `24,700` is taken for 24. Digits grouped by underscores (`24_700`) are a number to some readers and text to others: a warning.
    """
    for one in _stated(subject.card):
        if _COMMAS.fullmatch(one.text):
            read = _CLIENT.search(one.text)
            assert read is not None
            expected = None if re.fullmatch(r"[-+]?\d{1,3},\d{3}", one.text) else _ungrouped(one.text)
            either = f"{one.text.replace(',', '')} or {one.text.replace(',', '.')}, whichever is meant"
            yield Finding(
                code="emissions-thousands",
                severity="error",
                line=number_of_line(subject.card, one.node),
                message=f"{one.name} is no number in YAML: the Hub's client reads {read[0]}",
                stated=short(one.text),
                expected=expected,
                fix=f"write {expected if expected is not None else either}" + ("" if _is_small(one.text) else ", in grams"),
            )
        elif re.fullmatch(r"[-+]?\d{1,20}(?:_\d{1,20}){1,9}(?:\.\d{1,20})?", one.text):
            expected = one.text.replace("_", "")
            yield Finding(
                code="emissions-thousands",
                severity="warning",
                line=number_of_line(subject.card, one.node),
                message=f"{one.name} has underscores, which only some readers of YAML take for a number",
                stated=short(one.text),
                expected=expected,
                fix=f"write {expected}",
            )


@rule("emissions-text", "error", "emissions that are not a number")
def emissions_text(subject: Subject) -> Iterator[Finding]:
    """The Hub asks for a number of grams. Text, a truth value, a time of day or an octal number is none.

    A number in quotes, or with grams written behind it, is a warning, for the number that is read from it is right. With
    kilograms or tonnes behind it it is an error: their number is read as grams.
    """
    for one in _stated(subject.card):
        if is_placeholder(one.text) or any(form.fullmatch(one.text) for form in (_EXPONENT, _COMMAS)) or "_" in one.text:
            continue
        number = isinstance(one.value, int | float) and not isinstance(one.value, bool)
        if number and _DECIMAL.fullmatch(one.text) and Decimal(one.text) == Decimal(str(one.value)):
            continue
        if number and isinstance(one.value, float) and _DECIMAL.fullmatch(one.text):
            continue  # more digits than a float holds
        grams = _GRAMS.fullmatch(one.text)
        digits = grams[1] if grams else one.text
        expected = digits if _DECIMAL.fullmatch(digits) and not number else None
        means = f"is read as {str(one.value).lower()}" if not isinstance(one.value, str) else "is text"
        mass = read_mass(one.text) if expected is None and isinstance(one.value, str) else None
        plain = text.plain(mass.low, 6) if mass is not None and 0 < mass.low == mass.high else None
        yield Finding(
            code="emissions-text",
            severity="warning" if expected is not None else "error",
            line=number_of_line(subject.card, one.node),
            message=f"{one.name} {means}, not a number of grams",
            stated=short(one.text),
            expected=expected or plain,
            fix=f"write {expected or plain}" if expected or plain else "write a plain decimal, in grams of CO2eq",
        )


@rule("emissions-placeholder", "warning", "emissions that say nothing")
def emissions_placeholder(subject: Subject) -> Iterator[Finding]:
    """`TBD`, `N/A`, null or an empty value says nothing, and the filters of the Hub stumble over it.

    What is not known is better left out.
    """
    for one in _stated(subject.card):
        if one.value is None or (isinstance(one.value, str) and is_placeholder(one.text)):
            yield Finding(
                code="emissions-placeholder",
                severity="warning",
                line=number_of_line(subject.card, one.node),
                message=f"{one.name} says nothing",
                stated=short(one.text),
                fix="leave the key out until the number is known",
            )


@rule("emissions-negative", "error", "emissions below zero")
def emissions_negative(subject: Subject) -> Iterator[Finding]:
    """Computing emits; offsets that were bought do not make it less, and the field is for what was emitted.

    The Hub's client reads the number without its sign.
    """
    for one in _stated(subject.card):
        number = _number_of(one)
        if number is not None and number < 0:
            yield Finding(
                code="emissions-negative",
                severity="error",
                line=number_of_line(subject.card, one.node),
                message=f"{one.name} is below zero",
                stated=short(one.text),
                fix="state what was emitted; speak of offsets in the text",
            )


@rule("emissions-zero", "info", "emissions of exactly zero")
def emissions_zero(subject: Subject) -> Iterator[Finding]:
    """No training emits nothing: also on renewable power, by location-based accounting and by what the machines took to make.

    A zero is mostly what a tool writes when it could measure nothing.
    """
    for one in _stated(subject.card):
        if _number_of(one) == 0 and not isinstance(one.value, str):
            yield Finding(
                code="emissions-zero",
                severity="info",
                line=number_of_line(subject.card, one.node),
                message=f"{one.name} is zero: nothing that computes emits nothing",
                stated=short(one.text),
                fix="leave the key out if the number is not known",
            )


def _stated(card: Card) -> Iterator[_Stated]:
    """The values of a card that stand where the Hub reads emissions: one, or in a list perhaps several."""
    entry = card.yaml.emissions()
    if entry is None:
        return
    found = [(KEY, entry[1])]
    if entry[1].kind in {"mapping", "list"}:
        inside = entry[1].items if entry[1].kind == "list" else (entry[1],)
        children = [part.find("emissions") if part.kind == "mapping" else None for part in inside]
        found = [("emissions", child[1]) for child in children if child is not None]
    for name, node in found:
        if node.kind == "scalar" and "{{" not in node.text:
            yield _Stated(node, name, node.text.strip()[:_MAX_TEXT], scalar_value(node.text, plain=node.plain))
        elif node.kind in {"mapping", "list"}:
            yield _Stated(node, name, f"a {node.kind}", f"a {node.kind}")


def _number_of(one: _Stated) -> Decimal | None:
    """The number that a value is meant as, whatever YAML makes of it; None where it is none, or can be read in two ways."""
    if isinstance(one.value, bool):
        return None
    grams = _GRAMS.fullmatch(one.text)
    text = grams[1] if grams else one.text
    return _decimal(text.replace("_", "")) if not _COMMAS.fullmatch(text) else _decimal(_ungrouped(text) or "")


def _decimal(text: str) -> Decimal | None:
    if not _DECIMAL.fullmatch(text) and not _EXPONENT.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _plain(number: Decimal | None) -> str | None:
    """A number without an exponent; None for one that would be longer than any emission."""
    if number is None or abs(number.adjusted()) > _MAX_DIGITS:
        return None
    shown = format(number, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _ungrouped(text: str) -> str | None:
    """A number with grouped digits, without the groups; None where a comma may be either."""
    if re.fullmatch(r"[-+]?\d{1,3}(?:[,' \u00a0\u202f]\d{3}){1,9}(?:\.\d{1,20})?", text):
        return re.sub(r"[,' \u00a0\u202f]", "", text) if not re.fullmatch(r"[-+]?\d{1,3},\d{3}", text) else None
    return text.replace(",", ".") if re.fullmatch(r"[-+]?\d{1,20},\d{1,20}", text) else None


def _is_small(text: str) -> bool:
    return len(text) < 8  # noqa: PLR2004 - a short number needs no reminder of its unit
