"""`footprint card check` and `footprint card rules`: what is wrong with what cards claim, and by which rules."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say_json
from footprint.errors import CardError


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="The cards.", show_default=False)],
    *,
    base: Annotated[Path | None, typer.Option(help="The card of the base model, to compare with.")] = None,
    json: options.Json = False,
) -> None:
    """Check what cards claim; exit 1 if a finding is an error."""
    from footprint.card import named, read_card
    from footprint.card.check import check as check_card

    today = datetime.now(UTC).date()
    findings = []
    for file in files:
        try:
            card = read_card(file)
            found = check_card(card, base=read_card(base) if base else None, today=today)
        except CardError as error:
            raise CardError(named(file, error)) from None
        findings += [(file, finding) for finding in found]
    if json:
        say_json({"findings": [finding for _, finding in findings]})
    else:
        for file, finding in findings:
            where = f"{text.clean(str(file), limit=300)}:{finding.line or 1}"
            print(f"{where}: {finding.severity} {finding.code}: {text.clean(finding.message, limit=400)}")
    if any(finding.severity == "error" for _, finding in findings):
        raise typer.Exit(1)


def rules(*, json: options.Json = False) -> None:
    """List the rules of `card check`: code, severity, and what each one looks for."""
    from footprint.card.check.rules import RULES

    if json:
        say_json({"rules": [{"code": r.code, "severity": r.severity, "title": r.title, "doc": r.doc} for r in RULES.values()]})
        return
    for one in RULES.values():
        print(f"{one.code} ({one.severity}): {one.title}\n\n{one.doc}\n")
