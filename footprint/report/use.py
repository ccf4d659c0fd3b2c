"""When joules were read, and what of accelerators' joules was read while they idled: what a ledger's samples tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import MAXYEAR, UTC, datetime
from typing import Any, Final, NamedTuple

from footprint.ledger.ask import IDLE_RATIO, time_of
from footprint.ledger.engines import Answer
from footprint.ledger.questions import Words
from footprint.report.data import Use
from footprint.report.grouping import DAYS_SHOWN

_DAY_US: Final = 86_400_000_000
_HOURS_SHOWN_US: Final = 3 * _DAY_US
_LENGTHS_US: Final = {"hour": 3_600_000_000, "day": _DAY_US}
_MJ_PER_KWH: Final = 3.6e9
_LAST_US: Final = 253_402_300_800_000_000 - 1  # the end of the year 9999
_SEEN: Final = Words("SUM(energy_mj) > 1.5 * MIN(floor_w) * 1000 * SUM(read_s)")
"""Only of accelerators that drew far more on the whole than at their lowest is the lowest what they draw while they idle: of one
that was always busy nobody knows that."""

Ask = Callable[..., Answer]
"""Puts a question of `ledger.questions` by its name and what it is asked with."""


class Used(NamedTuple):
    """When joules were read, by stretches of `step`; and what share of accelerators' joules was read while they idled.

    That can be told of accelerators of which it was seen what they draw while they idle: `idle_seen_ratio` is what these used of
    the joules of all. Of the others no joule counts as idle, so that the share is the least that it can be; null where it was
    seen of none.
    """

    use: tuple[Use, ...] = ()
    step: str = ""
    idle_ratio: float | None = None
    idle_seen_ratio: float | None = None


def step_of(begin_us: int, end_us: int) -> str:
    """Into stretches of what length a period is cut: hour, day or month."""
    if end_us - begin_us <= _HOURS_SHOWN_US:
        return "hour"
    return "day" if end_us - begin_us <= DAYS_SHOWN * _DAY_US else "month"


def used(ask: Ask, begin_us: int, end_us: int) -> Used:
    """What the samples of some runs tell.

    Args:
        ask: asks the ledger about these runs.
        begin_us: when the first of them began, microseconds since 1970 UTC.
        end_us: when the last of them ended.

    Raises:
        LedgerError: if the ledger cannot be read.
    """
    step = step_of(begin_us, end_us)
    use = _uses(ask("over_time", bucket=step).rows, step)
    ((accelerators_mj, seen_mj, idle_mj),) = ask("idle", idle_ratio=float(IDLE_RATIO), seen=_SEEN).rows
    told = (idle_mj / accelerators_mj, seen_mj / accelerators_mj) if seen_mj else (None, None)
    return Used(use, step if use else "", *told)


def _uses(rows: Sequence[tuple[Any, ...]], step: str) -> tuple[Use, ...]:
    found = []
    for begin_us, energy_mj, accelerators_mj, cpu_mj, memory_mj, _ in rows:
        if not energy_mj:
            continue  # what a meter of the whole machine read alone stands in no component
        begin = int(begin_us)
        end = begin + _LENGTHS_US[step] if step in _LENGTHS_US else _next_month_us(begin)
        found.append(
            Use(
                begin=shown(begin),
                end=shown(end),
                energy_kwh=energy_mj / _MJ_PER_KWH,
                power_w=energy_mj / 1e3 / ((end - begin) / 1e6),
                accelerators_kwh=_kwh(accelerators_mj),
                cpu_kwh=_kwh(cpu_mj),
                memory_kwh=_kwh(memory_mj),
            )
        )
    return tuple(found)


def _kwh(energy_mj: int | None) -> float | None:
    return None if energy_mj is None else energy_mj / _MJ_PER_KWH


def shown(at_us: int) -> str:
    """A time in UTC to the second, in ISO 8601; the last that can be told for any later one."""
    time = datetime.max.replace(tzinfo=UTC) if at_us > _LAST_US else time_of(at_us)
    return f"{time.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _next_month_us(begin_us: int) -> int:
    if begin_us > _LAST_US:
        return begin_us + 31 * _DAY_US
    begin = time_of(begin_us)
    years, month = divmod(begin.month, 12)
    if begin.year + years > MAXYEAR:
        return _LAST_US + 1
    return round(datetime(begin.year + years, month + 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
