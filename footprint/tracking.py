"""`track`: the face of the recorder in the program that is measured.

What the user states is checked before the body runs, and raises. After that nothing that goes wrong here reaches the
program: it becomes a warning in the record, and a line of the logger `footprint`.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from footprint.errors import CardError, ConfigError, unknown_choice
from footprint.ledger.home import home as ledger_home
from footprint.model import KINDS, Kind, Outcome, Place
from footprint.recorder import context, process
from footprint.recorder.active import current_run
from footprint.recorder.budget import budget_of, place_of_budget
from footprint.recorder.watched import WatchedRun

if TYPE_CHECKING:
    from types import TracebackType

    from footprint.model import Footprint
    from footprint.recorder.targets import Target

P = ParamSpec("P")
R = TypeVar("R")

INTERVALS_S: Final = (0.05, 3600.0)
ASIDE_LIMIT_S: Final = 120.0


class track:  # noqa: N801 - reads as a verb where it is used
    """Measure a stretch of a program: as a context manager, as a decorator, or by `start()` and `stop()`.

    Args:
        name: what the run is called; need not be unique.
        kind: `pre-training`, `fine-tuning`, `inference`, `evaluation` or `other`.
        region: where, as a cloud region: `aws:eu-west-1`.
        zone: where, as a grid zone: `FRA`, `US-VA`.
        pue: the site's power usage effectiveness, at least 1.
        account: what the run belongs to, together with others; by default the job's id.
        labels: anything to find the run by.
        card: a model card that is filled once the run has completed: with the run's footprint, or that of all runs so far of
            the `account` that is stated, failed ones included.
        record: a file that the finished run is written to, besides the ledger.
        interval_s: seconds between two readings.
        budget_g: what the run may emit, g CO2-equivalent; needs a place. It is compared with the mean of what the run has emitted
            so far, as its footprint states it, each five seconds (each second or two at first). Of the ranks of a training each
            has a budget of its own.
        budget_kwh: the same for the energy of the facility, kWh.
        on_budget: `warn`, or an exception (or its class) that ends the body once a budget is spent. It is raised once, in the
            thread that calls `run.progress`, `run.count`, `run.check_budget` or begins or ends a `run.phase`, and nowhere else.

    Raises:
        ConfigError: if any of these cannot be used; `UnknownPlace` with the near matches for a region or zone.

    Each entry of the context, each call of the decorated function and each `start()` is a run of its own.
    """

    def __init__(
        self,
        name: str,
        *,
        kind: str = "other",
        region: str | None = None,
        zone: str | None = None,
        pue: float | None = None,
        account: str | None = None,
        labels: Mapping[str, str] | None = None,
        card: str | os.PathLike[str] | None = None,
        record: str | os.PathLike[str] | None = None,
        interval_s: float = 1.0,
        budget_g: float | None = None,
        budget_kwh: float | None = None,
        on_budget: str | BaseException | type[BaseException] = "warn",
    ) -> None:
        self._name = context.clean_name(_text("name", name))
        self._kind = _kind(kind)
        self._place = _place(region, zone, pue)
        self._account = None if account is None else _text("account", account)
        self._labels = _labels(labels or {})
        self._card = None if card is None else _fillable_card(_path("card", card))
        self._record = None if record is None else _new_file("record", _path("record", record))
        self._interval_s = _interval(interval_s)
        self._budget = budget_of(budget_g, budget_kwh, on_budget)
        if budget_g is not None:
            self._place = place_of_budget(self._place)
        self._runs: list[TrackedRun] = []

    def start(self) -> TrackedRun:
        """Begin a run; its baseline is read when this returns."""
        run = self._new(None)
        try:
            run.start()
            for over in [run for run in list(self._runs) if run.is_over]:  # ended by `run.stop()`: nothing of them is to be kept
                with suppress(ValueError):
                    self._runs.remove(over)
            self._runs.append(run)
            return run  # noqa: TRY300 - whatever comes before the caller has it
        except BaseException:
            run.abandon()
            raise

    def begin(self, target: Target | None = None) -> TrackedRun:
        """Begin a run that this tracker keeps no hold of, also one of another process; its baseline is read when this returns."""
        run = self._new(target)
        try:
            run.start()
            return run  # noqa: TRY300 - as above
        except BaseException:
            run.abandon()
            raise

    def _new(self, target: Target | None) -> TrackedRun:
        return TrackedRun(
            name=self._name,
            kind=self._kind,
            place=self._place,
            account=self._account,
            labels=self._labels,
            card=self._card,
            record=self._record,
            interval_s=self._interval_s,
            target=target,
            budget=self._budget,
        )

    def stop(self) -> TrackedRun:
        """End the run that was started last (in this thread or task, where it was started there), as completed.

        Raises:
            ConfigError: if none was started.
        """
        run = self._last_run()
        if run is None:
            raise ConfigError("stop() without start(): there is no run to stop")
        return run.stop()

    def __enter__(self) -> TrackedRun:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        run = self._last_run()
        if run is not None:
            run.stop(run.outcome_of(error))

    def _last_run(self) -> TrackedRun | None:
        """Take the run to stop: one tracker may be entered on several threads or tasks at once."""
        here = current_run()
        mine = [run for run in self._runs if run is here] or self._runs[-1:]
        for run in mine:
            with suppress(ValueError):  # another thread has just taken it: it is stopped there
                self._runs.remove(run)
            return run
        return None

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function with each of its calls tracked; coroutine functions stay coroutine functions."""
        import inspect

        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigError("track cannot follow a generator function: use `with footprint.track(...)` inside it")
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def tracked_coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self._call():
                    return await function(*args, **kwargs)

            return tracked_coroutine  # type: ignore[return-value]  # R is the coroutine that it returns

        @functools.wraps(function)
        def tracked(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._call():
                return function(*args, **kwargs)

        return tracked

    @contextmanager
    def _call(self) -> Iterator[TrackedRun]:
        """A run of its own for one call: calls overlap, on threads and on event loops."""
        run = self.begin()
        try:
            yield run
        except BaseException as error:
            run.stop(run.outcome_of(error))
            raise
        run.stop()


class TrackedRun(WatchedRun):
    """A run while it lasts, and what is known of it afterwards. Made by `track`."""

    def __init__(self, *, card: Path | None, record: Path | None, **facts: Any) -> None:
        super().__init__(**facts, is_kept=record is not None)
        self._card, self._record = card, record
        self._afterwards: list[tuple[str, Callable[[], None]]] = []
        self._is_of_an_account = facts.get("account") is not None

    def start(self) -> None:
        """Begin: when this returns the baseline is read, or a warning says why the run is not recorded."""
        super().start()
        if self.is_recorded:
            for what, action in tuple(_at_each_start):
                self.attempt(what, action, self)

    @property
    def footprint(self) -> Footprint:
        """The run's footprint, derived from its facts with today's factors."""
        from footprint.derive import run_footprint

        return run_footprint(self.facts)

    def stop(self, outcome: Outcome = "completed") -> TrackedRun:
        """End the run, write its file if one was asked for, and fill its card if it completed."""
        self.end(outcome)
        return self

    def end(self, outcome: Outcome, end_s: float | None = None) -> bool:
        """The same at a moment that has just passed; false if the run has ended already, or is another process's."""
        if not super().end(outcome, end_s):
            return False
        if self._record is not None:
            self.attempt("the run could not be written", self._write_record, self._record)
        if self._card is not None and outcome == "completed":
            self.attempt("the card was not filled", self._fill_card, self._card)
        for what, action in self._afterwards:
            self.attempt(what, action)
        self._afterwards.clear()
        return True

    def when_over(self, what: str, action: Callable[[], None]) -> None:
        """Have something done by whoever ends the run, once it is written; at once where it has ended.

        Args:
            what: how it is told that it failed.
            action: what is done; whatever it raises becomes a warning.
        """
        if self.is_over:
            self.attempt(what, action)
        else:
            self._afterwards.append((what, action))

    def outcome_of(self, error: BaseException | None) -> Outcome:
        """How the run ends by the exception that leaves its body: one raised for its budget interrupts it."""
        return "interrupted" if error is not None and error is self.stopped_by else outcome_of(error)

    def _write_record(self, path: Path) -> None:
        from footprint.ledger.runfile import write_run_file

        write_run_file(self.facts, path)

    def _fill_card(self, path: Path) -> None:
        # An account that somebody named is one piece of work: earlier attempts belong to it. A job's may hold anything.
        fill_card(path, [self.account, self.id] if self._is_of_an_account else [self.id])


_at_each_start: list[tuple[str, Callable[[TrackedRun], None]]] = []


def at_each_start(what: str, action: Callable[[TrackedRun], None]) -> Callable[[], None]:
    """Have something done with each run that begins from now on, also those that a callback begins; returns what ends that.

    Args:
        what: how it is told that it failed.
        action: what is done; whatever it raises becomes a warning of the run.
    """
    _at_each_start.append((what, action))
    return functools.partial(_no_more, (what, action))


def _no_more(one: tuple[str, Callable[[TrackedRun], None]]) -> None:
    with suppress(ValueError):
        _at_each_start.remove(one)


def fill_card(path: Path, run_ids: Sequence[str]) -> None:
    """Fill a card from runs of the ledger, in a process of its own, so that nothing heavy is loaded into the program.

    Args:
        path: the card.
        run_ids: the runs, by their ids or their accounts' names.

    Raises:
        ConfigError: if the card is not filled; says why.
    """
    chosen = [word for run_id in run_ids for word in ("--run", run_id)]
    if not process.has_interpreter():
        raise ConfigError(f"there is no interpreter to do it; run: footprint card fill {' '.join(chosen)} CARD")
    aside("from footprint.cli import main; main()", "card", "fill", *chosen, "--", str(path))


def aside(code: str, *arguments: str) -> bytes:
    """Run code of ours in a process of its own, with this ledger, and return what it prints.

    Raises:
        ConfigError: if there is no interpreter to do it, or if it fails; says why.
    """
    import subprocess

    if not process.has_interpreter():
        raise ConfigError("there is no interpreter to do it")
    done = subprocess.run(
        process.isolated(code, *arguments),
        env={**os.environ, "FOOTPRINT_HOME": str(ledger_home())},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=ASIDE_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise ConfigError(said[-1].removeprefix("footprint: "))
    return done.stdout


def outcome_of(error: BaseException | None) -> Outcome:
    """How a run ended, from the exception that left its body: one that stops the body from outside interrupts it."""
    if error is None:
        return "completed"
    if isinstance(error, SystemExit):  # its code may be anything, also what cannot be compared; 0.0 is printed, and exits with 1
        return "completed" if error.code is None or (isinstance(error.code, int) and error.code == 0) else "failed"
    asyncio = sys.modules.get("asyncio.exceptions")  # a program that was cancelled by it has it loaded
    cancelled = getattr(asyncio, "CancelledError", KeyboardInterrupt)
    return "interrupted" if isinstance(error, KeyboardInterrupt | GeneratorExit | cancelled) else "failed"


# -- Checking what the user states -------------------------------------------------------------------------------------


def _text(what: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{what}={value!r} is not a text with something in it")
    return value


def _labels(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"labels={value!r} is not a mapping such as {{'user': 'ada'}}")
    return {_text("label", key): str(text) for key, text in value.items()}


def _kind(value: str) -> Kind:
    for kind in KINDS:
        if value == kind:
            return kind
    raise unknown_choice("kind", value, KINDS)


def _interval(value: object) -> float:
    if not isinstance(value, int | float) or not INTERVALS_S[0] <= value <= INTERVALS_S[1]:
        raise ConfigError(f"interval_s={value!r} is not between {INTERVALS_S[0]} and {INTERVALS_S[1]:g} seconds")
    return float(value)


def _place(region: str | None, zone: str | None, pue: object) -> Place | None:
    """The stated place; without a region or a zone, the run looks for those of the site's default when it starts."""
    if region is None and zone is None and pue is None:
        return None
    for what, stated in (("region", region), ("zone", zone)):
        if stated is not None:
            _text(what, stated)
    if pue is not None and (not isinstance(pue, int | float) or abs(pue) > sys.float_info.max):
        raise ConfigError(f"pue={pue!r} is not a number")
    from footprint.place import resolve

    return resolve(region, zone, None if pue is None else float(pue))  # one of numpy's could not be sent


def _path(what: str, value: object) -> Path:
    if not isinstance(value, str | os.PathLike) or "\0" in os.fspath(value):
        raise ConfigError(f"{what}={value!r} is not the path of a file")
    return Path(value)


def _writable_file(what: str, path: Path) -> Path:
    path = path.absolute()
    if not path.is_file():
        raise ConfigError(f"{what}={str(path)!r}: there is no such file; make it first, an empty one will do")
    if not os.access(path, os.R_OK | os.W_OK):
        raise ConfigError(f"{what}={str(path)!r} is not readable and writable")
    return path


def _fillable_card(path: Path) -> Path:
    """A card that a fill will take: found out before the work, not after hours of it."""
    from footprint.card import CardContent, fill, named, read_card

    path = _writable_file("card", path)
    try:
        fill(read_card(path), CardContent(fields={}))
    except CardError as error:
        raise ConfigError(named(path, error)) from None
    return path


def _new_file(what: str, path: Path) -> Path:
    path = path.absolute()
    if path.is_dir():
        raise ConfigError(f"{what}={str(path)!r} is a folder, not a file")
    if not path.parent.is_dir():
        raise ConfigError(f"{what}={str(path)!r}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{what}={str(path)!r}: its folder is not writable")
    return path
