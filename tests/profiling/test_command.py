"""`footprint profile`: what it prints, writes and refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from footprint import text
from footprint.cli import call
from footprint.ledger import read_runs
from footprint.profiling import comparing
from footprint.profiling.results import Result, read_result, write_new_result, write_result

from .programs import INSIDE, LOOP, PROCESS, profile

FAST = INSIDE.replace("idle_s = 0.2", "idle_s = 0")
CARD = """---
license: mit
---
# Busy

## Environmental Impact

- **Hardware Type:** [More Information Needed]
- **Hours used:** [More Information Needed]
- **Cloud Provider:** [More Information Needed]
- **Compute Region:** [More Information Needed]
- **Carbon Emitted:** [More Information Needed]
"""


def _refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert call(["profile", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    line = said.err.strip().splitlines()[-1]
    assert line.startswith("footprint")
    return line


def test_from_a_profile_to_a_result_and_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "DISTURBED_LIMIT", 1.0)  # whatever else runs here
    path = profile(tmp_path, FAST)
    card = tmp_path / "README.md"
    card.write_text(CARD, encoding="utf-8")
    assert call(["profile", str(path), "--region", "aws:eu-west-1", "--card", str(card)]) == 0
    said = capsys.readouterr()
    assert said.err.count("repeat ") == 6
    assert "J/item" in said.out
    assert "items/s" in said.out
    assert "CO2eq" in said.out
    assert "footprint:begin" in card.read_text(encoding="utf-8")
    (written,) = (tmp_path / "results").iterdir()
    first = read_result(written)
    # The card's energy and emissions of 1,000 are the result's.
    site, grams = first.energy_kwh_per_1000, first.emissions_g_per_1000
    assert site is not None
    assert grams is not None
    (line,) = [one for one in card.read_text(encoding="utf-8").splitlines() if one.startswith("- Per 1,000 items: ")]
    assert text.energy_range(site.low, site.central, site.high) in line
    assert text.mass_range(grams.low, grams.central, grams.high) in line
    assert first.protocol.place is not None
    assert first.emissions_g_per_1000 is not None
    assert [one.path for one in first.files] == ["work.py"]

    # The result alone says how to do it again.
    known = first.statistics["energy_j"].all
    assert known is not None
    wide = msgspec.structs.replace(known, low=0.0, high=1e9)
    statistic = msgspec.structs.replace(first.statistics["energy_j"], all=wide)
    write_result(msgspec.structs.replace(first, statistics={**first.statistics, "energy_j": statistic}), written)
    again = tmp_path / "again.json"
    assert call(["profile", str(written), "-q", "--compare", str(written), "-o", str(again), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["results"]
    assert told["path"] == str(again)
    assert told["compared"]["same_machine"]
    assert told["compared"]["quantities"][0]["verdict"] == "agrees"
    assert msgspec.convert(told["result"], Result) == read_result(again)

    # An interval that it is far from, and files that have changed.
    statistic = msgspec.structs.replace(statistic, all=msgspec.structs.replace(wide, low=1e6, mean=2e6, high=3e6))
    write_result(msgspec.structs.replace(first, statistics={**first.statistics, "energy_j": statistic}), written)
    card.write_text(CARD, encoding="utf-8")
    less = ("--repeats", "1", "-o", str(again), "--card", str(card))
    assert call(["profile", str(path), "-q", "--compare", str(written), *less]) == 1
    assert "differs" in capsys.readouterr().out
    assert "footprint:begin" in card.read_text(encoding="utf-8"), "the card does not depend on what it is held against"
    (tmp_path / "work.py").write_text(LOOP + "\n", encoding="utf-8")
    assert "work.py in the profile's folder is not the file that was meant" in _refused(capsys, str(written))
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".tmp")] == []


def test_a_trial_is_no_measurement_of_the_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, card, result = profile(tmp_path, FAST), tmp_path / "README.md", tmp_path / "tried.json"
    card.write_text(CARD, encoding="utf-8")
    assert call(["profile", str(path), "-q", "--quick", "-o", str(result), "--card", str(card)]) == 0
    assert "not filled" in capsys.readouterr().err
    assert card.read_text(encoding="utf-8") == CARD
    assert read_result(result).protocol.quick
    # Another profile of the same second, and so of the same name, takes nobody's result away.
    others = [write_new_result(read_result(result), tmp_path / "kept" / "a.json") for _ in range(3)]
    assert [path.name for path in others] == ["a.json", "a-2.json", "a-3.json"]
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["a-2.json", "a-3.json", "a.json"]
    assert "repeat the profile, not this result" in _refused(capsys, str(result))


def test_plans_are_shown_without_running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = profile(tmp_path, FAST)
    assert call(["profile", str(path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "python work.py" in said
    assert "sha256" in said
    assert call(["profile", str(path), "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["workloads"][0]["unit"] == "items"
    assert call(["profile", str(path), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plans"][0]["files"][0]["path"] == "work.py"
    assert not read_runs().runs
    assert not (tmp_path / "results").exists()


def test_a_command_that_fails_leaves_nothing_half_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = profile(tmp_path, PROCESS, "raise SystemExit('out of memory')")
    assert "exit code 1: out of memory" in _refused(capsys, str(path), "-q")
    assert not (tmp_path / "results").exists()


PIN = sha256(LOOP.encode()).hexdigest()
REFUSED = {
    "no such package": (
        'needs = ["no-such-thing==1.0"]',
        "needs no-such-thing, which is not installed: pip install no-such-thing==1.0",
    ),
    "of an extra": ('needs = ["extra:profiles", "no-such-thing"]', r"pip install 'footprint\[profiles\]'"),
    "another version": ('needs = ["msgspec==0.0.1"]', "needs msgspec==0.0.1, but .* is installed"),
    "other bytes": (f'files = [{{path = "work.py", sha256 = "{"0" * 64}"}}]', "is not the file that was meant: its sha256 is"),
    "no such file": (f'files = [{{path = "weights.bin", sha256 = "{PIN}"}}]', "no such file in the profile's folder"),
    "no such import": (f'files = [{{path = "a", package = "no_such", sha256 = "{PIN}"}}]', "pip install no-such"),
    "outside": (f'files = [{{path = "../../a", sha256 = "{PIN}"}}]', "must lie in the profile's folder or one beside it"),
    "no hash": ('files = [{path = "work.py", sha256 = "1f"}]', "must be 64 hexadecimal digits"),
    "unknown key": ("warm_up = 1", "has no key 'warm_up'; did you mean 'warmup'"),
    "an open quote": ("command = '\"a'", "workload.command is .*No closing quotation"),
    "a NUL": ('command = ["python", "a\\u0000b"]', "workload.command has a NUL character"),
    "for ever": ("idle_s = 1e300", "must be 30 d at most"),
    "unknown kind": ('kind = "serving"', "kind"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_workload_is_refused_before_it_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    line, message = REFUSED[name]
    key = line.split(" = ")[0]
    workload = "".join(one + "\n" for one in FAST.splitlines() if not one.startswith(f"{key} = "))
    said = _refused(capsys, str(profile(tmp_path, workload + line + "\n")))
    import re

    assert re.search(message, said), said
    assert not read_runs().runs


def test_odd_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = profile(tmp_path, FAST)
    assert "'nope'" in _refused(capsys, str(path), "--only", "nope")
    assert "is less than one" in _refused(capsys, str(path), "--repeats", "0")
    assert "not above zero" in _refused(capsys, str(path), "--time-limit", "0")
    assert "cannot be read" in _refused(capsys, str(tmp_path / "none.toml"))
    assert "cannot be read" in _refused(capsys, str(path), "--compare", str(tmp_path / "none.json"))
    (tmp_path / "odd.json").write_text("{}", encoding="utf-8")
    assert "no result of" in _refused(capsys, str(tmp_path / "odd.json"))
    (tmp_path / "odd.json").write_text('{"a":' * 100_000, encoding="utf-8")
    assert "no result of" in _refused(capsys, str(path), "--compare", str(tmp_path / "odd.json"))
    (tmp_path / "odd.json").chmod(0o755)
    assert "is no folder" in _refused(capsys, str(path), "-o", str(tmp_path / "odd.json" / "a.json"))
    assert "there is no such file" in _refused(capsys, str(path), "--card", str(tmp_path / "CARD.md"))
    (tmp_path / "CARD.md").write_text(CARD, encoding="utf-8")
    other = str(profile(tmp_path, FAST.replace('kind = "inference"', 'kind = "other"')))
    assert "kind other is neither training nor use" in _refused(capsys, other, "--card", str(tmp_path / "CARD.md"))
    path = profile(tmp_path, FAST)
    assert "no-such-region" in _refused(capsys, str(path), "-q", "--region", "aws:no-such-region")
    (tmp_path / "bare.toml").write_text('[model]\nname = "bare"\n', encoding="utf-8")
    assert "it has no [[workload]]" in _refused(capsys, str(tmp_path / "bare.toml"))
    bad = FAST.replace('command = ["python", "work.py"]', 'command = ["no-such-program"]')
    assert "'no-such-program' is not found" in _refused(capsys, str(profile(tmp_path, bad)))
    narrow = _refused(capsys, str(profile(tmp_path, FAST + "interval_ratio = 0.001\n")))
    assert "must be 0.01 or more" in narrow
    two = '[[workload]]\nname = "a"\ncommand = ["true"]\n' * 2
    path.write_text(f'[model]\nname = "busy"\n{two}', encoding="utf-8")
    assert "is the name of two workloads" in _refused(capsys, str(path))
    assert not read_runs().runs


def test_an_interrupt_tells_what_was_measured(tmp_path: Path) -> None:
    """A Ctrl-C reaches the whole group, as at a terminal."""
    work = LOOP + "    if repeat.number == 2:\n        open('reached', 'w').close()\n        import signal; signal.pause()\n"
    profile(tmp_path, FAST.replace("repeats = 2", "repeats = 9"), work)
    command = [sys.executable, "-m", "footprint", "profile", "profile.toml", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        while not (tmp_path / "reached").exists() and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    (told,) = json.loads(out)["results"]
    assert told["path"] is None
    assert told["result"]["is_complete"] is False
    assert told["result"]["protocol"]["ended_by"] == "interrupted"
    assert len(told["result"]["repeats"]) == 1
    assert not (tmp_path / "results").exists()
    assert "running" not in {run.outcome for run in read_runs().runs}
    shutil.rmtree(tmp_path / "footprint-home")


def test_the_ten_lines_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs/profiles.md").read_text(encoding="utf-8")
    work = page.split("```python\n")[1].split("```")[0]
    assert len([line for line in work.splitlines() if line.strip()]) <= 10
    (tmp_path / "squares.py").write_text(work, encoding="utf-8")
    (tmp_path / "profile.toml").write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    alone = subprocess.run([sys.executable, "squares.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert alone.stdout == "333328333350000\n"
    assert call(["profile", str(tmp_path / "profile.toml"), "--quick"]) == 0
    assert "J/number" in capsys.readouterr().out
    assert not (tmp_path / "results").exists()
