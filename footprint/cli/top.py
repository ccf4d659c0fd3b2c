"""`footprint top`: what is being recorded on this machine now, as `top` shows processes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say, say_json
from footprint.errors import ConfigError

if TYPE_CHECKING:
    from footprint.watching import Row, Watching

_INTERVALS_S = (0.2, 3600.0)
_BY_SIGNAL = 128


def top(
    *,
    interval_s: Annotated[float, typer.Option("--interval", help="Seconds between two looks at a terminal.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print one table and end, as where no terminal is.")] = False,
    json: options.Json = False,
) -> None:
    """Show the runs that are being recorded: power, energy and emissions so far, progress and its end, and how it is known.

    At a terminal until q or Ctrl-C; elsewhere one table. The runs are those of the ledger (FOOTPRINT_HOME) that have not ended,
    whoever records them: `footprint run`, `attach`, `node`, and programs that track themselves. POWER is the mean of the last
    seconds, of the facility as ENERGY is; DONE and ENDS are of programs that tell their progress. Rows do not add up: a run that
    is nested in another one counts in that one, too.
    """
    from footprint.watching import Watching

    if not _INTERVALS_S[0] <= interval_s <= _INTERVALS_S[1]:
        raise ConfigError(f"--interval {interval_s:g} is not between {_INTERVALS_S[0]:g} and {_INTERVALS_S[1]:g} seconds")
    watching = Watching()
    if json:
        rows = watching.look()
        say_json({"runs": [told(row) for row in rows], "problems": list(watching.problems)})
        return
    if once or sys.stdout is None or not sys.stdout.isatty() or sys.platform == "win32":
        _print(watching)
        return
    _watch(watching, interval_s)


def told(row: Row) -> dict[str, Any]:
    """A run as `--json` prints it: the contract's fields, in its order."""
    whole = None
    if row.ends_at is not None:
        whole = {"ends_at": row.ends_at, "energy_kwh": row.whole_energy_kwh, "emissions_g": row.whole_emissions_g}
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "account": row.account,
        "parent": row.parent,
        "host": row.host,
        "pid": row.pid,
        "started_at": row.started_at,
        "duration_s": row.at_s,
        "power_w": row.power_w,
        "power_over_s": row.power_over_s,
        "energy_kwh": row.energy_kwh,
        "emissions_g": row.emissions_g,
        "coverage": row.coverage,
        "progress": None if row.done is None else {"done": row.done, "total": row.total},
        "forecast": whole,
        "unknown": row.unknown,
    }


def _print(watching: Watching) -> None:
    import math
    import shutil

    from footprint.cli.live.table import table

    rows = watching.look()
    for problem in watching.problems:
        print(f"note: {text.clean(problem, limit=400)}", file=sys.stderr)
    width = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else math.inf
    say("\n".join(table(rows, width)) if rows else _nothing())


def _nothing() -> str:
    from footprint.ledger import home

    where = text.clean(str(home()), limit=400)
    return f"nothing is being recorded into {where}: `footprint run -- COMMAND` records a command"


def _watch(watching: Watching, interval_s: float) -> None:
    from footprint.cli.live.screen import Screen

    with Screen() as screen:
        while True:
            width, height = screen.size()
            screen.draw(_screenful(watching.look(), watching.problems, width, height))
            if not screen.wait(interval_s):
                break
    if screen.signal:
        raise typer.Exit(_BY_SIGNAL + screen.signal)


def _screenful(rows: Sequence[Row], problems: Sequence[str], width: int, height: int) -> list[str]:
    """What a terminal of this size shows: never more lines than it has."""
    from rich.cells import cell_len, set_cell_size

    from footprint.cli.live.table import table

    at = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
    lines = [f"footprint top  {at}  {text.plural(len(rows), 'run')} being recorded  (q quits)", ""]
    if problems:
        lines.insert(1, f"note: {text.clean(problems[0], limit=400)}")
    lines += table(rows, width, max(1, height - len(lines))) if rows else [_nothing()]
    return [line if cell_len(line) <= width else set_cell_size(line, width) for line in lines[:height]]
