"""The notebooks: each runs in a fresh kernel, shows what it says, and is committed with the outputs of such a run."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.notebooks.executing import FOLDER, NAMES, execute, path_of, read

LIMIT_BYTES: Final = 300_000
# What is shown, whatever machine it runs on.
SHOWN: Final = {
    "01_measure_your_first_run": (
        r"accuracy 0\.\d+ on images not seen",
        r"energy +[\d.]+ \S?(?:J|Wh) ",
        r"emissions +[\d.]+ \S?g .*CO2e \(life-cycle",
        r"known by +cpu: ",
        r"nowhere stated +unknown",
        r"\*\*1 run emitted .* of CO₂ equivalent\.\*\*",
    ),
    "02_fill_and_check_a_card": (
        r"\*\*Carbon Emitted:\*\* \[More Information Needed\]",
        r"\*\*Carbon Emitted:\*\* [\d.]+ g CO2eq \(90 % range",
        r"emissions: [\d.]+\n",
        r"5 lines were replaced, each a placeholder: True",
        r"README\.md: unchanged",
        r"1 card checked: nothing found",
        r"emissions-not-in-grams.*88\.2 × 1,000 = 88200 g",
        r"count-not-multiplied",
    ),
    "03_a_labs_ledger_and_dashboard": (
        r"60 runs: 60 new, 0 known already",
        r"60 runs, all known already: nothing was changed",
        r"failed: a learning rate cannot be negative",
        r"vision +24 .* kWh .* kg",
        r"lab\.html: \d\.\d MB for 63 runs",
        r"\*\*63 runs emitted .* of CO₂ equivalent\.\*\*",
        r"went into runs that failed",
    ),
    "04_how_sure_are_we": (
        r"9 of 11 ranges hold what was measured",
        r"rated power × hours is 1\.1 to 3\.8 times",
        r"all that is stated +72\.1 t",
        r"printed in the paper +72\.2 t gross",
        r"because +priors: utilisation: emissions × 1\.127",
        r"no independent test",
    ),
}
PICTURES: Final = {
    "01_measure_your_first_run": 1,
    "02_fill_and_check_a_card": 0,
    "03_a_labs_ledger_and_dashboard": 2,
    "04_how_sure_are_we": 2,
}
# A path from the root of somebody's machine.
_PATH: Final = re.compile(r"(?<![\w.:/<])/(?:home|root|tmp|work|usr|var|opt|etc|srv|mnt|private|Users|workspace)\b")


def outputs(notebook: Any) -> Iterator[Any]:
    for cell in notebook.cells:
        yield from cell.get("outputs", ())


def said(notebook: Any) -> str:
    """All text that its outputs show."""
    pieces = []
    for one in outputs(notebook):
        pieces += [one.text] if one.output_type == "stream" else [one.data.get(kind, "") for kind in one.data if "text" in kind]
    return "\n".join(pieces)


def shapes(notebook: Any) -> list[tuple[str, list[str]]]:
    """Of each cell, what it is and which kinds of outputs it has; several lines of one stream are one."""
    found = []
    for cell in notebook.cells:
        kinds: list[str] = []
        for one in cell.get("outputs", ()):
            shown = [one.name] if one.output_type == "stream" else sorted(one.get("data", {})) or [one.output_type]
            kinds += [kind for kind in shown if kind not in kinds]
        found.append((cell.source, kinds))
    return found


def check(name: str, notebook: Any, size: int) -> None:
    """What holds of a run here and of what is committed."""
    for one in outputs(notebook):
        assert one.output_type != "error", f"{one.ename}: {one.evalue}"
        assert one.get("name") != "stderr", one.text
    text = said(notebook)
    for shown in SHOWN[name]:
        assert re.search(shown, text), shown
    pictures = [one for one in outputs(notebook) if "image/png" in one.get("data", {})]
    assert len(pictures) == PICTURES[name]
    assert size <= LIMIT_BYTES
    assert "\x1b" not in text
    assert not _PATH.search(text), _PATH.search(text)
    here = socket.gethostname()
    assert not re.search(rf"\b{re.escape(here)}\b", text) or len(here) < 3, here
    assert not re.search(rf"\b{re.escape(getpass.getuser())}\b", text)


def test_each_notebook_that_is_there_is_known_here() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(NAMES) == sorted(SHOWN)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_is_of_a_whole_run(name: str) -> None:
    notebook = read(name)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    check(name, notebook, path_of(name).stat().st_size)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_in_a_fresh_kernel_and_shows_the_same(name: str, tmp_path: Path) -> None:
    import nbformat

    notebook = execute(name, tmp_path)
    written: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    check(name, notebook, len(written.encode()))
    assert shapes(notebook) == shapes(read(name))
