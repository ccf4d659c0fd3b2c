"""Runs into PostgreSQL: many rows in one transaction, each run there once, whoever brings it and however often.

A run that is there already stays as it is if what comes is the same, or knows less of it: a copy of a ledger that ends earlier,
a reader that thinks it still goes on. Else all its rows are replaced. Of a run whose facts are the same, the samples stay, for
those that come can only be thinner ones. Two that bring the same run wait for each other at its row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.engines.engine import Closing
from footprint.ledger.engines.postgres import Address
from footprint.ledger.engines.postgres_schema import migrate, version_of
from footprint.ledger.load import Load, Tally, refusals, without_nul
from footprint.ledger.once import standing
from footprint.ledger.rows import Row
from footprint.ledger.tables import TABLES
from footprint.model import Outcome

_ATTEMPTS: Final = 5
_COLUMNS: Final = {table: tuple(column.name for column in columns) for table, columns in TABLES.items()}
_LISTED: Final = {table: ", ".join(f'"{name}"' for name in names) for table, names in _COLUMNS.items()}

_AT: Final = tuple(f'"{name}"' for name in _COLUMNS["runs"])
_CAME: Final = ", ".join(f"i.{at}" for at in _AT)
_WAS: Final = ", ".join(f"r.{at}" for at in _AT)

_STAGE: Final = "CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE footprint.runs) ON COMMIT DELETE ROWS"
_NEW: Final = f"""
INSERT INTO footprint.runs ({_LISTED["runs"]})
SELECT {_LISTED["runs"]} FROM pg_temp.incoming ORDER BY id
ON CONFLICT (id) DO NOTHING RETURNING id
"""  # noqa: S608 - our own columns
_THERE: Final = f"""
SELECT r.id, i.journal_id = r.journal_id AS same_journal, i.facts = r.facts AS same_facts,
    ({_CAME}) IS NOT DISTINCT FROM ({_WAS}) AS same_row,
    i.outcome, i.duration_s, r.outcome, r.duration_s,
    CASE WHEN i.facts <> r.facts THEN (SELECT sum(d.read_s) FROM footprint.devices d WHERE d.run_id = r.id) END AS read_s,
    CASE WHEN i.facts <> r.facts THEN (SELECT count(*) FROM footprint.samples s WHERE s.run_id = r.id) END AS samples
FROM footprint.runs r JOIN pg_temp.incoming i ON i.id = r.id
WHERE NOT r.id = ANY(%s) ORDER BY r.id FOR UPDATE OF r
"""  # noqa: S608 - our own columns
_REPLACE: Final = f"""
UPDATE footprint.runs r SET ({_LISTED["runs"]}) = ROW({_CAME})
FROM pg_temp.incoming i WHERE i.id = r.id AND r.id = ANY(%s)
"""  # noqa: S608 - our own columns
_REMEMBER: Final = """
INSERT INTO footprint.pushed (source, digest, is_open, runs, energy_mj, host) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (source) DO UPDATE SET digest = excluded.digest, is_open = excluded.is_open, runs = excluded.runs,
    energy_mj = excluded.energy_mj, host = excluded.host, pushed_at = now(), pushed_by = current_user
"""
_PUSHED: Final = "SELECT source, digest, is_open FROM footprint.pushed WHERE source = ANY(%s)"
_DELETE: Final = "DELETE FROM footprint.runs WHERE id = ANY(%s) RETURNING id"
_EMPTY: Final = {
    "devices": "DELETE FROM footprint.devices WHERE run_id = ANY(%s)",
    "samples": "DELETE FROM footprint.samples WHERE run_id = ANY(%s)",
    "ticks": "DELETE FROM footprint.ticks WHERE run_id = ANY(%s)",
}
_HELD: Final = "SELECT count(*), coalesce(sum(energy_mj), 0) FROM footprint.samples WHERE run_id = ANY(%s)"
_READ_S: Final = _COLUMNS["devices"].index("read_s")
_DIGITS: Final = 6  # of seconds: the last ones of a sum hang on its order


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a journal or batch that was pushed.

    Attributes:
        source: `journal:ID` or `batch:ID`.
        digest: of its bytes, and of what made rows of them.
        is_open: whether one of its runs went on.
        energy_mj: of all its devices.
    """

    source: str
    digest: str
    is_open: bool
    runs: int
    energy_mj: int
    host: str


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the runs of one transaction; the rows of samples that were written, and their energy."""

    new: int = 0
    replaced: int = 0
    same: int = 0
    kept: int = 0
    samples: int = 0
    energy_mj: int = 0
    problems: tuple[str, ...] = ()


class Writer(Closing):
    """A connection that brings runs.

    Args:
        address: `postgresql://…`.
        may_change: make or renew the tables where that is needed; without it nothing is written (a dry run).

    Raises:
        ConfigError: if it is no address.
        LedgerError: if it cannot be connected to, or its tables are not ours to fill.
    """

    def __init__(self, address: str, *, may_change: bool = True) -> None:
        self._address = Address(address)
        self.where = self._address.shown
        self._connection = self._address.connect()
        self.migrated: tuple[int, int] | None = None
        try:
            with self._address.errors("cannot hold a ledger"):
                if may_change:
                    self.migrated = migrate(self._connection)
                self._is_ledger = version_of(self._connection) > 0
        except BaseException:
            self.close()
            raise

    def pushed(self, sources: Sequence[str]) -> dict[str, tuple[str, bool]]:
        """Which of these sources were pushed before: their digests then, and whether one of their runs went on.

        Raises:
            LedgerError: if it cannot be read.
        """
        if not self._is_ledger:
            return {}
        with self._address.errors("cannot be asked"):
            found = self._connection.execute(_PUSHED, [list(sources)])
            return {source: (digest, is_open) for source, digest, is_open in found}

    def write(self, load: Load, sources: Iterable[Pushed] = ()) -> Written:
        """Bring runs, and remember where they came from: all of it, or nothing.

        Raises:
            LedgerError: if the database refuses, goes away, or holds other joules afterwards than were sent.
        """
        from psycopg import errors

        tally = load.tally()
        refused = refusals(load, tally)
        with self._address.errors("cannot be written"):
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    with self._connection.transaction():
                        written = self._write(load, tally, refused, sources)
                except (errors.DeadlockDetected, errors.SerializationFailure):
                    if attempt == _ATTEMPTS:
                        raise
                else:
                    problems = (f"run {run_id} was not pushed: {why}" for run_id, why in sorted(refused.items()))
                    return msgspec.structs.replace(written, problems=tuple(problems))
        raise AssertionError("an attempt returns or raises")

    def delete(self, run_ids: Sequence[str]) -> list[str]:
        """Delete runs with all that is known of them; those that were there.

        Raises:
            LedgerError: if the database refuses or goes away.
        """
        with self._address.errors("cannot be written"), self._connection.transaction():
            found = self._connection.execute(_DELETE, [sorted(run_ids)])
            gone = [str(run_id) for (run_id,) in found]
            self._empty(("samples", "ticks"), gone)
            return gone

    def close(self) -> None:
        """Close the connection; what was not committed is as if it had never been sent."""
        with suppress(Exception):
            self._connection.close()

    def _write(self, load: Load, tally: Mapping[str, Tally], refused: Collection[str], sources: Iterable[Pushed]) -> Written:
        connection = self._connection
        connection.execute(_STAGE)
        # Many ids are looked up in tables that grow and of which nobody has statistics yet: never by reading all of them.
        connection.execute("SET LOCAL enable_seqscan TO off")
        self._copy("pg_temp.incoming", "runs", (row for row in load.runs if row[0] not in refused))
        new = {run_id for (run_id,) in connection.execute(_NEW.encode())}
        others = sum(row[0] not in refused for row in load.runs) - len(new)
        there = [_Meeting(*found) for found in connection.execute(_THERE.encode(), [list(new)])] if others else []
        nothing = Tally()
        read_s = _read_s(load) if there else {}
        kept = {one.run_id for one in there if one.knows_less(read_s[one.run_id], tally.get(one.run_id, nothing).samples)}
        taken = [one for one in there if one.run_id not in kept and not one.same_row]
        changed = {one.run_id for one in taken}
        refilled = {*new, *(one.run_id for one in taken if not one.same_facts)}
        if changed:
            connection.execute(_REPLACE.encode(), [list(changed)])
            self._empty(("devices",), changed)
            self._empty(("samples", "ticks"), changed & refilled)
        self._copy("footprint.devices", "devices", (row for row in load.devices if row[0] in new or row[0] in changed))
        for table in ("ticks", "samples") if refilled else ():
            how = " (FORMAT csv)" if load.is_csv else ""
            with connection.cursor().copy(f"COPY footprint.{table} ({_LISTED[table]}) FROM STDIN{how}".encode()) as copy:
                load.send(table, refilled, copy)
        sent = [tally.get(run_id, nothing) for run_id in refilled]
        samples, energy_mj = sum(one.samples for one in sent), sum(one.energy_mj for one in sent)
        self._verify(refilled, samples, energy_mj)
        for source in sorted(sources, key=lambda one: one.source):
            connection.execute(_REMEMBER, msgspec.structs.astuple(source))
        same = len(there) - len(changed) - len(kept)
        return Written(new=len(new), replaced=len(changed), same=same, kept=len(kept), samples=samples, energy_mj=energy_mj)

    def _copy(self, target: str, table: str, rows: Iterable[Row]) -> None:
        with self._connection.cursor().copy(f"COPY {target} ({_LISTED[table]}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(without_nul(table, row))

    def _empty(self, tables: Iterable[str], run_ids: Collection[str]) -> None:
        for table in tables if run_ids else ():
            self._connection.execute(_EMPTY[table], [list(run_ids)])

    def _verify(self, run_ids: Collection[str], samples: int, energy_mj: int) -> None:
        """Hold what the database now has of these runs to what was sent, before it is committed."""
        found = self._connection.execute(_HELD, [list(run_ids)]).fetchone()
        if found is None or (found[0], int(found[1])) != (samples, energy_mj):
            raise LedgerError(f"sent {samples} samples with {energy_mj} mJ, and it holds {found}: nothing of them was kept")


class _Meeting(NamedTuple):
    """A run that comes and is there already: whether it is the same, and what tells which of both knows more."""

    run_id: str
    same_journal: bool
    same_facts: bool
    same_row: bool
    outcome: Outcome
    duration_s: float
    outcome_there: Outcome
    duration_there_s: float
    read_there_s: float | None
    samples_there: int | None

    def knows_less(self, read_s: float, samples: int) -> bool:
        """Whether what comes tells less; of two that tell as much, the one with fewer readings has lost some.

        Of two journals' tellings that know as much, the first stays, as it does in a ledger.
        """
        if self.same_facts:
            return False
        here = (*standing(self.outcome, round(read_s, _DIGITS), self.duration_s), samples)
        there = (
            *standing(self.outcome_there, round(self.read_there_s or 0.0, _DIGITS), self.duration_there_s),
            self.samples_there or 0,
        )
        return here < there or (here == there and not self.same_journal)


def _read_s(load: Load) -> defaultdict[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for row in load.devices:
        found[row[0]] += row[_READ_S]
    return found
