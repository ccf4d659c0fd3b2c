"""`footprint card show`: what a card says of its compute."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say_json
from footprint.errors import CardError


def show(
    file: Annotated[Path, typer.Argument(help="The card, such as README.md.", show_default=False)],
    *,
    json: options.Json = False,
) -> None:
    """Show the five fields, the front matter's emissions, and sentences of the card that bear on its compute."""
    from footprint.card import named, read_card

    try:
        card = read_card(file)
    except CardError as error:
        raise CardError(named(file, error)) from None
    if json:
        said = {
            "form": card.form,
            "fields": card.fields,
            "metadata": card.metadata,
            "evidence": card.evidence,
            "problems": card.problems,
        }
        say_json(said)
        return
    if card.form != "markdown":
        print(f"form           {card.form} (read only)")
    for name, claim in card.fields.items():
        value = "(absent)" if claim is None else f"{text.clean(claim.value, limit=200, empty='(empty)')}"
        remark = "" if claim is None else f"   line {claim.line}" + (", a placeholder" if claim.placeholder else "")
        print(f"{name:14} {value}{remark}")
    for key, value in card.metadata.items():
        parts = {f"{key}.{part}": one for part, one in value.items()} if isinstance(value, dict) else {key: value}
        for part, one in parts.items():
            print(f"{text.clean(part)} {text.clean(str(one), limit=300)}")
    for found in card.evidence:
        print(f"line {found.line}: {found.field}: {text.clean(found.value)}: {text.clean(found.text, limit=160)}")
    for problem in card.problems:
        print(f"problem: {text.clean(problem, limit=300)}", file=sys.stderr)
