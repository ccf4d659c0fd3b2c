"""The lines of a journal: plain JSON objects, each closed by a checksum of itself.

A line is `{"v":1,"journal":"…","seq":7,"type":"tick", … ,"crc":"9ae0daaf"}`: schema version, journal, number in the
journal, type, facts, and as last member the CRC-32 of the bytes before it. A reader needs no state to judge a line, so
damage costs the damaged record and no other.

Version 1: `open`, `tick`, `held`, `work`, `mark`, `progress`, `close`, `run`; an intact line of another type is a newer
version's, and left out. Times `t_s` are `CLOCK_MONOTONIC` of the recording host, `boot_s` is `CLOCK_BOOTTIME`, which also runs
through suspends, `wall_s` is `CLOCK_REALTIME`, which somebody may set.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Iterator
from typing import Final

import msgspec

from footprint.ledger.processes import Process
from footprint.model import SCHEMA_VERSION, Device, Host, Kind, Outcome, Place, Run, Sample

_CRC_MEMBER: Final = b',"crc":"'
_TAIL_BYTES: Final = len(b',"crc":"00000000"}')
# No string inside a record can hold these bytes, for JSON escapes the quotes; and no counter or label of a user's looks so.
_START: Final = rb'\{"v":\d+,"journal":"'
_END: Final = rb',"crc":"[0-9a-f]{8}"\}'


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What all records have: schema version, journal, and number in the journal."""

    v: int = 0
    journal: str = ""
    seq: int = -1


class Open(Record, frozen=True, kw_only=True, tag="open"):
    """A run begins: what is known of it before its body starts. Its first tick, the baseline, follows."""

    run: str
    name: str
    kind: Kind
    account: str
    started_at: str
    t_s: float
    boot_s: float | None = None
    interval_s: float
    recorder: Process
    tracked: Process
    host: Host
    devices: tuple[Device, ...] = ()
    reserved_cpus: float | None = None
    resolution_s: float = 0.0
    place: Place | None = None
    parent: str | None = None
    labels: dict[str, str] = {}
    versions: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    budget_g: float | None = None
    budget_kwh: float | None = None


class Tick(Record, frozen=True, kw_only=True, tag="tick"):
    """One reading, for all the runs that are open: devices, CPU-seconds of the tree and of the machine.

    `tree_s` is null where the tree was not looked at this time: a large one is looked at less often.
    """

    runs: tuple[str, ...]
    t_s: float
    boot_s: float | None = None
    wall_s: float | None = None
    samples: tuple[Sample, ...] = ()
    tree_s: float | None = None
    busy_s: float | None = None


class Held(Record, frozen=True, kw_only=True, tag="held"):
    """Who held a device when it was looked at: the tracked process tree, and how many processes that are not of it.

    Written at each look until the first minute is over, then when it changes. Where it cannot be told (the driver tells pids
    of another namespace), nothing is written.
    """

    runs: tuple[str, ...]
    t_s: float
    device_id: str
    ours: bool
    others: int = 0


class Work(Record, frozen=True, kw_only=True, tag="work"):
    """A run's work counters so far: totals, so that a lost record is healed by the next."""

    run: str
    t_s: float
    work: dict[str, float]


class Marked(Record, frozen=True, kw_only=True, tag="mark"):
    """A moment of a run (`end_s` null) or a phase; a phase is written when it begins and again, same `key`, at its end."""

    run: str
    key: int
    name: str
    t_s: float
    end_s: float | None = None


class Progress(Record, frozen=True, kw_only=True, tag="progress"):
    """How far a run has come, in units of the program's own: `done` of `total`. Written ever less often as a run grows older."""

    run: str
    t_s: float
    done: float
    total: float


class Close(Record, frozen=True, kw_only=True, tag="close"):
    """A run ends: when and how, its final work counters, and what went wrong in recording it."""

    run: str
    t_s: float
    outcome: Outcome
    work: dict[str, float] = {}
    warnings: tuple[str, ...] = ()


class Imported(Record, frozen=True, kw_only=True, tag="run"):
    """A whole run that was recorded elsewhere: by another tool, in another ledger, or in a run file."""

    facts: Run


AnyRecord = Open | Tick | Held | Work | Marked | Progress | Close | Imported

_TYPES: Final = {kind.__struct_config__.tag for kind in (Open, Tick, Held, Work, Marked, Progress, Close, Imported)}
_encoder = msgspec.json.Encoder()


@functools.cache
def _decoder() -> msgspec.json.Decoder[AnyRecord]:
    """Made when it is first used: who records never reads, and it takes the longest of all here."""
    return msgspec.json.Decoder(AnyRecord)


class NewerRecordError(ValueError):
    """An intact record of a schema, or of a kind, that this version does not know."""


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    seq: int
    type: str = ""


def line_of(record: AnyRecord, journal: str, seq: int) -> bytes:
    """A record as one line of a journal, with its newline."""
    # The envelope leads, where a reader of any later version looks for it; the record's own is empty and left out.
    head = b'{"v":%d,"journal":%b,"seq":%d,' % (SCHEMA_VERSION, _encoder.encode(journal), seq)
    open_object = head + _encoder.encode(record)[1:-1]
    return b'%b%b%08x"}\n' % (open_object, _CRC_MEMBER, zlib.crc32(open_object))


def record_of(line: bytes) -> AnyRecord:
    """The record of one line, without its newline.

    Raises:
        NewerRecordError: if the line is intact, and of a newer schema or of a kind that is not known here.
        ValueError: if it is damaged.
    """
    if not is_intact(line):
        raise ValueError("the checksum does not fit")
    try:
        record = _decoder().decode(line)
    except msgspec.DecodeError as error:
        envelope = msgspec.json.decode(line, type=_Envelope)
        if envelope.v > SCHEMA_VERSION or envelope.type not in _TYPES:
            raise NewerRecordError(str(error)) from error
        raise
    if record.v > SCHEMA_VERSION:
        raise NewerRecordError(f"version {record.v}")
    return record


def salvage(line: bytes) -> Iterator[bytes]:
    """The intact lines inside a damaged one: a torn line without its newline has the next one glued to it."""
    after = 0
    beginnings = re.compile(_START)
    for end in re.finditer(_END, line):
        starts = [start.start() for start in beginnings.finditer(line, after, end.start())]
        piece = line[starts[-1] : end.end()] if starts else b""
        if len(piece) < len(line) and is_intact(piece):
            yield piece
        after = end.end()


def is_intact(line: bytes) -> bool:
    """Whether a line, without its newline, is as it was written."""
    body, tail = line[:-_TAIL_BYTES], line[-_TAIL_BYTES:]
    return tail == b'%b%08x"}' % (_CRC_MEMBER, zlib.crc32(body))
