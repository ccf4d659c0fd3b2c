"""Sentences to embeddings by all-MiniLM-L6-v2, with its real weights: tokens, six layers, mean, norm."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from footprint.profiling import repeats  # noqa: E402
from profiles.common.forward import is_quick  # noqa: E402
from profiles.common.machine import SEED, finish, prepare  # noqa: E402
from profiles.common.minilm import load  # noqa: E402
from profiles.common.sentences import texts  # noqa: E402

SENTENCES = 500
BATCH = 32

if __name__ == "__main__":
    quick = is_quick(__doc__)
    device = prepare(quick=quick)
    model = load(device).eval()
    corpus = texts(32 if quick else SENTENCES, SEED)
    print(f"all-MiniLM-L6-v2: {len(corpus):,} sentences a repeat, {BATCH} at a time", flush=True)
    for repeat in repeats():
        with repeat:
            embeddings = model.encode(corpus, batch_size=BATCH, show_progress_bar=False)
            finish(device)
            repeat.count(sentences=len(corpus))
        assert embeddings.shape == (len(corpus), 384)
