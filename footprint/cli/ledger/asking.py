"""What the commands that ask a ledger have in common: their options, and how rows are shown."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from footprint import text
from footprint import units as u
from footprint.cli.choosing import period_of, where_of
from footprint.cli.printing import say, say_json, say_lines, table
from footprint.errors import ConfigError, unknown_choice

if TYPE_CHECKING:
    from footprint.ledger.ask import Chosen
    from footprint.ledger.engines import Answer, Engine

By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        help="Group by this, or by several (team,month): account, name, project, team, user, model, hardware, provider, region, "
        "zone, month, outcome, kind, host, component, label:KEY.",
    ),
]
Ledger = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="WHERE",
        help="Another ledger: a folder, postgresql://…, s3://… or file://…, spark:…; by default this user's.",
    ),
]
Format = Annotated[str, typer.Option("--format", help="table, csv or json.")]

FORMATS: Final = ("table", "csv", "json")
# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def keys_of(by: Sequence[str] | None) -> tuple[str, ...]:
    """The keys of `--by`, which may be repeated or parted by commas.

    Raises:
        ConfigError: if nothing stands beside a comma.
    """
    keys = tuple(key.strip() for stated in by or () for key in stated.split(","))
    if "" in keys:
        raise ConfigError(f"--by {text.clean(','.join(by or ()))!r} lacks a key; write e.g. --by team,month")
    return keys


def asked(since: str | None, until: str | None, where: Sequence[str] | None) -> dict[str, Any]:
    """The runs that options choose, as `ask` takes them.

    Raises:
        ConfigError: if one cannot be read.
    """
    period = period_of(since, until)
    return {"since": period.begin, "until": period.end, "where": where_of(where)}


def format_of(stated: str, *, json: bool) -> str:
    """The format of `--format` and `--json`.

    Raises:
        ConfigError: if there is none of that name.
    """
    if stated not in FORMATS:
        raise unknown_choice("--format", stated, FORMATS)
    return "json" if json else stated


def opened(where: str | None) -> Engine:
    """The ledger of `--ledger`; to be closed."""
    from footprint.ledger.engines import open_ledger

    return open_ledger(where)


def nothing_of(engine: Engine, chosen: Mapping[str, Any], *, runs: int) -> str:
    """What is said in the place of an empty table, by how many runs were chosen."""
    if runs:
        return "nothing was read"
    flags = [f"--{flag}" for flag in ("since", "until", "where") if chosen[flag]]
    if flags:
        return f"no run of {engine.where} fits {' and '.join(flags)}"
    return (
        f"no runs are recorded in {engine.where}: `footprint run -- COMMAND` records one, `footprint runs import` brings some in"
    )


def unread_of(chosen: Chosen) -> tuple[str, ...]:
    """What is said of runs that an answer leaves out, since no meter read their joules."""
    told = "what is modelled or declared is not in this, but in `footprint ledger totals`"
    return (f"{part_of(chosen.unread, chosen.runs)} no joules that a meter read: {told}",) if chosen.unread else ()


def part_of(part: int, runs: int) -> str:
    """The beginning of a sentence about some of the runs: `3 of 7 runs have`."""
    return "the run has" if runs == 1 else f"{text.count(part)} of {text.count(runs)} runs have"


Cell = Callable[[Any], str]


def show(
    answer: Answer,
    how: str,
    columns: Mapping[str, tuple[str, Cell]],
    *,
    name: str,
    more: Mapping[str, Any] | None = None,
    nothing: str | None = None,
    notes: Sequence[str] = (),
    always: Collection[str] = (),
) -> None:
    """Print an answer.

    Args:
        answer: the rows.
        how: table, csv or json.
        columns: of a table: the column of the answer, its head and how a value is told; the keys come before them, as they are.
        name: of the rows in JSON.
        more: what JSON says besides.
        nothing: what stands in the place of a table that would tell nothing.
        notes: what is to be known of the answer.
        always: columns of a table that are shown although nothing is known of them.
    """
    problems = [text.clean(problem, limit=400) for problem in answer.problems]
    if how == "json":
        say_json({name: answer.dicts(), **(more or {}), "notes": list(notes), "problems": problems})
        return
    if how == "csv":
        say(_csv(answer))
    else:
        say_lines(_table(answer, columns, always) if nothing is None else [nothing])
    for problem in (*notes, *problems):
        print(f"note: {problem}", file=sys.stderr)


def keyed(keys: Sequence[str]) -> dict[str, tuple[str, Cell]]:
    """The columns of keys."""
    return {key: (key, named) for key in keys}


def named(value: Any) -> str:
    """A name for a person; what is not known is said so."""
    return "(unknown)" if value is None else text.clean(str(value), limit=80, empty="(none)")


def counted(value: Any) -> str:
    """A count; none is a dash, so that the others are seen."""
    return text.count(int(value)) if value else "–"


def energy(value_mj: Any) -> str:
    """Millijoules for a person; unknown is no zero."""
    return "unknown" if value_mj is None else text.energy(u.kwh_from_j(value_mj / 1000))


def hours(value_us: Any) -> str:
    """Microseconds for a person; none is a dash."""
    return text.duration(value_us / 1_000_000) if value_us else "–"


def moment(value_us: Any) -> str:
    """A time for a person."""
    from footprint.ledger.ask import time_of

    return "unknown" if value_us is None else f"{time_of(value_us):%Y-%m-%d %H:%M}"


def percent(value: Any) -> str:
    """A ratio for a person."""
    return "unknown" if value is None else f"{100 * value:.1f} %"


def with_column(answer: Answer, column: str, value: Callable[[dict[str, Any]], Any]) -> Answer:
    """The answer with one more column, worked out from each row."""
    rows = [(*row, value(told)) for row, told in zip(answer.rows, answer.dicts(), strict=True)]
    return answer._replace(columns=(*answer.columns, column), rows=rows)


def ratio(part: str, whole: str) -> Callable[[dict[str, Any]], float | None]:
    """The ratio of two columns; null where one is not known or the whole is nothing."""

    def value(row: dict[str, Any]) -> float | None:
        return None if row[part] is None or not row[whole] else float(row[part] / row[whole])

    return value


def _table(answer: Answer, columns: Mapping[str, tuple[str, Cell]], always: Collection[str]) -> list[str]:
    """The lines of a table; a column of which nothing is known is left out unless it is always shown."""
    places = {column: answer.columns.index(column) for column in columns if column in answer.columns}
    shown = {
        column: place
        for column, place in places.items()
        if column in always or any(row[place] is not None for row in answer.rows)
    }
    head = [columns[column][0] for column in shown]
    rows = [[columns[column][1](row[place]) for column, place in shown.items()] for row in answer.rows]
    return table(head, rows, [columns[column][0] for column in shown if columns[column][1] not in {named, moment}])


def _csv(answer: Answer) -> str:
    """All columns in their own units; an empty cell is unknown, and no cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_cell(column) for column in answer.columns])
    writer.writerows([_cell(value) for value in row] for row in answer.rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    shown = text.clean(value, limit=1000, empty="")
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
