"""The entries of a block's body, and how what a person made of them is kept while ours are renewed.

An entry is an item of the block's list with the lines that belong to it, or a paragraph. Of each entry that we write, the block's
header keeps a name and a digest. So when the block is written again we know of each entry that stands there whether it is ours,
and of each of ours whether a person changed it or took it out:

- an entry of ours that is as it was is written anew;
- one that a person changed stays as it is now, and ours is not written beside it;
- one that a person took out stays out;
- one that a person added stays, after the entry that it follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from footprint.card.parts.block import digest

_MOST: Final = 200
_INDENTED: Final = re.compile(rb"[ \t]+\S")
_WORD: Final = re.compile(r"[a-z][a-z0-9]*")
_NAMED_BY_THEIR_TEXT: Final = frozenset({"note", "source", "cited", "quoted"})
_WORDS: Final = 3
_DIGEST_LENGTH: Final = 8


class Entry(NamedTuple):
    """An entry: its name, its lines without their line ends, the blank lines before it, and where in the body it starts."""

    name: str
    lines: tuple[bytes, ...]
    gap: int
    at: int

    @property
    def digest(self) -> str:
        """The digest of its text."""
        return digest(b"\n".join(self.lines))[:_DIGEST_LENGTH]

    @property
    def text(self) -> str:
        """Its text on one line."""
        return " ".join(b" ".join(self.lines).decode("utf-8", "replace").split())


class Theirs(NamedTuple):
    """What a person made of an entry: `entry` is None for one that was taken out; `ours` is None for one that was added."""

    entry: Entry | None
    ours: Entry | None


class Merged(NamedTuple):
    """A body of our entries and a person's."""

    body: bytes
    theirs: tuple[Theirs, ...]


def entries_of(body: bytes) -> list[Entry]:
    """The entries of a block's body."""
    found: list[tuple[list[bytes], int, int]] = []
    gap = 0
    for at, line in enumerate(body.splitlines()):
        if not line.strip():
            gap += 1
        elif found and not gap and _INDENTED.match(line):
            found[-1][0].append(line)
        else:
            found.append(([line], gap, at))
            gap = 0
    names: dict[str, int] = {}
    entries = []
    for lines, before, at in found:
        name = _name(lines[0])
        names[name] = names.get(name, 0) + 1
        numbered = name if names[name] == 1 else f"{name}.{names[name]}"
        entries.append(Entry(numbered, tuple(lines), before, at))
    return entries


def signatures(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """Name and digest of each entry, for the header."""
    return [(entry.name, entry.digest) for entry in entries]


def merge(was: Sequence[tuple[str, str]], now: Sequence[Entry], new: Sequence[Entry], eol: bytes) -> Merged | None:
    """The body with our new entries, and what a person made of the earlier ones.

    Args:
        was: name and digest of the entries as we wrote them.
        now: the entries that stand there.
        new: the entries as we would write them.
        eol: the line end.

    Returns:
        None where the two cannot be told apart: our own entries were not kept by name, or there are too many of them.
    """
    if not was or len(was) > _MOST or len(now) > _MOST:
        return None
    changed: dict[str, Entry] = {}
    gone: set[str] = set()
    after: dict[str, list[Entry]] = {}
    matcher = SequenceMatcher(None, [mark for _, mark in was], [entry.digest for entry in now], autojunk=False)
    for what, first, last, at, end in matcher.get_opcodes():
        if what == "equal":
            continue
        ours, theirs = was[first:last], list(now[at:end])
        # What was put in the place of ours stands for ours; what is more than that was added.
        changed |= {name: entry for (name, _), entry in zip(ours, theirs, strict=False)}
        gone |= {name for name, _ in ours[len(theirs) :]}
        if len(theirs) > len(ours):
            before = was[last - 1][0] if last else ""
            after.setdefault(before, []).extend(theirs[len(ours) :])
    return _joined(changed, gone, after, new, eol)


def _joined(changed: dict[str, Entry], gone: set[str], after: dict[str, list[Entry]], new: Sequence[Entry], eol: bytes) -> Merged:
    kept: list[Entry] = list(after.get("", ()))
    theirs = [Theirs(entry, None) for entry in kept]
    mine = {entry.name: entry for entry in new}
    # A changed entry of which we have nothing more to say stays too, after what stood before it.
    for entry in new:
        if entry.name in changed:
            kept.append(changed[entry.name])
            theirs.append(Theirs(changed[entry.name], entry))
        elif entry.name in gone:
            theirs.append(Theirs(None, entry))
        else:
            kept.append(entry)
        for added in after.get(entry.name, ()):
            kept.append(added)
            theirs.append(Theirs(added, None))
    last = [entry for name, entry in changed.items() if name not in mine]
    last += [entry for name, added in after.items() if name and name not in mine for entry in added]
    theirs += [Theirs(entry, None) for entry in last]
    # What a person wrote as we would have is ours the next time: it stands as ours does already now.
    gaps = {entry.digest: entry.gap for entry in new}
    body = [entry._replace(gap=gaps.get(entry.digest, entry.gap)) for entry in (*kept, *last)]
    return Merged(body_of(body, eol), tuple(theirs))


def body_of(entries: Iterable[Entry], eol: bytes) -> bytes:
    """A block's body of its entries."""
    lines: list[bytes] = []
    for entry in entries:
        lines += [b""] * (entry.gap if lines else 0)
        lines += entry.lines
    return eol.join(lines)


def _name(line: bytes) -> str:
    """What an entry is about, without its numbers: the words before its colon, or its first ones."""
    text = line.decode("utf-8", "replace").lower()
    head, colon, rest = text.partition(":")
    words = _WORD.findall(head)
    if not colon or len(words) > 2 * _WORDS or not words:
        words = _WORD.findall(text)[:_WORDS]
    elif words[0] in _NAMED_BY_THEIR_TEXT:
        words += _WORD.findall(rest)[:_WORDS]
    return "-".join(words)[:60] or "text"
