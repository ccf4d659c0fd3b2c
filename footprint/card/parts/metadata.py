"""The front matter of a card: its entries' spans, our own with the span of every key and value, and whether it may be edited.

Most front matter is a column of `key:` lines with what belongs to each below it. Such an entry parses by itself as it does in
its place: a line of text in the first column ends every open construct of YAML, or the entry by itself is no YAML, and then the
front matter is read as a whole. So entries of equal bytes parse equal, whatever stands around them: each is parsed once, and an
edit elsewhere leaves it as it was. That is the proof of a fill, and why it costs little.
"""

from __future__ import annotations

import math
import re
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from footprint.card.parts.columns import is_plain
from footprint.card.parts.document import Document
from footprint.card.parts.nodes import (
    MAX_NODES,
    Node,
    TooMuchError,
    decoded,
    doubled_key,
    meaning,
    parse,
    scalar_value,
    tied,
    value_of,
)
from footprint.errors import CardError

__all__ = ["KEY", "Entry", "Metadata", "Node", "other_entries", "read_metadata", "same_others", "scalar_value", "value_of"]

KEY: Final = "co2_eq_emissions"
MAX_BYTES: Final = 512 * 1024

_TOO_LONG: Final = "is too long for what is in it (tabs, or `?` beside brackets), and is left alone"
_TWICE: Final = f"{KEY} stands twice, and readers differ on which counts"
_MAX_ALONE: Final = 300  # so many entries are parsed one by one; more are parsed together
_MOST: Final = (
    5_000  # entries with more to them than plain words; front matter that has more is read as a whole, within its bounds
)
_MAX_STRICT: Final = 32 * 1024  # bytes that only PyYAML's parser in Python can judge, which takes a second for 60,000
_SMALL: Final = 2048  # bytes of an entry that is remembered among many
# A line in the first column: a key's, or anything else but an item of a list, a comment and a blank line.
_COLUMN = re.compile(rb"\n(?:([A-Za-z_][\w.-]{0,99}):(?=[ \r\n]|\Z)|(?=[^ \r\n#-])|-(?![ \r\n]|\Z))")
_REMARKS = re.compile(rb"(?:[ ]*(?:#[^\r\n]*)?\r?\n)*\Z")
# An entry of words alone, or a list of words: YAML to every reader. What starts with a digit may be a date that is none.
_WORD: Final = rb"[A-Za-z][\w./+-]*(?: [A-Za-z0-9][\w./+-]*)*"
_SIMPLE = re.compile(
    rb"[\w.-]+:(?: " + _WORD + rb"(?:\r?\n|\Z)|\r?\n([ ]*)- " + _WORD + rb"(?:\r?\n\1- " + _WORD + rb")*(?:\r?\n|\Z))(?:\r?\n)*"
)


class Entry(NamedTuple):
    """A key at the top of the front matter: its text, and the span from its line to the next key's, in bytes."""

    key: str
    start: int
    end: int


class Metadata(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A card's front matter as far as we need it.

    `problem` says why it cannot be edited, or why the Hub does not see it; `obstacle` why our own entry in it cannot, although
    the rest is well. Both come with a 1-based line of the document. `entries` are those at the top. `said` is our own entry with
    spans from `place` on: enough to ask what it says.
    """

    document: Document
    entries: tuple[Entry, ...] = ()
    said: tuple[Node, Node] | None = None
    place: int = 0
    alone: bool = False
    tree: Node | None = None
    problem: str | None = None
    problem_line: int | None = None
    obstacle: str | None = None
    obstacle_line: int | None = None

    @cached_property
    def ours(self) -> tuple[Node, Node] | None:
        """Our own entry, key and value, with its spans in the document."""
        if self.said is None or not self.place:
            return self.said
        return self.said[0].moved(self.place), self.said[1].moved(self.place)

    def emissions(self) -> tuple[Node, Node] | None:
        """The entry `co2_eq_emissions`, key and value."""
        return self.ours

    @property
    def value(self) -> Any:
        """The value of `co2_eq_emissions` in plain Python types, aliases and merged keys resolved; None where there is none."""
        if self.said is None:
            return None
        return value_of(self.said[1]) if tied(self.said[1]) is None else _Resolved(self.root).value(self.said[1])

    @cached_property
    def root(self) -> Node | None:
        """The top mapping with all its nodes; parsed when it is first asked for."""
        front = self.document.front_matter
        if not self.alone or front is None:
            return self.tree
        node = parse(self.document.raw[front.start : front.end], math.inf)  # its entries are known for sound
        return node.moved(front.start) if node is not None else None

    @property
    def doubled(self) -> tuple[str, int] | None:
        """A key that stands twice at the top, and the line of the second: readers differ on which counts."""
        seen: set[str] = set()
        for entry in self.entries:
            if entry.key in seen and entry.key != "<<":
                return entry.key, self.document.line_number(entry.start)
            seen.add(entry.key)
        return None


def read_metadata(document: Document) -> Metadata:
    """Read the front matter's structure. What is not valid YAML is told in `problem`, not raised: the body can be read still.

    Raises:
        CardError: for what no card needs and what would take a reader's time or memory: too deep nesting, an alias bomb, front
            matter that is too large.
    """
    front = document.front_matter
    if front is None:
        if document.unseen is None:
            return Metadata(document=document)
        problem = f"the Hub does not see the front matter that starts here: {document.unseen.reason}"
        return Metadata(document=document, problem=problem, problem_line=document.line_number(document.unseen.place))
    if front.end - front.start > MAX_BYTES:
        raise CardError(f"the front matter is larger than {MAX_BYTES // 1024} KiB", document.line_number(front.start))
    return _read_alone(document) or _read_whole(document)


def same_others(before: Metadata, after: Metadata) -> bool:
    """Whether all other keys mean the same in both, in the same order, to every reader of YAML.

    Entries that parse alone and are equal in their bytes are; others are compared node by node.
    """
    if before.tree is None and after.tree is None and _others(before) == _others(after):
        return True
    return other_entries(before) == other_entries(after)


def other_entries(metadata: Metadata) -> list[object]:
    """The meaning of the front matter but for our entry: equal lists parse equal in every other key, for every reader."""
    if metadata.root is None:
        return []
    return [(meaning(key), meaning(value)) for key, value in metadata.root.entries if key.text != KEY]


def _others(metadata: Metadata) -> list[bytes]:
    """The bytes of the other entries; blank lines at an entry's end count only where a block of text may keep them."""
    raw = metadata.document.raw
    texts = [raw[start:end] for key, start, end in metadata.entries if key != KEY]
    return [text if b"|" in text or b">" in text else text.rstrip(b" \r\n") for text in texts]


def _read_alone(document: Document) -> Metadata | None:
    """Front matter whose entries parse one by one; None if it has to be read as a whole."""
    entries = _column(document)
    if entries is None:
        return None
    raw = document.raw
    mine = [entry for entry in entries if entry.key == KEY]
    texts = [raw[start:end] for key, start, end in entries if key != KEY]
    # Blank lines at an entry's end mean something only to a block of text.
    texts = [text if b"|" in text or b">" in text else text.rstrip(b" \r\n") for text in texts]
    difficult = [text for text in texts if not _SIMPLE.fullmatch(text)]
    if not (all(map(_is_sound, difficult)) if len(difficult) <= _MAX_ALONE else _are_sound(difficult)):
        return None
    if not mine:
        return Metadata(document=document, entries=tuple(entries), alone=True)
    if not all(_is_sound(raw[start:end]) for _, start, end in mine):
        return None
    own = _own(raw[mine[0].start : mine[0].end])
    if own is None:
        return None
    obstacle, line = own.obstacle, None
    if obstacle is not None:
        line = document.line_number(mine[0].start + own.place)
    if len(mine) > 1:
        obstacle, line = _TWICE, document.line_number(mine[1].start)
    return Metadata(
        document=document,
        entries=tuple(entries),
        said=own.pair,
        place=mine[0].start,
        alone=True,
        obstacle=obstacle,
        obstacle_line=line,
    )


def _column(document: Document) -> list[Entry] | None:
    """The entries of a column of `key:` lines; None where anything else stands in the first column."""
    front, raw = document.front_matter, document.raw
    assert front is not None
    if raw[front.start - 1] != ord("\n") or front.start == front.end or raw.find(b"\t", front.start, front.end) >= 0:
        return None
    if raw.find(b"\r", front.start, front.end) >= 0:
        within = raw[front.start : front.end]
        if within.count(b"\r") != within.count(b"\r\n"):
            return None
    keys = list(_COLUMN.finditer(raw, front.start - 1, front.end))
    if not keys or any(found[1] is None for found in keys):
        return None
    starts = [found.start() + 1 for found in keys]
    if starts[0] != front.start and not _REMARKS.match(raw, front.start, starts[0]):
        return None
    ends = [*starts[1:], front.end]
    return [Entry(found[1].decode(), start, end) for found, start, end in zip(keys, starts, ends, strict=True)]


def _is_sound(text: bytes) -> bool:
    return _is_sound_small(text) if len(text) <= _SMALL else _is_sound_large(text)


@lru_cache(maxsize=4096)  # cards share many entries, and the proof of a fill reads each again
def _is_sound_small(text: bytes) -> bool:
    return _loads_alone(text)


@lru_cache(maxsize=16)
def _is_sound_large(text: bytes) -> bool:
    return _loads_alone(text)


def _loads_alone(text: bytes) -> bool:
    """Whether an entry by itself is YAML that PyYAML makes a mapping of one key of."""
    return is_plain(text) or (_is_tame(text) and _keys(text) == 1)


def _are_sound(texts: list[bytes]) -> bool:
    """Whether many entries are, each by itself: they are parsed together, and each has to give a key of its own.

    A text of one entry that went on into the next would take its key away, for no other line begins one.
    """
    if len(texts) > _MOST:
        return False
    rest = [text for text in texts if not is_plain(text)]
    return all(map(_is_tame, rest)) and _keys_together(b"\n".join(rest)) == len(rest)


def _is_tame(text: bytes) -> bool:
    """Whether an entry is neither tied to others nor deep nor costly to parse: what is, is read with the rest."""
    if b"&" in text or b"*" in text or text.count(b"[") + text.count(b"{") + text.count(b"- -") > 20:  # noqa: PLR2004 - far from deep
        return False
    return text.count(b",") <= MAX_NODES and not (_is_strict(text) and len(text) > _MAX_STRICT)


@lru_cache(maxsize=4)  # the proof of a fill asks again
def _keys_together(text: bytes) -> int:
    return _keys(text) if len(text) <= _MAX_STRICT or not _is_strict(text) else -1


def _keys(text: bytes) -> int:
    """How many keys PyYAML finds at the top of a text; -1 if it takes it for no mapping."""
    try:
        found = _load(text)
    except Exception:  # noqa: BLE001 - PyYAML raises whatever Python's constructors raise
        return -1
    return len(found) if isinstance(found, dict) else -1


def _is_strict(text: bytes) -> bool:
    """Whether the parser in C may take what the one in Python refuses: a `?` in a flow, or a tab between two words."""
    return b"\t" in text or (b"?" in text and (b"[" in text or b"{" in text))


def _load(text: bytes) -> Any:
    """What PyYAML makes of a text."""
    import yaml

    loader = yaml.SafeLoader if _is_strict(text) else getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(decoded(text), Loader=loader)  # noqa: S506 - both loaders are safe ones


class _Own(NamedTuple):
    """Our entry, with spans from its beginning, and what keeps it from being edited, with the place."""

    pair: tuple[Node, Node]
    obstacle: str | None
    place: int


@lru_cache(maxsize=256)  # it is read again in the proof of a fill
def _own(text: bytes) -> _Own | None:
    try:
        root = parse(text)
    except TooMuchError:
        return None  # the front matter as a whole is told of it, with the line
    if root is None or len(root.entries) != 1:
        return None
    return _Own(root.entries[0], *_obstacle(root.entries[0]))


def _parsed(data: bytes) -> Node | None:
    """The top node of a text of which PyYAML makes something, too."""
    root = parse(data)
    if root is not None:
        if len(data) > _MAX_STRICT and _is_strict(data):
            raise TooMuchError(_TOO_LONG, 0, hostile=False)
        _load(data)
    return root


def _read_whole(document: Document) -> Metadata:
    """Front matter read as a whole."""
    import yaml

    front = document.front_matter
    assert front is not None
    data = document.raw[front.start : front.end]
    try:
        root = _parsed(data)
    except TooMuchError as error:
        line = document.line_number(front.start + error.place)
        if error.hostile:
            raise CardError(f"the front matter {error.reason}", line) from None
        return Metadata(document=document, problem=f"the front matter {error.reason}", problem_line=line)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = document.line_number(front.start) + (mark.line if mark is not None else 0)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        return Metadata(document=document, problem=f"the front matter is not valid YAML: {reason}", problem_line=line)
    except (ValueError, TypeError, OverflowError, RecursionError, AttributeError) as error:
        reason = f"the front matter holds a value that cannot be read: {error}"
        return Metadata(document=document, problem=reason, problem_line=document.line_number(front.start))
    if root is None:
        return Metadata(document=document)
    root = root.moved(front.start)
    if root.kind != "mapping":
        what = "an unrendered template" if b"{{" in data or b"{%" in data else "not a block of keys"
        line = document.line_number(root.start)
        return Metadata(document=document, problem=f"the front matter is {what}", problem_line=line)
    return _with_entries(document, root)


def _with_entries(document: Document, root: Node) -> Metadata:
    """The metadata of a mapping that was read as a whole."""
    starts = [key.start for key, _ in root.entries]
    ends = [*starts[1:], root.end]
    entries = tuple(Entry(key.text, *span) for (key, _), *span in zip(root.entries, starts, ends, strict=True))
    mine = [entry for entry in root.entries if entry[0].text == KEY]
    if not mine:
        return Metadata(document=document, entries=entries, tree=root)
    obstacle, place = _obstacle(mine[0])
    if len(mine) > 1:
        obstacle, place = _TWICE, mine[1][0].start
    line = document.line_number(place) if obstacle is not None else None
    return Metadata(document=document, entries=entries, tree=root, said=mine[0], obstacle=obstacle, obstacle_line=line)


def _obstacle(ours: tuple[Node, Node]) -> tuple[str | None, int]:
    """Why our entry cannot be edited, and the place."""
    knot = tied(ours[0]) or tied(ours[1])
    if knot is not None:
        return f"{KEY} uses an anchor, an alias, a tag or a merged key", knot.start
    second = doubled_key(ours[1])
    if second is not None:
        return f"{second.text} stands twice in {KEY}, and readers differ on which counts", second.start
    return None, 0


class _Resolved:
    """Values with their aliases followed and their merged keys in place; how far they expand was bounded when they were read."""

    def __init__(self, root: Node | None) -> None:
        self.anchors: dict[str, Node] = {}
        if root is not None:
            self._note(root)

    def _note(self, node: Node) -> None:
        if node.anchor:
            self.anchors[node.anchor] = node
        for part in (*node.items, *(part for entry in node.entries for part in entry)):
            self._note(part)

    def value(self, node: Node, within: frozenset[str] = frozenset()) -> Any:
        """A node's value; None for an alias that leads nowhere or into itself."""
        if node.kind == "alias":
            target = self.anchors.get(node.text)
            return None if target is None or node.text in within else self.value(target, within | {node.text})
        if node.kind == "list":
            return [self.value(item, within) for item in node.items]
        if node.kind != "mapping":
            return value_of(node)
        merged: dict[str, Any] = {}
        for key, value in node.entries:
            if key.text == "<<":
                found = self.value(value, within)
                for part in reversed(found if isinstance(found, list) else [found]):
                    merged |= part if isinstance(part, dict) else {}
        return merged | {key.text: self.value(value, within) for key, value in node.entries if key.text != "<<"}
