"""Filling `co2_eq_emissions` in the front matter: scalars are replaced and lines added; nothing is printed back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from footprint.card.filling.place import insertion
from footprint.card.filling.plan import Change, Kept, Part
from footprint.card.parts.block import digest
from footprint.card.parts.document import BOM
from footprint.card.parts.edits import Edit
from footprint.card.parts.metadata import KEY, Entry
from footprint.card.parts.nodes import Node, doubled_key, parse, scalar_value, value_of
from footprint.card.words.labels import is_placeholder
from footprint.errors import CardError

if TYPE_CHECKING:
    from footprint.card.read import Card

# Plain where no YAML reader could take it for anything but this text.
_PLAIN: Final = re.compile(r"(?:\d+ )?[A-Za-z](?:[A-Za-z0-9 ._/()-]*[A-Za-z0-9)])?")
_EMPTY: Final = re.compile(rb"\A((?:\xef\xbb\xbf)?\s*---(?:\r\n|\r|\n))---[ \t]*(?:\r\n|\n|\Z)")
_DASH: Final = re.compile(rb" *- +")
_COMMENT: Final = re.compile(rb"[ \t]*#")
_RESERVED: Final = frozenset(("y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan", "inf", "none"))


def fill_metadata(card: Card, values: dict[str, str], *, overwrite: bool) -> Part:
    """The edits that bring the values into the front matter; without values, those that take our earlier ones out.

    A person's `emissions` stay, and then nothing of ours is put beside them: our source would seem to be theirs.
    """
    if not values:
        return _withdraw(card)
    if card.yaml.problem is not None:
        line = f" (line {card.source.number(card.yaml.problem_line - 1)})" if card.yaml.problem_line else ""
        return Part(notes=(f"{KEY} was not written: {card.yaml.problem}{line}",))
    entry = card.yaml.emissions()
    part = _add_entry(card, values) if entry is None else _fill_entry(card, *entry, values, overwrite=overwrite)
    doubled = card.yaml.doubled
    if doubled is not None and part.edits:
        where = f"(line {card.source.number(doubled[1] - 1)})"
        part.notes += (f"the key {doubled[0]!r} stands twice {where}: the Hub takes no front matter in which one does",)
    return part


def _fill_entry(card: Card, key: Node, node: Node, values: dict[str, str], *, overwrite: bool) -> Part:
    """The edits of the entry that stands there, in whatever shape."""
    if card.yaml.obstacle is not None:
        if overwrite:
            raise CardError(f"{card.yaml.obstacle}: write its values out; nothing was written", card.yaml.obstacle_line)
        return _keep(card, node, values, card.yaml.obstacle, card.yaml.obstacle_line)
    if node.kind == "mapping":
        return _fill_mapping(card, node, values, overwrite=overwrite)
    if node.kind == "list":
        return _list_to_mapping(card, node, values, overwrite=overwrite)
    if _says_nothing(node) or overwrite:
        return _scalar_to_mapping(card, key, node, values)
    return _keep(card, node, values, "a person's value")


@lru_cache(maxsize=1024)  # the same account may fill many cards
def scalar(key: str, value: str) -> str:
    """A value as YAML: emissions as the number that they are, text plain where that is safe, else in double quotes."""
    if key == "emissions" or (_PLAIN.fullmatch(value) and value.lower() not in _RESERVED and _is_text(value)):
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_text(value: str) -> bool:
    return bool(scalar_value(value, plain=True) == value)


def _says_nothing(node: Node) -> bool:
    """Whether a value is a placeholder, or YAML's null in any spelling."""
    return node.kind == "scalar" and (is_placeholder(node.text) or value_of(node) is None)


def _short(key: str) -> str:
    """A key's name in the block's header."""
    return f"co2.{key}"


def _ours(card: Card, key: str, node: Node) -> bool:
    recorded = card.block.fields.get(_short(key)) if card.block is not None else None
    return node.kind == "scalar" and recorded == digest(node.text)


def _keep(card: Card, node: Node, values: dict[str, str], reason: str, at: int | None = None) -> Part:
    found = json.dumps(card.yaml.value, ensure_ascii=False)
    line = card.source.number((at or card.document.line_number(node.start)) - 1)
    return Part(kept=[Kept(field=KEY, value=found, known=f"{values['emissions']} g", reason=reason, line=line)])


def _wrote_all(part: Part, values: dict[str, str], before: str = "") -> Part:
    for key, value in values.items():
        part.wrote(f"{KEY}.{key}", before if key == "emissions" else "", value, _short(key))
    return part


def _children(values: dict[str, str], indent: bytes, eol: bytes) -> bytes:
    return b"".join(eol + indent + f"{key}: {scalar(key, value)}".encode() for key, value in values.items())


def _add_entry(card: Card, values: dict[str, str]) -> Part:
    """Add the whole entry at the front matter's end, or a front matter with it at the card's beginning."""
    document, eol = card.document, card.document.eol
    front = document.front_matter
    if front is None:
        place = _empty_front_matter(card)
        if place is not None:
            text = f"{KEY}:".encode() + _children(values, b"  ", eol) + eol
            return _wrote_all(Part(edits=[insertion(place, text)]), values)
        place = len(BOM) if card.document.raw.startswith(BOM) else 0
        blank = b"" if document.is_blank(0) else eol
        text = b"---" + eol + f"{KEY}:".encode() + _children(values, b"  ", eol) + eol + b"---" + eol + blank
        return _wrote_all(Part(edits=[insertion(place, text)]), values)
    entries = card.yaml.entries
    indent: bytes | None = b""
    if not card.yaml.alone and (root := card.yaml.root) is not None:
        if root.style == "flow":
            pair = f"{KEY}: {{{_pairs(values)}}}"
            place = _end_of(root.entries[-1]).end if root.entries else root.start + 1
            return _wrote_all(Part(edits=[insertion(place, (f", {pair}" if root.entries else pair).encode())]), values)
        indent = _indent(card, root)
    if indent is None:
        return Part(notes=(f"{KEY} was not written: the front matter's first key does not start its line",))
    entry = indent + f"{KEY}:".encode() + _children(values, indent + b"  ", eol)
    last = card.document.raw[entries[-1].start : front.end] if entries else b""
    if (b"|" in last or b">" in last) and _ends_in_block_text(card, last):
        # A block scalar's text ends where the front matter does, without a line end: what followed it would give it one.
        return _wrote_all(Part(edits=[insertion(_start_of_last(card, entries), entry + eol)]), values)
    start = b"" if front.start == front.end else eol
    return _wrote_all(Part(edits=[insertion(front.end, start + entry)]), values)


def _ends_in_block_text(card: Card, last: bytes) -> bool:
    """Whether the front matter ends in a block scalar's text; `last` is its last entry, which may parse alone."""
    root = parse(last) if card.yaml.alone else card.yaml.root
    return root is not None and _last_leaf(root).style in {"|", ">"}


def _empty_front_matter(card: Card) -> int | None:
    """Where the text of a front matter without any line goes: the Hub sees none in `---` right after `---`."""
    found = _EMPTY.match(card.document.raw)
    return None if found is None else found.end(1)


def _start_of_last(card: Card, entries: Sequence[Entry]) -> int:
    """Where the last key's lines start, the comments right above it included."""
    document = card.document
    index = document.line_index(entries[-1].start)
    first = document.line_index(entries[0].start)
    while index > first and _COMMENT.match(card.document.raw, document.starts[index - 1]):
        index -= 1
    return document.starts[index]


def _indent(card: Card, node: Node) -> bytes | None:
    """The white space before a block mapping's first key, a list's dash counted as such; None if something else stands there."""
    line = card.document.line(card.document.line_index(node.start))
    before = card.document.raw[line.start : node.start]
    return before.replace(b"-", b" ") if not before.strip(b" ") or _DASH.fullmatch(before) else None


def _scalar_to_mapping(card: Card, key: Node, node: Node, values: dict[str, str]) -> Part:
    """Put a mapping where a placeholder or a number stands; a comment beside it stays."""
    document = card.document
    line = document.line(document.line_index(key.start))
    if node.end > line.end:
        return _keep(card, node, values, "it goes over several lines")
    indent = _indent(card, key)
    if document.raw[key.end : key.end + 1] != b":":
        return _keep(card, node, values, "its key and its value are not written as `key: value`")
    if _in_flow(card):
        return _wrote_all(Part(edits=[_replace(card, key, node, f"{{{_pairs(values)}}}")]), values, node.text)
    if indent is None:
        return _keep(card, node, values, "its key does not start its line")
    part = Part()
    if node.end > node.start:
        # Without a comment after it, the blanks before the value go with it.
        bare = not document.raw[node.end : line.end].strip()
        part.edits.append(Edit(start=key.end + 1 if bare else node.start, end=node.end, new=b""))
    part.edits.append(insertion(line.end, _children(values, indent + b"  ", document.eol)))
    return _wrote_all(part, values, node.text)


def _in_flow(card: Card) -> bool:
    """Whether the whole front matter stands in braces."""
    return not card.yaml.alone and card.yaml.root is not None and card.yaml.root.style == "flow"


def _list_to_mapping(card: Card, node: Node, values: dict[str, str], *, overwrite: bool) -> Part:
    """Fill a list of mappings of one key each, as cards had it in 2021, by making a mapping of it: each dash becomes a blank.

    Only where its emissions may be replaced; otherwise all of it stays as it is.
    """
    pairs = [item.entries[0] for item in node.items if item.kind == "mapping" and len(item.entries) == 1]
    start = pairs[0][0].start if pairs else node.start
    merged = msgspec.structs.replace(node, kind="mapping", start=start, items=(), entries=tuple(pairs))
    emissions = merged.find("emissions")
    said = emissions is not None and not _free(card, "emissions", emissions[1], values, overwrite=overwrite)
    if said or len(pairs) != len(node.items):
        return _keep(card, node, values, "a person's value")
    dashes = [_dash(card, pair[0]) for pair in pairs]
    columns = {found[1] for found in dashes if found is not None}
    if not pairs or node.style == "flow" or None in dashes or len(columns) != 1 or doubled_key(merged) is not None:
        return _keep(card, node, values, "a list, which is not edited")
    part = _fill_mapping(card, merged, values, overwrite=overwrite)
    if part.edits:
        part.edits += [Edit(start=found[0], end=found[0] + 1, new=b" ") for found in dashes if found is not None]
    return part


def _dash(card: Card, key: Node) -> tuple[int, int] | None:
    """The offset of the dash before a list item's key, and the key's column; None where the key does not follow it."""
    start = card.document.starts[card.document.line_index(key.start)]
    before = card.document.raw[start : key.start]
    return (start + before.index(b"-"), len(before)) if _DASH.fullmatch(before) else None


def _fill_mapping(card: Card, node: Node, values: dict[str, str], *, overwrite: bool) -> Part:
    """Replace placeholders and our own values, add what is missing, keep a person's."""
    emissions = node.find("emissions")
    if emissions is not None and not _free(card, "emissions", emissions[1], values, overwrite=overwrite):
        part = _keep(card, node, values, "a person's value")
        # What we once wrote beside a number of ours would say of this one how it is known.
        mine = _ours_in(card, node)
        part.edits += _remove(card, node, mine)
        part.changed += [Change(field=f"{KEY}.{k.text}", before=v.text, after="", withdrawn=True) for k, v in mine]
        return part
    part = Part()
    missing: dict[str, str] = {}
    for key, value in values.items():
        found = node.find(key)
        if found is None:
            missing[key] = value
        elif found[1].text == value and found[1].kind == "scalar":
            if _ours(card, key, found[1]):
                part.digests[_short(key)] = digest(value)
        elif _free(card, key, found[1], values, overwrite=overwrite):
            part.edits.append(_replace(card, found[0], found[1], scalar(key, value)))
            part.wrote(f"{KEY}.{key}", found[1].text, value, _short(key))
        else:
            text = json.dumps(value_of(found[1]), ensure_ascii=False)
            line = card.source.number(card.document.line_number(found[0].start) - 1)
            part.kept.append(Kept(field=f"{KEY}.{key}", value=text, known=value, reason="a person's value", line=line))
    gone = [(k, v) for k, v in _ours_in(card, node) if k.text not in values]
    if gone:
        part.edits += _remove(card, node, gone)
        part.changed += [Change(field=f"{KEY}.{k.text}", before=v.text, after="", withdrawn=True) for k, v in gone]
    if missing:
        edit = _add_children(card, node, missing, stays=[entry for entry in node.entries if entry not in gone])
        if edit is None:
            return Part(notes=(f"{KEY} was not written: its keys do not start their lines",))
        part.edits.append(edit)
        _wrote_all(part, missing)
    return part


def _free(card: Card, key: str, node: Node, values: dict[str, str], *, overwrite: bool) -> bool:
    """Whether a value may be replaced: it says nothing, is ours, is the same, or we were told to."""
    if node.kind != "scalar":
        return False
    one_line = card.document.line_number(node.start) == card.document.line_number(max(node.start, node.end - 1))
    free = _says_nothing(node) or _ours(card, key, node) or node.text == values[key]
    return free or (overwrite and one_line)


def _replace(card: Card, key: Node, node: Node, text: str) -> Edit:
    """Replace a scalar; an empty one has its place right after the key's colon."""
    if node.start < node.end:
        end = node.start + len(card.document.raw[node.start : node.end].rstrip(b" \r\n"))
        return Edit(start=node.start, end=end, new=text.encode())
    colon = card.document.raw.index(b":", key.end) + 1
    return insertion(colon, f" {text}".encode())


def _add_children(card: Card, node: Node, missing: dict[str, str], stays: list[tuple[Node, Node]]) -> Edit | None:
    """Add keys to a mapping after the last that stays, in its own style."""
    if node.style == "flow":
        pairs = _pairs(missing)
        if not stays:
            return insertion(node.start + 1, pairs.encode())
        return insertion(_end_of(stays[-1]).end, f", {pairs}".encode())
    indent = _indent(card, node)
    if indent is None or not stays:
        return None
    last = _end_of(stays[-1])
    line = card.document.line(card.document.line_number(max(last.start, last.end - 1)) - 1)
    return insertion(line.end, _children(missing, indent, card.document.eol))


def _pairs(values: dict[str, str]) -> str:
    """Keys and values for a mapping in braces; what is plain in a block need not be there."""
    shown = ((key, value if key == "emissions" else json.dumps(value, ensure_ascii=False)) for key, value in values.items())
    return ", ".join(f"{key}: {value}" for key, value in shown)


def _last_leaf(node: Node) -> Node:
    """The node that ends last in a node; a collection's own end takes in the comments after it."""
    if node.style == "flow" and node.kind != "scalar":
        inside = [part for entry in node.entries for part in entry] or list(node.items)
        return max(inside, key=lambda part: part.end) if inside else node
    if node.kind == "mapping" and node.entries:
        return _end_of(node.entries[-1])
    if node.kind == "list" and node.items:
        return _last_leaf(node.items[-1])
    return node


def _end_of(entry: tuple[Node, Node]) -> Node:
    """The node that ends last in an entry: its key where it has no value."""
    key, value = entry
    if value.start == value.end and value.kind == "scalar":
        return key
    return value if value.style == "flow" else _last_leaf(value)


def _withdraw(card: Card) -> Part:
    """Take our earlier values out when nothing is to be written any more: the whole entry, or our part of it."""
    entry = card.yaml.emissions()
    if entry is None or entry[1].kind != "mapping" or card.yaml.obstacle is not None:
        return Part()
    key, node = entry
    mine = _ours_in(card, node)
    if not mine:
        return Part()
    part = Part()
    start, end = _lines_of(card, key, _last_leaf(node))
    if len(mine) == len(node.entries) and node.style != "flow" and b"#" not in card.document.raw[start:end]:
        part.edits += _without_lines(card, [(start, end)])
    else:
        part.edits += _remove(card, node, mine)
    part.changed += [Change(field=f"{KEY}.{k.text}", before=v.text, after="", withdrawn=True) for k, v in mine]
    return part


def _ours_in(card: Card, node: Node) -> list[tuple[Node, Node]]:
    """The entries of a mapping whose values are ours."""
    return [(k, v) for k, v in node.entries if k.kind == "scalar" and _ours(card, k.text, v)]


def _remove(card: Card, node: Node, entries: list[tuple[Node, Node]]) -> list[Edit]:
    """The edits that take scalar entries of ours out of a mapping; one with a person's comment beside it becomes `null`."""
    if node.style == "flow":
        return _remove_from_flow(node, entries)
    spans = []
    edits = []
    for key, value in entries:
        start, end = _lines_of(card, key, value)
        if b"#" in card.document.raw[value.end : end]:
            edits.append(Edit(start=value.start, end=value.end, new=b"null"))
        else:
            spans.append((start, end))
    return edits + _without_lines(card, spans)


def _remove_from_flow(node: Node, entries: list[tuple[Node, Node]]) -> list[Edit]:
    """As `_remove`, for a mapping in braces: each entry goes with the comma that parts it from those that stay."""
    going = {key.start for key, _ in entries}
    stays = [index for index, (key, _) in enumerate(node.entries) if key.start not in going]
    first = stays[0] if stays else len(node.entries)
    edits = []
    if first:
        end = node.entries[first][0].start if stays else _last_leaf(node).end
        edits.append(Edit(start=node.entries[0][0].start, end=end, new=b""))
    for index in range(first + 1, len(node.entries)):
        if index not in stays:
            before, value = node.entries[index - 1][1], node.entries[index][1]
            edits.append(Edit(start=before.end, end=value.end, new=b""))
    return edits


def _lines_of(card: Card, first: Node, last: Node) -> tuple[int, int]:
    """The span of whole lines from one node to another, with their line ends."""
    document = card.document
    start = document.starts[document.line_number(first.start) - 1]
    end = document.line(document.line_number(max(last.start, last.end - 1)) - 1)
    assert document.front_matter is not None
    return start, min(end.next, document.front_matter.end)


def _without_lines(card: Card, spans: list[tuple[int, int]]) -> list[Edit]:
    """The edits that remove spans of whole lines; with the last line, the line end before it goes, not that of the dashes."""
    front = card.document.front_matter
    assert front is not None
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        joined[-1:] = [(joined[-1][0], end)] if joined and joined[-1][1] == start else [*joined[-1:], (start, end)]
    ended = card.document.raw[front.end - 1 : front.end] in {b"\n", b"\r"}
    if joined and joined[-1][1] >= front.end and joined[-1][0] > front.start and not ended:
        before = card.document.line(card.document.line_number(joined[-1][0]) - 2)
        joined[-1] = before.end, front.end
    return [Edit(start=start, end=end, new=b"") for start, end in joined]
