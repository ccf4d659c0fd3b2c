"""A run to its footprint: of what was measured, or of what was declared of it."""

from __future__ import annotations

from datetime import datetime

from footprint.derive import beyond
from footprint.derive.accelerators import accelerators
from footprint.derive.case import Case
from footprint.derive.declared import derive_declaration
from footprint.derive.host import host
from footprint.derive.portions import WHOLE, Portion, whole_machine
from footprint.derive.working import Working
from footprint.model import Attribution, Run


def derive_run(run: Run, attribution: Attribution = "share", portion: Portion = WHOLE) -> Working:
    """Work out a run's footprint; see `run_footprint`.

    Args:
        run: its facts.
        attribution: whose joules are counted.
        portion: what of its readings counts, in a sum of runs that overlapped.
    """
    if run.declared is not None:
        declared = derive_declaration(run.declared)
        declared.warn(*run.warnings)
        return declared
    run = whole_machine(run)
    work = Working(attribution=attribution)
    work.warn(*run.warnings)
    case = Case(work=work, run=run, attribution=attribution, portion=portion)
    accelerators(case)
    host(case)
    work.sum_parts()
    work.locate(run.place, datetime.fromisoformat(run.started_at).year, run=run.id)
    beyond.measure(case)
    return work
