from __future__ import annotations

from pathlib import Path

import pytest

from footprint.errors import LedgerError
from footprint.ledger import home


def test_the_environment_names_the_ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "x"))
    assert home() == tmp_path / "x"
    assert not home().exists()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FOOTPRINT_HOME", "~/y")
    assert home() == tmp_path / "y"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOOTPRINT_HOME", "z")
    assert home() == tmp_path / "z"


def test_a_relative_one_in_a_folder_that_is_gone_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("FOOTPRINT_HOME", f"ledger-of-{tmp_path.name}")
    with pytest.raises(LedgerError, match="set it to an absolute path"):
        home()


def test_by_default_it_is_the_users_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FOOTPRINT_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home() == tmp_path / "footprint"


def test_a_user_without_a_home_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda _uid: (_ for _ in ()).throw(KeyError("no such user")))
    for stated in ("", "~/ledger", "~nobody-of-that-name/x"):
        monkeypatch.setenv("FOOTPRINT_HOME", stated)
        with pytest.raises(LedgerError, match="FOOTPRINT_HOME"):
            home()
