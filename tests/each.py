"""One test of many values: thousands of quick ones cost more as tests of their own than the code that they try."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Value = TypeVar("Value")


def each(values: Iterable[Value], name: Callable[[Value], object]) -> Callable[[Callable[[Value], None]], Callable[[], None]]:
    """Try a check with every value, in one test; all that fail are told by their names.

    Args:
        values: what to try it with.
        name: what a value is called where it fails.
    """

    def tried(check: Callable[[Value], None]) -> Callable[[], None]:
        def test() -> None:
            failed: list[Exception] = []
            for value in values:
                try:
                    check(value)
                except (AssertionError, Exception) as error:  # noqa: BLE001 - whatever it is, it is told
                    error.add_note(f"with {name(value)}")
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} of the values", failed)

        test.__name__, test.__doc__, test.__module__ = check.__name__, check.__doc__, check.__module__
        return test

    return tried
