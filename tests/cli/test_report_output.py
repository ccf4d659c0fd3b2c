"""Where `footprint report` writes: pages of one run, images, what stands beside a page, and standard output by any name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.cli import call
from footprint.cli.report.command import RUN_FIGURES
from footprint.cli.report.writing import page_of, print_report
from footprint.errors import ConfigError
from footprint.ledger import home, write_run_file
from footprint.report import at_scale, gather
from footprint.report.figures.run import figures
from footprint.report.html import folder_files, is_ours
from footprint.report.one_run.page import read
from tests.report.examples import HOSTILE, record, run, runs, somewhere

LINK_LIMIT = 255


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line of a refusal, of which nothing is left."""

    def ask(*options: str) -> str:
        capsys.readouterr()
        before = {path: path.lstat().st_mtime_ns for path in Path().rglob("*")}
        assert call(["report", *options]) == 2
        out, err = capsys.readouterr()
        assert not out
        assert len(err.splitlines()) == 1
        assert {path: path.lstat().st_mtime_ns for path in Path().rglob("*")} == before
        return err

    return ask


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert not err
    return out.splitlines()


# -- One run -------------------------------------------------------


def test_one_run_has_a_page_of_its_own(capsys: pytest.CaptureFixture[str], refused: Callable[..., str]) -> None:
    record(home(), runs(3))
    assert call(["report", "--run", "run00001"]) == 0
    told, path = said(capsys)[-2:]
    assert path == "footprint-run-run00001.html"
    assert re.fullmatch(r"tokenizer-1 emitted .+ of CO₂ equivalent\.", told)
    page = Path("footprint-run-run00001.html").read_bytes()
    assert is_ours(page[:4096])
    assert b"tokenizer-1" in page
    assert b"sweep-0" not in page
    Path("reports").mkdir()
    assert call(["report", "--run", "run00001"]) == 0
    assert said(capsys)[-1] == "reports/footprint-run-run00001.html"
    Path("reports/footprint-run-run00002.html").write_text("mine")
    assert "is not a page of ours" in refused("--run", "run00002")
    assert call(["report", "--run", "run00002", "-o", "two.html"]) == 0
    assert is_ours(Path("two.html").read_bytes()[:4096])


def test_more_than_one_run_and_a_choice_among_runs_are_a_dashboard(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(3))
    assert call(["report", "--run", "run00000", "--run", "run00001"]) == 0
    assert said(capsys)[-1] == "footprint.html"
    assert call(["report", "--run", "run00000", "--name", "sweep-*"]) == 0
    assert said(capsys)[-1] == "footprint.html"
    assert call(["report", "--run", "run00000", "--run", "run00000"]) == 0
    assert said(capsys)[-1] == "footprint-run-run00000.html"


def test_a_run_that_is_renewed_over_a_dashboard_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(2))
    assert call(["report", "--run", "run00000", "-o", "page.html"]) == 0
    assert call(["report", "-o", "page.html"]) == 0
    assert call(["report", "--run", "run00000", "-o", "page.html"]) == 0
    assert "page.html" in said(capsys)


@pytest.mark.parametrize("run_id", [*HOSTILE, "../../../etc/passwd", "..", "a/b\\c:d", "CON", "x" * 300, "\u202e"])
def test_a_hostile_id_is_no_path(run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_run_file(run(run_id, place=somewhere()), Path("pod.json"))
    assert call(["report", "--run", "pod.json"]) == 0
    (page,) = Path().glob("*.html")
    assert said(capsys)[-1] == page.name
    assert not list(Path("..").glob("*.html"))


@given(st.text(max_size=300))
def test_the_name_of_a_page_is_a_name_on_any_system(run_id: str) -> None:
    name = page_of(run_id)
    assert re.fullmatch(r"footprint-run-[A-Za-z0-9._-]*\.html", name)
    assert len(name) < LINK_LIMIT


# -- What stands beside a page -------------------------------------------------------


def test_a_page_with_its_script_beside_it(capsys: pytest.CaptureFixture[str], refused: Callable[..., str]) -> None:
    record(home(), runs(3))
    Path("reports").mkdir()
    ((name, data),) = folder_files().items()
    assert call(["report", "--assets", "folder"]) == 0
    beside = Path("reports", name)
    assert beside.read_bytes() == data
    page = Path("reports/footprint.html")
    assert f'src="{name}"' in page.read_text()
    assert page.stat().st_size < 1_000_000
    written_ns = beside.stat().st_mtime_ns
    assert call(["report", "--assets", "folder", "--run", "run00000"]) == 0
    assert beside.stat().st_mtime_ns == written_ns
    assert said(capsys)[-1] == "reports/footprint-run-run00000.html"
    beside.write_text("mine")
    assert "is another file than the page needs" in refused("--assets", "folder")


def test_a_page_that_asks_the_network_is_small_and_only_if_it_was_asked_for() -> None:
    record(home(), runs(3))
    assert call(["report", "--assets", "cdn", "-o", "cdn.html"]) == 0
    assert call(["report", "-o", "inline.html"]) == 0
    small, whole = Path("cdn.html").read_text(), Path("inline.html").read_text()
    assert len(small) < len(whole) / 3
    assert 'src="https://' in small
    assert 'src="http' not in whole
    assert sorted(path.name for path in Path().iterdir()) == ["cdn.html", "inline.html"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--assets", "nowhere"], "unknown --assets 'nowhere'"),
        (["--assets", "foldr"], "did you mean folder?"),
        (["--assets", "cdn", "--format", "md"], "--assets cdn is of a page, and this is md"),
        (["--assets", "folder", "-o", "-"], "--assets folder needs a page that is a file"),
        (["--assets", "folder", "-o", "/dev/null", "--format", "html"], "--assets folder needs a page that is a file"),
        (["--figure", "energy-by"], "--figure 'energy-by' is for an image"),
        (["--format", "png"], "name it with --figure"),
        (["-o", "x.svg"], "name it with --figure"),
        (["--format", "svg", "--figure", "nothing"], "energy-by"),
        (["--format", "svg", "--figure", "energy-by", "--theme", "purple"], "unknown --theme 'purple'"),
        (["--theme", "dark"], "--theme dark is of an image, and this is html"),
        (["--format", "svg", "--figure", "power"], "--figure power is of one run: name it with one --run"),
        (["--run", "run00000", "-o", "no/such/page.html"], "cannot write no/such/page.html: No such file"),
        (["--run", "nowhere"], "no run 'nowhere'"),
        (["--format", "htm"], "did you mean html?"),
        (["--run"], "(see footprint report --help)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_one_line(options: list[str], why: str, refused: Callable[..., str]) -> None:
    record(home(), runs(2))
    assert why in refused(*options)


# -- Files -------------------------------------------------------


def test_links_in_a_circle_are_one_line(refused: Callable[..., str]) -> None:
    Path("a.html").symlink_to("b.html")
    Path("b.html").symlink_to("a.html")
    assert "cannot write a.html" in refused("-o", "a.html")


def test_the_longest_name_that_a_file_can_have(refused: Callable[..., str]) -> None:
    longest = "x" * (LINK_LIMIT - len(".md")) + ".md"
    assert call(["report", "-o", longest]) == 0
    assert [path.name for path in Path().iterdir()] == [longest]
    assert "too long" in refused("-o", f"x{longest}")


# -- Images -------------------------------------------------------


@pytest.mark.browser
@pytest.mark.slow
def test_a_figure_as_an_image(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    record(home(), runs(4))
    assert call(["report", "--figure", "energy-by", "-o", "figure.svg", "--theme", "dark"]) == 0
    assert Path("figure.svg").read_text().lstrip().startswith("<svg")
    capsysbinary.readouterr()
    assert call(["report", "--figure", "energy-by", "--format", "png"]) == 0
    assert capsysbinary.readouterr().out.startswith(b"\x89PNG")
    assert [path.name for path in Path().iterdir()] == ["figure.svg"]


@pytest.mark.browser
@pytest.mark.slow
def test_a_figure_of_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(2))
    assert call(["report", "--run", "run00000", "--figure", "energy-so-far", "-o", "run.svg"]) == 0
    assert said(capsys) == ["run.svg"]
    assert Path("run.svg").read_text().lstrip().startswith("<svg")


def test_the_figures_of_a_run_are_known_by_name() -> None:
    record(home(), runs(1))
    drawn = {one.id for one in figures(read("run00000"))}
    assert drawn
    assert drawn <= set(RUN_FIGURES)


def test_a_terminal_shows_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(ConfigError, match="a terminal shows no png"):
        print_report("png", b"\x89PNG")


# -- Standard output -------------------------------------------------------


def started(command: str) -> subprocess.CompletedProcess[str]:
    """A shell with the command; `footprint` in it is this one."""
    script = command.replace("footprint", f'"{sys.executable}" -m footprint')
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_standard_output_by_its_other_name_holds_the_report_alone() -> None:
    record(home(), runs(40))
    plain = started("footprint report --format csv -o -").stdout
    assert plain.startswith("id,name")
    for command in ("footprint report --format csv -o /dev/stdout", "footprint report --format csv -o /dev/stdout > f; cat f"):
        found = started(command)
        assert (found.stdout, found.stderr) == (plain, "")
    gone = started("footprint report --format csv -o /dev/stdout | head -1; exit ${PIPESTATUS[0]}")
    assert (gone.returncode, gone.stderr) == (0, "")
    assert gone.stdout == plain.splitlines(keepends=True)[0]


def test_a_link_that_lies_where_a_draft_might_is_not_written_through() -> None:
    Path("theirs").write_text("stays")
    Path(f".footprint-{os.getpid()}.tmp").symlink_to("theirs")
    assert call(["report", "-o", "page.html"]) == 0
    assert Path("theirs").read_text() == "stays"
    assert not Path("page.html").is_symlink()


def test_a_pipe_that_has_a_pages_name_is_not_waited_for(refused: Callable[..., str]) -> None:
    for name in ("footprint.html", *folder_files()):
        os.mkfifo(name)
    assert "is not a page of ours" in refused()
    assert "is another file than the page needs" in refused("--assets", "folder", "-o", "page.html")


def test_a_csv_has_a_row_of_each_run_or_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], refused: Callable[..., str]
) -> None:
    record(home(), runs(6))
    monkeypatch.setattr(gather, "MOST_DERIVED", 3)
    assert call(["report", "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 6
    monkeypatch.setattr(at_scale, "MOST_ROWS", 4)
    assert "a CSV has a row a run, and 6 runs are too many for it" in refused("--format", "csv")
