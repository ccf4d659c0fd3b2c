"""Names of hardware as people and drivers write them, in one form for comparing: exact after normalising, never fuzzy."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_MARKS: Final = re.compile(r"\((?:r|tm|c)\)|[®™©℠]", re.IGNORECASE)
_DASHES: Final = re.compile(r"[\u2010-\u2015\u2212]")
_SEPARATORS: Final = re.compile(r"[\s\-_./,:()\u2010-\u2015]+")
_PLAIN: Final = re.compile(r"[a-z0-9]+")
_MEMORY: Final = re.compile(r"(\d{1,3})(?:gb|gib)|(\d{2,3})g")
_UNITS: Final = {"gb", "gib"}
_MAKERS: Final = {
    "nvidia", "tesla", "geforce", "amd", "radeon", "instinct", "intel", "habana", "google", "cloud", "aws", "amazon", "apple",
}  # fmt: skip
_KIND_WORDS: Final = {"gpu", "gpus", "chip", "chips", "accelerator", "accelerators", "card", "cards", "pod", "pods"}
_LONGEST: Final = 200


def cleaned(text: str) -> str:
    """The text in one line of plain characters: no marks of trade, one kind of dash, of space and of multiplication sign."""
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", _MARKS.sub(" ", text)))
    return " ".join(plain.replace("×", "x").split())


def words(text: str) -> tuple[str, ...]:
    """The words of a name in lower case, its maker in front and `GPU` or `chips` behind left out; `80 GB` and `80G` are `80gb`.

    Empty for a name that holds anything but ASCII letters, digits and separators: what cannot be read is not guessed at.
    """
    if len(text) > _LONGEST:
        return ()
    found = [word for word in _SEPARATORS.split(cleaned(text).lower()) if word]
    if not all(_PLAIN.fullmatch(word) for word in found):
        return ()
    for place in range(len(found) - 1, 0, -1):
        if found[place] in _UNITS and found[place - 1].isdecimal():
            found[place - 1 : place + 1] = [f"{found[place - 1]}gb"]
    found = [f"{memory_gb(word)}gb" if memory_gb(word) else word for word in found]
    while len(found) > 1 and found[0] in _MAKERS:
        found.pop(0)
    while len(found) > 1 and found[-1] in _KIND_WORDS:
        found.pop()
    return tuple(found)


def memory_gb(word: str) -> int | None:
    """The gigabytes that a word such as `80gb` or `80g` says; None for any other word."""
    said = _MEMORY.fullmatch(word)
    return int(said[1] or said[2]) if said else None


def key(text: str) -> str:
    """The words run together: `V100 SXM2`, `v100-sxm2` and `NVIDIA V100 SXM2 GPUs` are one."""
    return "".join(words(text))


def unordered_key(text: str) -> str:
    """The words in alphabetical order: `A100 80GB SXM4` is `A100 SXM4 80GB`."""
    return " ".join(sorted(words(text)))


def index(names: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Key -> the ids that bear it, from (name, id) pairs; both kinds of key, which never look alike but for single words."""
    found: dict[str, list[str]] = {}
    for name, value in names:
        for form in {key(name), unordered_key(name)} - {""}:
            found.setdefault(form, [])
            if value not in found[form]:
                found[form].append(value)
    return {form: tuple(values) for form, values in found.items()}


def look_up(text: str, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The ids that bear this name, as written or in another order of words."""
    return table.get(key(text)) or table.get(unordered_key(text)) or ()


def near(text: str, known: Mapping[str, str], count: int = 4) -> tuple[str, ...]:
    """The names nearest to a text, for an error message: `known` is key -> name as printed."""
    import difflib

    close = difflib.get_close_matches(key(text) or text.lower()[:_LONGEST], known, n=2 * count, cutoff=0.55)
    return tuple(dict.fromkeys(known[form] for form in close))[:count]


def listed(names: Sequence[str], word: str = "or") -> str:
    """`a, b or c`."""
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)
