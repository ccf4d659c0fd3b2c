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
from footprint.ledger.engines.spark_steps import Step, plan_of
from footprint.ledger.tables import TABLES
from footprint.text import clean

MASTER: Final = "FOOTPRINT_SPARK_MASTER"
_SCHEME: Final = "spark:"
_TYPES: Final = {"text": "STRING", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}
_LOOPBACK: Final = "127.0.0.1"
_FEW: Final = 1000
"""So many rows of a step are sent along with the plans that read them."""
_AT_HOME: Final = {"spark.driver.host": _LOOPBACK, "spark.driver.bindAddress": _LOOPBACK}
"""Of a master on this machine: nobody else can reach it. The executors of a cluster must."""
_SETTINGS: Final = {
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
        asking = _Asking(self._session)
        try:
            for step in (asked := plan_of(sql)).steps:
                asking.take(step)
            found = self._session.sql(asked.last)
            return Answer(tuple(found.columns), [tuple(map(_plain, row)) for row in found.collect()], self._problems)
        except Exception as error:  # noqa: BLE001 - a client's own, of any kind
            raise LedgerError(f"{self.where} cannot be asked: {_told(error)}") from None
        finally:
            asking.forget()

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


class _Asking:
    """One question's steps in a session: views by their names, whose rows are kept where several steps read them."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._names: list[str] = []
        self._held: list[Any] = []

    def take(self, step: Step) -> None:
        """Make the view of a step."""
        frame = self._session.sql(step.sql)
        if step.again:
            frame = self._met(step, frame)
        elif step.is_kept:
            frame, _ = self._kept(frame)
        self._view(step.name, frame)

    def forget(self) -> None:
        """Let go of the views and of the rows."""
        with suppress(Exception):  # a session that died has forgotten already
            for name in self._names:
                self._session.catalog.dropTempView(name)
            for rows in self._held:
                rows.unpersist(False)

    def _met(self, step: Step, frame: Any) -> Any:
        """What a step that reads itself comes to: from the rows that are new each time, until there are none.

        Spark's own recursion knows no UNION that ends where names lead back to themselves.
        """
        found, is_new = self._kept(frame.distinct())
        latest = found
        while is_new:
            self._view(step.name, latest)
            following = self._session.sql(step.again).toDF(*found.columns).distinct()
            latest, is_new = self._kept(following.exceptAll(found))
            found, _ = self._kept(found.union(latest))
        return found

    def _view(self, name: str, frame: Any) -> None:
        frame.createOrReplaceTempView(name)
        self._names.append(name)

    def _kept(self, frame: Any) -> tuple[Any, bool]:
        """A frame whose rows are there, and whether there are any.

        What is used several times would else be planned, and read, as many times over. Few rows become part of the plans, in
        which joins with nothing vanish; many stay with the executors, and are made anew where one dies with them.
        """
        from pyspark import StorageLevel
        from pyspark.sql import DataFrame

        frames, schema = self._session._jsparkSession, frame._jdf.schema()  # noqa: SLF001 - else all rows go through Python
        rows = frame._jdf.rdd()  # noqa: SLF001
        rows.persist(self._session.sparkContext._getJavaStorageLevel(StorageLevel.MEMORY_AND_DISK))  # noqa: SLF001
        self._held.append(rows)
        many = frames.createDataFrame(rows, schema)
        few = many.limit(_FEW + 1).collectAsList()
        if few.size() > _FEW:
            return DataFrame(many, self._session), True
        self._held.pop().unpersist(False)
        return DataFrame(frames.createDataFrame(few, schema), self._session), not few.isEmpty()


def opened(where: str) -> SparkEngine:
    """The engine over a place.

    Raises:
        ConfigError: if Spark is not installed.
        LedgerError: if it cannot be read, or holds no ledger.
    """
    return SparkEngine(where)


def _session(folder: Path) -> Any:
    """A session of our own, whose JVM says nothing."""
    import subprocess

    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    master = os.environ.get(MASTER) or "local[*]"
    ours = _SETTINGS | {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder / "none")}
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", _LOOPBACK)
        ours |= _AT_HOME
    conf = SparkConf().setMaster(master).setAppName("footprint")
    for name, value in ours.items():
        conf.set(name, value)
    log = folder / "spark.log"
    try:
        with log.open("wb") as quiet:
            gateway = launch_gateway(conf, {"stdout": subprocess.DEVNULL, "stderr": quiet})
            context = SparkContext(gateway=gateway, conf=conf)
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
