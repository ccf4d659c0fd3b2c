"""The rules on numbers over cards as they are: every finding was judged by hand, and none is false."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from footprint.card.check.registry import RULES
from tests.card.check.census import take
from tests.card.check.claimed import FILES


def test_every_finding_in_cards_of_others_was_judged_and_is_right() -> None:
    folder = os.environ.get("FOOTPRINT_SHARED")
    if not folder:
        pytest.skip("FOOTPRINT_SHARED does not name the folder of cards")
    census = take(Path(folder) / "cards")
    mine = {code for code, rule in RULES.items() if rule.test.__module__.rpartition(".")[2] in FILES}
    assert census.cards > 100
    assert sum(census.right[code] for code in mine) >= 8
    assert not {code: census.false[code] for code in mine if census.false[code]}
    assert [finding for _, _, finding in census.open if finding.code in mine] == []
