"""YAML as nodes with their spans in bytes, by PyYAML's parser.

The parser's events are read, not its objects: nothing is constructed or expanded, so an alias bomb stays small, and nesting is
bounded before anything recurses. The parser counts characters; spans are mapped to bytes.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 64
MAX_NODES: Final = 20_000
"""Keys, values and lists, which takes half a second; many entries of plain words are known without a parser."""
MAX_EXPANDED: Final = 100_000  # nodes, once aliases are followed

_STRAY: Final = re.compile("[\udc80-\udcff]")


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A YAML node: a scalar with its text, a mapping with its entries, or a list with its items; spans in bytes.

    `style` is the scalar's quote (or `|`, `>`), or `flow` or `block`. An alias holds the anchor's name as its text.
    """

    kind: str
    start: int
    end: int
    style: str = ""
    text: str = ""
    plain: bool = False
    tag: str = ""
    anchor: str = ""
    entries: tuple[tuple[Node, Node], ...] = ()
    items: tuple[Node, ...] = ()

    def find(self, key: str) -> tuple[Node, Node] | None:
        """The entry of a mapping with this key."""
        return next(((k, v) for k, v in self.entries if k.kind == "scalar" and k.text == key), None)

    def moved(self, by: int) -> Node:
        """The same node so many bytes further on."""
        return msgspec.structs.replace(
            self,
            start=self.start + by,
            end=self.end + by,
            entries=tuple((key.moved(by), value.moved(by)) for key, value in self.entries),
            items=tuple(item.moved(by) for item in self.items),
        )


class TooMuchError(Exception):
    """YAML that is nested too deep, expands beyond measure, or holds two documents; with its place in bytes."""

    def __init__(self, reason: str, place: int, *, hostile: bool = True) -> None:
        self.reason = reason
        self.place = place
        self.hostile = hostile
        super().__init__(reason)


def decoded(data: bytes) -> str:
    """YAML's text for the parser: each byte that is not UTF-8 is one character, so that positions still map."""
    return _STRAY.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


def parse(data: bytes, most: float = MAX_NODES) -> Node | None:
    """The top node of a text of so many nodes at most, with spans from its beginning; None for an empty text.

    Raises:
        yaml.YAMLError: for what is not YAML.
        TooMuchError: for what no card needs.
    """
    return _Builder(data, most).build()


def value_of(node: Node) -> Any:
    """A node's value in plain Python types that JSON has, as PyYAML's safe loader would read it."""
    if node.kind == "mapping":
        return {key.text: value_of(value) for key, value in node.entries}
    if node.kind == "list":
        return [value_of(item) for item in node.items]
    return scalar_value(node.text, plain=node.plain)


def scalar_value(text: str, *, plain: bool) -> Any:
    """A scalar's value; what JSON has no type for (dates, NaN) stays the text that it was."""
    return _resolved(text) if plain else text


@lru_cache(maxsize=1024)  # the same few words and numbers stand in many cards
def _resolved(text: str) -> Any:
    """The value of plain text."""
    import yaml

    loader = yaml.SafeLoader("")
    try:
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # PyYAML's stub
        value = loader.construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError):
        return text
    finally:
        loader.dispose()
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return value if isinstance(value, bool | int | float | str | None) else text


def meaning(node: Node) -> object:
    """A node without its positions: nodes of equal meaning read equal to every reader of YAML."""
    inside = [(meaning(key), meaning(value)) for key, value in node.entries], [meaning(item) for item in node.items]
    return (node.kind, node.text, node.plain, node.tag, node.anchor, inside)


def tied(node: Node) -> Node | None:
    """The first node, in a node, that is an alias, is anchored, tagged or merged: others may hang on it."""
    if node.kind == "alias" or node.anchor or node.tag or any(key.text == "<<" for key, _ in node.entries):
        return node
    inside = [*node.items, *(part for entry in node.entries for part in entry)]
    return next((found for part in inside if (found := tied(part)) is not None), None)


def doubled_key(node: Node) -> Node | None:
    """The first key of a mapping that stands in it for a second time."""
    seen: set[str] = set()
    for key, _ in node.entries:
        if key.kind == "scalar" and key.text in seen and key.text != "<<":
            return key
        seen.add(key.text)
    return None


class _Open:
    """A mapping or list that is being read."""

    def __init__(self, event: Any, start: int, *, kind: str) -> None:
        self.event = event
        self.start = start
        self.kind = kind
        self.children: list[Node] = []
        self.size = 1


class _Builder:
    """Builds the tree of nodes from the parser's events."""

    def __init__(self, data: bytes, most: float) -> None:
        self.most = most
        self.text = data.decode("utf-8", "surrogateescape")
        # Where each character starts; counted only where characters are not all single bytes.
        self.offsets: list[int] | None = None
        if len(self.text) != len(data):
            widths = (len(character.encode("utf-8", "surrogateescape")) for character in self.text)
            self.offsets = list(accumulate(widths, initial=0))
        self.sizes: dict[str, int] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.documents = 0
        self.nodes = 0

    def build(self) -> Node | None:
        """The top node; None for an empty text."""
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        for event in yaml.parse(_STRAY.sub("\ufffd", self.text), Loader=loader):
            self._take(event, yaml)
        return self.root

    def _take(self, event: Any, yaml: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._add(event, self._scalar(event), 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
            self.stack.append(_Open(event, self._start(event), kind=kind))
            if len(self.stack) > MAX_DEPTH:
                raise TooMuchError(f"is nested more than {MAX_DEPTH} deep", self._start(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            node = Node(kind="alias", start=self._start(event), end=self._end(event), text=event.anchor)
            self._add(event, node, self.sizes.get(event.anchor, 1))
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise TooMuchError("holds two YAML documents", self._start(event), hostile=False)

    def _close(self, event: Any) -> None:
        opened = self.stack.pop()
        children = opened.children
        pairs = tuple(zip(children[::2], children[1::2], strict=True)) if opened.kind == "mapping" else ()
        node = Node(
            kind=opened.kind,
            start=opened.start,
            end=self._end(event),
            style="flow" if opened.event.flow_style else "block",
            tag=opened.event.tag or "",
            anchor=opened.event.anchor or "",
            entries=pairs,
            items=tuple(children) if opened.kind == "list" else (),
        )
        self._add(opened.event, node, opened.size)

    def _scalar(self, event: Any) -> Node:
        return Node(
            kind="scalar",
            start=self._start(event),
            end=self._end(event),
            style=event.style or "",
            text=event.value,
            plain=event.implicit[0],
            tag=event.tag or "",
            anchor=event.anchor or "",
        )

    def _add(self, event: Any, node: Node, size: int) -> None:
        if node.anchor:
            self.sizes[node.anchor] = size
        self.nodes += 1
        if self.nodes > self.most:
            raise TooMuchError(f"holds more than {self.most:,} keys and values, and is left alone", node.start, hostile=False)
        if not self.stack:
            self.root = node
            return
        self.stack[-1].children.append(node)
        self.stack[-1].size += size
        if self.stack[-1].size > MAX_EXPANDED:
            raise TooMuchError("has aliases that expand beyond measure", self._start(event))

    def _start(self, event: Any) -> int:
        index: int = event.start_mark.index
        return index if self.offsets is None else self.offsets[index]

    def _end(self, event: Any) -> int:
        index: int = event.end_mark.index
        return index if self.offsets is None else self.offsets[index]
