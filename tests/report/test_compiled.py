"""Templates' bytecode: kept beside them, never that of another text, and never needed."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from footprint.report.html import compiled
from footprint.report.html.compiled import Compiled


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiled, "_HERE", tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    monkeypatch.setattr("sys.pycache_prefix", None)
    return tmp_path / "__pycache__"


def rendered(source: str, made_with: str = "escaped") -> str:
    loader = jinja2.DictLoader({"page": source})
    made = jinja2.Environment(loader=loader, autoescape=True, bytecode_cache=Compiled(made_with))
    return made.get_template("page").render(name="<b>")


def test_what_was_kept_is_used_for_the_same_text_alone(folder: Path) -> None:
    assert rendered("one {{ name }}") == "one &lt;b&gt;"
    (kept,) = folder.iterdir()
    first = kept.read_bytes()
    assert rendered("one {{ name }}") == "one &lt;b&gt;"
    assert kept.read_bytes() == first
    assert rendered("two {{ name }}") == "two &lt;b&gt;"
    assert kept.read_bytes() != first
    second = kept.read_bytes()
    assert rendered("two {{ name }}", "by other rules") == "two &lt;b&gt;"
    assert kept.read_bytes() != second
    assert list(folder.iterdir()) == [kept]


@pytest.mark.parametrize("left", [b"", b"no bytecode", 20])
def test_what_is_cut_short_is_compiled_anew(folder: Path, left: bytes | int) -> None:
    rendered("one {{ name }}")
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(left if isinstance(left, bytes) else whole[:-left])
    assert rendered("one {{ name }}") == "one &lt;b&gt;"
    assert kept.read_bytes() == whole


def test_wherever_it_is_cut_it_is_compiled_anew(folder: Path) -> None:
    rendered("one {{ name }}")
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    for length in range(0, len(whole), 5):
        kept.write_bytes(whole[:length])
        assert rendered("one {{ name }}") == "one &lt;b&gt;", length
        assert kept.read_bytes() == whole


def test_a_page_needs_no_place_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_text("a file where the folder would be")
    assert rendered("one {{ name }}") == "one &lt;b&gt;"
    folder.unlink()
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert rendered("one {{ name }}") == "one &lt;b&gt;"
    assert not folder.exists()
