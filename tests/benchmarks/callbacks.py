"""How much slower a real fine-tuning gets by a callback: rows of `tuning`, in the environment that has the frameworks."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import CODECARBON, OURS, Tool, ToolError
from tests.benchmarks.rows import Row, failed, milliseconds, times
from tests.benchmarks.slowdown import TARGET_RATIO, Interval

TITLE: Final = "slowdown of a real fine-tuning by a callback, paired"
TRAINING_S: Final = 120.0
"""Of a fine-tuning that is short: what a callback takes at both ends is a larger part of it than of any longer one."""

_ROOT: Final = Path(__file__).parents[2]
_WORLD: Final = _ROOT / ".venv-world" / "bin" / "python"
_LIMIT_S: Final = 120.0
_WHO: Final = (("transformers", OURS), ("transformers", CODECARBON), ("lightning", OURS), ("keras", OURS))
_SHARES: Final = (0.9, 0.4, 0.5, 0.5)
"""Parts of the time for each, in units of `training_s`."""


class _Steps(msgspec.Struct, frozen=True):
    pairs: int
    step_s: float
    took_s: float
    median: Interval
    mean: Interval


def run(effort: Effort) -> Iterator[Row]:
    """Each callback's steps, and what it takes at the ends of a training."""
    if not _WORLD.exists():
        yield failed(TITLE, "all", "there is no .venv-world with the frameworks: make test-world sets it up")
        return
    ours_s = 0.0
    for (framework, tool), share in zip(_WHO, _SHARES, strict=True):
        try:
            steps = _ask(_Steps, "pairs", framework, tool.name, str(share * effort.training_s))
            found = [_ask(dict[str, float], "ends", framework, tool.name) for _ in range(min(effort.repeats, 3))]
        except ToolError as error:
            yield failed(f"fine-tuning with {framework}'s callback", tool.label, error)._replace(
                is_met=False if tool is OURS else None
            )
            continue
        ends_s = sorted(one["begin_s"] + one["end_s"] for one in found)
        if tool is OURS and not ours_s:
            ours_s = statistics.median(ends_s)
        yield from _rows(framework, tool, steps, ends_s, ours_s)


def _rows(framework: str, tool: Tool, steps: _Steps, ends_s: list[float], ours_s: float) -> Iterator[Row]:
    is_ours, who = tool is OURS, tool.label
    target = f"upper bound <= {TARGET_RATIO:g}" if is_ours else ""
    about = f"{steps.pairs} pairs of {1000 * steps.step_s:.0f} ms; 95 % interval"
    for what, interval in (("median", steps.median), ("mean", steps.mean)):
        is_met = interval.high_ratio <= TARGET_RATIO if is_ours else None
        yield Row(f"{framework}: a step with its callback / without, {what} ({about})", who, str(interval), target, is_met)
    ratio = "" if is_ours else times(statistics.median(ends_s), ours_s)
    spread = f"{milliseconds(statistics.median(ends_s))} ({milliseconds(ends_s[0])}-{milliseconds(ends_s[-1])})"
    yield Row(f"{framework}: what the callback takes before the first step and after the last", who, spread, "", None, ratio)
    high_ratio = max(steps.median.high_ratio, steps.mean.high_ratio) + ends_s[-1] / TRAINING_S
    yield Row(
        f"{framework}: a fine-tuning of {TRAINING_S:g} s, both ends included: upper bound of the slowdown",
        who,
        f"{high_ratio:.4f}",
        f"<= {TARGET_RATIO:g}" if is_ours else "",
        high_ratio <= TARGET_RATIO if is_ours else None,
    )


def _ask(kind: Any, *mode: str) -> Any:
    """What `tuning` finds, in a process and a ledger of its own.

    Raises:
        ToolError: if it finds nothing.
    """
    # Packets of CodeCarbon's to the world are refused on this machine: it is not asked where that is, and does not wait for it.
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    quiet = {"HF_HUB_OFFLINE": "1", "KERAS_BACKEND": "torch", "CODECARBON_LOG_LEVEL": "critical"}
    with tempfile.TemporaryDirectory() as home:
        paths = {"FOOTPRINT_HOME": home, "PYTHONPATH": str(_ROOT), "KERAS_HOME": home}
        try:
            done = subprocess.run(
                [str(_WORLD), "-W", "ignore", "-m", "tests.benchmarks.tuning", *mode],
                env={**os.environ, **nowhere, **quiet, **paths},
                cwd=home,
                capture_output=True,
                text=True,
                check=True,
                timeout=_LIMIT_S + (float(mode[-1]) if mode[0] == "pairs" else 0.0),
            )
            return msgspec.convert(json.loads(done.stdout.strip().splitlines()[-1]), kind)
        except subprocess.CalledProcessError as error:
            raise ToolError(str(error.stderr).strip().splitlines()[-1][:200]) from error
        except (subprocess.TimeoutExpired, IndexError, ValueError) as error:
            raise ToolError(f"{type(error).__name__}: {error}") from error
