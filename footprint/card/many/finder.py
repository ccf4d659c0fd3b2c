"""Which cards an argument names: a file, a folder, or a pattern.

A folder names the model cards in it and below; other Markdown of a repository (its change log, its documentation) is nobody's
card and is named one by one, or by a pattern.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import ConfigError

CARD_NAMES: Final = frozenset({"readme.md", "modelcard.md", "model_card.md", "model-card.md"})
"""What a card's file is called in a folder, in lower case."""

_WILD: Final = re.compile(r"[*?\[]")
# A pattern that ends in a wildcard matches weights and code, too; of these the texts are taken.
_TEXTS: Final = frozenset({".md", ".markdown", ".mdx", ".txt"})
# Folders of tools, in which the README is another program's. Hidden ones are left out as well.
_NOT_ENTERED: Final = frozenset({"__pycache__", "node_modules", "site-packages"})


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The cards that arguments name, each once and in their order, and the folders that could not be looked into, with why."""

    files: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...] = ()


def find_cards(named: Sequence[str | os.PathLike[str]]) -> Found:
    """Find the cards that some arguments name.

    A file is taken as it is, whatever its name, also one that is not there (reading it will say so). A folder stands for the
    files in it and below that are called as a card is (`CARD_NAMES`), without hidden folders, those of tools, and links to
    folders. What is neither and holds `*`, `?` or `[` is a pattern; `**` is any depth. Two names of one file count once.

    Raises:
        ConfigError: if a folder holds no card, or a pattern matches nothing: nothing is filled then.
    """
    files: list[str] = []
    unreadable: list[tuple[str, str]] = []
    seen: set[tuple[int, int] | str] = set()
    for argument in named:
        for file in _expand(os.fspath(argument), unreadable):
            identity = _identity(file)
            if identity not in seen:
                seen.add(identity)
                files.append(file)
    return Found(files=tuple(files), unreadable=tuple(unreadable))


def shown(path: str | os.PathLike[str]) -> str:
    """A path, or a message with one in it, as text that can be printed and stored, whatever its bytes."""
    try:
        return os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a pair of UTF-16, which no file's name has
        return os.fspath(path).encode("utf-8", "backslashreplace").decode()


def _expand(argument: str, unreadable: list[tuple[str, str]]) -> Iterator[str]:
    if os.path.isdir(argument):  # noqa: PTH112 - as text: there may be tens of thousands
        yield from _in_folder(argument, unreadable)
    elif _WILD.search(argument) and not os.path.lexists(argument):
        yield from _matching(argument, unreadable)
    else:
        yield argument


def _in_folder(folder: str, unreadable: list[tuple[str, str]]) -> Iterator[str]:
    before = len(unreadable)
    found = False

    def failed(error: OSError) -> None:
        unreadable.append((str(error.filename), error.strerror or str(error)))

    for root, folders, names in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_ENTERED)
        for name in sorted(names):
            if name.lower() in CARD_NAMES:
                found = True
                yield os.path.join(root, name)  # noqa: PTH118 - likewise
    if not found and len(unreadable) == before:
        raise ConfigError(
            f"{folder}: holds no README.md or other model card; name its cards by a pattern: '{folder.rstrip('/')}/*.md'"
        )


def _matching(pattern: str, unreadable: list[tuple[str, str]]) -> Iterator[str]:
    """The files that a pattern matches, and the cards of the folders that it matches."""
    found = False
    for path in sorted(_glob(pattern)):
        if path.is_dir():
            try:
                for file in _in_folder(str(path), unreadable):
                    found = True
                    yield file
            except ConfigError:  # one of several folders may be without a card
                continue
        elif path.suffix.lower() in _TEXTS or not pattern.endswith(("*", "]", "?")):
            found = True
            yield str(path)
    if not found:
        raise ConfigError(f"{pattern}: matches no card")


def _glob(pattern: str) -> Iterable[Path]:
    """What a pattern matches, without what is hidden or a tool's unless the pattern says so; no link to a folder is followed."""
    path = Path(pattern)
    base = Path(path.anchor) if path.anchor else Path()
    parts = path.parts[1:] if path.anchor else path.parts
    steady = next((n for n, part in enumerate(parts) if _WILD.search(part)), len(parts))
    base, parts = base.joinpath(*parts[:steady]), parts[steady:]
    hidden = any(part.startswith(".") for part in parts)
    try:
        for match in base.glob("/".join(parts)):
            below = match.parts[len(base.parts) :]
            if not any((part.startswith(".") and not hidden) or (part in _NOT_ENTERED and part not in parts) for part in below):
                yield match
    except ValueError as error:  # such as `a**b`
        raise ConfigError(f"{pattern}: is no pattern: {error}") from None


def _identity(file: str) -> tuple[int, int] | str:
    """What two names of one file share. A hard link is a file of its own: a fill parts it from the others."""
    try:
        status = os.stat(file)  # noqa: PTH116 - likewise
    except (OSError, ValueError):
        return file
    return os.path.realpath(file) if status.st_nlink > 1 or not stat.S_ISREG(status.st_mode) else (status.st_dev, status.st_ino)
