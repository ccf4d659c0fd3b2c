"""What to do next: commands that there are, about numbers that are known, and silence where nothing is to be done."""

from __future__ import annotations

import shlex
from typing import Any

import msgspec
import pytest
import typer.main

from footprint.cli.app import app
from footprint.model import Grade, Place, Range, Run
from footprint.place.intensity import uk
from footprint.reference import tables
from footprint.report import cleaner, exports, terminal
from footprint.report.actions import MOST, WORTH_MOVING_G, actions
from footprint.report.cleaner import PUBLIC_ZONE
from footprint.report.data import Action, Summary
from footprint.report.summary import completed
from tests.report.examples import run, runs, somewhere, summary


def codes(found: Summary) -> list[str]:
    return [one.code for one in found.actions]


def action(found: Summary, code: str) -> Action:
    return next(one for one in found.actions if one.code == code)


def with_idle(found: Summary, ratio: float) -> Summary:
    return completed(msgspec.structs.replace(found, idle_ratio=ratio))


def parsed(command: str) -> None:
    """Have the command line's own parser take a command, without running it."""
    name, *rest = shlex.split(command)
    assert name == "footprint"
    current: Any = typer.main.get_command(app)
    context = None
    while hasattr(current, "resolve_command"):
        context = typer.Context(current, parent=context, info_name=name)
        name, current, rest = current.resolve_command(context, rest)
    current.make_context(name, rest, parent=context)


# -- Each -------------------------------------------------------------------------------------------------------------


def test_runs_without_a_place_come_first_with_their_energy() -> None:
    found = summary(runs(9, placed=3))
    first = found.actions[0]
    assert (first.code, first.runs, first.emissions_g) == ("place", 6, None)
    nowhere = next(group for group in found.by["region"] if not group.key)
    assert first.energy_kwh == nowhere.amounts.energy_kwh
    assert "FOOTPRINT_REGION" in first.message
    assert "--region" in first.command
    assert action(summary(runs(3, placed=0)), "place").energy_kwh == summary(runs(3, placed=0)).total.energy_kwh


def test_what_no_meter_reads_is_for_the_doctor() -> None:
    host = msgspec.structs.replace(run().host, unmetered_accelerators=("AMD Instinct MI300X",))
    found = action(summary([run("a", host=host, devices=(), place=somewhere()), run("b", place=somewhere())]), "unmeasured")
    assert (found.command, found.runs, found.energy_kwh) == ("footprint doctor", 1, None)
    assert "accelerators" in found.message


def test_what_was_recorded_and_not_read_is_for_the_doctor_and_what_was_stated_for_a_measurement() -> None:
    found = summary([run(place=somewhere("gcp:europe-north2"))])

    def known_by(grade: Grade) -> Action:
        shares = tuple(msgspec.structs.replace(one, grade=grade) for one in found.shares)
        return action(completed(msgspec.structs.replace(found, shares=shares)), "measure")

    for grade in ("model", "assumed"):
        assert known_by(grade).command == "footprint doctor"
        assert "modelled or assumed" in known_by(grade).message
    assert known_by("declared").command.startswith("footprint run")
    assert "declared, not read" in known_by("declared").message


def test_runs_that_came_to_nothing() -> None:
    found = summary([run("a", place=somewhere()), run("b", place=somewhere(), outcome="failed")])
    lost = action(found, "lost")
    group = next(one for one in found.by["outcome"] if one.key == "failed")
    assert lost.runs == 1
    assert lost.energy_kwh is not None
    assert group.amounts.energy_kwh is not None
    assert lost.energy_kwh.central == pytest.approx(group.amounts.energy_kwh.central)
    assert lost.emissions_g is not None
    mixed = summary([run("a"), run("b", place=somewhere(), outcome="failed"), run("c", outcome="interrupted")])
    assert action(mixed, "lost").emissions_g is None  # it is not known of all of them
    assert "lost" not in codes(
        summary([run("a", outcome="failed", duration_s=60.0), run("b", started_at="2025-06-01T00:00:00Z")])
    )


def test_accelerators_that_wait() -> None:
    found = summary([run("a", place=somewhere())])
    assert "idle" not in codes(found)
    assert "idle" not in codes(with_idle(found, 0.05))
    idle = action(with_idle(found, 0.5), "idle")
    assert found.total.accelerator_energy_kwh is not None
    assert idle.energy_kwh is not None
    assert idle.energy_kwh.central == pytest.approx(found.total.accelerator_energy_kwh.central / 2)
    assert idle.emissions_g is None
    # The larger waste comes first.
    failed = summary([run("a", place=somewhere()), run("b", place=somewhere(), outcome="failed")])
    wastes = [code for code in codes(with_idle(failed, 0.9)) if code in {"idle", "lost"}]
    assert wastes == ["idle", "lost"]


def test_a_region_is_cleaner_only_where_the_ranges_do_not_meet() -> None:
    found = action(summary([run(place=somewhere("aws:us-east-1"))]), "region")
    there = cleaner.region("aws:us-east-1", summary([run(place=somewhere("aws:us-east-1"))]))
    assert there is not None
    assert there.there.high < there.here.low
    assert there.region.startswith("aws:")
    assert there.region in found.command
    for said in (there.region, there.there.source, there.here.source, "latency", "moving data", "PUE"):
        assert said in found.message, said
    assert "region" not in codes(summary([run(place=somewhere("aws:eu-north-1"))]))


def test_a_region_of_the_same_country_goes_first() -> None:
    place = somewhere("aws:us-east-2")
    assert place is not None
    found = cleaner.region("aws:us-east-2", summary([run(place=place)]))
    same = [
        row
        for row in tables.table("regions")
        if (row["provider"], row["country"]) == ("aws", "USA") and not cleaner._is_apart(row["id"])
    ]
    surely = [row["id"] for row in same if (one := cleaner._figure(row, 2025)) and found and one.high < found.here.low]
    assert found is not None
    assert not surely or found.region in surely


@pytest.mark.parametrize("region", ["aws:us-gov-west-1", "azure:chinaeast", "alibaba:cn-beijing"])
def test_a_cloud_of_its_own_is_left_for_no_other(region: str) -> None:
    found = cleaner.region(region, summary([run(place=somewhere(region))]))
    assert found is None or cleaner._is_apart(found.region)


def test_a_stated_intensity_is_not_set_against_a_years_mean() -> None:
    stated = Place(provider="aws", region="us-east-1", zone="USA", intensity_g_per_kwh=10.0, name="x", known_by="stated")
    found = summary([run(place=stated)])
    assert found.total.emissions_g is not None
    assert "region" not in codes(found)


def test_a_card_is_named_for_one_account_of_finished_training() -> None:
    found = action(summary([run(place=somewhere(), account="sweep-1")]), "card")
    assert found.command == "footprint card fill README.md --run sweep-1"
    others: tuple[dict[str, Any], ...] = (
        {"kind": "inference"},
        {"outcome": "failed"},
        {"account": "a b; rm -rf ~"},
        {"account": "-x"},
        {"place": None},
    )
    for facts in others:
        assert "card" not in codes(summary([run(**{"place": somewhere(), **facts})])), facts
    assert "card" not in codes(summary([run("a", place=somewhere()), run("b", place=somewhere(), account="other")]))


def test_a_later_hour_is_for_long_work_that_can_wait() -> None:
    def of(**facts: Any) -> list[str]:
        return codes(summary([run(**{"place": somewhere(), "duration_s": 7200.0, **facts})]))

    assert "when" in of()
    assert "when" not in of(duration_s=200_000.0)
    assert "when" not in of(duration_s=60.0)
    assert "when" not in of(kind="inference")
    assert "when" not in of(place=None)


def test_nothing_to_do_is_an_answer() -> None:
    clean = [run(place=somewhere("gcp:europe-north2"), kind="inference")]
    found = summary(clean)
    assert found.actions == ()
    assert "next" not in terminal.render(found)
    assert "do next" not in exports.to_markdown(found)
    assert actions(summary([])) == ()
    assert summary([run(duration_s=0.0, place=somewhere())]).actions == ()


# -- All --------------------------------------------------------------------------------------------------------------


def many() -> list[list[Run]]:
    host = msgspec.structs.replace(run().host, unmetered_accelerators=("AMD Instinct MI300X",))
    return [
        runs(10, placed=3),
        runs(4, placed=0),
        [run(place=somewhere("aws:us-east-1"))],
        [run(place=somewhere("azure:westeurope"), account="sweep", duration_s=7200.0)],
        [run(host=host, devices=(), place=somewhere())],
    ]


def test_every_command_is_one_that_the_command_line_takes() -> None:
    seen: dict[str, str] = {}
    for some in many():
        found = with_idle(summary(some), 0.6)
        assert len(found.actions) <= MOST
        assert len(set(codes(found))) == len(found.actions)
        seen |= {one.code: one.command for one in found.actions}
    assert set(seen) >= {"place", "unmeasured", "idle", "lost", "region", "when", "card"}
    for command in seen.values():
        parsed(command)


def test_no_action_is_about_more_than_there_is() -> None:
    for some in many():
        found = with_idle(summary(some), 0.6)
        for one in found.actions:
            assert 0 < one.runs <= found.total.runs
            for mine, all_of_it in ((one.energy_kwh, found.total.energy_kwh), (one.emissions_g, found.total.emissions_g)):
                assert mine is None or _central(mine) <= _central(all_of_it) * (1 + 1e-9)


def _central(value: Range | None) -> float:
    assert value is not None
    return value.central


def test_a_hostile_region_is_in_no_command() -> None:
    place = Place(provider="gcp", region="europe-west1; rm -rf ~", zone="BEL", name="x", known_by="stated")
    found = summary([run(place=place)])
    assert not [one for one in found.actions if "rm -rf" in one.command + one.message]


def test_for_next_to_nothing_nobody_is_sent_elsewhere_or_put_off() -> None:
    for duration_s, is_worth_it in ((1000.0, False), (7200.0, True)):
        found = summary([run(place=somewhere(), duration_s=duration_s)])
        assert found.total.emissions_g is not None
        assert (found.total.emissions_g.central >= WORTH_MOVING_G) is is_worth_it
        assert {"region", "when"} <= set(codes(found)) if is_worth_it else not {"region", "when"} & set(codes(found))


def test_a_forecast_that_takes_a_key_is_said_to() -> None:
    assert PUBLIC_ZONE == uk.ZONE
    for region, is_public in (("azure:uksouth", True), ("gcp:europe-west1", False)):
        (when,) = [one for one in summary([run(place=somewhere(region), duration_s=7200.0)]).actions if one.code == "when"]
        assert ("ELECTRICITYMAPS_TOKEN" not in when.message) is is_public


def test_idling_of_which_a_part_only_was_seen_is_the_least() -> None:
    some = summary([run("a")])
    for seen, told in ((1.0, "give them back: 40 % of"), (0.5, "give them back: at least 40 % of")):
        found = completed(msgspec.structs.replace(some, idle_ratio=0.4, idle_seen_ratio=seen))
        (idle,) = [one for one in found.actions if one.code == "idle"]
        assert told in idle.message
