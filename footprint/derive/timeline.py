"""A run's time cut at the edges of a series' slots: which pieces have a figure, which do not."""

from __future__ import annotations

import math
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from footprint import text
from footprint.accounting.hourly import Piece, mean, pieces
from footprint.model import Basis, Range, Run
from footprint.place.intensity.series import Series, when

Mask = NDArray[np.bool_]


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """How a run's time met a series: seconds with a figure, of these estimated, and without one; means in g/kWh.

    `mean_g_per_kwh` is weighted with the run's energy, `time_mean_g_per_kwh` with time alone, over the hours with a figure.
    `annual_emissions_g` is what the year's figure gives for the whole run, to set the result against.
    """

    provider: str
    name: str
    zone: str | None
    basis: Basis
    matched_s: float
    estimated_s: float
    missing_s: float
    slots: int
    mean_g_per_kwh: float | None
    time_mean_g_per_kwh: float | None
    low_g_per_kwh: float | None
    high_g_per_kwh: float | None
    annual_emissions_g: Range | None
    licence: str
    attribution: str
    notes: tuple[str, ...]


class Timeline:
    """A run against a series, piece by piece.

    Attributes:
        start_s: the run's begin, s since 1970.
        end_s: its end on the clock on the wall, the time that its machine slept included.
        pieces: its time, in order and without gaps, cut at slots and, where there are none, at new years (UTC).
        edges: the times between them, and both ends.
        has: which pieces have a figure.
        g: the figures, g/kWh; zero where there is none.
        estimated: which figures are estimates.
        lengths: how long the pieces are, s; alike in a run of no length.
    """

    def __init__(self, run: Run, series: Series) -> None:
        self._series = series
        self.start_s = datetime.fromisoformat(run.started_at).timestamp()
        self.end_s = self.start_s + run.duration_s + run.suspended_s
        slots = series.within(self.start_s, self.end_s)
        cut = pieces(self.start_s, self.end_s, [(one.start_s, one.end_s) for one in slots])
        self.pieces = [part for piece in cut for part in (_by_year(piece) if piece.slot is None else [piece])]
        self.edges = [self.pieces[0].start_s, *(piece.end_s for piece in self.pieces)]
        self.has: Mask = np.array([piece.slot is not None for piece in self.pieces])
        self.g = np.array([slots[piece.slot].g_per_kwh if piece.slot is not None else 0.0 for piece in self.pieces])
        self.estimated: Mask = np.array([piece.slot is not None and slots[piece.slot].estimated for piece in self.pieces])
        lengths = np.diff(self.edges)
        self.lengths = lengths if lengths.any() else np.ones(len(self.pieces))

    def year(self, at: int) -> int:
        """The year of a piece."""
        return when(self.pieces[at].start_s).year

    def without(self) -> str:
        """How much time has no figure, in words."""
        return text.duration(self._time_s(~self.has))

    def what(self) -> str:
        """The series and how much of the run it covers, in words."""
        series, matched_s, estimated_s = self._series, self._time_s(self.has), self._time_s(self.estimated)
        estimated = f", {text.duration(estimated_s)} of it estimated" if estimated_s else ""
        of = f"{text.duration(matched_s)} of {text.duration(self.end_s - self.start_s)}"
        return f"{series.name} ({series.basis}): {of} matched in {text.plural(int(self.has.sum()), 'slot')}{estimated}"

    def match(self, weighted: float | None, annual: Range | None) -> Match:
        """How the run met the series.

        Args:
            weighted: the mean by energy over the pieces with a figure, g/kWh.
            annual: what the year's figure gives, g.
        """
        series, used = self._series, self.g[self.has]
        return Match(
            provider=series.provider,
            name=series.name,
            zone=series.zone,
            basis=series.basis,
            matched_s=self._time_s(self.has),
            estimated_s=self._time_s(self.estimated),
            missing_s=self._time_s(~self.has),
            slots=int(self.has.sum()),
            mean_g_per_kwh=weighted,
            time_mean_g_per_kwh=mean(self.lengths[self.has], used) if self.has.any() else None,
            low_g_per_kwh=float(used.min()) if self.has.any() else None,
            high_g_per_kwh=float(used.max()) if self.has.any() else None,
            annual_emissions_g=annual,
            licence=series.licence,
            attribution=series.attribution,
            notes=series.notes,
        )

    def _time_s(self, chosen: Mask) -> float:
        return math.fsum(np.diff(self.edges)[chosen])


def _by_year(piece: Piece) -> list[Piece]:
    """A piece cut at new years (UTC), each with a figure of its own."""
    found: list[Piece] = []
    start_s = piece.start_s
    while True:
        moment = when(start_s)
        turn_s = moment.replace(year=moment.year + 1, month=1, day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()
        found.append(Piece(start_s, min(turn_s, piece.end_s), None))
        if turn_s >= piece.end_s:
            return found
        start_s = turn_s
