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

STEPS = 10
BATCH = 8
RATE = 2e-5


def train(model: SentenceTransformer, data: list[Pair], device: torch.device) -> list[float]:
    """One pass over the pairs with AdamW; the loss of each step."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    torch.manual_seed(SEED)  # what dropout leaves out is the same in each repeat
    loss_of = MultipleNegativesRankingLoss(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    model.train()
    losses = []
    for start in range(0, len(data), BATCH):
        batch = data[start : start + BATCH]
        sides = [model.preprocess([pair[side] for pair in batch]) for side in (0, 1)]
        features = [{name: value.to(device) for name, value in side.items() if hasattr(value, "to")} for side in sides]
        loss = loss_of(features, torch.arange(len(batch), device=device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.detach())
    finish(device)
    return [float(loss) for loss in losses]


def fallen(losses: list[float]) -> tuple[float, float]:
    """The mean loss of the first and of the last quarter of the steps.

    Raises:
        RuntimeError: if it did not fall: then nothing was learned, and what was measured is no fine-tuning.
    """
    quarter = max(1, len(losses) // 4)
    first, last = sum(losses[:quarter]) / quarter, sum(losses[-quarter:]) / quarter
    if not last < first:
        raise RuntimeError(f"the loss went from {first:.4f} to {last:.4f}: it must fall")
    return first, last


def main() -> None:
    """Train as often as is asked for."""
    steps = 4 if is_quick(__doc__) else STEPS
    device = prepare()
    model = load(device)
    published = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    data = pairs(steps * BATCH, SEED)
    print(f"all-MiniLM-L6-v2: {steps} steps of {BATCH} pairs a repeat", flush=True)
    for repeat in repeats():
        model.load_state_dict(published)
        with repeat:
            losses = train(model, data, device)
            repeat.count(pairs=len(data))
        first, last = fallen(losses)
        print(f"loss: {first:.4f} in the first quarter, {last:.4f} in the last", flush=True)
        repeat.note(loss_first=first, loss_last=last)


if __name__ == "__main__":
    main()
