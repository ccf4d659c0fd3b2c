"""The runs that a command is about, wherever they lie: in the user's own ledger, or in one elsewhere (`--ledger WHERE`)."""

from __future__ import annotations

import os
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from footprint.ledger import Reading
    from footprint.model import Run


def read_runs(
    ledger: str | None,
    *,
    since: datetime | None = None,
    name: str | None = None,
    account: str | None = None,
    newest: int | None = None,
) -> Reading:
    """The runs of a ledger, newest first. Those that `since`, `name` and `account` leave out may come, too, and need not.

    `total` is how many there are; of a ledger elsewhere, how many of them fit, or all if none does.

    Args:
        ledger: where; None is the user's own.
        since: those that started then or later are wanted.
        name: those whose name fits this pattern are.
        account: those of this account are.
        newest: so many of the newest are; None: all.

    Raises:
        ConfigError: if there is no such kind of ledger.
        LedgerError: if it cannot be read.
    """
    if ledger is None:
        from footprint.ledger import read_runs as read_own

        fits = None if name is None else partial(fnmatchcase, pat=name)
        return read_own(newest=newest, since=since, fits=fits)
    import msgspec

    from footprint.ledger.engines import open_ledger
    from footprint.ledger.engines.facts import read_runs as read_facts

    with open_ledger(ledger) as engine:
        reading = read_facts(engine, since=since, name=name, account=account, newest=newest)
        if reading.runs:
            return reading
        ((total,),) = engine.query("SELECT count(*) AS runs FROM runs").rows
        return msgspec.structs.replace(reading, total=int(total))


def find_run(ref: str, ledger: str | None) -> Run:
    """One run: by its id or a beginning of it in a ledger, or by the path of a run file.

    Raises:
        ConfigError: if there is no such kind of ledger.
        LedgerError: if nothing fits, if more than one does, or if it cannot be read.
    """
    from footprint.ledger import find_run as find_own

    if ledger is None or os.sep in ref or ref.endswith(".json"):
        return find_own(ref)
    from footprint.ledger.engines import open_ledger
    from footprint.ledger.engines.facts import find_run as find_there

    with open_ledger(ledger) as engine:
        return find_there(engine, ref)
