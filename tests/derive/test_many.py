"""`estimate_many` is `estimate`, row by row, and `sum_many` keeps what rows share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import footprint
from footprint.accounting.groups import MOST_APART
from footprint.derive import estimate, estimate_many, sum_many
from footprint.derive.halves import work_out
from footprint.derive.many import QUANTITIES, USUAL
from footprint.errors import ConfigError
from footprint.model import KINDS, Declaration
from footprint.reference import using_edition

PLAIN: dict[str, Any] = {"hardware": "A100 SXM4 80GB", "count": 8, "hours": 10.0, "region": "aws:us-east-1", "year": 2023}


def differences(frame: pd.DataFrame, quantities: tuple[str, ...] = USUAL) -> list[str]:
    """Where a frame's estimates are not those that `estimate` gives of its rows."""
    found = estimate_many(frame, errors="column", quantities=quantities)
    assert found.index.equals(frame.index)
    wrong = []
    for at in range(len(frame)):
        facts = {name: plain(frame[name].iloc[at]) for name in frame.columns}
        facts = {name: value for name, value in facts.items() if value is not None}
        row = found.iloc[at]
        try:
            one = estimate(**facts)
        except ConfigError as error:
            if row["error"] != str(error) or not pd.isna(row[quantities[0]]):
                wrong.append(f"{facts}: {error} / {row['error']}")
            continue
        told = [row["error"] is None or pd.isna(row["error"]), set(one.unknown) == set(row["unknown"])]
        told += [sorted(one.warnings) == sorted(row["warnings"])]
        for name in quantities:
            known = getattr(one, name)
            bounds = [known.low, known.central, known.high] if known is not None else [math.nan] * 3
            # Both are rounded to twelve digits: one in the last of them.
            told.append(np.allclose([row[f"{name}_low"], row[name], row[f"{name}_high"]], bounds, 1.01e-11, 0, equal_nan=True))
        if not all(told):
            wrong.append(f"{facts}: {told}, {row.to_dict()} / {one.unknown} {one.warnings}")
    return wrong


def plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or (not isinstance(value, (list, tuple)) and pd.isna(value)) else value


HARDWARE = (
    "A100 SXM4 80GB", "H100", "V100 SXM2", "A100", "TPU v3-8", "TPU v4", "p4d.24xlarge", "64 Volta GPUs", "T4", "8x H100",
    "AMD EPYC 7543", "Xeon Gold 6248", "no such thing", "", "RTX 3090",
)  # fmt: skip
REGIONS = ("aws:us-east-1", "us-east-1", "gcp:europe-west1", "azure:westeurope", "europe-west4-a", "Iowa, USA", "CA", "nowhere")
ZONES = ("FRA", "US-VA", "CA-QC", "egrid:SRVC", "CA", "ZZZ")


def maybe(values: st.SearchStrategy[Any], often: int = 3) -> st.SearchStrategy[Any]:
    """Not stated, or stated, so many times as often."""
    return st.one_of(st.none(), *[values] * often)


hours = st.one_of(st.floats(1e-3, 1e5), st.sampled_from([0.0, -1.0, 1e9, math.inf, 200_000.0, 8.0]))
rows = st.fixed_dictionaries(
    {},
    optional={
        "kind": maybe(st.sampled_from([*KINDS, "finetuning"])),
        "hardware": maybe(st.sampled_from(HARDWARE), 6),
        "count": maybe(st.one_of(st.integers(1, 5000), st.sampled_from([0, -3, 2.5, 8.0])), 6),
        "hours": maybe(hours, 4),
        "device_hours": maybe(hours, 1),
        "energy_kwh": maybe(st.floats(1e-2, 1e6), 1),
        "power_w": maybe(st.one_of(st.floats(1.0, 1200.0), st.sampled_from([0.3, 2500.0, 0.0])), 1),
        "workload": maybe(st.sampled_from(["llm", "transformer", "diffusion"]), 1),
        "scope": maybe(st.sampled_from(["server", "accelerators", "planet"]), 1),
        "pue": maybe(st.one_of(st.floats(1.0, 2.0), st.sampled_from([0.9, 1.0, 7.0])), 1),
        "intensity_g_per_kwh": maybe(st.one_of(st.floats(1.0, 900.0), st.sampled_from([0.0, 0.4, 3000.0, -1.0])), 1),
        "region": maybe(st.sampled_from(REGIONS), 1),
        "zone": maybe(st.sampled_from(ZONES), 1),
        "provider": maybe(st.sampled_from(["aws", "gcp", "a friend"]), 1),
        "year": maybe(st.one_of(st.integers(2012, 2025), st.sampled_from([1999, 2023.5])), 3),
        "life_years": maybe(st.sampled_from([3.0, 4.0, 0.1]), 1),
        "price_per_kwh": maybe(st.sampled_from([0.1, 0.25]), 1),
        "currency": maybe(st.sampled_from(["EUR", "USD"]), 1),
        "flops": maybe(st.floats(1e18, 1e24), 1),
        "parameters": maybe(st.floats(1e8, 1e11), 1),
        "tokens": maybe(st.floats(1e9, 1e12), 1),
        "training": st.sampled_from([True, True, True, False, None]),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=12))
def test_each_row_is_what_estimate_says_of_it(facts: list[dict[str, Any]]) -> None:
    assert differences(pd.DataFrame(facts), QUANTITIES) == []


@st.composite
def tables_of_one_kind(draw: st.DrawFn) -> pd.DataFrame:
    """Rows with the same things stated of each: those that are worked out together."""
    n = draw(st.integers(2, 40))
    hardware = draw(st.lists(st.sampled_from(HARDWARE[:12]), min_size=1, max_size=2))
    frame: dict[str, Any] = {"hardware": [hardware[at % len(hardware)] for at in range(n)]}
    for name, values in (
        ("hours", st.floats(1e-2, 300_000.0)),
        ("count", st.integers(1, 4000)),
        ("power_w", st.floats(1.0, 1500.0)),
        ("pue", st.floats(1.0, 1.9)),
        ("intensity_g_per_kwh", st.one_of(st.just(0.0), st.floats(0.1, 1999.0))),
        ("year", st.integers(2010, 2025)),
    ):
        if name == "hours" or draw(st.booleans()):
            frame[name] = draw(st.lists(values, min_size=n, max_size=n))
    if draw(st.booleans()):
        frame["region"] = draw(st.lists(st.sampled_from(REGIONS[:6]), min_size=n, max_size=n))
    return pd.DataFrame(frame)


@settings(max_examples=60, deadline=None)
@given(tables_of_one_kind())
def test_rows_that_are_worked_out_together_are_what_each_is_alone(frame: pd.DataFrame) -> None:
    assert differences(frame, QUANTITIES) == []


@pytest.mark.parametrize("edition", ["2026.11", "2026.11.2"])
def test_it_knows_what_its_edition_knows(edition: str) -> None:
    frame = pd.DataFrame(
        [PLAIN, PLAIN | {"hours": 20.0}, {"energy_kwh": 5.0, "zone": "FRA"}, {"hardware": "T4", "device_hours": 2.0}]
    )
    with using_edition(edition):
        assert differences(frame, QUANTITIES) == []


def test_most_rows_are_worked_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def watched(facts: dict[str, Any]) -> Any:
        asked.append(facts)
        return work_out(facts)

    monkeypatch.setattr("footprint.derive.estimates.work_out", watched)
    rng = np.random.default_rng(7)
    frame = pd.DataFrame([PLAIN] * 500)
    frame["hours"], frame["count"] = rng.uniform(1, 1000, 500), rng.integers(1, 64, 500)
    frame["hardware"] = rng.choice(["p4d.24xlarge", "H100", "TPU v3-8", "V100"], 500)
    frame["region"] = None
    estimate_many(frame)
    assert asked == []
    frame.loc[3, "flops"] = 1e22
    estimate_many(frame, errors="column")
    assert len(asked) == 1


def test_a_number_between_two_that_are_refused_may_be_right() -> None:
    frame = pd.DataFrame({"hardware": "64 Volta GPUs", "hours": [1.0, 2.0] * 20, "count": [63] * 10 + [64] * 10 + [65] * 20})
    assert differences(frame) == []


def test_nothing_stated_is_nothing_in_every_type() -> None:
    n = 4
    frame = pd.DataFrame(
        {
            "hardware": pd.Categorical(["V100", "V100", "T4", "T4"]),
            "kind": pd.array(["inference", pd.NA, None, "inference"], dtype="string"),
            "count": pd.array([1, 2, 3, 4], dtype="Int64"),
            "hours": np.array([1, 2, 3, 4], dtype=np.int32),
            "year": [2022, None, np.nan, 2021],
            "power_w": pd.array([pd.NA] * n, dtype="Float64"),
            "zone": np.array(["FRA", None, np.nan, "SWE"], dtype=object),
            "pue": [None] * n,
            "training": [True, None, True, np.bool_(True)],
            "region": pd.array([None] * n, dtype="string"),
        },
        index=["a", "a", "b", "c"],
    )
    assert differences(frame) == []


def test_what_is_no_number_and_no_text_is_refused_as_it_is_of_one() -> None:
    frame = pd.DataFrame(
        {
            "hardware": ["V100", "V100", 7, ["V100"], "V100"],
            "count": [1, "8", 1, 1, True],
            "hours": ["10 h", 10, 10, 10, 10],
        },
        dtype=object,
    )
    assert differences(frame) == []
    assert estimate_many(frame, errors="column")["error"].notna().all()


def test_a_frame_without_rows_has_its_columns() -> None:
    found = estimate_many(pd.DataFrame({"hardware": [], "hours": []}), errors="column")
    assert list(found) == [
        f"{name}{end}" for name in USUAL for end in ("_low", "", "_high")
    ] + ["unknown", "warnings", "error"]  # fmt: skip
    assert len(found) == 0
    assert len(estimate_many(pd.DataFrame())) == 0


def test_without_ranges_the_middles_are_the_same() -> None:
    frame = pd.DataFrame([PLAIN, PLAIN | {"hours": 3.0}, PLAIN | {"region": None}])
    with_bounds, without = estimate_many(frame), estimate_many(frame, ranges=False)
    assert [name for name in without if str(name).endswith(("_low", "_high"))] == []
    pd.testing.assert_frame_equal(with_bounds[list(without)], without)


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'hardware'"):
        estimate_many(pd.DataFrame({"hardwear": ["V100"]}))
    with pytest.raises(ConfigError, match="more than once"):
        estimate_many(pd.DataFrame([["V100", "V100"]], columns=["hardware", "hardware"]))
    with pytest.raises(ConfigError, match="errors"):
        estimate_many(pd.DataFrame([PLAIN]), errors="ignore")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="quantity"):
        estimate_many(pd.DataFrame([PLAIN]), quantities=["energy"])


def test_the_first_bad_row_is_named() -> None:
    frame = pd.DataFrame([PLAIN, PLAIN | {"hours": -1.0}, PLAIN | {"year": 1990}], index=["x", "y", "z"])
    with pytest.raises(ConfigError, match=r"^row 'y': hours is -1"):
        estimate_many(frame)


def test_every_fact_is_a_column() -> None:
    frame = pd.DataFrame([PLAIN]).reindex(columns=list(Declaration.__struct_fields__))
    assert differences(frame) == []


def test_it_is_public() -> None:
    assert footprint.estimate_many is estimate_many


# -- Sums ----------------------------------------------------------------------------------------------------------------


def width(row: Any, name: str) -> float:
    return float((row[f"{name}_high"] - row[f"{name}_low"]) / row[name])


@pytest.mark.parametrize("n", [100, MOST_APART, MOST_APART + 1, 5000])
def test_a_sum_keeps_what_rows_share_and_averages_what_they_do_not(n: int) -> None:
    frame = pd.DataFrame([PLAIN] * n)
    one, every = sum_many(frame.head(1)).iloc[0], sum_many(frame).iloc[0]
    assert every["emissions_g"] == pytest.approx(n * one["emissions_g"], rel=1e-9)
    assert every["rows"] == every["with_energy"] == every["with_emissions"] == n
    # Each job draws its own share of rated power and of the host: energy is known to one part in the root of their number,
    # as far as the law is normal; emissions no better than the grid.
    assert width(every, "it_energy_kwh") == pytest.approx(width(one, "it_energy_kwh") / math.sqrt(n), rel=0.1)
    grid = estimate(energy_kwh=1.0, pue=1.1, region="aws:us-east-1", year=2023).emissions_g
    assert grid is not None
    assert width(every, "emissions_g") >= 0.95 * (grid.high - grid.low) / grid.central


def test_sums_go_by_group_and_count_what_they_hold() -> None:
    frame = pd.DataFrame(
        [PLAIN, PLAIN, PLAIN | {"region": None}, PLAIN | {"hours": -1.0}, PLAIN | {"flops": 3e19, "hours": None}]
    )
    frame["team"] = ["a", "b", "b", "b", "b"]
    found = sum_many(frame, ["team"], errors="column")
    assert list(found.index) == ["a", "b"]
    assert found[["rows", "with_energy", "with_emissions", "refused"]].to_numpy()[1].tolist() == [4, 3, 2, 1]
    each = estimate_many(frame.drop(columns="team"), errors="column")
    assert found["emissions_g"].sum() == pytest.approx(each["emissions_g"].sum(), rel=1e-9)
    with pytest.raises(ConfigError, match="row 3"):
        sum_many(frame, ["team"])
    with pytest.raises(ConfigError, match="no column 'teem'"):
        sum_many(frame, ["teem"])


def test_a_sum_does_not_hang_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame([PLAIN] * 400)
    frame["hours"] = rng.lognormal(2, 1, 400)
    frame["year"] = rng.choice([2021, 2022], 400)
    mixed = frame.sample(frac=1, random_state=1)
    for some in (frame, frame.head(100)):
        pd.testing.assert_frame_equal(sum_many(some), sum_many(mixed.loc[mixed.index.isin(some.index)]), rtol=1e-9)
