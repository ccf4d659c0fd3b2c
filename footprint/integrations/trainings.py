"""A training as a whole: the runs of all its ranks and of what was trained before its last start, and their footprint.

A rank records itself: its own processes, its own devices. What a card states is the training's, and so the first rank, once
its run has ended, waits for the runs of the others and sums them up. It looks into the ledger and asks nothing of the
others: a collective operation that one of them does not take part in would hang the program.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from footprint.ledger import read_runs
from footprint.model import Range, Run
from footprint.tracking import aside

LABEL: Final = "training"
"""The label that the ranks of one training share, and that others at the same time do not have."""

RANKS_LIMIT_S: Final = 20.0
"""How long the first rank waits for those whose runs have begun."""

UNSEEN_LIMIT_S: Final = 5.0
"""The same, where there is no sign of one: it has begun with the others, if it is recorded at all."""

_LOOK_AGAIN_S: Final = (0.05, 1.0)


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a training, and its footprint so far (kWh of the facility, grams; means, null where unknown).

    `missing` says in a sentence what is not in the ledger; then `runs` is less than the training, and nothing is summed.
    """

    runs: tuple[str, ...]
    energy_kwh: float | None = None
    emissions_g: float | None = None
    missing: str | None = None


def whole(run_id: str, earlier: Sequence[str], ranks: int) -> Whole:
    """All of a training, in a process of its own, so that nothing heavy is loaded into the program.

    Args:
        run_id: the run of the first rank, which has ended.
        earlier: the runs of the first rank before the training was resumed.
        ranks: how many there are.

    Raises:
        ConfigError: if there is no interpreter to do it, or if it fails; says why.
    """
    told = aside("from footprint.integrations.trainings import main; main()", run_id, str(ranks), *earlier)
    return msgspec.json.decode(told, type=Whole)


def main() -> None:
    """The body of that process: look, wait for the other ranks, sum up, print."""
    run_id, ranks, *earlier = sys.argv[1:]
    print(msgspec.json.encode(_settled([*earlier, run_id], int(ranks))).decode())


def _settled(firsts: Sequence[str], ranks: int) -> Whole:
    begun_s, pause_s = time.monotonic(), _LOOK_AGAIN_S[0]
    while True:
        known = read_runs().runs
        found, missing = members(known, firsts, ranks)
        if missing is None or time.monotonic() - begun_s > _patience_s(known, firsts, ranks):
            break
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LOOK_AGAIN_S[1])
    chosen = tuple(run.id for run in found)
    if missing is not None:
        return Whole(runs=chosen, missing=missing)
    from footprint.derive import Account

    total = Account(known).total(chosen)
    footprint = total.footprint
    return Whole(
        runs=chosen,
        energy_kwh=_mean(footprint.energy_kwh if total.with_energy == total.runs else None),
        emissions_g=_mean(footprint.emissions_g if total.with_emissions == total.runs else None),
    )


def _patience_s(known: Iterable[Run], firsts: Sequence[str], ranks: int) -> float:
    """How long to wait for what is missing: not at all for what nobody else writes."""
    if ranks <= 1:
        return 0.0
    return RANKS_LIMIT_S if members(known, firsts, ranks, begun=True)[1] is None else UNSEEN_LIMIT_S


def members(known: Iterable[Run], firsts: Sequence[str], ranks: int, *, begun: bool = False) -> tuple[list[Run], str | None]:
    """The ended runs of a training, and what is missing of it, if anything is.

    A rank's run is one of the first rank's account and training, of another rank, at the same time.

    Args:
        known: the ledger's runs.
        firsts: the runs of the first rank, the last of them that of now.
        ranks: how many ranks there are now; those of earlier runs are told by their own labels.
        begun: whether those that go on yet are taken, too.
    """
    runs = {run.id: run for run in known}
    found: dict[str, Run] = {}
    for run_id in firsts:
        first = runs.get(run_id)
        if first is None:
            return [], f"run {run_id}, from before the training was resumed, is not in this ledger"
        wanted = ranks if run_id == firsts[-1] else _whole_number(first.labels.get("world_size"), 1)
        beside = [run for run in runs.values() if (begun or run.outcome != "running") and _is_rank_beside(run, first)]
        there = {run.labels["rank"] for run in beside} | {first.labels.get("rank")}
        if len(there) < wanted:
            return [], f"the runs of {len(there)} of {wanted} ranks are in this ledger"
        found |= {run.id: run for run in (first, *beside)}
    return list(found.values()), None


def _is_rank_beside(run: Run, first: Run) -> bool:
    training = first.labels.get(LABEL)
    if training is None or training != run.labels.get(LABEL) or run.account != first.account:
        return False
    if run.labels.get("rank") in {None, first.labels.get("rank")}:
        return False
    (begin_s, end_s), (first_begin_s, first_end_s) = _span_s(run), _span_s(first)
    return begin_s <= first_end_s and end_s >= first_begin_s


def _span_s(run: Run) -> tuple[float, float]:
    """When a run was, by the clock on the wall, which ranks on several machines have in common."""
    begin_s = datetime.fromisoformat(run.started_at).timestamp()
    return begin_s, begin_s + run.duration_s + run.suspended_s


def _mean(known: Range | None) -> float | None:
    return None if known is None else known.central


def _whole_number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() else otherwise
