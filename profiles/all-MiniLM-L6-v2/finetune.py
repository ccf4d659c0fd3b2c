"""A fine-tuning of all-MiniLM-L6-v2 on pairs of texts that say the same, by the loss that ranks them above the rest of the batch.

Each repeat starts from the published weights and makes the same steps, so that it is the same work; the loss must fall.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from footprint.profiling import repeats  # noqa: E402
from profiles.common.forward import is_quick  # noqa: E402
from profiles.common.machine import SEED, finish, prepare  # noqa: E402
from profiles.common.minilm import load  # noqa: E402
from profiles.common.sentences import Pair, pairs  # noqa: E402

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

STEPS = 8
BATCH = 6
RATE = 2e-5


def train(model: SentenceTransformer, data: list[Pair], device: torch.device) -> None:
    """One pass over the pairs with AdamW."""
    torch.manual_seed(SEED)  # what dropout leaves out is the same in each repeat
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    model.train()
    for start in range(0, len(data), BATCH):
        loss = loss_of(model, data[start : start + BATCH], device)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    finish(device)


def loss_of(model: SentenceTransformer, batch: list[Pair], device: torch.device) -> torch.Tensor:
    """How badly a text's paraphrase is told from those of the others in a batch."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    sides = [model.preprocess([pair[side] for pair in batch]) for side in (0, 1)]
    features = [{name: value.to(device) for name, value in side.items() if hasattr(value, "to")} for side in sides]
    loss: torch.Tensor = MultipleNegativesRankingLoss(model)(features, torch.arange(len(batch), device=device))
    return loss


def seen(model: SentenceTransformer, data: list[Pair], device: torch.device) -> float:
    """The loss over all pairs as one batch, as the model stands."""
    model.eval()
    with torch.inference_mode():
        return float(loss_of(model, data, device))


def main() -> None:
    """Train as often as is asked for.

    Raises:
        RuntimeError: if the loss did not fall: then nothing was learned, and what was measured is no fine-tuning.
    """
    quick = is_quick(__doc__)
    steps = 2 if quick else STEPS
    device = prepare(quick=quick)
    model = load(device)
    published = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    data = pairs(steps * BATCH, SEED)
    print(f"all-MiniLM-L6-v2: {steps} steps of {BATCH} pairs a repeat", flush=True)
    before = seen(model, data, device)
    for repeat in repeats(alone=2):
        model.load_state_dict(published)
        with repeat:
            train(model, data, device)
            repeat.count(pairs=len(data))
        after = seen(model, data, device)
        print(f"loss over all pairs: {before:.4f} before, {after:.4f} after", flush=True)
        if not after < before:
            raise RuntimeError(f"the loss went from {before:.4f} to {after:.4f}: it must fall")
        repeat.note(loss_before=before, loss_after=after)


if __name__ == "__main__":
    main()
