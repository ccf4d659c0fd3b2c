"""The tutorial works as it stands, and prints what it says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.docs import tutorial

pytestmark = pytest.mark.slow
ALIKE: Final = 0.7
"""A reader's machine has other sensors and another CPU: so much of an output's words is the same all the same."""


def stable(text: str) -> Counter[str]:
    """The words of an output that do not depend on the machine or the time."""
    return Counter(re.findall(r"(?<![\w.])[A-Za-z_]{3,}(?![\w.]*\d)", text))


def test_the_tutorials_commands_work_in_their_order(tmp_path: Path) -> None:
    outputs = tutorial.typed(tmp_path)
    assert len(outputs) > 12
    for command, said, printed in outputs:
        expected, found = stable(said.removesuffix("…")), stable(printed)
        same = (expected & found).total()
        assert same >= ALIKE * expected.total(), f"$ {command}\n{printed}\n--- the page says\n{said}"
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "More Information Needed" not in card
    assert "<!-- footprint:begin" in card
    assert (tmp_path / "report.html").stat().st_size > 100_000
