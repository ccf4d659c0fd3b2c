"""CodeCarbon's runs in our ledger, as they end: an output handler for its trackers.

::

    from codecarbon import EmissionsTracker
    from footprint.integrations.codecarbon import LedgerOutput

    with EmissionsTracker(output_handlers=[LedgerOutput(region="aws:eu-west-1")]):
        train()

The run has the id that importing the tracker's `emissions.csv` would give it, so that doing both counts nothing twice. A program
that is also tracked by `footprint.track` is recorded twice, by two tools: use one of them.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from footprint.ledger.importers.codecarbon import Facts
    from footprint.model import Run

_KEPT: Final = 64


class LedgerOutput:
    """Writes a tracker's run into the ledger when the tracker stops.

    It is to CodeCarbon what its own `BaseOutput` is, without loading CodeCarbon. What goes wrong in it becomes a warning, and
    nothing of the program that is measured.

    Args:
        region: where it runs, as for `track`; without it the site's default, else what CodeCarbon found out.
        zone: the same, as a grid zone.
        labels: facts as for `footprint runs import --set`: kind, name, account, project, team, user, model.

    Raises:
        ConfigError: for a place, or a fact, that there is not.
    """

    def __init__(self, *, region: str | None = None, zone: str | None = None, **labels: str) -> None:
        from footprint.ledger.importers.stated import stated_of
        from footprint.place import default_place, resolve

        place = resolve(region, zone) or default_place()
        self._stated = msgspec.structs.replace(stated_of(labels), place=place)
        self._rows: list[Facts] = []
        self._ended_s = 0.0

    def out(self, total: Any, delta: Any) -> None:
        """Take the totals: at each flush, and at the end."""
        self._guarded(self._take, vars(total))

    def live_out(self, total: Any, delta: Any) -> None:
        """Take the totals on the way."""
        self.out(total, delta)

    def task_out(self, data: list[Any], experiment_name: str) -> None:
        """Tasks are parts of the run, which has their energy."""

    def exit(self) -> None:
        """Write the run: the tracker has stopped."""
        if self._rows:
            self._guarded(self._write)
        self._rows = []

    def _take(self, cells: Mapping[str, Any]) -> None:
        from footprint.ledger.importers.codecarbon import facts_of
        from footprint.ledger.importers.sources import Line

        told = {name: "" if value is None else str(value) for name, value in cells.items()}
        told["timestamp"] = datetime.now().astimezone().isoformat()
        self._ended_s = time.monotonic()
        if len(self._rows) >= _KEPT:
            self._rows = self._rows[::2]
        self._rows.append(facts_of(Line("CodeCarbon", told)))

    def _write(self) -> None:
        from footprint.ledger.home import home
        from footprint.ledger.journal import Journal
        from footprint.ledger.records import Imported

        run = self._run()
        journal = Journal(home())
        try:
            if not journal.write(Imported(facts=run)):
                self._warn(f"the run of CodeCarbon was not recorded: {journal.last_error}")
        finally:
            journal.close()

    def _run(self) -> Run:
        from footprint.derive.settling import settled
        from footprint.ledger.importers.codecarbon import run_from
        from footprint.meters.host import read_host

        host = read_host()
        run = run_from(self._rows, self._stated, host_name=host.name)
        if self._stated.place is None:
            run = settled(run)
        return msgspec.structs.replace(run, host=host, monotonic_s=self._ended_s - run.duration_s)

    def _guarded(self, work: Any, *given: Any) -> None:
        try:
            work(*given)
        except Exception as error:  # noqa: BLE001 - the program that is measured goes on
            self._warn(f"the run of CodeCarbon was not recorded: {error}")

    @staticmethod
    def _warn(message: str) -> None:
        warnings.warn(f"footprint: {message}", RuntimeWarning, stacklevel=4)
