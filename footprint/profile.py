"""Profiles: what is known of one model's compute, each fact with its source, as a TOML file.

::

    [model]       name, base_model
    [[work]]      kind, workload, hardware, count, hours | device_hours | energy_kwh | flops | parameters and tokens, mfu_ratio,
                  power_w, scope, pue, intensity_g_per_kwh, provider, region | zone, year, life_years, use_ratio,
                  embodied_g_per_device, price_per_kwh and currency, training (false where none took place), note
    [[work.source]]  title, url, locator, fields, grade
    [[published]] emissions_g, net_emissions_g, energy_kwh, basis, title, url, locator, note: a citation, never our result
    unknown = [...]  what nobody has said, in words
    [[workload]]  name, command, inside, unit, amount, kind, warmup, repeats, min_repeats, sessions, min_sessions, interval_ratio,
                  time_limit_s, idle_s, needs, files (path, sha256, package), weights, note, source: how to run and measure it;
                  one alone may be a [workload]

A key that is not known is refused with the nearest one that is.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from footprint import text
from footprint.errors import ConfigError
from footprint.model import Declaration, Kind, Source

MAX_BYTES: Final = 1_000_000
INTERVAL_LEAST: Final = 0.01
"""No interval of repeated work is narrower, half of it by the mean."""
_MOST_REPEATS: Final = 10_000
MOST_S: Final = 30 * 86_400.0
"""No longer may work that is repeated take, nor the look at the machine before."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Which model, and what it was made from."""

    name: str
    base_model: str | None = None


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that somebody published, as printed there: `emissions_g` gross, `net_emissions_g` beside it."""

    title: str
    emissions_g: float | None = None
    net_emissions_g: float | None = None
    energy_kwh: float | None = None
    basis: str = ""
    url: str = ""
    locator: str = ""
    note: str = ""

    def citation(self) -> str:
        """Who printed it and where."""
        return f"published: {self.title}{', ' + self.locator if self.locator else ''}"

    def text(self) -> str:
        """The figure for a card's field, as a citation."""
        assert self.emissions_g is not None
        net = f", {text.mass(self.net_emissions_g)} net" if self.net_emissions_g is not None else ""
        gross = " gross" if net else ""
        return f"{text.mass(self.emissions_g)} CO2eq{gross}{net} ({self.citation()})"

    def lines(self) -> list[str]:
        """What is printed there, in sentences."""
        figures = [
            f"{text.mass(value)} CO2eq {name}"
            for value, name in ((self.emissions_g, "gross"), (self.net_emissions_g, "net"))
            if value is not None
        ]
        if self.energy_kwh is not None:
            figures.append(text.energy(self.energy_kwh))
        basis = f" ({self.basis})" if self.basis else ""
        link = f" {self.url}" if self.url else ""
        note = f" Mind: {self.note}." if self.note else ""
        where = f", {self.locator}" if self.locator else ""
        return [f"Cited: {', '.join(figures) or 'no figure'}{basis}; {self.title}{where}.{note}{link}"]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work: its declared facts, and what a reader should know of them."""

    declaration: Declaration
    note: str = ""


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a workload's numbers depend on, and what its bytes must be: in the profile's folder, or in a package."""

    path: str
    sha256: str
    package: str | None = None


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """How to run and measure repeatable work.

    `command` runs in the profile's folder, without a shell. Without `inside` each repeat is a process, its start included, which
    does `amount` of `unit`; with it the command calls `footprint.profiling.repeats`, says itself what it has done, and is started
    `min_sessions` to `sessions` times. Repeats end once the interval of the energy of a unit is as narrow as `interval_ratio`
    (half of it by the mean), or `time_limit_s` is spent. `needs` are distributions of pip that the command
    imports; `weights` says whether a model's are `real` or `random`.
    """

    command: list[str] | str
    name: str = ""
    inside: bool = False
    unit: str = "run"
    amount: float = 1.0
    kind: Kind = "other"
    warmup: int = 1
    repeats: int | None = None
    min_repeats: int | None = None
    sessions: int = 8
    min_sessions: int = 4
    interval_ratio: float = 0.02
    time_limit_s: float = 300.0
    idle_s: float = 10.0
    needs: tuple[str, ...] = ()
    files: tuple[Pinned, ...] = ()
    weights: Literal["real", "random", ""] = ""
    note: str = ""
    source: tuple[Source, ...] = ()


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one model's compute."""

    model: Model
    work: tuple[Work, ...] = ()
    published: tuple[Published, ...] = ()
    unknown: tuple[str, ...] = ()
    workloads: tuple[Workload, ...] = ()


class _Facts(Declaration, frozen=True, kw_only=True):
    """A `[[work]]` table as it stands in the file."""

    note: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file as it stands."""

    model: Model
    work: tuple[_Facts, ...] = ()
    published: tuple[Published, ...] = ()
    unknown: tuple[str, ...] = ()
    workload: tuple[Workload, ...] = ()


def read_profile(path: str | Path) -> Profile:
    """Read a profile.

    Raises:
        ConfigError: if it is not there, is no TOML, or says something that cannot be; with the path to the value.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: the profile cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{file}: larger than {MAX_BYTES:,} bytes is no profile")
    try:
        return parse_profile(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: the profile is not UTF-8 text") from None
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


def parse_profile(toml: str) -> Profile:
    """Read a profile's text.

    Raises:
        ConfigError: see `read_profile`.
    """
    try:
        raw = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}") from None
    if isinstance(raw.get("workload"), dict):
        raw["workload"] = [raw["workload"]]
    _refuse_unknown(raw, _File, "")
    try:
        found = msgspec.convert(raw, _File)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at ")
        raise ConfigError(f"{where.strip('`').removeprefix('$.') or 'the file'}: {message}") from None
    work = tuple(_work(facts, f"work[{index}]") for index, facts in enumerate(found.work))
    for index, published in enumerate(found.published):
        _check_published(published, f"published[{index}]")
    check_workloads(found.workload)
    return Profile(model=found.model, work=work, published=found.published, unknown=found.unknown, workloads=found.workload)


def _work(facts: _Facts, where: str) -> Work:
    from footprint.derive import check_declaration

    named = {name: getattr(facts, name) for name in Declaration.__struct_fields__}
    declaration = Declaration(**named)
    try:
        check_declaration(declaration)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    if not facts.training:
        stated = [name for name in ("hardware", "count", "hours", "device_hours", "energy_kwh") if named[name] is not None]
        if stated:
            raise ConfigError(f"{where}.training is false, but {', '.join(stated)} is stated: one of them is wrong")
    return Work(declaration=declaration, note=facts.note)


def _check_published(published: Published, where: str) -> None:
    for name in ("emissions_g", "net_emissions_g", "energy_kwh"):
        value = getattr(published, name)
        if value is not None and not 0 <= value < float("inf"):
            raise ConfigError(f"{where}.{name} is {value:g}; it must be zero or more")


def check_workloads(workloads: tuple[Workload, ...]) -> None:
    """Refuse workloads that cannot be run.

    Raises:
        ConfigError: with the path to the value.
    """
    names = [workload.name for workload in workloads]
    for index, workload in enumerate(workloads):
        where = f"workload[{index}]" if len(workloads) > 1 else "workload"
        if len(workloads) > 1 and not workload.name:
            raise ConfigError(f"{where}.name: each of several workloads needs one")
        if names.count(workload.name) > 1:
            raise ConfigError(f"{where}.name: {workload.name!r} is the name of two workloads")
        if workload.name and not _NAME.fullmatch(workload.name):
            raise ConfigError(f"{where}.name is {workload.name!r}; it may have letters, digits, dots, dashes and underscores")
        _check_workload(workload, where)


def _check_command(command: list[str] | str, where: str) -> None:
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise ConfigError(f"{where}.command is {command!r}: {error}") from None
    if not words or not words[0].strip():
        raise ConfigError(f"{where}.command is empty")
    if any("\0" in word for word in words):
        raise ConfigError(f"{where}.command has a NUL character, which no command can have")


def _check_workload(workload: Workload, where: str) -> None:
    _check_command(workload.command, where)
    if not workload.unit.isidentifier():
        raise ConfigError(f"{where}.unit is {workload.unit!r}; it must be a word, such as sentences")
    for name, least in (("warmup", 0), ("repeats", 1), ("min_repeats", 1), ("sessions", 1), ("min_sessions", 1)):
        value = getattr(workload, name)
        if value is not None and not least <= value <= _MOST_REPEATS:
            raise ConfigError(f"{where}.{name} is {value}; it must be between {least} and {_MOST_REPEATS:,}")
    _check_limits(workload, where)
    for index, file in enumerate(workload.files):
        if not _SHA256.fullmatch(file.sha256):
            raise ConfigError(f"{where}.files[{index}].sha256 is {file.sha256!r}; it must be 64 hexadecimal digits")
        if not is_near(file.path, beside=file.package is None):
            near = "the profile's folder or one beside it" if file.package is None else f"the package {file.package}"
            raise ConfigError(f"{where}.files[{index}].path is {file.path!r}; it must lie in {near}")


def is_near(path: str, *, beside: bool) -> bool:
    """Whether a path stays where a workload's files are: in a folder, or in one beside it (`../common/data.csv`)."""
    parts = Path(path).parts[1:] if beside and Path(path).parts[:1] == ("..",) else Path(path).parts
    return bool(parts) and not Path(path).is_absolute() and ".." not in parts


def _check_limits(workload: Workload, where: str) -> None:
    for most, least_of in (("repeats", "min_repeats"), ("sessions", "min_sessions")):
        top, bottom = getattr(workload, most), getattr(workload, least_of)
        if top is not None and bottom is not None and bottom > top:
            raise ConfigError(f"{where}.{least_of} is {bottom}, more than {most} = {top}")
    for name, low in (("amount", 0.0), ("time_limit_s", 0.0), ("idle_s", -1.0)):
        value = getattr(workload, name)
        if not low < value < float("inf") or value < 0:
            raise ConfigError(f"{where}.{name} is {value:g}; it must be {'above zero' if low == 0 else 'zero or more'}")
        if name.endswith("_s") and value > MOST_S:
            raise ConfigError(f"{where}.{name} is {value:g}; it must be {text.duration(MOST_S)} at most")
    if not INTERVAL_LEAST <= workload.interval_ratio < float("inf"):
        raise ConfigError(
            f"{where}.interval_ratio is {workload.interval_ratio:g}; it must be {INTERVAL_LEAST:g} or more: "
            "what hours or a restart change, no profile of minutes can see"
        )


def _refuse_unknown(table: dict[str, Any], cls: type[msgspec.Struct], where: str) -> None:
    """Refuse a key that a table does not have, and look into the tables inside it."""
    known = {field.encode_name: field.type for field in msgspec.structs.fields(cls)}
    for key, value in table.items():
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it takes {', '.join(known)}"
            raise ConfigError(f"{where or 'the file'} has no key {key!r}{hint}")
        inner = _struct_in(known[key])
        if inner is None:
            continue
        path = f"{where}.{key}" if where else key
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(item, dict):
                _refuse_unknown(item, inner, f"{path}[{index}]" if isinstance(value, list) else path)


def _struct_in(annotation: Any) -> type[msgspec.Struct] | None:
    """The table that a field holds, alone, in a list, or optionally."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    if get_origin(annotation) is None:
        return None
    return next((found for part in get_args(annotation) if (found := _struct_in(part)) is not None), None)
