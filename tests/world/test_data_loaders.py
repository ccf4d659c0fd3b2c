"""Fault 16 with torch's own workers: they start no recorders, and their work is the run's."""

from __future__ import annotations

import pytest

from tests.faults.conftest import settled_runs
from tests.world.programs import Program

pytestmark = pytest.mark.world


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_data_loader_are_part_of_the_run(program: Program, method: str) -> None:
    done = program(
        """
        import os, time
        import torch
        import footprint
        from torch.utils.data import DataLoader, Dataset

        run = footprint.track("at the top").start()  # workers of spawn and forkserver import this again

        class Rows(Dataset):
            def __len__(self):
                return 64
            @footprint.track("row")
            def __getitem__(self, row):
                begin = time.process_time()
                while time.process_time() - begin < 0.02:
                    sum(range(1000))
                return torch.tensor([row, os.getpid()])

        if __name__ == "__main__":
            torch.set_num_threads(1)
            rows = DataLoader(
                Rows(), batch_size=4, num_workers=4, persistent_workers=True, multiprocessing_context=METHOD
            )
            seen = [batch for epoch in range(2) for batch in rows]
            workers = {int(pid) for batch in seen for pid in batch[:, 1]}
            assert len(workers) == 4 and os.getpid() not in workers, workers
            assert sum(int(row) for batch in seen for row in batch[:, 0]) == 2 * sum(range(64))
            run.stop()
        """.replace("METHOD", repr(method)),
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    (run,) = settled_runs()
    assert (run.name, run.outcome, run.warnings) == ("at the top", "completed", ())
    assert run.cpu is not None
    # 2 x 64 rows of 0.02 s in the workers; what they took to start comes on top.
    assert run.cpu.tree_s > 0.9 * 2 * 64 * 0.02
