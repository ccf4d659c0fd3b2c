"""Real servers, a real model and a real client: what they were asked is what the ledger says they did."""

from __future__ import annotations

import pytest

from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste
from tests.integrations.libraries import AGES, Age

pytestmark = pytest.mark.world


@pytest.mark.parametrize("age", AGES)
def test_the_page_works_when_pasted(paste: Paste, age: Age) -> None:
    done = paste("servers.md", "fastapi", age)
    assert done.returncode == 0, done.stderr
    assert "'total_tokens': 23" in done.stdout
    (run,) = settled_runs()
    assert (run.name, run.kind, run.outcome, run.account) == ("serve-llm", "inference", "completed", "serve-llm")
    assert run.whole_work == {"requests": 1, "tokens": 23}
    assert run.place is not None
