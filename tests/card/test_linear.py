"""Work grows as the card does: counted in calls over two sizes, not timed; and one line of whatever mark comes to an end."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import date
from typing import Any, Final

import pytest

from footprint.card import fill, read_card
from footprint.card.check import check
from footprint.errors import CardError
from tests.benchmarks.hostile import HOSTILE
from tests.card.samples import run_content

TODAY: Final = date(2026, 11, 21)
SMALL: Final = 6_000  # bytes; the other size is four times this
# Per byte as much, with a little for what is sorted, and for caches that hold the small card alone.
GROWTH: Final = 1.35
GROWING: Final = sorted(name for name, hostile in HOSTILE.items() if not hostile.is_refused)


def work(raw: bytes) -> None:
    """What `card fill`, `card check` and `card show` ask of a card."""
    with suppress(CardError):
        fill(read_card(raw), run_content())
    with suppress(CardError):
        card = read_card(raw)
        check(card, today=TODAY)
        assert card.evidence is not None


def calls(raw: bytes) -> int:
    """How many functions are called, those of the interpreter among them."""
    count = 0

    def on(_frame: object, event: str, _arg: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(on)
    try:
        work(raw)
    finally:
        sys.setprofile(None)
    return count


def of_size(name: str, size: int) -> bytes:
    """A hostile card of about so many bytes."""
    make = HOSTILE[name].card
    low, high = 1, 2
    while len(make(high)) < size:
        low, high = high, high * 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if len(make(middle)) < size else (low, middle)
    return make(high)


@pytest.mark.parametrize("name", GROWING)
def test_work_grows_as_the_card_does(name: str) -> None:
    work(of_size(name, SMALL // 2))  # imports, and what is made once
    small, large = of_size(name, SMALL), of_size(name, SMALL * 4)
    base = calls(b"# T\n")
    first, second = calls(small) - base, calls(large) - base
    assert second / len(large) <= max(first, 1_000) / len(small) * GROWTH


MARKS: Final = (b" ", b"\t", b"{", b"{{", b"<", b"[", b"(", b"*", b"_", b"-", b"1,", b"|", b":", b"\xc2\xa0", b"\\", b"{%")
BEFORE: Final = (
    b"## Environmental Impact\n- **Hours used:**",
    b"## Environmental Impact\n- **Hours used:** 1\n",
    b"## Environmental Impact\n### Hours used\n",
)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("mark", MARKS)
def test_a_line_of_one_mark_comes_to_an_end(mark: bytes, before: bytes) -> None:
    """What goes back and forth over half a megabyte would take minutes."""
    work(before + mark * (500_000 // len(mark)) + b"x\n")
