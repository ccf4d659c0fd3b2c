"""The domain's types: frozen, keyword-only, slotted, and readable from and writable to JSON by `msgspec`.

Facts (`Run`, `Declaration`) are what was read or stated. A `Footprint` is derived from facts and dated `Factor`s each time
it is asked for, and is never stored as a fact. A field's unit is the end of its name; a field without one is a name, a
count or a `Range`. None means unknown; a zero is a zero that somebody knows.
"""

from __future__ import annotations

from footprint.model.cards import FIELD_NAMES, Claim, Evidence, FieldGroup, FieldName, Finding, Severity
from footprint.model.derived import Component, Coverage, Footprint
from footprint.model.facts import SCHEMA_VERSION, Declaration, Mark, Run, Source
from footprint.model.machines import CpuTime, Device, DeviceEnergy, Host, Place, Sample
from footprint.model.numbers import Factor, Range
from footprint.model.words import (
    ATTRIBUTIONS,
    GHG_SCOPES,
    GRADES,
    KINDS,
    SCOPES,
    TRAINING_KINDS,
    WORKLOADS,
    Attribution,
    Basis,
    ComponentName,
    Grade,
    Kind,
    Outcome,
    Scope,
    Varies,
    Workload,
)

__all__ = [
    "ATTRIBUTIONS",
    "FIELD_NAMES",
    "GHG_SCOPES",
    "GRADES",
    "KINDS",
    "SCHEMA_VERSION",
    "SCOPES",
    "TRAINING_KINDS",
    "WORKLOADS",
    "Attribution",
    "Basis",
    "Claim",
    "Component",
    "ComponentName",
    "Coverage",
    "CpuTime",
    "Declaration",
    "Device",
    "DeviceEnergy",
    "Evidence",
    "Factor",
    "FieldGroup",
    "FieldName",
    "Finding",
    "Footprint",
    "Grade",
    "Host",
    "Kind",
    "Mark",
    "Outcome",
    "Place",
    "Range",
    "Run",
    "Sample",
    "Scope",
    "Severity",
    "Source",
    "Varies",
    "Workload",
]
