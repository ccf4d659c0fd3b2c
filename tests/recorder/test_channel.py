from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.ledger.records import Marked
from footprint.recorder import messages
from footprint.recorder.channel import Channel, ChannelClosedError

Ends = tuple[Channel[messages.ToHost], Channel[messages.ToRecorder]]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    pair: Ends = Channel(ours, messages.ToHost), Channel(theirs, messages.ToRecorder)
    yield pair
    for end in pair:
        end.close()


def mark(name: str) -> Marked:
    return Marked(run="r", key=1, name=name, t_s=1.0)


@given(st.lists(st.text(max_size=300).map(lambda text: text.encode("utf-8", "ignore").decode()), max_size=50))
def test_messages_arrive_whole_and_in_order(names: list[str]) -> None:
    ours, theirs = socket.socketpair()
    host: Channel[messages.ToHost] = Channel(ours, messages.ToHost)
    recorder: Channel[messages.ToRecorder] = Channel(theirs, messages.ToRecorder)
    try:
        for name in names:
            host.send(mark(name), 10.0)
        got = [recorder.receive(10.0) for _ in names]
        assert got == [mark(name) for name in names]
        assert recorder.next_message() is None
    finally:
        host.close()
        recorder.close()


def test_a_full_channel_drops_whole_messages_only(ends: Ends) -> None:
    host, recorder = ends
    sent = [number for number in range(20_000) if host.offer(mark(f"{number}" + "x" * 100))]
    assert 0 < len(sent) < 20_000
    got = []
    while (message := recorder.next_message()) is not None:
        assert isinstance(message, Marked)
        got.append(int(message.name.rstrip("x")))
    host.send(messages.Bye(), 10.0)  # takes along what waited for room
    while isinstance(message := recorder.receive(10.0), Marked):
        got.append(int(message.name.rstrip("x")))
    assert message == messages.Bye()
    assert got == sent


def test_a_message_larger_than_the_channel_waits_for_room(ends: Ends) -> None:
    host, _ = ends
    with pytest.raises(TimeoutError):
        host.send(mark("x" * 10_000_000), 0.05)


def test_nobody_there_is_told_by_an_error(ends: Ends) -> None:
    host, recorder = ends
    with pytest.raises(TimeoutError):
        host.receive(0.01)
    recorder.close()
    for _ in range(2):
        with pytest.raises(ChannelClosedError):
            host.send(messages.Bye(), 1.0)
        with pytest.raises(ChannelClosedError):
            host.receive(1.0)


def test_what_arrived_before_the_end_is_still_read(ends: Ends) -> None:
    host, recorder = ends
    host.send(mark("last"), 1.0)
    host.close()
    assert recorder.receive(1.0) == mark("last")
    with pytest.raises(ChannelClosedError):
        recorder.receive(1.0)


def test_a_descriptor_that_became_somebody_elses_is_left_alone(ends: Ends) -> None:
    host, _ = ends
    number = host.fileno()
    theirs, other = socket.socketpair()
    os.dup2(theirs.fileno(), number)
    try:
        with pytest.raises(ChannelClosedError, match="closed the recorder's channel"):
            host.send(mark("x"), 1.0)
        host.close()
        os.fstat(number)  # it is still open
    finally:
        os.close(number)
        theirs.close()
        other.close()


def test_what_is_no_message_is_passed_over() -> None:
    """A program may write to any descriptor; a total of infinity is none in JSON."""
    ours, theirs = socket.socketpair()
    raw = ours.dup()
    host, recorder = Channel[messages.ToHost](ours, messages.ToHost), Channel[messages.ToRecorder](theirs, messages.ToRecorder)
    raw.send(b"a line of the program\n\xff\n\n")
    host.send(mark("after"), 1.0)
    assert recorder.receive(1.0) == mark("after")
    for end in (raw, host, recorder):
        end.close()


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    ours, theirs = socket.socketpair()
    raw = ours.dup()
    host, recorder = Channel[messages.ToHost](ours, messages.ToHost), Channel[messages.ToRecorder](theirs, messages.ToRecorder)
    for _ in range(200):
        raw.send(b"x" * 60_000)
        assert recorder.next_message() is None
        assert len(recorder._unread) < 5_000_000
    raw.send(b"\n")
    host.send(mark("after"), 1.0)
    assert recorder.receive(1.0) == mark("after")
    for end in (raw, host, recorder):
        end.close()
