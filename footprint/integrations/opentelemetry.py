"""OpenTelemetry: what is known of a program's runs, as metrics of the `hw.*` conventions and of our own.

    from footprint.integrations.opentelemetry import instrument

    with footprint.track("serve") as run:
        instrument(run)

Devices that a meter reads are told as the semantic conventions for hardware have it (https://opentelemetry.io/docs/specs/semconv/
hardware/, status: development): `hw.energy` in J and `hw.power` in W by `hw.id`, `hw.name` and `hw.type`; a meter of the whole
machine is `hw.host.energy` and `hw.host.power`, so that no joule is in both. What is derived (the facility's energy, emissions)
has no convention, and is told as `footprint.*`. The machine and the service stand in the provider's resource
(`resource_attributes`).
"""

from __future__ import annotations

import importlib.metadata
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Final

from footprint import __version__
from footprint.errors import ConfigError
from footprint.integrations import MissingFrameworkError, check_version
from footprint.integrations.exporting.families import label_value
from footprint.integrations.exporting.runs import DeviceTotal, FollowedRuns, Told
from footprint.integrations.following import INTERVAL_S
from footprint.tracking import TrackedRun

try:
    from opentelemetry import metrics
except ImportError as error:
    raise MissingFrameworkError("opentelemetry", error) from error

OLDEST: Final = "1.20"
_WHOLE_MACHINE: Final = "rest"
_TYPES: Final = {"cpu": "cpu", "memory": "memory"}
_PROVIDERS: Final = {"aws": "aws", "azure": "azure", "gcp": "gcp", "ibm": "ibm_cloud", "alibaba": "alibaba_cloud"}
"""Our providers' names as `cloud.provider` has them."""

Attributes = dict[str, str]
_Values = Callable[[], Iterable[tuple[Attributes, float | None]]]

check_version("opentelemetry-api", importlib.metadata.version("opentelemetry-api"), OLDEST)


def instrument(run: TrackedRun, meter_provider: Any = None, *, interval_s: float = INTERVAL_S) -> Instrumented:
    """Tell of a run by a meter provider, as often as its readers ask; a provider that tells of one already takes this one, too.

    Args:
        run: what `with footprint.track(…) as run` or a callback's `run` is. One that is nested in another is in its joules, too:
            tell of the one or the other.
        meter_provider: the provider; the global one if not stated, also if that is set later.
        interval_s: seconds between two looks at the run, which are made beside the program.

    Raises:
        ConfigError: for what is no run or no provider, or an interval that cannot be.
    """
    provider = metrics.get_meter_provider() if meter_provider is None else meter_provider
    if not hasattr(provider, "get_meter"):
        raise ConfigError(f"meter_provider={type(provider).__name__} is no MeterProvider of OpenTelemetry")
    # Before the global one is set, another one stands in its place, and hands its instruments over: both are one.
    keys = (provider, metrics) if provider is metrics.get_meter_provider() else (provider,)
    told = next((found for key in keys if (found := _instrumented.get(key)) is not None), None)
    if told is None:
        told = Instrumented(FollowedRuns(interval_s))
        told.add(run)  # what is no run has left no instruments behind
        told.register(provider.get_meter("footprint", __version__))
    else:
        told.add(run)
    _instrumented.update(dict.fromkeys(keys, told))
    if meter_provider is None and not hasattr(provider, "force_flush"):
        run.warn("no MeterProvider of OpenTelemetry is set yet: the run's metrics go nowhere until set_meter_provider is called")
    return told


def resource_attributes(run: TrackedRun) -> Attributes:
    """What a provider's resource should say of where a run runs: `host.name`, `cloud.provider` and `cloud.region` where known.

    For `Resource.create(resource_attributes(run))`; `service.name` is the program's own to state.
    """
    facts = run.facts
    found = {"host.name": label_value(facts.host.name)}
    if facts.place is not None and facts.place.region and facts.place.provider in _PROVIDERS:
        found |= {"cloud.provider": _PROVIDERS[facts.place.provider], "cloud.region": facts.place.region}
    return found


class Instrumented:
    """The runs that a meter provider tells of. Made by `instrument`."""

    def __init__(self, runs: FollowedRuns) -> None:
        self._runs = runs

    def add(self, run: TrackedRun) -> None:
        """Tell of one more run.

        Raises:
            ConfigError: for what is no run.
        """
        self._runs.add(run)

    def close(self) -> None:
        """Follow the runs no more: what was told of them stays as it is."""
        self._runs.close()

    def register(self, meter: Any) -> None:
        """Make the instruments. Their callbacks hand on what was read last: nothing is measured or derived in them."""
        devices, runs = self._runs.devices, self._runs.told
        for prefix, is_host in (("hw", False), ("hw.host", True)):
            what = "the whole physical host" if is_host else "the component"
            _make(
                meter.create_observable_counter,
                f"{prefix}.energy",
                "J",
                f"Energy consumed by {what}.",
                _device_energy(devices, is_host),
            )
            _make(
                meter.create_observable_gauge,
                f"{prefix}.power",
                "W",
                f"Power consumed by {what}.",
                _device_power(devices, is_host),
            )

        def of(amount: Callable[[Told], float | None]) -> _Values:
            return lambda: [(_named(one), amount(one)) for one in runs()]

        counter, gauge = meter.create_observable_counter, meter.create_observable_gauge
        _make(
            counter,
            "footprint.energy",
            "J",
            "Energy of the facility that the run used, central estimate.",
            of(lambda one: one.energy_j),
        )
        _make(
            counter,
            "footprint.emissions",
            "g",
            "CO2-equivalent of that energy, central estimate.",
            of(lambda one: one.emissions_g),
        )
        _make(gauge, "footprint.emissions.low", "g", "Its 5th percentile.", of(lambda one: one.emissions_low_g))
        _make(gauge, "footprint.emissions.high", "g", "Its 95th percentile.", of(lambda one: one.emissions_high_g))
        _make(gauge, "footprint.power", "W", "Power of the facility now.", of(lambda one: one.reading.power_w))
        _make(gauge, "footprint.running", "{run}", "Runs that go on.", of(lambda one: float(not one.reading.is_final)))
        _make(counter, "footprint.work", "{unit}", "Work that the run counted, by unit.", lambda: _work(runs()))
        _make(gauge, "footprint.read_ratio", "1", "Share of the time for which a component was read.", lambda: _coverage(runs()))
        _make(gauge, "footprint.unknown", "1", "What is not known of the run: 1 where it is not.", lambda: _unknown(runs()))


_instrumented: weakref.WeakKeyDictionary[Any, Instrumented] = weakref.WeakKeyDictionary()


def _make(create: Callable[..., object], name: str, unit: str, text: str, values: _Values) -> None:
    def observe(_: object) -> list[metrics.Observation]:
        summed: dict[tuple[tuple[str, str], ...], float] = {}
        for attributes, value in values():
            if value is not None:
                key = tuple(attributes.items())
                summed[key] = summed.get(key, 0.0) + value
        return [metrics.Observation(value, dict(key)) for key, value in summed.items()]

    create(name, callbacks=[observe], unit=unit, description=text)


def _named(one: Told, **more: str) -> Attributes:
    return {f"footprint.run.{name}": value for name, value in one.names.items()} | {
        f"footprint.{name}": value for name, value in more.items()
    }


def _work(runs: list[Told]) -> list[tuple[Attributes, float | None]]:
    return [(_named(one, unit=label_value(unit)), amount) for one in runs for unit, amount in one.work.items()]


def _coverage(runs: list[Told]) -> list[tuple[Attributes, float | None]]:
    """Coverage; of runs that are called alike the least."""
    found: dict[tuple[tuple[str, str], ...], float] = {}
    for one in runs:
        for part in one.reading.coverage:
            key = tuple(_named(one, component=part.component, grade=part.grade or "unknown").items())
            found[key] = min(found.get(key, 1.0), part.read_ratio if part.grade else 0.0)
    return [(dict(key), value) for key, value in found.items()]


def _unknown(runs: list[Told]) -> list[tuple[Attributes, float | None]]:
    return [(_named(one, unknown=what), 1.0) for one in runs for what in one.unknown]


def _device_energy(devices: Callable[[], list[DeviceTotal]], is_host: bool) -> _Values:
    return lambda: [(_hardware(one), one.energy_j) for one in devices() if _is_host(one) == is_host]


def _device_power(devices: Callable[[], list[DeviceTotal]], is_host: bool) -> _Values:
    return lambda: [(_hardware(one), one.power_w) for one in devices() if _is_host(one) == is_host]


def _is_host(one: DeviceTotal) -> bool:
    return one.device.component == _WHOLE_MACHINE


def _hardware(one: DeviceTotal) -> Attributes:
    """A device by the conventions: `hw.type` is one of theirs where one applies, and a host has none."""
    found = {"hw.id": label_value(one.device.id), "hw.name": label_value(one.device.name)}
    if not _is_host(one):
        kind = "gpu" if one.device.id.startswith("gpu:") else "accelerator"
        found["hw.type"] = _TYPES.get(one.device.component, kind)
    return found
