"""`footprint profile FILE`: run a profile's workloads, or an earlier result's again, and say what a unit of the work takes."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say_json, say_lines
from footprint.cli.profile import showing
from footprint.errors import ConfigError
from footprint.model import TRAINING_KINDS
from footprint.profile import MOST_S

if TYPE_CHECKING:
    from footprint.profiling.comparing import Comparison
    from footprint.profiling.engine import Where
    from footprint.profiling.plan import Plan
    from footprint.profiling.results import Result

INTERRUPTED: Final = 130
DIFFERS: Final = 1
_QUICK: Final = {"sessions": 2, "min_sessions": 2, "repeats": 1, "min_repeats": 1, "warmup": 1, "idle_s": 0.0}
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")


def profile(
    file: Annotated[Path, typer.Argument(help="A profile (TOML) with workloads, or a result (JSON) to repeat.", metavar="FILE")],
    *,
    only: Annotated[str | None, typer.Option(metavar="NAME", help="Only the workload of this name.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the workloads, and run none.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look at all that is needed, say what would run, and run nothing.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only try whether it works: two starts of one repeat, nothing kept.")
    ] = False,
    repeats: Annotated[int | None, typer.Option(help="At most so many repeats, whatever the profile says.")] = None,
    time_limit: Annotated[float | None, typer.Option(metavar="SECONDS", help="Time for each workload.")] = None,
    compare: Annotated[Path | None, typer.Option(metavar="RESULT", help="An earlier result to hold this one against.")] = None,
    region: options.Region = None,
    zone: options.Zone = None,
    pue: options.Pue = None,
    card: Annotated[Path | None, typer.Option(help="A model card to fill from the measured runs.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the result here, not into results/.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for each repeat.")] = False,
    json: options.Json = False,
) -> None:
    """Measure repeatable work: energy, time and emissions of a unit, each with the interval that the next profile will lie in.

    A profile says what to run and how often (docs/profiles.md). The result is written into results/ beside it. A result instead
    of a profile is repeated where its files are the same. An interrupted one is shown, not written, and exits with 130.

    Exit codes: 0 done; 1 if --compare finds that the energy of a unit differs; 2 bad input, a command that fails included.
    """
    from footprint.profiling.engine import Where

    if list_:
        _list(file, json=json)
        return
    plans = [_changed(plan, quick=quick, repeats=repeats, time_limit=time_limit) for plan in _plans(file, only)]
    earlier = _earlier(compare, plans)
    if card is not None:
        _check_card(card, plans)
    if dry_run:
        _show_plans(plans, json=json)
        return
    paths = [None if quick and output is None else _path(plan, output, many=len(plans) > 1) for plan in plans]
    place = Where(region=region, zone=zone, pue=pue)
    done: list[_Done] = []
    for plan, path in zip(plans, paths, strict=True):
        measured = _measured(plan, place, quick=quick, quiet=quiet)
        is_named = path is not None and path == output
        done.append(
            _kept(plan, measured, path if measured.is_complete or output is not None else None, earlier, is_named=is_named)
        )
        if not json:
            say_lines(showing.result_lines(done[-1].result, done[-1].path, done[-1].compared))
        if not measured.is_complete:
            break
    if json:
        say_json({"results": [one.as_json() for one in done]})
    code = _code(done)
    if card is not None and code != INTERRUPTED:
        _fill(card, [one.result for one in done], quick=quick)
    if code:
        raise typer.Exit(code)


class _Done(NamedTuple):
    """A workload's result, where it was written, and how it compares."""

    result: Result
    path: Path | None
    compared: Comparison | None

    def as_json(self) -> dict[str, Any]:
        where = None if self.path is None else str(self.path)
        return {"path": where, "result": self.result, "compared": self.compared}


def _code(done: Sequence[_Done]) -> int:
    if not all(one.result.is_complete for one in done):
        return INTERRUPTED
    differs = any(one.compared is not None and one.compared.quantities[0].verdict == "differs" for one in done)
    return DIFFERS if differs else 0


def _show_plans(plans: Sequence[Plan], *, json: bool) -> None:
    if json:
        say_json({"plans": [showing.plan_json(plan) for plan in plans]})
    else:
        say_lines(line for plan in plans for line in showing.plan_lines(plan))


def _plans(file: Path, only: str | None) -> list[Plan]:
    from footprint.profiling.plan import plans_of

    if file.suffix == ".json" and only is not None:
        raise ConfigError("--only is for a profile: a result is one workload's")
    return plans_of(file, only)


def _changed(plan: Plan, *, quick: bool, repeats: int | None, time_limit: float | None) -> Plan:
    """The plan as options change it."""
    from footprint.profiling.summing import with_workload

    if repeats is not None and repeats < 1:
        raise ConfigError(f"--repeats {repeats} is less than one")
    if time_limit is not None and not 0 < time_limit <= MOST_S:
        raise ConfigError(f"--time-limit {time_limit:g} is not above zero, or more than {text.duration(MOST_S)}")
    changes: dict[str, Any] = dict(_QUICK) if quick else {}
    if repeats is not None:
        changes |= {"repeats": repeats, "min_repeats": min(repeats, plan.workload.min_repeats or repeats)}
    if time_limit is not None:
        changes["time_limit_s"] = time_limit
    return with_workload(plan, **changes) if changes else plan


def _measured(plan: Plan, where: Where, *, quick: bool, quiet: bool) -> Result:
    """Measure one workload."""
    from footprint.profiling import conditions, engine
    from footprint.profiling.summing import result_of

    shown = showing.Lines(plan, silent=quiet)
    before = conditions.read_all()
    with _interruptible():
        measured = engine.measure(plan, where, shown.tell, quick=quick)
    return result_of(plan, measured, (before, conditions.read_all()))


def _kept(plan: Plan, result: Result, path: Path | None, earlier: Result | None, *, is_named: bool) -> _Done:
    """Write a result, and hold it against an earlier one of the same workload."""
    from footprint.profiling.comparing import compare
    from footprint.profiling.results import write_new_result, write_result

    if path is not None:
        try:
            if is_named:
                write_result(result, path)
            else:
                path = write_new_result(result, path)
        except ConfigError:
            say_lines(showing.result_lines(result, None, None))  # the work is done, and the disk may be full
            raise
    is_the_same = earlier is not None and earlier.workload.name == plan.workload.name
    return _Done(result, path, compare(result, earlier) if earlier is not None and is_the_same else None)


@contextmanager
def _interruptible() -> Iterator[None]:
    """A SIGTERM is as a Ctrl-C: what has been measured is told."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _list(file: Path, *, json: bool) -> None:
    from footprint.profiling.plan import workloads_of

    found = workloads_of(file, None)
    if json:
        say_json({"workloads": [workload for _, workload in found]})
    else:
        say_lines(showing.listed(found))


def _earlier(path: Path | None, plans: Sequence[Plan]) -> Result | None:
    from footprint.profiling.results import read_result

    if path is None:
        return None
    result = read_result(path)
    if result.workload.name not in [plan.workload.name for plan in plans]:
        raise ConfigError(f"{path}: the result of workload {result.workload.name!r}, which is none of those that are to run")
    return result


def _path(plan: Plan, output: Path | None, *, many: bool) -> Path:
    """Where the result goes; found out before the work, not after it."""
    name = _ODD.sub("-", plan.workload.name or plan.profile).strip("-.") or "result"
    file = f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path = plan.results / file if output is None else output / file if output.is_dir() else output
    if output is not None and many and not output.is_dir():
        raise ConfigError(f"--output {output}: several workloads need a folder, or --only NAME")
    folder = path.parent
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise ConfigError(f"{path}: the result cannot be written: {folder} is no folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: the result cannot be written: {folder} is not writable")
    return path


def _check_card(path: Path, plans: Sequence[Plan]) -> None:
    """A card that cannot be filled is refused before the work; so is work that is neither training nor use."""
    from footprint.card import CardContent, fill, named, read_card
    from footprint.errors import CardError

    if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
        raise ConfigError(f"--card {path}: there is no such file, or it cannot be written")
    for plan in plans:
        if plan.workload.kind not in (*TRAINING_KINDS, "inference"):
            what = f"a workload of kind {plan.workload.kind} is neither training nor use of the model"
            raise ConfigError(f"--card {path}: {plan.name}: {what}: state its kind (inference, fine-tuning, pre-training)")
    try:
        fill(read_card(path), CardContent(fields={}))
    except CardError as error:
        raise ConfigError(named(path, error)) from None


def _fill(card: Path, results: Sequence[Result], *, quick: bool) -> None:
    """Fill a card: of use from all repeats, of training from the middle one by energy, for a model is trained once."""
    from footprint.profiling import energies
    from footprint.tracking import fill_card

    chosen: list[str] = []
    for result in results:
        runs = [one for one in result.repeats if one.run]
        if result.workload.kind in TRAINING_KINDS and runs:
            by_unit = dict(zip((one.run for one in runs), energies.by_unit(runs), strict=True))
            runs = [sorted(runs, key=lambda one: by_unit[one.run])[(len(runs) - 1) // 2]]
        chosen += [one.run for one in runs]
    if not chosen:
        raise ConfigError(f"{card} was not filled: no repeat was recorded")
    said = "not filled: --quick may do less work than the profile's"
    if not quick:
        fill_card(card.absolute(), chosen)
        said = f"filled from {text.plural(len(chosen), 'run')}"
    with suppress(OSError, ValueError):
        print(f"{card} {said}", file=sys.stderr)
