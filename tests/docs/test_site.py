"""The site: built strictly, asking nothing of the network, with links that lead somewhere and commands that are all told of."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
import typer.main
from playwright.sync_api import Browser

from footprint.cli.app import app
from tests.browser.conftest import Visit
from tests.browser.conftest import browser as browser  # noqa: PLC0414 - a fixture is known by being here

pytestmark = pytest.mark.slow
ROOT: Final = Path(__file__).parents[2]
LOADED: Final = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "video": "src"}


class Page(HTMLParser):
    """A built page: what it loads, what it links to, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if (address := values.get(LOADED.get(tag, ""))) is not None:
            self.loads.append(address)
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        self.anchors |= {str(values[name]) for name in ("id", "name") if values.get(name)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return built(tmp_path_factory.mktemp("site"))
    # Workers that run the tests together have one folder above their own: the first of them builds, the others wait for it.
    folder = tmp_path_factory.getbasetemp().parent / "site"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder if (folder / "index.html").exists() else built(folder)


def built(folder: Path) -> Path:
    """Build the site as `make docs` does."""
    quiet = {"DISABLE_MKDOCS_2_WARNING": "true", "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {str(path.relative_to(site)): Page(path) for path in sorted(site.rglob("*.html"))}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands that do something, with their names."""
    members = getattr(command, "commands", None)
    if members is None:
        yield path, command
        return
    for name, member in members.items():
        if not member.hidden:
            yield from commands(member, (*path, name))


def test_no_page_loads_anything_from_elsewhere(site: Path, pages: dict[str, Page]) -> None:
    assert len(pages) > 50
    for name, page in pages.items():
        assert [one for one in page.loads if urlsplit(one).scheme not in {"", "data"} or one.startswith("//")] == [], name
    for path in site.rglob("*.css"):
        styles = path.read_text(encoding="utf-8")
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", styles), path.name


def test_each_link_within_the_site_leads_somewhere(site: Path, pages: dict[str, Page]) -> None:
    lost = []
    for name, page in pages.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc or name == "404.html":
                continue
            target = (site / name).parent / unquote(address.path) if address.path else site / name
            found = os.path.relpath(target.resolve(), site.resolve())
            if not target.is_file() or (address.fragment and found in pages and address.fragment not in pages[found].anchors):
                lost.append(f"{name}: {link}")
    assert [one for one in lost if "#__" not in one] == []


def test_each_command_and_option_is_told_of(site: Path) -> None:
    every = list(commands(typer.main.get_command(app)))
    assert len(every) > 30
    for path, command in every:
        text = (site / "reference" / "commands" / f"{path[0]}.html").read_text(encoding="utf-8")
        assert f"footprint {' '.join(path)}" in text
        for one in command.params:
            if one.param_type_name == "option" and not one.hidden:
                assert all(name in text for name in one.opts), f"{' '.join(path)} {one.opts}"


def test_the_api_has_what_is_public(site: Path) -> None:
    import footprint
    import footprint.report
    import footprint.testing

    anchors = Page(site / "reference" / "api.html").anchors | Page(site / "reference" / "errors.html").anchors
    shown = {anchor.rsplit(".", 1)[-1] for anchor in anchors}
    names = {*footprint.__all__, *footprint.report.__all__, *footprint.testing.__all__} - {"__version__"}
    assert sorted(names - shown) == []


@pytest.mark.browser
def test_a_page_from_a_folder_asks_nothing_and_finds_words(site: Path, browser: Browser) -> None:
    for name in ("index.html", "tutorial.html", "method.html", "reference/commands/run.html", "comparison.html"):
        with Visit(browser, site / name, "phone") as visit:
            wider = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{name} is {wider} dots wider than a phone"
    with Visit(browser, site / "index.html") as visit:
        visit.page.locator(".md-search__input").click()
        visit.page.keyboard.type("coverage")
        visit.page.locator(".md-search-result__item").first.wait_for()
