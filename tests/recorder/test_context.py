from __future__ import annotations

import os
import subprocess
import sys
import types

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint import text
from footprint.ledger.processes import identify
from footprint.recorder import context
from footprint.recorder.targets import Target
from footprint.tracking import track


@pytest.fixture(autouse=True)
def _no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(
            ("SLURM", "RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "OMPI_", "PMI", "TORCHELASTIC_", "RAY_", "PBS_")
        ):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environment", "stated", "account"),
    [
        ({}, None, "the-run"),
        ({"SLURM_JOB_ID": "12"}, None, "slurm:12"),
        ({"TORCHELASTIC_RUN_ID": "exp"}, None, "torchelastic:exp"),
        ({"FOOTPRINT_ACCOUNT": "outer", "SLURM_JOB_ID": "12"}, None, "outer"),
        ({"FOOTPRINT_ACCOUNT": "outer"}, "mine", "mine"),
    ],
)
def test_the_account_is_stated_or_the_jobs_or_the_runs(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], stated: str | None, account: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert context.account(stated, "the-run") == account


def test_ranks_of_a_launch_without_an_id_share_an_account() -> None:
    """torchrun calls a launch that nobody named "none"; its agent is the parent of all ranks of a node."""
    code = "from footprint.recorder import context; print(context.account(None, 'the-run'))"

    def account(**environment: str) -> str:
        given = {**os.environ, **environment}
        return subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True).stdout.strip()

    first, second = (account(TORCHELASTIC_RUN_ID="none", RANK=rank) for rank in "01")
    assert first == second
    assert first.startswith("torchelastic:")
    assert f"-{os.getpid()}-" in first
    assert account(RANK="0", WORLD_SIZE="2") == "the-run"  # a shell may have set these, and starts many programs


@pytest.mark.parametrize(
    ("environment", "labels"),
    [
        ({}, {}),
        (
            {"RANK": "5", "LOCAL_RANK": "1", "SLURM_PROCID": "9", "SLURM_NTASKS": "16"},
            {"rank": "5", "local_rank": "1", "world_size": "16"},
        ),
        ({"SLURM_PROCID": "9", "SLURM_LOCALID": "1", "SLURM_NODEID": "4"}, {"rank": "9", "local_rank": "1", "node_rank": "4"}),
        ({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4"}, {"rank": "2", "world_size": "4"}),
        ({"FOOTPRINT_LABELS": "team=nlp, site = a=b,broken,=x"}, {"team": "nlp", "site": "a=b"}),
    ],
)
def test_labels_of_the_site_and_of_launchers(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], labels: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert context.labels({}) == labels
    assert context.labels({"rank": "mine"})["rank"] == "mine"


def test_labels_are_bounded() -> None:
    found = context.labels({f"key{number}": "v" * 10_000 for number in range(1000)})
    assert len(found) == context.LABELS_LIMIT
    assert max(map(len, found.values())) == context.NAME_LIMIT


def test_versions_are_of_what_the_program_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("torch")
    module.__version__ = "2.9.0+cu129"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    found = context.versions()
    assert found["torch"] == "2.9.0+cu129"
    assert "keras" not in found
    assert found["python"].startswith(f"{sys.version_info[0]}.")


def test_text_of_a_class_of_its_own_is_recorded_as_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's version is a `str` that compares like a version, numpy's strings are arrays' elements: msgspec encodes neither."""

    class Version(str):
        __slots__ = ()

        def __str__(self) -> str:
            return self

    module = types.ModuleType("torch")
    module.__version__ = Version("2.13.0+cpu")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", module)
    given = Version("given")
    with track(given, account=given, labels={given: given}) as run:
        run.mark(given)
        run.count(**{given: 1.0})
    facts = run.facts
    assert run.is_recorded, facts.warnings
    assert (facts.name, facts.account, facts.labels["given"], facts.work) == ("given", "given", "given", {"given": 1.0})
    assert facts.versions["torch"] == "2.13.0+cpu"


@pytest.mark.parametrize(("stated", "parent"), [("0123456789abcdef", "0123456789abcdef"), ("\udcff", None), ("nonsense\n", None)])
def test_a_parent_is_a_runs_id_or_nothing(monkeypatch: pytest.MonkeyPatch, stated: str, parent: str | None) -> None:
    monkeypatch.setenv("FOOTPRINT_PARENT", stated)
    assert context.parent(None) == parent


def test_a_module_that_fails_when_it_is_looked_at_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy:
        def __getattr__(self, name: str) -> str:
            raise ImportError(name)

    monkeypatch.setitem(sys.modules, "torch", Lazy())
    assert "torch" not in context.versions()


def test_of_a_process_that_is_attached_to_its_own_surroundings_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    environ = {"RANK": "3", "SLURM_JOB_ID": "12", "FOOTPRINT_PARENT": "0123456789abcdef"}
    target = Target(process=identify(os.getpid()), name="python", environ=environ)
    hidden = msgspec.structs.replace(target, environ=None)
    assert context.account(None, "the-run", None, target) == "slurm:12"
    assert context.account(None, "the-run", None, hidden) == "the-run"
    assert context.labels({"a": "b"}, target) == {"rank": "3", "job": "12", "attempt": "1", "a": "b"}
    assert context.labels({}, hidden) == {}
    assert context.parent(None, target) == "0123456789abcdef"
    assert set(context.versions(target)) == {"footprint"}


@pytest.mark.parametrize("name", ["plain", "two words", "a-b_c.d/e:f"])
def test_plain_names_stay_as_they_are(name: str) -> None:
    assert context.clean_name(name) == name == text.clean(name, limit=context.NAME_LIMIT)


@given(st.text(max_size=250) | st.text("ab \t\x1b", max_size=250))
def test_names_are_cleaned_alike_on_the_short_way(name: str) -> None:
    assert context.clean_name(name) == text.clean(name, limit=context.NAME_LIMIT)
