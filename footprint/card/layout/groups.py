"""The groups of fields of a card: which fields speak of one model, what names the group, and which one a fill edits.

A field that stands twice is never told apart by its label alone. Sub-headings, bold lines, items above and the fields' own
cycle part a section into groups; where a card has several, the one to fill is named by a person.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from footprint.card.layout.beside import beside_emissions
from footprint.card.layout.cells import table_groups
from footprint.card.layout.lines import NESTED, Found, field_span, line_labels
from footprint.card.layout.sections import BOLD, find_sections, headings_in, top_headings
from footprint.card.layout.spans import Fields, Group, Section
from footprint.card.parts.document import Document
from footprint.card.parts.seek import seek
from footprint.card.parts.tables import find_tables, readable
from footprint.card.words.labels import EXACT, PAIR
from footprint.errors import CardError
from footprint.model import FieldName

_GROUP: Final = 3  # so many different fields close together are a group even without a heading
_GROUP_GAP: Final = 12  # lines between two fields of one group
_FAR: Final = 2000  # lines above a group in which the heading that names it is looked for
_LISTED: Final = 12  # groups that a message names
_NESTED: Final = 60  # lines above a nested item in which the one that it belongs to is looked for
_TABLE_WORDS: Final = (b"hardware", b"emission", b"carbon", b"co<sub>2", "排放".encode())
_SHORT_WORDS: Final = ((b"co2", 2), ("co₂".encode(), 2))
_BULLET = re.compile(rb"[ \t>]*(?:[-*+]|\d{1,3}[.)]|\xe2\x80\xa2)(?:[ \t]|\xc2\xa0)")
_TITLE_LINE = re.compile(rb"[ \t>]*(?:\*\*|__|<(?:b|strong)>)[^\r\n]{2,200}(?:\*\*|__|</(?:b|strong)>):?[ \t]*\Z")
_TRAINING = re.compile(r"\b(?:pre-?|fine-?)?(?:training|tuning)\b|训练|訓練|学習|\bentrena|\bentraîn|\btreina", re.IGNORECASE)
_USE = re.compile(
    r"\b(?:inference|validation|evaluation|testing|deployment|serving|inferen[cz]|inférence)|推理|推論", re.IGNORECASE
)
_LINE_CHOICE = re.compile(r"(?:line\s{1,3})?(\d{1,7})", re.IGNORECASE)


def find_fields(document: Document, hidden: Collection[int] = (), page: int | None = None) -> Fields:
    """Find the groups of fields.

    Args:
        document: the card.
        hidden: the indices of lines that are not searched: our own blocks.
        page: the index of the line below which the section of a page's text stands, which has no headings.
    """
    sections = find_sections(document)
    groups: list[Group] = []
    found_in = sections[0] if sections else None
    for section in sections:
        lined, tabled = _in_section(document, section, hidden)
        if groups and not any(_is_sure(group) for group in lined):
            continue  # a few words under a later heading are no second group
        if not groups:
            found_in = section
        groups += [*lined, *tabled]
    if any(group.table is None for group in groups) or (groups and sections):
        return _fields(found_in, _named_apart(document, groups, sections))
    found = line_labels(document, range(len(document.starts)), hidden, inside=False)
    runs = _runs(document, found, hidden)
    loose = _loose(document, runs, hidden)
    if not loose and page is not None:
        below = Section(heading=page, end=_below(document, page, hidden), level=BOLD)
        named = _in_section(document, below, hidden)[0]
        loose = [group for group in named if any(span.label.sureness >= PAIR for span in group.spans.values())]
    if not loose and not sections:
        loose = _only_emissions(document, runs, hidden)
    if not sections and len(loose) <= 1 and (listed := beside_emissions(document, found, loose)):
        loose = _groups(_Where(document, range(listed[0].line, listed[-1].line + 1), hidden), listed)
    if loose:
        return _fields(None, loose)
    if sections:
        return Fields(section=sections[0])
    return _fields(None, _loose_tables(document, hidden))


def choose(layout: Fields, name: str, number: Callable[[int], int] = lambda index: index + 1) -> Fields:
    """The layout with the group of a name as its main one.

    Args:
        layout: the card's layout.
        name: the group's name, whatever its case and markup, or its beginning if no other group's name begins so; also the
            number of the line at which it starts.
        number: gives the line number that people see for an index.

    Raises:
        CardError: if no group, or more than one, has the name; the message names them with their lines.
    """
    wanted = fold(name)
    exact = [group for group in layout.groups if group.name is not None and fold(group.name) == wanted]
    begun = [group for group in layout.groups if group.name is not None and wanted and fold(group.name).startswith(wanted)]
    line = _LINE_CHOICE.fullmatch(name.strip())
    lined = [group for group in layout.groups if line and number(group.line) == int(line[1])]
    for found in (exact, begun, lined):
        if len(found) == 1:
            return msgspec.structs.replace(layout, main=found[0], chosen=True)
        if found:
            raise CardError(f"several groups of fields are meant by {name!r}: {listed(found, number)}; name one")
    if not layout.groups:
        raise CardError(f"the card has no groups of fields, so none is named {name!r}; leave out the group")
    raise CardError(f"no group of fields is named {name!r}; the card has {listed(layout.groups, number)}")


def group_key(layout: Fields) -> str:
    """What tells the main group from the card's others: its name, with its number where another has the name; else empty."""
    if layout.main is None or not layout.chosen or len(layout.groups) == 1:
        return ""
    name = layout.main.name or "group"
    same = sum(1 for group in layout.groups if fold(group.name or "group") == fold(name))
    return name if layout.main.name and same == 1 else f"{name} {layout.groups.index(layout.main) + 1}"


def listed(groups: Iterable[Group], number: Callable[[int], int]) -> str:
    """Groups in words, with their lines: `'Small' (line 9), one without a name (line 15)`."""
    every = list(groups)
    said = [f"{repr(one.name[:80]) if one.name else 'one without a name'} (line {number(one.line)})" for one in every[:_LISTED]]
    return ", ".join([*said, f"and {len(every) - _LISTED} more"] if len(every) > _LISTED else said)


def fold(name: str) -> str:
    """A group's name without markup, case and outer marks, as it is compared."""
    return " ".join(readable(name.encode()).casefold().replace("·", " ").strip(" :.*_#`").split())


def _fields(section: Section | None, groups: Sequence[Group]) -> Fields:
    """The layout, with its main group if it can be told."""
    lined = [group for group in groups if group.table is None]
    main = groups[0] if len(groups) == 1 else lined[0] if len(lined) == 1 else _of_training(groups)
    return Fields(section=section, groups=tuple(groups), main=main)


def _of_training(groups: Sequence[Group]) -> Group | None:
    """The one group whose name says that it is of the training, where the names of all others say that they are of use."""
    training = [group for group in groups if group.name and _TRAINING.search(group.name)]
    using = [group for group in groups if group.name and _USE.search(group.name)]
    return training[0] if len(training) == 1 and len(using) == len(groups) - 1 and training[0] not in using else None


def _is_sure(group: Group) -> bool:
    return any(span.label.sureness == EXACT for span in group.spans.values())


def _in_section(document: Document, section: Section, hidden: Collection[int]) -> tuple[list[Group], list[Group]]:
    """The groups of a section: those of lines, and those of tables; the only one of a table is part of the only one of lines."""
    lines = range(section.heading, section.end)
    found = line_labels(document, lines, hidden, inside=True)
    tables = find_tables(document, lines)
    covered = {i for table in tables for i in range(table.first, table.last + 1)}
    lined = _groups(_Where(document, lines, hidden), [one for one in found if one.line not in covered])
    tabled = [group for table in tables if table.first not in hidden for group in table_groups(document, table, loose=False)]
    if len(lined) == 1 and len(tabled) == 1:
        spans = tabled[0].spans | lined[0].spans
        return [Group(name=lined[0].name, line=min(span.line for span in spans.values()), spans=spans)], []
    return lined, tabled


# -- Groups of lines --------------------------------------------------------------------------------------------------


class _Where(NamedTuple):
    """Where labels were found: a card, lines of it, and those of these that are not searched: our own blocks."""

    document: Document
    lines: range
    hidden: Collection[int]


def _groups(where: _Where, found: Sequence[Found]) -> list[Group]:
    """Part labels into groups."""
    document = where.document
    kept = _without_parents(document, found)
    if not kept:
        return []
    labelled = frozenset(one.line for one in kept)
    whole = _group(document, kept, labelled, None)
    if not _repeats(kept):
        return [whole]
    pieces: list[_Piece] = [(None, kept)]
    for part in (_by_heading, _by_title, _by_item):
        pieces = [piece for name, one in pieces for piece in (part(where, one, name) if _repeats(one) else [(name, one)])]
    pieces = [piece for name, one in pieces for piece in (_by_cycle(one, name) if _repeats(one) else [(name, one)])]
    groups = [_group(document, one, labelled, name) for name, one in pieces]
    full = [group for group in groups if len(group.spans) >= _GROUP]
    if len(full) == 1 and all(len(group.spans) == 1 for group in groups if group is not full[0]):
        return full  # one more word on the hardware somewhere is no second group
    return groups


_Piece = tuple[str | None, list[Found]]


def _repeats(found: Sequence[Found]) -> list[Found]:
    """The labels that name a field as surely as one before them."""
    best: dict[FieldName, int] = {}
    for one in found:
        best[one.label.name] = max(best.get(one.label.name, 0), one.label.sureness)
    seen: set[FieldName] = set()
    again = []
    for one in found:
        if one.label.sureness < best[one.label.name]:
            continue
        if one.label.name in seen:
            again.append(one)
        seen.add(one.label.name)
    return again


def _group(document: Document, found: Sequence[Found], labelled: Collection[int], name: str | None) -> Group:
    """The fields of a group: for each, the label that names it most surely; `also` is where one stands again."""
    chosen: dict[FieldName, Found] = {}
    for one in found:
        before = chosen.get(one.label.name)
        if before is None or one.label.sureness > before.label.sureness:
            chosen[one.label.name] = one
    again = {one.label.name: one.line for one in reversed(_repeats(found))}
    spans = {
        field: msgspec.structs.replace(field_span(document, one, labelled), also=again.get(field))
        for field, one in chosen.items()
    }
    return Group(name=name, line=min(one.line for one in found), spans=spans)


def _without_parents(document: Document, found: Sequence[Found]) -> list[Found]:
    """The labels without those that only lead a list of others, and without the items of a value that is a list.

    `co2 eq emissions:` above a list with `emissions: 5 g` in it is that list's title; `Hardware Used:` above `CPU: …` and
    `GPU: …` is a field whose value is the list.
    """
    dropped: set[int] = set()
    lines = [one.line for one in found]
    for place, one in enumerate(found):
        if place in dropped or not _BULLET.match(one.label.lead):
            continue
        end = _extent(document, one, lines[-1])
        children = [i for i in range(place + 1, bisect_left(lines, end + 1)) if i not in dropped]
        names = {found[i].label.name for i in children}
        said = document.raw[one.start : one.end].strip()
        if one.label.name not in names:
            continue
        if said or names == {one.label.name}:
            dropped |= {i for i in children if found[i].label.name == one.label.name}
        else:
            dropped.add(place)
    return [one for place, one in enumerate(found) if place not in dropped]


def _extent(document: Document, one: Found, last: int) -> int:
    """The last line, up to `last`, of the items nested below an item."""
    own = _indent(one.label.lead)
    end = one.line
    for index in range(one.line + 1, last + 1):
        text = document.text(index)
        if not text.strip():
            continue
        if not text.startswith((b" ", b"\t", b">")) or _indent(text) < own + NESTED:
            break
        end = index
    return end


def _indent(text: bytes) -> int:
    """The width of a line's indentation, with tabs of four."""
    return len(text[: len(text) - len(text.lstrip(b" \t>"))].expandtabs(4))


def _apart(found: Sequence[Found], title_of: Callable[[Found], tuple[int, str | None]], name: str | None) -> list[_Piece]:
    """Labels parted by what stands above them."""
    pieces: dict[int, tuple[str | None, list[Found]]] = {}
    for one in found:
        place, title = title_of(one)
        pieces.setdefault(place, (title or name, []))[1].append(one)
    return list(pieces.values())


def _by_heading(where: _Where, found: list[Found], name: str | None) -> list[_Piece]:
    """Part labels by the heading above them."""
    headings = headings_in(where.document, where.lines[1:])
    starts = [heading.line for heading in headings]

    def above(one: Found) -> tuple[int, str | None]:
        place = bisect_left(starts, one.line + (0 if one.heading else 1)) - 1
        return (place, readable(headings[place].text.encode())) if place >= 0 else (-1, None)

    return _apart(found, above, name)


def _by_title(where: _Where, found: list[Found], name: str | None) -> list[_Piece]:
    """Part labels by the bold line above them."""
    document = where.document
    skipped = {one.line for one in found}.union(where.hidden)
    titles = [
        index
        for index in range(max(where.lines.start, found[0].line - _NESTED), found[-1].line)
        if index not in skipped and _TITLE_LINE.match(document.text(index)) and not _BULLET.match(document.text(index))
    ]

    def above(one: Found) -> tuple[int, str | None]:
        place = bisect_left(titles, one.line) - 1
        return (place, readable(document.text(titles[place]).strip()).strip(" :")) if place >= 0 else (-1, None)

    return _apart(found, above, name)


def _by_item(where: _Where, found: list[Found], name: str | None) -> list[_Piece]:
    """Part labels by the item that they are nested below."""

    def above(one: Found) -> tuple[int, str | None]:
        width = _indent(one.label.lead)
        outermost: tuple[int, str | None] = (-1, None)
        for index in range(one.line - 1, max(where.lines.start, one.line - _NESTED), -1):
            text = where.document.text(index)
            bullet = _BULLET.match(text) if width and index not in where.hidden else None
            if bullet and _indent(text) < width:
                width = _indent(text)
                outermost = index, readable(text[bullet.end() :].strip()).strip(" :*_")
        return outermost

    return _apart(found, above, name)


def _by_cycle(found: list[Found], name: str | None) -> list[_Piece]:
    """Part labels where the first field comes again, if that parts them into groups of which none repeats a field."""
    pieces: list[list[Found]] = []
    for one in found:
        if not pieces or one.label.name == found[0].label.name:
            pieces.append([])
        pieces[-1].append(one)
    if len(pieces) < 2 or any(_repeats(piece) or len(piece) < 2 for piece in pieces):  # noqa: PLR2004 - groups of fields
        return [(name, found)]
    return [(name, piece) for piece in pieces]


def _named_apart(document: Document, groups: list[Group], sections: Sequence[Section]) -> list[Group]:
    """Groups of several sections, each with a name: its own, or that of the heading above its section."""
    if len(groups) < 2 or len(sections) < 2:  # noqa: PLR2004 - several
        return groups
    named = []
    starts = [section.heading for section in sections]
    for group in groups:
        section = sections[bisect_right(starts, group.line) - 1]
        above = headings_in(document, range(max(section.heading - _FAR, 0), section.heading))
        title = next((heading.text for heading in reversed(above) if heading.level < section.level), None)
        name = group.name or (readable(title.encode()) if title else None)
        named.append(msgspec.structs.replace(group, name=name))
    return named


# -- Outside a section ------------------------------------------------------------------------------------------------


def _runs(document: Document, found: Sequence[Found], hidden: Collection[int]) -> list[list[Found]]:
    """Labels that name a field for sure, in runs that stand close together and under one heading."""
    headings = [heading.line for heading in top_headings(document)]
    runs: list[list[Found]] = []
    for one in found:
        if one.label.sureness < PAIR:
            continue
        last = runs[-1][-1].line if runs else -1
        parted = bisect_left(headings, last + 1) != bisect_left(headings, one.line)
        far = one.line - last > _GROUP_GAP and _below(document, last, hidden) < one.line
        if not runs or parted or far:
            runs.append([])
        runs[-1].append(one)
    return runs


def _loose(document: Document, runs: Sequence[list[Found]], hidden: Collection[int]) -> list[Group]:
    """The groups of runs that name at least three different fields."""
    full = [run for run in runs if len({one.label.name for one in run}) >= _GROUP]
    groups = []
    for run in full:
        above = headings_in(document, range(max(run[0].line - _FAR, 0), run[0].line))
        name = readable(above[-1].text.encode()) if above and len(full) > 1 else None
        parts = _groups(_Where(document, range(run[0].line, run[-1].line + 1), hidden), run)
        groups += [part if part.name or name is None else msgspec.structs.replace(part, name=name) for part in parts]
    return groups


def _below(document: Document, line: int, hidden: Collection[int]) -> int:
    """The line up to which another still stands close by: blank lines and our own blocks do not move it away."""
    index, said = line, 0
    while said < _GROUP_GAP and index + 1 < len(document.starts):
        index += 1
        said += index not in hidden and not document.is_blank(index)
    return index + 1 if said < _GROUP_GAP else index


def _only_emissions(document: Document, runs: Sequence[list[Found]], hidden: Collection[int]) -> list[Group]:
    """The one line of a list, in a card without a section, that states the emissions in a unit: AutoTrain's; with its run."""
    found = [(one, run) for run in runs for one in run if one.label.name == "carbon_emitted"]
    if len(found) != 1 or found[0][0].label.unit_g is None or not _BULLET.match(found[0][0].label.lead):
        return []
    run = found[0][1]
    groups = _groups(_Where(document, range(run[0].line, run[-1].line + 1), hidden), run)
    return groups if len(groups) == 1 else []


def _loose_tables(document: Document, hidden: Collection[int]) -> list[Group]:
    """The groups of tables outside any section that name at least three fields."""
    words = document.lowered
    if b"|" not in words and seek(words, b"<table", 0) < 0:
        return []
    if not any(word in words for word in _TABLE_WORDS) and not any(seek(words, word, rare) >= 0 for word, rare in _SHORT_WORDS):
        return []
    tables = [table for table in find_tables(document) if table.first not in hidden]
    return [group for table in tables for group in table_groups(document, table, loose=True)]
