from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

import pytest

from footprint.recorder import turn as module
from footprint.recorder.turn import Turn


class AlarmError(Exception):
    """What a signal handler raises."""


def use(turn: Turn) -> bool:
    claim = object()
    try:
        return turn.take(claim, 0.0)
    finally:
        turn.give(claim, None)


def interrupted(turn: Turn, after: int) -> bool:
    """Use it, and have an exception come in after some steps of it; whether one did."""
    steps = 0

    def interrupt(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        if frame.f_code.co_filename != module.__file__:
            return None
        steps += 1
        if steps == after:
            raise AlarmError
        return interrupt

    before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        use(turn)
    except AlarmError:
        return True
    finally:
        sys.settrace(before)
    return False


def test_whatever_comes_in_between_the_turn_is_given_back() -> None:
    turn = Turn()
    steps = 1
    while interrupted(turn, steps):
        steps += 1
        assert use(turn)
    assert steps > 5


def test_who_has_it_on_the_same_thread_is_not_waited_for() -> None:
    turn, outer, inner = Turn(), object(), object()
    assert turn.take(outer, 0.0)
    assert not turn.take(inner, 60.0)  # as a signal handler that interrupted: it would wait for ever
    turn.give(inner, None)
    turn.give(outer, None)
    assert use(turn)


def test_threads_have_it_one_after_the_other() -> None:
    turn, inside, seen = Turn(), [], []

    def work() -> None:
        for _ in range(50):
            claim = object()
            try:
                assert turn.take(claim, 60.0)
                inside.append(claim)
                seen.append(len(inside))
                inside.remove(claim)
            finally:
                turn.give(claim, None)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 400


def test_another_threads_turn_is_waited_for_with_a_limit() -> None:
    turn, claim = Turn(), object()
    assert turn.take(claim, 0.0)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(turn.take(object(), 0.05)))
    thread.start()
    thread.join()
    assert answers == [False]
    turn.give(claim, None)


@pytest.mark.parametrize("limit_s", [0.0, 1.0])
def test_who_did_not_get_it_gives_nothing_of_others_back(limit_s: float) -> None:
    turn, first, second = Turn(), object(), object()
    assert turn.take(first, limit_s)
    assert not turn.take(second, limit_s)
    turn.give(second, None)
    assert not use(turn)
    turn.give(first, None)
    assert use(turn)
