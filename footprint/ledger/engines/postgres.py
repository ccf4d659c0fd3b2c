"""A ledger on PostgreSQL: questions are asked in transactions that can only read, over one connection.

Who asks needs no more than USAGE on the schema `footprint` and SELECT on its tables. A password may stand in the address, in
`PGPASSWORD` or in `~/.pgpass`; none is ever printed or kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.engines.engine import Answer, Closing
from footprint.ledger.engines.postgres_schema import SCHEMA, VERSION, check_version, version_of
from footprint.text import clean

if TYPE_CHECKING:
    import psycopg

SCHEMES: Final = ("postgresql://", "postgres://")
_AUTHORITY: Final = re.compile(r"postgres(?:ql)?://([^/?]*)([^?]*)", re.IGNORECASE)
_CONNECT_S: Final = 10
# A server that vanished without a word is noticed after a minute or so, and not after the kernel's two hours.
_DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": _CONNECT_S, "application_name": "footprint", "keepalives_idle": 30, "keepalives_interval": 10,
    "keepalives_count": 3,
}  # fmt: skip
_BACKSLASH_IS_ITSELF: Final = "-c standard_conforming_strings=on"
# More than a message needs; a server's own may be as long as the statement.
_TOLD: Final = 300


def is_address(where: str) -> bool:
    """Whether a ledger's address is a PostgreSQL server's."""
    return where.lower().startswith(SCHEMES)


class Address:
    """Where a database is, and how to get in.

    Attributes:
        shown: the address without a password, to be printed.

    Raises:
        ConfigError: if it is no address, or psycopg is not installed.
    """

    def __init__(self, where: str) -> None:
        try:
            from psycopg import ProgrammingError, conninfo
        except ModuleNotFoundError:
            raise ConfigError('a ledger on PostgreSQL needs psycopg: pip install "footprint[fleet]"') from None
        authority = _AUTHORITY.match(where)
        if authority is None or authority[1].count("@") > 1 or _has_stray_sign(authority[1], authority[2]):
            # Nothing of it is repeated: what follows a stray @ or : may be a part of the password.
            raise ConfigError("the address is not postgresql://USER@HOST:PORT/DATABASE (in a password @ is written %40, : %3A)")
        try:
            stated = conninfo.conninfo_to_dict(where)
        except (ProgrammingError, UnicodeError):
            raise ConfigError(
                "the address is not postgresql://USER@HOST:PORT/DATABASE (in a password % is written %25, / %2F)"
            ) from None
        if not str(stated.get("port") or "0").replace(",", "").isdigit():
            raise ConfigError("the address is not postgresql://USER@HOST:PORT/DATABASE: its port is no number")
        options = f"{_BACKSLASH_IS_ITSELF} {stated.get('options') or ''}".strip()
        self._options: dict[str, Any] = {**_DEFAULTS, **stated, "options": options}
        self._secrets = tuple(str(stated[name]) for name in ("password", "sslpassword") if stated.get(name))
        user, host = stated.get("user"), str(stated.get("host") or stated.get("hostaddr") or "")
        port, name = stated.get("port"), stated.get("dbname")
        place = f"{clean(host, empty='')}{f':{port}' if port else ''}"
        self.shown = f"postgresql://{clean(str(user)) + '@' if user else ''}{place}{f'/{clean(str(name))}' if name else ''}"

    def connect(self) -> psycopg.Connection[Any]:
        """A connection whose transactions begin and end where they are told to.

        Raises:
            LedgerError: if there is none to be had, with the server's reason.
        """
        import psycopg

        try:
            return psycopg.connect(**self._options, autocommit=True)
        except psycopg.Error as error:
            raise LedgerError(f"{self.shown} cannot be connected to: {self._refusal(self.told(error))}") from None

    def told(self, error: BaseException) -> str:
        """What a server or its library says is wrong, in one line without secrets."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        told = lines[0] if lines else type(error).__name__
        if "could not" in told or "failed:" in told:  # libpq's own words stand first, the reason behind them
            told = " ".join(lines[:2]) if "Is the server" not in " ".join(lines[1:2]) else told
        for secret in self._secrets:
            told = told.replace(secret, "***")
        return clean(told, limit=_TOLD).rstrip(".")

    def _refusal(self, told: str) -> str:
        """The same with what to do about it."""
        _, _, reason = told.rpartition("FATAL: ")
        if "password" in told and ("failed" in told or "supplied" in told):
            return f"{reason.strip()}; state it in the address, in PGPASSWORD or in ~/.pgpass"
        if "does not exist" in told:
            return f"{reason.strip()}; the server's administrator makes it"
        return reason.strip()

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Turn what goes wrong on the server into one clear line.

        Args:
            doing: what is being done: `cannot be asked`.
        """
        import psycopg
        from psycopg import errors

        try:
            yield
        except LedgerError as error:
            raise LedgerError(f"{self.shown}: {error}") from None
        except errors.InsufficientPrivilege as error:
            raise LedgerError(f"{self.shown} {doing}: {self.told(error)}; its owner may GRANT it") from None
        except errors.ReadOnlySqlTransaction as error:
            raise LedgerError(f"{self.shown} {doing}: {self.told(error)}; name the server that is written to") from None
        except (errors.OperationalError, errors.InterfaceError) as error:
            if isinstance(error, errors.DiskFull | errors.QueryCanceled | errors.LockNotAvailable):
                raise LedgerError(f"{self.shown} {doing}: {self.told(error)}") from None
            raise LedgerError(f"{self.shown} went away: {self.told(error)}") from None
        except psycopg.Error as error:
            raise LedgerError(f"{self.shown} {doing}: {self.told(error)}") from None


def _has_stray_sign(authority: str, path: str) -> bool:
    """Whether an address has an @ or : where only a password that is not escaped puts one."""
    return "@" in path or authority.rpartition("@")[0].count(":") > 1


class PostgresEngine(Closing):
    """The ledger in one database.

    Args:
        address: `postgresql://…`.

    Raises:
        ConfigError: if it is no address.
        LedgerError: if the database cannot be connected to, holds no ledger, or a newer one.
    """

    def __init__(self, address: str) -> None:
        self._address = Address(address)
        self.where = self._address.shown
        self._connection = self._address.connect()
        try:
            with self._address.errors("cannot be asked"):
                self._prepare()
        except BaseException:
            self.close()
            raise

    def query(self, sql: str) -> Answer:
        """The answer to one SELECT in DuckDB's dialect.

        Raises:
            LedgerError: if the server refuses it or goes away.
        """
        translated = in_postgres(sql)
        with self._address.errors("cannot be asked"), self._connection.cursor() as cursor:
            cursor.execute(translated.encode())
            columns = tuple(column.name for column in cursor.description or ())
            return Answer(columns, [tuple(map(_plain, row)) for row in cursor])

    def close(self) -> None:
        """Close the connection."""
        with suppress(Exception):
            self._connection.close()

    def _prepare(self) -> None:
        version = version_of(self._connection)
        check_version(version)
        if version == 0:
            raise LedgerError("holds no ledger: `footprint ledger push` makes one there")
        if version < VERSION:
            raise LedgerError(f"its tables are of version {version}, now there is {VERSION}: the next `ledger push` renews them")
        # Only our tables are found by their bare names, whoever put others into `public`.
        self._connection.execute(f"SET search_path TO {SCHEMA}".encode())
        self._connection.execute("SET default_transaction_read_only TO on")
        # Compiling a question takes longer than answering it, but for the very largest ledgers.
        self._connection.execute("SET jit TO off")


def opened(where: str) -> PostgresEngine:
    """The engine over a database.

    Raises:
        ConfigError: if the address is none.
        LedgerError: if it cannot be connected to, or holds no ledger of ours.
    """
    return PostgresEngine(where)


def in_postgres(sql: str) -> str:
    """A question in PostgreSQL's words; what is read from a text as JSON is made JSON first, as only it wants.

    Raises:
        ConfigError: if sqlglot is not installed.
    """
    try:
        from sqlglot import exp, parse_one
    except ModuleNotFoundError:
        raise ConfigError('a ledger on PostgreSQL needs sqlglot: pip install "footprint[fleet]"') from None
    tree = parse_one(sql, read="duckdb")
    for found in list(tree.find_all(exp.JSONExtractScalar, exp.JSONExtract)):
        found.set("this", exp.cast(found.this, "json"))
        if isinstance(found, exp.JSONExtractScalar):  # sorted by its bytes, as our columns are and every other engine's
            found.replace(exp.Paren(this=exp.Collate(this=found.copy(), expression=exp.to_identifier("C", quoted=True))))
    return str(tree.sql(dialect="postgres", identify=True, normalize=True))


def _plain(value: Any) -> Any:
    """A number as Python's own: sums of integers come as decimals."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    return value
