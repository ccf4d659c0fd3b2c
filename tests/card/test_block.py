"""Our blocks: one a subject, and in each what a person wrote stays line by line while ours are renewed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.card import Card, CardContent, FillPlan, fill, read_card
from footprint.card.filling.entries import entries_of, merge, signatures
from footprint.card.parts.block import block_about, group_digest
from footprint.errors import CardError
from tests.card.laws import check_laws
from tests.card.samples import CORPUS, run_content

TEMPLATE = (CORPUS / "template.md").read_bytes()
LINES = ("Energy: 440 kWh.", "Emissions: 153 kg.", "Note: the host was assumed.", "Source: a paper.")


def content(*lines: str, about: str = "training", runs: tuple[str, ...] = ("r1",), **known: object) -> CardContent:
    return CardContent(about=about, fields={}, lines=lines or LINES, runs=runs, factors_version="2026.11", **known)  # type: ignore[arg-type]  # tests name subjects in words


def filled(*lines: str) -> bytes:
    return fill(read_card(TEMPLATE), content(*lines)).after


def body(raw: bytes, about: str = "training") -> list[str]:
    """The list of a block, without its introduction."""
    block = block_about(read_card(raw).blocks, about)  # type: ignore[arg-type]  # as above
    assert block is not None
    return block.body.decode().splitlines()[2:]


def refilled(raw: bytes, *lines: str, overwrite: bool = False) -> FillPlan:
    return check_laws(raw, content(*lines), overwrite=overwrite)


NEWER = ("Energy: 880 kWh.", "Emissions: 306 kg.", "Note: the host was assumed.", "Source: a paper.")


def test_our_own_lines_are_renewed() -> None:
    plan = refilled(filled(), *NEWER)
    assert body(plan.after) == [f"- {line}" for line in NEWER]
    assert not plan.kept


def test_a_line_that_a_person_changed_stays_and_the_others_are_renewed() -> None:
    edited = filled().replace(b"- Emissions: 153 kg.", b"- Emissions: 150 kg, by our own meter.")
    plan = refilled(edited, *NEWER)
    assert body(plan.after) == [
        "- Energy: 880 kWh.",
        "- Emissions: 150 kg, by our own meter.",
        "- Note: the host was assumed.",
        "- Source: a paper.",
    ]
    (kept,) = plan.kept
    assert (kept.field, kept.value, kept.known) == ("block", "- Emissions: 150 kg, by our own meter.", "- Emissions: 306 kg.")
    assert edited.splitlines()[kept.line - 1] == b"- Emissions: 150 kg, by our own meter."
    assert kept.reason == "changed by a person since we wrote it"


def test_a_line_that_a_person_added_stays_where_it_is() -> None:
    edited = filled().replace(b"- Note:", b"- We thank the centre.\n  It paid for it.\n- Note:")
    plan = refilled(edited, *NEWER)
    assert body(plan.after)[1:5] == [
        "- Emissions: 306 kg.",
        "- We thank the centre.",
        "  It paid for it.",
        "- Note: the host was assumed.",
    ]
    assert [kept.reason for kept in plan.kept] == ["added to the block by a person"]


def test_a_line_that_a_person_took_out_stays_out() -> None:
    edited = filled().replace(b"- Note: the host was assumed.\n", b"")
    plan = refilled(edited, *NEWER)
    assert "- Note: the host was assumed." not in body(plan.after)
    assert [(kept.value, kept.known) for kept in plan.kept] == [("", "- Note: the host was assumed.")]
    again = refilled(plan.after, *LINES)
    assert "- Note: the host was assumed." not in body(again.after), "nor does it come back with the next fill"


def test_an_added_line_outlives_the_line_that_it_followed() -> None:
    edited = filled().replace(b"- Note: the host was assumed.", b"- Note: the host was assumed.\n- Ours.")
    plan = refilled(edited, "Energy: 880 kWh.")
    assert body(plan.after) == ["- Energy: 880 kWh.", "- Ours."]


def test_a_paragraph_of_a_person_keeps_its_blank_line() -> None:
    edited = filled().replace(b"- Source: a paper.", b"- Source: a paper.\n\nWritten by hand.")
    plan = refilled(edited, *NEWER)
    assert body(plan.after)[-3:] == ["- Source: a paper.", "", "Written by hand."]


def test_blank_lines_alone_are_no_ones_words() -> None:
    edited = filled().replace(b"- Note:", b"\n\n- Note:")
    plan = refilled(edited, *NEWER)
    assert body(plan.after) == [f"- {line}" for line in NEWER]
    assert not plan.kept


def test_overwrite_replaces_a_persons_words_and_names_them() -> None:
    edited = filled().replace(b"Emissions: 153 kg.", b"Emissions: none of your business.")
    plan = refilled(edited, *NEWER, overwrite=True)
    assert body(plan.after) == [f"- {line}" for line in NEWER]
    (change,) = [change for change in plan.changed if change.field == "block"]
    assert "none of your business" in change.before
    assert "306 kg" in change.after


def test_a_block_of_an_earlier_version_that_was_edited_stays_whole() -> None:
    card = filled()
    start, end = card.index(b" lines="), card.index(b" digest=")
    older = (card[:start] + card[end:]).replace(b"440 kWh", b"441 kWh")
    plan = refilled(older, *NEWER)
    assert "- Energy: 441 kWh." in body(plan.after)
    assert "- Emissions: 153 kg." in body(plan.after)
    assert [kept.reason for kept in plan.kept] == ["the block's text was edited by a person"]


def test_names_of_entries_do_not_hang_on_their_numbers() -> None:
    def names(*lines: str) -> list[str]:
        return [entry.name for entry in entries_of("\n".join(f"- {line}" for line in lines).encode())]

    assert names("Energy: 1 kWh.", "Note: a b c.", "Note: d e f.") == names("Energy: 2 kWh.", "Note: a b c.", "Note: d e f.")
    assert len(set(names("Note: x 1.", "Note: x 2.", "42", "漢字"))) == 4


def test_too_many_entries_are_not_told_apart() -> None:
    many = entries_of(b"\n".join(b"- line %d" % n for n in range(300)))
    assert merge(signatures(many), many, many, b"\n") is None


HANDS = st.sampled_from(
    [
        "- Energy: 440 kWh.",
        "- by hand",
        "words",
        "",
        "  - inner",
        "- Note: the host was assumed.",
        "- **Hours used:** 3",
        "| a | b |",
        "> q",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    written=st.sampled_from([LINES, NEWER, ("Energy: 1.", "\tinner", "Note: x.")]),
    newer=st.sampled_from([LINES, NEWER, ("Energy: 1.",), ("Energy: 2.", "\tinner", "\tsecond")]),
    edits=st.lists(st.tuples(st.integers(0, 9), st.booleans(), HANDS), min_size=1, max_size=5),
    eol=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_a_person_did_to_a_block_stays_and_is_settled_at_once(
    written: tuple[str, ...], newer: tuple[str, ...], edits: list[tuple[int, bool, str]], eol: str
) -> None:
    raw = filled(*written)
    block = read_card(raw).block
    assert block is not None
    lines = block.body.decode().splitlines()
    ours = {line.strip() for line in lines}
    for at, replaces, line in edits:
        lines[at : at + replaces] = [line]
    by_hand = f"\n{eol.join(lines)}\n".encode()
    edited = raw[: block.header_end] + by_hand + raw[block.end - len(b"<!-- footprint:end -->") :]
    first = fill(read_card(edited), content(*newer)).after
    assert fill(read_card(first), content(*newer)).after == first
    left = {line.strip() for line in read_card(first).block.body.decode().splitlines()}  # type: ignore[union-attr]  # it has one
    assert {line.strip() for line in lines} - ours <= left


# -- Several blocks ---------------------------------------------------------------------------------------------------


def fields_of(card: Card) -> dict[str, str | None]:
    return {name: claim.value if claim is not None else None for name, claim in card.fields.items()}


def test_use_of_the_model_touches_neither_fields_nor_front_matter() -> None:
    before = fill(read_card(TEMPLATE), content(runs=("r1",))).after
    plan = check_laws(before, content("Per 1,000 requests: 1 kWh.", about="inference", runs=("s1",)))
    old, new = read_card(before), read_card(plan.after)
    assert [(block.about, block.header["runs"]) for block in new.blocks] == [("training", "r1"), ("inference", "s1")]
    assert fields_of(new) == fields_of(old)
    assert new.document.raw[: new.document.front_matter.body] == old.document.raw[: old.document.front_matter.body]  # type: ignore[union-attr]  # the template has one
    assert old.blocks[0].body == new.blocks[0].body
    # And the other way round: what is known of the training leaves the other block alone.
    last = check_laws(plan.after, content(*NEWER))
    assert body(last.after, "inference") == body(plan.after, "inference")


@pytest.mark.parametrize("name", ["template.md", "plain.md", "no_section.md", "older.md"])
def test_use_of_the_model_finds_its_place_in_any_card(name: str) -> None:
    raw = (CORPUS / name).read_bytes()
    use = content("Per 1,000 requests: 1 kWh.", about="inference")
    plan = check_laws(raw, use)
    card = read_card(plan.after)
    assert [block.about for block in card.blocks] == ["inference"]
    assert {k: v for k, v in fields_of(card).items() if v} == {k: v for k, v in fields_of(read_card(raw)).items() if v}
    assert not plan.changed
    assert not plan.unknown
    # The training still finds the section, and goes above it or beside it.
    both = check_laws(plan.after, content())
    assert {block.about for block in read_card(both.after).blocks} == {"training", "inference"}


def test_an_account_of_both_writes_both() -> None:
    both = content(beside=(content("Per 1,000 tokens: 1 Wh.", about="inference"), content("Took 1 kWh.", about="evaluation")))
    plan = check_laws(TEMPLATE, both)
    assert [block.about for block in read_card(plan.after).blocks] == ["training", "inference", "evaluation"]


def test_two_blocks_of_one_subject_are_refused() -> None:
    raw = filled()
    block = read_card(raw).block
    assert block is not None
    with pytest.raises(CardError, match="a second one of the footprint blocks about training"):
        read_card(raw + b"\n" + raw[block.start : block.end] + b"\n")


def test_a_line_of_marks_costs_no_more_than_its_length() -> None:
    card = read_card(b"<!-- footprint:begin " * 200_000)
    assert card.blocks == ()


def test_a_groups_name_is_one_whatever_its_case_and_spaces() -> None:
    assert group_digest("DALL·E  Mini") == group_digest("dall·e mini") != group_digest("dall·e mega")
    assert group_digest(None) == ""


@pytest.mark.parametrize("header", [b"digest=\x80", b"lines=\x80:\xff,a--b:1 digest=x", b"digest=", b"digest=\xe2\x80\xae"])
def test_a_header_of_no_text_settles_at_once(header: bytes) -> None:
    raw = b"# T\n\n<!-- footprint:begin " + header + b" -->\n- Mine.\n<!-- footprint:end -->\n"
    plan = check_laws(raw, run_content())
    assert b"- Mine." in plan.after
