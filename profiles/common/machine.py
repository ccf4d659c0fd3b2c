"""What a workload runs on: the GPU where there is one, else all CPUs that this process may use, and the same randomness."""

from __future__ import annotations

import os
from typing import Final

import torch

SEED: Final = 20_260
DTYPE: Final = torch.float32
"""All workloads compute in 32 bits, on every device."""


def prepare(*, quick: bool = False) -> torch.device:
    """Set threads and seeds, and say on one line what the work runs on.

    Args:
        quick: whether it is only tried: one thread is enough, and does not wait for others in a loop on a busy machine.
    """
    threads = 1 if quick else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    # Where a GPU could round to fewer bits, it does not: the results of machines stay comparable.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {threads} threads"
    print(f"device: {name}; dtype: {str(DTYPE).removeprefix('torch.')}; torch {torch.__version__}", flush=True)
    return device


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was given: a GPU's work is only queued when a call returns."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
