"""Numbers of bank accounts, bounds of accounts, entries of statements, characters that turn what follows."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tallystick.domain.accounts import AccountKind, bounds
from tallystick.domain.banking.bank_accounts import (
    BankAccount,
    parse_account,
    parse_holder,
    parse_iban,
    parse_routing,
)
from tallystick.domain.banking.bank_fees import BookedFee, repeated
from tallystick.domain.banking.bank_statements import BankEntry, BankStatement, whole_cents
from tallystick.domain.texts import DIRECTION


def test_an_iban_is_read_without_blanks_and_checked() -> None:
    assert parse_iban("de89 3704 0044 0532 0130 00") == "DE89370400440532013000"
    for wrong in ("DE89370400440532013001", "8937", "DE8937040044053201300000000000000000000"):
        with pytest.raises(ValueError, match="IBAN"):
            parse_iban(wrong)


def test_numbers_of_the_united_states_are_read_and_checked() -> None:
    assert parse_routing("110 000 000") == "110000000"
    for wrong in ("110000001", "11000000"):
        with pytest.raises(ValueError, match="routing number"):
            parse_routing(wrong)
    assert parse_account("0001 2345 6789") == "000123456789"
    with pytest.raises(ValueError, match="4 to 17 digits"):
        parse_account("123")


def test_a_holder_has_a_name_that_can_be_seen() -> None:
    assert parse_holder("  Ann   Miller ") == "Ann Miller"
    for wrong in ("", "a\u0007b", "x" * 500):
        with pytest.raises(ValueError, match="holder"):
            parse_holder(wrong)


@pytest.mark.parametrize(
    ("account", "hint"),
    [
        (BankAccount("Ann Miller", iban="DE89370400440532013000"), "DE …3000"),
        (BankAccount("Ann Miller", routing="110000000", account="000123456789"), "US …6789"),
        (BankAccount("Ann Miller", connected="acct_12345678"), "Stripe …5678"),
    ],
)
def test_people_know_an_account_by_its_end(account: BankAccount, hint: str) -> None:
    assert account.hint == hint


def test_an_entry_is_ours_in_the_currency_of_the_books_and_a_statement_hides_its_account() -> None:
    day = date(2027, 3, 1)
    ours, other = (BankEntry("e", "r", day, 10_000, 0, currency) for currency in ("USD", "EUR"))
    assert (ours.is_ours, other.is_ours) == (True, False)
    assert BankStatement("s", "DE89370400440532013000", day, day, (ours,)).hint == "…3000"
    assert BankStatement("s", "", day, day, ()).hint == "not told"


def test_a_bank_books_whole_cents() -> None:
    assert whole_cents(-120_000) == -120_000
    with pytest.raises(ValueError, match="whole cents"):
        whole_cents(1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [  # those of the operator that several of its parts add up to have none
        (AccountKind.RECEIVABLE, (0, 7)),
        (AccountKind.CASH, (0, None)),
        (AccountKind.FEES, (0, None)),
        (AccountKind.PAID_OUT, (0, None)),
        (AccountKind.PREPAID, (None, 0)),
        (AccountKind.COMMISSION_INCOME, (None, 0)),
        (AccountKind.FEE_INCOME, (None, None)),
        (AccountKind.OWED_TO, (None, None)),
        (AccountKind.RAIL, (None, None)),
    ],
)
def test_assets_and_costs_are_not_below_zero_and_liabilities_and_income_not_above(
    kind: AccountKind, expected: tuple[int | None, int | None]
) -> None:
    assert bounds(kind, 7) == expected


def test_characters_that_turn_what_follows_are_found() -> None:
    assert [bool(DIRECTION.search(text)) for text in ("Ann", "\u202eAnn", "a\u2066b", "ä ‰")] == [
        False,
        True,
        True,
        False,
    ]


DAY = date(2026, 11, 28)


def fee_entry(name: str, micros: int = 300_000, day: date = DAY, currency: str = "USD") -> BankEntry:
    return BankEntry(name, name, day, -micros, micros, currency, is_fee=True)


def booked_fee(name: str, number: int = 1, account: str = "…1111", micros: int = 300_000) -> BookedFee:
    return BookedFee(name, DAY, micros, number, account)


@pytest.mark.parametrize(
    ("booked", "account", "expected"),
    [
        ([], "…1111", []),
        ([booked_fee("a")], "…1111", []),
        ([booked_fee("x")], "…1111", ["a"]),
        ([booked_fee("x")], "not told", ["a"]),
        ([booked_fee("x", account="not told")], "…1111", ["a"]),
        ([booked_fee("x")], "…2222", []),
        ([booked_fee("x", micros=300_001)], "…1111", []),
        ([booked_fee("x", micros=-300_000)], "…1111", []),
        ([booked_fee("a"), booked_fee("x", 2)], "…1111", ["b"]),
        ([booked_fee("x"), booked_fee("y", 2), booked_fee("z", 3)], "…1111", ["a", "b"]),
    ],
)
def test_as_many_fees_are_repeated_as_other_statements_have_told(
    booked: list[BookedFee], account: str, expected: list[str]
) -> None:
    later = fee_entry("c", day=DAY + timedelta(days=1))
    entries = [fee_entry("a"), fee_entry("b"), later, fee_entry("e", currency="EUR"), fee_entry("f", micros=0)]

    assert [one.entry_id for one in repeated(entries, account, booked)] == expected
