"""`footprint card` as its users call it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from footprint.cli import call
from footprint.model import CpuTime
from footprint.reference import EDITIONS, using_edition
from tests.card.samples import CORPUS, FACTS, PROFILES, a_run


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_bytes((CORPUS / "template.md").read_bytes())
    return path


SWITCH = ("--profile", str(PROFILES / "switch-c-2048" / "profile.toml"))


def test_show_json_is_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "show", str(CORPUS / "person.md"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said["fields"]) == ["hardware_type", "hours_used", "cloud_provider", "compute_region", "carbon_emitted"]
    assert said["fields"]["hours_used"] == {"value": "31 hours", "placeholder": False, "line": 14}
    assert said["fields"]["cloud_provider"]["placeholder"] is True
    assert said["metadata"]["co2_eq_emissions"] == {"emissions": 4200, "source": "our own meter", "on_cloud": False}
    assert call(["card", "show", str(CORPUS / "mirror.txt"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said["fields"].values()) == {None}
    assert {"field", "text", "line", "value"} == set(said["evidence"][0])


def test_show_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "show", str(CORPUS / "diff.txt")]) == 0
    out = capsys.readouterr().out
    assert "rendered diff" in out
    assert "2 x A100" in out


def test_fill_from_declared_facts(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", str(card), *FACTS, "--kind", "fine-tuning"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{card}: filled hardware_type, hours_used, carbon_emitted")
    assert "unknown: cloud_provider, compute_region" in out
    text = card.read_text(encoding="utf-8")
    assert "- **Carbon Emitted:** 78.3 kg CO2eq (from stated figures, no range; grid intensity as stated)" in text
    assert "\n  emissions: 78300\n" in text
    assert "- **Compute Region:** [More Information Needed]" in text


def test_check_writes_nothing_and_says_so(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = card.read_bytes()
    assert call(["card", "fill", str(card), *SWITCH, "--check"]) == 1
    assert card.read_bytes() == before
    assert call(["card", "fill", str(card), *SWITCH]) == 0
    capsys.readouterr()
    assert call(["card", "fill", str(card), *SWITCH, "--check"]) == 0
    assert capsys.readouterr().out == f"{card}: unchanged\n"


def test_a_card_keeps_the_factors_of_its_first_fill_until_it_is_restated(card: Path) -> None:
    old, newest = EDITIONS[0], EDITIONS[-1]
    facts = ("--hardware", "A100", "--count", "8", "--hours", "100", "--zone", "FRA", "--year", "2022")
    with using_edition(old):
        assert call(["card", "fill", str(card), *facts]) == 0
    filled = card.read_bytes()
    assert f" factors={old} ".encode() in filled
    assert call(["card", "fill", str(card), *facts, "--check"]) == 0
    assert call(["card", "fill", str(card), *facts]) == 0
    assert card.read_bytes() == filled
    assert call(["card", "fill", str(card), *facts, "--restate", "--check"]) == 1
    assert call(["card", "fill", str(card), *facts, "--restate"]) == 0
    assert f" factors={newest} ".encode() in card.read_bytes()


def test_a_card_of_unknown_factors_or_of_other_runs_takes_the_newest(card: Path, tmp_path: Path) -> None:
    with using_edition(EDITIONS[0]):
        assert call(["card", "fill", str(card), *FACTS]) == 0
    run = tmp_path / "run.json"
    run.write_bytes(msgspec.json.encode(a_run()))
    assert call(["card", "fill", str(card), "--run", str(run)]) == 0
    assert f" factors={EDITIONS[-1]} ".encode() in card.read_bytes()
    card.write_bytes(card.read_bytes().replace(EDITIONS[-1].encode(), b"1999.01"))
    assert call(["card", "fill", str(card), "--run", str(run)]) == 0
    assert f" factors={EDITIONS[-1]} ".encode() in card.read_bytes()


def test_diff_writes_nothing(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = card.read_bytes()
    assert call(["card", "fill", str(card), *SWITCH, "--diff"]) == 0
    out = capsys.readouterr().out
    assert "-- **Hours used:** [More Information Needed]\n" in out
    assert "+- **Hours used:** 648 h wall-clock (663,552 device-hours)\n" in out
    assert card.read_bytes() == before


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch is not installed")
@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw,
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.rstrip(b"\n"),
        lambda raw: raw + b"caf\xe9 \x1b[31m\r",
        lambda _: b"# T\n\n- **Hours used:**",
        lambda _: b"",
    ],
    ids=["lf", "crlf", "no last line end", "not utf-8", "short", "empty"],
)
def test_a_diff_is_one_that_patch_applies(card: Path, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    card.write_bytes(change(card.read_bytes()))
    fill = [sys.executable, "-m", "footprint", "card", "fill", card.name, *SWITCH]
    subprocess.run([*fill, "-o", "filled.md"], check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)
    diff = subprocess.run([*fill, "--diff"], check=True, cwd=tmp_path, stdout=subprocess.PIPE).stdout
    subprocess.run(["patch", "-s", "-p1", "--binary"], input=diff, check=True, cwd=tmp_path)
    assert card.read_bytes() == (tmp_path / "filled.md").read_bytes()


def test_what_a_diff_does_not_show_is_said_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tmp_path / "README.md"
    card.write_bytes((CORPUS / "person.md").read_bytes())
    assert call(["card", "fill", str(card), *SWITCH, "--diff"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("--- a/")
    assert "a person's value" in said.err


def test_output_elsewhere(card: Path, tmp_path: Path) -> None:
    before = card.read_bytes()
    assert call(["card", "fill", str(card), *SWITCH, "-o", str(tmp_path / "filled.md")]) == 0
    assert card.read_bytes() == before
    assert b"1024 x TPU v3" in (tmp_path / "filled.md").read_bytes()


def test_fill_json(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", str(card), *SWITCH, "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["cards"]
    assert said["changed"] is True
    assert said["filled"]["hardware_type"] == "1024 x TPU v3"
    assert said["filled"]["co2_eq_emissions.emissions"] == "72200000"


def test_a_run_from_its_file_fills_the_card(card: Path, tmp_path: Path) -> None:
    from footprint.ledger.runfile import write_run_file

    record = tmp_path / "run.json"
    write_run_file(a_run(kind="fine-tuning"), record)
    assert call(["card", "fill", str(card), "--run", str(record)]) == 0
    text = card.read_text(encoding="utf-8")
    assert "- **Hardware Type:** 8 x NVIDIA A100-SXM4-80GB" in text
    assert "- **Hours used:** 100 h wall-clock (800 device-hours)" in text
    assert "- **Carbon Emitted:** [More Information Needed]" in text
    assert "runs=r1 " in text


def test_a_place_given_later_stands_for_the_one_that_was_not_recorded(card: Path, tmp_path: Path) -> None:
    from footprint.ledger.runfile import write_run_file

    record = tmp_path / "run.json"
    cpu = CpuTime(tree_s=360_000.0, busy_s=None, logical_cpus=8, reserved_cpus=8.0, read_s=360_000.0)
    write_run_file(msgspec.structs.replace(a_run(gpus=0), cpu=cpu), record)
    assert call(["card", "fill", str(card), "--run", str(record)]) == 0
    assert "--region" in card.read_text(encoding="utf-8")
    assert call(["card", "fill", str(card), "--run", str(record), "--region", "gcp:europe-west4", "--pue", "1.2"]) == 0
    text = card.read_text(encoding="utf-8")
    assert "- **Compute Region:** europe-west4 (Eemshaven, Netherlands)" in text
    assert "- **Cloud Provider:** Google Cloud" in text
    assert "CO2eq (90 % range" in text
    assert "pue = 1.2" in text.lower()


def test_a_section_that_was_added_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = tmp_path / "README.md"
    bare.write_text("# A model\n", encoding="utf-8")
    assert call(["card", "fill", str(bare), *SWITCH]) == 0
    assert "no Environmental Impact section: one was added" in capsys.readouterr().out


def test_what_is_no_longer_known_is_taken_out_and_said(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", str(card), *SWITCH]) == 0
    capsys.readouterr()
    assert call(["card", "fill", str(card), "--hardware", "V100", "--count", "2", "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["cards"]
    assert said["filled"] == {"hardware_type": "2 x V100"}
    assert said["withdrawn"][:4] == ["hours_used", "cloud_provider", "compute_region", "carbon_emitted"]
    assert b"co2_eq_emissions" not in card.read_bytes()
    assert call(["card", "fill", str(card), *SWITCH]) == 0
    capsys.readouterr()
    assert call(["card", "fill", str(card), "--hardware", "V100", "--count", "2"]) == 0
    assert "filled hardware_type; no longer known, taken out: hours_used" in capsys.readouterr().out


def test_declared_facts_do_not_take_a_runs_values_out(card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from footprint.ledger import write_run_file

    run = tmp_path / "run.json"
    write_run_file(a_run(kind="fine-tuning"), run)
    assert call(["card", "fill", str(card), "--run", str(run), "--region", "aws:eu-west-1"]) == 0
    filled = card.read_bytes()
    capsys.readouterr()
    for facts in (("--region", "aws:us-east-1"), SWITCH):
        assert call(["card", "fill", str(card), *facts]) == 2
        said = capsys.readouterr().err
        assert "was filled from recorded runs" in said
        assert "--run r1" in said
        assert said.count("\n") == 1
        assert card.read_bytes() == filled
    assert call(["card", "fill", str(card), *SWITCH, "--overwrite"]) == 0
    assert card.read_bytes() != filled


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_persons_values(tmp_path: Path, overwrite: bool, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "README.md"
    path.write_bytes((CORPUS / "person.md").read_bytes())
    assert call(["card", "fill", str(path), *SWITCH, *(["--overwrite"] if overwrite else [])]) == 0
    out = capsys.readouterr().out
    assert ("line 14: hours_used kept, a person's value '31 hours'" in out) is not overwrite
    assert (b"31 hours" in path.read_bytes()) is not overwrite


@pytest.mark.parametrize(
    ("card_bytes", "words"),
    [
        (None, "there is no such file"),
        (b"x" * 5_000_001, "larger than 5 MB"),
        (b"\x7fELF\0", "binary"),
        (
            b"# T\n\n<!-- footprint:begin -->\n",
            "line 3: a footprint block without its beginning or end: remove it and fill again",
        ),
        ((CORPUS / "groups.md").read_bytes(), "line 13: "),
    ],
    ids=["missing", "huge", "binary", "half a block", "groups"],
)
def test_bad_cards(tmp_path: Path, card_bytes: bytes | None, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "README.md"
    if card_bytes is not None:
        path.write_bytes(card_bytes)
    assert call(["card", "fill", str(path), *SWITCH]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert card_bytes is None or path.read_bytes() == card_bytes


def test_a_read_only_card(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card.chmod(0o444)
    assert call(["card", "fill", str(card), *SWITCH]) == 2
    assert "is read-only" in capsys.readouterr().err


def test_one_bad_card_does_not_keep_the_others(card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", str(tmp_path / "none.md"), str(card), *SWITCH]) == 2
    assert b"1024 x TPU v3" in card.read_bytes()
    assert "none.md: there is no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say what to fill the card with"),
        ([*SWITCH, "--hours", "5"], "--hours cannot be combined with --profile"),
        (["--run", "none", "--hours", "5"], "--hours cannot be combined with --run"),
        ([*SWITCH, "--run", "none"], "--run and --profile cannot be combined"),
        (["--hardware", "Z9000", "--hours", "5"], "Z9000"),
        (["--hardware", "A100", "--count", "8", "--hours", "-5"], "hours is -5"),
        (["--hardware", "A100", "--region", "nowhere:x"], "nowhere"),
        (["--hardware", "Z9000", "--count", "1", "--hours", "5"], "Z9000"),
        (["--hours", "5", "--kind", "tuning"], "kind"),
        (["--profile", "none.toml"], "the profile cannot be read"),
        (["--run", "none"], "none"),
    ],
)
def test_bad_facts(card: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = card.read_bytes()
    assert call(["card", "fill", str(card), *arguments]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert card.read_bytes() == before


@pytest.mark.slow
def test_a_card_that_changes_during_the_fill(card: Path) -> None:
    """Another process appends without rest: each fill wins whole, or says that the card changed; nothing is left lying about."""
    code = "import sys, time\nfor n in range(400):\n  open(sys.argv[1], 'ab').write(b'line %d\\n' % n); time.sleep(0.002)"
    with subprocess.Popen([sys.executable, "-c", code, str(card)]) as writer:
        codes = set()
        while writer.poll() is None:
            codes.add(call(["card", "fill", str(card), *SWITCH]))
    assert codes <= {0, 2}
    text = card.read_bytes()
    assert text.count(b"footprint:begin") == text.count(b"footprint:end") == (1 if 0 in codes else 0)
    assert list(card.parent.glob("*.md")) == [card]


def test_a_slice_counts_its_devices_in_the_hours_too(card: Path) -> None:
    assert call(["card", "fill", str(card), "--hardware", "TPU v3-8", "--count", "2", "--hours", "10"]) == 0
    assert "- **Hours used:** 10 h wall-clock (80 device-hours)" in card.read_text(encoding="utf-8")


def test_options_that_exclude_each_other_are_refused(card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = card.read_bytes()
    for both, said in (
        (("--diff", "--json"), "--diff and --json cannot be combined"),
        (("-o", str(tmp_path / "out.md"), "--check"), "-o writes the filled card elsewhere"),
        (("-o", str(tmp_path / "out.md"), "--diff"), "-o writes the filled card elsewhere"),
    ):
        assert call(["card", "fill", str(card), *FACTS, *both]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert said in err
        assert err.count("\n") == 1
    assert card.read_bytes() == before
    assert not (tmp_path / "out.md").exists()


def test_a_block_alone_is_told_as_one(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a person has filled every field a fill still adds its block: that is not nothing."""
    filled = re.sub(rb"\[More Information Needed\]", b"as the person says", card.read_bytes())
    card.write_bytes(b"---\nco2_eq_emissions: 12\n---\n" + re.sub(rb"\A---\n.*?\n---\n", b"", filled, flags=re.DOTALL))
    assert call(["card", "fill", str(card), *FACTS]) == 0
    assert f"{card}: filled no field, only a block that says what is known; kept: " in capsys.readouterr().out
    assert b"footprint:begin" in card.read_bytes()


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "README.md")
    assert call(["card", "fill", str(tmp_path), *FACTS]) == 2
    assert capsys.readouterr().err == f"footprint: {tmp_path / 'README.md'}: is no file but a device or a pipe; name the card\n"
    assert call(["card", "show", str(tmp_path / "README.md")]) == 0


def test_an_output_without_the_characters_of_a_card_is_no_failure(card: Path) -> None:
    """A continuous integration whose locale is C, or a pipe of Windows."""
    card.write_bytes("---\nco2_eq_emissions:\n  emissions: 149.2\n---\n# é\n\n- **Carbon Emitted:** 149.2 kg\n".encode())
    for words, code in ((["check"], 1), (["show"], 0), (["json"], 0), (["fill", *FACTS, "--check"], 1)):
        command = [sys.executable, "-m", "footprint", "card", words[0], str(card), *words[1:]]
        done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False)
        assert (done.returncode, done.stderr) == (code, b"")
        assert done.stdout.isascii()


def test_json_is_escaped_where_its_characters_cannot_be_printed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text(
            "## Environmental Impact\n\n- **Hardware Type:** A100 \u00d7 8 \U0001f600\n", "utf-8"
        )
    command = [sys.executable, "-m", "footprint", "card", "json"]
    for named in (str(tmp_path), str(tmp_path / "one" / "README.md")):
        done = subprocess.run([*command, named], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True)
        told = json.loads(done.stdout.splitlines()[0] if named == str(tmp_path) else done.stdout)
        assert told["groups"][0]["fields"]["hardware_type"]["value"] == "A100 \u00d7 8 \U0001f600"


def test_a_cards_sentences_take_the_place_of_no_run(card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hook that fills from sentences would else undo what was measured."""
    stated = card.read_bytes() + b"\nWe trained the model on 8 A100 80GB GPUs for 36 hours in AWS us-east-1.\n"
    card.write_bytes(stated)
    assert call(["card", "fill", str(card), "--from-evidence", "--check"]) == 1
    run = tmp_path / "run.json"
    run.write_bytes(msgspec.json.encode(a_run()))
    assert call(["card", "fill", str(card), "--run", str(run)]) == 0
    filled = card.read_bytes()
    capsys.readouterr()
    assert call(["card", "fill", str(card), "--from-evidence"]) == 0
    assert card.read_bytes() == filled != stated
    assert (
        capsys.readouterr().out
        == f"{card}: unchanged\n  filled from recorded runs, which say more than its sentences: left alone\n"
    )
