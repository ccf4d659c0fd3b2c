"""A page in a real browser: Debian's chromium, headless and with no network, and all that the page does there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, Self, get_args

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

Theme = Literal["light", "dark"]
THEMES: Final[tuple[Theme, ...]] = get_args(Theme)
SIZES: Final = {"desktop": (1280, 900), "tablet": (820, 1100), "phone": (390, 844)}
SHOTS: Final = "FOOTPRINT_SHOTS"
"""The folder that pictures of pages are put into, by `shoot`; none are taken where it is not set."""

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_PAPER: Final = (794, 1123)  # A4 at 96 dots to the inch
# Rules of the standard and of good practice; what axe cannot decide, and a person has to look at, is not among its violations.
_AXE_RUN: Final = "() => axe.run(document, {resultTypes: ['violations'], preload: false}).then(found => found.violations)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, or a skip aloud where there is none."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield started
        started.close()


class Visit:
    """A page that was opened, and everything that it complained of or asked for; a context manager.

    Args:
        path: the page.
        size: of `SIZES`.
        theme: what the person prefers.
        answers: what addresses on the network say; all others are out of reach.
    """

    def __init__(
        self,
        browser: Browser,
        path: Path,
        size: str = "desktop",
        theme: Theme = "light",
        *,
        answers: Mapping[str, bytes] | None = None,
    ) -> None:
        width, height = SIZES[size]
        self._answers = dict(answers or {})
        self.context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        self.context.route(lambda url: not is_local(url), self._answer)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        # Not wait_for_function: it evaluates text, which the page's policy forbids.
        for plot in self.page.locator(".plot:visible").all():
            plot.locator(".main-svg").first.wait_for()

    def _answer(self, route: Route) -> None:
        if route.request.url in self._answers:
            route.fulfill(body=self._answers[route.request.url], headers={"Access-Control-Allow-Origin": "*"})
        else:
            route.abort()

    @property
    def asked(self) -> list[str]:
        """What was asked of the network."""
        return [url for url in self.requests if not is_local(url)]

    def open_all(self) -> None:
        """Unfold all that is folded."""
        self.page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")

    def axe(self) -> list[str]:
        """What axe-core holds to be serious or critical for people with disabilities, each in a line with where it is.

        Its text goes in by the debugger, so that the page's policy against scripts stays as it is.
        """
        self.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";0")
        return [
            f"{one['impact']} {one['id']}: {one['help']}, at {[node['target'] for node in one['nodes']][:5]}"
            for one in self.page.evaluate(_AXE_RUN)
            if one["impact"] in {"serious", "critical"}
        ]

    def close(self) -> None:
        """End the visit, of which nothing is to be complained and in which nothing was asked for.

        Raises:
            AssertionError: if it was not so.
        """
        self.context.close()
        assert self.complaints == []
        assert [url for url in self.asked if url not in self._answers] == []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.context.close()


def is_local(url: str) -> bool:
    """Whether an address is this machine's own, so that nobody is asked."""
    return url.startswith(("file:", "data:", "blob:", "about:"))


def shoot(browser: Browser, path: Path, name: str) -> list[Path]:
    """Take pictures of a page, at all sizes, in both themes and in print, into the folder that `FOOTPRINT_SHOTS` names.

    Args:
        name: what the files' names begin with. Of each size there is a first screen, and the `-whole` page.

    Returns:
        The files; none where no folder is named.
    """
    if not os.environ.get(SHOTS):
        return []
    folder = Path(os.environ[SHOTS])
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for size in SIZES:
        for theme in THEMES:
            with Visit(browser, path, size, theme) as visit:
                for whole in (False, True):
                    taken.append(folder / f"{name}-{size}-{theme}{'-whole' * whole}.png")
                    visit.page.screenshot(path=taken[-1], full_page=whole)
    with Visit(browser, path) as visit:
        visit.page.set_viewport_size({"width": _PAPER[0], "height": _PAPER[1]})
        visit.page.emulate_media(media="print")
        taken += [folder / f"{name}-print.png", folder / f"{name}-print.pdf"]
        visit.page.screenshot(path=taken[-2], full_page=True)
        visit.page.pdf(path=taken[-1], format="A4", print_background=False)
    return taken
