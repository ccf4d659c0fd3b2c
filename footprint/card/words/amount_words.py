"""How cards write numbers and units: digits with their marks, and what stands behind a number."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

_DEVICE: Final = (
    r"(?:(?:[A-Za-z][\w.]{0,19}[ -]){0,3}?(?P<device>GPU|TPU|device|accelerator|chip|card|node|core|CPU|vCPU"
    r"|TPU ?v\d\w{0,2}|[ABHLPV]\d{2,4}|GH\d{3}|GB\d{3}|MI\d{3}X?|RTX ?\d{4}(?: ?Ti)?)s?(?: (?:compute|wall))?[- _·]?)?"
)
_TIME: Final = (
    r"(?P<time>seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|week\(s\)|day\(s\)|hour\(s\)|months?|month\(s\)|years?"
    r"|Stunden?|Std\.?|heures?|horas?|Tagen?|Tage?|jours?|d[ií]as?|Wochen?|semaines?|semanas?|Minuten?|minutos?|h|d|s)(?![A-Za-z])"
    r"|(?P<cjk>小时|小時|時間|天|日(?!本)|周|週間|分钟|分鐘|分)"
)
_CO2: Final = r"C[O0](?:<sub>|_\{?|\$_\{?)?[2₂](?:</sub>|\}?\$|\})?(?:[- ]?eq(?:uivalents?|uiv)?\b\.?|[- ]?e\b)?"
_OF: Final = r"[- ]?(?:\(|of )?"
_MASS: Final = (
    r"(?P<mass>mg|µg|kilogramm?e?s?|kilogramos?|kilos?|quilogramas?|quilos?|kgs?|gramm?e?s?|gramos?|gramas?|gr"
    r"|metric[- ]tonn?e?s?|tonnen|tonn?e?s?|toneladas?|pounds?|lbs?|kt|MT|g|t|千克|公斤|克|吨|噸|トン|キログラム|グラム)"
    rf"(?:(?![A-Za-z])|(?={_OF}{_CO2}))(?:{_OF}(?P<co2>{_CO2}|carbon(?: dioxide)?))?"
    r"(?P<rate> ?(?:/|per) ?k(?:ilo)?[Ww](?:att)?[- ]?[Hh](?:our)?s?)?"
)
_ENERGY: Final = (
    r"(?P<prefix>[kKMGT]|kilo|mega|giga|Kilo|Mega)?(?:(?:[wW]|[Ww]att)[-  ·.]?(?:[hH]ours?|[hH]rs?|[hH])(?![A-Za-z])"
    r"|(?P<joule>J(?![A-Za-z])|[jJ]oules?\b))"
)
_POWER: Final = r"(?P<watt>[kKM]?W(?![A-Za-z/])|(?:kilo|mega)?[wW]atts?\b)"
_UNIT = re.compile(
    rf"[  \t\-]{{0,2}}(?:{_ENERGY}|{_POWER}|(?:{_DEVICE}(?:{_TIME})|(?P<gpuh>GPUh|GPU-?h)\b))"
    rf"|[  \t\-]{{0,2}}{_MASS}",
    re.IGNORECASE,
)

Kind = Literal["time", "mass", "energy", "power", "intensity"]
Counted = Literal["wall", "device", "node", "core"]

_H: Final = {
    "s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0, "week": 168.0, "month": 730.0, "year": 8760.0,
}  # fmt: skip
_TIME_WORDS: Final = {
    "second": "s", "sec": "s", "s": "s", "minute": "min", "min": "min", "minuten": "min", "minuto": "min", "hour": "h", "hr": "h",
    "h": "h", "day": "d", "d": "d", "week": "week", "month": "month", "year": "year", "stunde": "h", "stunden": "h", "std": "h",
    "heure": "h", "hora": "h", "tag": "d", "tage": "d", "tagen": "d", "jour": "d", "dia": "d", "día": "d", "woche": "week",
    "wochen": "week", "semaine": "week", "semana": "week", "小时": "h", "小時": "h", "時間": "h", "天": "d", "日": "d",
    "周": "week", "週間": "week", "分钟": "min", "分鐘": "min", "分": "min",
}  # fmt: skip
_G: Final = {
    "µg": 1e-6, "mg": 1e-3, "g": 1.0, "gr": 1.0, "gram": 1.0, "gramme": 1.0, "kg": 1e3, "kilo": 1e3, "kilogram": 1e3, "t": 1e6,
    "ton": 1e6, "tonne": 1e6, "metric ton": 1e6, "metric-ton": 1e6, "metric tonne": 1e6, "metric-tonne": 1e6, "mt": 1e6,
    "kt": 1e9, "lb": 453.59237, "pound": 453.59237, "gramo": 1.0, "grama": 1.0, "kilogramo": 1e3, "quilograma": 1e3, "quilo": 1e3,
    "kilogramm": 1e3, "gramm": 1.0, "kilogramme": 1e3, "tonnen": 1e6, "tonelada": 1e6, "千克": 1e3, "公斤": 1e3, "克": 1.0,
    "吨": 1e6, "噸": 1e6, "トン": 1e6, "キログラム": 1e3, "グラム": 1.0,
}  # fmt: skip
_PREFIX: Final = {"": 1e-3, "k": 1.0, "m": 1e3, "g": 1e6, "t": 1e9}


class Unit(NamedTuple):
    """What stands behind a number: its kind, its name, and how much one of it is in h, g, kWh, W or g/kWh."""

    kind: Kind
    name: str
    scale: float
    counted: Counted | None = None
    doubtful: bool = False


def units_at(text: str, at: int) -> tuple[Unit | None, int]:
    """The unit that stands at a place in a text, and where it ends; None, and the place, where there is none."""
    found = _UNIT.match(text, at)
    if found is None:
        return None, at
    if found["mass"]:
        unit = _mass(found)
    elif found["time"] or found["cjk"] or found["gpuh"]:
        unit = _time(found)
    else:
        unit = _energy(found)
    return (unit, found.end()) if unit is not None else (None, at)


def _time(found: re.Match[str]) -> Unit | None:
    if found["gpuh"]:
        return Unit("time", "h", 1.0, "device")
    word = (found["time"] or found["cjk"] or "").lower()
    if not word:
        return None
    word = word.removesuffix("(s)").rstrip(".")
    name = _TIME_WORDS.get(word) or _TIME_WORDS.get(word.removesuffix("s"))
    device = (found["device"] or "").lower()
    if name is None or found["time"] in {"S", "D"} or (device and word in {"s", "d"}):
        return None  # `4 nodes`, `256 A100s`, `3 D`
    counted: Counted | None = None
    if device:
        counted = "node" if device == "node" else "core" if device in {"core", "cpu", "vcpu"} else "device"
    return Unit("time", name, _H[name], counted)


def _mass(found: re.Match[str]) -> Unit | None:
    said = found["mass"]
    if not said:
        return None
    if len(said) == 1 and said.isupper() and not found["co2"]:
        return None  # `16 G` of memory, `2 T` of tokens
    word = said.lower()
    name = word if word in _G else word.removesuffix("s")
    if name not in _G:
        name = name.removesuffix("e")
    if name not in _G:
        return None
    shown = {1.0: "g", 1e3: "kg", 1e6: "t"}.get(_G[name], name)
    if found["rate"]:
        return Unit("intensity", f"{shown}/kWh", _G[name])
    return Unit("mass", shown, _G[name])


def _energy(found: re.Match[str]) -> Unit | None:
    watt = found["watt"]
    if watt == "w":
        return None
    if watt:
        prefix = watt[0].lower() if watt[0].lower() in "km" else ""
        scale = {"": 1.0, "k": 1e3, "m": 1e6}[prefix]
        return Unit("power", {"": "W", "k": "kW", "m": "MW"}[prefix], scale)
    prefix = found["prefix"] or ""
    # `mWh` is a thousandth of a Wh, or a sloppy MWh: nobody can tell.
    doubtful = prefix == "m"
    scale = _PREFIX[prefix[:1].lower()]
    shown = {"": "", "k": "k", "m": "M", "g": "G", "t": "T"}[prefix[:1].lower()]
    if found["joule"]:
        return Unit("energy", f"{shown}J", scale / 3600, doubtful=doubtful)
    return Unit("energy", f"{shown}Wh", scale, doubtful=doubtful)


_GROUPED = {mark: re.compile(rf"[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+") for mark in ",._'’\u00a0\u2009\u202f "}
_THIN: Final = "_'’\u00a0\u2009\u202f"


def number_readings(digits: str, decimal: str | None = None) -> tuple[float, ...] | None:
    """What a number's digits can mean: one value, two where its only mark may part thousands or decimals; None for no number.

    Args:
        digits: digits with marks: `24_700_000`, `1,234.5`, `1.234,5`, `1.234`.
        decimal: the decimal mark, where it is known.
    """
    digits = digits.replace("\\,", "\u2009")
    for mark in _THIN:
        whole = re.split(r"[.,]", digits, maxsplit=1)[0]
        if mark in digits and _GROUPED[mark].fullmatch(whole):
            digits = digits.replace(mark, "")
    if " " in digits:
        head, _, _ = digits.partition(" ")
        joined = number_readings(digits.replace(" ", ""), decimal) if _GROUPED[" "].match(digits) else None
        several = digits.count(" ") > 1  # `1 234 567 g`; but `8 200 W` nobody can tell
        return (joined[0], *(() if several else number_readings(head, decimal) or ())) if joined else None
    marks = "".join(sorted(set(digits) - set("0123456789")))
    if marks in {"", ".", ","}:
        return _one_mark(digits, marks, decimal)
    if marks != ",.":
        return None
    last = max(digits.rfind("."), digits.rfind(","))
    whole, mark, rest = digits[:last], digits[last], digits[last + 1 :]
    other = "," if mark == "." else "."
    if decimal not in {None, mark} or not rest.isdigit() or not _GROUPED[other].fullmatch(whole):
        return None
    return (float(whole.replace(other, "") + "." + rest),)


def _one_mark(digits: str, mark: str, decimal: str | None) -> tuple[float, ...] | None:
    if not mark:
        return (float(digits),)
    grouped = _GROUPED[mark].fullmatch(digits) is not None
    if digits.count(mark) > 1:
        return (float(digits.replace(mark, "")),) if grouped and decimal != mark else None
    fraction = float(digits.replace(",", "."))
    whole = float(digits.replace(mark, ""))
    if decimal is not None:
        return (fraction,) if mark == decimal else (whole,) if grouped else None
    if not grouped:
        # `0.618`, `23.9669`, `2,5`: three digits behind one mark alone part thousands.
        return (fraction,)
    # In English a comma in front of three digits parts thousands; a point may be either mark, by the writer's language.
    return (whole,) if mark == "," else (fraction, whole)
