"""The tutorial's commands, typed in order in a folder of their own; `python -m tests.docs.tutorial` renews what they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "tutorial.md"
_BLOCK: Final = re.compile(r"^```(?P<kind>console|\w+ title=\"(?P<file>[\w.]+)\")\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT: Final = "$ "
_END: Final = "footprint-tutorial-end-of-output"
SHOWN_LINES: Final = 24
"""Longer output is cut, and the cut is marked."""

KERNEL: Final = "6.12.0"
"""What the tutorial shows for the kernel's version, which says something of one machine alone."""


class Shell:
    """A shell that stays, as a reader's does, in a folder with a ledger of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTPRINT_")}
        own = {"FOOTPRINT_HOME": str(folder / "ledger"), "FOOTPRINT_EPHEMERAL": "1", "XDG_CONFIG_HOME": str(folder / "none")}
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment | threads | own | {"PATH": path, "COLUMNS": "120"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def type(self, command: str) -> str:
        """What a command prints.

        Raises:
            AssertionError: if its exit code is another than 0.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{{ {command}\n}} </dev/null\necho {_END} $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(_END):
                assert line.split()[1] == "0", f"$ {command}\n{''.join(lines)}"
                break
            lines.append(
                line.replace(str(self._folder), "~/circle")
                .replace(f" on {os.uname().nodename} ", " on machine ")
                .replace(os.uname().release, KERNEL)
                .rstrip()
            )
        return "\n".join(lines)

    def close(self) -> None:
        """Let the shell end."""
        self._process.communicate()


def typed(folder: Path) -> list[tuple[str, str, str]]:
    """Type the tutorial: each command, what the page says that it prints, and what it printed."""
    shell, result = Shell(folder), []
    try:
        for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
            if block["file"]:
                (folder / block["file"]).write_text(block["text"], encoding="utf-8")
                continue
            for part in re.split(rf"^{re.escape(_PROMPT)}", block["text"], flags=re.MULTILINE)[1:]:
                command, _, said = part.partition("\n")
                result.append((command, said.strip("\n"), shell.type(command)))
    finally:
        shell.close()
    return result


def _shown(output: str) -> str:
    lines = output.strip("\n").splitlines()
    return "\n".join(lines if len(lines) <= SHOWN_LINES else [*lines[:SHOWN_LINES], "…"])


def main() -> None:
    """Renew the page's outputs."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = iter([_shown(printed) for _, _, printed in typed(Path(folder))])

    def renewed(block: re.Match[str]) -> str:
        if block["file"]:
            return block[0]
        commands = [line for line in block["text"].splitlines() if line.startswith(_PROMPT)]
        parts = [part for command in commands for part in (command, next(outputs)) if part]
        return "```console\n" + "\n".join(parts) + "\n```"

    PAGE.write_text(_BLOCK.sub(renewed, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
