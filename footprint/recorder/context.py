"""What a process's surroundings say of a run: which account it belongs to, which run it is nested in, which libraries it uses.

Only named variables are looked at; neither the environment nor the arguments are stored. Of a process that is attached to
from outside, it is that process's environment that counts, and nothing is known of its libraries.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from footprint import __version__
from footprint.errors import ConfigError, LedgerError
from footprint.ledger.home import home
from footprint.ledger.live import Live, enclosing
from footprint.ledger.processes import identify, parent_pid
from footprint.recorder import jobs

if TYPE_CHECKING:
    from footprint.recorder.targets import Target

PARENT_VARIABLE: Final = "FOOTPRINT_PARENT"
ACCOUNT_VARIABLE: Final = "FOOTPRINT_ACCOUNT"
LABELS_VARIABLE: Final = "FOOTPRINT_LABELS"
NAME_LIMIT: Final = 200
LABELS_LIMIT: Final = 64

_RUN_ID: Final = re.compile("[0-9a-f]{16}")
_LIBRARIES: Final = ("torch", "transformers", "jax", "tensorflow", "keras", "lightning", "sklearn", "accelerate", "deepspeed")


def clean_name(name: str) -> str:
    """A name without what could harm whoever prints it, and no longer than 200 characters."""
    if name.isascii() and name.isprintable() and 0 < len(name) <= NAME_LIMIT and name == " ".join(name.split()):
        # As most are: nothing of the Unicode tables is loaded into the program for it. It becomes plain text, for torch's
        # version and numpy's strings are of classes of their own, which cannot be encoded.
        return str.__str__(name)
    from footprint import text

    return text.clean(name, limit=NAME_LIMIT)


def account(stated: str | None, run_id: str, within: Live | None = None, target: Target | None = None) -> str:
    """The account of a run: stated, set by whoever started us, that of the run around it, the job's or launch's, else the run."""
    if stated:
        return clean_name(stated)
    environ = _environ(target)
    if given := environ.get(ACCOUNT_VARIABLE):
        return clean_name(given)
    if within is not None:
        return within.account
    job = jobs.job(environ)
    if job is not None:
        return clean_name(job.account)
    return _launch(environ, os.getppid() if target is None else parent_pid(target.process.pid)) or run_id


def _environ(target: Target | None) -> Mapping[str, str]:
    return os.environ if target is None else target.environ or {}


def _launch(environ: Mapping[str, str], agent_pid: int | None) -> str | None:
    """The launch that this process is a rank of, where torchrun was given no id for it: its agent, which starts all of a node."""
    if "TORCHELASTIC_RUN_ID" not in environ or not agent_pid:
        return None
    agent = identify(agent_pid)
    if agent.boot_id is None or agent.start_ticks is None:
        return None
    return f"torchelastic:{agent.boot_id[:8]}-{agent.pid}-{agent.start_ticks}"


def enclosing_run(target: Target | None = None) -> Live | None:
    """The open run around this process, or around one that is attached to; null if none, or no ledger to look into."""
    try:
        return enclosing(home(), None if target is None else target.process.pid)
    except (LedgerError, OSError, ValueError):
        return None


def parent(within: Live | None, target: Target | None = None) -> str | None:
    """The run that this process is part of: the nearest ancestor's, else what `footprint run` set for its command."""
    if within is not None:
        return within.run
    given = _environ(target).get(PARENT_VARIABLE, "")
    return given if _RUN_ID.fullmatch(given) else None


def labels(stated: Mapping[str, str], target: Target | None = None) -> dict[str, str]:
    """A run's labels: the site's (`FOOTPRINT_LABELS=key=value,…`), its job and rank, and over these the stated ones."""
    found: dict[str, str] = {}
    environ = _environ(target)
    for pair in os.environ.get(LABELS_VARIABLE, environ.get(LABELS_VARIABLE, "")).split(","):
        key, equals, value = pair.partition("=")
        if equals and key.strip():
            found[key.strip()] = value.strip()
    found |= jobs.labels(environ)
    found |= stated
    return {clean_name(key): clean_name(value) for key, value in list(found.items())[:LABELS_LIMIT]}


def labels_of(pairs: Iterable[str]) -> dict[str, str]:
    """Labels from words of the form key=value.

    Raises:
        ConfigError: if a word is not of that form.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--label {pair!r} is not of the form key=value")
        found[key.strip()] = value
    return found


def versions(target: Target | None = None) -> dict[str, str]:
    """The versions of ourselves, of Python, and of the machine-learning libraries that the program has imported."""
    if target is not None:
        return {"footprint": __version__}
    found = {"footprint": __version__, "python": sys.version.split()[0]}
    for name in _LIBRARIES:
        with suppress(Exception):  # a module that loads itself lazily may fail to
            version = getattr(sys.modules.get(name), "__version__", None)
            if isinstance(version, str):
                found[name] = clean_name(version)
    return found


def inert_because(within: Live | None) -> str | None:
    """Why a run of this process must not be recorded on its own: the record of another process covers it; null if not.

    A run that somebody has attached from outside covers nothing in this sense: it must not change what a program records.
    Looked at without importing `multiprocessing`: a process that it started has it loaded.
    """
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is None:
        return None
    # While a worker of spawn or forkserver imports the program's own script again, all that tells is this attribute,
    # which multiprocessing itself refuses to start processes by.
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        return "a worker of multiprocessing imports the program again"
    boss = multiprocessing.parent_process()
    if boss is not None and within is not None and within.tracked.pid == boss.pid and not within.attached:
        return "a worker of multiprocessing is covered by the run of the process that started it"
    return None
