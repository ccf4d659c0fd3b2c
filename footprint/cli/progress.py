"""A progress bar on the terminal behind standard error, and lines that do not tear it."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from footprint.cli.printing import say

if TYPE_CHECKING:
    from rich.progress import Progress

_REDRAW_S: Final = 0.1
_SHOWN_S: Final = 0.25


class Bar:
    """A bar that is only seen by a person: where standard error is no terminal, it is not there."""

    def __init__(self, what: str, total: int, *, wanted: bool, after_s: float = 0.0) -> None:
        """Make the bar.

        Args:
            what: the activity, in a word.
            total: how many steps it has.
            wanted: whether to show it at all.
            after_s: it is not shown before so many seconds: what is done by then needs none.
        """
        self._progress: Progress | None = None
        self._begun_s, self._after_s = time.monotonic(), after_s
        self._is_begun = False
        self._drawn = 0.0
        self._since = 0
        if wanted and sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            # No thread draws it: that would be one to fork from, and one to print over.
            self._progress = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._progress.add_task(what, total=total)

    def __enter__(self) -> Self:
        if not self._after_s:
            self._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None and self._is_begun:
            self._progress.update(self._task, advance=self._since)
            self._progress.stop()

    def _begin(self) -> None:
        if self._progress is not None and not self._is_begun:
            self._progress.start()
            self._is_begun = True

    def show(self, what: str, done: int, total: int) -> None:
        """Show so many steps of so many as done, of an activity that may be another than before."""
        now_s = time.monotonic()
        if self._progress is None or now_s - self._begun_s < self._after_s or now_s - self._drawn < _SHOWN_S:
            return
        self._drawn = now_s
        self._begin()
        if self._progress.tasks[0].description != what:  # the time that is left is this activity's
            self._progress.reset(self._task, description=what, total=total or None)
        self._progress.update(self._task, completed=done, total=total or None)
        self._progress.refresh()

    def advance(self) -> None:
        """One step further; drawn some times a second."""
        if self._progress is None:
            return
        self._since += 1
        now = time.monotonic()
        if now - self._drawn >= _REDRAW_S:
            self._progress.update(self._task, advance=self._since)
            self._progress.refresh()
            self._since, self._drawn = 0, now

    def say(self, line: str) -> None:
        """Print a line to standard output, above the bar where both are on one terminal."""
        if self._progress is not None and sys.stdout.isatty():
            self._above(line)
        else:
            say(line)

    def complain(self, line: str) -> None:
        """Print a line to standard error, above the bar."""
        if self._progress is not None:
            self._above(line)
        else:
            print(line, file=sys.stderr)

    def _above(self, line: str) -> None:
        from rich.text import Text

        assert self._progress is not None
        self._progress.console.print(Text(line), soft_wrap=True)
