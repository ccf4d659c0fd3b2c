"""Which runs are multiplied with the same factors in the same way."""

from __future__ import annotations

import hashlib

import msgspec

from footprint.model import Run


def factor_key(run: Run) -> str:
    """A key that two runs share if all that their factors are chosen by is the same."""
    devices = [(one.device.component, one.device.name, one.device.meter, one.device.grade) for one in run.devices]
    host = msgspec.structs.replace(run.host, name="", boot_id=None)
    facts = msgspec.json.encode((host, devices, run.place, run.kind, run.started_at[:4], run.declared), order="sorted")
    return hashlib.sha256(facts).hexdigest()[:32]
