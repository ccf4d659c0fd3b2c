"""What every engine can do: hold the four tables of `ledger.tables`, and answer SQL in DuckDB's words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self


class Answer(NamedTuple):
    """Rows of an answer, and what of the ledger could not be read for it.

    Attributes:
        columns: their names.
        rows: of plain values: str, int, float, bool or None, whatever the engine calls a number.
        problems: what was left out, a line each; a sum that lacks something says so here.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    problems: tuple[str, ...] = ()

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Engine(Protocol):
    """A ledger that can be asked.

    The tables `runs`, `devices`, `samples` and `ticks` are there by these names, each run once.
    """

    @property
    def where(self) -> str:
        """The ledger in words, for messages; without passwords."""
        ...

    def query(self, sql: str) -> Answer:
        """The answer to one SELECT in DuckDB's dialect, which the engine translates to its own.

        Raises:
            LedgerError: if the ledger cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of connections and temporary files; closing twice does nothing."""
        ...

    def __enter__(self) -> Self:
        """Enter a block, at whose end the engine is closed."""
        ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        ...


class Closing:
    """The `with` statement of an engine."""

    def close(self) -> None:
        """Let go of what is held."""

    def __enter__(self) -> Self:
        """Enter a block, at whose end the engine is closed."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()


class Keeping(Closing, ABC):
    """An engine of DuckDB's, which can keep answers under names for the questions that follow.

    Attributes:
        changes: how often what was kept was lost, because the ledger changed or the memory did not do.
    """

    changes: int = 0

    @abstractmethod
    def query(self, sql: str) -> Answer:
        """See `Engine`."""

    def keep(self, name: str, sql: str, *, is_view: bool = False) -> None:
        """Keep the answer to a SELECT as a table, or the SELECT itself as a view.

        Raises:
            LedgerError: if the ledger cannot be read, or if it changed and what it reads is no longer kept (see `changes`).
        """
        self.query(f"CREATE OR REPLACE TEMP {'VIEW' if is_view else 'TABLE'} {name} AS {sql}")

    def forget(self, name: str) -> None:
        """Let go of a table that was kept."""
        self.query(f"DROP TABLE IF EXISTS temp.{name}")
