"""The page of one run in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from footprint.ledger.beside import Beside
from footprint.report import html
from footprint.report.one_run.page import build
from tests.browser.conftest import SIZES, Theme, Visit, shoot
from tests.report.examples import run
from tests.report.run_examples import hostile, recorded

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "run.html"
    beside = Beside(runs=tuple(run(f"s{place}", name=f"rank-{place}") for place in range(3)))
    path.write_text(html.render_run(build(*recorded(), beside)), encoding="utf-8")
    return path


@pytest.mark.parametrize(("size", "theme"), [("desktop", "light"), ("phone", "dark")])
def test_every_figure_is_drawn_and_nobody_is_shut_out(browser: Browser, page: Path, size: str, theme: Theme) -> None:
    with Visit(browser, page, size, theme) as visit:
        assert visit.page.locator(".plot").count() == 4
        for plot in visit.page.locator(".plot").all():
            plot.scroll_into_view_if_needed()
            assert plot.locator("path").count() > 0
        assert visit.page.locator("#power .annotation-text").all_text_contents() == ["load", "train", "checkpoint", "eval", "?"]
        assert visit.axe() == []
        visit.open_all()
        assert visit.axe() == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
        if size == "phone":
            edges = visit.page.evaluate(
                "[...document.querySelectorAll('td, tbody th')].map(e => e.getBoundingClientRect().right)"
            )
            assert max(edges) <= SIZES[size][0]


def test_the_first_number_is_followed_down_to_a_sample_and_a_factor(browser: Browser, page: Path) -> None:
    with Visit(browser, page) as visit:

        def target() -> str:
            return str(visit.page.evaluate("document.querySelector(':target').id"))

        def go(text: str) -> None:
            visit.page.locator(":target").get_by_role("link", name=text).first.click()

        visit.page.locator("h1 a").click()
        emissions = visit.page.locator(":target")
        assert "129.6 g/kWh" in emissions.inner_text()
        go("129.6 g/kWh")
        assert "grid:BEL:life-cycle" in visit.page.locator(f"#{target()}").inner_text()
        visit.page.go_back()
        for text in ("462.508 Wh", "424.319 Wh", "405.39", "205.143", "738,516 J read"):
            go(text)
        assert target() == "reading-device-0"
        go("the last")  # in a folded part of the page
        row = visit.page.locator(f"#{target()}")
        assert row.is_visible()
        assert "3600.000000 s" in row.inner_text()


def test_the_keyboard_reaches_the_answer_first_and_the_proof_next(browser: Browser, page: Path) -> None:
    with Visit(browser, page) as visit:
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the answer"
        visit.page.keyboard.press("Enter")
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        assert visit.page.locator(":target").get_by_text("129.6 g/kWh").is_visible()


def test_a_window_that_changes_its_size_leaves_each_figure_its_room(browser: Browser, page: Path) -> None:
    with Visit(browser, page) as visit:
        heights = "[...document.querySelectorAll('.plot')].map(e => e.offsetHeight)"
        for plot in visit.page.locator(".plot").all():
            plot.scroll_into_view_if_needed()
        before = visit.page.evaluate(heights)
        visit.page.set_viewport_size({"width": 794, "height": 1123})
        visit.page.wait_for_timeout(500)
        assert visit.page.evaluate(heights) == before
        assert min(before) > 200


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "evil.html"
    path.write_text(html.render_run(build(*hostile())), encoding="utf-8")
    with Visit(browser, path, "phone") as visit:
        visit.open_all()
        visit.page.locator("#power-read").scroll_into_view_if_needed()
        visit.page.locator("#power .bars .point").first.hover(force=True)
        assert visit.page.evaluate("window.hacked") is None
        assert visit.page.locator("img, iframe").count() == 0
        assert visit.page.evaluate("[...document.links].filter(a => !/^(https?|file):/.test(a.protocol)).length") == 0
        assert "<script>window.hacked=1</s" in visit.page.locator(".named").inner_text()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]


def test_without_scripts_answer_and_tables_are_there(browser: Browser, page: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto(page.as_uri())
    assert shown.get_by_role("heading", level=1).is_visible()
    shown.locator("h1 a").click()
    assert shown.locator(":target").is_visible()
    shown.locator(".card summary").first.click()
    assert shown.locator(".card table").first.is_visible()
    context.close()


def test_pictures_are_taken(browser: Browser, page: Path) -> None:
    assert all(path.stat().st_size for path in shoot(browser, page, "run"))
