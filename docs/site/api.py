"""The page of the Python API: what the docstrings say of all that is public, by package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import mkdocs_gen_files

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = ROOT / "docs" / "integrations"
_NAMED: Final = re.compile(r"footprint\.integrations\.([a-z_]+)")
_INTRODUCTION: Final = """# Python

What can be imported, and stays: names that are not here may change in any version. `import footprint` loads nothing heavy; a
name's module is loaded when the name is first used. Errors stand on [their own page](errors.md).

"""


def integrations() -> list[str]:
    """The modules of `footprint.integrations` that a page of theirs tells a reader to import."""
    named = {name for page in PAGES.glob("*.md") for name in _NAMED.findall(page.read_text(encoding="utf-8"))}
    folder = ROOT / "footprint" / "integrations"
    return sorted(name for name in named if (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file())


def main() -> None:
    """Write the page: mkdocstrings fills it."""
    parts = [
        _INTRODUCTION,
        "## footprint\n\n",
        *(f"::: footprint.{name}\n\n" for name in ("track", "estimate", "estimate_many", "runs", "read_card")),
        *(f"::: footprint.{name}\n    options:\n      show_if_no_docstring: true\n\n" for name in ("Run", "Footprint", "Range")),
        "::: footprint.Card\n\n",
        "::: footprint.tracking.TrackedRun\n    options:\n      inherited_members: true\n\n",
        "## footprint.derive\n\n::: footprint.derive.sum_many\n\n",
        "## footprint.report\n\nFor notebooks and programs.\n\n",
        *(f"::: footprint.report.{name}\n\n" for name in ("of", "run", "figure", "image", "page", "Summary")),
        "## footprint.profiling\n\n::: footprint.profiling.repeats\n\n::: footprint.profiling.Repeat\n\n",
        "## footprint.integrations\n\n[Their pages](../integrations/index.md) show them at work.\n\n",
        *(f"::: footprint.integrations.{name}\n    options:\n      filters: ['!^_', '!^on_']\n\n" for name in integrations()),
        "## footprint.testing\n\n::: footprint.testing\n    options:\n      show_root_heading: false\n",
    ]
    with mkdocs_gen_files.open("reference/api.md", "w") as file:
        file.write("".join(parts))


main()
