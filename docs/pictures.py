"""`make pictures`: the README's pictures, taken of what `make demo REGION=…` left behind."""

from __future__ import annotations

import difflib
import html
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE, RUN_PAGE = ROOT / "reports" / "demo.html", ROOT / "reports" / "demo-run.html"
BEFORE, AFTER = ROOT / "profiles" / "digits" / "README.md", ROOT / ".demo" / "README.md"
WIDTH, HEIGHT = 1120, 980
MARGIN = 24
# The factors of the block fill a screen; the picture shows how it begins.
SHOWN_LINES = 34
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"]

STYLE = """
body { margin: 0; padding: 28px 32px; background: #fff; color: #1f2328;
       font: 14px/1.55 ui-monospace, "DejaVu Sans Mono", monospace }
h1 { font: 600 15px/1.4 system-ui, "DejaVu Sans", sans-serif; margin: 0 0 14px; color: #59636e }
div { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1px 10px; border-left: 3px solid transparent }
.add { background: #dafbe1; border-color: #2da44e } .cut { background: #ffebe9; border-color: #cf222e }
.gap { color: #59636e; background: #f6f8fa }
"""


def diff_page() -> str:
    """The change that the fill made to the demo's card, as a page."""
    before, after = (path.read_text(encoding="utf-8").splitlines() for path in (BEFORE, AFTER))
    kinds = {"+": "add", "-": "cut", "@": "gap"}
    lines = list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:]
    lines = [re.sub(r"(footprint:begin.{60}).*", r"\1 … -->", line) for line in lines]  # its digests are nobody's reading
    rows = [f'<div class="{kinds.get(line[0], "")}">{html.escape(line)}</div>' for line in lines[:SHOWN_LINES]]
    if len(lines) > SHOWN_LINES:
        rows.append('<div class="gap">…</div>')
    title = "footprint card fill README.md --run ID: all that changes"
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><h1>{title}</h1>{''.join(rows)}"


def main() -> None:
    """Take the pictures."""
    for path in (PAGE, RUN_PAGE, AFTER):
        if not path.exists():
            sys.exit(f"{path.relative_to(ROOT)} is not there: run `make demo REGION=gcp:europe-west1` first")
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=QUIET)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(PAGE.as_uri())
        page.wait_for_selector(".js-plotly-plot .main-svg")
        answer = page.locator("#answer").bounding_box()
        size = {"width": WIDTH, "height": answer["y"] + answer["height"] + MARGIN}
        page.screenshot(path=HERE / "dashboard.png", clip={"x": 0, "y": 0} | size)
        page.goto(RUN_PAGE.as_uri())
        page.wait_for_selector(".js-plotly-plot .main-svg")
        # Its first screen is as the dashboard's; what it has of its own are the steps to the emissions.
        top, bottom = (page.locator(part).bounding_box() for part in ("#components", "h3:has-text('Beyond operational')"))
        clip = {"x": 0, "y": top["y"] - MARGIN, "width": WIDTH, "height": bottom["y"] - top["y"]}
        page.screenshot(path=HERE / "run.png", full_page=True, clip=clip)
        page.set_viewport_size({"width": WIDTH, "height": 400})
        page.set_content(diff_page())
        page.screenshot(path=HERE / "card.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
