"""The page on scikit-learn: what joblib's workers use is in the run."""

from __future__ import annotations

import pytest

from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste

pytestmark = pytest.mark.world

BEFORE = "import resource, os, psutil; before_s = sum(os.times()[:2])"
AFTER = """
workers = psutil.Process().children(recursive=True)
alone_s = sum(os.times()[:2]) - before_s
in_workers_s = [sum(worker.cpu_times()[:2]) for worker in workers]
print(alone_s, max(in_workers_s), len([used_s for used_s in in_workers_s if used_s > 0.1]))
print(run.facts.cpu.tree_s)
"""


def test_the_lines_of_the_page_count_the_workers(paste: Paste) -> None:
    done = paste("scikit-learn.md", "scikit-learn", "newest", before=BEFORE, after=AFTER)
    assert done.returncode == 0, done.stderr
    (run,) = settled_runs()
    assert (run.name, run.outcome, run.warnings) == ("grid search", "completed", ())
    told, tree_s = done.stdout.splitlines()[-2:]
    alone_s, worker_s, workers = (float(word) for word in told.split())
    assert workers >= 2
    # All that a worker used, it used within the block.
    assert float(tree_s) > worker_s > 0.2
    assert "sklearn" in run.versions
    assert alone_s > 0
