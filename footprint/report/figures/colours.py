"""The colours of figures: Okabe and Ito's (Color Universal Design, 2008), apart for colour-blind eyes on any ground."""

from __future__ import annotations

from typing import Final

from footprint.model import ComponentName, Grade

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
GREY: Final = "#8A8F98"
GRADE_COLOURS: Final[dict[Grade, str]] = {
    "counter": BLUE,
    "power": SKY,
    "model": GREEN,
    "declared": ORANGE,
    "assumed": GREY,
}
COMPONENT_COLOURS: Final[dict[ComponentName, str]] = {"accelerators": BLUE, "cpu": ORANGE, "memory": GREEN, "rest": GREY}
