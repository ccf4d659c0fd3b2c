from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.ledger.records import Marked, NewerRecordError, Work, line_of, record_of, salvage

TEXTS = st.text(max_size=30)


@given(TEXTS, st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 10**9))
def test_a_record_comes_back_as_it_was_written(name: str, t_s: float, seq: int) -> None:
    line = line_of(Marked(run="r", key=1, name=name.encode("utf-8", "ignore").decode(), t_s=t_s), "j", seq)
    back = record_of(line[:-1])
    assert isinstance(back, Marked)
    assert (back.journal, back.seq, back.v, back.t_s) == ("j", seq, 1, t_s)


def test_a_line_is_plain_json_that_ends_in_its_checksum() -> None:
    line = line_of(Work(run="r", t_s=1.0, work={"tokens": 5.0}), "journal", 3)
    fields = json.loads(line)
    assert list(fields)[:4] == ["v", "journal", "seq", "type"]
    assert list(fields)[-1] == "crc"
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert int(fields["crc"], 16) == zlib.crc32(line[: line.rindex(b',"crc"')])


@given(st.data())
def test_a_flipped_bit_is_always_seen(data: st.DataObject) -> None:
    line = line_of(Work(run="r", t_s=1.0, work={"tokens": 5.0}), "journal", 3)[:-1]
    at, bit = data.draw(st.integers(0, len(line) - 1)), data.draw(st.integers(0, 7))
    damaged = line[:at] + bytes([line[at] ^ (1 << bit)]) + line[at + 1 :]
    with pytest.raises(ValueError, match="checksum"):
        record_of(damaged)


def test_a_newer_record_is_told_apart_from_a_damaged_one() -> None:
    for text in (
        b'{"v":2,"journal":"j","seq":1,"type":"unheard-of","x":1',
        b'{"v":3,"journal":"j","seq":1,"type":"tick","runs":9',
    ):
        with pytest.raises(NewerRecordError):
            record_of(text + b',"crc":"%08x"}' % zlib.crc32(text))


def test_lines_glued_together_are_taken_apart() -> None:
    first, second = (line_of(Work(run=name, t_s=1.0, work={}), "j", 1)[:-1] for name in ('x","crc":"0', '{"v":'))
    assert list(salvage(first + second)) == [first, second]
    assert list(salvage(first[:-4] + second)) == [second]
    assert list(salvage(first + second[:9])) == [first]
    assert list(salvage(b'{"v":' * 50)) == []
    odd, plain = (line_of(Work(run="r", t_s=1.0, work=work), "j", 1)[:-1] for work in ({"v": 1.0, "journal": 2.0}, {}))
    assert list(salvage(plain[:-4] + odd + plain)) == [odd, plain]
    assert list(salvage(plain)) == []  # it is no part of itself
