"""`footprint runs verify`: whether the ledger is whole."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.long_work import long_work
from footprint.cli.printing import say_json, say_lines
from footprint.model import Severity

_SHOWN: Final = 20
_NOUNS: Final[dict[Severity, tuple[str, str]]] = {"error": ("error", ""), "warning": ("warning", ""), "info": ("hint", "")}


def verify(
    *,
    all_: Annotated[bool, typer.Option("--all", help="Print every finding, not the first of each kind only.")] = False,
    json: options.Json = False,
) -> None:
    """Verify the ledger: checksums, missing records, joules, archives, owners, hosts and clocks; exit 1 if something is lost.

    Nothing is changed. Findings of severity error say that something was lost or does not add up.
    """
    from footprint.ledger.verify import verify as verified

    found = long_work(lambda told: verified(progress=told), to_go_on="nothing is said of the rest: run it again")
    count = Counter(finding.severity for finding in found.findings)
    if json:
        summary = {f"{severity}s": count[severity] for severity in _NOUNS}
        say_json({**{name: getattr(found, name) for name in found.__struct_fields__}, "summary": summary})
    else:
        lines, seen = [], Counter[str]()
        for finding in found.findings:
            seen[finding.code] += 1
            if seen[finding.code] > _SHOWN and not all_:
                continue
            where = f"{text.clean(finding.path, limit=400)}{f':{finding.line}' if finding.line else ''}"
            lines.append(f"{where}: {finding.severity} {finding.code}: {text.clean(finding.message, limit=600)}")
            if finding.fix and seen[finding.code] == 1:
                lines.append(f"    {finding.fix}")
        more = sum(number - _SHOWN for number in seen.values() if number > _SHOWN)
        if more and not all_:
            lines.append(f"and {text.count(more)} more; --all prints them")
        told = ", ".join(text.plural(count[severity], *noun) for severity, noun in _NOUNS.items() if count[severity])
        size = f"{text.plural(found.journals, 'journal')}, {text.plural(found.batches, 'batch', 'batches')}"
        size += f", {text.plural(found.records, 'record')}, {text.plural(found.runs, 'run')}"
        say_lines([*lines, f"{size} in {text.clean(found.home, limit=400)}: {told or 'all is whole'}"])
    if count["error"]:
        raise typer.Exit(1)
