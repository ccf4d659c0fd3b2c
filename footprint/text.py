"""Numbers and names as a person reads them.

Three significant figures, a unit that fits the size, never a false zero: what is not zero is never printed as one. Names
come from anywhere, so `clean` takes out what could move a cursor, turn the text around or hide in it.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from footprint import units as u

FIGURES: Final = 3
NAME_LIMIT: Final = 120

# (unit, its size in the base unit), largest first; the last one takes whatever is smaller.
Unit = tuple[str, float]
Units = Sequence[Unit]
MASS: Final[Units] = (("Mt", 1e12), ("kt", 1e9), ("t", 1e6), ("kg", 1e3), ("g", 1.0), ("mg", 1e-3), ("µg", 1e-6))
# Below a watt-hour: joules, because mWh and MWh are read as each other.
ENERGY: Final[Units] = (("TWh", 1e9), ("GWh", 1e6), ("MWh", 1e3), ("kWh", 1.0), ("Wh", 1e-3), ("J", 1 / u.J_PER_KWH))
POWER: Final[Units] = (("GW", 1e9), ("MW", 1e6), ("kW", 1e3), ("W", 1.0), ("mW", 1e-3))
# Beside a much larger value in the same unit, this share of the unit is as good as nothing, and is not said to be nothing.
_LEAST: Final = 1e-3

_SUPERSCRIPT: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN_FROM: Final = 1e-4
_PLAIN_BELOW: Final = 1e15
# What a sum of shares may miss of one by the computer's arithmetic.
_ROUNDING: Final = 1e-9
# Zero-width joiners spell words in several scripts; the other format characters only hide or reorder text.
_KEPT_FORMAT: Final = {"\u200c", "\u200d"}
_SPACES: Final = {"\t", "\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"}
_MARKS_IN_A_ROW: Final = 4


def significant(value: float, figures: int = FIGURES) -> float:
    """The value rounded to significant figures, half to even on its shortest decimal form."""
    return float(f"{value:.{figures - 1}e}") if math.isfinite(value) else value


def plain(value: float, figures: int = FIGURES) -> str:
    """The value as a plain decimal for a machine to read: `152000`, `0.00000123`, no separator and no exponent."""
    rounded = significant(value, figures)
    if rounded == 0:
        return "0"
    places = max(0, figures - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{rounded:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@lru_cache(maxsize=1024)  # estimates by the ten thousand print the same few bounds of factors
def number(value: float, figures: int = FIGURES) -> str:
    """The value for a person: `1,230`, `0.0123`, `4.5×10⁻⁷`; a NaN or infinity is `unknown`."""
    if not math.isfinite(value):
        return "unknown"
    rounded = significant(value, figures)
    if rounded == 0:
        return "0"
    if not _PLAIN_FROM <= abs(rounded) < _PLAIN_BELOW:
        mantissa, exponent = f"{rounded:.{figures - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    places = max(0, figures - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{rounded:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(value: int) -> str:
    """A count in full: `12,345`."""
    return f"{value:,}"


def plural(value: int, noun: str, many: str = "") -> str:
    """A count with its noun: `1 run`, `12 runs`, `2 boxes` (where `many` says how)."""
    return f"{value:,} {noun if value == 1 else many or noun + 's'}"


def unit_for(value: float, units: Units) -> Unit:
    """The unit in which the rounded value is at least one, and its size in the base unit of `units`."""
    size = abs(significant(value))
    if size == 0 or not math.isfinite(size):
        return next(((name, scale) for name, scale in units if scale == 1.0), units[-1])
    # Rounded in the unit itself: 999.9 g is 1 kg, not 1,000 g.
    return next(((name, scale) for name, scale in units if significant(size / scale) >= 1), units[-1])


def shared_unit(values: Iterable[float | None], units: Units) -> Unit:
    """One unit for values that stand together, in a column or a figure: that of the largest. None is unknown and has no say."""
    return unit_for(max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0), units)


def in_unit(value: float, unit: Unit) -> str:
    """A value in the base unit, in a unit that it shares with others: `0.012 kWh`, `<0.001 kWh`, never a false zero."""
    return f"{_beside(value / unit[1])} {unit[0]}"


def range_in_unit(low: float, central: float, high: float, unit: Unit, *, dash: str = "–") -> str:
    """A 90 % range in a unit that it shares with others: `0.153 t (0.131–0.178)`, `<0.001 t`."""
    name, scale = unit
    middle, bottom, top = (_beside(value / scale) for value in (central, low, high))
    return f"{middle} {name}" if bottom == middle == top else f"{middle} {name} ({bottom}{dash}{top})"


def _beside(value: float) -> str:
    """A number beside larger ones in the same unit."""
    return f"<{number(_LEAST)}" if value > 0 and significant(value) < _LEAST else number(value)


def quantity(value: float, units: Units) -> str:
    """A value in the base unit of `units`, with the unit that fits: `1.23 kg`."""
    name, scale = unit_for(value, units)
    return f"{number(value / scale)} {name}"


def mass(value_g: float) -> str:
    """Grams for a person: `153 kg`, `72.2 t`, `12 mg`."""
    return quantity(value_g, MASS)


def energy(value_kwh: float) -> str:
    """Kilowatt-hours for a person: `266 kWh`, `1.2 MWh`, `45 Wh`, `12 J`."""
    return quantity(value_kwh, ENERGY)


def power(value_w: float) -> str:
    """Watts for a person: `300 W`, `1.2 kW`."""
    return quantity(value_w, POWER)


def span(low: float, high: float, *, scale: float = 1.0, dash: str = "–") -> str:
    """The bounds of a range in one unit of size `scale`, without the unit: `131–178`."""
    low_text, high_text = number(low / scale), number(high / scale)
    return low_text if low_text == high_text else f"{low_text}{dash}{high_text}"


def quantity_range(low: float, central: float, high: float, units: Units, *, dash: str = "–") -> str:
    """A 90 % range in one unit, chosen by its middle: `153 kg (131–178)`; without bounds where they round to the middle."""
    name, scale = unit_for(central or high, units)
    middle, bounds = number(central / scale), span(low, high, scale=scale, dash=dash)
    return f"{middle} {name}" if bounds == middle else f"{middle} {name} ({bounds})"


def mass_range(low_g: float, central_g: float, high_g: float, *, dash: str = "–") -> str:
    """A range of grams for a person: `153 kg (131–178)`."""
    return quantity_range(low_g, central_g, high_g, MASS, dash=dash)


def energy_range(low_kwh: float, central_kwh: float, high_kwh: float, *, dash: str = "–") -> str:
    """A range of kilowatt-hours for a person: `266 kWh (240–301)`."""
    return quantity_range(low_kwh, central_kwh, high_kwh, ENERGY, dash=dash)


def duration(value_s: float) -> str:
    """Seconds for a person: `5 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`, `5 d 4 h`."""
    if not math.isfinite(value_s):
        return "unknown"
    if abs(significant(value_s)) < 1:
        return f"{number(value_s * 1000)} ms" if value_s else "0 s"
    if abs(significant(value_s)) < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{number(value_s)} s"
    sign, whole = ("-" if value_s < 0 else ""), round(abs(value_s))
    for big, big_s, small, small_s in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        # Rounded to the smaller unit first: 3,599.8 s is 1 h, not 59 min 60 s.
        rounded = round(whole / small_s) * small_s
        if rounded >= big_s:
            many, rest = rounded // big_s, rounded % big_s // small_s
            return f"{sign}{many:,} {big} {rest} {small}" if rest else f"{sign}{many:,} {big}"
    return f"{sign}{whole} s"


def hours(value_s: float) -> str:
    """Seconds as hours for a person: `100 h`, `0.0123 h`."""
    return f"{number(u.h_from_s(value_s))} h"


def percent(value_ratio: float) -> str:
    """A share as per cent: `12.3 %`; `<0.1 %` and `>99.9 %` where rounding would say none or all."""
    if not math.isfinite(value_ratio):
        return "unknown"
    if 0 < value_ratio < 0.001:  # noqa: PLR2004 - a tenth of a per cent
        return "<0.1 %"
    if 0.9995 <= value_ratio < 1 - _ROUNDING:  # noqa: PLR2004 - what would round to 100
        return ">99.9 %"
    return f"{number(value_ratio * 100)} %"


def clean(name: str, *, limit: int = NAME_LIMIT, empty: str = "(no name)") -> str:
    """A name that is safe to print: one line, no control, direction or hidden character, no lone surrogate.

    Longer than `limit` is cut with an ellipsis; a pile of combining marks is thinned. It does not escape for HTML,
    Markdown, CSV or rich: whoever writes one of these does.
    """
    if name.isascii() and name.isprintable() and len(name) <= limit:  # as nearly all are
        return " ".join(name.split()) or empty
    kept: list[str] = []
    marks = 0
    # A longer name is cut anyway; only so much of it is looked at.
    for char in name[: limit * 8]:
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if char in _SPACES:
            kept.append(" ")
        elif (category[0] == "C" and char not in _KEPT_FORMAT) or marks > _MARKS_IN_A_ROW:
            continue
        else:
            kept.append(char)
    text = " ".join("".join(kept).split())
    if not any(unicodedata.category(char)[0] not in "CZM" for char in text):
        return empty
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
