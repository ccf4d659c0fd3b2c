from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from footprint.integrations.trainer import Batches, batches, name
from footprint.integrations.training import rank_labels


class Model:
    def __init__(self, path: str | None = None) -> None:
        self.config = SimpleNamespace(_name_or_path=path)


@pytest.mark.parametrize(
    ("run_name", "path", "expected"),
    [
        ("stated", "org/model", "stated"),
        (None, "org/model", "org/model"),
        ("out", "org/model", "org/model"),  # older trainers take the output folder for it
        ("  ", "org/model", "org/model"),
        (None, "/home/somebody/secret/model", "model"),
        (None, "./model/", "model"),
        (None, "~/models/m", "m"),
        (None, "", "Model"),
        (None, None, "Model"),
    ],
)
def test_a_run_is_called_by_its_name_or_its_models_but_never_by_a_path(
    run_name: str | None, path: str | None, expected: str
) -> None:
    assert name(SimpleNamespace(run_name=run_name, output_dir="out"), Model(path)) == expected


def test_a_folder_of_that_name_makes_it_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "private" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert name(SimpleNamespace(run_name=None, output_dir="out"), Model("private/model")) == "model"


def loader(size: object, rows: int | None, *, drop_last: bool = False, **more: object) -> SimpleNamespace:
    sampler = object() if rows is None else range(rows)
    return SimpleNamespace(batch_sampler=SimpleNamespace(batch_size=size, sampler=sampler, drop_last=drop_last, **more))


@pytest.mark.parametrize(
    ("given", "ranks", "expected"),
    [
        (loader(8, 41), 1, (8, 7)),
        (loader(8, 40), 1, (8, 0)),
        (loader(8, 3), 1, (8, 5)),
        (loader(8, 41, drop_last=True), 1, (8, 0)),
        (loader(8, None), 1, None),  # a stream: its last batch may have less
        (loader(8, None, drop_last=True), 1, (8, 0)),
        (loader(8, 41, even_batches=False), 2, None),
        (loader(8, 41, drop_last=True, even_batches=False), 2, (8, 0)),
        (SimpleNamespace(batch_sampler=SimpleNamespace(batch_size=8), split_batches=True), 2, (4, 0)),
        (loader(8, 41), 2, (8, 0)),
        (loader(8, 41, split_batches=True), 2, (4, 0)),
        (loader(None, 41), 1, None),
        (SimpleNamespace(), 1, None),
        (None, 1, None),
    ],
)
def test_how_many_samples_a_batch_has(given: object, ranks: int, expected: tuple[int, int] | None) -> None:
    found = Batches.of(given, ranks)
    assert (None if found is None else (found.size, found.short)) == expected


def test_ranks_that_share_a_batch_do_not_each_count_it() -> None:
    for sharing, known in ((1, True), (2, False)):
        args = SimpleNamespace(world_size=2, parallelism_config=SimpleNamespace(non_data_parallel_size=sharing))
        assert (batches(loader(8, 41), args) is not None) == known


def test_ranks_that_meet_at_one_address_are_of_one_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "10.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29500")
    first, second = (rank_labels(rank, 2) for rank in (0, 1))
    assert (first["rank"], second["rank"], first["world_size"]) == ("0", "1", "2")
    assert first["training"] == second["training"]
    assert "10.0.0.1" not in first["training"]
    monkeypatch.setenv("MASTER_PORT", "29501")
    assert rank_labels(1, 2)["training"] != first["training"]
    assert rank_labels(0, 1) == {}
