from __future__ import annotations

import gc
import weakref

import footprint
from footprint.integrations.follower import Reading
from footprint.integrations.loggers import Targets, facts, numbers, said
from footprint.model import Range

KNOWN = Reading(
    run="0123456789abcdef",
    name="x",
    kind="other",
    account="a",
    outcome="completed",
    at_s=3.0,
    is_final=True,
    energy_kwh=Range(low=1, central=2, high=4),
    unknown=("emissions: the place is not known",),
)


def test_what_is_unknown_is_left_out_and_named() -> None:
    assert numbers(KNOWN) == {"energy_kwh": 2, "energy_kwh_low": 1, "energy_kwh_high": 4}
    told = facts(KNOWN)
    assert (told["place"], told["unknown"]) == ("unknown", "emissions: the place is not known")
    assert "grades" not in told


def test_each_run_has_names_of_its_own_and_is_not_held_when_it_has_ended() -> None:
    targets, seen = Targets("a tool"), set[tuple[str, str]]()

    def send(reading: Reading, names: str) -> None:
        seen.add((reading.run, names))

    with footprint.track("outer") as outer:
        following = targets.log(outer, "theirs", send)
        assert targets.log(outer, "theirs", send) is following
        with footprint.track("inner") as inner:
            targets.log(inner, "theirs", send)
    assert seen == {(outer.id, "footprint/"), (inner.id, f"footprint/{inner.id}/")}
    assert ["already" in one for one in (*outer.facts.warnings, *inner.facts.warnings)] == [True, True]
    held = weakref.ref(outer)
    del outer, inner, following
    gc.collect()
    assert held() is None


def test_what_a_tool_raises_is_one_line_without_a_password() -> None:
    told = said(OSError("no answer from\nhttps://me:secret@host.example/api " + "x" * 1000))
    assert "secret" not in told
    assert "\n" not in told
    assert len(told) < 250
