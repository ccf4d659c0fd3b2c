"""Templates as Python's bytecode, kept where Python keeps that of modules: compiling them takes longer than filling them in."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

import jinja2
from jinja2.bccache import Bucket

_HERE: Final = Path(__file__).parent / "templates"


class Compiled(jinja2.BytecodeCache):
    """Reads and writes `__pycache__` beside the templates; where that cannot be written, they are compiled each time.

    Args:
        made_with: what decides, besides a template's text, what it is compiled to.
    """

    def __init__(self, made_with: str) -> None:
        self._made_with = made_with

    def get_source_checksum(self, source: str) -> str:
        """What tells whether bytecode is that of a template: its text, and who compiles it how."""
        return super().get_source_checksum(f"{jinja2.__version__}\n{self._made_with}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read what was kept of a template; jinja2 leaves what is of another text, or another version of Python."""
        try:
            kept = _place(bucket).read_bytes()
        except OSError:
            return
        try:
            bucket.bytecode_from_string(kept)
        except Exception:  # noqa: BLE001 - cut short or damaged, of which pickle and marshal say this and that
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template, as a whole or not at all."""
        if sys.dont_write_bytecode:
            return
        place = _place(bucket)
        with suppress(OSError):
            place.parent.mkdir(exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=place.parent, prefix=f"{place.name}.")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(bucket.bytecode_to_string())
                Path(draft).chmod(0o644)
                Path(draft).replace(place)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise


def _place(bucket: Bucket) -> Path:
    """Where a template's bytecode is: templates are known by the hash that jinja2 makes of their names."""
    return Path(cache_from_source(str(_HERE / f"{bucket.key}.py")))
