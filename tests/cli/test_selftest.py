"""`footprint doctor --self-test`: the real thing, once; and what it says of what fails or cannot be tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from footprint.cli import selftest
from footprint.ledger import read_runs
from footprint.testing import cases
from footprint.testing.cases import Case, CaseError, Lab, Result

KEYS = {"name", "truth", "reading", "error_ratio", "passed", "detail"}


@pytest.mark.slow
def test_every_meter_passes_here_and_nothing_of_the_users_is_touched(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "footprint", "doctor", "--self-test", "--json"],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    assert (told["schema"], set(told)) == (1, {"schema", "cases"})
    assert all(set(case) == KEYS for case in told["cases"])
    assert [case["name"] for case in told["cases"]] == [case.name for case in cases.CASES]
    assert [case for case in told["cases"] if not case["passed"]] == []
    assert (done.returncode, done.stderr) == (0, "")
    assert read_runs().runs == ()
    assert list(temporary.iterdir()) == []
    for case in told["cases"]:
        if case["truth"] is not None:
            assert case["error_ratio"] == pytest.approx(case["reading"] / case["truth"] - 1)
            assert abs(case["error_ratio"]) <= (0.05 if case["name"].startswith("CPU") else 0.03)


def broken(_lab: Lab) -> Result:
    raise CaseError("the command was changed")


def wrong(_lab: Lab) -> Result:
    return Result(100.0, 101.0, "read once")


def defective(_lab: Lab) -> Result:
    return Result(1 / 0, None, "")


def test_a_case_that_fails_is_told_and_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tried = (Case("a", "J", broken), Case("b", "J", wrong), Case("c", "s", defective, busy=True))
    monkeypatch.setattr(cases, "CASES", tried)
    assert selftest.self_test(json=True) == 1
    a, b, c = json.loads(capsys.readouterr().out)["cases"]
    assert (a["passed"], a["truth"], a["detail"]) == (False, None, "the command was changed")
    assert (b["passed"], b["error_ratio"]) == (False, pytest.approx(0.01))
    assert b["detail"] == "read once; at most 0.5 % allowed"
    assert (c["passed"], c["detail"]) == (False, "ZeroDivisionError: division by zero")
    assert selftest.self_test(json=False) == 1
    out = capsys.readouterr().out
    assert "100.000 J    101.000 J   +1.00 %  FAILED" in out
    assert out.endswith("0 of 3 cases passed, 3 failed, 0 skipped\n")


def test_without_a_compiler_what_needs_one_is_skipped_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def right(_lab: Lab) -> Result:
        return Result(100.0, 100.1, "")

    monkeypatch.setattr(cases, "CASES", (Case("a", "J", broken, needs_compiler=True), Case("b", "J", right)))
    monkeypatch.setenv("PATH", "/nowhere")
    assert selftest.self_test(json=False) == 0
    out = capsys.readouterr().out
    assert "skipped" in out
    assert "no C compiler" in out
    assert out.endswith("1 of 2 cases passed, 0 failed, 1 skipped\n")
