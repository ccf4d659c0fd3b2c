"""What holds for every card and every fill, checked from outside: by other readers where there are some. Not a test itself.

Each law is a function that raises `BrokenLawError` with the law's name. `check_laws` fills a card once and again,
`check_sequences` fills one card several times; `check_reading` reads, shows and checks it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Final, NoReturn

import msgspec

from footprint.card import Card, CardContent, FillPlan, fill, read_card
from footprint.card.parts.block import safe
from footprint.card.parts.document import BOM
from footprint.card.parts.edits import Edit
from footprint.card.parts.metadata import KEY
from footprint.card.words.labels import is_placeholder
from footprint.errors import CardError
from footprint.model import FIELD_NAMES, Claim, FieldName
from tests.card import readers

TODAY: Final = date(2026, 11, 21)
_ENDS: Final = re.compile(rb"\r\n|\r|\n")


class BrokenLawError(AssertionError):
    """A law, by its name, that does not hold for a card."""

    def __init__(self, law: str, what: object) -> None:
        self.law = law
        super().__init__(f"{law}: {what}"[:1500])


def broken(law: str, what: object) -> NoReturn:
    raise BrokenLawError(law, what)


def check_laws(
    raw: bytes, content: CardContent, *, overwrite: bool = False, group: str | None = None, rendered: bool = True
) -> FillPlan:
    """Fill a card and check what holds for every fill.

    Raises:
        CardError: if the fill is refused.
        BrokenLawError: if a law does not hold.
    """
    before = read_card(raw)
    plan = _fill(before, content, overwrite=overwrite, group=group)
    check_plan(before, plan, content, overwrite=overwrite, group=group)
    if rendered and before.form == "markdown":
        page_is_kept(plan)
        values_are_seen(plan)
    again = _fill(read_card(plan.after), content, overwrite=overwrite, group=group)
    if again.edits or again.after != plan.after or again.changes:
        broken("idempotent", [(edit.start, plan.after[edit.start : edit.end], edit.new) for edit in again.edits])
    return plan


def check_plan(before: Card, plan: FillPlan, content: CardContent, *, overwrite: bool = False, group: str | None = None) -> None:
    """The laws that are seen from one fill's plan."""
    bytes_outside_edits_are_equal(before.raw, plan)
    line_ends_are_the_cards(before.raw, plan)
    after = read_card(plan.after)
    if after.form != before.form:
        broken("form", f"{before.form} became {after.form}")
    if before.form == "markdown":
        other_keys_are_equal(before.raw, plan)
        emissions_are_what_the_hub_reads(plan, content)
    if before.form == "rendered diff":
        a_diff_stays_one(before.raw, plan)
    if content.about != "training":
        only_its_block_changes(before, after)
    if not overwrite and not before.blocks:
        only_nothing_is_replaced(before.raw, plan)
        persons_values_stay(before, after)
    if group is None:
        what_was_written_reads_back(after.fields, plan)
        nothing_is_left_unsaid(before, after, plan, content)
    else:
        what_was_written_reads_back(_group(after, group), plan)
        other_groups_stay(before, after, group)


def bytes_outside_edits_are_equal(raw: bytes, plan: FillPlan) -> None:
    """All bytes but those of the edits are where they were; edits are in order, apart, and each changes something."""
    if plan.before != raw:
        broken("bytes", "the plan starts from other bytes than the card's")
    rest, end = [], 0
    for edit in plan.edits:
        if not end <= edit.start <= edit.end <= len(raw):
            broken("bytes", f"the edit at {edit.start} overlaps the one before it, or lies outside")
        if raw[edit.start : edit.end] == edit.new:
            broken("bytes", f"the edit at {edit.start} changes nothing")
        rest += [raw[end : edit.start], edit.new]
        end = edit.end
    if b"".join([*rest, raw[end:]]) != plan.after:
        broken("bytes", "bytes outside the edits changed")


def line_ends_are_the_cards(raw: bytes, plan: FillPlan) -> None:
    """No line end of another kind comes into a card."""
    had = set(_ENDS.findall(raw)) or {b"\n"}
    new = {end for edit in plan.edits for end in _ENDS.findall(edit.new)}
    if new - had:
        broken("line ends", f"{new} in a card of {had}")
    if len(had) == 1 and set(_ENDS.findall(plan.after)) - had:
        broken("line ends", f"{set(_ENDS.findall(plan.after))} in a card of {had}")


def other_keys_are_equal(raw: bytes, plan: FillPlan) -> None:
    """Every other key has the value, type and place that it had, for PyYAML and for huggingface_hub."""
    first, last = readers.front_of(raw), readers.front_of(plan.after)
    if first is not None and last is not None and first.text == last.text:
        return
    for reader in (readers.yaml_others, readers.hub_others):
        if reader(raw) != reader(plan.after):
            broken("other keys", f"{reader.__name__}: {reader(raw)!r:.600} became {reader(plan.after)!r:.600}")


def emissions_are_what_the_hub_reads(plan: FillPlan, content: CardContent) -> None:
    """Emissions that are written are a number of grams to huggingface_hub, and the same to the Hub's filter by pattern."""
    if not any(change.field == f"{KEY}.emissions" and not change.withdrawn for change in plan.changed):
        return
    expected = float(content.metadata["emissions"])
    data = readers.hub_data(plan.after)
    if isinstance(data, str):  # another key keeps it from loading the card, before as after: then as PyYAML reads it, if it can
        data = {KEY: readers.yaml_ours(plan.after)}
        if data[KEY] is None and isinstance(readers.yaml_others(plan.before), str):
            return
    entry = data.get(KEY)
    found = entry.get("emissions") if isinstance(entry, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float) or found != expected:
        broken("emissions", f"the Hub reads {entry!r}, not {expected!r}")
    assert isinstance(entry, dict)
    for key, value in content.metadata.items():
        written = any(change.field == f"{KEY}.{key}" and not change.withdrawn for change in plan.changed)
        if written and key != "emissions" and entry.get(key) != value:
            broken("emissions", f"the Hub reads {key} as {entry.get(key)!r}, not {value!r}")


def a_diff_stays_one(raw: bytes, plan: FillPlan) -> None:
    """Only lines that a diff adds are edited, and as many lines are there as before."""
    if len(_ENDS.findall(raw)) != len(_ENDS.findall(plan.after)):
        broken("a diff", "lines were added or taken away")
    for old, new in zip(_ENDS.split(raw), _ENDS.split(plan.after), strict=True):
        if old != new and not (old.lstrip().startswith(b"+") and new.startswith(old[: old.index(b"+") + 1])):
            broken("a diff", f"{old!r} became {new!r}")


def only_its_block_changes(before: Card, after: Card) -> None:
    """An account of work that did not make the model leaves the fields, the front matter and the other block alone."""
    if before.layout.section is not None and before.fields != _moved_back(after.fields, before.fields):
        broken("one block", f"{before.fields} became {after.fields}")
    first, last = (readers.front_of(card.raw) for card in (before, after))
    if (first and first.text) != (last and last.text):
        broken("one block", "the front matter changed")
    if before.block is not None and after.block is not None and _text_of(before) != _text_of(after):
        broken("one block", "the block on the training changed")


def _moved_back(now: Mapping[FieldName, Claim | None], was: Mapping[FieldName, Claim | None]) -> dict[FieldName, Claim | None]:
    """Claims with the lines that they had."""
    return {
        name: claim and msgspec.structs.replace(claim, line=old.line if (old := was[name]) else claim.line)
        for name, claim in now.items()
    }


def _text_of(card: Card) -> bytes:
    assert card.block is not None
    return card.document.raw[card.block.start : card.block.end]


def only_nothing_is_replaced(raw: bytes, plan: FillPlan) -> None:
    """Where nothing of ours stands yet, only what says nothing is taken out."""
    for edit in plan.edits:
        gone = raw[edit.start : edit.end].decode("utf-8", "replace")
        if gone.strip() and edit.new.find(raw[edit.start : edit.end]) < 0 and not is_placeholder(gone):
            broken("a person's words", f"{gone!r} gave way to {edit.new!r:.200}")


def persons_values_stay(before: Card, after: Card) -> None:
    """Each value of each group, and each of the front matter, that says something is there as it was."""
    rest = iter(after.groups)
    for was in before.groups:
        said = [(name, claim.value) for name, claim in was.fields.items() if claim is not None and not claim.placeholder]
        # A group may come between the others: that of our own section.
        if not any(all((claim := now.fields[name]) and claim.value == value for name, value in said) for now in rest):
            broken("a person's values", f"{said} is in none of {[one.fields for one in after.groups]}")
    for path, value in _leaves(_mapping(readers.yaml_ours(before.raw))):
        found = dict(_leaves(_mapping(readers.yaml_ours(after.raw))))
        if not _says_nothing(value) and repr(found.get(path)) != repr(value):
            broken("a person's values", f"{KEY}{path} {value!r} became {found.get(path)!r}")


def what_was_written_reads_back(fields: Mapping[FieldName, Claim | None], plan: FillPlan) -> None:
    """Each change that the plan reports is what a reader finds."""
    found: dict[str, Claim | None] = {name: fields[name] for name in FIELD_NAMES}
    for change in plan.changed:
        if change.field not in FIELD_NAMES:
            continue
        claim = found[change.field]
        if claim is None or claim.value != change.after:
            broken("reads back", f"{change.field}: {change.after!r} reads as {claim and claim.value!r}")
        if change.withdrawn != claim.placeholder:
            broken("reads back", f"{change.field}: {change.after!r} is{'' if claim.placeholder else ' not'} a placeholder")


def other_groups_stay(before: Card, after: Card, group: str) -> None:
    """A group that was not named says what it said, placeholders included."""
    old = [
        (one.name, name, claim and claim.value)
        for one in before.groups
        if one.name != group
        for name, claim in one.fields.items()
    ]
    new = [
        (one.name, name, claim and claim.value) for one in after.groups if one.name != group for name, claim in one.fields.items()
    ]
    if old != new:
        broken("other groups", f"{set(old) ^ set(new)} differ where {group!r} was filled")


def _group(card: Card, name: str) -> Mapping[FieldName, Claim | None]:
    return next(one.fields for one in card.groups if one.name == name)


def nothing_is_left_unsaid(before: Card, after: Card, plan: FillPlan, content: CardContent) -> None:
    """What is known of a field is written, or stands there, or is reported as kept or in a note."""
    if content.about != "training":
        return
    said = {change.field for change in plan.changed} | {kept.field for kept in plan.kept}
    for name, value in content.fields.items():
        claim, was = after.fields[name], before.fields[name]
        stands = claim is not None and claim.value in {value, safe(value), *_in_units(content.grams)}
        if name not in said and not stands and not plan.notes:
            broken("left unsaid", f"{name} is known as {value!r}, stands as {claim and claim.value!r}, was {was and was.value!r}")


def _in_units(grams: str) -> set[str]:
    """A mass as the plain numbers that a field states whose label fixes the unit: grams, kilograms, tonnes."""
    return {f"{float(grams) / unit:.12g}" for unit in (1, 1e3, 1e6)} if grams else set()


def page_is_kept(plan: FillPlan) -> None:
    """By a Markdown parser: each piece of the page that no edit touches is still there, in its place; no edit is in code."""
    spans = [_touched(plan.before, edit) for edit in plan.edits]
    ends = {first for first, last in spans if first == last}
    rest = iter(readers.page(plan.after) if spans else ())
    for piece in readers.page(plan.before) if spans else ():
        if any(first < piece.last and piece.first < last for first, last in spans):
            if piece.is_code:
                broken("the page", f"an edit in code: {piece.text!r:.200}")
        elif not any(piece.where == other.where and _is_same(piece, other, ends) for other in rest):
            broken("the page", f"{'/'.join(piece.where)} {piece.text!r:.200} of line {piece.first + 1} is gone or elsewhere")


def _is_same(piece: readers.Piece, other: readers.Piece, ends: set[int]) -> bool:
    """Whether two pieces say the same; a paragraph of fields without bullets goes on where lines are added right after it."""
    return piece.text == other.text or (piece.last in ends and other.text.startswith(piece.text + "\n") and not piece.is_code)


def _touched(raw: bytes, edit: Edit) -> tuple[int, int]:
    """The lines that an edit touches, the last one not included; whole lines that are inserted stand between two."""
    first, last = readers.line_of(raw, edit.start), readers.line_of(raw, edit.end)
    if edit.start == edit.end and (raw[: edit.start] in {b"", BOM} or raw[edit.start - 1 : edit.start] in {b"\n", b"\r"}):
        return first, first
    if edit.start == edit.end and edit.new[:1] in {b"\n", b"\r"} and raw[edit.start : edit.start + 1] in {b"", b"\n", b"\r"}:
        return first + 1, first + 1
    return first, last + 1


def values_are_seen(plan: FillPlan) -> None:
    """A reader of the rendered page sees each value that was written into the body."""
    written = [change.after for change in plan.changed if change.field in FIELD_NAMES]
    if not written:
        return
    shown = readers.seen(plan.after)
    for value in written:
        if readers.letters(value.replace("\\", "")) not in shown:
            broken("seen", f"{value!r} is not on the page")


def check_sequences(
    raw: bytes, first: CardContent, second: CardContent, nothing: CardContent, use: CardContent | None = None
) -> None:
    """What holds for fills one after the other: the later replaces the earlier, and a withdrawal leaves nothing of it.

    `first` and `second` are accounts of training, `nothing` knows nothing, `use` is an account of inference.

    Raises:
        CardError: if a fill of the card as it was is refused.
        BrokenLawError: if a law does not hold; a fill that is refused where the one before was not is one.
    """
    before = read_card(raw)
    # A diff takes no block, so what we wrote into it is a person's from then on: they send it or not.
    if before.block is not None or not before.source.adds_lines:
        return
    one = fill(before, first)
    alone = fill(before, second)
    try:
        both = fill(read_card(one.after), second)
        back = fill(read_card(one.after), nothing)
    except CardError as error:
        broken("refused later", error)
    replaced_wholly(raw, alone, both, first, second)
    withdrawn_wholly(raw, back, first, nothing)
    try:
        anew = fill(read_card(back.after), first)
        gone = fill(read_card(anew.after), nothing)
    except CardError as error:
        broken("refused later", error)
    if gone.after != back.after:
        broken("residue grows", f"{len(back.after)} bytes after one withdrawal, {len(gone.after)} after two")
    edits_by_hand_stay(one, second)
    if use is not None:
        blocks_stand_apart(one, first, use)


def replaced_wholly(raw: bytes, alone: FillPlan, both: FillPlan, first: CardContent, second: CardContent) -> None:
    """After a second account the card says what it would say had there never been a first."""
    once, twice = read_card(alone.after), read_card(both.after)
    for name in FIELD_NAMES:
        a, b = once.fields[name], twice.fields[name]
        if (a.value if a and not a.placeholder else None) != (b.value if b and not b.placeholder else None):
            broken("replaced wholly", f"{name}: {b and b.value!r} where the second alone says {a and a.value!r}")
    entry = [(path, value) for path, value in _leaves(readers.yaml_ours(alone.after)) if not _says_nothing(value)]
    after = [(path, value) for path, value in _leaves(readers.yaml_ours(both.after)) if not _says_nothing(value)]
    if sorted(map(repr, entry)) != sorted(map(repr, after)):
        broken("replaced wholly", f"{KEY}: {after} where the second alone says {entry}")
    _no_trace(raw, both.after, first, second)


def withdrawn_wholly(raw: bytes, back: FillPlan, first: CardContent, nothing: CardContent) -> None:
    """After a fill that knows nothing, no value of the earlier one is left, and every other value is as it was."""
    _no_trace(raw, back.after, first, nothing)
    had = dict(_leaves(readers.yaml_ours(raw)))
    for path, value in _leaves(readers.yaml_ours(back.after)):
        if not _says_nothing(value) and repr(had.get(path)) != repr(value):
            broken("withdrawn wholly", f"{KEY}{path} is {value!r}, was {had.get(path)!r}")
    if readers.yaml_others(raw) != readers.yaml_others(back.after):
        broken("withdrawn wholly", "other keys changed")


def _no_trace(raw: bytes, after: bytes, gone: CardContent, now: CardContent) -> None:
    known = json.dumps([now.fields, now.metadata, now.lines], ensure_ascii=False)
    for value in [*gone.fields.values(), *gone.metadata.values()]:
        text = value.encode()
        if len(text) < 6 or text in raw or value in known:
            continue
        if re.search(rb"(?<!\w)" + re.escape(text) + rb"(?!\w)", after):
            broken("no trace", f"{value!r} of an earlier account is still there")


def edits_by_hand_stay(plan: FillPlan, second: CardContent) -> None:
    """A value of ours that a person changed since is theirs: it stays, and is reported."""
    for change in plan.changed:
        value = change.after.encode()
        if change.withdrawn or not change.after[:1].isdigit() or plan.after.count(value) != 1:
            continue
        edited = plan.after.replace(value, b"77" + value)
        try:
            card = read_card(edited)
            later = fill(card, second)
        except CardError as error:
            broken("edits by hand", f"refused: {error}")
        known = {*second.fields, *(f"{KEY}.{key}" for key in second.metadata)}
        if later.after.count(b"77" + value) < 1:
            broken("edits by hand", f"{change.field}: 77{change.after} gave way")
        if change.field in known and not {change.field, KEY} & {kept.field for kept in later.kept}:
            broken("edits by hand", f"{change.field}: 77{change.after} stays, and nobody is told")


def check_reading(raw: bytes) -> None:
    """A card that can be read can be shown and checked, as JSON too; line numbers are lines of the file.

    Raises:
        CardError: if the card is refused: in one line, with a line of the file.
        BrokenLawError: if a law does not hold.
    """
    from footprint.card.check import check

    count = len(_ENDS.findall(raw)) + 1
    try:
        card = read_card(raw)
    except CardError as error:
        refusals_are_clear(raw, error)
        raise
    groups, evidence, findings = card.groups, card.evidence, check(card, today=TODAY)
    if check(card, base=card, today=TODAY) is None or card.problems is None:
        broken("reading", "nothing came back")
    msgspec.json.encode([card.form, card.fields, groups, card.metadata, evidence, card.problems, findings])
    lines = [claim.line for group in groups for claim in group.fields.values() if claim is not None]
    lines += [group.line for group in groups] + [found.line for found in evidence]
    lines += [finding.line for finding in findings if finding.line is not None]
    if not all(1 <= line <= count for line in lines):
        broken("reading", f"a line outside the card: {lines} of {count}")
    for finding in findings:
        if "\n" in finding.message or not finding.message or finding.severity not in {"error", "warning", "info"}:
            broken("reading", f"{finding.code}: {finding.message!r}")


def refusals_are_clear(raw: bytes, error: CardError) -> None:
    """A refusal is one line that says what is wrong, and its line is one of the file."""
    if not str(error) or "\n" in str(error) or "\r" in str(error):
        broken("refusal", f"{error!s:.200}")
    if error.line is not None and not 1 <= error.line <= len(_ENDS.findall(raw)) + 1:
        broken("refusal", f"line {error.line} of {len(_ENDS.findall(raw)) + 1}: {error!s:.200}")


def _mapping(value: Any) -> Any:
    """A list of mappings of one key each, as cards had it in 2021, as the mapping that a fill makes of it."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and len(one) == 1 for one in value):
        merged = {key: held for one in value for key, held in one.items()}
        return merged if len(merged) == len(value) else value
    return value


def blocks_stand_apart(one: FillPlan, first: CardContent, use: CardContent) -> None:
    """An account of use changes nothing of that of training, nor the other way round."""
    try:
        plan = fill(read_card(one.after), use)
        again = fill(read_card(plan.after), first)
    except CardError as error:
        broken("one block", f"refused: {error}")
    for edit in plan.edits:
        if one.after[edit.start : edit.end].strip():
            broken("one block", f"{one.after[edit.start : edit.end]!r:.200} gave way to an account of use")
    if again.edits:
        broken("one block", f"the account of training moved: {[edit.new for edit in again.edits]!r:.400}")


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """The scalars of a value with where they stand; a bare number is the mapping's `emissions`.

    A list of mappings of one key each, the form of 2021, is one mapping.
    """
    if not path and isinstance(value, list) and value and all(isinstance(one, dict) and len(one) == 1 for one in value):
        return [leaf for one in value for leaf in _leaves(one)]
    if isinstance(value, dict):
        return [leaf for key, one in value.items() for leaf in _leaves(one, f"{path}.{key}")]
    if isinstance(value, list):
        return [leaf for index, one in enumerate(value) for leaf in _leaves(one, f"{path}[{index}]")]
    return [(path or ".emissions", value)]


@lru_cache(maxsize=4096)
def _nothing(text: str) -> bool:
    return is_placeholder(text)


def _says_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and _nothing(value))


def _fill(card: Card, content: CardContent, *, overwrite: bool, group: str | None) -> FillPlan:
    options: dict[str, Any] = {} if group is None else {"group": group}
    return fill(card, content, overwrite=overwrite, **options)
