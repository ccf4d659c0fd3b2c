"""`python -m tests.notebooks [NAME]...`: run the notebooks and keep their outputs in them, as they are committed."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.notebooks.executing import NAMES, execute, path_of


def main() -> None:
    """Run those whose names begin with a word of the command line, or all."""
    import nbformat

    for name in NAMES:
        if len(sys.argv) > 1 and not name.startswith(tuple(sys.argv[1:])):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            notebook = execute(name, Path(scratch))
        nbformat.write(notebook, path_of(name))  # type: ignore[no-untyped-call]
        print(f"{name}: {time.monotonic() - began:.1f} s, {path_of(name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
