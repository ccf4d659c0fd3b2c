from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint import text


@pytest.mark.parametrize(
    ("value_g", "shown"),
    [
        (78281.6, "78.3 kg"),
        (999.9, "1 kg"),
        (999.4, "999 g"),
        (0.0, "0 g"),
        (72.2e6, "72.2 t"),
        (0.0123, "12.3 mg"),
        (1e-9, "0.001 µg"),
        (-5_000.0, "-5 kg"),
        (1.234e9, "1.23 kt"),
    ],
)
def test_mass(value_g: float, shown: str) -> None:
    assert text.mass(value_g) == shown


@pytest.mark.parametrize(
    ("value_kwh", "shown"),
    [(266.4, "266 kWh"), (0.0451, "45.1 Wh"), (1e-8, "0.036 J"), (9.9e-5, "356 J"), (1e-3, "1 Wh"), (1234.0, "1.23 MWh")],
)
def test_energy(value_kwh: float, shown: str) -> None:
    assert text.energy(value_kwh) == shown


@pytest.mark.parametrize(
    ("value_s", "shown"),
    [
        (0.005, "5 ms"),
        (0.0, "0 s"),
        (12.34, "12.3 s"),
        (59.99, "1 min"),
        (245.0, "4 min 5 s"),
        (3599.8, "1 h"),
        (7380.0, "2 h 3 min"),
        (446400.0, "5 d 4 h"),
        (86399.9, "1 d"),
    ],
)
def test_duration(value_s: float, shown: str) -> None:
    assert text.duration(value_s) == shown


def test_range_keeps_one_unit() -> None:
    assert text.mass_range(131_000, 153_000, 178_000) == "153 kg (131–178)"
    assert text.mass_range(131_000, 153_000, 178_000, dash="-") == "153 kg (131-178)"
    assert text.mass_range(5.0, 5.0, 5.0) == "5 g"
    assert text.mass_range(0.0, 0.0, 1500.0) == "0 kg (0–1.5)"
    assert text.energy_range(0.2, 1.0, 2.5) == "1 kWh (0.2–2.5)"


def test_values_that_stand_together_share_the_unit_of_the_largest() -> None:
    unit = text.shared_unit([None, 0.3, 1_234.0, 2e-9, float("nan")], text.ENERGY)
    assert [text.in_unit(value, unit) for value in (1_234.0, 0.3, 2e-9, 0.0)] == ["1.23 MWh", "<0.001 MWh", "<0.001 MWh", "0 MWh"]
    assert text.in_unit(12.3, unit) == "0.0123 MWh"
    assert text.range_in_unit(240.0, 266.0, 1301.0, unit) == "0.266 MWh (0.24–1.3)"
    assert text.range_in_unit(0.0, 0.2, 40.0, unit) == "<0.001 MWh (0–0.04)"
    assert text.range_in_unit(0.1, 0.2, 0.3, unit) == "<0.001 MWh"
    assert text.shared_unit([], text.MASS) == text.shared_unit([None], text.MASS) == ("g", 1.0)


@given(st.lists(st.floats(min_value=1e-12, max_value=1e12), min_size=1))
def test_a_shared_unit_makes_no_false_zero(values: list[float]) -> None:
    unit = text.shared_unit(values, text.MASS)
    for value in values:
        assert any(c in "123456789" for c in text.in_unit(value, unit))


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [(0.0, "0 %"), (0.0004, "<0.1 %"), (0.9999, ">99.9 %"), (1.0, "100 %"), (0.1 * 3 + 0.7 - 1e-15, "100 %"), (0.123, "12.3 %")],
)
def test_percent(ratio: float, shown: str) -> None:
    assert text.percent(ratio) == shown


def test_plain_is_a_decimal_for_machines() -> None:
    assert [text.plain(v) for v in (152_300.0, 1.234e-6, 0.0, 1e15, 45.0)] == [
        "152000",
        "0.00000123",
        "0",
        "1000000000000000",
        "45",
    ]


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_what_is_not_zero_is_never_shown_as_zero(value: float) -> None:
    for shown in (text.mass(value), text.energy(value), text.duration(value), text.percent(value), text.number(value)):
        assert any(c in "123456789" for c in shown), shown
    assert float(text.plain(value)) == pytest.approx(value, rel=0.006)


@given(st.text(st.characters(codec=None)))
def test_a_clean_name_is_one_harmless_line(name: str) -> None:
    shown = text.clean(name)
    assert shown
    assert len(shown) <= text.NAME_LIMIT
    assert shown.encode()
    assert all(unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" for c in shown)
    assert text.clean(shown) == shown


def test_clean_names() -> None:
    assert text.clean("a\x1b[31mred\x1b[0m\nb") == "a[31mred[0m b"
    assert text.clean("abc\u202egpj.exe\u2066") == "abcgpj.exe"
    assert text.clean(" \u200b\ud800 ") == "(no name)"
    assert text.clean("x" * 10_000) == "x" * 119 + "…"
    assert text.clean("נסיון 研究") == "נסיון 研究"
    assert text.clean("Z" + "\u0301" * 50) == "Z" + "\u0301" * 4
