"""Pages of ledgers that mean harm, or know little: written by the command, opened in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from footprint.cli import call
from footprint.ledger import home
from footprint.ledger.journal import Journal
from footprint.ledger.records import Imported
from footprint.model import Run
from tests.browser.conftest import SIZES, Visit
from tests.cli.test_report_bad_input import LEDGERS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What would have run, loaded or led away, had a name been taken for what it looks like; and text that moves or hides.
HARM: Final = """() => ({
  ran: window.hacked ?? null,
  loaded: document.querySelectorAll('img, iframe, object, embed, form, base').length,
  away: [...document.links].map(e => e.protocol).filter(one => !/^(https?|file):$/.test(one)),
  listens: [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on/i.test(a.name))).length,
  hidden: /[\\u0007\\u001b\\u202e\\u2066\\u2028]/.test(document.body.innerText),
  wide: document.documentElement.scrollWidth > innerWidth,
})"""
HARMLESS: Final[dict[str, object]] = {"ran": None, "loaded": 0, "away": [], "listens": 0, "hidden": False, "wide": False}


def page_of(some: tuple[Run, ...], *options: str) -> Path:
    """The page that the command writes of a ledger of these runs."""
    if some and not home().exists():
        journal = Journal(home())
        for one in some:
            assert journal.write(Imported(facts=one))
        journal.close()
    path = home().parent / "page.html"
    assert call(["report", "-o", str(path), *options]) == 0
    return path


@pytest.mark.parametrize(("size", "group_by"), [("desktop", "name"), ("phone", "label:team")])
def test_hostile_names_do_nothing_on_the_dashboard(browser: Browser, size: str, group_by: str) -> None:
    with Visit(browser, page_of(LEDGERS["hostile"], "--group-by", group_by), size) as visit:
        visit.open_all()
        for bar in visit.page.locator(".plot .bars .point").all()[:5]:
            bar.hover(force=True)
        for button in visit.page.locator("th button, thead [role=button]").all()[:5]:
            if button.is_visible():
                button.click()
        search = visit.page.get_by_role("searchbox").first
        search.fill('"><script>window.hacked=5</script>')
        search.fill("")
        assert visit.page.evaluate(HARM) == HARMLESS
        # As it was written, and as nothing else.
        assert "<script>window.hacked=1</script>" in visit.page.locator("main").inner_text()


def test_hostile_names_do_nothing_on_a_runs_page(browser: Browser) -> None:
    for number in (0, 1, 2, 3, 6, 7):  # markup, ANSI, RTL, what templates and formulas look like, 10 kB
        with Visit(browser, page_of(LEDGERS["hostile"], "--run", f"h{number}"), "phone") as visit:
            visit.open_all()
            assert visit.page.evaluate(HARM) == HARMLESS, number


@pytest.mark.parametrize("words", [(), ("--run", "h0")])
def test_an_address_that_means_harm_or_nothing_does_nothing(browser: Browser, words: tuple[str, ...]) -> None:
    path = page_of(LEDGERS["hostile"], *words)
    harm = "%3Cimg src=x onerror=window.hacked=6%3E"
    with Visit(browser, path) as visit:
        for mark in (f"runs?where=Name={harm}&words={harm}&sort=constructor-down", "runs?sort=9e99-up&where=%", harm, "%E2%82"):
            visit.page.goto(f"{path.as_uri()}#{mark}")
            visit.page.reload()
            assert visit.page.evaluate(HARM) == HARMLESS, mark


@pytest.mark.parametrize("ledger", ["empty", "no energy", "no factor for the zone", "no length", "in the year 1"])
def test_a_ledger_that_knows_little_is_a_page_without_fault(browser: Browser, ledger: str) -> None:
    """No figure of nothing, no number that is none; and nobody is shut out of it."""
    with Visit(browser, page_of(LEDGERS[ledger]), "phone") as visit:
        visit.open_all()
        assert visit.page.get_by_role("heading", level=1).is_visible()
        shown = visit.page.locator("body").inner_text()
        assert not {"NaN", "nan", "Infinity", "inf", "undefined", "None", "null"} & set(shown.split())
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]
        assert visit.axe() == []
