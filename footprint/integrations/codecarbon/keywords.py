"""CodeCarbon's keywords (of version 3.3.2, in their order), and what they mean here.

Every one of them is taken. What has a meaning here is mapped; what is asked for and has none is named, in one line: nothing is
left out silently. Values that are not stated are looked up where CodeCarbon does: in the environment (`CODECARBON_…`), in
`.codecarbon.config` of this folder and of the user's home.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from footprint.errors import ConfigError, unknown_choice

TRACKER: Final = (
    *("project_name", "measure_power_secs", "api_call_interval", "api_endpoint", "api_key", "output_dir", "output_file"),
    *("output_methods", "save_to_file", "save_to_api", "save_to_logger", "logging_logger", "save_to_prometheus"),
    *("save_to_logfire", "prometheus_url", "output_handlers", "gpu_ids", "emissions_endpoint", "experiment_id"),
    *("experiment_name", "electricitymaps_api_token", "co2_signal_api_token", "tracking_mode", "log_level", "on_csv_write"),
    *("logger_preamble", "force_cpu_power", "force_ram_power", "pue", "wue", "force_carbon_intensity_g_co2e_kwh"),
    *("force_mode_cpu_load", "allow_multiple_runs", "rapl_include_dram", "rapl_prefer_psys", "metadata"),
)
OFFLINE: Final = ("country_iso_code", "region", "cloud_provider", "cloud_region", "country_2letter_iso_code")
_NOT_DECORATED: Final = ("force_mode_cpu_load", "metadata")
_AT: Final = TRACKER.index("force_cpu_power")
DECORATOR: Final = tuple(name for name in (*TRACKER[:_AT], "offline", *OFFLINE, *TRACKER[_AT:]) if name not in _NOT_DECORATED)

# Why each of these has no meaning here.
_NONE: Final = {
    "save_to_api": "nothing is sent",
    "emissions_endpoint": "nothing is sent",
    "save_to_prometheus": "see footprint metrics",
    "save_to_logfire": "nothing is sent",
    "electricitymaps_api_token": "no network; see footprint runs show --intensity-from",
    "co2_signal_api_token": "no network",
    "gpu_ids": "GPUs count if the program holds them",
    "force_cpu_power": "the CPU is read, or modelled with a range",
    "force_ram_power": "memory is read, or modelled with a range",
    "force_mode_cpu_load": "as for force_cpu_power",
    "rapl_include_dram": "DRAM is always read where it can be",
    "rapl_prefer_psys": "packages are read",
    "wue": "water is derived from the site and the grid",
    "metadata": "no report takes it",
    "save_to_logger": "without logging_logger there is none",
}
_WITH_OTHERS: Final = {
    "api_call_interval",
    "api_endpoint",
    "api_key",
    "prometheus_url",
}  # of no effect in CodeCarbon either, alone
_METHODS: Final = {
    "api": "save_to_api",
    "prometheus": "save_to_prometheus",
    "logfire": "save_to_logfire",
    "logger": "save_to_logger",
    "boamps": "metadata",
}
_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_SECTION: Final = "codecarbon"


class _Unset:
    """What CodeCarbon takes for a keyword that was not given: null is a value."""

    def __repr__(self) -> str:
        return "<not given>"


UNSET: Final = _Unset()


def signature(names: Sequence[str], *before: inspect.Parameter) -> inspect.Signature:
    """A signature of these keywords, each of which may be left out."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([*before, *(inspect.Parameter(name, kind, default=UNSET) for name in names)])


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a tracker was asked for, as far as it means something here. `remarks` are what is to be told of it."""

    name: str
    interval_s: float
    region: str | None
    zone: str | None
    pue: float | None
    file: Path | None
    is_updated: bool
    experiment_id: str
    experiment_name: str
    is_machine: bool
    intensity_g_per_kwh: float | None
    is_quiet: bool
    preamble: str
    handlers: tuple[Any, ...]
    remarks: tuple[str, ...]


def settings_of(given: Mapping[str, Any]) -> Settings:
    """What the keywords that were given mean.

    Raises:
        ConfigError: for a value that cannot be.
    """
    told = {**dict(_configured()), **{name: value for name, value in given.items() if value is not UNSET}}
    region, zone = _where(told)
    methods = _methods(told)
    level = str(told.get("log_level") or "info").lower()
    if level not in _LEVELS and not level.isdigit():
        raise unknown_choice("log_level", level, _LEVELS)
    return Settings(
        name=str(told.get("project_name") or "codecarbon"),
        interval_s=_number(told, "measure_power_secs") or 1.0,
        region=region,
        zone=zone,
        pue=_number(told, "pue"),
        file=_file(told) if "csv" in methods else None,
        is_updated=_choice(told, "on_csv_write", ("append", "update")) == "update",
        experiment_id=str(told.get("experiment_id") or "5b0fa12a-3dd7-45bb-9766-cc326314d9f1"),
        experiment_name=str(told.get("experiment_name") or "base"),
        is_machine=_choice(told, "tracking_mode", ("machine", "process")) == "machine",
        intensity_g_per_kwh=_number(told, "force_carbon_intensity_g_co2e_kwh"),
        is_quiet=level in {"error", "critical"} or (level.isdigit() and int(level) > 30),  # noqa: PLR2004 - logging.WARNING
        preamble=f"{told['logger_preamble']} " if told.get("logger_preamble") else "",
        handlers=_handlers(told),
        remarks=_remarks(told, methods),
    )


def _where(told: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Region and zone, as `track` takes them."""
    provider, cloud_region = told.get("cloud_provider"), told.get("cloud_region")
    if bool(provider) != bool(cloud_region):
        raise ConfigError("cloud_provider and cloud_region go together: cloud_provider='aws', cloud_region='eu-west-1'")
    if provider:
        return f"{provider}:{cloud_region}", None
    country = told.get("country_iso_code") or told.get("country_2letter_iso_code")
    if told.get("region"):
        return ", ".join(str(one) for one in (told["region"], country) if one), None
    return None, None if country is None else str(country)


def _methods(told: Mapping[str, Any]) -> set[str]:
    """Where its totals go, by the names of CodeCarbon's output methods."""
    stated = told.get("output_methods")
    if stated is None:
        asked = {name for name, keyword in _METHODS.items() if name != "boamps" and _is_on(told.get(keyword))}
        return asked | ({"csv"} if _is_on(told.get("save_to_file", True)) else set())
    words = stated.split(",") if isinstance(stated, str) else [getattr(one, "value", one) for one in stated]
    methods = {str(word).strip().lower() for word in words}
    for word in sorted(methods - {"csv", *_METHODS}):
        raise unknown_choice("output_methods", word, ("csv", *_METHODS))
    return methods


def _file(told: Mapping[str, Any]) -> Path:
    folder, name = Path(str(told.get("output_dir") or ".")), str(told.get("output_file") or "emissions.csv")
    path = folder.absolute() / name
    if not path.parent.is_dir():
        raise ConfigError(f"output_dir={str(folder)!r}: there is no such folder; make it, or use save_to_file=False")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"{path} cannot be written; state another output_dir, or save_to_file=False")
    return path


def _handlers(told: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is handed the totals as CodeCarbon does."""
    found = list(told.get("output_handlers") or ()) if not isinstance(told.get("output_handlers"), str) else []
    if told.get("logging_logger") is not None and (_is_on(told.get("save_to_logger")) or "logger" in _methods(told)):
        found.append(told["logging_logger"])
    return tuple(found)


def _remarks(told: Mapping[str, Any], methods: set[str]) -> tuple[str, ...]:
    asked = {name for name in _NONE if _is_on(told.get(name))} | {_METHODS[one] for one in methods if one != "csv"}
    if told.get("logging_logger") is not None:
        asked.discard("save_to_logger")
    if told.get("wue") in {0, "0", None}:
        asked.discard("wue")
    named = [f"{name} ({_NONE[name]})" for name in TRACKER if name in asked]
    named += [name for name in TRACKER if name in _WITH_OTHERS and told.get(name) is not None]
    found = [f"these keywords have no meaning here: {', '.join(named)}"] if named else []
    if told.get("force_carbon_intensity_g_co2e_kwh") is not None:
        found.append(
            "force_carbon_intensity_g_co2e_kwh is used for what CodeCarbon would tell; the ledger takes its place's factor"
        )
    return tuple(found)


def _is_on(value: object) -> bool:
    return value.strip().lower() not in {"", "0", "false", "no", "none"} if isinstance(value, str) else bool(value)


def _number(told: Mapping[str, Any], name: str) -> float | None:
    value = told.get(name)
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name}={value!r} is not a number") from None


def _choice(told: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = told.get(name) or known[0]
    if value not in known:
        raise unknown_choice(name, value, known)
    return str(value)


def _configured() -> Iterator[tuple[str, str]]:
    """What stands in CodeCarbon's own configuration, the strongest last: home, this folder, the environment."""
    import configparser

    for folder in (Path("~").expanduser(), Path()):
        found = configparser.ConfigParser(interpolation=None)
        try:
            found.read(folder / ".codecarbon.config", encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{folder / '.codecarbon.config'} cannot be read: {' '.join(str(error).split())[:120]}") from None
        if found.has_section(_SECTION):
            yield from found[_SECTION].items()
    for name, value in os.environ.items():
        if name.upper().startswith("CODECARBON_"):
            yield name[len("CODECARBON_") :].lower(), value
