"""The pages of the notebooks, made of what they hold: text, code, and the outputs of the run that is kept in them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import mkdocs_gen_files

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ROOT / "notebooks"
FOLDER: Final = "notebooks"


def text_of(value: str | list[str]) -> str:
    """A text as notebooks keep it: whole or in lines."""
    return value if isinstance(value, str) else "".join(value)


def fenced(text: str, language: str = "") -> str:
    """A block of code, whatever is in it."""
    longest = max((len(ticks) for ticks in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n\n"


def outputs(cell: dict[str, Any], name: str) -> Iterator[str]:
    """What a cell printed and gave back; pictures become files beside the page."""
    for number, output in enumerate(cell["outputs"]):
        if output["output_type"] == "stream":
            yield fenced(text_of(output["text"]), "text")
            continue
        data = output.get("data", {})
        if "image/png" in data:
            picture = f"{name}-{number}.png"
            with mkdocs_gen_files.open(f"{FOLDER}/{picture}", "wb") as file:
                file.write(base64.b64decode(text_of(data["image/png"])))
            yield f"![What the cell above draws]({picture})\n\n"
        elif "text/html" in data:
            # Only a table's own tags: a page has its own styles.
            table = re.sub(
                r"<style.*?</style>|\s(?:style|class|border)=\"[^\"]*\"", "", text_of(data["text/html"]), flags=re.DOTALL
            )
            yield "\n".join(line.strip() for line in table.splitlines() if line.strip()) + "\n\n"
        elif "text/markdown" in data:
            yield text_of(data["text/markdown"]).replace("\n# ", "\n## ") + "\n\n"
        elif "text/plain" in data:
            yield fenced(text_of(data["text/plain"]), "text")


def page(path: Path) -> str:
    """A notebook as Markdown."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = []
    for number, cell in enumerate(cells):
        source = text_of(cell["source"])
        if cell["cell_type"] == "markdown":
            # A page lies a folder deeper in the repository than its notebook.
            parts.append(source.rstrip().replace("](../", "](../../") + "\n\n")
        elif cell["cell_type"] == "code":
            parts.append(fenced(source, "python"))
            parts += outputs(cell, f"{path.stem}-{number}")
    return "".join(parts)


def title(path: Path) -> str:
    """What a notebook calls itself, without its number."""
    head = text_of(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]).splitlines()[0]
    return head.removeprefix("# ").split(" · ")[-1]


def main() -> None:
    """Write a page a notebook, and their index."""
    names = sorted(SOURCES.glob("*.ipynb"))
    for path in names:
        with mkdocs_gen_files.open(f"{FOLDER}/{path.stem}.md", "w") as file:
            file.write(page(path))
        with mkdocs_gen_files.open(f"{FOLDER}/{path.name}", "w") as file:
            file.write(path.read_text(encoding="utf-8"))
    index = (SOURCES / "README.md").read_text(encoding="utf-8").replace(".ipynb)", ".md)")
    with mkdocs_gen_files.open(f"{FOLDER}/index.md", "w") as file:
        file.write(index)
    with mkdocs_gen_files.open(f"{FOLDER}/SUMMARY.md", "w") as file:
        file.write("* [Notebooks](index.md)\n" + "".join(f"* [{title(path)}]({path.stem}.md)\n" for path in names))


main()
