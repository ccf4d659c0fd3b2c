"""Runs of a ledger that are derived one by one, each with the part of it that counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec

from footprint.derive.measured import derive_run
from footprint.derive.portions import WHOLE, Portion, portions, shared_hours
from footprint.derive.working import Working
from footprint.errors import LedgerError
from footprint.ledger.engines import Answer, Engine
from footprint.ledger.questions import literal
from footprint.model import Attribution, Run

_AT_ONCE: Final = 500


class Apart(NamedTuple):
    """One run as it counts: whose rows it is in, its factor key, its sheet, and what of it counts."""

    keys: tuple[Any, ...]
    factor_key: str
    working: Working
    run: Run
    portion: Portion


def facts_of(engine: Engine, run_ids: Sequence[str]) -> dict[str, Run]:
    """The facts of some runs.

    Raises:
        LedgerError: if facts are not those of a run, or of a newer version's.
    """
    found: dict[str, Run] = {}
    decoder = msgspec.json.Decoder(Run)
    for at in range(0, len(run_ids), _AT_ONCE):
        ids = ", ".join(map(literal, run_ids[at : at + _AT_ONCE]))
        sql = f"SELECT r.id, r.facts FROM runs r WHERE r.id IN ({ids})"  # noqa: S608 - escaped literals
        for run_id, facts in engine.query(sql).rows:
            try:
                found[run_id] = decoder.decode(facts)
            except msgspec.MsgspecError as error:
                raise LedgerError(f"the facts of run {run_id} cannot be read: {error}") from None
    return found


def left_of_nodes(engine: Engine, answer: Answer, unknown: Collection[str], attribution: Attribution) -> dict[str, Portion]:
    """What of nodes' own records the runs beside them leave.

    Args:
        engine: the ledger.
        answer: of `factor_beside`, in the order of its clocks.
        unknown: the factor keys of runs whose energy is not known, which take nothing from others.
        attribution: whose joules are counted.
    """
    found: dict[str, Portion] = {}
    for _, rows in groupby(answer.rows, key=lambda row: row[0]):
        keys = {run_id: key for _, run_id, key in rows}
        runs = facts_of(engine, list(keys))
        known = runs | _elders(engine, runs)
        nodes = [run_id for run_id, run in runs.items() if run.is_background]
        parts = portions([run for run_id, run in runs.items() if keys[run_id] not in unknown], known, attribution)
        hours = shared_hours(list(runs.values()), known, attribution)
        found |= {run_id: replace(parts.get(run_id, WHOLE), hours=hours.get(run_id, {})) for run_id in nodes}
    return found


def _elders(engine: Engine, runs: Mapping[str, Run]) -> dict[str, Run]:
    """The runs that some were started in, one in the other, as far as these are not among them."""
    found: dict[str, Run] = {}
    missing = _parents(runs.values()) - runs.keys()
    while missing:
        newer = facts_of(engine, sorted(missing))
        found |= newer
        missing = _parents(newer.values()) - runs.keys() - found.keys()
    return found


def _parents(runs: Iterable[Run]) -> set[str]:
    return {run.parent for run in runs if run.parent is not None}


def apart_runs(
    engine: Engine, answer: Answer, n_keys: int, attribution: Attribution, nodes: Mapping[str, Portion]
) -> Iterator[Apart]:
    """Derive the runs of an answer of `factor_apart`, a row for each of their devices; `nodes` is `left_of_nodes`."""
    index = {name: at for at, name in enumerate(answer.columns)}
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for row in answer.rows:
        rows.setdefault(row[index["id"]], []).append(row)
    ids = list(rows)
    sliced = _sliced({run.id: run for run in _facts(engine, ids) if _is_cut(run)}, attribution)
    for run in _facts(engine, ids):
        run_id, first = run.id, rows[run.id][0]
        if run_id in nodes:
            portion = nodes[run_id]
        else:
            portion = _portion(rows[run_id], index, attribution)
            if run_id in sliced:
                portion = replace(portion, devices={**portion.devices, **sliced[run_id].devices}, hours=sliced[run_id].hours)
        yield Apart(tuple(first[:n_keys]), first[index["factor_key"]], derive_run(run, attribution, portion), run, portion)


def _facts(engine: Engine, run_ids: Sequence[str]) -> Iterator[Run]:
    """The facts of any number of runs, some at a time."""
    for at in range(0, len(run_ids), _AT_ONCE):
        yield from facts_of(engine, run_ids[at : at + _AT_ONCE]).values()


def _portion(rows: Sequence[tuple[Any, ...]], index: Mapping[str, int], attribution: Attribution) -> Portion:
    devices: dict[str, float] = {}
    hours: dict[str, float] = {}
    for row in rows:
        device_id, read_mj, counted_mj, hours_ratio = (
            row[index[name]] for name in ("device_id", "energy_mj", "counted_mj", "hours_ratio")
        )
        if device_id is None:
            continue
        if read_mj:
            devices[device_id] = counted_mj / read_mj
        hours[device_id] = float(hours_ratio)
    of_all, of_own = (float(rows[0][index[name]]) for name in ("of_all", "of_own"))
    return Portion(
        devices=devices,
        hours=hours,
        reserved_ratio=of_all,
        tree_ratio=of_own if attribution == "share" else 1.0,
        busy_ratio=of_all if attribution == "machine" else 1.0,
    )


def _is_cut(run: Run) -> bool:
    return any(one.device.slices is not None for one in run.devices)


def _sliced(facts: Mapping[str, Run], attribution: Attribution) -> dict[str, Portion]:
    """What counts of the parts of GPUs: each takes its own share, together no more than the whole."""
    cut = list(facts.values())
    found = portions(cut, facts, attribution)
    hours = shared_hours(cut, facts, attribution)
    return {
        run.id: Portion(
            devices=dict.fromkeys(_ids(run), 1.0) | dict(found.get(run.id, WHOLE).devices),
            hours=hours.get(run.id, {}),
        )
        for run in cut
    }


def _ids(run: Run) -> list[str]:
    return [one.device.id for one in run.devices if one.device.slices is not None]
