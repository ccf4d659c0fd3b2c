"""The dashboard in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, expect

from footprint.report import html
from footprint.report.html import plotly_js
from tests.browser.conftest import SIZES, THEMES, Theme, Visit
from tests.report.everything import everything
from tests.report.examples import HOSTILE, runs, summary

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    ten = html.render(summary(runs(10, placed=4), selection=("since 7d",)))
    (made / "ten.html").write_text(ten, encoding="utf-8")
    (made / "whole.html").write_text(html.render(everything()), encoding="utf-8")
    return made


@pytest.fixture
def ten(folder: Path) -> Path:
    """A page of ten runs."""
    return folder / "ten.html"


@pytest.fixture
def whole(folder: Path) -> Path:
    """A page that has everything a page can have."""
    return folder / "whole.html"


@pytest.mark.parametrize(("size", "theme"), [("desktop", "light"), ("tablet", "light"), ("phone", "dark")])
def test_every_figure_is_drawn_and_nothing_stands_in_a_persons_way(
    browser: Browser, whole: Path, size: str, theme: Theme
) -> None:
    with Visit(browser, whole, size, theme) as visit:
        page = visit.page
        assert page.locator(".plot").count() == 8
        for plot in page.locator(".plot").all():
            assert plot.locator(".bars .point path").count() > 0
            box = plot.bounding_box()
            assert box
            assert box["width"] <= SIZES[size][0]
        visit.open_all()
        page.locator(".run .in-table:visible").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_serious(browser: Browser, whole: Path, ten: Path, theme: Theme) -> None:
    size = "desktop" if theme == "light" else "phone"
    if theme == "light":  # a tenth as many runs have all that the whole page has, but its length
        with Visit(browser, whole, size, theme) as visit:
            assert visit.axe() == []
    with Visit(browser, ten, size, theme) as visit:
        visit.open_all()
        visit.page.locator(".run .in-table:visible").first.click()
        visit.page.get_by_role("searchbox").fill("sweep-3")
        visit.page.locator(".panel:visible tbody .in-table").first.click()
        assert visit.axe() == []


def test_on_a_phone_no_cell_is_out_of_sight_and_bars_have_the_width(browser: Browser, whole: Path) -> None:
    with Visit(browser, whole, "phone") as visit:
        page, width = visit.page, SIZES["phone"][0]
        page.locator(".run .in-table").first.click()
        visit.open_all()
        edges = page.evaluate("[...document.querySelectorAll('td, tbody th')].map(e => e.getBoundingClientRect().right)")
        assert max(edges) <= width
        assert page.evaluate("[...document.querySelectorAll('.scroll')].every(e => e.scrollWidth <= e.clientWidth)")
        cell = page.locator(".panel:visible tbody tr").first.locator("td").last
        assert cell.evaluate("e => getComputedStyle(e, '::before').content") == '"CO₂e"'
        for figure in ("energy-by", "emissions-by", "by-component", "by-grade", "by-basis", "compared"):
            ground = page.locator(f"#{figure} .bglayer rect, #{figure} .draglayer .drag").first.bounding_box()
            assert ground
            assert ground["width"] >= 0.65 * width


def test_the_theme_is_the_systems_until_a_person_chooses(browser: Browser, ten: Path) -> None:
    with Visit(browser, ten) as visit:
        page = visit.page
        label, light, dark = page.locator("#energy-by .annotation-text").first, "rgb(32, 36, 42)", "rgb(232, 234, 237)"
        expect(label).to_have_css("fill", light)
        page.emulate_media(color_scheme="dark")
        expect(label).to_have_css("fill", dark)
        button = page.get_by_role("button", name="Theme")
        expect(button).to_have_text("Theme: auto")
        button.click()
        expect(button).to_have_text("Theme: light")
        expect(label).to_have_css("fill", light)
        expect(page.locator("body")).to_have_css("background-color", "rgb(251, 251, 250)")
        page.reload()
        expect(button).to_have_text("Theme: light")
        button.click()
        page.emulate_media(color_scheme="light")
        expect(label).to_have_css("fill", dark)


def test_paper_is_white_and_has_all(browser: Browser, whole: Path) -> None:
    with Visit(browser, whole, theme="dark") as visit:
        page = visit.page
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert page.locator(".run .row:visible").count() == 40
        assert page.locator(".panel:visible").count() == len(everything().by)
        assert page.locator(".control:visible, nav:visible, input:visible").count() == 0
        # A heading is no larger than what stands below it.
        sizes = (
            "[...document.querySelectorAll('#compared-section th, #compared-section td')].map(e => getComputedStyle(e).fontSize)"
        )
        assert len(set(page.evaluate(sizes))) == 1
        expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
        expect(page.locator("#energy-by .annotation-text").first).to_have_css("fill", "rgb(32, 36, 42)")
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert page.locator(".panel:visible").count() == 1


def test_paper_says_by_what_its_rows_were_chosen(browser: Browser, ten: Path) -> None:
    with Visit(browser, ten) as visit:
        page = visit.page
        page.locator(".panel:visible tbody .in-table").first.click()
        page.get_by_role("searchbox").fill("-3")
        chip = page.locator("#chips button").inner_text()
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        expect(page.locator("#chips button")).to_be_visible()
        assert chip.startswith("Account: ")
        expect(page.locator("#exact")).to_contain_text("without the words “-3”")
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        page.locator("#chips button").click()
        expect(page.locator("#exact")).to_contain_text("“-3” filters the rows of this page only")


def test_on_a_tablet_nothing_but_the_factors_is_out_of_sight(browser: Browser, whole: Path) -> None:
    with Visit(browser, whole, "tablet") as visit:
        page = visit.page
        wide = "[...document.querySelectorAll('.scroll')].filter(e => e.offsetParent && e.scrollWidth > e.clientWidth)"
        assert page.evaluate(f"{wide}.map(e => e.getAttribute('aria-label'))") == ["Factors"]
        page.locator(".run .in-table").first.click()
        assert "NVIDIA A100-SXM4-80GB" in page.locator(".run .drill:visible").first.inner_text()
        # Where the links stand in two lines they do not stay in sight, over the headings that they lead to.
        expect(page.locator(".contents")).to_have_css("position", "static")


def test_on_a_phone_no_heading_stands_over_nothing(browser: Browser, whole: Path) -> None:
    with Visit(browser, whole, "phone") as visit:
        assert visit.page.locator("#compared-section tbody tr").first.locator("td:visible").count() == 2


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
    for name in page.locator(".panel:visible tbody .in-table").all():
        name.click()
    assert page.locator("#chips button").count() == len(HOSTILE)
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["desktop"][0]
    visit.close()


def test_a_script_that_gets_in_does_not_run(browser: Browser, ten: Path) -> None:
    text = ten.read_text(encoding="utf-8").replace("</main>", "<script>window.hacked=1</script></main>")
    path = ten.with_name("hacked.html")
    path.write_text(text, encoding="utf-8")
    visit = Visit(browser, path)
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
    with Visit(browser, ten) as visit:
        page = visit.page
        page.get_by_role("searchbox").fill("NIGHTLY")
        assert page.locator(".run:visible").count() == 3
        assert page.get_by_role("status").inner_text() == "3 of 10 shown"
        first = page.locator(".run:visible").first
        name = first.locator(".name .in-table")
        name.focus()
        page.keyboard.press("Enter")
        expect(name).to_have_attribute("aria-expanded", "true")
        assert first.get_by_text("NVIDIA A100-SXM4-80GB").nth(1).is_visible()
        link = first.locator("a[href^='#factor-']").first
        target = link.get_attribute("href")
        link.click()
        assert page.evaluate("document.querySelector(':target').id") == str(target).removeprefix("#")


def test_a_group_shows_its_runs_and_adds_nothing_up(browser: Browser, ten: Path) -> None:
    with Visit(browser, ten) as visit:
        page = visit.page
        total = page.locator("#answer").inner_text()
        page.locator("#energy-by .bars .point").first.click(force=True)
        chip = page.locator("#chips button")
        expect(chip).to_have_count(1)
        account = chip.inner_text().removeprefix("Account: ")
        shown = page.locator(".run:visible .name").all_inner_texts()
        assert shown
        assert all(name.startswith(account) for name in shown)
        expect(page.locator("#exact code")).to_have_text(f"footprint report --where account={account}")
        expect(page.locator("#exact")).to_contain_text("narrowed to")
        assert page.locator("#answer").inner_text() == total
        # Another one of the same dimension adds its runs; one of another dimension leaves those that are of both.
        rows = page.locator(".panel:visible tbody .in-table")
        rows.nth(1).focus()
        page.keyboard.press("Space")
        expect(rows.nth(1)).to_have_attribute("aria-pressed", "true")
        assert page.locator(".run:visible").count() > len(shown)
        page.get_by_role("button", name="Outcome", exact=True).first.click()
        page.locator(".panel:visible tbody .in-table", has_text="failed").click()
        assert set(page.locator(".run:visible .badge").all_inner_texts()) == {"failed"}
        assert page.get_by_role("status").inner_text().endswith(" of 10 shown")
        left, link = page.locator(".run:visible").count(), page.url
        assert "#runs?where=" in link
        with Visit(browser, ten) as other:
            other.page.goto(link)
            other.page.reload()
            expect(other.page.locator("#chips button")).to_have_count(3)
            assert other.page.locator(".run:visible").count() == left
        while chip.count():
            chip.first.click()
        assert page.locator(".run:visible").count() == 10
        assert page.get_by_role("status").inner_text() == ""
        assert "where" not in page.url


def test_the_runs_sort_and_what_is_unknown_is_last_either_way(browser: Browser, whole: Path) -> None:
    with Visit(browser, whole) as visit:
        page = visit.page
        assert page.locator(".run:visible").count() == 20
        page.get_by_role("button", name="Show all 40 rows").click()
        assert page.locator(".run:visible").count() == 40
        head = page.locator("#run-table thead th").nth(7)
        for order, is_rising in (("descending", False), ("ascending", True)):
            head.get_by_role("button").click()
            expect(head).to_have_attribute("aria-sort", order)
            values = page.evaluate("[...document.querySelectorAll('.run .row')].map(row => row.cells[7].dataset.sort)")
            known = [float(value) for value in values if value]
            assert known == sorted(known, reverse=not is_rising)
            assert values[len(known) :] == [""] * 20
        page.locator("#run-table thead th").nth(0).get_by_role("button").click()
        names = page.locator(".run .name").all_inner_texts()
        assert names[:3] == ["nightly-2", "nightly-5", "nightly-8"]
        assert page.locator("#run-table thead [aria-sort]").count() == 1


def test_every_dimension_has_its_figures_and_its_table(browser: Browser, whole: Path) -> None:
    by = everything().by
    with Visit(browser, whole) as visit:
        page = visit.page
        for name in ("region", "outcome", "name"):
            page.locator(f".switch [data-dimension='{name}']").click()
            assert page.locator(".panel:visible").get_attribute("data-dimension") == name
            expect(page.locator(".card.energy-by h3")).to_have_text(f"Energy by {name}")
            expect(page.locator("#energy-by .bars .point")).to_have_count(min(12, len(by[name])))
        runs_column = page.locator(".panel:visible thead .in-table").nth(1)
        for _ in range(2):
            runs_column.click()
            expect(page.locator(".panel:visible tbody tr").last).to_contain_text("smaller ones together")


@pytest.mark.parametrize("assets", ["cdn", "folder"])
def test_a_small_page_draws_with_what_it_is_given_and_keeps_its_tables_without(
    browser: Browser, tmp_path: Path, assets: html.Assets
) -> None:
    path = tmp_path / "small.html"
    path.write_text(html.render(summary(runs(4)), assets=assets), encoding="utf-8")
    if assets == "folder":
        for name, data in html.folder_files().items():
            (tmp_path / name).write_bytes(data)
    answers = {plotly_js.address(): plotly_js.source().encode()} if assets == "cdn" else {}
    with Visit(browser, path, answers=answers) as visit:
        assert visit.asked == list(answers)
    # The publisher's file is another one, or the file beside the page is gone.
    for file in tmp_path.glob("plotly*"):
        file.unlink()
    context = browser.new_context()
    context.route(plotly_js.address(), lambda route: route.fulfill(body="window.hacked = 1"))
    page = context.new_page()
    page.goto(path.as_uri())
    expect(page.locator(".plot").first).to_contain_text("could not be drawn here")
    assert page.evaluate("window.hacked") is None
    page.get_by_role("searchbox").fill("nightly")
    assert page.locator(".run:visible").count() == 1
    context.close()


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
    assert page.locator(".panel table").first.is_visible()
    assert page.locator(".run:visible").count() == 10
    page.locator(".drill summary").first.click()
    assert page.locator(".drill table").first.is_visible()
    assert page.locator("button:visible, input:visible").count() == 0
    context.close()


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_ledger_and_a_single_run(browser: Browser, tmp_path: Path, count: int) -> None:
    path = tmp_path / "page.html"
    path.write_text(html.render(summary(runs(count, placed=0))), encoding="utf-8")
    visit = Visit(browser, path, "phone")
    assert visit.page.get_by_role("heading", level=1).is_visible()
    assert visit.axe() == []
    if count:
        visit.page.locator(".run .name .in-table").click()
        assert visit.page.locator(".drill table").first.is_visible()
    visit.close()
