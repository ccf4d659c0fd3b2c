"""Rules for all tests: a ledger of their own, and in CI no silent skips."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from footprint.recorder import active

# Examples run real code on a shared machine: time says nothing about correctness.
settings.register_profile("footprint", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("footprint")

# A shell starts what it puts in the background with Ctrl-C ignored, and `nohup` with the hang-up: the programs that the
# tests start and interrupt would inherit that.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the ledger, or takes the place, of whoever runs it."""
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "footprint-home"))
    monkeypatch.setenv("FOOTPRINT_EPHEMERAL", "1")  # wherever the tests run, their ledgers vanish
    for what in ("REGION", "PUE", "LABELS", "PARENT", "ACCOUNT", "NAME"):
        monkeypatch.delenv(f"FOOTPRINT_{what}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(autouse=True)
def _own_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning is told once in a process: what other tests had told here is forgotten."""
    monkeypatch.setattr(active, "_told", set())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With FOOTPRINT_NO_SKIP set, a skip is a failure: only tests that need a GPU may be left out."""
    report = yield
    expected = hasattr(report, "wasxfail") or item.get_closest_marker("gpu") is not None
    if report.skipped and os.environ.get("FOOTPRINT_NO_SKIP") and not expected:
        report.outcome = "failed"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same of a whole file that is left out, as by `importorskip` at its top."""
    report = yield
    if report.skipped and os.environ.get("FOOTPRINT_NO_SKIP"):
        report.outcome = "failed"
    return report
