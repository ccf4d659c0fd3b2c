"""The run of a training, as the callbacks of every framework hold it; each of them only translates its framework's events.

A callback is told when a training begins and ends, in each rank. It begins a run, names what is not a step as a phase, and ends
the run; then the first rank sums up what all ranks used, and fills the card. What goes wrong in it is a warning: a training must
not end for want of its measurement.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol, Self, TypeVar

import msgspec

from footprint.errors import FootprintError
from footprint.integrations.trainings import LABEL, Whole, whole
from footprint.integrations.watching import Watch
from footprint.model import Outcome
from footprint.tracking import TrackedRun, fill_card, outcome_of, track

_RUN_ID: Final = re.compile("[0-9a-f]{16}")
_EARLIER_LIMIT: Final = 1000
_log: Final = logging.getLogger("footprint")
_told: Final[set[str]] = set()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a callback is given, checked once; a copy of a callback in another process has it, too.

    Files are those of the folder that the program was in when it stated them.
    """

    name: str | None = None
    kind: str = "fine-tuning"
    region: str | None = None
    zone: str | None = None
    pue: float | None = None
    account: str | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    card: str | None = None
    record: str | None = None
    interval_s: float = 1.0

    @classmethod
    def checked(cls, **stated: Any) -> Self:
        """Those that are stated, if a run can be begun with them.

        Raises:
            ConfigError: if any of them cannot be used; nothing is raised later.
        """
        name = stated.pop("name", None)
        track("training" if name is None else name, **stated)
        files = {what: str(Path(stated[what]).absolute()) for what in ("card", "record") if stated.get(what) is not None}
        labels = {key: str(value) for key, value in (stated.get("labels") or {}).items()}
        return cls(**{**stated, "name": name, "labels": labels, **files})

    def facts(self) -> dict[str, Any]:
        """What each of the runs is begun with: not its name, and no files, which are one run's alone."""
        return {key: value for key, value in msgspec.structs.asdict(self).items() if key not in {"name", "card", "record"}}


class Training:
    """The run of one training after another, of this rank.

    Args:
        settings: what the callback was given.

    Attributes:
        run: the run that goes on, or the last one; null before the first.
        earlier: the runs that led to the checkpoint which the training goes on from.
        summed: the runs of the whole training, once it has completed and is summed up; else null.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.run: TrackedRun | None = None
        self.earlier: list[str] = []
        self.summed: Whole | None = None
        self._watch: Watch | None = None
        self._phase: AbstractContextManager[None] | None = None
        self._phase_name: str | None = None

    @property
    def live(self) -> TrackedRun | None:
        """The run, as long as it goes on."""
        return None if self.run is None or self.run.is_over else self.run

    @property
    def in_phase(self) -> bool:
        """Whether a phase is open."""
        return self._phase is not None

    # -- The run -------------------------------------------------------------------------------------------------------

    def begin(
        self,
        name: str,
        *,
        account: str | None = None,
        labels: Mapping[str, str] | None = None,
        rank: int = 0,
        kind: str | None = None,
        inside: FrameType | None = None,
    ) -> TrackedRun:
        """Begin a run; one whose training ended without a word is ended.

        Args:
            name: what it is called where the settings do not say.
            account: what it belongs to where the settings do not say.
            labels: those of its rank; the stated ones come over them.
            rank: whose it is; others than the first add theirs to the name of `record`.
            kind: where it is another than the settings'.
            inside: the frame that the training has ended with, however it is left.
        """
        self.end_forgotten()
        self.summed = None
        settings = self.settings
        facts = settings.facts() | {"account": settings.account or account, "labels": {**(labels or {}), **settings.labels}}
        facts |= {} if kind is None else {"kind": kind}
        name, record = settings.name or name, None if settings.record is None else Path(settings.record)
        if record is not None and rank > 0:
            record = record.with_name(f"{record.stem}.rank-{rank}{record.suffix}")
        try:
            run = track(name, **facts, record=record).start()
        except FootprintError as error:  # its folder has gone since it was looked at
            run = track(name, **facts).start()
            run.warn(f"the run will not be written: {error}")
        self.run = run
        if inside is not None:
            self._watch = Watch(inside, functools.partial(_left, run))
        return run

    def is_inside(self, frame: FrameType | None) -> bool:
        """Whether it is this frame that the training which goes on ends with."""
        return self.live is not None and self._watch is not None and self._watch.is_of(frame)

    def goes_on(self) -> bool:
        """Whether a run is open; one whose training was left without a word is ended now."""
        if self._watch is not None:
            self._watch.look()
        return self.live is not None

    def end(self, outcome: Outcome = "completed") -> None:
        """End the phase and the run that are open."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        self.go_over_to(None)
        if self.run is not None:
            self.run.stop(outcome)

    def end_forgotten(self) -> None:
        """End a run whose training ended without a word."""
        if self._watch is not None:
            self._watch.look()
        if self.run is not None:
            self.end("failed")
        self._phase = None

    def go_over_to(self, phase: str | None) -> None:
        """End the phase that is open, if one is, and begin another; one of the same name goes on."""
        if self._phase is not None:
            if phase == self._phase_name:
                return
            self._phase.__exit__(None, None, None)
            self._phase = None
        self._phase_name = phase
        if phase is not None and self.live is not None:
            self._phase = self.live.phase(phase)
            self._phase.__enter__()

    def sum_up(self, ranks: int = 1) -> dict[str, float]:
        """What all ranks and earlier runs used, for a logger, once the run of the first rank has ended; fills the card.

        Args:
            ranks: how many there are.

        Returns:
            `footprint_energy_kwh` and `footprint_emissions_g`, as far as they are known.
        """
        run, told = self.run, Whole(runs=())
        if run is None or not run.is_over or not run.is_recorded or run.is_inert:
            return {}
        try:
            told = whole(run.id, self.earlier, ranks)
        except FootprintError as error:
            run.warn(f"the training was not summed up: {error}")
            return {}
        card = self.settings.card
        if told.missing is not None:
            what = "the training was not summed up" if card is None else "the card was not filled"
            run.warn(f"{what}: {told.missing}; `footprint card fill --run ID … CARD` takes the runs that it is given")
            return {}
        self.summed = told
        if card is not None:
            run.attempt("the card was not filled", fill_card, Path(card), told.runs)
        known = {"footprint_energy_kwh": told.energy_kwh, "footprint_emissions_g": told.emissions_g}
        return {name: value for name, value in known.items() if value is not None}

    # -- One training over several starts ------------------------------------------------------------------------------

    @property
    def continues(self) -> dict[str, Any]:
        """What a checkpoint keeps of the training: its account, and the runs that led to it. Empty while none goes on."""
        return {} if self.live is None else {"account": self.live.account, "runs": [*self.earlier, self.live.id]}

    def take_up(self, word: object) -> str | None:
        """Go on from a checkpoint that holds `continues`; the account, where it tells one."""
        self.earlier = []
        account = word.get("account") if isinstance(word, dict) else None
        if not isinstance(word, dict) or not isinstance(account, str) or not account.strip():
            return None
        runs = word.get("runs")
        told = [run for run in runs if isinstance(run, str) and _RUN_ID.fullmatch(run)] if isinstance(runs, list) else []
        self.earlier = list(dict.fromkeys(told))[-_EARLIER_LIMIT:]
        return account

    def warn(self, message: str) -> None:
        """Keep a warning in the run; without one, tell it once in a process."""
        if self.run is not None:
            self.run.warn(message)
        elif message not in _told:
            _told.add(message)
            _log.warning("footprint: the training is not recorded: %s", message)


class Callback(Protocol):
    """A callback of a framework that holds a training."""

    _training: Training


E = TypeVar("E", bound=Callable[..., None])


def harmless(event: E) -> E:
    """An event of a `Callback` in which whatever goes wrong is a warning: no training must end for want of its measurement."""

    @functools.wraps(event)
    def guarded(self: Callback, *args: Any, **more: Any) -> None:
        try:
            event(self, *args, **more)
        except Exception as error:  # noqa: BLE001 - as said: no defect of ours may end the training
            self._training.warn(f"{event.__name__}: {type(error).__name__}: {error}")

    return guarded  # type: ignore[return-value]  # the same but for the names of its arguments


def rank_labels(rank: int, ranks: int) -> dict[str, str]:
    """Which rank this is, and what all ranks of the training, and no other training at the same time, have in common."""
    if ranks <= 1:
        return {}
    meeting = "|".join(os.environ.get(name, "") for name in ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID"))
    common = hashlib.blake2b(meeting.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return {"rank": str(rank), "world_size": str(ranks), LABEL: common}


def _left(run: TrackedRun, error: BaseException | None) -> None:
    """A training was left without a word: by an exception, even where that has been handled and forgotten since."""
    run.stop("failed" if error is None else outcome_of(error))
