"""`footprint run -- CMD`: measure a command, and be as if we were not there.

The command keeps its arguments, stdin, stdout, stderr, environment (two variables of ours are added, which name the run
to trackers inside it), process group and exit code. Signals sent to us alone go on to it; those that a terminal sends to
the whole process group reach it without us.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import typer

from footprint.cli import options
from footprint.cli.live.showing import Showing, beside_command, checked
from footprint.errors import ConfigError, unknown_choice
from footprint.model import Outcome
from footprint.recorder.context import ACCOUNT_VARIABLE, PARENT_VARIABLE, labels_of

if TYPE_CHECKING:
    from footprint.tracking import TrackedRun

CONTEXT_SETTINGS: Final[dict[str, Any]] = {"allow_interspersed_args": False}
"""Everything from the first word of CMD on is CMD's, also what looks like an option of ours."""

OUR_FAILURE: Final = 125
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
BY_SIGNAL: Final = 128

_FORWARDED: Final = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT")
_ENDING: Final = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT")
_ON_BUDGET: Final = ("warn", "stop")
_INTERRUPTING: Final = {1, 2, 9, 15}  # HUP, INT, KILL, TERM
# Python ignores these, and what is ignored stays so across exec: the command must find them as other commands do.
_RESTORED: Final = ("SIGPIPE", "SIGXFSZ")
_FROM_KERNEL: Final = 0x80  # SI_KERNEL of sigaction(2): a terminal's signal, which its whole foreground group receives


def run(
    command: Annotated[list[str], typer.Argument(help="The command to measure, with its arguments.", metavar="[--] CMD")],
    *,
    name: Annotated[str | None, typer.Option(help="What the run is called; CMD's file name if not stated.")] = None,
    kind: options.Kind = "other",
    region: options.Region = None,
    zone: options.Zone = None,
    pue: options.Pue = None,
    account: options.AccountName = None,
    label: options.Labels = None,
    card: Annotated[str | None, typer.Option(help="A model card to fill once CMD has completed.")] = None,
    record: options.Record = None,
    interval_s: options.Interval = 1.0,
    budget_g: Annotated[float | None, typer.Option(help="What CMD may emit, g CO2eq; needs a place.")] = None,
    budget_kwh: Annotated[float | None, typer.Option(help="What CMD may use, kWh of the facility.")] = None,
    on_budget: Annotated[str, typer.Option(help="warn, on stderr; or stop: send CMD a SIGTERM, once.")] = "warn",
    keep_command: Annotated[
        bool, typer.Option("--keep-command", help="Keep the command line as label `command`, without its secrets.")
    ] = False,
    live: Annotated[
        str, typer.Option(help="At a terminal, meanwhile: auto or title, in its title; lines, each 10 s; or off.")
    ] = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Measure a command; its exit code, signals, arguments, input and output stay as they are.

    At a terminal its title shows power, energy and emissions so far, and nothing is drawn over what CMD draws; `footprint top`
    in another terminal shows more. --live lines prints a line each ten seconds, over what CMD has not ended with a newline.

    A budget is compared with the mean of what CMD has emitted or used so far, each five seconds; --on-budget stop ends CMD as
    `kill` would, and its run as interrupted, whatever CMD makes of it.

    Exit codes: CMD's own; 2 for bad options, 125 if we fail before CMD starts, 126 if CMD cannot be executed, 127 if it is not
    found, 128+n if signal n killed it.
    """
    from footprint.tracking import track

    shown = "off" if quiet else checked(live)
    is_stopped = _is_stopped(on_budget, has_budget=budget_g is not None or budget_kwh is not None)
    tracker = track(
        name or Path(command[0]).name.strip() or "command",
        kind=kind,
        region=region,
        zone=zone,
        pue=pue,
        account=account,
        labels=labels_of(label or []) | (_kept(command) if keep_command else {}),
        card=card,
        record=record,
        interval_s=interval_s,
        budget_g=budget_g,
        budget_kwh=budget_kwh,
    )
    if (error := _hindrance(command[0])) is not None:  # nothing will run, so there is no run to record
        raise typer.Exit(_not_started(command[0], error))
    with _SignalGate() as gate:
        tracked = tracker.start()
        ours = {PARENT_VARIABLE: tracked.id, ACCOUNT_VARIABLE: tracked.account} if tracked.is_recorded else {}
        limit = None if budget_g is None and budget_kwh is None else Limit(tracked, ends=is_stopped)
        code, outcome = gate.run(
            command,
            {**os.environ, **ours},
            limit,
            lambda pid: Showing(tracked.journal, beside_command(pid, Path(command[0]).name, shown)),
        )
    if limit is not None and limit.is_reached:
        outcome = "interrupted"
    with suppress(KeyboardInterrupt):  # the command has ended: its exit code stands, whatever becomes of our card
        tracked.stop(outcome)
    if tracked.is_recorded and not quiet and sys.stderr is not None and sys.stderr.isatty():
        print(summary(tracked, card, outcome), file=sys.stderr)
    raise typer.Exit(code)


class Limit:
    """The budget of a command.

    Args:
        tracked: its run.
        ends: whether the command is to end when the budget is spent.

    Attributes:
        is_reached: whether it was told to.
    """

    LOOK_S: Final = 0.5

    def __init__(self, tracked: TrackedRun, *, ends: bool) -> None:
        self._tracked, self._ends = tracked, ends
        self.is_reached = False

    def look(self) -> bool:
        """Whether the command is to be told now; a warning is printed by the run itself. True only once."""
        was_reached = self.is_reached
        self.is_reached = was_reached or (self._tracked.check_budget() and self._ends)
        return self.is_reached and not was_reached


def _kept(command: list[str]) -> dict[str, str]:
    """The command line as a label; without being asked for, none is kept."""
    from footprint.recorder.redaction import redacted

    return {"command": redacted(command)}


def _is_stopped(on_budget: str, *, has_budget: bool) -> bool:
    if on_budget not in _ON_BUDGET:
        raise unknown_choice("--on-budget", on_budget, _ON_BUDGET)
    if on_budget == "stop" and not has_budget:
        raise ConfigError("--on-budget stop without a budget: give --budget-g or --budget-kwh")
    return on_budget == "stop"


def _hindrance(program: str) -> OSError | None:
    """Why a command cannot start, as far as a look tells; the kernel has the last word."""
    import shutil

    if os.path.dirname(program):  # noqa: PTH120 - a path as the shell understands it: `./x` is one, `x` is not
        number = (
            errno.ENOENT
            if not os.path.exists(program)  # noqa: PTH110 - as above
            else errno.EISDIR
            if os.path.isdir(program)  # noqa: PTH112 - as above
            else 0
            if os.access(program, os.X_OK)
            else errno.EACCES
        )
    else:
        number = 0 if shutil.which(program) else errno.EACCES if shutil.which(program, os.F_OK) else errno.ENOENT
    return OSError(number, os.strerror(number)) if number else None


def summary(tracked: TrackedRun, card: str | None, outcome: Outcome) -> str:
    """One line for a person at a terminal: how long, how much, and what became of the card."""
    from footprint.derive.told import in_a_line

    said = [in_a_line(tracked.facts)]
    if card is not None:
        filled = outcome == "completed" and not any("card was not filled" in warning for warning in tracked.facts.warnings)
        said.append(f"{card} {'filled' if filled else 'left alone'}")
    return f"footprint: {', '.join(said)}; footprint runs show {tracked.id}"


class _SignalGate:
    """Holds signals back while it is open, so that none is lost or taken for ours, and hands them to the command.

    Signals are blocked rather than handled: one that comes before the command has started stays pending until it can be
    forwarded. Threads started meanwhile inherit the mask and take none of them.
    """

    def __init__(self) -> None:
        self._signals = {getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)}
        self._before: set[Any] = set()

    def __enter__(self) -> Self:
        if hasattr(signal, "sigwaitinfo"):
            if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else the kernel throws the exit code away
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, {*self._signals, signal.SIGCHLD})
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(signal, "sigwaitinfo"):
            # What arrives after the command's end has nobody left to reach, and must not change the exit code.
            while signal.sigtimedwait({*self._signals, signal.SIGCHLD}, 0):
                pass
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def run(
        self,
        command: list[str],
        environment: Mapping[str, str],
        limit: Limit | None = None,
        beside: Callable[[int], AbstractContextManager[object]] = nullcontext,
    ) -> tuple[int, Outcome]:
        """Run the command to its end; the exit code for it, and what that says of the run."""
        if (early := self._arrived_before()) is not None:
            return BY_SIGNAL + early, "interrupted"
        try:
            if not command[0]:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))  # which `posix_spawnp` calls a bad value
            if not hasattr(signal, "sigwaitinfo"):
                return code_and_outcome(_run_portably(command, environment, limit))
            child = os.posix_spawnp(
                command[0],
                command,
                environment,
                setsigmask=self._before,
                setsigdef=[getattr(signal, name) for name in _RESTORED],
            )
        except OSError as error:
            return _not_started(command[0], error), "failed"
        with beside(child):
            return code_and_outcome(self._wait(child, limit))

    def _arrived_before(self) -> int | None:
        """A signal that asked us to end before there was a command to hand it to."""
        ending = self._signals & {getattr(signal, name, None) for name in _ENDING}
        if hasattr(signal, "sigtimedwait") and (arrived := signal.sigtimedwait(ending, 0)):
            return arrived.si_signo
        return None

    def _wait(self, child: int, limit: Limit | None) -> int:
        """Wait for the command, forwarding what is sent to us alone; its exit code, negative if a signal killed it."""
        awaited = {*self._signals, signal.SIGCHLD}
        while True:
            arrived = signal.sigwaitinfo(awaited) if limit is None else signal.sigtimedwait(awaited, Limit.LOOK_S)
            if arrived is not None and arrived.si_signo == signal.SIGCHLD:
                done, status = os.waitpid(child, os.WNOHANG)
                if done:  # of itself: a budget that turns out spent now has stopped nothing
                    return os.waitstatus_to_exitcode(status)
            elif arrived is not None and arrived.si_code != _FROM_KERNEL:
                with suppress(ProcessLookupError):
                    os.kill(child, arrived.si_signo)
            if limit is not None and limit.look():
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGTERM)


def _run_portably(command: list[str], environment: Mapping[str, str], limit: Limit | None) -> int:
    """Where signals cannot be waited for (macOS, Windows): the terminal's reach the command by themselves."""
    import subprocess

    with subprocess.Popen(command, env=dict(environment)) as process:
        while True:
            try:
                return process.wait(None if limit is None else Limit.LOOK_S)
            except subprocess.TimeoutExpired:
                if limit is not None and limit.look():
                    process.terminate()
            except KeyboardInterrupt:  # it has had the same one, and decides what to make of it
                continue


def code_and_outcome(code: int) -> tuple[int, Outcome]:
    """The exit code as a shell tells it, and the run's outcome, of an exit code that is negative if a signal killed it."""
    shown = code if code >= 0 else BY_SIGNAL - code
    if shown == 0:
        return shown, "completed"
    return shown, "interrupted" if shown - BY_SIGNAL in _INTERRUPTING else "failed"


def _not_started(program: str, error: OSError) -> int:
    print(f"footprint: {program!r}: {error.strerror or error}", file=sys.stderr)
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return NOT_FOUND
    if error.errno in {errno.EACCES, errno.ENOEXEC, errno.EISDIR, errno.EPERM, errno.ELOOP}:
        return NOT_EXECUTABLE
    return OUR_FAILURE
