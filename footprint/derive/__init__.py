"""Facts to footprints: finds the factors that a run or a declaration needs, and lets accounting multiply.

Everything here is computed when it is asked for; nothing is stored. Better factors restate old runs by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from footprint.derive.account import Account, Total
from footprint.derive.declared import derive_declaration
from footprint.derive.facts import check_declaration, device_hours, sufficient
from footprint.derive.grouped import GroupTotals, group_totals
from footprint.derive.many import estimate_many, sum_many
from footprint.derive.measured import derive_run
from footprint.derive.pieces import GroupTotal
from footprint.derive.reconciling import Reconciliation, reconcile
from footprint.derive.restating import Restatement, restate, restate_total
from footprint.derive.working import Term, Working
from footprint.model import Attribution, Declaration, Footprint, Run

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Account",
    "GroupTotal",
    "GroupTotals",
    "Reconciliation",
    "Restatement",
    "Term",
    "Total",
    "Working",
    "check_declaration",
    "declared_footprint",
    "device_hours",
    "estimate",
    "estimate_many",
    "group_totals",
    "reconcile",
    "restate",
    "restate_total",
    "run_footprint",
    "runs",
    "sum_many",
    "terms",
    "worked",
]


def run_footprint(run: Run, *, attribution: Attribution = "share") -> Footprint:
    """The footprint of one run.

    Args:
        run: its facts.
        attribution: `share` counts what is the run's own of the host; `machine` counts the whole host.
    """
    return derive_run(run, attribution).footprint()


def terms(run: Run, *, attribution: Attribution = "share") -> tuple[Term, ...]:
    """How the energy of a run's components comes about, as products of facts and the centrals of factors."""
    return tuple(derive_run(run, attribution).terms)


def worked(facts: Run | Declaration, *, attribution: Attribution = "share") -> Working:
    """The sheet on which a footprint is worked out: its quantities with their draws, its terms, and why what is unknown is.

    Raises:
        ConfigError: for declared facts that cannot be.
    """
    return derive_run(facts, attribution) if isinstance(facts, Run) else derive_declaration(facts)


def declared_footprint(declaration: Declaration) -> Footprint:
    """The footprint of declared facts; what they do not suffice for is null and named in `unknown`.

    Raises:
        ConfigError: for facts that contradict each other or cannot be; `UnknownPlace` and `UnknownHardware` for names.
    """
    return derive_declaration(declaration).footprint()


def estimate(**facts: Any) -> Footprint:
    """The footprint of work that nobody measured.

    Args:
        **facts: the fields of `Declaration`: `hardware`, `count`, `hours` or `device_hours` (h), else `flops`, or `parameters`
            and `tokens`, with `mfu_ratio`; or `energy_kwh`; `power_w`, `kind`, `workload`, `scope`; `region` or `zone`,
            `provider`, `pue`, `intensity_g_per_kwh`, `year`; `life_years`, `use_ratio`, `embodied_g_per_device`;
            `price_per_kwh`, `currency`.

    Raises:
        ConfigError: for an unknown or impossible fact, for facts that contradict each other, or do not suffice for an energy.
    """
    return derive_declaration(sufficient(facts), missing=()).footprint()


def runs() -> pd.DataFrame:
    """The ledger's runs, newest first: one row a run, ranges as three columns (`_low`, central, `_high`), null if unknown."""
    import pandas as pd

    from footprint.ledger import read_runs

    reading = read_runs()
    account = Account(reading.runs)
    rows = []
    for run in reading.runs:
        footprint = account.footprint(run.id)
        row: dict[str, Any] = {name: getattr(run, name) for name in ("id", "name", "kind", "outcome", "account", "parent")}
        row |= {"started_at": pd.Timestamp(run.started_at), "duration_s": run.duration_s}
        for name in ("it_energy_kwh", "energy_kwh", "emissions_g"):
            value = getattr(footprint, name)
            row |= {f"{name}_low": value and value.low, name: value and value.central, f"{name}_high": value and value.high}
        rows.append(row)
    return pd.DataFrame(rows)
