"""MLflow's plug-in: an MLflow run that begins within a tracked run is tagged with the ids of that.

MLflow finds it by the entry point `mlflow.run_context_provider`, and asks it at each `start_run`. It loads neither MLflow nor
anything of ours: a program that tracks has loaded what it looks at.
"""

from __future__ import annotations

import sys
from typing import Any


class FootprintContext:
    """What MLflow asks for the tags of a run that begins."""

    def in_context(self) -> bool:
        """Whether a tracked run goes on."""
        return self._run() is not None

    def tags(self) -> dict[str, str]:
        """The tracked run's id, and what it belongs to."""
        run = self._run()
        return {} if run is None else {"footprint.run_id": run.id, "footprint.account": run.account}

    def _run(self) -> Any:
        active = sys.modules.get("footprint.recorder.active")
        try:
            return None if active is None else active.current_run()
        except Exception:  # noqa: BLE001 - MLflow hands on what this raises, and the program would lose its MLflow run
            return None
