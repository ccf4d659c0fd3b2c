"""Options that several commands take, from their text."""

from __future__ import annotations

from footprint.errors import unknown_choice
from footprint.model import ATTRIBUTIONS, Attribution


def attribution_of(stated: str) -> Attribution:
    """The policy of `--attribution`.

    Raises:
        ConfigError: if there is none of that name.
    """
    for policy in ATTRIBUTIONS:
        if stated == policy:
            return policy
    raise unknown_choice("--attribution", stated, ATTRIBUTIONS)
