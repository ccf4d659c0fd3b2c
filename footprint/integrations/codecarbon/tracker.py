"""CodeCarbon's trackers and decorators, by their names and keywords: each measures a run of ours.

A tracker's run is begun by `start`, `start_task` or `with`, and ended by `stop`. A task is a phase of it, measured as a run
within it. Nothing asks the network: where a program runs is stated (`country_iso_code=`, `cloud_region=`, CodeCarbon's
configuration) or the site's default; else the emissions are unknown, and `stop()` returns None.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, overload

from footprint.integrations.codecarbon import keywords
from footprint.integrations.codecarbon.output import LedgerOutput
from footprint.integrations.codecarbon.table import add_row, write_rows
from footprint.integrations.codecarbon.totals import EmissionsData, TaskEmissionsData, totals
from footprint.tracking import TrackedRun, outcome_of, track

if TYPE_CHECKING:
    from types import TracebackType

    from footprint.model import Outcome, Run

Function = TypeVar("Function", bound=Callable[..., Any])

_log: Final = logging.getLogger("footprint")
_told: Final[set[str]] = set()
_OFFLINE: Final = keywords.signature((*keywords.TRACKER, *keywords.OFFLINE))


class _Task:
    """A task that goes on: its run, within the tracker's, and its phase."""

    def __init__(self, name: str, run: TrackedRun, phase: AbstractContextManager[None]) -> None:
        self.name, self.run, self.phase = name, run, phase


class EmissionsTracker:
    """CodeCarbon's tracker, measured by us: the same keywords, `start`, `stop`, `flush`, tasks, and use in a `with`.

    Args:
        *positional: CodeCarbon's keywords in its order.
        **given: CodeCarbon's keywords; those that mean nothing here are named in a line of the logger `footprint`.

    Attributes:
        final_emissions: kg CO2-equivalent once it has stopped; None where they are unknown.
        final_emissions_data: all columns.

    Raises:
        TypeError: for a keyword that CodeCarbon does not have.
        ConfigError: for a value that cannot be; nothing is raised later.
    """

    __signature__ = keywords.signature(keywords.TRACKER)
    _binds = __signature__

    def __init__(self, *positional: Any, **given: Any) -> None:
        told = self._binds.bind(*positional, **given).arguments
        self._settings = settings = keywords.settings_of(told)
        self._where: dict[str, Any] = {"region": settings.region, "zone": settings.zone, "pue": settings.pue}
        self._tracker = track(
            settings.name,
            **self._where,
            interval_s=settings.interval_s,
            labels={"experiment": settings.experiment_name} if settings.experiment_name != "base" else None,
        )
        if any(isinstance(handler, LedgerOutput) for handler in settings.handlers):
            self._say("LedgerOutput is left out: the run is in the ledger already", is_vital=True)
        self._handlers = [handler for handler in settings.handlers if not isinstance(handler, LedgerOutput)]
        for remark in settings.remarks:
            if remark not in _told:  # a decorated function has a tracker for each call
                _told.add(remark)
                self._say(remark, is_vital=True)
        self.run: TrackedRun | None = None
        self.final_emissions: float | None = None
        self.final_emissions_data: EmissionsData | None = None
        self._before: EmissionsData | None = None
        self._task: _Task | None = None
        self._tasks: list[TaskEmissionsData] = []

    # -- CodeCarbon's methods ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to measure."""
        if self._is_on:
            self._say("the tracker was started already")
            return
        self.run, self._before, self._tasks = self._tracker.begin(), None, []

    def stop(self) -> float | None:
        """End, write and hand on the totals, and return the emissions in kg; None where they are unknown."""
        return self._stop("completed")

    def flush(self) -> float | None:
        """Write and hand on the totals so far, and return the emissions in kg; the run goes on."""
        if not self._is_on or self.run is None:
            self._say("flush(): the tracker was not started")
            return None
        self.run.look()
        told = self._totals(self.run.facts)
        self._persist(told)
        return told.emissions if told is not None else None

    def start_task(self, task_name: str | None = None) -> None:
        """Begin a part that is told by itself; its energy is the run's, too."""
        if not self._is_on:
            self.start()
        if self._task is not None or self.run is None:
            self._say("start_task(): a task goes on already")
            return
        name = str(task_name or "").strip() or f"task {len(self._tasks) + 1}"
        phase = self.run.phase(name)
        phase.__enter__()
        run = track(name, **self._where, interval_s=self._settings.interval_s, labels={"task": name}).begin()
        self._task = _Task(name, run, phase)

    def stop_task(self, task_name: str | None = None) -> EmissionsData | None:
        """End the part that goes on, and return what it took; None where none does."""
        task = self._task
        if task is None or (task_name is not None and task_name != task.name):
            self._say("stop_task(): no such task goes on")
            return None
        self._task = None
        task.run.stop()
        task.phase.__exit__(None, None, None)
        told = self._totals(task.run.facts)
        if told is not None:
            self._tasks.append(TaskEmissionsData(task_name=task.name, data=told))
        return told

    def get_detected_hardware(self) -> dict[str, Any]:
        """The machine, in CodeCarbon's words."""
        from footprint.meters.host import read_host
        from footprint.units import BYTES_PER_GIB

        host = read_host()
        return {
            "ram_total_size": None if host.memory_bytes is None else host.memory_bytes / BYTES_PER_GIB,
            "cpu_count": host.logical_cpus,
            "cpu_physical_count": None,
            "cpu_model": host.cpu_name,
            "gpu_count": host.accelerators,
            "gpu_model": None,
            "gpu_ids": None,
        }

    def service_shutdown(self, signum: int, frame: Any) -> None:
        """Stop, as a handler of a signal."""
        self._stop("interrupted")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop(self.run.outcome_of(error) if self.run is not None else outcome_of(error))

    # -- Inside --------------------------------------------------------------------------------------------------------

    @property
    def _is_on(self) -> bool:
        return self.run is not None and not self.run.is_over and not self.run.is_inert

    def _stop(self, outcome: Outcome) -> float | None:
        run = self.run
        if run is None or not self._is_on:
            self._say("stop(): the tracker was stopped already, or never started")
            return self.final_emissions
        if self._task is not None:
            self.stop_task()
        run.stop(outcome)
        told = self._totals(run.facts)
        self._persist(told)
        self.final_emissions_data = told
        self.final_emissions = told.emissions if told is not None else None
        if told is not None and told.emissions is None:
            place = "" if told.country_iso_code else "; state where it runs: country_iso_code=, cloud_region= or FOOTPRINT_REGION"
            self._say(
                f"the emissions are unknown: stop() returns None, and emissions.csv has an empty cell{place}", is_vital=True
            )
        for handler in self._handlers:
            self._attempt("a handler did not end", getattr(handler, "exit", lambda: None))
        return self.final_emissions

    def _totals(self, facts: Run) -> EmissionsData | None:
        found: list[EmissionsData] = []

        def derive() -> None:
            found.append(
                totals(
                    facts,
                    project=self._settings.name,
                    run_id=self.run.id if self.run is not None else facts.id,
                    experiment_id=self._settings.experiment_id,
                    is_machine=self._settings.is_machine,
                    intensity_g_per_kwh=self._settings.intensity_g_per_kwh,
                )
            )

        self._attempt("the totals cannot be told", derive)
        return found[0] if found else None

    def _persist(self, told: EmissionsData | None) -> None:
        if told is None:
            return
        settings, before = self._settings, self._before or told
        self._before = told
        delta = _difference(told, before) if before is not told else told
        if settings.file is not None:
            self._attempt("emissions.csv was not written", add_row, settings.file, told.values, is_updated=settings.is_updated)
            if self._tasks:
                path = settings.file.with_name(f"emissions_{_file_name(settings.experiment_name)}_{told.run_id}.csv")
                self._attempt("the file of tasks was not written", write_rows, path, [one.values for one in self._tasks])
        for handler in self._handlers:
            self._attempt("a handler did not take the totals", handler.out, told, delta)
            if self._tasks and hasattr(handler, "task_out"):
                self._attempt("a handler did not take the tasks", handler.task_out, list(self._tasks), settings.experiment_name)

    def _attempt(self, what: str, action: Callable[..., Any], *given: Any, **more: Any) -> None:
        """Do what must not harm the program: what goes wrong is a warning of the run."""
        if self.run is not None:
            self.run.attempt(what, functools.partial(action, *given, **more))

    def _say(self, sentence: str, *, is_vital: bool = False) -> None:
        """Tell it in a line; what changes the numbers is told at any `log_level`."""
        if is_vital or not self._settings.is_quiet:
            with suppress(Exception):  # a handler of the program's may raise
                _log.warning("footprint: %sCodeCarbon's tracker: %s", self._settings.preamble, sentence)


class OfflineEmissionsTracker(EmissionsTracker):
    """The same, and where it runs: `country_iso_code`, `region`, or `cloud_provider` and `cloud_region`.

    Args:
        *positional: CodeCarbon's keywords in its order.
        **given: CodeCarbon's keywords.

    Raises:
        UnknownPlace: for a place that there is not; CodeCarbon would take the world's mean for it.
    """

    __signature__ = inspect.Signature(
        [
            inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
            *(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=keywords.UNSET) for name in keywords.OFFLINE),
            inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
        ]
    )
    _binds = _OFFLINE


@overload
def track_emissions(fn: Function, /, *positional: Any, **given: Any) -> Function: ...
@overload
def track_emissions(**given: Any) -> Callable[[Function], Function]: ...
def track_emissions(*positional: Any, **given: Any) -> Any:
    """CodeCarbon's decorator, with or without keywords: each call of the function is tracked, coroutine functions too.

    Args:
        *positional: the function, where there are no keywords; then CodeCarbon's keywords in its order.
        **given: CodeCarbon's keywords; with `offline=True` those of the offline tracker.

    Raises:
        TypeError: for a keyword that CodeCarbon does not have.
        ConfigError: for a value that cannot be.
    """
    told = dict(_DECORATOR.bind(*positional, **given).arguments)
    function = told.pop("fn", None)
    is_offline = told.pop("offline", keywords.UNSET)
    tracker_of: Callable[..., EmissionsTracker] = EmissionsTracker
    if is_offline is not keywords.UNSET and is_offline:
        if not told.get("country_iso_code") and not told.get("cloud_provider"):
            from footprint.errors import ConfigError

            raise ConfigError("offline=True needs country_iso_code= or cloud_provider= and cloud_region=")
        tracker_of = OfflineEmissionsTracker
    else:
        told = {name: value for name, value in told.items() if name not in keywords.OFFLINE}
    tracker_of(**told)  # what cannot be is refused here, and not when the function is called

    def decorate(decorated: Callable[..., Any]) -> Callable[..., Any]:
        return _around(decorated, lambda: tracker_of(**told))

    return decorate if function is None else decorate(function)


track_emissions.__signature__ = _DECORATOR = keywords.signature(  # type: ignore[attr-defined]  # what tools look at
    keywords.DECORATOR, inspect.Parameter("fn", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
)


@overload
def track_task_emissions(fn: Function, tracker: EmissionsTracker | None = None, task_name: str = "") -> Function: ...
@overload
def track_task_emissions(
    fn: None = None, tracker: EmissionsTracker | None = None, task_name: str = ""
) -> Callable[[Function], Function]: ...
def track_task_emissions(
    fn: Callable[..., Any] | None = None, tracker: EmissionsTracker | None = None, task_name: str = ""
) -> Any:
    """CodeCarbon's decorator of a task: each call of the function is a task of the tracker.

    Args:
        fn: the function, where there are no keywords.
        tracker: whose task it is; by default one of its own for each call.
        task_name: what the tasks are called.
    """

    def decorate(decorated: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(decorated)
        def tracked(*args: Any, **more: Any) -> Any:
            own = tracker or EmissionsTracker()
            own.start_task(task_name or None)
            try:
                return decorated(*args, **more)
            finally:
                own.stop_task()
                if tracker is None:
                    own.stop()

        return tracked

    return decorate if fn is None else decorate(fn)


def _around(function: Callable[..., Any], tracker: Callable[[], EmissionsTracker]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def tracked_coroutine(*args: Any, **more: Any) -> Any:
            with tracker():
                return await function(*args, **more)

        return tracked_coroutine

    @functools.wraps(function)
    def tracked(*args: Any, **more: Any) -> Any:
        with tracker():
            return function(*args, **more)

    return tracked


def _difference(now: EmissionsData, before: EmissionsData) -> EmissionsData:
    """What has been added since the last time, and at which rate; null where it is not known."""
    names = ("duration", "emissions", "cpu_energy", "gpu_energy", "ram_energy", "energy_consumed", "water_consumed")
    changed = {
        name: None if getattr(now, name) is None or getattr(before, name) is None else getattr(now, name) - getattr(before, name)
        for name in names
    }
    rate = None if changed["emissions"] is None or not changed["duration"] else changed["emissions"] / changed["duration"]
    return EmissionsData(**(now.values | changed | {"emissions_rate": rate}))


def _file_name(text: str) -> str:
    """A name of the user's as a part of a file's name."""
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in text)[:80]
