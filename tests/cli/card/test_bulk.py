"""`footprint card fill` over folders and patterns."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from footprint.card.many.bulk import jobs_for, until_stopped, work
from footprint.card.many.finder import find_cards
from footprint.card.many.state import State, job_of
from footprint.cli import call
from footprint.errors import ConfigError, FootprintError
from tests.card.samples import CORPUS

FACTS = ("--hardware", "V100 SXM2", "--count", "8", "--hours", "100", "--zone", "FRA", "--kind", "fine-tuning")
TEMPLATE = (CORPUS / "template.md").read_bytes()


def put(path: Path, raw: bytes = TEMPLATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty cards, one of which is refused, and files that are no cards."""
    cards = tmp_path / "cards"
    for number in range(29):
        put(cards / f"org{number % 3}" / f"model{number}" / "README.md")
    put(cards / "org0" / "broken" / "README.md", b"\x7fELF\0")
    put(cards / "org0" / "CHANGELOG.md", b"# Changes\n")
    put(cards / "org0" / "config.json", b"{}")
    return cards


def test_a_folder_stands_for_its_model_cards(tmp_path: Path) -> None:
    names = ("a/README.md", "a/deep/er/readme.md", "b/MODEL_CARD.md", "b/model-card.md", "b/modelcard.md")
    for name in (*names, "a/docs.md", "a/.git/README.md", ".cache/README.md", "node_modules/x/README.md", "a/README.md.bak"):
        put(tmp_path / name)
    (tmp_path / "b" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "b" / "README.md").symlink_to(tmp_path / "a" / "README.md")
    found = find_cards([tmp_path])
    assert [os.path.relpath(file, tmp_path) for file in found.files] == sorted(names)
    assert found.unreadable == ()


def test_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("x/one.md", "x/two.md", "x/deep/three.md", "x/weights.bin", "x/.hidden.md", "y/README.md", "x/[odd].md"):
        put(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert find_cards(["x/*.md"]).files == ("x/[odd].md", "x/one.md", "x/two.md")
    assert find_cards(["x/**/*.md"]).files == ("x/[odd].md", "x/deep/three.md", "x/one.md", "x/two.md")
    assert find_cards(["x/*"]).files == ("x/[odd].md", "x/one.md", "x/two.md")
    assert find_cards(["x/.*.md"]).files == ("x/.hidden.md",)
    assert find_cards(["*"]).files == ("y/README.md",)
    assert find_cards(["x/[odd].md"]).files == ("x/[odd].md",)
    assert find_cards([str(tmp_path / "y" / "*.md"), "y", "y/README.md"]).files == (str(tmp_path / "y" / "README.md"),)
    assert find_cards(["x/weights.bin", "none.md"]).files == ("x/weights.bin", "none.md")


def test_a_hard_link_is_a_card_of_its_own(tmp_path: Path) -> None:
    put(tmp_path / "a" / "README.md")
    (tmp_path / "b").mkdir()
    os.link(tmp_path / "a" / "README.md", tmp_path / "b" / "README.md")
    assert len(find_cards([tmp_path]).files) == 2


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("empty", "holds no README.md or other model card; name its cards by a pattern: 'empty/*.md'"),
        ("empty/*.md", "matches no card"),
        ("a**b", "is no pattern"),
    ],
)
def test_what_names_no_card_is_refused_before_anything_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argument: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    card = put(tmp_path / "README.md")
    put(tmp_path / "empty" / "LICENSE")
    assert call(["card", "fill", "README.md", argument, *FACTS]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert card.read_bytes() == TEMPLATE


def test_a_folder_that_cannot_be_looked_into_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its path is longer than the system takes, which is so for root, too."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("x" * 200, dir_fd=at)
        at, above = os.open("x" * 200, os.O_RDONLY, dir_fd=at), at
        os.close(above)
    os.close(at)
    assert call(["card", "fill", str(folder), *FACTS, "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["summary"]["refused"] == 2
    assert said["cards"][0]["refused"].endswith(": cannot be read: File name too long")
    assert said["summary"]["changed"] == 29


def test_many_cards_are_summed_up_and_what_was_refused_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", str(folder), *FACTS]) == 2
    out, err = capsys.readouterr()
    assert re.search(r"cards +30\n", out)
    assert re.search(r"filled +29\n", out)
    assert re.search(r"refused +1\n", out)
    assert re.search(r"hardware_type +29 +0 +0\n", out)
    assert re.search(r"the card is binary, not text +1 +\S*broken/README.md", out)
    assert "model7/README.md" not in out
    assert err.splitlines()[0].endswith("broken/README.md: line 1: the card is binary, not text")
    assert err.splitlines()[-1] == "footprint: 1 of 30 cards was not filled"
    assert "footprint: filled 29 cards with one account: right for copies of one model, for no others\n" in err
    assert (folder / "org0" / "CHANGELOG.md").read_bytes() == b"# Changes\n"
    assert sum(b"footprint:begin" in card.read_bytes() for card in folder.rglob("README.md")) == 29
    assert call(["card", "fill", str(folder), *FACTS, "-v"]) == 2
    out, err = capsys.readouterr()
    assert out.count("README.md: unchanged; unknown: ") == 29
    assert "with one account" not in err


def test_cards_that_are_refused_alike_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(25):
        put(tmp_path / f"m{number:02}" / "README.md", b"\0")
    assert call(["card", "fill", str(tmp_path), *FACTS]) == 2
    out, err = capsys.readouterr()
    assert err.count("binary") == 11
    assert "-v names each" in err
    assert re.search(r"binary, not text +25 ", out)
    assert call(["card", "fill", str(tmp_path), *FACTS, "-v"]) == 2
    assert capsys.readouterr().err.count("binary") == 25


def test_reasons_are_told_without_what_is_one_cards_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    groups = (CORPUS / "groups.md").read_bytes()
    for number in range(25):
        put(tmp_path / f"m{number:02}" / "README.md", b"\n" * number + groups.replace(b"large", b"large %d" % number))
    assert call(["card", "fill", str(tmp_path), *FACTS, "--json"]) == 2
    (reason,) = json.loads(capsys.readouterr().out)["summary"]["reasons"]
    assert reason["reason"] == "the fields stand here for a second time, and which group is this model's cannot be told"
    assert reason["cards"] == 25


def test_check_names_each_card_that_would_change(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "org0" / "broken" / "README.md").unlink()
    assert call(["card", "fill", str(folder), *FACTS, "--check"]) == 1
    assert capsys.readouterr().out.count(": would fill ") == 29
    assert all(card.read_bytes() == TEMPLATE for card in folder.rglob("README.md"))
    assert call(["card", "fill", str(folder), *FACTS]) == 0
    capsys.readouterr()
    assert call(["card", "fill", str(folder), *FACTS, "--check"]) == 0
    assert ": would fill " not in capsys.readouterr().out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_json_of_many(folder: Path, jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", str(folder), *FACTS, "--json", "--jobs", jobs]) == 2
    said = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in said["cards"]] == list(find_cards([folder]).files)
    assert [one["changed"] for one in said["cards"]].count(False) == 1
    assert said["schema"] == 1
    reasons = [{"reason": "the card is binary, not text", "cards": 1, "example": str(folder / "org0" / "broken" / "README.md")}]
    assert said["summary"] == {
        "cards": 30, "changed": 29, "unchanged": 0, "refused": 1, "done_before": 0, "not_done": 0, "reasons": reasons,
    }  # fmt: skip


def test_processes_fill_as_one_does(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", str(folder), *FACTS, "--jobs", "2", "-v"]) == 2
    first = capsys.readouterr().out
    filled = {card: card.read_bytes() for card in folder.rglob("README.md")}
    for card, raw in filled.items():
        if raw != b"\x7fELF\0":
            card.write_bytes(TEMPLATE)
    assert call(["card", "fill", str(folder), *FACTS, "--jobs", "1", "-v"]) == 2
    assert capsys.readouterr().out == first
    assert {card: card.read_bytes() for card in filled} == filled


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch is not installed")
def test_a_diff_of_many_is_one_that_patch_applies_and_shows_what_to_paste(folder: Path, tmp_path: Path) -> None:
    put(folder / "org0" / "broken" / "README.md", b"# T\n\n<!-- footprint:begin -->\n")
    command = [sys.executable, "-m", "footprint", "card", "fill", "cards", *FACTS]
    done = subprocess.run([*command, "--diff", "--jobs", "2"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"# not filled: cards/org0/broken/README.md: line 3: a footprint block without" in done.stdout
    pasted = done.stdout.split(b"# to paste")
    assert b"co2_eq_emissions:\n" in pasted[1]
    assert b"- **Hardware Type:** 8 x V100 SXM2" in pasted[2]
    subprocess.run(["patch", "-s", "-p1", "--binary"], input=done.stdout, cwd=tmp_path, check=True)
    after = {card: card.read_bytes() for card in folder.rglob("README.md")}
    for card in after:
        if "broken" not in str(card):
            card.write_bytes(TEMPLATE)
    subprocess.run([*command, "--jobs", "2"], cwd=tmp_path, capture_output=True, check=False)
    assert {card: card.read_bytes() for card in after} == after


def test_resume_goes_on_and_skips_what_is_as_it_was_left(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state.jsonl"
    assert call(["card", "fill", str(folder / "org1"), *FACTS, "--resume", str(state)]) == 0
    capsys.readouterr()
    touched = folder / "org1" / "model1" / "README.md"
    touched.write_bytes(TEMPLATE)
    with state.open("ab") as file:
        file.write(b'{"path": "cut o')
    assert call(["card", "fill", str(folder), *FACTS, "--resume", str(state), "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["summary"]["done_before"] == 9
    assert said["summary"]["cards"] == 30
    assert b"footprint:begin" in touched.read_bytes()
    noted = [json.loads(line) for line in state.read_bytes().splitlines() if not line.endswith(b"cut o")]
    assert noted[0].keys() == {"footprint", "schema", "job"}
    assert {one["state"] for one in noted[1:]} == {"filled", "refused"}
    assert next(one["why"] for one in noted[1:] if one["state"] == "refused").endswith("the card is binary, not text")
    assert call(["card", "fill", str(folder), *FACTS, "--resume", str(state)]) == 2
    assert re.search(r"done before +29\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        (b"my notes\n", (), "is not what a fill noted; name another file"),
        (b'{"footprint":"card fill","schema":1,"job":"other"}\n', (), "was noted by a fill with other facts"),
        (None, ("--check",), "--resume notes what is written into cards: it cannot be combined"),
        (None, ("--jobs", "0"), "--jobs is 0"),
    ],
)
def test_bad_states(
    folder: Path, content: bytes | None, more: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    state = folder.parent / "state"
    if content is not None:
        state.write_bytes(content)
    assert call(["card", "fill", str(folder), *FACTS, "--resume", str(state), *more]) == 2
    assert words in capsys.readouterr().err
    assert content is None or state.read_bytes() == content
    assert all(b"footprint:begin" not in card.read_bytes() for card in folder.rglob("README.md"))


def test_a_state_in_a_folder_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", str(folder), *FACTS, "--resume", str(folder / "none" / "state")]) == 2
    assert "cannot be opened to note what is done: No such file" in capsys.readouterr().err


def test_names_that_are_no_utf8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    Path(odd).mkdir()
    put(Path(odd) / "README.md")
    put(Path(odd) / "broken" / "README.md", b"\0")
    state = tmp_path / "state"
    assert call(["card", "fill", odd, *FACTS, "--json", "--resume", str(state)]) == 2
    said = json.loads(capsys.readouterr().out)
    assert [one["path"].partition("/caf")[2] for one in said["cards"]] == ["\\xe9/README.md", "\\xe9/broken/README.md"]
    assert call(["card", "fill", odd, *FACTS, "--resume", str(state)]) == 2
    assert call(["card", "json", odd]) == 2


def test_jobs() -> None:
    assert jobs_for(3, 8) == 3
    assert jobs_for(10, None) == 1
    assert 1 <= jobs_for(100_000, None) <= 16
    assert jobs_for(0, 4) == 1
    with pytest.raises(ConfigError, match="--jobs is -1"):
        jobs_for(5, -1)


def never() -> int:
    return 0


def lost(file: str, why: str) -> str:
    return f"lost {why}"


def shout(file: str) -> str:
    """Die of one file, say another's name loudly."""
    if file == "file-70":
        os.kill(os.getpid(), signal.SIGKILL)
    if file == "file-90":
        os._exit(3)
    return file.upper()


@pytest.mark.parametrize("jobs", [2, 3])
def test_a_process_that_dies_costs_the_card_it_was_at(jobs: int) -> None:
    files = [f"file-{number}" for number in range(200)]
    results = list(work(shout, files, jobs=jobs, lost=lost, stopped=never))
    assert [index for index, _ in results] == list(range(200))
    said = [result for _, result in results]
    assert said[70] == "lost file-70: the process that worked on it died (signal 9); the card is whole, old or new"
    assert said[90] == "lost file-90: the process that worked on it died (code 3); the card is whole, old or new"
    assert [one for n, one in enumerate(said) if n not in {70, 90}] == [
        f.upper() for n, f in enumerate(files) if n not in {70, 90}
    ]


def refuse_to_load() -> None:
    raise RuntimeError


class Unloadable:
    """A job that no other process can load."""

    def __call__(self, file: str) -> str:
        return file

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return refuse_to_load, ()


def test_processes_that_cannot_begin_are_given_up(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FootprintError, match="before they begin: --jobs 1 does without"):
        list(work(Unloadable(), ["a", "b"], jobs=2, lost=lost, stopped=never))


@pytest.mark.parametrize("jobs", [1, 2])
def test_once_stopped_no_file_is_begun(jobs: int) -> None:
    done: list[int] = []
    for index, _ in work(str.upper, ["a"] * 10_000, jobs=jobs, lost=lost, stopped=lambda: len(done) >= 50):
        done.append(index)
    assert done[:50] == list(range(50))
    assert len(done) < 5_000


def test_a_second_interrupt_ends_at_once() -> None:
    with until_stopped() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped() == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_state_knows_a_card_by_its_bytes(tmp_path: Path) -> None:
    card = put(tmp_path / "README.md", b"one")
    state = State(tmp_path / "state", job_of({"a": 1}))
    from footprint.card.many.state import digest_of

    state.note(str(card), changed=True, digest=digest_of(b"one"), refused=None)
    state.close()
    again = State(tmp_path / "state", job_of({"a": 1}))
    assert again.has_done(str(card))
    card.write_bytes(b"two")
    assert not again.has_done(str(card))
    card.unlink()
    assert not again.has_done(str(card))
    again.close()


def test_a_person_at_a_terminal_sees_a_bar_and_the_lines_are_not_torn(folder: Path) -> None:
    """Standard error is a terminal of its own; standard output is not, and gets the summary alone."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "footprint", "card", "fill", str(folder), *FACTS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    seen = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not read:
            break
        seen += read
    os.close(ours)
    out, _ = process.communicate()
    assert process.returncode == 2
    assert b"filling" in seen
    assert b"\x1b[" in seen
    assert re.search(rb"broken/README.md: line 1: the card is binary, not text\r\n", seen)
    assert re.search(rb"filled +29\n", out)
    assert b"\x1b" not in out
