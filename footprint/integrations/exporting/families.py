"""Metrics as plain data, and Prometheus' text format of them (version 0.0.4), which needs no library.

Rules of the format: https://prometheus.io/docs/instrumenting/exposition_formats/. A sample's labels are unique in its family:
names that look alike once they are cleaned are put together before they come here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from footprint.text import clean

Labels = tuple[tuple[str, str], ...]

LABEL_LIMIT: Final = 120
"""Characters of a label's value; a longer one is cut, and what is then alike is one series."""
OTHERS: Final = "(others)"
"""What the labels say of all that has no series of its own."""
_NO_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: its name, what it is, and its samples by their labels.

    Attributes:
        name: with its unit at the end, and `_total` behind that of a counter.
        type: a counter only grows; a gauge is what is so now.
        help: one sentence.
        samples: a value for each set of labels; what is not known has no sample.
    """

    name: str
    type: Literal["counter", "gauge"]
    help: str
    samples: dict[Labels, float]


def label_name(key: str) -> str:
    """The name of the label that a key of the ledger becomes: `label:cost-centre` is `label_cost_centre`."""
    return _NO_NAME.sub("_", key)


def label_value(value: object) -> str:
    """A name of somebody's as the value of a label: one line, of a limited length; what is not stated is empty."""
    return "" if value is None else clean(str(value), limit=LABEL_LIMIT, empty="")


def labels_of(names: Iterable[str], values: Iterable[str], **more: str) -> Labels:
    """The labels of a sample."""
    return (*zip(names, values, strict=True), *more.items())


def exposition(families: Iterable[Family]) -> str:
    """The families in Prometheus' text format; those without samples are left out."""
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        help_text = family.help.replace("\\", r"\\").replace("\n", r"\n")
        lines += [f"# HELP {family.name} {help_text}", f"# TYPE {family.name} {family.type}"]
        lines += [f"{family.name}{_braces(labels)} {_number(value)}" for labels, value in family.samples.items()]
    return "\n".join(lines) + "\n"


def told(families: Iterable[Family]) -> list[dict[str, object]]:
    """The families as `--json` prints them; a value that JSON has no word for is null."""
    return [
        {
            "name": family.name,
            "type": family.type,
            "help": family.help,
            "samples": [
                {"labels": dict(labels), "value": value if math.isfinite(value) else None}
                for labels, value in family.samples.items()
            ],
        }
        for family in families
        if family.samples
    ]


def summed(parts: Iterable[tuple[Labels, float | None]]) -> dict[Labels, float]:
    """Values of the same labels added up; those that are not known are in no sum."""
    found: dict[Labels, list[float]] = {}
    for labels, value in parts:
        if value is not None:
            found.setdefault(labels, []).append(value)
    return {labels: math.fsum(values) for labels, values in found.items()}


def gauge(name: str, help_text: str, samples: Mapping[Labels, float] | float) -> Family:
    """A gauge, or one that has a single value and no labels."""
    given: dict[Labels, float] = {(): float(samples)} if isinstance(samples, int | float) else dict(samples)
    return Family(name=name, type="gauge", help=help_text, samples=given)


def counter(name: str, help_text: str, samples: Mapping[Labels, float]) -> Family:
    """A counter."""
    return Family(name=name, type="counter", help=help_text, samples=dict(samples))


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))
