"""The words in which facts and numbers are told apart."""

from __future__ import annotations

from typing import Literal, get_args

Grade = Literal["counter", "power", "model", "declared", "assumed"]
"""How a number is known, strongest first: a cumulative energy counter; integrated power readings; a model of a device from
its load; somebody's statement; an assumption of ours."""

Kind = Literal["pre-training", "fine-tuning", "inference", "evaluation", "other"]
Outcome = Literal["running", "completed", "failed", "interrupted", "unknown"]
"""How a run ended; `unknown` where nobody saw it: a process that was attached to is no child of ours."""
Scope = Literal["server", "accelerators"]
Attribution = Literal["share", "machine"]
Basis = Literal["life-cycle", "life-cycle, estimated", "direct", "market", "stated"]
Workload = Literal["llm", "transformer"]
"""What kind of model the work is on, where that is known: how much of its rated power a chip draws hangs on it."""
ComponentName = Literal["accelerators", "cpu", "memory", "rest"]
Varies = Literal["shared", "run", "device"]

GHG_SCOPES = {
    "emissions_g": "scope 2, location-based",
    "emissions_direct_g": "scope 2, location-based, direct emissions only",
    "emissions_market_g": "scope 2, market-based",
    "embodied_g": "scope 3, category 2 (capital goods)",
}
"""The GHG Protocol's scope of each quantity of a footprint, seen from whoever owns the machines and buys their electricity.

In somebody else's cloud all of it is scope 3 of the user: category 1 (purchased services). Life-cycle intensities hold what
making fuels and power plants emitted, too, which the GHG Protocol counts as scope 3, category 3; the direct figure leaves it out.
"""

GRADES: tuple[Grade, ...] = get_args(Grade)
KINDS: tuple[Kind, ...] = get_args(Kind)
SCOPES: tuple[Scope, ...] = get_args(Scope)
WORKLOADS: tuple[Workload, ...] = get_args(Workload)
ATTRIBUTIONS: tuple[Attribution, ...] = get_args(Attribution)
TRAINING_KINDS: tuple[Kind, ...] = ("pre-training", "fine-tuning")
