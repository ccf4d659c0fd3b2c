"""Whether a ledger will vanish with the container or the notebook's machine that it lies in.

Told from facts: we are in a container (or on Colab or Kaggle, which lend one), and the ledger's folder lies in the
container's own layer or in memory, by the kernel's list of mounts (proc_pid_mountinfo(5)), or in a volume that
Kubernetes empties with the pod.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NOTEBOOKS: Final = ("COLAB_RELEASE_TAG", "COLAB_GPU", "KAGGLE_KERNEL_RUN_TYPE")
_LAYERS: Final = {"overlay", "aufs", "fuse.fuse-overlayfs", "tmpfs", "ramfs"}
_EMPTIED: Final = "/kubernetes.io~empty-dir/"
_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def warning(home: Path, container: str | None, environ: Mapping[str, str], mounts: Path = _MOUNTS) -> str | None:
    """The sentence for a run whose ledger will not last; null where it will, or nothing says that it will not.

    Args:
        home: the ledger's folder, which need not be there yet.
        container: the kind of container that we are in, as `read_host` tells it.
        environ: the environment.
        mounts: the kernel's list of mounts.
    """
    notebook = next((name for name in _NOTEBOOKS if environ.get(name)), None)
    if container is None and notebook is None:
        return None
    if not _vanishes(home, mounts):
        return None
    where = f"this {container} container" if notebook is None else f"this machine of {notebook.split('_')[0].capitalize()}"
    shown = os.fspath(home).encode(errors="replace").decode()
    return (
        f"the ledger at {shown} will vanish with {where}: set FOOTPRINT_HOME to a folder on a mounted volume, or keep the run "
        "in a file there (track(record=FILE), --record FILE); FOOTPRINT_EPHEMERAL=1 says that you know"
    )


def _vanishes(folder: Path, mounts: Path) -> bool:
    """Whether a folder lies on a file system of a container's own, or in memory."""
    path = os.path.realpath(folder)
    nearest, kind, root = "", "", ""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 10 or "-" not in fields:  # noqa: PLR2004 - the fewest fields of a line
            continue
        point = _plain(fields[4])
        holds = point in {"/", path} or path.startswith(f"{point}/")
        if holds and len(point) >= len(nearest):  # of two mounts on one place the later one is seen
            nearest, kind, root = point, fields[fields.index("-") + 1], _plain(fields[3])
    return kind in _LAYERS or _EMPTIED in f"{root}/"


def _plain(field: str) -> str:
    """A path of the list, in which blanks and backslashes are written as octal numbers."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), field)
