"""Writing cards: wholly old or wholly new."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from footprint.card import write_card, write_new
from footprint.errors import CardError


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_bytes(b"old\r\n")
    path.chmod(0o640)
    return path


def test_bytes_and_mode(card: Path) -> None:
    write_card(card, b"old\r\n", b"new\r\n")
    assert card.read_bytes() == b"new\r\n"
    assert stat.S_IMODE(card.stat().st_mode) == 0o640
    assert list(card.parent.iterdir()) == [card]


def test_a_link_stays_a_link(card: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = folder / "CARD.md"
    link.symlink_to("../README.md")
    write_card(link, b"old\r\n", b"new")
    assert link.is_symlink()
    assert card.read_bytes() == b"new"
    assert list(folder.iterdir()) == [link]


def test_a_card_that_changed_is_left_alone(card: Path) -> None:
    with pytest.raises(CardError, match="changed on disk"):
        write_card(card, b"older", b"new")
    assert card.read_bytes() == b"old\r\n"
    assert list(card.parent.iterdir()) == [card]


def test_a_read_only_card_is_left_alone(card: Path) -> None:
    card.chmod(0o440)
    with pytest.raises(CardError, match="read-only"):
        write_card(card, b"old\r\n", b"new")
    assert card.read_bytes() == b"old\r\n"


def test_a_card_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="cannot be written"):
        write_card(tmp_path / "none.md", b"", b"new")
    loop = tmp_path / "loop.md"
    loop.symlink_to(loop)
    with pytest.raises(CardError, match="cannot be written"):
        write_card(loop, b"", b"new")


def test_a_disk_that_is_full_leaves_the_card(card: Path) -> None:
    """A limit on file size stands in for the full disk: the write fails half way, in a process of its own."""
    code = (
        "import resource, sys; from pathlib import Path; from footprint.card import write_card\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "write_card(Path(sys.argv[1]), b'old\\r\\n', b'x' * 5000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(card)], capture_output=True, text=True, check=False)
    assert "cannot be written: File too large; it is as it was" in done.stderr
    assert card.read_bytes() == b"old\r\n"
    assert list(card.parent.iterdir()) == [card]


def test_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".md")
    path.write_bytes(b"old")
    write_card(path, b"old", b"new")
    assert path.read_bytes() == b"new"


def test_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "filled.md"
    write_new(path, b"new")
    assert path.read_bytes() == b"new"
    write_new(path, b"newer")
    assert path.read_bytes() == b"newer"
    with pytest.raises(CardError, match="is a folder"):
        write_new(tmp_path, b"new")
    with pytest.raises(CardError, match="cannot be written"):
        write_new(tmp_path / "none" / "x.md", b"new")


def test_a_device_or_a_pipe_is_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(CardError, match="is no file"):
        write_card(pipe, b"", b"new")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_new(pipe, b"new")
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]
