"""One job done by two tools: state the emissions of a training in a card on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from footprint.card import CardContent

FACTS = {"hardware": "A100 SXM4 80GB", "count": 8, "hours": 100, "zone": "FRA", "year": 2024, "kind": "fine-tuning"}


@lru_cache(maxsize=1)
def content() -> CardContent:
    """What the card is filled with; deriving it is not what is compared."""
    from footprint.card import content_from_declaration
    from footprint.derive import declared_footprint
    from footprint.model import Declaration

    declaration = Declaration(**FACTS)  # type: ignore[arg-type]  # facts of several types
    return content_from_declaration(declaration, declared_footprint(declaration))


def ours(path: Path) -> None:
    """Fill five fields, the metadata and the block; prove that nothing else changed; write with fsync and rename."""
    from footprint.card import fill, read_card, write_card

    plan = fill(read_card(path), content())
    write_card(path, plan.before, plan.after)


def hub(path: Path) -> None:
    """Set the metadata by huggingface_hub's load and save (which leaves the five fields alone, and syncs nothing)."""
    from huggingface_hub import ModelCard

    card = ModelCard.load(path)
    card.data.co2_eq_emissions = {"emissions": 153_000, "source": "footprint", "training_type": "fine-tuning"}
    card.save(path)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
