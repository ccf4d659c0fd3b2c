"""The libraries that the integrations serve, each at its newest version and at the oldest one served.

The newest is what `.venv-world` has. The oldest is installed, once, into a folder beside it, which then comes first on the path:
without its dependencies, so that only what must be as old is.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, Literal, NamedTuple

Age = Literal["newest", "oldest"]
AGES: Final[tuple[Age, ...]] = ("newest", "oldest")


class Library(NamedTuple):
    """A library as pip knows it, and what is installed for its oldest version, itself first."""

    distribution: str
    oldest: tuple[str, ...]


LIBRARIES: Final = {
    "accelerate": Library("accelerate", ("accelerate==1.1.1", "huggingface_hub<1")),
    "codecarbon": Library("codecarbon", ("codecarbon==3.3.2",)),
    "fastapi": Library("fastapi", ("fastapi==0.115.0", "starlette==0.38.6", "httpx==0.27.2")),
    "ipython": Library("ipython", ("ipython==7.23.1", "backcall", "pickleshare", "decorator", "setuptools<81")),
    "keras": Library("keras", ("keras==3.0.5", "dm-tree")),
    "lightning": Library("lightning", ("lightning==2.1.4", "setuptools<81")),
    "mlflow": Library("mlflow-skinny", ("mlflow-skinny==2.16.2",)),
    "opentelemetry": Library(
        "opentelemetry-sdk",
        ("opentelemetry-sdk==1.20.0", "opentelemetry-api==1.20.0", "deprecated", "wrapt", "importlib_metadata<7", "zipp"),
    ),
    "prometheus": Library("prometheus-client", ("prometheus-client==0.20.0",)),
    "pytorch-lightning": Library(
        "pytorch-lightning", ("pytorch-lightning==2.0.9.post0", "lightning-fabric==2.0.9.post0", "setuptools<81")
    ),
    "scikit-learn": Library("scikit-learn", ()),
    "sentence-transformers": Library(
        "sentence-transformers",
        (
            "sentence-transformers==3.3.1",
            "transformers==4.46.3",
            "tokenizers<0.21",
            "huggingface_hub<1",
            "datasets==3.1.0",
        ),
    ),
    "torch": Library("torch", ()),
    "transformers": Library("transformers", ("transformers==4.46.3", "tokenizers<0.21", "huggingface_hub<1", "datasets==3.1.0")),
    "uvicorn": Library("uvicorn", ("uvicorn==0.30.6",)),
    "wandb": Library("wandb", ("wandb==0.18.0", "protobuf<6", "sentry-sdk", "setproctitle", "docker-pycreds")),
}
"""Of some, only one version is tested: that which our own dependencies pin, or one that every framework brings."""


def packages(library: str, age: Age) -> Path | None:
    """The folder that comes first on a program's path so that it finds this version; none for the newest.

    Raises:
        subprocess.CalledProcessError: if pip cannot install it.
    """
    wanted = LIBRARIES[library].oldest
    if age == "newest" or not wanted:
        return None
    key = hashlib.blake2b(" ".join(wanted).encode(), digest_size=4).hexdigest()
    target = Path(sys.prefix, "oldest", f"{library}-{key}")
    target.parent.mkdir(exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / ".done").exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"]
            subprocess.run([*pip, "--target", str(target), *wanted], check=True)
            (target / ".done").touch()
    return target


def version(library: str, age: Age) -> str:
    """The version that a program finds which has been given `packages`."""
    first = packages(library, age)
    code = f"import importlib.metadata as m; print(m.version({LIBRARIES[library].distribution!r}))"
    path = {"PYTHONPATH": str(first)} if first else {}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **path}, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def oldest_served(library: str) -> str:
    """The oldest version served, as `oldest` pins it."""
    return LIBRARIES[library].oldest[0].partition("==")[2]


def lines_of(page: Path, number: int = 0) -> str:
    """The n-th block of Python on a page of the documentation, as a reader copies it."""
    blocks = re.findall(r"^```python[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks, f"{page.name} shows no Python"
    return str(blocks[number])
