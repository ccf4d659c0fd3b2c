"""Forward passes of xlm-clm-ende-1024's architecture with random weights; sources of its dimensions are in `profile.toml`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from profiles.common.forward import is_quick, measure  # noqa: E402
from profiles.common.machine import prepare  # noqa: E402
from profiles.common.xlm import work  # noqa: E402

if __name__ == "__main__":
    # English and German; attention is causal, as its language model was trained.
    quick = is_quick(__doc__)
    measure(work(vocabulary=64_699, causal=True, quick=quick), prepare(quick=quick))
