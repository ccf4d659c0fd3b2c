"""Whole cards as people write them: nothing is found in those that are right, each mistake in the others, and its mend holds.

`right.txt` and `wrong.txt` hold the cards, each below a line `=== name`. In `wrong.txt` lines that begin with `% ` say what is
to be found (`code severity | words of its line | words of its message`) and how a person who follows the advice mends the card
(`old ==> new`); `\\|` is a bar and `<br>` the end of a line.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from footprint.card import read_card
from footprint.card.check import check
from footprint.model import Finding
from tests.card.check.claimed import TODAY

FOLDER = Path(__file__).parent


class Mistake(NamedTuple):
    """A finding that is expected: its code and severity, words of the line it stands on, words of its message."""

    code: str
    severity: str
    line: str
    message: str


class Wrong(NamedTuple):
    """A card with mistakes, and what mends it."""

    text: str
    mistakes: list[Mistake]
    mends: list[tuple[str, str]]


def parts(name: str) -> dict[str, str]:
    found = re.findall(r"^=== (.+)\n((?:(?!=== ).*\n)*)", (FOLDER / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert len({title for title, _ in found}) == len(found)
    return dict(found)


def wrong(part: str) -> Wrong:
    mistakes, mends = [], []
    while part.startswith("% "):
        head, _, part = part.removeprefix("% ").partition("\n")
        if " ==> " in head:
            old, new = head.replace("\\|", "|").replace("<br>", "\n").split(" ==> ")
            mends.append((old, new))
        else:
            said, line, message = (piece.replace("\\|", "|") for piece in re.split(r" (?<!\\)\| ", head))
            code, severity = said.split()
            mistakes.append(Mistake(code, severity, line, message))
    return Wrong(part, mistakes, mends)


def found_in(text: str) -> list[Finding]:
    return list(check(read_card(text.encode()), today=TODAY))


RIGHT = parts("right.txt")
WRONG = {name: wrong(part) for name, part in parts("wrong.txt").items()}


def test_there_are_enough() -> None:
    assert len(RIGHT) >= 60
    assert len(WRONG) >= 40


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_found_in_a_card_that_is_right(name: str) -> None:
    assert found_in(RIGHT[name]) == []


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_found_where_it_stands_and_only_it(name: str) -> None:
    one = WRONG[name]
    found = found_in(one.text)
    for mistake in one.mistakes:
        told = [finding for finding in found if finding.code == mistake.code and mistake.message in finding.message]
        assert told, found
        assert told[0].line is not None
        assert mistake.line in one.text.split("\n")[told[0].line - 1]
        assert told[0].severity == mistake.severity
    assert {finding.code for finding in found} == {mistake.code for mistake in one.mistakes}
    for finding in found:
        assert finding.fix
        assert not re.search(r"\n|\b(?:nan|inf|None)\b", f"{finding.message} {finding.fix} {finding.expected or ''}")


@pytest.mark.parametrize("name", WRONG)
def test_who_follows_the_advice_has_a_card_that_is_right(name: str) -> None:
    text = WRONG[name].text
    assert WRONG[name].mends
    for old, new in WRONG[name].mends:
        assert old in text
        text = text.replace(old, new)
    assert found_in(text) == []
