"""Pages that are written by hand are held to what they tell of: variables, keys, figures, arithmetic."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import typer.main

from footprint.accounting.energy import MAX_POWER_GAP_S
from footprint.accounting.ranges import N_DRAWS
from footprint.cli.app import app
from footprint.derive.advance import BLOCKS_MOST
from footprint.place import defaults
from footprint.reference import evidence, peaks
from footprint.units import H_PER_YEAR

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
SOURCES: Final = (".py", ".sh")
COLUMNS: Final = ("CodeCarbon", "zeus", "carbontracker", "pyJoules", "huggingface_hub", "footprint")
_NUMBER: Final = re.compile(r"[-+]?\d[\d,]*\.?\d*")
_ROW: Final = re.compile(r"^\|(.+)\|$", re.MULTILINE)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_each_variable_of_the_environment_is_documented() -> None:
    files = [path for path in (ROOT / "footprint").rglob("*") if path.suffix in SOURCES]
    named = {name for path in files for name in re.findall(r"FOOTPRINT_[A-Z_]+[A-Z]", path.read_text(encoding="utf-8"))}
    told = set(re.findall(r"`(FOOTPRINT_[A-Z_]+)`", page("reference/settings.md")))
    assert sorted(named - told) == [], "docs/reference/settings.md does not tell of these"
    assert sorted(told - named) == [], "docs/reference/settings.md tells of these, which are no more"


def test_each_key_of_footprint_toml_is_documented() -> None:
    part = page("reference/settings.md").split("## footprint.toml")[1]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", part, re.MULTILINE))
    assert sorted(rows) == sorted(defaults.KEYS)
    assert all(key in rows["ledger"] for key in defaults.LEDGER_KEYS)


def tables_of_figures() -> list[tuple[str, str, str, str]]:
    """Each cell of the comparison's tables of benchmarks: its section, its row, who, and the figure."""
    cells, heads = [], []
    for row in _ROW.findall(page("comparison.md")):
        columns = [column.strip() for column in row.split("|")]
        if columns[0] == "what":
            heads = columns
        elif (section := re.search(r"\(`(\w+)`\)$", columns[0])) is not None:
            what = columns[0][: section.start()].split(":")[0].strip()
            cells += [(section[1], what, who, cell) for who, cell in zip(heads[1:], columns[1:], strict=True) if cell]
    return cells


def test_each_figure_of_the_comparison_is_that_of_the_benchmarks() -> None:
    results = (ROOT / "tests" / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    sections = {part.split(":")[0]: part for part in results.split("\n## ")[1:]}
    cells = tables_of_figures()
    assert len(cells) > 50
    for section, what, who, cell in cells:
        measured = [[field.strip() for field in row.split("|")] for row in _ROW.findall(sections[section])]
        # "of published cards" is told there as "(published cards: …)": words of the row count, their order does not.
        words = set(re.findall(r"[\w.]+", what)) - {"of", "cards", "with", "in", "their"}
        rows = [row for row in measured if row[1].startswith(who.split(",")[0]) and words <= set(re.findall(r"[\w.]+", row[0]))]
        figures = set(_NUMBER.findall(cell))
        found = [row[2] for row in rows]
        assert any(figures <= set(_NUMBER.findall(figure)) for figure in found), f"{section}: {what}: {who}: {cell} of {found}"


@pytest.mark.parametrize("name", ["comparison.md", "limits.md"])
def test_pages_of_figures_say_when_or_where_they_are_from(name: str) -> None:
    assert "RESULTS.md" in page(name)


def test_the_cpu_models_error_is_that_of_the_benchmarks() -> None:
    told = re.search(r"errs by ([\d.]+) % in the median, by less than ([\d.]+) %", page("limits.md"))
    results = (ROOT / "tests" / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    assert told is not None
    assert f"all: median / p90 error | footprint | {told[1]} % / {told[2]} %" in results


def test_the_example_of_the_method_is_what_the_code_says() -> None:
    block = re.search(r"```console\n\$ footprint (estimate .*)\n…\n(.*?)\n…\n```", page("method.md"), re.DOTALL)
    assert block is not None
    words = re.findall(r'"[^"]*"|\S+', block[1])
    command = [sys.executable, "-m", "footprint", *(word.strip('"') for word in words)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert block[2] in printed


def test_the_methods_constants_are_those_of_the_code() -> None:
    method = page("method.md")
    assert f"t[i+1] − t[i] ≤ {MAX_POWER_GAP_S:g} s" in method
    assert f"**{N_DRAWS:,} draws**" in method
    assert f"widened by {evidence.yearly_drift_sigma():.3f} × √years" in " ".join(method.split())
    assert f"device-hours / {H_PER_YEAR:,.0f} × making" in method
    assert f"{peaks.operations_per_token('pre-training')} × parameters × tokens in training" in method
    assert f"{peaks.operations_per_token('inference')} × in inference" in method
    assert f"up to {BLOCKS_MOST} blocks" in method


def test_the_method_names_modules_that_are_there() -> None:
    named = set(re.findall(r"`((?:accounting|derive|reference)/\w+\.py)`", page("method.md")))
    assert len(named) > 15
    assert [name for name in named if not (ROOT / "footprint" / name).is_file()] == []


def test_no_page_has_a_path_of_somebodys_machine() -> None:
    for path in DOCS.rglob("*.md"):
        assert not re.search(r"/(?:work|root)/|/tmp/[a-z]+[-_]", path.read_text(encoding="utf-8")), path.name


def told_commands() -> list[tuple[str, list[str]]]:
    """Each command of ours in a block of code of a page, in words up to a comment or a pipe."""
    found = []
    for path in (ROOT / "README.md", ROOT / "profiles" / "README.md", *sorted(DOCS.rglob("*.md"))):
        for block in re.findall(r"^ *```.*?\n(.*?)^ *```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in re.findall(r"(?:^|\$ |run: |sudo |srun )(footprint [a-z].*)$", block.replace("\\\n", " "), re.MULTILINE):
                words = re.findall(r"\"[^\"]*\"|'[^']*'|\S+", line)
                ends = [at for at, word in enumerate(words) if word in {"#", "|", "||", "&&", ">", ">>", "--", "…"}]
                found.append((f"{path.name}: {line}", words[1 : min(ends, default=len(words))]))
    return found


def test_each_command_of_a_page_is_one_that_there_is() -> None:
    root = typer.main.get_command(app)
    found = told_commands()
    assert len(found) > 80
    for where, words in found:
        command, rest = root, list(words)
        while rest and hasattr(command, "commands"):
            # Several in one line are told with bars between them: each is one.
            names = rest.pop(0).split("|")
            assert all(name in command.commands for name in names), f"{where}: {names}"
            command = command.commands[names[0]]
        known = {"-h", "--help", *(name for one in command.params for name in one.opts)}
        strange = [word for word in rest if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known]
        assert strange == [], f"{where}: {strange}"


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "notebooks/README.md", "profiles/README.md"])
def test_the_links_of_pages_beside_the_site_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_contributing_guide_names_files_that_are_there() -> None:
    named = set(re.findall(r"`((?:footprint|tests|docs)/[\w/.]+)`", page("contributing.md")))
    named |= {f"footprint/{name}" for name in re.findall(r"`((?:ledger|meters)/[\w/]+\.py)`", page("contributing.md"))}
    assert len(named) > 8
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
