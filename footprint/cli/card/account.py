"""`footprint card json`: a card's account, for other tools."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from footprint.cli.printing import as_printable, say, say_json
from footprint.errors import CardError


def json(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="CARD", help="Files, folders or patterns.", show_default=False)
    ] = None,
    *,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of an account.")] = False,
) -> None:
    """Print a card's account as JSON: fields, quantities, the front matter's emissions, our blocks, evidence.

    One file is one object; several, a folder or a pattern are one object a line, in which a card that cannot be read has `error`.
    """
    from footprint.card.export import SCHEMA_FILE, account_of

    if schema and files:
        raise typer.BadParameter("--schema is that of every card: name none beside it")
    if schema:
        say(SCHEMA_FILE.read_text(encoding="utf-8"))
        return
    if not files:
        raise typer.BadParameter("name a card, or say --schema")
    from footprint.card import named, read_card
    from footprint.card.many.finder import find_cards, shown

    if len(files) == 1 and os.path.isfile(files[0]):  # noqa: PTH113 - a folder or a pattern is no file
        import msgspec

        path = Path(files[0])
        try:
            account = account_of(read_card(path), shown(path))
        except CardError as error:
            raise CardError(shown(named(path, error))) from None
        say_json(msgspec.to_builtins(account))
        return
    found = find_cards(files)
    lost = [(folder, shown(f"{folder}: cannot be read: {why}")) for folder, why in found.unreadable]
    for file in found.files:
        try:
            _say_line(account_of(read_card(file), shown(file)))
        except CardError as error:
            lost.append((file, shown(named(Path(file), error))))
    for file, why in lost:
        _say_line({"path": shown(file), "error": why, "schema": 1})
    if lost:
        raise CardError(lost[0][1] if len(lost) == 1 else f"{len(lost):,} could not be read, such as {lost[0][1]}")


def _say_line(told: Any) -> None:
    import msgspec

    print(as_printable(msgspec.json.encode(told).decode()))
