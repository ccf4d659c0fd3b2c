"""A little of the fuzz in every run of the tests, and what the fuzz itself is made of."""

from __future__ import annotations

from random import Random

import pytest

from footprint.errors import CardError
from tests.card.laws import BrokenLawError
from tests.fuzz import __main__ as fuzz
from tests.fuzz.cards import make, mutate
from tests.fuzz.trial import Outcome, card_of, judge, reason, run, shrink


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_no_law_is_broken(first: int) -> None:
    outcomes = [run(seed) for seed in range(first, first + 100)]
    assert [(outcome.seed, outcome.what) for outcome in outcomes if outcome.law] == []
    assert sum(outcome.refused is None for outcome in outcomes) > 50, "most cards are filled"


def test_a_seed_is_a_card() -> None:
    assert [card_of(seed) for seed in range(50)] == [card_of(seed) for seed in range(50)]
    assert len({card_of(seed)[0] for seed in range(200)}) > 190


def test_cards_are_of_every_shape() -> None:
    cards = b"\n\n".join(make(Random(seed)) for seed in range(600))
    for shape in (
        b"<table>",
        b"<li>",
        b"| ---",
        b"<details>",
        b"co2_eq_emissions: {",
        b"\r\n",
        b"\xef\xbb\xbf",
        b"@@ -1,1",
        "硬件类型".encode(),
    ):
        assert shape in cards


def test_mutations_change_and_end() -> None:
    card = make(Random(1))
    mutated = [mutate(Random(seed), card, [card]) for seed in range(300)]
    assert sum(one != card for one in mutated) > 250
    assert all(b"\0" not in one for one in mutated)
    assert mutate(Random(3), b"", [b""]) is not None


def test_whatever_is_raised_is_an_outcome() -> None:
    def raising(error: Exception) -> tuple[str | None, str | None, str]:
        def check(_raw: bytes) -> None:
            raise error

        return judge(b"", check)

    assert raising(CardError("the key 'a' stands twice", 3)) == ("the key stands twice", None, "")
    assert raising(BrokenLawError("bytes", "what"))[1] == "bytes"
    assert (raising(KeyError("x"))[1] or "").startswith("raises KeyError in test_fuzz.py")
    assert reason("line 12: more than 250,000 lines (see x)") == "more than N lines"


def test_a_card_is_shrunk_to_what_matters() -> None:
    raw = b"\n".join(b"line %d" % n for n in range(100))
    assert shrink(raw, lambda card: b"42" in card) == b"42"
    assert shrink(b"abc", lambda _: True) == b""


def test_a_broken_law_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    one = Outcome(1, 10, plain=True, refused=None, law="bytes", what="w", seconds=0.1)
    fuzz.report([one, one._replace(law=None, refused="why", plain=False)], 2.0)
    said = capsys.readouterr().out
    assert "2 cards" in said
    assert "laws broken: 1 cards" in said
    assert "refused, mutated: 1 of 1 (100.00 %)" in said
