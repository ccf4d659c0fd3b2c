"""Hardware in loose text, as people write it on cards: how many, of what, and what else stands there.

Only text is read here; what a name means, and whether it means anything, is asked elsewhere (`hardware`). Every pattern is
matched against a text of at most `LONGEST` characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from typing import Final, Literal

import msgspec

from footprint.reference import names

LONGEST: Final = 300
Unit = Literal["unit", "device", "core", "node"]

_NUMBERS: Final = {
    "single": 1, "one": 1, "two": 2, "dual": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "sixteen": 16, "thirty-two": 32, "sixty-four": 64,
}  # fmt: skip
_NUMBER: Final = rf"(\d{{1,3}}(?:,\d{{3}})+|\d{{1,7}}|(?:{'|'.join(_NUMBERS)})(?![a-z]))"
_ARTICLE: Final = re.compile(r"(?:an?|the|our|its) ", re.IGNORECASE)
_NODE: Final = r"(?:compute |gpu )?(?:nodes?|servers?|machines?|hosts?)"
_NODES: Final = re.compile(
    rf"{_NUMBER} ?(?:x ?)?{_NODE}[ ,]*(?:each )?(?:of|with|having|containing|x)? (.+)",
    re.IGNORECASE,
)
_CORES: Final = re.compile(_NUMBER + r"[ \-]?(?:tensor ?)?cores? (?:of|on) (.+)", re.IGNORECASE)
_LEADING: Final = re.compile(_NUMBER + r"(?: ?[x*][ \-]?|[ \-](?:x[ \-]?)?)(?:of )?(?=\S)(.+)", re.IGNORECASE)
_TIMES: Final = re.compile(_NUMBER + r" ?[x*]", re.IGNORECASE)
_MOST_FACTORS: Final = 3  # racks, nodes, devices
_DEVICES: Final = r"(gpus?|chips?|cards?|devices?|accelerators?|boards?|(?:tensor ?)?cores?)"
_TRAILING: Final = (
    re.compile(rf"(.+?)[ ,:(\[\-]+[x*] ?{_NUMBER}[)\]]?", re.IGNORECASE),
    re.compile(rf"(.+?)[ ,:(\[\-]+{_NUMBER} ?[x*][)\]]?", re.IGNORECASE),
    re.compile(rf"(.+?)[ ,:(\[\-]+(?:with |of )?{_NUMBER}[ \-]?{_DEVICES}[)\]]?", re.IGNORECASE),
    re.compile(rf"(?!.*mi\d+x)(.+\d)x{_NUMBER}", re.IGNORECASE),  # `A100x8`; the x of MI250X is of its name
)
_NO_COUNT: Final = re.compile(r"(?:gb|gib|g|tb|mb|w|kw|h|hours?|hrs?|days?|%|ghz|mhz|nm|tflops?)\b", re.IGNORECASE)
_ROUGHLY: Final = re.compile(
    r"(?:about|around|approximately|approx\.?|roughly|circa|up to|at least|over|more than|some|~|≈|<|>)\s*(.+)", re.IGNORECASE
)
_EACH: Final = re.compile(r"[ ,]+(?:each|in total|total)$", re.IGNORECASE)
_SITE: Final = re.compile(r"(?:on )?(?:google )?(?:colab|colaboratory|kaggle)(?: ?pro ?\+?)?", re.IGNORECASE)
_AND: Final = re.compile(r"\s*[+&;]\s*|,\s+|\s+(?:and|plus|as well as|attached to)\s+", re.IGNORECASE)
_OR: Final = re.compile(r",?\s+or\s+", re.IGNORECASE)
_MEMORY_ONLY: Final = re.compile(
    r"(?:an? )?\d{1,5} ?(?:gb|gib|tb|g)(?: (?:of )?(?:ram|memory|ddr[345]|system memory|host memory|main memory|cpu ram))*",
    re.IGNORECASE,
)
_FILLER: Final = {
    "a", "an", "the", "with", "of", "type", "each", "vram", "memory", "ram", "hbm2", "hbm2e", "gddr6", "gddr6x", "nvlink",
    "graphics", "gpu", "gpus", "card", "cards", "chip", "chips", "device", "devices", "accelerator", "accelerators", "vm", "vms",
    "ec2", "instance", "instances", "node", "nodes", "server", "servers", "machine", "machines", "system", "systems", "azure",
    "gcp",
}  # fmt: skip
_CLOUDS: Final = {"aws": "aws", "amazon": "aws", "ec2": "aws", "azure": "azure", "gcp": "gcp"}


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A name, and how many of what a text counts beside it.

    `unit` is of that which is named; `device` where the text says so (`8 GPUs`: also of an instance's), `core` of a TPU, or a
    `node` whose devices are not counted.
    """

    name: str
    count: int | None = None
    unit: Unit = "unit"


def counted(text: str) -> Iterator[Counted]:
    """The ways to take a count off a text, none first, the longest name first.

    Two counts that say the same are one (`8x A100 (8 GPUs)`).
    """
    text = _EACH.sub("", _ARTICLE.sub("", text, count=1) if _ARTICLE.match(text) else text)
    for numbers, unit, rest in _front(text):
        yield Counted(name=rest, count=prod(numbers) if numbers else None, unit=unit)
        for name, behind, what in _behind(rest):
            if not numbers:
                yield Counted(name=name, count=behind, unit=what)
            elif unit == "node":  # `4 nodes of A100 x 8`
                yield Counted(name=name, count=prod(numbers) * behind)
            elif what != "core" and behind in {prod(numbers), numbers[-1]}:
                yield Counted(name=name, count=prod(numbers), unit=unit)


def roughly(text: str) -> str | None:
    """What a text says only roughly (`about 64 V100`), without that word; None where it says no such thing."""
    found = _ROUGHLY.fullmatch(text)
    return found[1] if found else None


def without_site(text: str) -> str | None:
    """A text without the name of a service that lends single GPUs (`Google Colab T4`); None where it names none."""
    bare, times = _SITE.subn(" ", text)
    bare = re.sub(r"[(\[]\s*[)\]]", " ", " ".join(bare.split())).strip(" -,:")
    return bare if times else None


def clouds(text: str) -> set[str | None]:
    """The clouds that a text names beside the hardware: an instance of another one is not meant."""
    return {_CLOUDS[word] for word in re.findall(r"[a-z0-9]+", text.lower()) if word in _CLOUDS}


def simpler(text: str) -> Iterator[tuple[str, int | None]]:
    """A name without words that tell no chip from another, then without its memory too: (name, gigabytes that were left out)."""
    large = {word.lower() for word in re.findall(r"\w*\dS\b", text)}  # `L4S` is no plural
    said = [word.upper() if word in large else word for word in names.words(text) if word not in _FILLER]
    said = [word for place, word in enumerate(said) if said[place : place + 2] != ["tensor", "core"]
            and said[max(place - 1, 0) : place + 1] != ["tensor", "core"]]  # fmt: skip
    if not said:
        return
    yield " ".join(said), None
    sizes = [word for word in said if names.memory_gb(word)]
    if len(sizes) == 1 and len(said) > 1:
        yield " ".join(word for word in said if word != sizes[0]), names.memory_gb(sizes[0])


def alternatives(text: str) -> tuple[tuple[str, ...], ...]:
    """The names between which a text leaves the choice, each as it stands and as the first completes it.

    `TPU v3 or v4` is (`TPU v3`) and (`v4`, `TPU v4`). One where it leaves none.
    """
    parts = _OR.split(text)
    start = parts[0].split()[:-1]
    return tuple((part, " ".join([*start, part])) if place and start else (part,) for place, part in enumerate(parts))


def pieces(text: str) -> tuple[str, ...]:
    """The things that a text lists together: `TITAN X + 2x E5-2630 v3 + 256 GB`. One where it lists nothing."""
    return tuple(part for part in _AND.split(text) if part)


def is_memory(text: str) -> bool:
    """Whether a text says no more than an amount of memory."""
    return _MEMORY_ONLY.fullmatch(text) is not None


def _front(text: str) -> Iterator[tuple[list[int], Unit, str]]:
    """Numbers in front of a name, what they count, and the name: none first, then one, then a product of them."""
    numbers: list[int] = []
    unit: Unit = "unit"
    yield numbers, unit, text
    cores = _CORES.fullmatch(text)
    if cores:
        yield [_number(cores[1])], "core", _ARTICLE.sub("", cores[2], count=1)
        return
    nodes = _NODES.fullmatch(text)
    if nodes:
        numbers, unit, text = [_number(nodes[1])], "node", nodes[2]
        yield numbers, unit, text
    multiplied = True
    for _ in range(_MOST_FACTORS):
        found = _LEADING.fullmatch(text)
        if not found or not multiplied or _NO_COUNT.match(found[2]):
            return
        multiplied = _TIMES.match(text) is not None
        numbers, unit, text = [*numbers, _number(found[1])], "unit", found[2]
        yield numbers, unit, text


def _behind(text: str) -> Iterator[tuple[str, int, Unit]]:
    for pattern in _TRAILING:
        found = pattern.fullmatch(text)
        if found:
            what = found[3] if pattern.groups > 2 else ""  # noqa: PLR2004 - the third is what is counted
            yield found[1].rstrip(" ,-("), _number(found[2]), "core" if "core" in what.lower() else "device" if what else "unit"


def is_number(word: str) -> bool:
    """Whether a word is a number in digits or letters."""
    return word in _NUMBERS or word.isdecimal()


def _number(text: str) -> int:
    return _NUMBERS.get(text.lower()) or int(text.replace(",", ""))
