"""Front matter of many entries: judged together as each would be alone, and bounded in what it may cost."""

from __future__ import annotations

import pytest

from footprint.card import fill, read_card
from footprint.card.parts import nodes
from tests.benchmarks.filling import content


def _card(entries: str) -> bytes:
    return f"---\n{entries}---\n# Tide\n".encode()


def _quoted(count: int) -> str:
    return "".join(f'key_{number}: "value: {number}"\n' for number in range(count))


def test_many_entries_that_parse_alone_are_edited_and_proved() -> None:
    card = read_card(_card(_quoted(1000)))
    assert card.yaml.alone
    plan = fill(card, content())
    assert plan.after.startswith(b"---\n" + _quoted(1000).encode() + b"co2_eq_emissions:\n")


@pytest.mark.parametrize(
    "broken",
    [
        'a: "it goes on\nb: and ends"\n',
        "a: [1,\nb: 2]\n",
        'a: "never ends\n',
        "a: &x 1\nb: *x\n",
        'a: "1"\na: "2"\n',
        "a: [x, y?]\n",
    ],
)
def test_many_entries_of_which_one_is_not_sound_alone_are_read_as_a_whole(broken: str) -> None:
    before, after = _quoted(400), _quoted(400).replace("key", "other")
    card = read_card(_card(before + broken + after))
    assert not card.yaml.alone


def test_front_matter_of_too_many_values_is_left_alone_and_the_body_filled() -> None:
    raw = _card(_quoted(nodes.MAX_NODES))
    card = read_card(raw)
    assert card.problems == ("line 10002: the front matter holds more than 20,000 keys and values, and is left alone",)
    plan = fill(card, content())
    assert plan.after.startswith(raw)
    assert any("co2_eq_emissions was not written" in note for note in plan.notes)
    assert b"**Hardware Type:** 8 x A100" in plan.after


def test_what_only_the_slow_parser_can_judge_is_left_alone_where_it_is_long() -> None:
    items = "".join(f'- text: "what is [{number % 2}] for?"\n' for number in range(2000))
    raw = _card(f"widget:\n{items}")
    card = read_card(raw)
    assert card.problems[0].startswith("line 2: the front matter is too long for what is in it")
    assert fill(card, content()).after.startswith(raw)


def test_a_last_entry_of_many_that_ends_in_a_block_of_text_keeps_its_end() -> None:
    last = "note: |\n  of the tide"
    card = read_card(_card(f"{_quoted(400)}{last}\n"))
    after = fill(card, content()).after
    assert card.yaml.alone
    assert after.index(b"co2_eq_emissions") < after.index(b"note: |")


def test_an_entry_of_ours_with_very_many_values_is_told_and_left_alone() -> None:
    raw = b"---\nco2_eq_emissions:\n" + b"".join(b"  k%d: %d\n" % (n, n) for n in range(30_000)) + b"---\n# A card\n"
    card = read_card(raw)
    assert "holds more than" in card.problems[0]
    plan = fill(card, content())
    assert plan.after.startswith(raw[: raw.index(b"# A card")]), "the front matter is as it was"
    assert b"Hardware Type" in plan.after
