"""From runs to dashboards: a pure summary, figures of it, and the renderers that show it.

What a notebook or a program needs is here: `of`, `run`, `figure`, `image` and `page` (see `door`). Importing it loads
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.report.data import Summary
    from footprint.report.door import figure, image, of, page, run

__all__ = ["Summary", "figure", "image", "of", "page", "run"]

__getattr__ = lazily(
    __name__,
    {"Summary": "footprint.report.data", **dict.fromkeys(("figure", "image", "of", "page", "run"), "footprint.report.door")},
)


def __dir__() -> list[str]:
    return list(__all__)
