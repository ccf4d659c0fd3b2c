"""A Java for Spark, Debian's, and a Spark cluster on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from footprint.ledger.engines import Engine, open_ledger
from tests.world.packages import install, say, without

EXECUTORS: Final = 2
# What lives for a minute needs no optimising compiler, and three Javas on two cores no collectors of their own.
_QUICK: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@pytest.fixture(scope="session")
def java() -> Iterator[Any]:
    """The package pyspark, with a Java that starts quickly; where either is missing, tests are skipped aloud."""
    pyspark = pytest.importorskip("pyspark", reason="no pyspark here: no question was asked of Spark")
    if not install(lambda: shutil.which("java") is None, "openjdk-17-jre-headless"):
        without("Java", "openjdk-17-jre-headless")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", _QUICK)
        yield pyspark


def cluster(pyspark: Any, where: str, folder: Path) -> Iterator[Engine]:
    """A driver and two executors, in three Javas, which ask the ledger at a path; their files lie in an empty folder."""
    for path in Path(pyspark.__file__).parent.iterdir():
        (folder / path.name).symlink_to(path) if path.name != "work" else None  # the workers' files: not into the package
    master = f"local-cluster[{EXECUTORS},1,1024]"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_HOME", str(folder))
        patch.setenv("FOOTPRINT_SPARK_MASTER", master)
        with open_ledger(f"spark:{where}") as engine:
            say(f"Spark {engine.version}, {master}")  # type: ignore[attr-defined]
            yield engine
