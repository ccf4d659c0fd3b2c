from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.derive import run_footprint
from footprint.errors import LedgerError
from footprint.ledger.importers import wandb_log
from tests.ledger.importers.conftest import brought

BEGIN_S = 1_762_160_400


def varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def framed(records: list[bytes]) -> bytes:
    """Records as Weights & Biases frames them: pieces in blocks of 32 KiB."""
    found = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
    for record in records:
        left, first = record, True
        while left or first:
            room = 32768 - len(found) % 32768
            if room < 7:
                found += bytes(room)
                room = 32768
            piece, left = left[: room - 7], left[room - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[first, not left]
            found += struct.pack("<IHB", zlib.crc32(piece, zlib.crc32(bytes([kind]))), len(piece), kind) + piece
            first = False
    return found


def moment(t_s: float) -> bytes:
    return field(1, int(t_s)) + field(2, int(t_s % 1 * 1e9))


def stats(t_s: float, **watts: str) -> bytes:
    items = b"".join(
        field(3, field(1, name.replace("_", ".").replace("gpu.process", "gpu.process")) + field(16, value))
        for name, value in watts.items()
    )
    return field(7, field(2, moment(t_s)) + items)


def record_of_run() -> bytes:
    telemetry = field(5, "0.31.0")
    return field(
        17,
        field(1, "abc")
        + field(3, "proj")
        + field(8, "nice-run")
        + field(13, "node1")
        + field(17, moment(BEGIN_S))
        + field(19, telemetry),
    )


def environment() -> bytes:
    gpus = b"".join(field(24, field(1, "NVIDIA A100-SXM4-80GB") + field(5, f"GPU-{index}")) for index in range(2))
    return field(26, field(1, "Linux") + field(17, 64) + field(21, field(1, 2**36)) + field(22, field(3, "AMD EPYC")) + gpus)


def run_file(tmp_path: Path, records: list[bytes] | None = None) -> Path:
    folder = tmp_path / "offline-run-20261103_100000-abc"
    folder.mkdir(exist_ok=True)
    readings = [
        stats(BEGIN_S + 15 * step, gpu_0_powerWatts="100", gpu_1_powerWatts="200.5", gpu_process_0_powerWatts="100")
        for step in range(5)
    ]
    whole = [record_of_run(), environment(), *readings, field(18, field(2, 60))] if records is None else records
    (folder / "run-abc.wandb").write_bytes(framed(whole))
    return folder


def test_power_of_each_gpu_is_integrated_once(tmp_path: Path) -> None:
    (run,) = brought(run_file(tmp_path))
    assert [one.energy_j for one in run.devices] == [6000, 12_030]
    assert [one.device.id for one in run.devices] == ["gpu:GPU-0", "gpu:GPU-1"]
    assert (run.name, run.host.name, run.outcome, run.duration_s) == ("nice-run", "node1", "completed", 60)
    assert (run.host.cpu_name, run.host.logical_cpus, run.host.memory_bytes) == ("AMD EPYC", 64, 2**36)
    assert run.versions == {"wandb": "0.31.0"}
    footprint = run_footprint(run)
    assert footprint.accelerator_energy_kwh is not None
    assert footprint.it_energy_kwh is not None
    assert footprint.it_energy_kwh.central > footprint.accelerator_energy_kwh.central
    assert any("overhead factor" in warning for warning in footprint.warnings)


def test_folder_and_file_are_the_same_run(tmp_path: Path) -> None:
    folder = run_file(tmp_path)
    (other,) = brought(folder / "run-abc.wandb")
    assert [other] == brought(folder)


def test_records_that_reach_over_blocks_are_put_together(tmp_path: Path) -> None:
    long = field(4, b"x" * 100_000)
    tail = [stats(BEGIN_S + 15, gpu_0_powerWatts="100"), stats(BEGIN_S + 30, gpu_0_powerWatts="100")]
    (run,) = brought(run_file(tmp_path, [record_of_run(), long, *tail]))
    assert run.devices[0].energy_j == 1500


def test_a_torn_end_costs_what_was_not_written_whole(tmp_path: Path) -> None:
    file = run_file(tmp_path) / "run-abc.wandb"
    file.write_bytes(file.read_bytes()[:-30])
    (run,) = brought(file)
    assert run.outcome == "unknown"
    assert run.devices[0].energy_j in {4500, 6000}


def test_a_damaged_middle_is_refused(tmp_path: Path) -> None:
    file = run_file(tmp_path) / "run-abc.wandb"
    data = bytearray(file.read_bytes())
    data[40] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(LedgerError, match="the checksum does not fit"):
        brought(file)


def test_without_power_nothing_is_invented(tmp_path: Path) -> None:
    (run,) = brought(run_file(tmp_path, [record_of_run(), stats(BEGIN_S + 15, cpu="5.0"), field(18, field(2, 30))]))
    assert run.devices == ()
    assert run_footprint(run).energy_kwh is None


def test_gpus_of_which_nothing_was_read_are_unknown_and_no_zero(tmp_path: Path) -> None:
    (run,) = brought(run_file(tmp_path, [record_of_run(), environment(), field(18, field(2, 30))]))
    assert [one.energy_j for one in run.devices] == [None, None]
    assert run_footprint(run).accelerator_energy_kwh is None
    (other,) = brought(run_file(tmp_path, [record_of_run(), field(26, field(1, "Linux")), field(18, field(2, 30))]))
    assert run_footprint(other).accelerator_energy_kwh is None


@pytest.mark.parametrize("watts", ["-1", "NaN", "90000", '"x"', ""])
def test_impossible_power_is_refused(tmp_path: Path, watts: str) -> None:
    with pytest.raises(LedgerError, match="powerWatts"):
        brought(run_file(tmp_path, [record_of_run(), stats(BEGIN_S, gpu_0_powerWatts=watts)]))


def test_a_file_without_its_beginning_is_of_no_run(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="of which run"):
        brought(run_file(tmp_path, [stats(BEGIN_S, gpu_0_powerWatts="1")]))


@given(st.binary(max_size=300))
def test_any_message_is_read_or_refused(data: bytes) -> None:
    try:
        wandb_log.message(data, "here")
    except LedgerError as error:
        assert str(error).startswith("here: ")  # noqa: PT017 - either is fine


@given(st.binary(max_size=300))
def test_any_framing_is_read_or_refused(data: bytes) -> None:
    try:
        list(wandb_log.records(b":W&B\xe1\xbe\x00" + data, "here"))
    except LedgerError as error:
        assert str(error).startswith("here: ")  # noqa: PT017 - either is fine


ROWS = [{"_timestamp": BEGIN_S + 15 * step, "_runtime": 15 * step, "system.gpu.0.powerWatts": 100.0} for step in range(5)]


def test_exports_are_read_as_lines_as_a_list_and_as_csv(tmp_path: Path) -> None:
    lines, rows, table = tmp_path / "a.jsonl", tmp_path / "a.json", tmp_path / "a.csv"
    lines.write_text("\n".join(map(json.dumps, ROWS)) + "\n")
    rows.write_text(json.dumps(ROWS))
    table.write_text("\n".join([",".join(ROWS[0]), *(",".join(map(str, row.values())) for row in ROWS)]) + "\n")
    found = [brought(path)[0] for path in (lines, rows, table)]
    assert [one.devices[0].energy_j for one in found] == [6000, 6000, 6000]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('{"_timestamp": 1762160400, "system.gpu.0.powerW', "torn"),
        ('{"_timestamp": 1762160400, "system.gpu.0.powerWatts": -4}', "below 0"),
        ('{"_timestamp": 1762160400, "system.gpu.0.powerWatts": NaN}', "no number"),
        ('{"_timestamp": 1762160400, "system.gpu.0.powerWatts": true}', "no number"),
        ('{"_timestamp": 1e400, "system.gpu.0.powerWatts": 1}', "no number"),
        ("[1]", "no JSON object"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_an_impossible_row_is_refused_with_its_line(tmp_path: Path, line: str, word: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n" + line + "\n")
    with pytest.raises(LedgerError) as caught:
        brought(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert word in str(caught.value)
