"""The table of faults in conftest.py says what there is: each number is in the name of a test of each file beside it.

A file of another folder of tests has the folder's name before it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults import conftest

ROWS = re.findall(r"^ ?(\d+) .*?  (test_[a-z_/, ]+)$", conftest.__doc__ or "", re.MULTILINE)


def test_the_table_is_read() -> None:
    assert [int(number) for number, _ in ROWS] == [*range(1, 22), *range(24, 29)]


@pytest.mark.parametrize(("number", "files"), ROWS)
def test_each_fault_has_tests_where_the_table_says(number: str, files: str) -> None:
    for file in files.split(", "):
        folder, _, name = file.rpartition("/")
        path = Path(__file__).parents[1] / (folder or "faults") / f"{name}.py"
        assert f"fault_{int(number):02}" in path.read_text(), file
