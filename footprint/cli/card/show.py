"""`footprint card show`: what a card says of its compute."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say, say_json
from footprint.errors import CardError

if TYPE_CHECKING:
    from footprint.card import Card
    from footprint.model import Claim, FieldName


def show(
    file: Annotated[Path, typer.Argument(help="The card, such as README.md.", show_default=False)],
    *,
    json: options.Json = False,
) -> None:
    """Show the five fields, the front matter's emissions, and sentences of the card that bear on its compute.

    The sentences are the card's own statements: they are offered, and nothing is filled from them unless asked for.
    """
    from footprint.card import named, read_card
    from footprint.card.many.finder import shown

    try:
        card = read_card(file)
    except CardError as error:
        raise CardError(shown(named(file, error))) from None
    if json:
        said = {
            "form": card.form,
            "fields": card.fields,
            "groups": card.groups,
            "metadata": card.metadata,
            "evidence": card.evidence,
            "problems": card.problems,
        }
        say_json(said)
        return
    say("\n".join(_lines(card)))
    for problem in card.problems:
        print(f"problem: {text.clean(problem, limit=300)}", file=sys.stderr)


def _lines(card: Card) -> Iterator[str]:
    if card.form != "markdown":
        yield f"form           {card.form}"
    groups = card.groups
    if len(groups) > 1:
        yield f"{text.plural(len(groups), 'group')} of fields; a fill names one of them: --group NAME"
    for number, group in enumerate(groups, 1):
        if len(groups) > 1:
            yield f"group {number}, line {group.line}: {text.clean(group.name or '', limit=200)}"
        yield from _fields(group.fields)
    if not groups:
        yield from _fields(card.fields)
    for key, value in card.metadata.items():
        parts = {f"{key}.{part}": one for part, one in value.items()} if isinstance(value, dict) else {key: value}
        for part, one in parts.items():
            yield f"{text.clean(part)} {text.clean(str(one), limit=300)}"
    for block in card.blocks:
        edited = ", edited by a person" if block.edited else ""
        of = ", ".join(f"{name} {text.clean(block.header.get(name, 'none'), limit=200)}" for name in ("runs", "factors"))
        yield f"line {card.source.number(block.first)}: written by footprint about {text.clean(block.about)}: {of}{edited}"
    for found in card.evidence:
        yield f"line {found.line}: {found.field}: {text.clean(found.value)}: {text.clean(found.text, limit=160)}"


def _fields(fields: dict[FieldName, Claim | None]) -> Iterator[str]:
    for name, claim in fields.items():
        value = "(absent)" if claim is None else f"{text.clean(claim.value, limit=200, empty='(empty)')}"
        remark = "" if claim is None else f"   line {claim.line}" + (", a placeholder" if claim.placeholder else "")
        yield f"{name:14} {value}{remark}"
