"""The `co2_eq_emissions` of a card's front matter: every key and value with its span in bytes, by PyYAML's parser.

The parser's events are read, not its objects: nothing is constructed or expanded, so an alias bomb stays small, nesting is
bounded before anything recurses, and what is compared after an edit is the text's meaning to every YAML reader. The parser
counts characters; spans are mapped to bytes.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from footprint.card.document import Document
from footprint.errors import CardError

_STRAY: Final = re.compile("[\udc80-\udcff]")
KEY: Final = "co2_eq_emissions"
MAX_BYTES: Final = 512 * 1024
MAX_DEPTH: Final = 64
MAX_EXPANDED: Final = 100_000  # nodes, once aliases are followed


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


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """A card's front matter as far as we need it: the top mapping, and why it cannot be edited if it cannot."""

    root: Node | None = None
    problem: str | None = None
    problem_line: int | None = None

    def emissions(self) -> tuple[Node, Node] | None:
        """The entry `co2_eq_emissions`, key and value."""
        return self.root.find(KEY) if self.root is not None else None


def read_metadata(document: Document) -> Metadata:
    """Read the front matter's structure. What is not valid YAML is told in `problem`, not raised: the body can be read still.

    Raises:
        CardError: for a key that stands twice at the top or among ours, an anchor or alias in our entry, too deep nesting, an
            alias bomb, or a front matter that is too large.
    """
    front = document.front_matter
    if front is None:
        if document.unseen is None:
            return Metadata()
        problem = f"the Hub does not see the front matter that starts here: {document.unseen.reason}"
        return Metadata(problem=problem, problem_line=document.line_number(document.unseen.place))
    if front.end - front.start > MAX_BYTES:
        raise CardError(f"the front matter is larger than {MAX_BYTES // 1024} KiB", document.line_number(front.start))
    import yaml

    try:
        root = _Builder(document).build()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = document.line_number(front.start) + (mark.line if mark is not None else 0)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        return Metadata(problem=f"the front matter is not valid YAML: {reason}", problem_line=line)
    if root is None:
        return Metadata()
    if root.kind != "mapping" or root.style == "flow":
        what = "an unrendered template" if b"{{" in document.raw[front.start : front.end] else "not a block of keys"
        return Metadata(root=root if root.kind == "mapping" else None, problem=f"the front matter is {what}")
    _refuse_doubles(document, root)
    return Metadata(root=root)


def value_of(node: Node) -> Any:
    """A node's value in plain Python types that JSON has, as PyYAML's safe loader would read it."""
    if node.kind == "mapping":
        return {key.text: value_of(value) for key, value in node.entries}
    if node.kind == "list":
        return [value_of(item) for item in node.items]
    return scalar_value(node.text, plain=node.plain)


def scalar_value(text: str, *, plain: bool) -> Any:
    """A scalar's value; what JSON has no type for (dates, NaN) stays the text that it was."""
    import math

    import yaml

    loader = yaml.SafeLoader("")
    try:
        tag = loader.resolve(yaml.ScalarNode, text, (plain, not plain))  # type: ignore[no-untyped-call]  # PyYAML's stub
        value = loader.construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError):
        return text
    finally:
        loader.dispose()
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return value if isinstance(value, bool | int | float | str | None) else text


def other_entries(metadata: Metadata) -> list[object]:
    """The meaning of the front matter but for our entry: equal lists parse equal in every other key, for every reader."""
    if metadata.root is None:
        return []
    return [(_meaning(key), _meaning(value)) for key, value in metadata.root.entries if key.text != KEY]


def _meaning(node: Node) -> object:
    """A node without its positions."""
    inside = [(_meaning(key), _meaning(value)) for key, value in node.entries], [_meaning(item) for item in node.items]
    return (node.kind, node.text, node.plain, node.tag, node.anchor, inside)


class _Open:
    """A mapping or list that is being read."""

    def __init__(self, event: Any, *, kind: str) -> None:
        self.event = event
        self.kind = kind
        self.children: list[Node] = []
        self.size = 1


class _Builder:
    """Builds the tree of nodes from the parser's events."""

    def __init__(self, document: Document) -> None:
        assert document.front_matter is not None
        self.document = document
        self.start = document.front_matter.start
        data = document.raw[self.start : document.front_matter.end]
        # Bytes that are not UTF-8 become one character each, so that positions still map.
        self.text = data.decode("utf-8", "surrogateescape")
        self.one_to_one = len(self.text) == len(data)
        self.sizes: dict[str, int] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.documents = 0

    def build(self) -> Node | None:
        """The top node; None for an empty front matter."""
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        for event in yaml.parse(_STRAY.sub("\ufffd", self.text), Loader=loader):
            self._take(event, yaml)
        return self.root

    def _take(self, event: Any, yaml: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise CardError("the front matter holds two YAML documents", self._line(event))
        elif isinstance(event, yaml.CollectionStartEvent):
            self.stack.append(_Open(event, kind="mapping" if isinstance(event, yaml.MappingStartEvent) else "list"))
            if len(self.stack) > MAX_DEPTH:
                raise CardError(f"the front matter is nested more than {MAX_DEPTH} deep", self._line(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(event, self._scalar(event), 1)
        elif isinstance(event, yaml.AliasEvent):
            start, end = self._span(event, event)
            self._add(event, Node(kind="alias", start=start, end=end, text=event.anchor), self.sizes.get(event.anchor, 1))

    def _close(self, event: Any) -> None:
        opened = self.stack.pop()
        start, end = self._span(opened.event, event)
        children = opened.children
        pairs = tuple(zip(children[::2], children[1::2], strict=True)) if opened.kind == "mapping" else ()
        node = Node(
            kind=opened.kind,
            start=start,
            end=end,
            style="flow" if opened.event.flow_style else "block",
            tag=opened.event.tag or "",
            anchor=opened.event.anchor or "",
            entries=pairs,
            items=tuple(children) if opened.kind == "list" else (),
        )
        self._add(opened.event, node, opened.size)

    def _scalar(self, event: Any) -> Node:
        start, end = self._span(event, event)
        return Node(
            kind="scalar",
            start=start,
            end=end,
            style=event.style or "",
            text=event.value,
            plain=event.implicit[0],
            tag=event.tag or "",
            anchor=event.anchor or "",
        )

    def _add(self, event: Any, node: Node, size: int) -> None:
        if node.anchor:
            self.sizes[node.anchor] = size
        if not self.stack:
            self.root = node
            return
        self.stack[-1].children.append(node)
        self.stack[-1].size += size
        if self.stack[-1].size > MAX_EXPANDED:
            raise CardError("the front matter's aliases expand beyond measure", self._line(event))

    def _span(self, first: Any, last: Any) -> tuple[int, int]:
        return self._offset(first.start_mark.index), self._offset(last.end_mark.index)

    def _offset(self, index: int) -> int:
        """A character's position as a byte offset in the card."""
        if self.one_to_one:
            return self.start + index
        return self.start + len(self.text[:index].encode("utf-8", "surrogateescape"))

    def _line(self, event: Any) -> int:
        return self.document.line_number(self._offset(event.start_mark.index))


def _refuse_doubles(document: Document, root: Node) -> None:
    """Refuse a key that stands twice, and anchors or aliases in our entry."""
    _unique(document, root)
    ours = root.find(KEY)
    if ours is not None:
        tied = _tied(ours[1])
        if tied is not None:
            raise CardError(f"{KEY} uses an anchor, an alias or a tag: write its values out", document.line_number(tied.start))
        _unique(document, ours[1])


def _unique(document: Document, node: Node) -> None:
    seen: set[str] = set()
    for key, _ in node.entries:
        if key.kind == "scalar" and key.text in seen and key.text != "<<":
            raise CardError(f"the key {key.text!r} stands twice in the front matter", document.line_number(key.start))
        seen.add(key.text)


def _tied(node: Node) -> Node | None:
    """The first node, in a node, that is an alias, is anchored, tagged or merged."""
    if node.kind == "alias" or node.anchor or node.tag or any(key.text == "<<" for key, _ in node.entries):
        return node
    inside = [*node.items, *(part for entry in node.entries for part in entry)]
    return next((found for part in inside if (found := _tied(part)) is not None), None)
