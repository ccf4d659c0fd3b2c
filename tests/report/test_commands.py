"""The commands that pages name: whoever copies one runs it, and nothing that stands in a name."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from footprint.ledger.beside import Beside
from footprint.report.html import render, render_run
from footprint.report.one_run.page import build
from tests.report.examples import run, summary
from tests.report.run_examples import recorded

NAMES = (
    ">ran",
    "x; touch ran",
    "$(touch ran)",
    "`touch ran`",
    "a' touch ran '",
    'a" && touch ran "',
    "a\ntouch ran",
    "a\rtouch ran",
    "a\\",
    "| touch ran",
    "& touch ran",
)
_CODE = re.compile(r"<code[^>]*>(footprint [^<]*)</code>")
_WHERE = re.compile(r'data-where="([^"]*)"')


def check(commands: list[str], folder: Path) -> None:
    """Run commands in a shell in which ours does nothing."""
    assert commands
    for command in commands:
        shell = ["bash", "-c", f"footprint() {{ :; }}\n{command}\n"]
        subprocess.run(shell, cwd=folder, check=False, capture_output=True, timeout=60)
        assert list(folder.iterdir()) == [], command


@pytest.mark.parametrize("name", NAMES)
def test_a_runs_page_names_no_command_that_runs_a_name(name: str, tmp_path: Path) -> None:
    one, readings = recorded(60.0, account=f"{name} of all", parent=f"{name} parent")
    beside = Beside(runs=(run(f"{name} beside", account=f"{name} of all"),))
    page = build(msgspec.structs.replace(one, id=name), readings, beside)
    told = render_run(msgspec.structs.replace(page, ledger=f"./{name}"))
    check([html.unescape(one) for one in _CODE.findall(told)], tmp_path)


def test_a_dashboard_names_no_command_that_runs_a_name(tmp_path: Path) -> None:
    some = [run(name, name=name, account=name, labels={"project": name, name: name}) for name in NAMES]
    told = render(summary(some))
    chosen = [f"footprint report --where {html.unescape(one)}" for one in _WHERE.findall(told) if one]
    check([*chosen, *(html.unescape(one) for one in _CODE.findall(told))], tmp_path)
