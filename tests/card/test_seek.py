"""Short marks are found where a plain search finds them, also in texts in which their rare byte is everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.card.parts.seek import seek

MARKS = [(b"<!--", 1), (b"```", 0), (b"-->", 2), (b"\xef\xbc\x9a", 0)]


@given(st.lists(st.sampled_from([b"<", b"!", b"-", b">", b"`", b"\xef\xbc\x9a", b"x", b"!" * 150])), st.integers(0, 40))
def test_finds_what_a_plain_search_finds(parts: list[bytes], start: int) -> None:
    raw = b"".join(parts)
    for mark, rare in MARKS:
        assert seek(raw, mark, rare, start) == raw.find(mark, start)


@pytest.mark.parametrize(("mark", "rare"), MARKS)
def test_finds_a_mark_after_many_of_its_rare_byte(mark: bytes, rare: int) -> None:
    byte = mark[rare : rare + 1]
    raw = (byte + b" ") * 1000 + mark
    assert seek(raw, mark, rare) == raw.find(mark)
    assert seek(raw, mark, rare) >= 0
