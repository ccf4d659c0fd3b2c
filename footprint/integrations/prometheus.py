"""Prometheus: the ledger over HTTP (`footprint metrics --serve`), and a program's own runs among the metrics that it exposes.

    from footprint.integrations.prometheus import FootprintCollector
    from prometheus_client import REGISTRY

    with footprint.track("serve") as run:
        REGISTRY.register(FootprintCollector(run))

Both hand plain data to `prometheus_client`, which knows the formats and which of them a scraper asks for.
"""

from __future__ import annotations

import importlib.metadata
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from footprint.errors import ConfigError
from footprint.integrations import MissingFrameworkError, check_version
from footprint.integrations.exporting.families import Family, Labels, counter, gauge, label_value, labels_of, summed
from footprint.integrations.exporting.runs import DeviceTotal, FollowedRuns, Told
from footprint.integrations.following import INTERVAL_S
from footprint.tracking import TrackedRun

try:
    from prometheus_client import CollectorRegistry, Metric, make_wsgi_app
except ImportError as error:
    raise MissingFrameworkError("prometheus-client", error, "prometheus") from error

OLDEST: Final = "0.20"
_REQUEST_S: Final = 10.0
_TOTAL: Final = "_total"

check_version("prometheus-client", importlib.metadata.version("prometheus-client"), OLDEST)


def metrics_of(families: Iterable[Family]) -> Iterator[Metric]:
    """The families as `prometheus_client` has them; those without samples are left out."""
    for family in families:
        if not family.samples:
            continue
        name = family.name.removesuffix(_TOTAL) if family.type == "counter" else family.name
        metric = Metric(name, family.help, family.type)
        for labels, value in family.samples.items():
            metric.add_sample(family.name, dict(labels), value)
        yield metric


class FootprintCollector:
    """The runs of this program, for a registry of `prometheus_client`.

    Register one, and `add` further runs to it: a second one would tell metrics of the same names. A run that is nested in another
    one is in its joules, too: add the one or the other.

    Args:
        runs: what `with footprint.track(…) as run` or a callback's `run` is.
        interval_s: seconds between two looks at each run, which are made beside the program.

    Raises:
        ConfigError: for what is no run, or an interval that cannot be.
    """

    def __init__(self, *runs: TrackedRun, interval_s: float = INTERVAL_S) -> None:
        self._runs = FollowedRuns(interval_s)
        for run in runs:
            self._runs.add(run)

    def add(self, run: TrackedRun) -> None:
        """Tell of one more run.

        Raises:
            ConfigError: for what is no run.
        """
        self._runs.add(run)

    def collect(self) -> Iterator[Metric]:
        """The metrics now; nothing is measured or derived in the scrape."""
        return metrics_of(_families(self._runs.told(), self._runs.devices()))

    def describe(self) -> Iterator[Metric]:
        """Their names, by which a registry refuses a second collector."""
        return (Metric(one.name.removesuffix(_TOTAL), one.help, one.type) for one in _families([], []))


def _families(runs: list[Told], devices: list[DeviceTotal]) -> list[Family]:
    def of(values: Callable[[Told], Iterable[tuple[dict[str, str], float | None]]]) -> dict[Labels, float]:
        return summed((labels_of((), (), **one.names, **more), value) for one in runs for more, value in values(one))

    energy, emissions = "Energy of the facility that the run used", "CO2-equivalent of that energy"
    low, high = of(lambda one: [({}, one.emissions_low_g)]), of(lambda one: [({}, one.emissions_high_g)])
    return [
        counter("footprint_run_energy_joules_total", f"{energy}, central estimate.", of(lambda one: [({}, one.energy_j)])),
        counter(
            "footprint_run_emissions_grams_total", f"{emissions}, central estimate.", of(lambda one: [({}, one.emissions_g)])
        ),
        gauge("footprint_run_emissions_low_grams", f"{emissions}, 5th percentile.", low),
        gauge("footprint_run_emissions_high_grams", f"{emissions}, 95th percentile.", high),
        gauge("footprint_run_power_watts", "Power of the facility now.", of(lambda one: [({}, one.reading.power_w)])),
        counter("footprint_run_work_total", "Work that the run counted, by unit.", of(_work)),
        counter(
            "footprint_device_joules_total",
            "Energy of a device, whoever used it, while runs read it; a meter of the whole machine (rest) holds the others'.",
            _of_devices(devices),
        ),
        gauge("footprint_run_read_ratio", "Share of the time for which a component was read.", _least(runs)),
        gauge("footprint_run_unknown", "What is not known of the run; 1 where it is not.", of(_unknown)),
        gauge("footprint_run_running", "Runs that go on.", of(lambda one: [({}, float(not one.reading.is_final))])),
    ]


def _work(one: Told) -> list[tuple[dict[str, str], float | None]]:
    return [({"unit": unit}, amount) for unit, amount in one.work.items()]


def _unknown(one: Told) -> list[tuple[dict[str, str], float | None]]:
    return [({"what": what}, 1.0) for what in one.unknown]


def _of_devices(devices: list[DeviceTotal]) -> dict[Labels, float]:
    parts = []
    for one in devices:
        told = {"device": label_value(one.device.id), "device_name": label_value(one.device.name)}
        parts.append((labels_of((), (), **told, component=one.device.component, grade=one.device.grade), one.energy_j))
    return summed(parts)


def _least(runs: list[Told]) -> dict[Labels, float]:
    """Coverage; of runs that are called alike the least."""
    found: dict[Labels, float] = {}
    for one in runs:
        for part in one.reading.coverage:
            labels = labels_of((), (), **one.names, component=part.component, grade=part.grade or "unknown")
            found[labels] = min(found.get(labels, 1.0), part.read_ratio if part.grade else 0.0)
    return found


# -- Serving -----------------------------------------------------------------------------------------------------------


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Listen, and ask no name server what we are called, as `http.server` does."""
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    def handle_error(self, *_: Any) -> None:
        """A scraper that went away is no news."""


class _IPv6Server(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _REQUEST_S

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class _Families:
    """A collector of families."""

    def __init__(self, families: Callable[[], Iterable[Family]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return metrics_of(self._families())


class MetricsServer:
    """An HTTP server of metrics, on threads of its own; it has its port when it is made.

    Args:
        host: the address to listen at.
        port: the port; 0 for any that is free.
        families: asked at each scrape, and to answer at once.

    Raises:
        ConfigError: if it cannot listen there.
    """

    def __init__(self, host: str, port: int, families: Callable[[], Iterable[Family]]) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(families))
        kind = _IPv6Server if ":" in host else _Server
        try:
            self._server = kind((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"--serve: cannot listen at {host} port {port}: {reason}; choose another one") from None
        self._server.set_app(make_wsgi_app(registry))
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        """Answer from now on."""
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="footprint-metrics", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
