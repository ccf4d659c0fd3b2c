"""The dashboard in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, expect

from footprint.report import html
from tests.browser.conftest import SIZES, THEMES, Theme, Visit
from tests.report.examples import HOSTILE, runs, summary

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What a person can read on its ground, WCAG 2.2 success criterion 1.4.3.
CONTRAST = 4.5


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    path = tmp_path / "ten.html"
    path.write_text(html.render(summary(runs(10, placed=4), selection=("since 7d",))), encoding="utf-8")
    return path


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
def test_every_figure_is_drawn_and_nothing_is_asked_for(browser: Browser, ten: Path, size: str, theme: Theme) -> None:
    visit = Visit(browser, ten, size, theme)
    page = visit.page
    assert page.locator(".plot").count() == 5
    for plot in page.locator(".plot").all():
        assert plot.locator(".bars .point path").count() > 0
        box = plot.bounding_box()
        assert box
        assert box["width"] <= SIZES[size][0]
    for details in page.locator("details").all():
        details.evaluate("e => e.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    visit.close()


def test_on_a_phone_no_cell_is_out_of_sight_and_bars_have_the_width(browser: Browser, ten: Path) -> None:
    visit = Visit(browser, ten, "phone")
    page, width = visit.page, SIZES["phone"][0]
    for details in page.locator("details").all():
        details.evaluate("e => e.open = true")
    edges = page.evaluate("[...document.querySelectorAll('td, tbody th')].map(e => e.getBoundingClientRect().right)")
    assert max(edges) <= width
    assert page.evaluate("[...document.querySelectorAll('.scroll')].every(e => e.scrollWidth <= e.clientWidth)")
    cell = page.locator("#groups-heading ~ details tbody tr").first.locator("td").last
    assert cell.evaluate("e => getComputedStyle(e, '::before').content") == '"CO₂e"'
    for figure in ("energy-by", "emissions-by", "by-component", "by-grade"):
        ground = page.locator(f"#{figure} .bglayer rect, #{figure} .draglayer .drag").first.bounding_box()
        assert ground
        assert ground["width"] >= 0.65 * width
    visit.close()


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read_on_its_ground(browser: Browser, ten: Path, theme: Theme) -> None:
    visit = Visit(browser, ten, theme=theme)
    worst = visit.page.evaluate(
        """() => {
          const channels = (c) => c.match(/[\\d.]+/g).map(Number);
          const light = (c) => { const [r, g, b] = channels(c).slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
            if ((channels(c)[3] ?? 1) > 0) return c; } return 'rgb(255,255,255)'; };
          return [...document.querySelectorAll('p,dt,dd,th,td,h1 span,h2,h3,li,a,code,summary,.badge')]
            .filter(e => e.textContent.trim()).map(e => { const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
              return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }).reduce((x, y) => Math.min(x, y));
        }"""
    )
    assert worst >= CONTRAST
    visit.close()


def test_the_theme_is_followed_while_the_page_is_open(browser: Browser, ten: Path) -> None:
    visit = Visit(browser, ten)
    label = visit.page.locator("#energy-by .annotation-text").first
    expect(label).to_have_css("fill", "rgb(32, 36, 42)")
    visit.page.emulate_media(color_scheme="dark")
    expect(label).to_have_css("fill", "rgb(232, 234, 237)")
    visit.close()


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "evil.html"
    found = summary(runs(len(HOSTILE) * 2, names=HOSTILE), group_by="name", selection=HOSTILE)
    path.write_text(html.render(found), encoding="utf-8")
    visit = Visit(browser, path)
    page = visit.page
    for details in page.locator("details").all():
        details.evaluate("e => e.open = true")
    page.locator("#energy-by .bars .point").first.hover(force=True)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, iframe").count() == 0
    assert page.evaluate("[...document.links].filter(a => !/^(https?|file):/.test(a.protocol)).length") == 0
    # Plotly gives HTML entities back as characters, so names are read as they were written.
    assert "<script>window.hacked=1</s" in page.locator("#energy-by").inner_text()
    assert page.locator(".run").first.bounding_box()
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["desktop"][0]
    visit.close()


def test_a_script_that_gets_in_does_not_run(browser: Browser, ten: Path) -> None:
    text = ten.read_text(encoding="utf-8").replace("</main>", "<script>window.hacked=1</script></main>")
    ten.write_text(text, encoding="utf-8")
    visit = Visit(browser, ten)
    assert visit.page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)
    visit.complaints.clear()
    visit.close()


def test_the_network_is_out_of_reach(browser: Browser, ten: Path) -> None:
    visit = Visit(browser, ten)
    with pytest.raises(Error, match="Failed to fetch"):
        visit.page.evaluate("fetch('http://127.0.0.1:9/')")
    # The page's own policy, and not the browser's lack of a network.
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)
    visit.complaints.clear()
    visit.close()


def test_runs_are_found_opened_and_lead_to_their_factors(browser: Browser, ten: Path) -> None:
    visit = Visit(browser, ten)
    page = visit.page
    page.get_by_role("searchbox").fill("NIGHTLY")
    assert page.locator(".run:visible").count() == 3
    assert page.get_by_role("status").inner_text() == "3 of 10 shown"
    page.locator(".run:visible > summary").first.focus()
    page.keyboard.press("Enter")
    first = page.locator(".run:visible").first
    assert first.get_by_text("NVIDIA A100-SXM4-80GB").first.is_visible()
    link = first.locator("a[href^='#factor-']").first
    target = link.get_attribute("href")
    link.click()
    assert page.evaluate("document.querySelector(':target').id") == str(target).removeprefix("#")
    visit.close()


def test_the_keyboard_reaches_the_answer_first(browser: Browser, ten: Path) -> None:
    visit = Visit(browser, ten)
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    visit.close()


def test_without_scripts_the_answer_and_the_tables_are_there(browser: Browser, ten: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(ten.as_uri())
    assert page.get_by_role("heading", level=1).is_visible()
    page.locator(".card summary").first.click()
    assert page.locator(".card table").first.is_visible()
    context.close()


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_ledger_and_a_single_run(browser: Browser, tmp_path: Path, count: int) -> None:
    path = tmp_path / "page.html"
    path.write_text(html.render(summary(runs(count, placed=0))), encoding="utf-8")
    visit = Visit(browser, path, "phone")
    assert visit.page.get_by_role("heading", level=1).is_visible()
    visit.close()
