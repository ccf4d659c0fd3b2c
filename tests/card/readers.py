"""How others read a card: PyYAML, huggingface_hub, and a Markdown parser. Nothing here uses our own reader. Not a test itself."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

import yaml
from markdown_it import MarkdownIt

KEY: Final = "co2_eq_emissions"
_EOL: Final = re.compile(rb"\r\n|\r|\n")
# The Hub's expression in JavaScript, whose white space differs from Python's: the mark of byte order counts, `\x1c` does not.
_SPACE: Final = "[\\t\\n\\v\\f\\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
_HUB: Final = re.compile(rf"\A({_SPACE}*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|\Z))")
_EMPTY: Final = re.compile(rf"\A{_SPACE}*---(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|\Z)")


class Front(NamedTuple):
    """Front matter as the Hub's site cuts it out: its text, and all before the body."""

    text: str
    whole: str


def decoded(raw: bytes) -> str:
    """A card's text, each byte that is not UTF-8 as the replacement character."""
    return raw.decode("utf-8", "replace")


def front_of(raw: bytes) -> Front | None:
    """The front matter that the Hub's site sees."""
    found = _HUB.match(decoded(raw))
    return Front(found[2], found[0]) if found else None


def body_of(raw: bytes) -> tuple[str, int]:
    """The text after the front matter, and the number of lines before it; dashes right after dashes are an empty one."""
    text = decoded(raw)
    found = _HUB.match(text) or _EMPTY.match(text)
    before = found[0] if found else "\ufeff" * text.startswith("\ufeff")
    return text[len(before) :], len(_EOL.findall(before.encode()))


@lru_cache(maxsize=512)
def _loaded(text: str) -> Any:
    return yaml.safe_load(text)


def _without_ours(found: Any) -> object:
    if isinstance(found, dict):
        return [(repr(key), repr(value)) for key, value in found.items() if key != KEY]
    return [] if found is None else repr(found)


def yaml_others(raw: bytes) -> object:
    """All other keys with their values and types, in their order, by PyYAML; an error's type where it has one."""
    front = front_of(raw)
    if front is None:
        return []
    try:
        return _without_ours(_loaded(front.text))
    except Exception as error:  # noqa: BLE001 - PyYAML raises whatever Python's constructors raise
        return type(error).__name__


def yaml_ours(raw: bytes) -> Any:
    """Our own key's value by PyYAML; None where there is none or it cannot be read."""
    front = front_of(raw)
    try:
        found = _loaded(front.text) if front else None
    except Exception:  # noqa: BLE001 - likewise
        return None
    return found.get(KEY) if isinstance(found, dict) else None


@lru_cache(maxsize=512)
def _hub_card(text: str) -> Any:
    from huggingface_hub import ModelCard
    from huggingface_hub.utils import logging

    quiet: Any = logging
    quiet.set_verbosity_error()
    card: Any = ModelCard(text, ignore_metadata_errors=True)
    return card.data.to_dict()


def hub_others(raw: bytes) -> object:
    """All other keys as huggingface_hub's own `ModelCard` has them; an error's type where it cannot load the card."""
    found = hub_data(raw)
    return found if isinstance(found, str) else _without_ours(found)


def hub_data(raw: bytes) -> Any:
    """What `ModelCard` holds of the front matter that the site sees; an error's type where it cannot load it."""
    front = front_of(raw)
    if front is None:
        return {}
    try:
        return _hub_card(front.whole[front.whole.index("---") :])
    except Exception as error:  # noqa: BLE001 - likewise
        return type(error).__name__


class Piece(NamedTuple):
    """A part of the rendered page: inside what, what it says, and its lines in the file, the last one not included."""

    where: tuple[str, ...]
    text: str
    first: int
    last: int

    @property
    def is_code(self) -> bool:
        """Whether it is shown as code."""
        return self.where[-1] in {"fence", "code_block"}


_MARKDOWN: Final = MarkdownIt("commonmark").enable("table")


def page(raw: bytes) -> list[Piece]:
    """The pieces of text that a reader sees, in their order."""
    body, before = body_of(raw)
    found: list[Piece] = []
    where: list[str] = []
    for token in _MARKDOWN.parse(body):
        if token.nesting == 1:
            where.append(token.tag + token.type.removesuffix("_open"))
        elif token.nesting == -1:
            where.pop()
        elif token.map is not None and (token.content or token.type == "hr"):
            first, last = token.map
            found.append(Piece((*where, token.type), token.content.rstrip(), first + before, last + before))
    return found


def seen(raw: bytes) -> str:
    """All letters and digits that the rendered page shows, without code and comments."""
    shown: list[str] = []
    for token in _MARKDOWN.parse(body_of(raw)[0]):
        if token.type == "inline":
            shown += [child.content for child in token.children or () if child.type in {"text", "text_special", "code_inline"}]
        elif token.type == "html_block":
            shown.append(re.sub(r"<!--.*?-->|<[^<>]*>", " ", token.content, flags=re.DOTALL))
    return letters("".join(shown))


def letters(text: str) -> str:
    """Letters and digits alone, so that escapes and markup make no difference."""
    return re.sub(r"[\W_]+", "", html.unescape(text))


def line_of(raw: bytes, place: int) -> int:
    """The index of the line that holds a byte, by any of the three line ends."""
    return len(_EOL.findall(raw[:place])) - (raw[place - 1 : place + 1] == b"\r\n")
