"""In which words the ledger and its reports name what a run computed on, and where."""

from __future__ import annotations

from collections import Counter

from footprint.model import Run


def hardware(run: Run) -> str:
    """What a run computed on: its accelerators, else its CPU: `8 × NVIDIA H100 80GB HBM3`; empty where nobody knows."""
    names = Counter(one.device.name for one in run.devices if one.device.component == "accelerators")
    if names:
        return " + ".join(f"{many} × {name}" if many > 1 else name for name, many in sorted(names.items()))
    if run.host.unmetered_accelerators:
        return " + ".join(sorted(run.host.unmetered_accelerators)) + " (not metered)"
    if run.declared is not None and run.declared.hardware:
        count = run.declared.count
        return f"{count} × {run.declared.hardware}" if count is not None and count > 1 else run.declared.hardware
    return run.host.cpu_name or ""


def region(run: Run) -> str:
    """Where a run ran: `gcp:europe-west1`, else the grid zone or the place's name; empty where nobody knows."""
    place = run.place
    if place is None:
        return ""
    if place.provider and place.region:
        return f"{place.provider}:{place.region}"
    return place.region or place.zone or place.name or ""
