"""Money on a wrong account, or without a transaction, is found although every sum balances."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.conftest import MakeDatabase
from tests.store.ledger.past import History, Past, made
from tests.support.balanced import all_balanced
from tests.support.books import new_books
from tests.support.clock import TestClock
from tests.support.owner import connection_of_owner

from tallystick.db.database import open_pool

OF_PAYMENTS = "own_transfers_are_of_payments"
OF_INSTRUMENTS = "transactions_moved_what_they_say"
REAL_MONEY = "real_money_moved_as_transactions_say"

WRONG_ACCOUNT = """
UPDATE transfer SET debit_account = CASE debit_account WHEN $3 THEN $4 ELSE debit_account END,
                    credit_account = CASE credit_account WHEN $3 THEN $4 ELSE credit_account END
 WHERE book_id = $1 AND transaction_id = $2 AND $3 IN (debit_account, credit_account)
"""
ONE_MORE = """
INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)
VALUES ($1, $2, 77, $3, $4, 100000, '2027-06-01Z')
"""
SAYS = "UPDATE transaction SET {} WHERE book_id = $1 AND transaction_id = $2"
STEP = "UPDATE transaction_step SET {} WHERE book_id = $1 AND transaction_id = $2"
ONE_STEP_MORE = """
INSERT INTO transaction_step (book_id, transaction_id, number, status, status_code, amount_micros, at)
VALUES ($1, $2, 3, 'Cancelled', 'Canceled', 100000, '2027-06-01Z')
"""
TURNED_ROUND = """
UPDATE transfer SET debit_account = credit_account, credit_account = debit_account
 WHERE book_id = $1 AND transaction_id = $2
"""


@pytest.fixture(scope="module")
async def history(make_migrated: MakeDatabase) -> AsyncIterator[History]:
    """A transaction of each way, made once: in a database of its own, so that `verify` reads these and no others."""
    clock = TestClock()
    async with await open_pool(await make_migrated(), max_size=6) as pool, all_balanced(pool):
        shop, recipient = await new_books(pool, clock), await new_books(pool, clock)
        yield await made(shop, recipient)
        for opened in (shop, recipient):
            await opened.committer.close()


@pytest.fixture
async def past(history: History) -> AsyncIterator[Past]:
    async with connection_of_owner(history.pool) as connection:
        undone = connection.transaction()
        await undone.start()
        await connection.execute("ALTER TABLE account DROP CONSTRAINT account_within_bounds")
        yield Past(connection, history.books, history.buyers, history.transactions)
        await undone.rollback()


async def test_nothing_is_found_where_nothing_is_off(past: Past) -> None:
    assert await past.problems() == {}


@pytest.mark.parametrize(
    ("transaction", "right", "wrong"),
    [
        ("pay", "prepaid ann", "prepaid bob"),
        ("pay", "prepaid ann", "receivable other"),
        ("pay", "sales", "commission_income"),
        ("charge", "receivable tab", "receivable other"),
        ("funding", "prepaid ann", "prepaid bob"),
        ("funding", "prepaid ann", "receivable other"),
        ("funding by card", "prepaid card", "prepaid bob"),
        ("settlement", "receivable tab", "receivable other"),
        ("write-off", "receivable tab", "receivable other"),
        ("write-off", "write_offs", "fees"),
        ("refund", "prepaid ann", "prepaid bob"),
        ("credit", "receivable tab", "receivable other"),
    ],
)
async def test_an_instruments_transaction_on_a_wrong_account(
    past: Past, transaction: str, right: str, wrong: str
) -> None:
    await past.damage(WRONG_ACCOUNT, transaction, "own", right, wrong)

    problems = await past.problems()
    assert list(problems) == [OF_INSTRUMENTS]
    should, should_not = problems[OF_INSTRUMENTS].splitlines()
    if "should have moved 0 " in should:
        should, should_not = should_not, should
    assert past.transactions[transaction] in should
    assert past.subject(right) in should
    assert should.endswith("moved 0")
    assert past.subject(wrong) in should_not


@pytest.mark.parametrize(
    ("transaction", "book", "right", "wrong"),
    [
        ("direct", "own", "sales", "commission_income"),
        ("direct", "operator", "balance_of payer", "balance_of bob"),
        ("direct refund", "operator", "balance_of payer", "balance_of bob"),
        ("by card", "operator", "rail simulated", "balance_of bob"),
        ("open refund", "operator", "rail simulated", "balance_of bob"),
        ("funding", "operator", "balance_of ann", "balance_of bob"),
        ("funding by card", "operator", "rail simulated", "balance_of bob"),
        ("settlement", "operator", "balance_of tab", "balance_of bob"),
        ("deposit", "operator", "balance_of payer", "balance_of bob"),
        ("deposit", "operator", "rail simulated", "balance_of bob"),
        ("shared", "operator", "balance_of payer", "balance_of bob"),
        ("shared", "own", "commission_income", "sales"),
        ("shared", "recipient", "sales", "commission_income"),
        ("shared", "recipient", "commissions", "fees"),
        ("share back", "recipient", "commissions", "write_offs"),
    ],
)
async def test_real_money_on_a_wrong_account(past: Past, transaction: str, book: str, right: str, wrong: str) -> None:
    await past.damage(WRONG_ACCOUNT, transaction, book, right, wrong)

    problems = await past.problems()
    assert list(problems) == [REAL_MONEY]
    lines = problems[REAL_MONEY].splitlines()
    assert len(lines) == 2
    assert all(past.transactions[transaction] in line for line in lines)
    named = [f"{name.split(' ')[0]} {past.subject(name)}".strip() for name in (right, wrong)]
    assert all("rail" in name or name in problems[REAL_MONEY] for name in named)


@pytest.mark.parametrize(
    ("transaction", "book", "debit", "credit", "check"),
    [
        ("pay", "own", "prepaid bob", "prepaid ann", OF_INSTRUMENTS),
        ("pay", "own", "prepaid ann", "sales", OF_INSTRUMENTS),
        ("declined funding", "own", "prepaid bob", "prepaid card", OF_INSTRUMENTS),
        ("write-off", "own", "write_offs", "receivable tab", OF_INSTRUMENTS),
        ("direct", "own", "prepaid bob", "prepaid ann", REAL_MONEY),
        ("direct", "own", "receivable other", "sales", REAL_MONEY),
        ("declined", "own", "prepaid bob", "sales", REAL_MONEY),
        ("declined", "operator", "rail simulated", "balance_of bob", REAL_MONEY),
        ("pay", "operator", "balance_of ann", "balance_of bob", REAL_MONEY),
        ("deposit", "operator", "balance_of ann", "balance_of bob", REAL_MONEY),
        ("shared", "recipient", "fees", "sales", REAL_MONEY),
    ],
)
async def test_a_transfer_that_nobody_ordered(
    past: Past, transaction: str, book: str, debit: str, credit: str, check: str
) -> None:
    await past.damage(ONE_MORE, transaction, book, debit, credit)

    problems = await past.problems()
    assert list(problems) == [check]
    assert past.transactions[transaction] in problems[check]


@pytest.mark.parametrize(
    ("transaction", "book", "check"),
    [
        ("refund", "own", OF_INSTRUMENTS),
        ("charge", "own", OF_INSTRUMENTS),
        ("direct refund", "operator", REAL_MONEY),
        ("deposit", "operator", REAL_MONEY),
    ],
)
async def test_a_transfer_the_wrong_way_round(past: Past, transaction: str, book: str, check: str) -> None:
    await past.damage(TURNED_ROUND, transaction, book)

    assert past.transactions[transaction] in (await past.problems())[check]


@pytest.mark.parametrize(
    ("transaction", "book", "change", "check"),
    [
        ("pay", "own", "amount_micros = 3900000", OF_INSTRUMENTS),
        ("pay", "own", "status = 'Failure'", OF_INSTRUMENTS),
        ("funding", "own", "fee_micros = 0", OF_INSTRUMENTS),
        ("declined funding", "own", "status = 'Success'", OF_INSTRUMENTS),
        ("write-off", "own", "status = 'Cancelled'", OF_INSTRUMENTS),
        ("refund", "own", "payment_method = 'Debt'", OF_INSTRUMENTS),
        ("direct", "own", "fee_micros = 10000", REAL_MONEY),
        ("direct", "own", "status = 'Failure'", REAL_MONEY),
        ("shared", "own", "marketplace_fee_micros = 990000", REAL_MONEY),
        ("shared", "own", "fee_payer = 'Recipient'", REAL_MONEY),
        ("share back", "own", "status = 'Failure'", REAL_MONEY),
        ("deposit", "operator", "amount_micros = 99000000", REAL_MONEY),
        ("deposit", "operator", "status = 'Failure'", REAL_MONEY),
    ],
)
async def test_a_transaction_that_says_something_else(
    past: Past, transaction: str, book: str, change: str, check: str
) -> None:
    await past.damage(SAYS.format(change), transaction, book)

    assert past.transactions[transaction] in (await past.problems())[check]


async def test_an_instrument_with_the_account_of_another(past: Past) -> None:
    await past.connection.execute(
        "UPDATE instrument SET account_id = (SELECT account_id FROM account WHERE book_id = $1 AND subject = $3)"
        " WHERE book_id = $1 AND instrument_id = $2",
        past.books["own"],
        past.subject("prepaid ann"),
        past.subject("prepaid bob"),
    )

    found = (await past.problems())["instruments_have_their_accounts"]
    assert past.subject("prepaid ann") in found
    assert past.subject("prepaid bob") in found


@pytest.mark.parametrize(
    ("transaction", "statement", "said"),
    [
        ("by card", SAYS.format("status_number = 3"), "is Success, but its history ends with nothing"),
        ("by card", STEP.format("status = 'Reserved'"), "its status 2 is Reserved after Pending"),
        ("by card", STEP.format("status = 'Failure'"), "is Success, but its history ends with Failure"),
        ("by card", STEP.format("number = 3"), "its status 3 is Success after (missing)"),
        ("by card", ONE_STEP_MORE, "its status 3 is Cancelled after Success"),
        ("by card", ONE_STEP_MORE, "it has a status 3, but says that 2 was its last"),
        ("write-off", SAYS.format("status = 'Failure'"), "its status 1 is Failure after nothing"),
    ],
)
async def test_a_history_that_cannot_be(past: Past, transaction: str, statement: str, said: str) -> None:
    await past.damage(statement, transaction)

    found = (await past.problems())["statuses_follow_each_other"]
    assert f"transaction {past.transactions[transaction]}" in found
    assert said in found


@pytest.mark.parametrize(
    ("statement", "transaction"),
    [
        (SAYS.format("completed_at = (completed_at AT TIME ZONE 'UTC' - interval '1 day') AT TIME ZONE 'UTC'"), "pay"),
        (SAYS.format("received_at = (received_at AT TIME ZONE 'UTC' - interval '1 day') AT TIME ZONE 'UTC'"), "refund"),
        (
            SAYS.format(
                "received_at = (received_at AT TIME ZONE 'UTC' + interval '1 day') AT TIME ZONE 'UTC',"
                " completed_at = (completed_at AT TIME ZONE 'UTC' + interval '2 days') AT TIME ZONE 'UTC'"
            ),
            "pay",
        ),
        (STEP.format("at = (at AT TIME ZONE 'UTC' - interval '1 day') AT TIME ZONE 'UTC'"), "funding by card"),
        (
            (
                "UPDATE transfer SET booked_at = (booked_at AT TIME ZONE 'UTC' - interval '1 day') AT TIME ZONE 'UTC'"
                " WHERE book_id = $1 AND transaction_id = $2"
            ),
            "charge",
        ),
    ],
)
async def test_what_happened_before_its_cause_is_found(past: Past, statement: str, transaction: str) -> None:
    await past.damage(statement, transaction)
    found = await past.problems()
    assert found.keys() == {"time_goes_on"}
    assert past.transactions[transaction] in found["time_goes_on"] or transaction == "pay"


OWN_ACCOUNT = SAYS.format("own_debit_account = $3")
OWN_TWICE = """
INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)
SELECT book_id, transaction_id, 1, own_debit_account, 2, amount_micros, received_at
  FROM transaction WHERE book_id = $1 AND transaction_id = $2
"""


NAMES_INSTRUMENT = SAYS.format(
    "instrument_id = (SELECT subject FROM account WHERE account.book_id = $1 AND account_id = own_debit_account)"
)
"""As payments were written before, which stay as they are."""
FROM_WRONG_ACCOUNTS = pytest.mark.parametrize(
    ("transaction", "right", "wrong"),
    [
        ("own pay", "prepaid ann", "prepaid bob"),
        ("own pay", "prepaid ann", "receivable other"),
        ("own pay", "prepaid ann", "cash"),
        ("own charge", "receivable tab", "receivable other"),
    ],
)


@FROM_WRONG_ACCOUNTS
async def test_a_payment_that_is_its_own_transfer_from_a_wrong_account(
    past: Past, transaction: str, right: str, wrong: str
) -> None:
    await past.damage(OWN_ACCOUNT, transaction, "own", wrong)

    assert past.subject(right) != past.subject(wrong)
    first, *more = (await past.problems())[OF_PAYMENTS].splitlines()
    assert past.transactions[transaction] in first
    assert f"came from {wrong.partition(' ')[0]} {past.subject(wrong)}".rstrip() in first
    assert all(past.transactions[transaction] in line for line in more), "and has no token"


@FROM_WRONG_ACCOUNTS
async def test_one_that_names_its_instrument_from_a_wrong_account(
    past: Past, transaction: str, right: str, wrong: str
) -> None:
    await past.damage(NAMES_INSTRUMENT, transaction)
    assert await past.problems() == {}
    await past.damage(OWN_ACCOUNT, transaction, "own", wrong)

    problems = await past.problems()
    assert OF_INSTRUMENTS in problems
    lines = problems[OF_INSTRUMENTS].splitlines()
    assert len(lines) == 2
    assert all(past.transactions[transaction] in line for line in lines)
    assert all(any(past.subject(name) in line for line in lines) for name in (right, wrong))


async def test_a_payment_of_another_buyer_than_the_account_is_found(past: Past) -> None:
    await past.damage(SAYS.format("sender_party_id = sender_party_id + 1"), "own pay")
    assert past.transactions["own pay"] in (await past.problems())[OF_PAYMENTS]


async def test_a_payment_that_moved_nothing_is_found(past: Past) -> None:
    await past.damage(SAYS.format("own_debit_account = NULL"), "own charge")

    problems = await past.problems()
    assert problems.keys() == {OF_PAYMENTS, "instruments_agree_with_transactions"}
    (line,) = problems[OF_PAYMENTS].splitlines()
    assert past.transactions["own charge"] in line
    assert "leave out" in line


async def test_one_that_names_its_instrument_and_moved_nothing_is_found(past: Past) -> None:
    await past.damage(NAMES_INSTRUMENT, "own charge")
    await past.damage(SAYS.format("own_debit_account = NULL"), "own charge")

    problems = await past.problems()
    assert problems.keys() == {OF_INSTRUMENTS, OF_PAYMENTS}, "and it leaves out what only an own transfer may"
    assert past.transactions["own charge"] in problems[OF_INSTRUMENTS]
    assert past.transactions["own charge"] in problems[OF_PAYMENTS]
    assert problems[OF_INSTRUMENTS].endswith("moved 0")


@pytest.mark.parametrize(
    ("statement", "transaction", "checks"),
    [
        (SAYS.format("amount_micros = amount_micros + 1"), "own pay", {"balances_follow_from_transfers"}),
        (
            "DELETE FROM transaction WHERE book_id = $1 AND transaction_id = $2",
            "own pay",
            {"balances_follow_from_transfers", "references_have_transactions"},
        ),
        (OWN_TWICE, "own pay", {"balances_follow_from_transfers", OF_PAYMENTS}),
    ],
)
async def test_an_own_transfer_that_is_another_one_or_gone(
    past: Past, statement: str, transaction: str, checks: set[str]
) -> None:
    await past.spoil(statement, transaction)
    assert (await past.problems()).keys() == checks


@pytest.mark.parametrize("transaction", ["funding", "settlement", "refund", "direct", "by card", "declined"])
async def test_what_is_no_payment_from_an_instrument_is_no_transfer_itself(past: Past, transaction: str) -> None:
    await past.damage(OWN_ACCOUNT, transaction, "own", "prepaid bob")
    assert past.transactions[transaction] in (await past.problems())[OF_PAYMENTS]


@pytest.mark.parametrize("transaction", ["funding", "pay", "direct"])
@pytest.mark.parametrize(
    "column",
    [
        *("fee_payer", "marketplace_fee_micros", "marketplace_refunded_micros", "fee_refunded_micros"),
        *("refunded_micros", "fee_micros", "status_code", "status_number"),
    ],
)
async def test_what_is_no_transfer_itself_leaves_nothing_out(past: Past, transaction: str, column: str) -> None:
    await past.damage(SAYS.format(f"{column} = NULL"), transaction)
    assert past.transactions[transaction] in (await past.problems())[OF_PAYMENTS]


async def test_a_payment_of_which_nobody_knows_the_token_is_found(past: Past) -> None:
    await past.damage(
        "UPDATE token SET old_token_id = token_id WHERE (book_id, instrument_id) = (SELECT account.book_id, subject"
        " FROM transaction JOIN account ON account.book_id = $1 AND account_id = own_debit_account"
        " WHERE transaction.book_id = $1 AND transaction_id = $2) AND purpose = 'prepaid_sender'",
        "own pay",
    )
    problems = await past.problems()
    assert list(problems) == [OF_PAYMENTS]
    assert past.transactions["own pay"] in problems[OF_PAYMENTS]
