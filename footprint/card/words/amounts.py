"""Quantities as people write them in cards: `72 (3 days)`, `439 GPU hours`, `960 - 1080 hours`, `30.16 kg CO2 eq.`, `24_700_000`.

Each is an interval in one unit. What can be read in two ways is never settled by a guess: `1.234 kg` is 1.234 kg to one reader
and 1,234 kg to another, so it is an interval over both that says that it is not sure, and the `read_` functions, whose results
are used as facts, give None for it. Only the first `LONGEST` characters of a text are looked at.
"""

from __future__ import annotations

import math
import re
from typing import Final, Literal

import msgspec

from footprint.card.words.amount_words import Unit, number_readings, units_at

LONGEST: Final = 4_000
MOST: Final = 60
"""So many quantities are read of one text: a value that lists more is a table, or no value."""
_MOST_EXPONENT: Final = 30
SAME: Final = 0.1
"""Two statements of one quantity agree within this share (`14.8 days (355 h)`)."""

Kind = Literal["time", "mass", "energy", "power", "intensity", "bare"]
Counted = Literal["wall", "device", "node", "core"]

_NUMBER = re.compile(
    r"""
    (?<![A-Za-z_\d.,$€£#^])(?<![A-Za-z][-/])
    (?:
      (?P<h>\d{1,4})(?:\ ?h\ ?(?P<m>[0-5]?\d)\ ?m(?:in)?|h(?P<mm>[0-5]\d))(?!\w)
    | (?P<clock>\d{1,4}:[0-5]\d:[0-5]\d(?:\.\d{1,9})?)(?![\d:])
    | (?P<digits>\d(?:[\d.,_'’]|(?<=\d)(?:\\,|[\u00a0\u2009\u202f ])(?=\d{3}(?!\d))){0,40})
      (?:[eE](?P<e>[-+]?\d{1,3})(?!\d)
       | \ ?[x×*·]\ ?10\ ?(?:\^|\*\*)\ ?\{?(?P<ten>[-−+]?\d{1,3})\}?)?
      (?P<kilo>\ ?(?-i:[kKMB])(?![A-Za-z\d²])|\ (?:thousand|million|billion)\b)?
    | (?P<word>half\ an?|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?=[ -][A-Za-z])
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WORDS: Final = {
    "half a": 0.5, "half an": 0.5, "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_KILO: Final = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9}
_BETWEEN = re.compile(r"\s{0,3}(?:-{1,2}|–|—|~|\bto\b|\bà\b|\bbis\b)\s{0,3}")
_AND = re.compile(r"\s{0,3}and\s{0,3}", re.IGNORECASE)
_PLUS_MINUS = re.compile(r"\s{0,3}(?:±|\+/-|\+-)\s{0,3}")
_JOINED = re.compile(r"\s{0,3}(?:,|and|&|\+)?\s{0,3}", re.IGNORECASE)
_ROUGH = re.compile(
    r"(?:~|≈|\b(?:about|approx\.?|approximately|around|roughly|circa|ca\.?|estimated|nearly|almost|some))\s{0,3}\Z",
    re.IGNORECASE,
)
_LESS = re.compile(r"(?:<=?|≤|\b(?:less than|under|below|up to|at most|max\.?|maximum|fewer than))\s{0,3}\Z", re.IGNORECASE)
_MORE = re.compile(r"(?:>=?|≥|\b(?:more than|over|at least|min\.?|minimum))\s{0,3}\Z", re.IGNORECASE)
_BETWEEN_WORD = re.compile(r"\bbetween\s{0,3}\Z", re.IGNORECASE)
_PER = re.compile(
    r"[\s,]{0,3}(?:\(?(?:(?:/|\bper\b|\bfor (?:each|every|one)\b)\s{0,3}(?P<what>[\w-]{1,30})|(?P<each>\beach\b|\bapiece\b)))",
    re.IGNORECASE,
)
_WALL = re.compile(r"[\s,]{0,3}(?:\(?\s?(?:of )?(?:wall|elapsed|real time)|[^\w]{0,3}wall)", re.IGNORECASE)
_WALL_BEFORE = re.compile(r"(?:wall[- ]?clock|wall[- ]?time|elapsed)[\w\s:]{0,12}\Z", re.IGNORECASE)
_OF_DEVICES = re.compile(r"\s{0,3}(?:of )?(?:GPU|TPU|accelerator|device|chip)s?[- ]?(?:time|usage|compute)\b", re.IGNORECASE)
_TIMES = re.compile(r"\s{0,3}(?:[x×*]|times)\s{0,3}\d", re.IGNORECASE)
_TIMES_BEFORE = re.compile(r"\d\s{0,3}(?:[x×*]|times)\s{0,3}\Z", re.IGNORECASE)
_PART_OF_A_NAME = re.compile(r"[A-Za-z][\w.]{0,30}-\Z")
_RESTATED = re.compile(r"\s{0,3}[(=≈]\s{0,3}(?:[~≈]|about|approx\.?|approximately|around|roughly|i\.e\.,?|or)?\s{0,3}")


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity as stated: an interval, from `low` to `high` (0 and infinity where only the other bound is stated).

    Bounds are in hours, g, kWh, W or g/kWh by `kind`; a bare number's are as they stand. `unit` is what was stated, None for
    a bare number, and `scale` is how much one of it is in those units. `text` is the passage, from `start` to `end` of what was
    read. `counted` says of a time what it counts (`device` for GPU-hours), None where nothing says it; `per` of what the
    quantity is a part (`epoch`); `rough` that the text says so; `sure` is false where it can be read in two ways.
    """

    kind: Kind
    low: float
    high: float
    unit: str | None
    scale: float
    start: int
    end: int
    text: str
    counted: Counted | None = None
    per: str | None = None
    rough: bool = False
    sure: bool = True

    @property
    def middle(self) -> float:
        """The middle of the interval; a bound where the other is not stated."""
        return self.low if math.isinf(self.high) else self.high if self.low == 0 else (self.low + self.high) / 2

    @property
    def stated(self) -> float:
        """The middle in the stated unit, as the number stands in the text."""
        return self.middle / self.scale


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """The hours that a text states, h: of the clock on the wall, summed over devices, or without a word about which."""

    wall: Amount | None = None
    device: Amount | None = None
    unsaid: Amount | None = None


def find_amounts(text: str, *, decimal: str | None = None) -> tuple[Amount, ...]:
    """All quantities in a text, in its order; numbers without a unit among them, as `bare`.

    Args:
        text: a value, a sentence or a cell, without markup.
        decimal: the decimal mark, `.` or `,`, where it is known; else a number that hangs on it is not sure.
    """
    text = text[:LONGEST]
    return tuple(_merged(text, _ranged(text, _numbers(text, decimal))))[:MOST]


def read_hours(text: str, *, decimal: str | None = None) -> Hours | None:
    """The hours that a value states: `72 (3 days)`, `100 h wall-clock (800 device-hours)`, `439 GPU hours`, `200000`.

    Returns:
        None if it states none, several (`22,000 for the large one, 4,500 for the small one`), a part (`2 h per epoch`), or if
        one that it states twice is not the same both times.
    """
    amounts = find_amounts(text, decimal=decimal)
    times = [amount for amount in amounts if amount.kind == "time"]
    bare = [amount for amount in amounts if amount.kind == "bare"]
    if times and bare and _RESTATED.fullmatch(text[bare[0].end : times[0].start]):
        # `72 (3 days)`: the bare number is hours if the days say the same.
        times = [msgspec.structs.replace(bare[0], kind="time", unit="h"), *times]
    elif not times and len(amounts) == 1 and _is_whole(text, bare[0] if bare else None):
        times = [msgspec.structs.replace(bare[0], kind="time", unit="h")]
    if not times or any(amount.per or not amount.sure or amount.counted in {"node", "core"} for amount in times):
        return None
    found: dict[str, Amount] = {}
    for amount in times:
        first = found.setdefault(amount.counted or "unsaid", amount)
        if not same(first, amount):
            return None
    if "unsaid" in found and "wall" in found:
        if not same(found["unsaid"], found["wall"]):
            return None
        del found["unsaid"]
    return Hours(**found)


def read_mass(text: str, *, decimal: str | None = None, unit_g: float | None = None) -> Amount | None:
    """The mass of CO2e that a value states, g; None if it states none, several that differ, or a part of one.

    Args:
        text: the value.
        decimal: see `find_amounts`.
        unit_g: what one of a bare number is in grams, where the label says it; without it a bare number is no mass.
    """
    return _only(text, "mass", decimal, unit_g)


def read_energy(text: str, *, decimal: str | None = None) -> Amount | None:
    """The energy that a value states, kWh; None if it states none, several that differ, or a part of one."""
    return _only(text, "energy", decimal, None)


def read_power(text: str, *, decimal: str | None = None) -> Amount | None:
    """The power that a value states, W; None if it states none or several that differ."""
    return _only(text, "power", decimal, None)


def same(first: Amount, second: Amount, tolerance: float = SAME) -> bool:
    """Whether two statements can be of one quantity: their intervals meet, each widened by a share."""
    return first.low * (1 - tolerance) <= second.high * (1 + tolerance) and second.low * (1 - tolerance) <= first.high * (
        1 + tolerance
    )


def _only(text: str, kind: Kind, decimal: str | None, unit_scale: float | None) -> Amount | None:
    amounts = find_amounts(text, decimal=decimal)
    found = [amount for amount in amounts if amount.kind == kind]
    if not found and unit_scale is not None and len(amounts) == 1 and _is_whole(text, amounts[0]):
        one = amounts[0]
        found = [msgspec.structs.replace(one, kind=kind, low=one.low * unit_scale, high=one.high * unit_scale, scale=unit_scale)]
    if not found or not all(same(found[0], other) for other in found[1:]):
        return None
    # Watts are stated for one device, whatever the words for it.
    return found[0] if found[0].sure and (kind == "power" or not found[0].per) else None


def _is_whole(text: str, amount: Amount | None) -> bool:
    """Whether a bare number is all that a text says, but for words that make it rough."""
    if amount is None or amount.kind != "bare":
        return False
    before = re.sub(r"approximately|approx\.?|around|about|roughly|[~≈<>≤≥=]", "", text[: amount.start], flags=re.IGNORECASE)
    return not before.strip() and not text[amount.end : LONGEST].strip(" \t.;")


def _numbers(text: str, decimal: str | None) -> list[Amount]:
    """The numbers of a text with the unit behind each."""
    found: list[Amount] = []
    reached = 0
    for match in _NUMBER.finditer(text):
        at = match.start()
        if at < reached or (text[at - 1 : at] == "-" and _PART_OF_A_NAME.search(text[max(0, at - 32) : at])):
            continue
        amount = _amount(text, match, decimal)
        if amount is not None:
            found.append(amount)
            reached = amount.end
        if len(found) >= MOST * 2:
            break
    return found


def _amount(text: str, match: re.Match[str], decimal: str | None) -> Amount | None:
    if match["h"] or match["clock"]:
        parts = match["clock"].split(":") if match["clock"] else [match["h"], match["m"] or match["mm"], "0"]
        value = int(parts[0]) + int(parts[1]) / 60 + float(parts[2]) / 3600
        return _made(text, match.start(), match.end(), (value,), Unit("time", "h:mm:ss", 1.0))
    if match["word"]:
        unit, end = units_at(text, match.end())
        if unit is None or unit.kind != "time":
            return None  # `a kg`, `one model`
        return _made(text, match.start(), end, (_WORDS[match["word"].lower()],), unit)
    digits = match["digits"].rstrip(".,'’_ ")
    end = match.start() + len(digits) if len(digits) < len(match["digits"]) else match.end()
    power = match["e"] or match["ten"] if end == match.end() else None
    kilo = match["kilo"] if end == match.end() else None
    values = number_readings(digits, "." if power or kilo else decimal)
    exponent = int(power.replace("−", "-")) if power else 0
    if values is None or abs(exponent) > _MOST_EXPONENT:
        return None
    factor = 10.0**exponent * (_KILO[kilo.strip().lower()] if kilo else 1.0)
    unit, end = units_at(text, end)
    return _made(text, match.start(), end, tuple(value * factor for value in values), unit)


def _made(text: str, start: int, end: int, values: tuple[float, ...], unit: Unit | None) -> Amount | None:
    low, high = min(values), max(values)
    if not math.isfinite(high):
        return None
    before = text[max(0, start - 24) : start]
    rough = _ROUGH.search(before) is not None
    if _LESS.search(before):
        low = 0.0
    elif _MORE.search(before):
        high = math.inf
    scale = unit.scale if unit else 1.0
    return Amount(
        kind=unit.kind if unit else "bare",
        low=low * scale,
        high=high * scale,
        unit=unit.name if unit else None,
        scale=scale,
        start=start,
        end=end,
        text=text[start:end],
        counted=_counted(text, start, end, unit),
        per="times" if _TIMES_BEFORE.search(before) else _per(text, end),
        rough=rough,
        sure=len(values) == 1 and not (unit and unit.doubtful),
    )


def _counted(text: str, start: int, end: int, unit: Unit | None) -> Counted | None:
    if unit is None or unit.kind != "time":
        return None
    if unit.counted is not None:
        return unit.counted
    if _OF_DEVICES.match(text, end):
        return "device"
    said = _WALL.match(text, end) or _WALL_BEFORE.search(text[max(0, start - 30) : start])
    return "wall" if said else None


def _per(text: str, end: int) -> str | None:
    """Of what a quantity is said to be the part; also where a multiplication stands behind it (`9 h x 3`)."""
    found = _PER.match(text, end)
    if found:
        return (found["what"] or "each").lower()
    return "times" if _TIMES.match(text, end) else None


def _ranged(text: str, amounts: list[Amount]) -> list[Amount]:
    """Pairs that are one range: `960 - 1080 hours`, `between 3 and 4 days`, `41 ± 2 kg`."""
    found: list[Amount] = []
    for amount in amounts:
        before = found[-1] if found else None
        joined = _range(text, before, amount) if before is not None else None
        if joined is not None:
            found[-1] = joined
        else:
            found.append(amount)
    return found


def _range(text: str, first: Amount, second: Amount) -> Amount | None:
    if first.unit not in {None, second.unit} or first.per or math.isinf(first.high):
        return None
    gap = text[first.end : second.start]
    between = _BETWEEN.fullmatch(gap) or (_AND.fullmatch(gap) and _BETWEEN_WORD.search(text[: first.start]))
    scale = second.scale if first.unit is None else 1.0
    low, high = first.low * scale, first.high * scale
    if _PLUS_MINUS.fullmatch(gap):
        bounds = low - second.high, high + second.high
    elif between and low <= second.high:
        bounds = low, second.high
    else:
        return None
    return msgspec.structs.replace(
        second,
        low=max(0.0, bounds[0]),
        high=bounds[1],
        start=first.start,
        text=text[first.start : second.end],
        rough=first.rough or second.rough,
        sure=first.sure and second.sure,
    )


def _merged(text: str, amounts: list[Amount]) -> list[Amount]:
    """Parts of one time added up: `1 day 4 hours`, `2 h 30 min`."""
    parts: list[Amount] = []
    for amount in amounts:
        before = parts[-1] if parts else None
        if before is not None and _continues(text, before, amount):
            parts[-1] = msgspec.structs.replace(
                before,
                low=before.low + amount.low,
                high=before.high + amount.high,
                end=amount.end,
                text=text[before.start : amount.end],
                counted=before.counted or amount.counted,
                per=amount.per,
                scale=1.0,
                unit="h",
            )
        else:
            parts.append(amount)
    return parts


def _continues(text: str, first: Amount, second: Amount) -> bool:
    """Whether a time goes on in a smaller unit, by less than one of the larger."""
    return (
        first.kind == second.kind == "time"
        and not first.per
        and not second.per
        and second.scale < first.scale
        and second.high < first.scale
        and _JOINED.fullmatch(text[first.end : second.start]) is not None
    )
