"""Each format of an export reads back to what was written, and refuses what cannot be true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.ledger.exchange.commas import escaped, is_commas, read_commas, unescaped, write_commas
from footprint.ledger.exchange.lines import is_lines, read_lines, write_lines
from footprint.ledger.exchange.parquet import is_parquet, read_parquet, write_parquet
from footprint.ledger.facts import RunRecords
from footprint.ledger.reading import JournalReading
from footprint.ledger.records import Close
from footprint.ledger.rows import Rows, no_rows, rows_of
from footprint.model import Device, Place, Run, Sample
from tests.ledger.conftest import CPU, GPU, HOST, opened, tick

Write = Callable[[Rows, Path], None]
Read = Callable[[Path], Rows]
FORMATS: dict[str, tuple[Write, Read, Callable[[Path], bool]]] = {
    "jsonl": (write_lines, read_lines, is_lines),
    "csv": (write_commas, read_commas, is_commas),
    "parquet": (write_parquet, read_parquet, is_parquet),
}

# What a JSON text can hold; no lone surrogates, which no file of UTF-8 can.
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "",
        "=cmd()",
        "'tis",
        "''",
        "+1",
        "-1",
        "@a",
        "\t=1",
        " =1",
        "\r\n",
        'a"b',
        "a,b;c",
        "\x00",
        "\ufeff",
        "＝1",
        "null",
        "\x1b]0;x\x07",
        "../../x",
    ]
)
NUMBERS = st.floats(0, 1e6, allow_subnormal=True) | st.sampled_from([0.1, 1 / 3, 5e-324, 1e-7])


@st.composite
def readings(draw: st.DrawFn) -> Rows:
    """Rows of a few runs as journals give them: any names, odd numbers, gaps, no readings at all."""
    found = no_rows()
    for number in range(draw(st.integers(0, 3))):
        run = f"{number:016x}"
        devices = (GPU, CPU, Device(id="rest", component="rest", name=draw(TEXTS), meter="m", grade="power"))
        host = msgspec.structs.replace(HOST, name=draw(TEXTS), boot_id=draw(st.none() | TEXTS))
        start_s = draw(st.floats(0, 1e6))
        place = draw(st.none() | st.builds(Place, provider=st.none() | TEXTS, region=st.none() | TEXTS))
        facts = {"name": draw(TEXTS), "account": draw(TEXTS), "labels": draw(st.dictionaries(TEXTS, TEXTS, max_size=3))}
        first = opened(run, devices=devices, host=host, t_s=start_s, place=place, parent=draw(st.none() | TEXTS), **facts)
        apart_s = draw(st.lists(st.floats(0, 15), max_size=6))
        end_s = start_s + draw(st.floats(0, 30))
        records = RunRecords(first, Close(run=run, t_s=end_s, outcome="completed"), keep_ticks=True)
        t_s = start_s + draw(st.floats(-2, 2))
        for step_s in apart_s:
            t_s += step_s
            samples = (
                Sample(device_id=GPU.id, t_s=t_s, energy_j=draw(NUMBERS)),
                Sample(device_id="rest", t_s=t_s, power_w=draw(st.none() | NUMBERS)),
            )
            base = tick(t_s, (run,))
            records.add(msgspec.structs.replace(base, samples=samples, tree_s=draw(st.none() | NUMBERS)))
        found.add(rows_of(JournalReading({run: records}, [])))
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_every_run_and_every_sample_reads_back(form: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    write, read, is_it = FORMATS[form]

    @given(rows=readings())
    @settings(max_examples=25 if form == "parquet" else 60)
    def law(rows: Rows) -> None:
        path = tmp_path_factory.mktemp("export") / f"out [1]*? '{form}"
        write(rows, path)
        again = read(path)
        assert is_it(path)
        for table in ("runs", "devices", "samples", "ticks"):
            assert getattr(again, table) == getattr(rows, table)
        assert [msgspec.json.decode(row[-1], type=Run) for row in again.runs] == [
            msgspec.json.decode(row[-1], type=Run) for row in rows.runs
        ]

    law()


@given(TEXTS)
def test_no_text_is_a_formula_and_none_is_lost(text: str) -> None:
    told = escaped(text)
    assert unescaped(told) == text
    assert told.strip()[:1] not in set("=+-@＝＋－＠")
    assert told
