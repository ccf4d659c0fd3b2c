"""What mkdocs does beyond its own: links from a page out of `docs/` lead to a copy within the site.

On the repository's page such a link (`../footprint/ledger/tables.py`) leads to the file. The site has no repository beside it, so
that it carries the few files which its pages name; what has a page of its own there is linked to that.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
OWN_PAGES: Final = {
    "README.md": "index.md",
    "footprint/reference/SOURCES.md": "reference/sources.md",
    "footprint/reference/data": "reference/factors/index.md",
    "notebooks": "notebooks/index.md",
    "notebooks/README.md": "notebooks/index.md",
    "docs": "index.md",
}
"""Files and folders of the repository that the site has as pages."""
COPIES: Final = "files"
_LINK: Final = re.compile(r"(?<=\]\()(\.\./[^)\s#]*)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside `docs/` that its pages link to."""
    for page in [one for one in files if one.src_uri.endswith(".md")]:
        for link, _ in _LINK.findall(page.content_string):
            path = _of_the_repository(page.src_uri, link)
            if path is None or path in OWN_PAGES or _notebook(path):
                continue
            uri = _copied(path)
            if (ROOT / path).is_file() and files.get_file_from_path(uri) is None:
                files.append(File.generated(config, uri, content=(ROOT / path).read_bytes()))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Lead the links of a page that go out of `docs/` to where the site has what they name."""

    def within(match: re.Match[str]) -> str:
        path = _of_the_repository(page.file.src_uri, match[1])
        if path is None:
            return match[0]
        there = OWN_PAGES.get(path) or _notebook(path) or _copied(path)
        return posixpath.relpath(there, posixpath.dirname(page.file.src_uri) or ".") + (match[2] or "")

    return _LINK.sub(within, markdown)


def _of_the_repository(page: str, link: str) -> str | None:
    """The path of a link's target from the repository's root; None where it stays within `docs/`."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    return None if path.startswith("docs/") else path


def _notebook(path: str) -> str | None:
    return path.removesuffix(".ipynb") + ".md" if path.endswith(".ipynb") else None


def _copied(path: str) -> str:
    """Where a copy lies: text that browsers show as such, under its own path."""
    return f"{COPIES}/{path}.txt" if path.endswith((".py", ".md", ".toml", ".yaml")) else f"{COPIES}/{path}"
