"""A ledger as Parquet, asked by Apache Spark: on this machine, or on the cluster that one has.

`spark:PATH` names the folder of an archive, of an export, or of what was pushed. The session that the program has already is
used; else one is started on `FOOTPRINT_SPARK_MASTER` (by default on this machine), bound to loopback, with no page, and quiet.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.engines.engine import Answer, Closing
from footprint.ledger.engines.sources import Store, batches_of, expanded, left_out, local_path, view_sql
from footprint.ledger.tables import TABLES
from footprint.text import clean

MASTER: Final = "FOOTPRINT_SPARK_MASTER"
_SCHEME: Final = "spark:"
_TYPES: Final = {"text": "STRING", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}
_LOOPBACK: Final = "127.0.0.1"
_SETTINGS: Final = {
    "spark.driver.host": _LOOPBACK,
    "spark.driver.bindAddress": _LOOPBACK,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.shuffle.partitions": "4",
}
# What the words of a question mean must not depend on how a cluster is set up.
_MEANINGS: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
}


class SparkEngine(Closing):
    """The ledger at one place.

    Args:
        where: `spark:` and a folder, or an address that both fsspec and the cluster reach.

    Attributes:
        where: the same, for messages.
        version: of Spark.

    Raises:
        ConfigError: if pyspark, Java or fsspec is not installed.
        LedgerError: if there is no ledger, or it cannot be read.
    """

    def __init__(self, where: str) -> None:
        place = expanded(where.removeprefix(_SCHEME))
        store = Store(place)
        self.where = f"{_SCHEME}{store.shown}"
        found = batches_of(store)
        self._problems = found.problems
        dropped = left_out(store, found.batches)
        self._folder: Path | None = None
        self._own: Any = None
        self._session = self._started()
        try:
            self.version = str(self._session.version)
            self._views(store, [batch.path for batch in found.batches], dropped)
        except Exception as error:  # noqa: BLE001 - a client's own, of any kind
            self.close()
            raise LedgerError(f"{self.where} cannot be read: {_told(error)}") from None

    def query(self, sql: str) -> Answer:
        """The answer to one SELECT in DuckDB's dialect.

        Raises:
            LedgerError: if it cannot be answered.
        """
        steps, last = _steps(sql)
        try:
            for name, step, is_kept in steps:
                frame = self._session.sql(step)
                (self._kept(frame) if is_kept else frame).createOrReplaceTempView(name)
            found = self._session.sql(last)
            return Answer(tuple(found.columns), [tuple(map(_plain, row)) for row in found.collect()], self._problems)
        except Exception as error:  # noqa: BLE001 - a client's own, of any kind
            raise LedgerError(f"{self.where} cannot be asked: {_told(error)}") from None
        finally:
            for name, _, _ in steps:
                self._session.catalog.dropTempView(name)

    def _kept(self, frame: Any) -> Any:
        """A step whose rows are written down: what is used several times would else be planned, and read, as many times over.

        On disk, so that an executor that dies takes nothing along.
        """
        return frame.checkpoint() if self._own is not None else frame.persist()

    def close(self) -> None:
        """Stop the session, if it is our own."""
        own, self._own = self._own, None
        if own is not None:
            with suppress(Exception):
                own.stop()
            with suppress(Exception):
                _forget_gateway()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _started(self) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what it thinks of other packages' versions is none of our user's
                from pyspark.sql import SparkSession
        except ModuleNotFoundError:
            raise ConfigError('a ledger on Spark needs pyspark: pip install "footprint[spark]"') from None
        active = SparkSession.getActiveSession()
        if active is not None:
            session = active.newSession()
        else:
            if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
                raise ConfigError(
                    "Spark needs Java 17, and none is found: install it (openjdk-17-jre-headless), or set JAVA_HOME"
                )
            self._folder = Path(tempfile.mkdtemp(prefix="footprint-"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                session = self._own = _session(self._folder)
        for name, value in _MEANINGS.items():
            session.conf.set(name, value)
        return session

    def _views(self, store: Store, paths: list[str], dropped: dict[int, list[str]]) -> None:
        for table, columns in TABLES.items():
            schema = ", ".join(f"`{column.name}` {_TYPES[column.type]}" for column in columns)
            whole = [place for place in range(len(paths)) if place not in dropped]
            sources = []
            groups = ([whole] if whole or not dropped else []) + [[place] for place in sorted(dropped)]
            for number, group in enumerate(groups):
                files = [local_path(store, f"{paths[place]}/{table}.parquet") for place in group]
                name = f"footprint_{table}_{number}"
                reader = self._session.read.schema(schema)
                frame = reader.parquet(*map(_escaped, files)) if files else self._session.createDataFrame([], schema)
                frame.createOrReplaceTempView(name)
                sources.append((name, dropped.get(group[0], []) if len(group) == 1 else []))
            self._session.sql(view_sql(table, sources, quote="`")).createOrReplaceTempView(table)


def opened(where: str) -> SparkEngine:
    """The engine over a place.

    Raises:
        ConfigError: if Spark is not installed.
        LedgerError: if it cannot be read, or holds no ledger.
    """
    return SparkEngine(where)


def _steps(sql: str) -> tuple[list[tuple[str, str, bool]], str]:
    """A question as steps in Spark's words: names of views, their SQL, and whether several others use them; then the last SELECT.

    Raises:
        ConfigError: if sqlglot is not installed.
    """
    try:
        from sqlglot import exp, parse_one
    except ModuleNotFoundError:
        raise ConfigError('a ledger on Spark needs sqlglot: pip install "footprint[spark]"') from None
    tree = parse_one(sql, read="duckdb")
    clause = tree.args.get("with_") or tree.args.get("with")
    if clause is None or clause.args.get("recursive"):
        return [], str(tree.sql(dialect="spark"))
    names = {one.alias: f"footprint_step_{one.alias}" for one in clause.expressions}
    uses = dict.fromkeys(names, 0)
    for table in tree.find_all(exp.Table):
        if table.name in names and not table.db:
            uses[table.name] += 1
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            table.set("this", exp.to_identifier(names[table.name]))
    clause.pop()
    steps = [(names[one.alias], str(one.this.sql(dialect="spark")), uses[one.alias] > 1) for one in clause.expressions]
    return steps, str(tree.sql(dialect="spark"))


def _session(folder: Path) -> Any:
    """A session of our own, whose JVM says nothing."""
    import subprocess

    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", _LOOPBACK)
    conf = SparkConf().setMaster(os.environ.get(MASTER) or "local[*]").setAppName("footprint")
    for name, value in {**_SETTINGS, "spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder / "none")}.items():
        conf.set(name, value)
    log = folder / "spark.log"
    try:
        with log.open("wb") as quiet:
            gateway = launch_gateway(conf, {"stdout": subprocess.DEVNULL, "stderr": quiet})
            context = SparkContext(gateway=gateway, conf=conf)
        context.setCheckpointDir(str(folder / "steps"))
        return SparkSession(context)
    except Exception as error:  # noqa: BLE001 - a client's own, of any kind
        last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-1:] or [_told(error)]
        shutil.rmtree(folder, ignore_errors=True)
        raise LedgerError(f"Spark does not start: {clean(last[0], limit=300)}") from None


def _forget_gateway() -> None:
    """End the JVM with its session, so that the next one starts anew."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway  # noqa: SLF001 - there is no other way
    if gateway is not None:
        gateway.shutdown()
        process = getattr(gateway, "proc", None)
        if process is not None:
            with suppress(Exception):
                process.stdin.close()
            process.terminate()
            process.wait(10)
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001


def _escaped(path: str) -> str:
    r"""A path in which Hadoop takes no character for a pattern; those of a batch are ours, but a folder's may be anybody's."""
    return "".join(f"\\{one}" if one in "{}[]*?\\" else one for one in path)


def _told(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return clean(lines[0] if lines else type(error).__name__, limit=300)


def _plain(value: Any) -> Any:
    """A number as Python's own: sums of integers may come as decimals."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    return value
