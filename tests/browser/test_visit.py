"""The tests' own eyes: they see what is planted."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error

from tests.browser.conftest import SHOTS, SIZES, THEMES, Visit, shoot

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
HEAD = (
    f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>'
    f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"></head>'
)


def page(folder: Path, body: str) -> Path:
    path = folder / "page.html"
    path.write_text(f"{HEAD}<body><main><h1>A page</h1>{body}</main></body></html>", encoding="utf-8")
    return path


def test_a_good_page_has_no_serious_finding(browser: Browser, tmp_path: Path) -> None:
    with Visit(browser, page(tmp_path, "<p>It says something.</p>")) as visit:
        assert visit.axe() == []


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ("<button></button>", "critical button-name"),
        ('<div role="img"></div>', "serious role-img-alt"),
        ('<p style="color: #999; background: #fff">Pale.</p>', "serious color-contrast"),
        ('<p tabindex="0" aria-hidden="true">Hidden, and reached by the keyboard.</p>', "serious aria-hidden-focus"),
    ],
)
def test_a_planted_violation_is_found_under_a_policy(browser: Browser, tmp_path: Path, planted: str, rule: str) -> None:
    with Visit(browser, page(tmp_path, planted)) as visit:
        found = visit.axe()
    assert [one.partition(":")[0] for one in found] == [rule]


def test_a_complaint_is_a_failure(browser: Browser, tmp_path: Path) -> None:
    visit = Visit(browser, page(tmp_path, "<script>1</script>"))
    with pytest.raises(AssertionError, match="Content Security Policy"):
        visit.close()


def test_a_request_is_a_failure_and_reaches_nobody(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text('<!doctype html><title>x</title><link rel="icon" href="data:,"><img src="http://127.0.0.1:9/x.png" alt="">')
    visit = Visit(browser, path)
    assert visit.asked == ["http://127.0.0.1:9/x.png"]
    with pytest.raises(Error, match="Failed to fetch"):
        visit.page.evaluate("fetch('http://example.org/')")
    visit.complaints.clear()
    with pytest.raises(AssertionError, match=r"x\.png"):
        visit.close()


def test_an_address_may_be_given_its_answer(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text('<!doctype html><title>x</title><link rel="icon" href="data:,"><script src="https://cdn.test/x.js"></script>')
    with Visit(browser, path, answers={"https://cdn.test/x.js": b"window.came = 1"}) as visit:
        assert visit.page.evaluate("window.came") == 1


def test_pictures_are_taken_where_a_folder_is_named(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = page(tmp_path, "<p>It says something.</p>")
    monkeypatch.delenv(SHOTS, raising=False)
    assert shoot(browser, path, "page") == []
    monkeypatch.setenv(SHOTS, str(tmp_path / "shots"))
    taken = shoot(browser, path, "page")
    assert len(taken) == len(set(taken)) == 2 * len(SIZES) * len(THEMES) + 2
    for picture in taken:
        assert picture.read_bytes().startswith((b"\x89PNG", b"%PDF"))
