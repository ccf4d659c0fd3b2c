"""What the fields say."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint import text as text_of
from footprint.card import CardContent, content_from_account, content_from_declaration, content_from_run, fill, read_card
from footprint.card.content import wording
from footprint.card.content.explain import RANGES
from footprint.card.filling.metadata import scalar
from footprint.card.parts.block import digest, safe
from footprint.derive import run_footprint
from footprint.errors import ConfigError
from footprint.model import Component, Coverage, CpuTime, Declaration, Factor, Place, Range, Run
from tests.card.samples import a_footprint, a_range, a_run


@pytest.mark.parametrize(
    ("grams", "said"),
    [
        (153_000.0, "153 kg"),
        (999.9, "1 kg"),
        (999.4, "999 g"),
        (72_200_000.0, "72.2 t"),
        (2_290_000_000.0, "2,290 t"),
        (0.0000123, "0.0000123 g"),
        (1.5, "1.5 g"),
    ],
)
def test_carbon_in_the_unit_that_a_person_reads(grams: float, said: str) -> None:
    assert wording.carbon(a_range(grams), "life-cycle").startswith(f"{said} CO2eq (90 % range ")
    assert not re.search(r"\de[-+]?\d", wording.carbon(a_range(grams), "life-cycle"))


def test_carbon_as_the_design_prints_it() -> None:
    emissions_g = Range(low=131_000, central=153_000, high=178_000)
    assert wording.carbon(emissions_g, "life-cycle") == "153 kg CO2eq (90 % range 131-178; location-based, life-cycle)"
    exact = Range(low=5.0, central=5.0, high=5.0)
    assert wording.carbon(exact, "stated") == "5 g CO2eq (from stated figures, no range; grid intensity as stated)"


@pytest.mark.parametrize(
    ("wall_h", "device_h", "said"),
    [
        (100.0, 800.0, "100 h wall-clock (800 device-hours)"),
        (20 / 3600, None, "0.0056 h (20 s) wall-clock"),
        (0.5, 4.0, "0.5 h (30 min) wall-clock, 4 device-hours"),
        (0.005 / 3600, None, "under 0.001 h (5 ms) wall-clock"),
        (648.0, 663_552.0, "648 h wall-clock (663,552 device-hours)"),
        (12.34567, None, "12.3 h wall-clock"),
        (None, 80_000.0, "80,000 device-hours"),
        (None, None, None),
    ],
)
def test_hours(wall_h: float | None, device_h: float | None, said: str | None) -> None:
    assert wording.hours(wall_h, device_h) == said


def test_hardware_counts_each_device_once() -> None:
    restarts = [a_run(ident="a"), a_run(ident="b", start="2026-03-06T10:00:00+00:00")]
    assert wording.run_hardware(restarts) == "8 x NVIDIA A100-SXM4-80GB"
    ranks = [a_run(ident=f"rank{n}", gpus=1, first_gpu=n) for n in range(4)]
    assert wording.run_hardware(ranks) == "4 x NVIDIA A100-SXM4-80GB"


def test_hardware_of_a_run_without_accelerators() -> None:
    assert wording.run_hardware([a_run(gpus=0)]) == "AMD EPYC 7B13 (16 logical CPUs, no accelerator)"
    assert wording.run_hardware([a_run(gpus=0, cpu_name=None)]) == "CPU of unknown name (16 logical CPUs, no accelerator)"


def test_hours_of_restarts_add_and_of_ranks_overlap() -> None:
    restarts = [a_run(ident="a"), a_run(ident="b", start="2026-03-06T10:00:00+00:00")]
    assert wording.run_hours(restarts) == pytest.approx((200, 1600))
    ranks = [a_run(ident=f"rank{n}", gpus=1, first_gpu=n) for n in range(4)]
    assert wording.run_hours(ranks) == pytest.approx((100, 400))


def test_a_run_of_five_milliseconds_has_hours() -> None:
    content = content_from_run(a_run(gpus=0, duration_s=0.005), a_footprint(0.000001234))
    assert content.fields["hours_used"] == "under 0.001 h (5 ms) wall-clock"
    assert content.metadata["emissions"] == "0.00000123"


def test_a_total_of_some_runs_is_not_written_as_all_of_them() -> None:
    content = content_from_run([a_run(), a_run(ident="b", outcome="failed")], a_footprint(), complete=False)
    assert "carbon_emitted" not in content.fields
    assert content.metadata == {}
    assert any("Not all runs" in line for line in content.lines)
    assert any("1 completed, 1 failed" in line for line in content.lines)


def test_kinds_decide_on_the_front_matter() -> None:
    for kind, expected in (
        ("pre-training", True),
        ("fine-tuning", True),
        ("inference", False),
        ("evaluation", False),
        ("other", False),
    ):
        assert bool(content_from_run(a_run(kind=kind), a_footprint()).metadata) is expected
    assert not content_from_run(a_run(), a_footprint(None)).metadata


def test_no_run_is_refused() -> None:
    with pytest.raises(ConfigError):
        content_from_run([], a_footprint())


def test_declared_facts() -> None:
    place = Place(zone="US-GA", name="Georgia, USA", provider="gcp")
    declaration = Declaration(kind="pre-training", hardware="TPU v3", count=1024, hours=648, provider="Google", zone="US-GA")
    content = content_from_declaration(declaration, a_footprint(72e6, place))
    assert content.fields["compute_region"] == "Georgia, USA (US-GA)"
    assert content.fields["cloud_provider"] == "Google"
    assert content_from_declaration(Declaration(device_hours=5.5), a_footprint(None)).fields == {"hours_used": "5.5 device-hours"}


@pytest.mark.parametrize(
    ("zone", "name", "said"),
    [("FRA", "France", "France"), ("US-GA", "Georgia, USA", "Georgia, USA (US-GA)"), ("FRA", None, "FRA")],
)
def test_a_nation_is_not_named_twice(zone: str, name: str | None, said: str) -> None:
    assert wording.region(None, zone, Place(zone=zone, name=name)) == said


def test_each_source_of_factors_is_named_once_and_options_stay_out_of_the_card() -> None:
    def factor(name: str, source: str) -> Factor:
        return Factor(
            id=name,
            low=1.0,
            central=2.0,
            high=3.0,
            unit="ratio",
            source=source,
            year=2024,
            licence="",
            basis="",
            grade="assumed",
            error_family=name,
        )

    factors = (factor("utilisation", "Logs (of 3)"), factor("overhead", "Logs (of 3)"), factor("pue", "Survey 2024"))
    warnings = ("the host is added (--scope accelerators leaves it out)", "the site's PUE was assumed: give --pue")
    footprint = msgspec.structs.replace(a_footprint(), factors=factors, warnings=warnings)
    lines = content_from_run(a_run(), footprint).lines
    assert lines[-6:] == (
        "Factors (with their 90 % ranges) and their sources:",
        "\tutilisation = 2 (1–3); overhead = 2 (1–3); from Logs (of 3), 2024",
        "\tpue = 2 (1–3); from Survey 2024",
        "Note: the host is added.",
        "Note: the site's PUE was assumed.",
        RANGES,
    )
    after = fill(read_card(b"# T\n"), content_from_run(a_run(), footprint)).after
    assert b"\n- Factors (with their 90 % ranges) and their sources:\n  - utilisation = 2" in after
    assert fill(read_card(after), content_from_run(a_run(), footprint)).after == after


@given(st.text(max_size=200))
def test_safe_text_cannot_leave_its_line(text: str) -> None:
    said = safe(text)
    assert "\n" not in said
    assert "\r" not in said
    for mark in ("<", "-->", "{{", "{%", "\0"):
        assert mark not in said
    assert digest(said) == digest(said.encode("utf-8", "surrogateescape"))


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=60))
def test_yaml_text_reads_back(text: str) -> None:
    import yaml

    written = scalar("source", text)
    assert yaml.safe_load(f"a: {written}") == {"a": text}


@pytest.mark.parametrize(
    "text", ["no", "12", "1e5", "0x1f", "1:30", "~", "null", "a: b", "a #b", "- a", "2020-01-01", "'x", "[a", "@x", "%x", "Yes"]
)
def test_yaml_text_is_quoted_where_it_must_be(text: str) -> None:
    assert scalar("source", text).startswith('"')


def test_only_what_a_sensor_said_is_called_measured() -> None:
    def source(**changed: object) -> str:
        footprint = msgspec.structs.replace(a_footprint(), **changed)
        return content_from_run(a_run(), footprint).metadata["source"]

    sensed = Component(component="accelerators", energy_kwh=a_range(400.0), grade="counter")
    model = Component(component="cpu", energy_kwh=a_range(100.0), grade="model")
    assert source(breakdown=(sensed,)).startswith("measured with footprint")
    assert source(breakdown=(sensed, model)).startswith("measured in part with footprint")
    assert source(breakdown=(model,)).startswith("modelled from a recorded run")
    assert source(breakdown=()).startswith("modelled from a recorded run")
    silent = Coverage(component="accelerators", grade="counter", read_ratio=0.4)
    assert source(breakdown=(sensed,), coverage=(silent,)).startswith("measured in part"), "a sensor was silent"
    unread = Coverage(component="rest", grade=None, read_ratio=0.0)
    assert source(breakdown=(sensed,), coverage=(unread,)).startswith("measured in part"), "of a part nothing is known"


IRELAND = Place(provider="aws", region="eu-west-1", zone="IRL", name="Ireland")
BELGIUM = Place(provider="gcp", region="europe-west1", zone="BEL", name="Belgium")


@pytest.mark.parametrize(
    ("places", "provider", "region"),
    [
        ((IRELAND, IRELAND), "Amazon Web Services (AWS)", "eu-west-1 (Ireland)"),
        ((IRELAND, BELGIUM), "Amazon Web Services (AWS); Google Cloud", "eu-west-1 (Ireland); europe-west1 (Belgium)"),
        ((IRELAND, None), None, None),
    ],
)
def test_an_account_of_several_places_names_each_or_none(
    places: tuple[Place | None, ...], provider: str | None, region: str | None
) -> None:
    runs = [msgspec.structs.replace(a_run(ident=f"r{n}"), place=place) for n, place in enumerate(places)]
    content = content_from_run(runs, msgspec.structs.replace(a_footprint(), place=None))
    assert content.fields.get("cloud_provider") == provider
    assert content.fields.get("compute_region") == region
    assert any("not known, so the account has no place" in line for line in content.lines) == (None in places)


def test_a_nested_run_without_a_place_is_where_its_parent_is() -> None:
    outer = msgspec.structs.replace(a_run(ident="outer"), place=IRELAND)
    inner = msgspec.structs.replace(a_run(ident="inner"), parent="outer", place=None)
    content = content_from_run([outer, inner], msgspec.structs.replace(a_footprint(), place=None))
    assert content.fields["compute_region"] == "eu-west-1 (Ireland)"


# -- Accounts ---------------------------------------------------------------------------------------------------------


def measured(**facts: object) -> Run:
    """A run of which the CPU's time is known, too, so that its energy is."""
    work = facts.pop("work", {})
    parent = facts.pop("parent", None)
    run = a_run(**facts)  # type: ignore[arg-type]  # as in `a_run`
    cpu = CpuTime(tree_s=run.duration_s, busy_s=run.duration_s, logical_cpus=16, reserved_cpus=16.0, read_s=run.duration_s)
    return msgspec.structs.replace(run, place=IRELAND, cpu=cpu, work=work, parent=parent)


def attempts() -> list[Run]:
    return [
        measured(ident="r1"),
        measured(ident="r2", start="2026-03-05T22:00:00+00:00", duration_s=7200.0, outcome="failed"),
        measured(ident="r3", start="2026-03-06T10:00:00+00:00"),
    ]


def grams(content: CardContent) -> float:
    return float(content.grams)


def test_restarts_are_one_account_and_the_failed_one_is_counted_and_named() -> None:
    runs = attempts()
    content = content_from_account(runs)
    parts = [grams(content_from_account([run])) for run in runs]
    assert grams(content) == pytest.approx(sum(parts), rel=0.01)
    assert content.fields["hours_used"] == "202 h wall-clock (1,616 device-hours)"
    assert "3 runs of finetune (2 completed, 1 failed); fine-tuning; one after the other" in content.lines[0]
    at = content.lines.index("Counted with the others, though they did not complete:")
    assert content.lines[at + 1].startswith("\tfinetune (r2), started 2026-03-05 22:00 UTC, failed: 2 h, ")
    assert content.lines[at + 1].endswith("CO2eq")
    assert content.runs == ("r1", "r2", "r3")


def test_a_part_of_an_account_says_what_it_leaves_out() -> None:
    first, failed, last = attempts()
    content = content_from_account([last], others=[first, failed])
    said = "Not counted here, though recorded as part of a1: 2 runs of finetune (1 completed, 1 failed); fine-tuning; "
    (line,) = (line for line in content.lines if line.startswith("Not counted"))
    assert line == f"{said}one after the other; started 2026-03-01 to 2026-03-05 (UTC)."
    assert content.grams == content_from_account([last]).grams
    assert b"Not counted here" in fill(read_card(b"# M\n"), content).after


def test_what_is_about_something_else_or_nested_is_not_missed() -> None:
    chosen = measured(ident="r1", parent="outer")
    others = [
        measured(ident="outer"),
        measured(ident="inner", parent="r1"),
        measured(ident="use", kind="inference", work={"requests": 5.0}),
    ]
    assert not [line for line in content_from_account([chosen], others=others).lines if line.startswith("Not counted")]
    lost = msgspec.structs.replace(others[2], name="<!-- footprint:end -->\n- x", account="b\n<!--")
    use = content_from_account([others[2]], others=[lost])
    after = fill(read_card(b"# M\n"), use).after
    assert b"part of b &lt;!--: 1 run of &lt;!-- footprint:end --&gt; - x" in after
    assert after.count(b"footprint:end -->") == 1


@pytest.mark.parametrize("word", ["unknown", "---", "N/A", "~~~", "TBD"])
def test_a_word_for_nothing_is_no_provider(word: str) -> None:
    run = msgspec.structs.replace(measured(), place=msgspec.structs.replace(IRELAND, provider=word))
    content = content_from_account([run])
    assert "cloud_provider" not in content.fields
    assert "cloud_provider" in content.unknown


@pytest.mark.parametrize("kind", ["fine-tuning", "inference"])
def test_a_run_that_lasted_no_time_is_no_zero(kind: str) -> None:
    content = content_from_account([measured(duration_s=0.0, kind=kind, outcome="interrupted", work={"requests": 3.0})])
    assert not content.grams
    assert not content.metadata
    assert not {"carbon_emitted", "hours_used"} & content.fields.keys()
    assert any(line.startswith("Nothing was read before this ended") for line in content.lines)
    assert not any(re.search(r"\b0 (kWh|g|J)\b|no accelerator", line) for line in content.lines)


def test_figures_of_requests_and_tokens_are_not_to_be_added() -> None:
    content = content_from_account([measured(kind="inference", work={"requests": 12_000.0, "tokens": 3.4e6})])
    assert any(line.endswith("Each of them shares out all of the energy: they do not add up.") for line in content.lines)


def test_many_runs_that_did_not_complete_are_not_all_named() -> None:
    runs = [measured(ident=f"s{n}", gpus=1, first_gpu=n, outcome="interrupted" if n else "completed") for n in range(9)]
    lines = content_from_account(runs).lines
    assert sum("was interrupted" in line for line in lines) == 5
    assert "\tand 3 more" in lines
    assert "all at the same time" in lines[0]


def test_ranks_of_two_hosts_at_the_same_time() -> None:
    ranks = [measured(ident=f"rank{n}", gpus=1, first_gpu=n) for n in range(4)]
    elsewhere = msgspec.structs.replace(ranks[3].host, boot_id="b2")
    content = content_from_account([*ranks[:3], msgspec.structs.replace(ranks[3], host=elsewhere)])
    assert "4 runs of finetune (4 completed); fine-tuning; on 2 machines; all at the same time" in content.lines[0]
    assert content.fields["hours_used"] == "100 h wall-clock (400 device-hours)"


def test_a_run_that_failed_alone_says_so() -> None:
    assert "The run failed." in content_from_account([measured(outcome="failed")]).lines


def test_use_is_told_apart_from_training() -> None:
    use = measured(ident="s1", kind="inference", gpus=1, first_gpu=9, duration_s=3600.0, work={"requests": 12_000.0})
    training = content_from_account(attempts())
    content = content_from_account([*attempts(), use])
    assert (content.about, content.grams) == ("training", training.grams), "a joule of use is none of training"
    (beside,) = content.beside
    assert (beside.about, beside.fields, beside.metadata, beside.runs) == ("inference", {}, {}, ("s1",))
    alone = content_from_account([use])
    assert (alone.about, alone.fields, alone.metadata, alone.grams) == ("inference", {}, {}, "")
    assert alone.lines == beside.lines
    assert any(line.startswith("Hardware: 1 x NVIDIA A100") for line in alone.lines)


def test_energy_and_emissions_of_a_thousand() -> None:
    whole = run_footprint(measured(kind="inference", work={"requests": 4_000.0}))
    assert whole.energy_kwh is not None
    run = measured(kind="inference", work={"requests": 4_000.0, "tokens": 2e6, "cache hits": 0.0})
    lines = content_from_account([run]).lines
    (requests,) = [line for line in lines if line.startswith("Per 1,000 requests: ")]
    assert text_of.energy(whole.energy_kwh.central / 4) in requests
    assert requests.endswith("; counted: 4,000 requests.")
    assert any(line.startswith("Per 1,000 tokens: ") and "counted: 2 million tokens" in line for line in lines)
    assert not any("cache hits" in line for line in lines), "a zero is divided by nothing"


def test_tokens_of_some_of_the_requests_make_a_thousand_of_them_dearer_than_it_was() -> None:
    served = {"requests": 40.0, "tokens": 2e6, "tokens/prompt": 5e5, "requests/tokens unknown": 3.0}
    lines = content_from_account([measured(kind="inference", work=served)]).lines
    requests, tokens = [line for line in lines if line.startswith("Per 1,000 ")]
    assert "at most" not in requests
    assert tokens.startswith("Per 1,000 tokens: at most ")
    assert tokens.endswith("; counted: 2 million tokens, and those of 3 more requests are unknown.")


def test_a_thousand_is_that_of_the_runs_that_counted() -> None:
    runs = [
        measured(ident="a", kind="inference", work={"requests": 1_000.0}),
        measured(ident="b", kind="inference", start="2026-03-09T10:00:00+00:00"),
    ]
    one = run_footprint(runs[0]).energy_kwh
    assert one is not None
    (line,) = [line for line in content_from_account(runs).lines if line.startswith("Per 1,000 requests: ")]
    assert text_of.energy(one.central) in line
    assert line.endswith("counted: 1,000 requests by 1 of the 2 runs.")


def test_work_that_nobody_counted_has_no_thousand() -> None:
    lines = content_from_account([measured(kind="inference")]).lines
    assert "Neither requests nor tokens were counted, so nothing is said of what one of them takes." in lines
    assert not any("Per 1,000" in line for line in lines)


def test_what_is_nested_belongs_to_what_contains_it() -> None:
    outer = measured(ident="outer")
    inner = measured(ident="inner", kind="evaluation", parent="outer", duration_s=3600.0, work={"samples": 10.0})
    content = content_from_account([outer, inner])
    assert content.beside == ()
    assert content.metadata["training_type"] == "fine-tuning"
    assert content.grams == content_from_account([outer]).grams, "each joule once"
    assert "1 of them inside another" in content.lines[0]
    assert not any("samples" in line for line in content.lines)


def test_runs_of_both_kinds_of_training_name_no_type() -> None:
    runs = [measured(ident="a", kind="pre-training"), measured(ident="b", start="2026-04-01T10:00:00+00:00")]
    assert "training_type" not in content_from_account(runs).metadata


def test_other_work_fills_the_fields_but_not_the_front_matter() -> None:
    content = content_from_account([measured(kind="other")])
    assert (content.about, content.metadata) == ("training", {})
    assert content.fields["carbon_emitted"]
    assert content.grams


def test_declared_use_is_use() -> None:
    declaration = Declaration(kind="inference", hardware="NVIDIA H100", count=4, hours=12.5)
    content = content_from_declaration(declaration, a_footprint())
    assert (content.about, content.fields, content.metadata) == ("inference", {}, {})
    assert "Hardware: 4 x NVIDIA H100." in content.lines


def test_what_is_beyond_operation_stands_apart_and_is_in_no_number() -> None:
    beyond = msgspec.structs.replace(
        a_footprint(),
        embodied_g=a_range(12_000.0),
        water_l=a_range(340.0),
        water_onsite_l=a_range(100.0),
        water_offsite_l=a_range(240.0),
    )
    plain, apart = content_from_run(a_run(), a_footprint()), content_from_run(a_run(), beyond)
    assert (apart.fields, apart.metadata, apart.grams) == (plain.fields, plain.metadata, plain.grams)
    (line,) = [line for line in apart.lines if line.startswith("Not part of the emissions: ")]
    assert "12 kg (10.2–13.8) CO2eq" in line
    assert "340 litres (289–391), 100 cooling the site, 240 making the electricity" in line
    assert "Not part of the emissions: making the hardware, and water." in plain.lines
    half = content_from_run(a_run(), msgspec.structs.replace(beyond, water_l=None))
    assert any(line.endswith("water (not known).") for line in half.lines)


def test_emissions_are_a_product_that_a_reader_can_follow() -> None:
    content = content_from_account([measured()])
    emissions_g = run_footprint(measured()).emissions_g
    assert emissions_g is not None
    (line,) = [line for line in content.lines if line.startswith("Emissions: ")]
    found = re.search(r" = ([\d.,]+) MWh x ([\d.]+) g CO2eq/kWh \(grid: Ireland\)\.\Z", line)
    assert found is not None
    assert float(found[1]) * 1000 * float(found[2]) == pytest.approx(emissions_g.central, rel=0.002)
    hourly = msgspec.structs.replace(a_footprint(), intensity_g_per_kwh=a_range(999.0))
    assert not any("999" in line for line in content_from_run(a_run(), hourly).lines), "what does not multiply is not shown so"
