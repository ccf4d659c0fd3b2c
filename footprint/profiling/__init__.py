"""Profiles: repeatable work, measured so that others can repeat it.

A program that is measured repeats its work by `repeats`, which loads nothing heavy; `footprint profile` does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.profiling.speaking import Repeat, repeats

__all__ = ["Repeat", "repeats"]

__getattr__ = lazily(__name__, dict.fromkeys(__all__, "footprint.profiling.speaking"))
