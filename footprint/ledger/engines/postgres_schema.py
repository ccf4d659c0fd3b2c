"""The ledger's tables on PostgreSQL: how they are made, and how older ones become newer ones.

Migrations are a numbered list that only grows; each is frozen text, for a database may stand at any. Text is sorted by its
bytes whatever the database's language, as on every other engine. What a migration does, and its number, become true together or
not at all; two that come at once wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from footprint.errors import LedgerError

if TYPE_CHECKING:
    import psycopg

SCHEMA: Final = "footprint"
_LOCK: Final = 0x666F6F74  # any number that nobody else takes: "foot"


class Migration(NamedTuple):
    """One step: from the version before it to its own."""

    version: int
    statements: tuple[str, ...]


_TEXT: Final = 'text COLLATE "C"'
MIGRATIONS: Final = (
    Migration(
        1,
        (
            f"""CREATE TABLE runs (
                id {_TEXT} PRIMARY KEY, journal_id {_TEXT} NOT NULL, name {_TEXT} NOT NULL, kind {_TEXT} NOT NULL,
                account {_TEXT} NOT NULL, project {_TEXT}, team {_TEXT}, "user" {_TEXT}, model {_TEXT},
                hardware {_TEXT} NOT NULL, provider {_TEXT}, region {_TEXT}, zone {_TEXT}, host {_TEXT} NOT NULL,
                boot_id {_TEXT}, month {_TEXT} NOT NULL, started_us bigint NOT NULL, ended_us bigint NOT NULL,
                anchor_us bigint, duration_s double precision NOT NULL, outcome {_TEXT} NOT NULL, parent {_TEXT},
                restart_of {_TEXT}, tuned_from {_TEXT}, background boolean NOT NULL, factor_key {_TEXT} NOT NULL,
                tree_s double precision, busy_s double precision, cpu_read_s double precision,
                logical_cpus bigint NOT NULL, reserved_cpus double precision, labels {_TEXT} NOT NULL,
                facts {_TEXT} NOT NULL)""",
            "CREATE INDEX runs_started_us ON runs (started_us)",
            "CREATE INDEX runs_account ON runs USING hash (account)",
            "CREATE INDEX runs_journal_id ON runs USING hash (journal_id)",
            f"""CREATE TABLE devices (
                run_id {_TEXT} NOT NULL REFERENCES runs ON DELETE CASCADE, device_id {_TEXT} NOT NULL,
                device_key {_TEXT} NOT NULL, component {_TEXT} NOT NULL, name {_TEXT} NOT NULL, meter {_TEXT} NOT NULL,
                grade {_TEXT} NOT NULL, energy_mj bigint, read_s double precision NOT NULL, floor_w double precision,
                held_ratio double precision, others boolean NOT NULL, begin_us bigint NOT NULL, end_us bigint NOT NULL,
                PRIMARY KEY (run_id, device_id))""",
            # No foreign keys on the two large tables: a look-up a row would take half of the time of a push. Their rows are
            # written and deleted with their run's, in one transaction.
            f"""CREATE TABLE samples (
                run_id {_TEXT} NOT NULL, device_id {_TEXT} NOT NULL, begin_us bigint NOT NULL, end_us bigint NOT NULL,
                energy_mj bigint NOT NULL, t_s double precision NOT NULL, energy_j double precision,
                power_w double precision)""",
            "CREATE INDEX samples_run_id ON samples (run_id)",
            f"""CREATE TABLE ticks (
                run_id {_TEXT} NOT NULL, t_s double precision NOT NULL, tree_s double precision, busy_s double precision)""",
            "CREATE INDEX ticks_run_id ON ticks (run_id)",
            f"""CREATE TABLE pushed (
                source {_TEXT} PRIMARY KEY, digest {_TEXT} NOT NULL, is_open boolean NOT NULL, runs bigint NOT NULL,
                energy_mj numeric NOT NULL, pushed_at timestamptz NOT NULL DEFAULT now(),
                pushed_by {_TEXT} NOT NULL DEFAULT current_user, host {_TEXT} NOT NULL)""",
        ),
    ),
)
VERSION: Final = MIGRATIONS[-1].version


def version_of(connection: psycopg.Connection[Any]) -> int:
    """The version of the tables in a database; 0 where there are none.

    Raises:
        LedgerError: if there are tables by our schema's name that are not ours.
    """
    # In one statement: another may be making them.
    (ours, any_there) = connection.execute(
        "SELECT coalesce(bool_or(c.relname = 'schema_versions'), false), count(*) > 0 "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'footprint'"
    ).fetchone() or (False, False)
    if not ours:
        if any_there:
            raise LedgerError("its schema `footprint` holds other tables than a ledger's: name another database")
        return 0
    found = connection.execute("SELECT coalesce(max(version), 0) FROM footprint.schema_versions").fetchone()
    return int(found[0]) if found else 0


def migrate(connection: psycopg.Connection[Any], migrations: Sequence[Migration] = MIGRATIONS) -> tuple[int, int]:
    """Make the tables, or bring older ones up to date; the versions before and after.

    Args:
        connection: one that may write; nothing has been begun on it.
        migrations: all that there are, oldest first.

    Raises:
        LedgerError: if the tables are of a newer version, or the database cannot hold every name.
    """
    newest = migrations[-1].version
    with connection.transaction():
        before = version_of(connection)
    if before == newest:
        return before, before  # as nearly always: nobody is waited for, and no right to make anything is needed
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        before = version_of(connection)  # another may have been quicker
        check_version(before, newest)
        if before == 0:
            _check_encoding(connection)
            connection.execute("CREATE SCHEMA IF NOT EXISTS footprint")
            connection.execute(
                "CREATE TABLE footprint.schema_versions (version int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), "
                "by text NOT NULL DEFAULT current_user)"
            )
        connection.execute("SET LOCAL search_path TO footprint")
        for migration in migrations:
            if migration.version > before:
                for statement in migration.statements:
                    connection.execute(statement.encode())
                connection.execute("INSERT INTO schema_versions (version) VALUES (%s)", [migration.version])
    return before, newest


def check_version(found: int, newest: int = VERSION) -> None:
    """Refuse tables of a newer version.

    Raises:
        LedgerError: for those.
    """
    if found > newest:
        raise LedgerError(f"its tables are of version {found}, and this footprint knows them up to {newest}: upgrade footprint")


def _check_encoding(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute("SHOW server_encoding").fetchone()
    if row is not None and row[0] != "UTF8":
        raise LedgerError(f"its encoding is {row[0]}, which cannot hold every name: make one with ENCODING 'UTF8'")
