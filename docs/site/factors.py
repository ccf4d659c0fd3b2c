"""The pages of factors: each table of the newest edition, with what stands in its rows, and where it is from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import mkdocs_gen_files

from footprint.reference import tables
from footprint.reference.tables import Row

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = "reference/factors"
TITLES: Final = {
    "accelerators": "Power of accelerators",
    "components": "Memory and drives by size",
    "cpu_fit": "CPU and memory model",
    "cpu_jobs": "Work on processors",
    "cpus": "Rated power of CPUs",
    "embodied": "Embodied emissions",
    "equivalences": "Equivalences",
    "grid": "Intensity of grids",
    "intensity": "Hours of a grid",
    "mfu": "Utilisation of the peak",
    "peaks": "Peak performance",
    "peers": "Other calculators' figures",
    "priors": "Shares, overheads and meters",
    "pue": "PUE",
    "water": "Water",
}
NOT_OURS: Final = "peers"
"""What other calculators take: nothing of ours rests on it, and it is theirs to publish."""
_YEAR: Final = re.compile(r":(\d{4})$")


def cell(text: str) -> str:
    """Text in the cell of a table."""
    return re.sub(r"([|*_<>\[\]])", r"\\\1", text)


def shown(name: str, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows of a page: of grids and sites the newest year of each series."""
    if name not in {"grid", "pue", "water"}:
        return rows
    newest: dict[str, Row] = {}
    for row in rows:
        series = _YEAR.sub("", row["id"])
        if series not in newest or row["year"] > newest[series]["year"]:
            newest[series] = row
    return list(newest.values())


def lines(rows: Sequence[Row], sources: dict[str, Row]) -> Iterator[str]:
    """The lines of a table of factors."""
    for row in rows:
        source = sources.get(row["source"], {"title": row["source"], "url": ""})
        url = row.get("url") or source["url"]
        where = f"[{cell(source['title'])}]({url})" if url.startswith("https://") else cell(source["title"])
        figures = " | ".join(row[bound] or "unknown" for bound in ("low", "central", "high"))
        note = f" {cell(row['note'])}" if row["note"] else ""
        facts = f"{row['unit']} | {row['year']} | {cell(row['basis'])} | {row['grade']} | {where}.{note}"
        yield f"| `{row['id']}` | {figures} | {facts} |"


def main() -> None:
    """Write the index, a page a table, and the sources."""
    sources = {row["id"]: row for row in tables.table("sources")}
    names = [name for name in tables.factor_tables() if name != NOT_OURS]
    index = [
        f"# Factors\n\nEdition {tables.FACTORS_VERSION}. A factor is a triple: 5th percentile, **mean**, 95th percentile. How\n",
        "a range comes about stands in the row's note or, for whole tables, among the [rules](../sources.md#rules);\n",
        "`footprint reference hardware|cpu|region|grid QUERY` looks one up.\n\n| table | rows |\n|---|---|\n",
    ]
    for name in names:
        rows = tables.table(name)
        picked = shown(name, rows)
        title = TITLES.get(name, name.replace("_", " ").capitalize())
        index.append(f"| [{title}]({name}.md) | {len(rows):,} |\n")
        newest = "" if len(picked) == len(rows) else f"The newest year of each series: {len(picked):,} of {len(rows):,} rows. "
        with mkdocs_gen_files.open(f"{FOLDER}/{name}.md", "w") as file:
            file.write("---\nsearch: {exclude: true}\nhide: [toc]\n---\n\n")
            head = f"# {title}\n\n{newest}Table `{name}.csv`; [all tables](index.md).\n\n"
            columns = "| id | low | central | high | unit | year | basis | grade | source and note |\n"
            columns += "|---|---:|---:|---:|---|---|---|---|---|\n"
            file.write(head + columns + "\n".join(lines(picked, sources)) + "\n")
    with mkdocs_gen_files.open(f"{FOLDER}/index.md", "w") as file:
        file.write("".join(index))
    with mkdocs_gen_files.open(f"{FOLDER}/SUMMARY.md", "w") as file:
        file.write("* [Factors](index.md)\n" + "".join(f"* [{TITLES.get(name, name)}]({name}.md)\n" for name in names))
    with mkdocs_gen_files.open("reference/sources.md", "w") as file:
        file.write((ROOT / "footprint" / "reference" / "SOURCES.md").read_text(encoding="utf-8"))


main()
