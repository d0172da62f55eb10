"""Statements as banks send them: CAMT.053 in several versions, and files that mean harm."""

from __future__ import annotations

import pytest

pytest.importorskip("lxml")

from tests.support.statements import camt, entry

from tallystick.domain.banking.bank_statements import BankEntry, BankStatement
from tallystick.domain.ids import TRANSACTION_ENTROPY_BYTES, BookId, make_transaction_id
from tallystick.processors.statements.lines import MAX_BYTES, MAX_ENTRIES, NO_REFERENCE
from tallystick.processors.statements.reading import StatementError, read_statements

PAYOUT = make_transaction_id(BookId(17), 1_790_000_000_000, bytes(TRANSACTION_ENTROPY_BYTES))
CENT = 10_000


def read(content: str | bytes) -> BankStatement:
    (found,) = read_statements(content.encode() if isinstance(content, str) else content, "november.xml")
    return found


def only(content: str) -> BankEntry:
    (found,) = read(content).entries
    return found


@pytest.mark.parametrize("version", ["02", "08", "13"])
def test_a_payment_that_left(version: str) -> None:
    statement = read(camt(entry("-20.00", end_to_end_id=PAYOUT, bank_reference="B-77"), version=version))

    assert (statement.name, statement.account, statement.hint) == ("S-1", "DE75512108001245126199", "…6199")
    assert (f"{statement.first_day}", f"{statement.last_day}") == ("2026-11-01", "2026-11-30")
    (payment,) = statement.entries
    assert (payment.amount_micros, payment.fee_micros, payment.currency) == (-2000 * CENT, 0, "USD")
    assert payment.names[0] == PAYOUT
    assert payment.reference == "B-77"
    assert not payment.is_fee


def test_an_entry_is_the_same_in_every_statement_that_has_it() -> None:
    ours = entry("-20.00", end_to_end_id=PAYOUT, bank_reference="B-77", day="2026-11-28")
    day = read(camt(ours, name="of the day", since="2026-11-28", until="2026-11-28"))
    month = read(camt(entry("-1.00"), ours, name="of the month"))

    assert day.entries[0].entry_id == month.entries[1].entry_id
    assert month.entries[0].entry_id != month.entries[1].entry_id


def test_two_that_are_alike_are_two() -> None:
    fee = entry("-0.30", fee=True)
    first, second = read(camt(fee, fee)).entries
    assert first.entry_id != second.entry_id


def test_fees_of_the_bank() -> None:
    found = only(camt(entry("-0.30", fee=True)))
    assert (found.is_fee, found.fee_micros, found.amount_micros) == (True, 30 * CENT, -30 * CENT)
    given_back = only(camt(entry("0.30", fee=True)))
    assert given_back.fee_micros == -30 * CENT


@pytest.mark.parametrize(("booked", "gross"), [("-20.30", -2000), ("19.70", 2000)])
def test_what_the_bank_kept_out_of_an_amount_is_a_fee(booked: str, gross: int) -> None:
    found = only(camt(entry(booked, charges="0.30")))
    assert (found.amount_micros, found.fee_micros) == (gross * CENT, 30 * CENT)


def test_charges_that_are_not_in_the_amount_are_entries_of_their_own() -> None:
    found = only(camt(entry("-20.00", charges="0.30", included="false")))
    assert (found.amount_micros, found.fee_micros) == (-2000 * CENT, 0)


def test_charges_in_another_currency_are_no_fee_in_this_one() -> None:
    """What they come to here is not told: people see that the amount is off."""
    other = entry("-20.30", charges="0.30").replace('<Amt Ccy="USD">0.30', '<Amt Ccy="EUR">0.30')
    found = only(camt(other))
    assert (found.amount_micros, found.fee_micros) == (-2030 * CENT, 0)


def test_transactions_of_one_entry_are_told_apart() -> None:
    other = make_transaction_id(BookId(17), 1_790_000_000_001, bytes(TRANSACTION_ENTROPY_BYTES))
    found = read(camt(entry("-50.00", parts=[("20.00", PAYOUT), ("30.00", other)]))).entries
    assert [(one.amount_micros, one.names[0]) for one in found] == [(-2000 * CENT, PAYOUT), (-3000 * CENT, other)]


def test_transactions_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(StatementError, match="add up to something else"):
        read(camt(entry("-50.00", parts=[("20.00", PAYOUT), ("20.00", PAYOUT)])))


def test_one_entry_for_a_whole_file() -> None:
    found = only(camt(entry("-50.00", message_id="20261129045900-5df33b513ed2")))
    assert found.message_id == "20261129045900-5df33b513ed2"


def test_what_is_not_booked_yet_is_left_out() -> None:
    assert read(camt(entry("-20.00", status="PDNG"))).entries == ()


def test_an_id_of_ours_is_found_in_a_text_that_the_bank_broke() -> None:
    found = only(camt(entry("-20.00", text=f"payout {PAYOUT[:20]} {PAYOUT[20:].lower()} thank you")))
    assert PAYOUT in found.names
    assert found.reference == NO_REFERENCE


CHARGE = '<Rcrd><Amt Ccy="USD">1000000000</Amt><ChrgInclInd>true</ChrgInclInd></Rcrd>'
HARM = {
    "another's file": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + camt(entry("-1.00", text="&x;")),
    "a bomb": '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + camt(entry("-1.00", text="&b;")),
    "a type in lower case": "<!doctype a>" + camt(),
    "an unknown entity": camt(entry("-1.00", text="&x;")),
    "no end": camt()[:-20],
    "too deep": "<a>" * 5000 + "</a>" * 5000,
    "another document": '<Document xmlns="urn:x"><CstmrCdtTrfInitn/></Document>',
    "an amount below": camt(entry("-1.00").replace("1.00", "-1.00")),
    "half a cent": camt(entry("-1.005")),
    "an endless amount": camt(entry("-1" + "0" * 17)),
    "endless charges": camt(entry("-1.00", charges="1000000000").replace("</Chrgs>", CHARGE * 9 + "</Chrgs>")),
    "a day that is none": camt(entry("-1.00", day="2026-02-30")),
    "a day of long ago": camt(entry("-1.00", day="0001-01-01")),
    "no currency": camt(entry("-1.00").replace('Ccy="USD"', "")),
    "no direction": camt(entry("-1.00").replace("DBIT", "BOTH")),
    "too many": camt(entry("-1.00") * (MAX_ENTRIES + 1)),
}


@pytest.mark.parametrize("content", HARM.values(), ids=HARM)
def test_harm_is_refused(content: str) -> None:
    with pytest.raises(StatementError):
        read_statements(content.encode(), "x.xml")


def test_other_encodings_hide_nothing() -> None:
    document = ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a>' + camt()).encode("utf-16")
    with pytest.raises(StatementError):
        read_statements(document, "x.xml")


def test_what_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(StatementError, match="larger than 2 MiB"):
        read_statements(b"<" * (MAX_BYTES + 1), "x.xml")


def test_comments_and_instructions_are_passed_over() -> None:
    found = only(camt("<!-- x --><?x y?>", entry("-1.00").replace("<Amt", "<!-- a --><?b c?><Amt", 1)))
    assert found.amount_micros == -100 * CENT


def test_several_statements_of_one_file() -> None:
    first, second = camt(entry("-1.00"), name="S-1"), camt(entry("-2.00"), name="S-2")
    inner = second[second.index("<Stmt>") : second.index("</Stmt>") + 7]
    found = read_statements(first.replace("</Stmt>", "</Stmt>" + inner).encode(), "x.xml")
    assert [one.name for one in found] == ["S-1", "S-2"]
