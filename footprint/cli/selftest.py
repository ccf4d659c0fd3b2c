"""`footprint doctor --self-test`: the meters, in real recorders, against sensors whose truth is known.

`--json` prints one object (a contract): `{"schema": 1, "cases": [{"name", "truth", "reading", "error_ratio", "passed",
"detail"}]}`. `truth` and `reading` are joules, of CPU time seconds; they and `error_ratio` (reading / truth - 1) are null in a
case that is not about a number. `passed` is null for a case that cannot be tried here; `detail` then says why.

Each case lives in a temporary folder: neither the user's ledger nor the machine's sensors have a part in it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import msgspec

from footprint import text
from footprint.cli.printing import say, say_json, say_lines

if TYPE_CHECKING:
    from footprint.testing.cases import Case

_AT_ONCE: Final = 4
"""Cases that only sleep disturb each other little."""
_WORDS: Final = {True: "ok", False: "FAILED", None: "skipped"}


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One case as the contract shows it."""

    name: str
    truth: float | None
    reading: float | None
    error_ratio: float | None
    passed: bool | None
    detail: str


def self_test(*, json: bool) -> int:
    """Try everything, print each case, and say by the exit code whether all that could be tried passed: 0 or 1."""
    from footprint.testing.cases import CASES

    if not json:
        say("The meters in real recorders, against sensors whose truth is known\n")
        say(f"{'case':<31}{'truth':>12} {'reading':>12} {'error':>9}")
    found = []
    with TemporaryDirectory(prefix="footprint-self-test-") as folder:
        for case, tried in _try_all(CASES, Path(folder)):
            found.append(tried)
            if not json:
                say_lines([_line(case, tried)])
    failed = sum(tried.passed is False for tried in found)
    if json:
        say_json({"schema": 1, "cases": found})
    else:
        skipped = sum(tried.passed is None for tried in found)
        say(f"\n{len(found) - failed - skipped} of {text.plural(len(found), 'case')} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def _try_all(cases: tuple[Case, ...], folder: Path) -> Iterator[tuple[Case, Tried]]:
    """Try the cases, quiet ones side by side and busy ones alone, and tell them in their order."""
    from footprint.errors import MeterError
    from footprint.testing.nvml import build_stub, compiler

    no_stub, stub = "", folder / "nvml"
    if compiler() is None:
        no_stub = "no C compiler (cc, gcc) to build the stand-in for NVIDIA's library with: install one"
    else:
        try:
            build_stub(stub)
        except MeterError as error:
            no_stub = str(error)

    def attempt(number: int) -> Tried:
        case = cases[number]
        if sys.platform != "linux":
            return _skipped(case, "the synthetic sensors stand in for Linux's")
        if case.needs_compiler and no_stub:
            return _skipped(case, no_stub)
        return _tried(case, folder / str(number), stub)

    numbers = range(len(cases))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        quiet = {number: pool.submit(attempt, number) for number in numbers if not cases[number].busy}
        for number in numbers:
            if number in quiet:
                yield cases[number], quiet[number].result()
    for number in numbers:
        if number not in quiet:
            yield cases[number], attempt(number)


def _tried(case: Case, folder: Path, stub: Path) -> Tried:
    from footprint.testing.cases import CaseError, Lab

    try:
        truth, reading, detail, allowed_ratio = case.act(Lab(folder, stub))
    except CaseError as error:
        return Tried(name=case.name, truth=None, reading=None, error_ratio=None, passed=False, detail=str(error))
    except Exception as error:  # noqa: BLE001 - one case that cannot be tried must not keep the others from it
        told = f"{type(error).__name__}: {error}"
        return Tried(name=case.name, truth=None, reading=None, error_ratio=None, passed=False, detail=told)
    error_ratio = reading / truth - 1 if truth and reading is not None else None
    passed = error_ratio is None or abs(error_ratio) <= allowed_ratio
    allowed = "" if error_ratio is None else f"at most {text.percent(allowed_ratio)} allowed"
    return Tried(
        name=case.name,
        truth=truth,
        reading=reading,
        error_ratio=error_ratio,
        passed=passed,
        detail="; ".join(part for part in (detail, allowed) if part),
    )


def _skipped(case: Case, why: str) -> Tried:
    return Tried(name=case.name, truth=None, reading=None, error_ratio=None, passed=None, detail=why)


def _line(case: Case, tried: Tried) -> str:
    """One case for a person: name, truth, reading, error, verdict, remark."""
    numbers = [f"{value:10.3f} {case.unit}" if value is not None else " " * 12 for value in (tried.truth, tried.reading)]
    error = "" if tried.error_ratio is None else f"{100 * tried.error_ratio:+.2f} %"
    return f"{case.name:<31}{numbers[0]} {numbers[1]} {error:>9}  {_WORDS[tried.passed]:<8}{text.clean(tried.detail, limit=400)}"
