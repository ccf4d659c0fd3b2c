"""Cells of a notebook, tracked: `%load_ext footprint`, and then `%%footprint finetune --kind fine-tuning --region aws:eu-west-1`.

The first line of a cell begins a run that lasts to the end of the cell; `%footprint` within a cell begins one that lasts from
there. The options are called as those of `footprint run`. The cell itself is run as ever: `%%footprint` is rewritten to
`%footprint` before IPython reads the cell, so that awaits at top level, other magics, the value of the last line and tracebacks
are as without it.

- An option that cannot be used is one line, and the cell is not run.
- The run is `_footprint`, and what `--as` names; at the end of the cell one line says what it used.
- A cell that raises is a failed run, one that is interrupted an interrupted one.
"""

from __future__ import annotations

import _thread
import argparse
import keyword
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from footprint.errors import FootprintError, unknown_choice
from footprint.integrations import MissingFrameworkError, OldFrameworkError, check_version
from footprint.recorder.context import labels_of
from footprint.tracking import TrackedRun, outcome_of, track

try:
    import IPython
    from IPython.core import magic_arguments
    from IPython.core.error import UsageError
    from IPython.core.inputtransformer2 import cell_magic
    from IPython.core.magic import Magics, line_cell_magic, magics_class
    from IPython.utils.process import arg_split
except ImportError as error:
    raise MissingFrameworkError("ipython", error, "notebook") from error

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

OLDEST: Final = "7.23"
_FIRST_LINE: Final = re.compile(r"%%footprint(?=\s|$)")
_ON_BUDGET: Final = ("warn", "stop")
_LOOK_S: Final = 0.5
_SESSION: Final = "JPY_SESSION_NAME"


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext footprint` calls.

    Raises:
        UsageError: if IPython is older than 7.23; it is shown as one line.
    """
    try:
        check_version("ipython", str(IPython.__version__), OLDEST)
    except OldFrameworkError as error:
        raise UsageError(str(error)) from None
    magics = FootprintMagics(shell)
    shell.register_magics(magics)
    shell.input_transformers_cleanup.append(_to_line)
    for event, callback in magics.events.items():
        shell.events.register(event, callback)


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext footprint` calls: cells are no longer measured; a run that is open lasts to the end of its cell."""
    magics = shell.magics_manager.registry.pop(FootprintMagics.__name__, None)
    if magics is None:
        return
    shell.input_transformers_cleanup.remove(_to_line)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("footprint", None)
    magics.close()


def _to_line(lines: list[str]) -> list[str]:
    """Write `%%footprint` as `%footprint`, and take what follows it as a cell."""
    if not lines or not _FIRST_LINE.match(lines[0]):
        return lines
    at = next((number for number, line in enumerate(lines[1:], 1) if line.strip()), len(lines))
    return [lines[0][1:], *lines[1:at], *cell_magic(_to_line(lines[at:]))]


class _Measured:
    """A run of a cell.

    Args:
        run: it.
        card: the card that it fills, as stated.
        is_quiet: whether nothing is said at the end.
        is_stopped: whether the cell is interrupted once the budget is spent.
    """

    def __init__(self, run: TrackedRun, card: str | None, *, is_quiet: bool, is_stopped: bool) -> None:
        self.run, self.card, self.is_quiet = run, card, is_quiet
        self.is_spent = False
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._loop = _running_loop()
        if is_stopped:
            threading.Thread(target=self._look_on, name="footprint-budget", daemon=True).start()

    def end(self, error: BaseException | None) -> None:
        """End the run, and say what it used."""
        with self._lock:
            self._over.set()
        self.run.stop("interrupted" if self.is_spent else outcome_of(error))
        if not self.is_quiet and not self.run.is_inert:
            with suppress(Exception):  # the cell has ended: nothing of ours may follow it but a line
                from IPython.display import display

                display({"text/plain": self._sentence()}, raw=True)

    def _sentence(self) -> str:
        from footprint.derive.told import in_a_line

        facts = self.run.facts
        said = [in_a_line(facts)]
        if facts.outcome != "completed":
            said.append(facts.outcome)
        if self.card is not None:
            filled = facts.outcome == "completed" and not any("card was not filled" in warning for warning in facts.warnings)
            said.append(f"{self.card} {'filled' if filled else 'left alone'}")
        where = f"footprint runs show {facts.id}" if self.run.is_recorded else "not recorded"
        return f"footprint: {', '.join(said)}; {where}"

    def _look_on(self) -> None:
        while not self._over.wait(_LOOK_S):
            if self.run.check_budget():
                with self._lock:
                    if not self._over.is_set():
                        self.is_spent = True
                        _interrupt(self._loop)
                return


def _running_loop() -> Any:
    """The event loop that the cell runs in; null if there is none."""
    try:
        return sys.modules["asyncio"].get_running_loop()
    except (KeyError, RuntimeError):
        return None


def _interrupt(loop: Any) -> None:
    """Interrupt the program as Ctrl-C does, also where it waits: a kernel that awaits looks at signals when its loop is woken."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()
    if loop is not None:
        with suppress(RuntimeError):  # it has been closed
            loop.call_soon_threadsafe(int)


_OPTIONS: Final[tuple[tuple[tuple[str, ...], dict[str, Any]], ...]] = (
    (("name",), {"nargs": "?", "help": "What the run is called; the notebook's name if not stated, where it is known."}),
    (("--kind",), {"default": "other", "help": "pre-training, fine-tuning, inference, evaluation or other."}),
    (("--region",), {"help": "Where: a cloud region, e.g. aws:us-east-1."}),
    (("--zone",), {"help": "Where: a grid zone, e.g. FRA, US-VA, egrid:SRVC."}),
    (("--pue",), {"type": float, "help": "The site's power usage effectiveness, >= 1."}),
    (("--account",), {"help": "What the run belongs to, together with others."}),
    (("--label",), {"action": "append", "metavar": "KEY=VALUE", "help": "A label; may be repeated."}),
    (("--card",), {"help": "A model card to fill once the cell has completed."}),
    (("--record",), {"help": "A file to write the finished run to, as JSON."}),
    (("--interval",), {"type": float, "default": 1.0, "help": "Seconds between two readings."}),
    (("--budget-g",), {"type": float, "help": "What the cell may emit, g CO2eq; needs a place."}),
    (("--budget-kwh",), {"type": float, "help": "What the cell may use, kWh of the facility."}),
    (("--on-budget",), {"default": "warn", "help": "warn; or stop: interrupt the cell, once."}),
    (("--as",), {"dest": "variable", "metavar": "VARIABLE", "help": "A variable for the run, besides `_footprint`."}),
    (("--quiet", "-q"), {"action": "store_true", "help": "Say nothing at the end of the cell."}),
)


def _with_options(method: Callable[..., None]) -> Callable[..., None]:
    """A magic that takes the options, and shows them as its help."""
    told: Any = line_cell_magic(method)
    for names, more in reversed(_OPTIONS):  # as decorators are applied
        told = magic_arguments.argument(*names, **more)(told)
    return cast("Callable[..., None]", magic_arguments.magic_arguments()(told))


@magics_class
class FootprintMagics(Magics):
    """`%%footprint` and `%footprint`."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._shell = shell
        self._cells: list[tuple[object, list[_Measured]]] = []
        self.events = {"pre_run_cell": self._cell_begins, "post_execute": self._cell_ended}
        self._is_closed = False

    @_with_options
    def footprint(self, line: str, cell: str | None = None) -> None:
        """Measure a cell, or the rest of one.

        As `%%footprint` in its first line it measures a cell, as `%footprint` what comes after it. In the cell the run is
        `_footprint`: `_footprint.count(samples=64)`; afterwards `_footprint.footprint` has its energy and emissions.
        """
        if cell is not None:  # called by its name: what is typed never comes here
            self._shell.run_cell(f"%footprint {line}\n{cell}").raise_error()
            return
        stated = self._stated(line)
        measured = self._begin(stated)
        if not self._cells:  # the extension has been loaded in this cell
            self._cells.append((None, []))
        self._cells[-1][1].append(measured)
        names = {"_footprint", *([stated.variable] if stated.variable else [])}
        self._shell.push(dict.fromkeys(names, measured.run), interactive=False)

    def close(self) -> None:
        """Measure no further cells."""
        self._is_closed = True
        self._forget()

    # -- Inside --------------------------------------------------------------------------------------------------------

    def _stated(self, line: str) -> argparse.Namespace:
        magic: Any = self.footprint
        parser = magic.parser
        parser.allow_abbrev = False
        try:
            stated: argparse.Namespace = parser.parse_args(arg_split(line, posix=True))
        except UsageError as error:
            raise UsageError(f"%%footprint: {error}; `%footprint?` tells the options") from None
        except ValueError as error:  # quotes that are not closed
            raise UsageError(f"%%footprint: {error}: {line}") from None
        name = stated.variable
        if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
            raise UsageError(f"%%footprint: --as {name!r} is not the name of a variable")
        return stated

    def _begin(self, stated: argparse.Namespace) -> _Measured:
        """Begin a run.

        Raises:
            UsageError: if an option cannot be used; IPython shows it as one line.
        """
        try:
            if stated.on_budget not in _ON_BUDGET:
                raise unknown_choice("--on-budget", stated.on_budget, _ON_BUDGET)
            tracker = track(
                _session_name(os.environ) if stated.name is None else stated.name,
                kind=stated.kind,
                region=stated.region,
                zone=stated.zone,
                pue=stated.pue,
                account=stated.account,
                labels=labels_of(stated.label or []),
                card=stated.card,
                record=stated.record,
                interval_s=stated.interval,
                budget_g=stated.budget_g,
                budget_kwh=stated.budget_kwh,
            )
        except FootprintError as error:
            raise UsageError(f"%%footprint: {error}") from None
        return _Measured(tracker.begin(), stated.card, is_quiet=stated.quiet, is_stopped=stated.on_budget == "stop")

    def _cell_begins(self, info: object) -> None:
        self._cells.append((info, []))

    def _cell_ended(self) -> None:
        """End the runs of the cell that has ended, and of those in it that were left without a word."""
        result = self._shell.last_execution_result
        info = getattr(result, "info", None)
        is_known = any(begun is info for begun, _ in self._cells)
        if not is_known and not (self._cells and self._cells[-1][0] is None):
            return  # a cell that could not be read, or one that nobody is to see
        error = getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)
        while self._cells:
            begun, runs = self._cells.pop()
            for measured in reversed(runs):
                with suppress(KeyboardInterrupt):  # the cell has ended: its result stands, whatever becomes of our card
                    measured.end(error)
                measured.run.stop("interrupted")  # where that came before it had ended
            if begun is info or not is_known:
                break
        self._forget()

    def _forget(self) -> None:
        if self._is_closed and not any(runs for _, runs in self._cells):
            for event, callback in self.events.items():
                with suppress(ValueError):
                    self._shell.events.unregister(event, callback)


def _session_name(environ: Mapping[str, str]) -> str:
    """The notebook's name, where Jupyter tells it: never its path, which may tell more than a name does."""
    return Path(environ.get(_SESSION, "")).stem.strip() or "cell"
