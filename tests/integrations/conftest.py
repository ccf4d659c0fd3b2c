"""What a reader of the documentation does: paste the lines of a page, with the library at its newest or oldest version."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.integrations.libraries import Age, lines_of, packages, version
from tests.world.programs import ROOT, Program, card, program

__all__ = ["card", "paste", "program", "versions"]

PAGES: Final = ROOT / "docs" / "integrations"
LINES_LIMIT: Final = 10
_VERSIONS: Final = "library"

Paste = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def versions(record_property: Callable[[str, object], None]) -> Callable[[str, Age], None]:
    """Note the version of a library that a test has run; all of them are printed at the end."""

    def note(library: str, age: Age) -> None:
        record_property(_VERSIONS, f"{library} {age} {version(library, age)}")

    return note


@pytest.fixture
def paste(program: Program, versions: Callable[[str, Age], None]) -> Paste:
    """Run the lines of a page of `docs/integrations` as they stand, in a folder of their own.

    `before` and `after` are what the test adds around them: a server to call, what is to be seen afterwards.
    """

    def run(
        page: str, library: str, age: Age, *, number: int = 0, before: str = "", after: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        lines = lines_of(PAGES / page, number)
        told = [line for line in lines.splitlines() if line.strip()]
        assert len(told) <= LINES_LIMIT, f"{page}: {len(told)} lines; ten are enough to be pasted"
        versions(library, age)
        return program(f"{before}\n{lines}\n{after}", packages=packages(library, age), **environment)

    return run


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The versions that the tests ran, as their programs found them."""
    seen = {
        str(value)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for name, value in getattr(report, "user_properties", ())
        if name == _VERSIONS
    }
    if seen:
        terminalreporter.section("versions of the libraries that were run")
        for line in sorted(seen):
            library, age, found = line.split()
            terminalreporter.write_line(f"{library:<24}{age:<8}{found}")
