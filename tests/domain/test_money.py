from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tallystick.domain.commands import Method
from tallystick.domain.fees import Bracket, FeeSchedule
from tallystick.domain.money import display_amount, format_amount, parse_amount, whole_minor_units
from tallystick.services.operations.fee_schedules import read_fee_schedules


@pytest.mark.parametrize(
    ("text", "micros"),
    [("10", 10_000_000), ("10.00", 10_000_000), ("0.05", 50_000), ("0.000001", 1), ("007.5", 7_500_000)],
)
def test_reads_decimal_text(text: str, micros: int) -> None:
    assert parse_amount(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        "1.",
        ".5",
        "1.0000001",
        "1e3",
        " 1",
        "1 ",
        "1,00",
        "1_000",
        "0x1",
        "\u0661",
        "9" * 14,
        "NaN",
        "1\n",
    ],
)
def test_refuses_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_amount(text)


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_what_is_written_reads_back(micros: int) -> None:
    assert parse_amount(format_amount(micros)) == micros
    assert parse_amount(display_amount(micros)) == micros
    assert 0 <= micros - whole_minor_units(micros) < 10_000


def test_negative_amounts_keep_their_sign() -> None:
    assert format_amount(-100_000) == "-0.100000"
    assert display_amount(-100_000) == "-0.10"
    assert display_amount(125) == "0.000125"


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize(("amount", "fee"), [("1.00", "0.10"), ("5.00", "0.30"), ("10.00", "0.30"), ("90.00", "2.50")])
def test_the_shipped_schedule_gives_every_documented_figure(method: Method, amount: str, fee: str) -> None:
    assert read_fee_schedules(None)[method].fee(parse_amount(amount)) == parse_amount(fee)


@given(st.integers(min_value=0, max_value=10**12), st.integers(min_value=0, max_value=10**12))
def test_a_larger_amount_never_costs_less(one: int, other: int) -> None:
    schedule = read_fee_schedules(None)[Method.CC]
    small, large = sorted((one, other))
    assert schedule.fee(small) <= schedule.fee(large)


def test_a_schedule_must_make_sense() -> None:
    with pytest.raises(ValueError, match="brackets"):
        FeeSchedule(0, (Bracket(10, 1),))
    with pytest.raises(ValueError, match="brackets"):
        FeeSchedule(0, (Bracket(10, 1), Bracket(5, 1), Bracket(None, 1)))
    with pytest.raises(ValueError, match="fixed"):
        FeeSchedule(-1, (Bracket(None, 1),))
