"""With FOOTPRINT_NO_SKIP nothing is skipped in silence: not a test, not what it needs, not a whole file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WAYS = {
    "test": 'import pytest\ndef test_it():\n    pytest.importorskip("nowhere")\n',
    "fixture": 'import pytest\n@pytest.fixture\ndef it():\n    pytest.skip("no")\ndef test_it(it):\n    pass\n',
    "file": 'import pytest\npytest.importorskip("nowhere")\n',
}


@pytest.mark.slow
@pytest.mark.parametrize(("stated", "outcomes"), [("", {"SKIPPED"}), ("1", {"FAILED", "ERROR"})])
def test_a_skip_is_a_failure_where_none_is_allowed(stated: str, outcomes: set[str], tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    for way, code in WAYS.items():
        (tmp_path / f"test_{way}.py").write_text(code)
    words = ["-q", "-rA", "--continue-on-collection-errors", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    environment = {**os.environ, "FOOTPRINT_NO_SKIP": stated}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    told = re.findall(r"^(SKIPPED|FAILED|ERROR|PASSED)\b.*?test_(\w+)\.py", done.stdout, re.MULTILINE)
    assert {way for _, way in told} == {*WAYS}, done.stdout
    assert {outcome for outcome, _ in told} == outcomes
