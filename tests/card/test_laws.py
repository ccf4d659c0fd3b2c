"""The laws find what breaks them: plans that are wrong by one thing, each found by its law."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from footprint.card import FillPlan, fill, read_card
from footprint.card.parts.edits import Edit
from tests.card import laws, readers
from tests.card.laws import BrokenLawError
from tests.card.samples import CORPUS, other_content, run_content

TEMPLATE = (CORPUS / "template.md").read_bytes()
PERSON = (CORPUS / "person.md").read_bytes()


def planned(raw: bytes = TEMPLATE) -> FillPlan:
    return fill(read_card(raw), run_content())


def with_edit(plan: FillPlan, old: bytes, new: bytes) -> FillPlan:
    """A plan that also replaces some bytes of the card: a fill that does more than it should."""
    start = plan.before.index(old)
    edits = tuple(sorted([*plan.edits, Edit(start=start, end=start + len(old), new=new)], key=lambda edit: edit.start))
    rest, end = [], 0
    for edit in edits:
        rest += [plan.before[end : edit.start], edit.new]
        end = edit.end
    return msgspec.structs.replace(plan, edits=edits, after=b"".join([*rest, plan.before[end:]]))


def written(plan: FillPlan, old: bytes, new: bytes) -> FillPlan:
    """A plan that writes something else than it says."""
    edits = tuple(Edit(start=e.start, end=e.end, new=e.new.replace(old, new)) for e in plan.edits)
    return msgspec.structs.replace(plan, edits=edits, after=plan.after.replace(old, new))


WRONG: dict[str, tuple[str, Callable[[], FillPlan], bytes]] = {
    "a byte elsewhere": ("bytes", lambda: msgspec.structs.replace(planned(), after=planned().after + b" "), TEMPLATE),
    "a line end of another kind": ("line ends", lambda: written(planned(), b"\n- Energy", b"\r\n- Energy"), TEMPLATE),
    "a new line end": ("line ends", lambda: with_edit(planned(), b"Ten years", b"Ten\r\nyears"), TEMPLATE),
    "another key's value": ("other keys", lambda: with_edit(planned(), b"version: 1.10", b"version: 1.2"), TEMPLATE),
    "another key's type": ("other keys", lambda: with_edit(planned(), b"answer: no", b"answer: 'no'"), TEMPLATE),
    "the order of keys": (
        "other keys",
        lambda: with_edit(planned(), b"answer: no\nversion: 1.10", b"version: 1.10\nanswer: no"),
        TEMPLATE,
    ),
    "an exponent": ("emissions", lambda: written(planned(), b"emissions: 153000", b"emissions: 1.53e5"), TEMPLATE),
    "kilograms": ("emissions", lambda: written(planned(), b"emissions: 153000", b"emissions: 153"), TEMPLATE),
    "a person's words": ("a person's words", lambda: with_edit(planned(PERSON), b"31 hours", b"100 hours"), PERSON),
    "a person's metadata": ("a person's words", lambda: with_edit(planned(PERSON), b"emissions: 4200", b"emissions: 42"), PERSON),
    "what is not written": ("reads back", lambda: written(planned(), b"100 h wall-clock (", b"101 h wall-clock ("), TEMPLATE),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_plan_that_is_wrong_is_found(name: str) -> None:
    law, plan, raw = WRONG[name]
    laws.check_plan(read_card(raw), planned(raw), run_content())
    with pytest.raises(BrokenLawError) as caught:
        laws.check_plan(read_card(raw), plan(), run_content())
    assert caught.value.law == law


def test_what_is_known_and_not_said_is_found() -> None:
    silent = msgspec.structs.replace(planned(), before=TEMPLATE, after=TEMPLATE, edits=(), changed=(), notes=())
    with pytest.raises(BrokenLawError, match="left unsaid"):
        laws.check_plan(read_card(TEMPLATE), silent, run_content())


def test_a_page_that_is_torn_is_found() -> None:
    raw = b"# T\n\nOne\n\nTwo\n\n```\ncode\n```\n"
    at = raw.index(b"\nTwo")
    for place, new, found in (
        (at, b"---", "gone or elsewhere"),  # an underline makes a heading of the paragraph above
        (at, b"<!-- open\n", "gone or elsewhere"),
        (raw.index(b"code"), b"x\n", "in code"),
    ):
        after = raw[:place] + new + raw[place:]
        plan = FillPlan(edits=(Edit(start=place, end=place, new=new),), before=raw, after=after)
        with pytest.raises(BrokenLawError, match=found):
            laws.page_is_kept(plan)
    whole = FillPlan(edits=(Edit(start=at, end=at, new=b"\nNew\n"),), before=raw, after=raw[:at] + b"\nNew\n" + raw[at:])
    laws.page_is_kept(whole)


def test_values_that_nobody_sees_are_found() -> None:
    plan = planned()
    laws.values_are_seen(plan)
    hidden = plan.after.replace(
        b"- **Hours used:** 100 h wall-clock (800 device-hours)", b"<!-- 100 h wall-clock (800 device-hours) -->"
    )
    with pytest.raises(BrokenLawError, match="not on the page"):
        laws.values_are_seen(msgspec.structs.replace(plan, after=hidden))


def test_traces_of_an_earlier_account_are_found() -> None:
    first, both = planned(), fill(read_card(planned().after), other_content())
    alone = fill(read_card(TEMPLATE), other_content())
    laws.replaced_wholly(TEMPLATE, alone, both, run_content(), other_content())
    left = msgspec.structs.replace(both, after=both.after.replace(b"# Citation", b"Amazon Web Services (AWS)\n\n# Citation"))
    with pytest.raises(BrokenLawError, match="no trace"):
        laws.replaced_wholly(TEMPLATE, alone, left, run_content(), other_content())
    with pytest.raises(BrokenLawError, match="replaced wholly"):
        laws.replaced_wholly(TEMPLATE, alone, first, run_content(), other_content())


@pytest.mark.parametrize("mark", ["\ufeff", "\u00a0", "\u2028", "\ufeff\u3000", "\n\t "])
def test_other_readers_see_front_matter_as_the_hub_does(mark: str) -> None:
    raw = f"{mark}---\na: 1\n---\n# T\n".encode()
    front = readers.front_of(raw)
    assert front is not None
    assert front.text == "a: 1"
    assert readers.yaml_others(raw) == [("'a'", "1")]
    assert [piece.text for piece in readers.page(raw)] == ["T"]
