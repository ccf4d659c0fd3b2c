"""`repeats`: the loop of a program whose work is measured.

::

    from footprint.profiling import repeats

    model = load()  # what comes before the loop is not measured
    for repeat in repeats():
        with repeat:
            model.encode(sentences)
            repeat.count(sentences=len(sentences))

Under `footprint profile` each repeat is a run of the ledger, and the engine decides when there are enough. Alone the program
repeats its work a few times, and nothing is measured.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Self

from footprint.errors import ConfigError
from footprint.profiling import conditions, words

if TYPE_CHECKING:
    from types import TracebackType

    from footprint.tracking import TrackedRun

ALONE: Final = 3
"""Repeats without an engine."""
_LATE: Final = "work was counted after the `with`: the result has it, the runs of the ledger, and cards from them, do not"


class Repeat:
    """One repeat of the work: what stands in its `with` is measured.

    Attributes:
        number: from 0, warm-ups included.
        is_warmup: whether it is not measured.
    """

    def __init__(self, number: int, welcome: words.Welcome | None, *, is_warmup: bool) -> None:
        self.number, self.is_warmup = number, is_warmup
        self._welcome = welcome
        self._run: TrackedRun | None = None
        self._work: dict[str, float] = {}
        self._notes: dict[str, float] = {}
        self._before: conditions.Conditions | None = None
        self._after: conditions.Conditions | None = None
        self._start_s = self._end_s = math.nan
        self._warnings: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        if self._before is not None:
            raise ConfigError("a repeat is entered twice; each turn of the loop has a repeat of its own")
        self._before = conditions.read()
        if self._welcome is not None and not self.is_warmup:
            from footprint.tracking import track

            told = self._welcome
            self._run = track(told.name, kind=told.kind, region=told.region, zone=told.zone, pue=told.pue).begin()
        self._start_s = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end_s = time.monotonic()
        if self._run is not None:
            if self._work:
                self._run.count(**self._work)
            self._run.stop(self._run.outcome_of(error))
        self._after = conditions.read()

    def count(self, **work: float) -> None:
        """Say what this repeat did: `repeat.count(sentences=1000)`; several are added up.

        Called inside the `with`, the ledger's run has it too, which cards need for what a thousand units take.

        Raises:
            ConfigError: for what is not a finite number above zero.
        """
        if self._after is not None and self._run is not None:
            self._warnings = (_LATE,)
        for unit, amount in work.items():
            self._work[unit] = self._work.get(unit, 0.0) + _number("count", unit, amount, least=0.0)

    def note(self, **numbers: float) -> None:
        """Keep numbers beside the repeat's own: `repeat.note(loss=0.31)`.

        Raises:
            ConfigError: for what is not a finite number.
        """
        self._notes |= {name: _number("note", name, value) for name, value in numbers.items()}

    def _done(self) -> words.Done:
        if self._before is None or self._after is None:
            raise ConfigError("a repeat was not measured: write `with repeat:` around the work in the loop over repeats()")
        run = self._run
        return words.Done(
            run=run.id if run is not None and run.is_recorded else "",
            journal=str(run.journal) if run is not None and run.journal else None,
            duration_s=self._end_s - self._start_s,
            work=self._work,
            notes=self._notes,
            before=self._before,
            after=self._after,
            warnings=(*(run.facts.warnings if run is not None else ()), *self._warnings),
            versions=run.facts.versions if run is not None else {},
        )


_engines: Final[list[_Engine]] = []


def repeats(alone: int = ALONE) -> Iterator[Repeat]:
    """Turn by turn, as many of them as whoever measures the work wants; without a measurement a few.

    Args:
        alone: how often where nobody measures it.

    Raises:
        ConfigError: where it is called twice while being measured, or a turn of the loop has no `with repeat:`.
    """
    where = os.environ.get(words.SOCKET_VARIABLE)
    if not where:
        for number in range(alone):
            yield Repeat(number, None, is_warmup=False)
        return
    if _engines:
        raise ConfigError("repeats() is called twice in one program: what it repeats would be two kinds of work")
    engine = _Engine(where)
    _engines.append(engine)
    welcome = engine.welcome
    number, more = 0, True
    while more:
        repeat = Repeat(number, welcome, is_warmup=number < welcome.warmup)
        yield repeat
        more = engine.tell(repeat._done())  # noqa: SLF001 - the other half of the same thing
        number += 1


class _Engine:
    """The engine at the other end. Where it has gone, no more repeats are wanted."""

    def __init__(self, where: str) -> None:
        import msgspec

        self._decode = msgspec.json.Decoder(words.Welcome | words.Answer).decode
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(where)
        except OSError as error:
            raise ConfigError(
                f"{words.SOCKET_VARIABLE} names no profile that is being measured ({error.strerror or error}); unset it"
            ) from None
        self._file = self._socket.makefile("rb")
        self.welcome: words.Welcome = self._ask(words.Hello(pid=os.getpid()))

    def tell(self, done: words.Done) -> bool:
        """Say what a repeat gave; whether another one is wanted."""
        try:
            answer = self._ask(done)
        except ConfigError:
            return False
        return bool(answer.more)

    def _ask(self, word: Any) -> Any:
        try:
            self._socket.sendall(words.line(word))
            said = self._file.readline(words.MOST_BYTES)
        except OSError:
            said = b""
        if not said:
            raise ConfigError("whoever measured this profile has gone")
        return self._decode(said)


def _number(what: str, name: str, value: object, least: float = -math.inf) -> float:
    from footprint.recorder.active import finite

    number = finite(value)
    if number is None or number <= least:
        raise ConfigError(f"repeat.{what}({name}={value!r}) is not a finite number{' above zero' if least == 0 else ''}")
    return number
