"""What a run may emit or use at most, and what is to happen when it has."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from footprint.errors import ConfigError

if TYPE_CHECKING:
    from footprint.model import Place


class Budget(NamedTuple):
    """A limit of a run; null is none.

    Attributes:
        emissions_g: g of CO2-equivalent, as in `Footprint.emissions_g`.
        energy_kwh: kWh of the facility, as in `Footprint.energy_kwh`.
        stop: the exception that ends the body, or its class, which is given a sentence; null to warn only.
    """

    emissions_g: float | None = None
    energy_kwh: float | None = None
    stop: BaseException | type[BaseException] | None = None

    def error(self, sentence: str) -> BaseException | None:
        """The exception to raise."""
        return self.stop(sentence) if isinstance(self.stop, type) else self.stop


def budget_of(emissions_g: object, energy_kwh: object, on_budget: object) -> Budget | None:
    """The limits of a run as its user states them; null if there are none.

    Raises:
        ConfigError: if a limit or `on_budget` cannot be used.
    """
    limit_g, limit_kwh = _limit("budget_g", emissions_g), _limit("budget_kwh", energy_kwh)
    stop: Any = None if isinstance(on_budget, str) and on_budget == "warn" else on_budget
    if isinstance(stop, type) and issubclass(stop, BaseException):
        try:
            made = stop("a sentence")
        except Exception as error:  # noqa: BLE001 - the class is the user's, and may raise what it likes
            raise ConfigError(f"on_budget={stop.__name__} cannot be made of a sentence ({error}): give an exception") from None
        if not isinstance(made, BaseException):
            raise ConfigError(f"on_budget={stop.__name__} makes {type(made).__name__}, which is no exception")
    elif stop is not None and not isinstance(stop, BaseException):
        raise ConfigError(f"on_budget={on_budget!r} is neither 'warn' nor an exception")
    if limit_g is None and limit_kwh is None:
        if stop is not None:
            raise ConfigError("on_budget without a budget: give budget_g or budget_kwh")
        return None
    return Budget(limit_g, limit_kwh, stop)


def _limit(what: str, stated: object) -> float | None:
    """A limit as a plain float, as which alone it can be sent and written."""
    if stated is None:
        return None
    if not isinstance(stated, int | float) or stated is True or not 0 < stated <= sys.float_info.max:
        raise ConfigError(f"{what} is {stated!r}: it must be a number above 0")
    return float(stated)


def place_of_budget(stated: Place | None) -> Place:
    """The place by which emissions are known: the stated one, or else the site's default.

    Raises:
        ConfigError: if neither is known.
    """
    from datetime import UTC, datetime

    import footprint.reference as ref
    from footprint.place import default_place

    place = stated
    if place is None or (place.zone is None and place.intensity_g_per_kwh is None):
        place = default_place(pue=place.pue_ratio if place else None)
    if place is None or ref.intensity(place, datetime.now(UTC).year) is None:
        raise ConfigError("budget_g needs a place, to know emissions by: give a region or a zone, or set FOOTPRINT_REGION")
    return place
