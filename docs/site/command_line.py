"""The pages of the command line, made of the commands themselves: each with all of its arguments and options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import mkdocs_gen_files
import typer.main

from footprint.cli.app import app

FOLDER: Final = "reference/commands"
_CODE: Final = re.compile(r"(`[^`]*`)")
_SPECIAL: Final = re.compile(r"([\\*_{}\[\]<>#|])")
_TYPE: Final = re.compile(r"<(?:list\[)?(\w+)\]?>")
_ASIDE: Final = re.compile(r" *\[((?:default: |required)[^\]]*)\]")
_VALUES: Final = {"str": "TEXT", "int": "N", "float": "NUMBER", "path": "PATH"}
Command = Any
"""A command of click's; typer has click's classes under names of its own."""


def words(text: str) -> str:
    """Help as Markdown: what stands between back-ticks is code, all else is only words."""
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in _CODE.split(text))


def code(text: str) -> str:
    """Code in the cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a help text, each in one line; a list stays a list."""
    for block in text.replace("\b", "").strip().split("\n\n"):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        yield " ".join(words(line) for line in lines)


def rows(command: Command, context: Any, kind: str) -> Iterator[str]:
    """A table's lines: the arguments or the options of a command, as its own help has them."""
    for one in command.params:
        record = one.get_help_record(context) if one.param_type_name == kind else None
        if record is None:
            continue
        left, text = record
        text, names = " ".join(text.split()), _TYPE.sub(_plain if kind == "option" else "", left).strip()
        text = _ASIDE.sub(lambda match: f" {match[1].capitalize()}.", text).strip()
        yield f"| {code(names)} | {words(text)} |"


def _plain(match: re.Match[str]) -> str:
    """How a value is called: `<list[str]>` is a word that may be repeated."""
    return _VALUES.get(match[1], match[1].upper())


def table(title: str, lines: Sequence[str]) -> str:
    """A table of some lines; nothing of none."""
    return "" if not lines else f"| {title} | What it says |\n|---|---|\n" + "\n".join(lines) + "\n\n"


def section(path: Sequence[str], command: Command, level: int) -> Iterator[str]:
    """A command and all that are in it, from heading to heading."""
    yield f"{'#' * level} footprint {' '.join(path)}\n\n"
    for paragraph in paragraphs(command.help or command.short_help or ""):
        yield paragraph + "\n\n"
    if members := getattr(command, "commands", None):
        for name, member in members.items():
            if not member.hidden:
                yield from section((*path, name), member, level + 1)
        return
    context = command.make_context(" ".join(("footprint", *path)), [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```\nfootprint {' '.join(path)} {usage}\n```\n\n"
    yield table("Argument", list(rows(command, context, "argument")))
    yield table("Option", list(rows(command, context, "option")))


def first_line(command: Command) -> str:
    """What a command does, in a line."""
    text = command.short_help or next(iter(paragraphs(command.help or "")), "").split(". ")[0]
    return text if text.endswith(".") else f"{text}."


def main() -> None:
    """Write an index, and a page for each command at the top."""
    root = typer.main.get_command(app)
    index = [
        "# Commands\n\nAll that `footprint` does on a command line; `footprint COMMAND --help` says the same. Commands that\n"
    ]
    index.append("print take `--json` ([contracts](../../json.md)); [exit codes](../errors.md) are the same everywhere.\n\n")
    index.append("| command | |\n|---|---|\n")
    names = []
    for name, command in root.commands.items():
        if command.hidden:
            continue
        names.append(name)
        index.append(f"| [`footprint {name}`]({name}.md) | {first_line(command)} |\n")
        with mkdocs_gen_files.open(f"{FOLDER}/{name}.md", "w") as file:
            file.write("".join(section((name,), command, 1)))
    with mkdocs_gen_files.open(f"{FOLDER}/index.md", "w") as file:
        file.write("".join(index))
    with mkdocs_gen_files.open(f"{FOLDER}/SUMMARY.md", "w") as file:
        file.write("* [Commands](index.md)\n" + "".join(f"* [{name}]({name}.md)\n" for name in names))


main()
