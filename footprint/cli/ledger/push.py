"""`footprint ledger push`: this ledger's runs to where many share them."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from footprint import text
from footprint import units as u
from footprint.cli import options
from footprint.cli.choosing import begin_of
from footprint.cli.long_work import long_work
from footprint.cli.printing import say_json, say_lines


def push(
    where: Annotated[
        str,
        typer.Argument(metavar="WHERE", help="postgresql://USER@HOST:PORT/DATABASE, a folder, or a store: s3://BUCKET/LEDGER."),
    ],
    *,
    since: options.Since = None,
    delete: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Delete this run there, which is gone here; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read all, and write nothing.")] = False,
    json: options.Json = False,
) -> None:
    """Bring this ledger's runs to PostgreSQL or to a store: what is not there yet, each run once, however often it is asked.

    A password is better kept in PGPASSWORD or ~/.pgpass than in the address. Runs that were deleted here stay there unless
    they are named with --delete, which a database can do and a store cannot.
    """
    import msgspec

    from footprint.ledger.push import push as bring

    start = begin_of(since, "push more with")
    done = long_work(
        lambda told: bring(
            where,
            since_us=None if start is None else round(start.timestamp() * 1_000_000),
            delete=tuple(delete or ()),
            dry_run=dry_run,
            progress=told,
        ),
        to_go_on="what is there whole stays: push again to go on",
    )
    for problem in done.problems:
        print(f"note: {text.clean(problem, limit=400)}", file=sys.stderr)
    told: dict[str, Any] = msgspec.structs.asdict(done)
    if json:
        before, after = done.migrated or (None, None)
        say_json({**told, "migrated": done.migrated and {"from": before, "to": after}})
        return
    lines = [f"to {done.where}"]
    if done.migrated:
        lines.append(f"  made its tables, version {done.migrated[1]}" if done.migrated[0] == 0 else _renewed(*done.migrated))
    read = f"  read    {text.plural(done.sources, 'journal or batch', 'journals and batches')}"
    lines.append(f"{read}; {text.count(done.unchanged_sources)} unchanged since the last push")
    runs, energy = text.plural(done.runs, "run"), _told(done.energy_mj)
    if dry_run:
        lines.append(f"  would send {runs} with {text.plural(done.samples, 'sample')}, {energy}; nothing was written")
    else:
        fates = (("new", done.new), ("replaced", done.replaced), ("the same", done.same), ("known better there", done.kept))
        told_fates = ", ".join(f"{text.count(many)} {fate}" for fate, many in fates if many) or "none"
        rate = f" ({text.count(round(done.samples / done.duration_s))} a second)" if done.samples else ""
        if done.runs:
            lines.append(f"  runs    {text.count(done.runs)}: {told_fates}")
            lines.append(f"  sent    {text.plural(done.samples, 'sample')}, {energy}, in {text.duration(done.duration_s)}{rate}")
        else:
            lines.append("  nothing is new")
    if done.deleted:
        lines.append(f"  deleted {text.plural(len(done.deleted), 'run')} there")
    say_lines(lines)


def _told(energy_mj: int) -> str:
    return text.energy(u.kwh_from_j(energy_mj / 1000)) if energy_mj else "no joules that a meter read"


def _renewed(before: int, after: int) -> str:
    return f"  renewed its tables from version {before} to {after}"
