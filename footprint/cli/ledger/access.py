"""`footprint ledger access`: who may read a ledger."""

from __future__ import annotations

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say_json, say_lines, table


def access(*, ledger: options.Ledger = None, json: options.Json = False) -> None:
    """Show who may read a ledger and who may write it: a folder by its modes, a PostgreSQL database by its grants."""
    import msgspec

    from footprint.ledger.access import access as look

    found = look(ledger)
    if json:
        say_json(msgspec.structs.asdict(found))
        return
    mode = f"  mode {found.mode}" if found.mode else ""
    lines = [f"{text.clean(found.where, limit=200)}{mode}"]
    rows = [
        (one.name, "yes" if one.reads else "no", "yes" if one.writes else "no", one.why + (", no login" * (one.logs_in is False)))
        for one in found.parties
    ]
    lines += table(("who", "reads", "writes", "by"), rows)
    if found.open_files:
        lines.append(
            f"{text.plural(found.open_files, 'file or folder', 'files and folders')} in it can be read by more than the owner"
        )
    if found.foreign_files:
        lines.append(f"{text.plural(found.foreign_files, 'file or folder', 'files and folders')} in it belong to somebody else")
    say_lines([*lines, *found.notes])
