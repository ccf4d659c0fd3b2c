"""What is to be run: the command and its files as they are on this machine, all of it looked at before anything starts."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import ConfigError, unknown_choice
from footprint.profile import Pinned, Workload, check_workloads, is_near, read_profile
from footprint.profiling.results import Hashed, read_result

_EXTRA: Final = "extra:"
_NEED: Final = re.compile(r"([A-Za-z0-9._-]+)(?:==(.+))?")
_PYTHON: Final = {"python", "python3"}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One workload, ready to run.

    Args:
        profile: the name of the model.
        folder: where the command runs.
        command: its words, the program's as it is found here.
        files: what the work depends on, with what its bytes are.
        libraries: the versions of what it needs.
        results: where results are kept.
    """

    profile: str
    folder: Path
    workload: Workload
    command: tuple[str, ...]
    files: tuple[Hashed, ...]
    libraries: dict[str, str]
    results: Path

    @property
    def name(self) -> str:
        """What its runs are called."""
        return f"{self.profile} {self.workload.name}".strip()


def plans_of(path: Path, only: str | None = None) -> list[Plan]:
    """What a profile, or an earlier result, says to run.

    Args:
        path: a profile (TOML), or a result (JSON), whose files must have the bytes that they had.
        only: the name of one workload.

    Raises:
        ConfigError: if there is nothing to run, or it cannot run here; says why.
    """
    if path.suffix == ".json":
        return [_again(path)]
    return [plan_of(profile, workload, path.parent) for profile, workload in workloads_of(path, only)]


def workloads_of(path: Path, only: str | None = None) -> list[tuple[str, Workload]]:
    """The workloads of a profile, each with the model's name, as they stand.

    Raises:
        ConfigError: if there are none, or none of that name.
    """
    profile = read_profile(path)
    if not profile.workloads:
        raise ConfigError(f"{path}: the profile says nothing of how to run it: it has no [[workload]] (docs/profiles.md)")
    names = [workload.name for workload in profile.workloads]
    if only is not None and only not in names:
        raise unknown_choice("workload", only, [name for name in names if name])
    return [(profile.model.name, one) for one in profile.workloads if only in (None, one.name)]


def plan_of(profile: str, workload: Workload, folder: Path, pinned: tuple[Hashed, ...] = ()) -> Plan:
    """One workload as it can be run from a folder.

    Args:
        profile: the model's name.
        workload: what to run.
        folder: the profile's folder.
        pinned: files that must have these bytes, besides those that the workload itself pins.

    Raises:
        ConfigError: if a library or a file that it needs is missing or another one, or the command is not found.
    """
    folder = folder.absolute()
    libraries = dict(_libraries(workload))
    files: dict[tuple[str | None, str], Hashed] = {}
    named: list[Pinned | Hashed] = [*workload.files, *pinned]
    for file in named:
        files[file.package, file.path] = _hashed(file, folder)
    words = shlex.split(workload.command) if isinstance(workload.command, str) else list(workload.command)
    for word in words:
        if is_near(word, beside=True) and (folder / word).is_file() and (None, word) not in files:
            files[None, word] = Hashed(path=word, sha256=_sha256(folder / word))
    return Plan(
        profile=profile,
        folder=folder,
        workload=workload,
        command=(_program(words[0], folder), *words[1:]),
        files=tuple(files.values()),
        libraries=libraries,
        results=folder / "results",
    )


def _again(path: Path) -> Plan:
    """A result's workload, where its files are those that were measured."""
    result = read_result(path)
    if result.protocol.quick:
        raise ConfigError(f"{path}: the work was only tried (--quick), perhaps less of it: repeat the profile, not this result")
    check_workloads((result.workload,))
    folder = path.absolute().parent
    folder = folder.parent if folder.name == "results" else folder
    return plan_of(result.profile, result.workload, folder, result.files)


def _libraries(workload: Workload) -> Iterator[tuple[str, str]]:
    """The versions of what the command imports."""
    extras = [need.removeprefix(_EXTRA) for need in workload.needs if need.startswith(_EXTRA)]
    distributions = [need for need in workload.needs if not need.startswith(_EXTRA)]
    for need in distributions:
        found = _NEED.fullmatch(need)
        if found is None:
            raise ConfigError(f"needs: {need!r} is not of the form NAME, NAME==VERSION or extra:NAME")
        name, wanted = found.groups()
        hint = f"pip install 'footprint[{','.join(extras)}]'" if extras else f"pip install {shlex.quote(need)}"
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            raise ConfigError(f"{workload.name or 'the workload'} needs {name}, which is not installed: {hint}") from None
        if wanted is not None and version != wanted:
            raise ConfigError(f"{workload.name or 'the workload'} needs {need}, but {version} is installed: {hint}")
        yield name, version


def _hashed(file: Pinned | Hashed, folder: Path) -> Hashed:
    place = folder if file.package is None else _package(file.package)
    where = f"package {file.package}" if file.package else "the profile's folder"
    path = place / file.path
    if not is_near(file.path, beside=file.package is None) or not path.is_file():
        raise ConfigError(f"{file.path}: there is no such file in {where}, and the work depends on it")
    found = _sha256(path)
    if found != file.sha256.lower():
        raise ConfigError(
            f"{file.path} in {where} is not the file that was meant: its sha256 is {found[:12]}…, not {file.sha256[:12].lower()}…"
        )
    return Hashed(path=file.path, sha256=found, package=file.package)


def _package(name: str) -> Path:
    try:
        found = util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise ConfigError(
            f"the package {name} is not installed, and a file of it is needed: pip install {name.replace('_', '-')}"
        )
    return Path(places[0])


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{path.name}: cannot be read: {error.strerror or error}") from None


def _program(word: str, folder: Path) -> str:
    """The program: Python is the one that runs us, a path is one from the profile's folder."""
    if word in _PYTHON and sys.executable:
        return sys.executable
    found = shutil.which(str(folder / word) if "/" in word else word)
    if found is None:
        raise ConfigError(f"the command {word!r} is not found, or cannot be executed")
    return found
