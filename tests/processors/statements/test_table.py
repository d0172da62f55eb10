"""Statements as tables, with the columns of docs/reconciliation.md."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.banking.bank_statements import BankStatement
from tallystick.domain.ids import TRANSACTION_ENTROPY_BYTES, BookId, make_transaction_id
from tallystick.processors.statements.lines import MAX_ENTRIES
from tallystick.processors.statements.reading import StatementError, read_statements
from tallystick.processors.statements.table import COLUMNS

PAYOUT = make_transaction_id(BookId(17), 1_790_000_000_000, bytes(TRANSACTION_ENTROPY_BYTES))
CENT = 10_000


def read(text: str) -> BankStatement:
    (found,) = read_statements(text.encode(), "november.csv")
    return found


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_all_columns(delimiter: str) -> None:
    lines = [
        ",".join(COLUMNS),
        f"2026-11-28,-20.30,USD,B-77,{PAYOUT},,,payment,0.30,DE75 5121",
        "2026-11-29,-0.40,USD,B-78,,,,fee,,DE755121",
        "2026-11-30,+5,EUR,B-79,,M-1,hello,,,de755121",
    ]
    statement = read("\r\n".join(lines).replace(",", delimiter))

    assert (statement.name, statement.account) == ("november.csv", "DE755121")
    assert (f"{statement.first_day}", f"{statement.last_day}") == ("2026-11-28", "2026-11-30")
    left, fee, other = statement.entries
    assert (left.amount_micros, left.fee_micros, left.names) == (-2000 * CENT, 30 * CENT, (PAYOUT, "B-77"))
    assert (fee.is_fee, fee.fee_micros) == (True, 40 * CENT)
    assert (other.amount_micros, other.currency, other.message_id) == (500 * CENT, "EUR", "M-1")


def test_two_columns_are_enough_and_an_id_may_stand_in_the_text() -> None:
    (found,) = read(f'date,amount,text\n2026-11-28,-20,"payout\n{PAYOUT}"\n').entries
    assert found.names == (PAYOUT,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "nothing in it"),
        ("date,amount\n", "no entry"),
        ("when,amount\n2026-11-28,1\n", "no column 'date'"),
        ("date,amount,colour\n2026-11-28,1,red\n", "no column 'colour'"),
        ("date,amount,amount\n2026-11-28,1,1\n", "there twice"),
        ("date,amount\n2026-11-28\n", "line 2: it has not as many"),
        ("date,amount\n2026-11-28,1,2\n", "line 2: it has not as many"),
        ("date,amount\n28.11.2026,1\n", "line 2: not a day"),
        ('date;amount\n2026-11-28;"1,00"\n', "line 2: not an amount"),
        ("date,amount\n2026-11-28,--1\n", "line 2: not an amount"),
        ("date,amount\n2026-11-28,0.001\n", "whole cents"),
        ("date,amount\n2026-11-28,9999999999\n", "larger than"),
        ("date,amount,fee\n2026-11-28,999999999,999999999\n", "larger than"),
        ("date,amount,kind\n2026-11-28,1,gift\n", "not a kind"),
        ("date,amount,kind,fee\n2026-11-28,-1,fee,1\n", "no fee of its own"),
        ("date,amount,account\n2026-11-28,1,A\n2026-11-28,1,B\n", "several accounts"),
        ('date,amount\n2026-11-28,"1\n', "unexpected end of data"),
        ("date,amount\n2026-11-28,1\0\n", "not text"),
        ("date,amount\n" + "2026-11-28,1\n" * (MAX_ENTRIES + 1), "more than 5000 entries"),
    ],
)
def test_what_cannot_be_read_says_where(text: str, reason: str) -> None:
    with pytest.raises(StatementError, match=reason):
        read(text)


def test_not_utf_8() -> None:
    with pytest.raises(StatementError, match="not UTF-8"):
        read_statements("date,amount,text\n2026-11-28,1,Gebühr\n".encode("latin-1"), "x.csv")


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: f"date,amount\n{text}".encode())))
def test_anything_is_read_or_refused(content: bytes) -> None:
    try:
        found = read_statements(content, "x")
    except StatementError:
        return
    assert all(one.entries for one in found)
