"""How a notebook is run here: in a kernel of its own, in its folder, with nothing of this machine's user around it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parents[2] / "notebooks"
NAMES: Final = ("01_measure_your_first_run", "02_fill_and_check_a_card", "03_a_labs_ledger_and_dashboard", "04_how_sure_are_we")
_CELL_LIMIT_S: Final = 120


def path_of(name: str) -> Path:
    """Where a notebook stands."""
    return FOLDER / f"{name}.ipynb"


def read(name: str) -> Any:
    """A notebook as it is committed."""
    import nbformat

    return nbformat.read(path_of(name), as_version=4)  # type: ignore[no-untyped-call]


def execute(name: str, scratch: Path) -> Any:
    """A notebook with the outputs that it has here and now.

    Args:
        name: one of `NAMES`.
        scratch: a folder for what the kernel keeps for itself.
    """
    from nbclient import NotebookClient

    notebook = read(name)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with _alone(scratch):
        client = NotebookClient(
            notebook,
            timeout=_CELL_LIMIT_S,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=40"],  # that it listens on the loopback is known
            resources={"metadata": {"path": str(FOLDER)}},
        )
        client.execute()
    notebook.metadata.language_info = {"name": "python"}  # not which Python it was here
    return notebook


@contextmanager
def _alone(scratch: Path) -> Iterator[None]:
    """The surroundings of a kernel: our command on the path, and histories and connection files not in anybody's home."""
    kept = dict(os.environ)
    os.environ |= {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath))),
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "JUPYTER_CONFIG_DIR": str(scratch / "config"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "FOOTPRINT_EPHEMERAL": "1",
        "NO_COLOR": "1",
        "COLUMNS": "110",
    }
    for name in [name for name in os.environ if name.startswith("FOOTPRINT_") and name != "FOOTPRINT_EPHEMERAL"]:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
