"""With FOOTPRINT_NO_SKIP nothing is skipped in silence: not a test, not what it needs, not a whole file."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("way", WAYS)
def test_a_skip_is_a_failure_where_none_is_allowed(way: str, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_it.py").write_text(WAYS[way])
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    codes = []
    for allowed in ("", "1"):
        done = subprocess.run(
            words, cwd=tmp_path, env={**os.environ, "FOOTPRINT_NO_SKIP": allowed}, capture_output=True, text=True, check=False
        )
        codes.append(done.returncode)
    assert codes[0] in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    assert codes[1] in {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED}
