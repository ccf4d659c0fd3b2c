"""What a signal handler of the program raises while it interrupts us is the program's own, and must reach it."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any


def pass_on(error: BaseException) -> None:
    """Raise what a signal handler has raised, if that, or what it became on its way, is this error; else do nothing."""
    codes: set[CodeType] | None = None
    seen: BaseException | None = error
    while seen is not None:
        trace = seen.__traceback__
        while trace is not None:
            if codes is None:
                codes = set(_handlers())
            if trace.tb_frame.f_code in codes:
                raise seen
            trace = trace.tb_next
        seen = seen.__cause__ or seen.__context__


def _handlers() -> Iterator[CodeType]:
    """The code of the program's signal handlers."""
    import signal

    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        handler = getattr(handler, "func", handler)  # of a functools.partial
        for function in (handler, getattr(type(handler), "__call__", None)):  # noqa: B004 - its code is looked for, it is not called
            code = getattr(function, "__code__", None)  # that of a method is its function's
            if isinstance(code, CodeType):
                yield code
