"""The cloud that a card's text means, where it means one."""

from __future__ import annotations

import re
from typing import Final

from footprint.place import find_provider

_NAMES: Final = (
    ("aws", r"aws|amazon(?: web services)?|ec2|sagemaker"),
    ("gcp", r"gcp|gce|google cloud(?: platform)?|google|vertex ai|colab"),
    ("azure", r"azure|microsoft azure"),
    ("oracle", r"oracle(?: cloud)?|oci"),
    ("ibm", r"ibm cloud"),
    ("alibaba", r"alibaba(?: cloud)?|aliyun"),
    ("ovh", r"ovh(?:cloud)?"),
    ("scaleway", r"scaleway"),
    ("coreweave", r"coreweave"),
    ("lambda", r"lambda(?: labs| cloud)?"),
)
_WORDS: Final = tuple((provider, re.compile(rf"(?<![\w-])(?:{names})(?![\w-])", re.IGNORECASE)) for provider, names in _NAMES)
_NONE: Final = re.compile(r"\b(?:no|not|none|without|or|private|on[- ]prem\w*|local|own|university|internal)\b", re.IGNORECASE)
_LONGEST: Final = 120


def provider_of(text: str | None) -> str | None:
    """The id of the one cloud that a text names; None where it names none, several, or none for sure."""
    if text is None or len(text) > _LONGEST or _NONE.search(text):
        return None
    exact = find_provider(text.strip(" ."))
    if exact is not None:
        return exact
    named = {provider for provider, words in _WORDS if words.search(text)}
    return named.pop() if len(named) == 1 else None
