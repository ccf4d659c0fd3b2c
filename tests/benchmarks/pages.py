"""Pages of a hundred runs and of a million: the whole command, then chromium; CodeCarbon's board of the same runs beside it.

A page is a file, and opens by itself; the board is a server that answers while it is asked. What a person waits for is the same:
from the command to the first figure that is drawn. No browser here has a network, which spares the board its style sheet and its
maps of the world; its other figures are drawn.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from footprint.units import J_PER_KWH
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import CODECARBON_BOARD, OURS, ToolError, python
from tests.benchmarks.rows import Row, failed, milliseconds, times
from tests.benchmarks.synthetic import home_of
from tests.browser.conftest import CHROMIUM, QUIET, SIZES

TITLE: Final = "pages: written, opened and drawn"
_FEW: Final = 100
_RUNS: Final = (_FEW, 10_000, 100_000, 1_000_000)
_BOARD_RUNS: Final = (_FEW, 10_000)
# The targets: seconds to write, and MB in memory, where there is one; then what holds for every page.
_TARGETS: Final[dict[int, tuple[float, float | None]]] = {_FEW: (1.5, None), 1_000_000: (10.0, 1000.0)}
_OPEN_S: Final = 3.0
_PAGE_MB: Final = 5.2
_LIMIT_S: Final = 90.0
_LOOPBACK_ONLY: Final = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
# A program's peak of memory, as its parent hears it; the parent is small, since a child begins with what the parent had.
_STARTER: Final = """
import json, os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
begin_s = time.perf_counter()
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet), 0)
print(json.dumps({"seconds": time.perf_counter() - begin_s, "peak_mb": used.ru_maxrss / 1024}))
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""
_FIRST: Final = ".js-plotly-plot .trace"
# Seconds since the navigation began; figures further down are scrolled to, since a page may wait with those.
_DRAWN: Final = """async ([first, limit_ms]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const until = async (what) => {
    while (!what()) { if (performance.now() > limit_ms) throw new Error('nothing drawn'); await frame(); }
  };
  await until(() => document.readyState !== 'loading');
  await until(() => document.querySelector(first)?.checkVisibility());
  const first_s = performance.now() / 1000;
  const figures = [...document.querySelectorAll('.plot')].filter(e => e.checkVisibility());
  for (const figure of figures) {
    if (!figure.querySelector('.main-svg')) figure.scrollIntoView();
    await until(() => figure.querySelector('.main-svg'));
  }
  await frame();
  return {first_s, all_s: performance.now() / 1000, figures: figures.length};
}"""


def run(effort: Effort) -> Iterator[Row]:
    """What it takes to write and to open a page of so many runs, and how large it is."""
    is_quick = effort.cards < 10_000
    with ExitStack() as stack:
        browser = stack.enter_context(_browser())
        for runs in _RUNS[:2] if is_quick else _RUNS:
            home = stack.enter_context(_home(runs))
            repeats = effort.repeats if runs == _FEW else 1
            try:
                shown, ours_s = _page(browser, home, runs, repeats)
            except (subprocess.SubprocessError, ToolError) as error:
                yield failed(f"page of {runs:,} runs", OURS.label, _reason(error))._replace(is_met=False)
                continue
            yield from shown
            if runs in (_BOARD_RUNS[:1] if is_quick else _BOARD_RUNS):
                yield _board(browser, home, runs, repeats, ours_s)


def _page(browser: Browser, home: Path, runs: int, repeats: int) -> tuple[list[Row], float]:
    """The rows of one page, and the seconds from the command to its first figure."""
    page = home / "page.html"
    written = [_written(home, page) for _ in range(repeats)]
    opened = [_opened(browser, page.as_uri()) for _ in range(repeats)]
    seconds = statistics.median(one["seconds"] for one in written)
    peak_mb = max(one["peak_mb"] for one in written)
    all_s = statistics.median(one["all_s"] for one in opened)
    first_s = statistics.median(one["first_s"] for one in opened)
    page_mb = page.stat().st_size / 1e6
    target, is_met = _held_to(runs, seconds, peak_mb)
    drawn = f"{milliseconds(all_s)}; the first of {opened[0]['figures']} after {milliseconds(first_s)}"
    return [
        Row(f"page of {runs:,} runs: written, whole command", OURS.label, f"{seconds:.2f} s, {peak_mb:.0f} MB", target, is_met),
        Row(f"page of {runs:,} runs: opened, all figures drawn", OURS.label, drawn, f"<= {_OPEN_S:g} s", all_s <= _OPEN_S),
        Row(f"page of {runs:,} runs: size", OURS.label, f"{page_mb:.2f} MB", f"<= {_PAGE_MB} MB", page_mb <= _PAGE_MB),
        Row(f"{runs:,} runs: command to first figure", OURS.label, milliseconds(seconds + first_s)),
    ], seconds + first_s


def _held_to(runs: int, seconds: float, peak_mb: float) -> tuple[str, bool | None]:
    """The target of writing a page of so many runs, and whether it is met; none for sizes between."""
    if runs not in _TARGETS:
        return "", None
    most_s, most_mb = _TARGETS[runs]
    if most_mb is None:
        return f"<= {most_s:g} s", seconds <= most_s
    return f"<= {most_s:g} s, <= {most_mb:g} MB", seconds <= most_s and peak_mb <= most_mb


def _written(home: Path, page: Path) -> dict[str, float]:
    """Seconds and the peak of memory of `footprint report`."""
    command = [str(Path(sys.executable).with_name("footprint")), "report", "-o", str(page)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _STARTER, *command],
        capture_output=True,
        text=True,
        check=True,
        timeout=_LIMIT_S,
        cwd=home,
        env={**os.environ, "FOOTPRINT_HOME": str(home)},
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _opened(browser: Browser, address: str) -> dict[str, float]:
    """Seconds from the navigation to the first figure and to all of them."""
    from playwright.sync_api import Error

    width, height = SIZES["desktop"]
    with browser.new_context(viewport={"width": width, "height": height}) as context:
        page = context.new_page()
        try:
            page.goto(address, wait_until="commit", timeout=1000 * _LIMIT_S)
            told: dict[str, float] = page.evaluate(_DRAWN, [_FIRST, 1000 * _LIMIT_S])
        except Error as error:
            raise ToolError(error.message.partition("\n")[0]) from error
    return told


def _board(browser: Browser, home: Path, runs: int, repeats: int, ours_s: float) -> Row:
    """CodeCarbon's board of the same runs: from its command to its first figure."""
    what = f"{runs:,} runs: command to first figure"
    try:
        table = home / "emissions.csv"
        _write_emissions(home, table)
        found_s = []
        for _ in range(repeats):
            begin_s = time.perf_counter()
            with _serving(table) as address:
                _opened(browser, address)
                found_s.append(time.perf_counter() - begin_s)
    except (OSError, ToolError) as error:
        return failed(what, CODECARBON_BOARD.label, error)
    seconds = statistics.median(found_s)
    return Row(what, CODECARBON_BOARD.label, milliseconds(seconds), ratio=times(seconds, ours_s))


@contextmanager
def _serving(table: Path) -> Iterator[str]:
    """The board's address, once somebody answers there; at the end it is gone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(python(CODECARBON_BOARD)).with_name("carbonboard")), "--filepath", str(table), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=table.parent) as server:
        try:
            deadline_s = time.monotonic() + _LIMIT_S
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if server.poll() is not None or time.monotonic() > deadline_s:
                        raise ToolError(f"it serves nothing (exit code {server.poll()})") from None
                    time.sleep(0.01)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.kill()


def _write_emissions(home: Path, table: Path) -> None:
    """The runs of a ledger as a table of CodeCarbon's, with what its board reads."""
    from codecarbon.output_methods.emissions_data import EmissionsData

    from footprint.ledger import read_runs

    countries = {"FRA": "France", "IRL": "Ireland"}
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(EmissionsData)], restval="")
        writer.writeheader()
        for one in read_runs(home).runs:
            zone = (one.place and one.place.zone) or "FRA"
            energy_kwh = sum(device.energy_j or 0.0 for device in one.devices) / J_PER_KWH
            row: dict[str, Any] = {
                "timestamp": one.started_at.removesuffix("Z"),
                "project_name": one.labels.get("project", one.account),
                "run_id": one.id,
                "duration": one.duration_s,
                "emissions": 0.2 * energy_kwh,
                "energy_consumed": energy_kwh,
                "gpu_energy": energy_kwh,
                "cpu_energy": 0.0,
                "ram_energy": 0.0,
                "country_name": countries.get(zone, zone),
                "country_iso_code": zone,
                "on_cloud": "N",
            }
            writer.writerow(row)


@contextmanager
def _home(runs: int) -> Iterator[Path]:
    """A ledger of so many runs: a journal each where they are few, as recorders leave them, and else one archive."""
    if runs != _FEW:
        with home_of(runs) as home:
            yield home
        return
    from tests.report import examples

    with tempfile.TemporaryDirectory() as folder:
        for one in examples.runs(runs):
            examples.record(Path(folder), [one])
        yield Path(folder)


@contextmanager
def _browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        raise ToolError("needs Debian's chromium: apt-get install chromium")
    arguments = [one for one in QUIET if not one.startswith("--host-resolver-rules")]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*arguments, _LOOPBACK_ONLY])
        _opened_once(started)
        yield started
        started.close()


def _opened_once(browser: Browser) -> None:
    """Let the browser come to itself: the first page of all waits for its processes."""
    page = browser.new_page()
    page.goto("data:text/html,<!doctype html><title>x</title>")
    page.close()


def _reason(error: Exception) -> str:
    """What a command said last before it failed."""
    said = str(getattr(error, "stderr", None) or "").strip().splitlines()
    return said[-1] if said else str(error).replace(str(Path.cwd()), ".")[-200:]
