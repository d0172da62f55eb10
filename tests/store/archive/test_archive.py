"""History moves out, and what stays still proves itself."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.store.direct import taken, work
from tests.store.past import Past, accepted, figure, paid_through, pay_other
from tests.support.booked import BOOKED
from tests.support.books import Buyer, OpenBooks

from tallystick.domain.commands import Method, Refund
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.rails.commands import Declined, Paid, RailOperation, ResolveCharge
from tallystick.domain.refusals import Refusal, Refused
from tallystick.store.archive import archive as archiving
from tallystick.store.archive.archive import TooRecentError
from tallystick.store.archive.check import restore_references
from tallystick.store.archive.files import read_manifest, rows
from tallystick.store.ledger import create_book, shards
from tallystick.store.ledger.verify import verify
from tallystick.store.queries import authorizations, reads
from tallystick.store.queries.figures import Sum

read_schema = pytest.importorskip("pyarrow.parquet").read_schema


async def test_what_is_old_leaves_and_every_sum_stays(past: Past) -> None:
    shop = past.shop
    before = await verify(past.pool)
    balances = await past.pool.fetch("SELECT book_id, account_id, balance_micros FROM account ORDER BY 1, 2")

    batches = await past.archive(maximum=5)

    assert len(batches) == 4 + 1  # 17 transactions of the shop, 3 deposits of the operator
    assert sum(batch.transactions for batch in batches) == before.transactions - 1
    assert await past.pool.fetch("SELECT book_id, account_id, balance_micros FROM account ORDER BY 1, 2") == balances
    after = await verify(past.pool)
    assert after.problems == []
    assert (after.transactions, after.transfers) == (1, 1)
    report = await past.checked()
    assert report.problems == []
    assert (report.batches, report.transactions) == (5, before.transactions - 1)
    assert report.transfers == before.transfers - 1
    accepted(await shop.pay(past.prepaid, "0.25"))
    assert await shop.balance(past.prepaid) == parse_amount("6.25")
    assert await shop.balance(past.tab) == parse_amount("13.00")
    await past.assert_proven()


ZEROES = ("fee_micros", "fee_refunded_micros", "marketplace_fee_micros", "marketplace_refunded_micros")


async def test_a_payment_that_is_its_own_transfer_leaves_as_one_that_has_a_row(past: Past) -> None:
    of_payments = (
        f"SELECT transaction_id, debit_account, credit_account, amount_micros, booked_at FROM {BOOKED}"  # noqa: S608 - ours
        " WHERE book_id = $1 AND transaction_id IN (SELECT transaction_id FROM transaction WHERE operation = 'Pay'"
        "                                              AND payment_method IN ('Prepaid', 'Debt') AND completed_at < $2)"
    )
    until = past.shop.clock() - timedelta(days=20)
    before = await past.pool.fetch(of_payments, past.shop.book_id, until)
    left_out = await past.pool.fetchval(
        "SELECT count(*) FROM transaction WHERE num_nonnulls(instrument_id, sender_token_id, fee_payer, fee_micros) = 0"
    )
    assert left_out == 1 + 6
    own = await past.pool.fetchval("SELECT count(*) FROM transaction WHERE own_debit_account IS NOT NULL")
    assert own == 1 + 6, "the first of all, and every other charge of the tab"
    assert len(before) == 1 + 12

    found, payments = [], []
    for batch in await past.archive():
        manifest, _ = read_manifest(batch.directory)
        assert "own_debit_account" not in read_schema(batch.directory / "transaction.parquet").names
        columns = ("transaction_id", "debit_account", "credit_account", "amount_micros", "booked_at", "number")
        found += [row for row in rows(batch.directory, manifest, "transfer", columns) if row[2] == 2]
        usual = ("fee_payer", *ZEROES, "status_code", "status_number")
        said = ("operation", "instrument_id", "sender_token_id", *usual, "refunded_micros")
        payments += [
            row
            for row in rows(batch.directory, manifest, "transaction", said)
            if row[0] == "Pay" and row[1] is not None
        ]

    of_sales = {(*tuple(row), 1) for row in before}
    assert of_sales <= set(found)
    assert len(found) == len(of_sales) + 1  # and the payment from the account
    tokens = {buyer.instrument: buyer.spending for buyer in (past.prepaid, past.tab)}
    assert len(payments) == 1 + 12
    assert {row[1:-1] for row in payments} == {
        (instrument, token, "Recipient", 0, 0, 0, 0, "Success", 1) for instrument, token in tokens.items()
    }
    assert {row[-1] for row in payments} == {0, 1_000_000}, "one of them was refunded"


async def test_people_see_the_same_figures_as_before(past: Past) -> None:
    async def figures() -> list[object]:
        found: list[object] = []
        for buyer in (past.prepaid, past.tab, past.card):
            (given,) = await authorizations.authorizations_of(past.pool, buyer.party_id, 5)
            found += [given.spent_micros, given.pending_micros, given.holdings]
        return found

    async def shown() -> list[tuple[str, int]]:
        query = reads.ActivityQuery((past.shop.book_id,), past.shop.party_id, "sandbox", "0", "Z", False, 1, 0)
        entries = await reads.activity(past.pool, query)
        return [(entry.transaction.transaction_id, entry.cash_after_micros) for entry in entries]

    before = await figures(), await shown()
    await past.archive()

    assert (await figures(), await shown()) == before
    assert await archiving.archived_before(past.pool, past.shop.book_id) == past.shop.clock() - timedelta(days=20)


async def test_figures_of_a_console_that_was_never_opened_are_added_up_before(past: Past) -> None:
    await past.archive()

    found = {name: await figure(past, past.shop, name) for name in ("spent", "charged", "settled")}
    assert found == {"spent": Sum(2, 4_500_000), "charged": Sum(12, 24_000_000), "settled": Sum(1, 10_000_000)}


@pytest.mark.parametrize("later", [True, False], ids=["a book that comes later", "a book that came before"])
async def test_a_recipient_keeps_its_figures_and_is_told_of_the_archive(
    past: Past, open_shop: OpenBooks, later: bool
) -> None:
    """Its transfers are archived with the caller's batches, whichever of the two books comes first."""
    other, token, buyer = await paid_through(past, open_shop, "20.00")
    while (other.book_id > past.shop.book_id) is not later:  # the numbers of books are random
        other, token, buyer = await paid_through(past, open_shop, "20.00")
    accepted(await pay_other(past.shop, buyer, token))
    past.shop.clock.forward(days=30)
    await past.archive()

    assert await figure(past, other, "direct") == Sum(1, 12_000_000)
    assert await archiving.archived_before(past.pool, other.book_id) == past.shop.clock() - timedelta(days=20)


async def test_an_archived_payment_cannot_be_refunded_and_its_reference_stays_spent(past: Past) -> None:
    await past.archive()
    outcome = await past.shop.refund(past.charge)
    again = await past.shop.pay(past.prepaid, "1.00", "order-1")

    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.InvalidTransactionId
    assert isinstance(again, Refused)
    assert again.refusal is Refusal.DuplicateRequest
    assert "spent by transaction" in again.message
    await past.assert_proven()


async def test_references_that_an_older_release_freed_are_restored_from_the_archive(past: Past) -> None:
    await past.archive()
    whole = "SELECT reference_digest, transaction_id FROM answered_reference WHERE book_id = $1 AND fingerprint IS NULL"
    before = await past.pool.fetch(whole, past.shop.book_id)
    gone = "DELETE FROM answered_reference WHERE book_id = $1 AND fingerprint IS NULL"
    assert await past.pool.execute(gone, past.shop.book_id) == f"DELETE {len(before)}"

    found = (await past.checked()).problems
    assert found
    assert all("are not kept as spent; run: tallystick archive references" in problem for problem in found)
    for _ in range(2):
        assert await restore_references(past.pool, past.root) >= len(before)
        assert set(await past.pool.fetch(whole, past.shop.book_id)) == set(before)
    await past.assert_proven()


async def test_references_of_the_last_seven_days_still_answer(past: Past) -> None:
    first = accepted(await past.shop.pay(past.prepaid, "0.10", "lately"))
    past.shop.clock.forward(days=6)
    await past.archive(days=7)

    assert accepted(await past.shop.pay(past.prepaid, "0.10", "lately")) == first
    with pytest.raises(TooRecentError):
        await past.archive(days=6)


async def test_a_refund_that_came_later_stays_and_is_proven_with_the_archive(past: Past) -> None:
    accepted(await past.shop.refund(past.charge, "0.75"))
    await past.archive()

    assert (await verify(past.pool)).transactions == 2
    await past.assert_proven()
    past.shop.clock.forward(days=60)
    await past.archive()
    assert (await verify(past.pool)).transactions == 0
    await past.assert_proven()


async def paid_by_card(past: Past, buyer: Buyer) -> TransactionId:
    """A payment of 5.00, and what the simulated rail would remember of it."""
    paid = accepted(await past.shop.pay(buyer, "5.00"))
    await past.pool.execute(
        "INSERT INTO simulated_charge (idempotency_key, rail_token, amount_micros, outcome, opened_at, known_at)"
        " VALUES ($1, 'x', 5000000, 'paid', $2, $2)",
        paid,
        past.shop.clock(),
    )
    await past.shop.resolve(paid, Paid())
    return paid


async def test_what_a_rail_still_has_to_answer_holds_history_back(past: Past) -> None:
    shop = past.shop
    buyer = await shop.sender_token(Method.CC)
    paid = await paid_by_card(past, buyer)
    shop.clock.forward(days=30)
    refund = accepted(await shop.refund(paid))  # pending: the card's rail is asked
    await past.archive()

    left = {row["transaction_id"] for row in await past.pool.fetch("SELECT transaction_id FROM transaction")}
    assert {paid, refund} <= left
    assert [book for book, _ in await archiving.held_back(past.pool, shop.clock())] == [shop.book_id]
    await past.assert_proven()


async def test_an_event_that_still_waits_holds_its_transaction_back(past: Past) -> None:
    await past.pool.execute(
        "UPDATE book SET notification_url = 'https://x.example/' WHERE book_id = $1", past.shop.book_id
    )
    waiting = accepted(await past.shop.pay(past.prepaid, "0.20"))
    past.shop.clock.forward(days=30)
    accepted(await past.shop.pay(past.prepaid, "0.20"))
    await past.archive()

    rows = await past.pool.fetch("SELECT transaction_id, completed_at FROM transaction ORDER BY transaction_id")
    assert waiting in {row["transaction_id"] for row in rows}
    assert len(rows) == 3  # with another of the very same moment, and the one of today
    await past.assert_proven()


async def test_money_of_recipients_and_of_the_operator_goes_along(past: Past, open_shop: OpenBooks) -> None:
    _, token, buyer = await paid_through(past, open_shop, "20.00")
    accepted(await pay_other(past.shop, buyer, token))
    past.shop.clock.forward(days=30)
    await past.archive()

    assert (await verify(past.pool)).transfers == 0
    await past.assert_proven()


async def test_who_was_paid_through_another_seller_waits_with_it(past: Past, open_shop: OpenBooks) -> None:
    """What keeps the caller's history from being archived keeps the recipient's, too: neither's cash has a gap."""
    other, token, buyer = await paid_through(past, open_shop, "40.00")
    await past.pool.execute("UPDATE book SET notification_url = 'https://x.example/' WHERE book_id = $1", other.book_id)
    own = await other.sender_token(Method.ABT)
    await other.deposit(own, "5.00")
    waiting = accepted(await other.pay(own, "5.00"))
    past.shop.clock.forward(days=5)
    accepted(await pay_other(past.shop, buyer, token))
    past.shop.clock.forward(days=30)
    await past.archive()

    since = {book for book, _ in await archiving.held_back(past.pool, past.shop.clock() - timedelta(days=20))}
    assert since == {past.shop.book_id, other.book_id}
    moved = await past.pool.fetchval(
        "SELECT count(*) FROM transfer WHERE book_id = $1 AND credit_account = 2", other.book_id
    )
    assert moved == 2
    await past.assert_proven()
    await past.pool.execute("UPDATE outbox SET state = 'delivered' WHERE subject_id = $1", waiting)
    await past.archive()
    assert await archiving.held_back(past.pool, past.shop.clock() - timedelta(days=20)) == []
    assert await past.pool.fetchval("SELECT count(*) FROM transfer WHERE book_id = $1", other.book_id) == 0
    await past.assert_proven()


async def test_the_parts_of_a_seller_wait_for_one_another(past: Past) -> None:
    """One list shows the cash of all shards: archiving one would leave gaps in the balances shown for the others."""
    shop = past.shop
    async with past.pool.acquire() as connection:
        books = await shards.split(connection, shop.party_id, "sandbox", 2, shop.clock())
    part = replace(shop, book_id=books[1])
    await past.pool.execute("UPDATE book SET notification_url = 'https://x.example/' WHERE book_id = $1", shop.book_id)
    waiting = accepted(await shop.pay(past.prepaid, "0.20"))
    shop.clock.forward(days=1)
    await part.funded_buyer("10.00")
    shop.clock.forward(days=30)
    query = reads.ActivityQuery(books, shop.party_id, "sandbox", "0", "Z", False, 1000, 0)
    before = {entry.transaction.transaction_id: entry for entry in await reads.activity(past.pool, query)}
    await past.archive()

    left = await reads.activity(past.pool, query)
    assert waiting in {entry.transaction.transaction_id for entry in left}
    assert all(entry == before[entry.transaction.transaction_id] for entry in left)
    since = {book for book, _ in await archiving.held_back(past.pool, shop.clock() - timedelta(days=20))}
    assert since == {*books}
    await past.assert_proven()


async def test_what_each_part_of_the_operators_book_mirrored_leaves_it(past: Past, open_shop: OpenBooks) -> None:
    async with past.pool.acquire() as connection:
        parts = await create_book.split_operator_book(connection, "sandbox", 2, past.shop.clock())
    other = await open_shop(past.pool)
    other.clock = past.shop.clock
    by_card = taken(await other.pay(await other.sender_token(Method.CC), "9.00"), "Pending")
    await work(other)
    payer = await other.sender_token()
    await other.deposit(payer, "9.00")
    by_balance = taken(await other.pay(payer, "5.00"))
    mirrors = "SELECT DISTINCT book_id FROM transfer WHERE transaction_id = $1 AND book_id = ANY($2::bigint[])"
    both = [part.book_id for part in parts]
    assert await past.pool.fetchval(mirrors, by_card, both) == both[1]
    assert await past.pool.fetchval(mirrors, by_balance, both) == both[0]
    past.shop.clock.forward(days=30)
    await past.archive()

    assert await past.pool.fetch("SELECT FROM transfer WHERE transaction_id = ANY($1)", [by_card, by_balance]) == []
    marked = "SELECT count(*) FROM book WHERE book_id = ANY($1::bigint[]) AND archived_before IS NOT NULL"
    assert await past.pool.fetchval(marked, both) == 2
    await past.assert_proven()


@pytest.mark.parametrize("spoilt", ["a byte", "a manifest", "a file", "a batch", "the order", "a sum"])
async def test_whatever_is_changed_in_the_archive_is_found(past: Past, spoilt: str) -> None:
    await past.archive(maximum=5)
    book = past.root / f"book-{past.shop.book_id}"
    match spoilt:
        case "a byte":
            path = book / "000002" / "transfer.parquet"
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        case "a manifest":
            path = book / "000001" / "manifest.json"
            path.write_text(path.read_text().replace('"rows": 5', '"rows": 4'))
        case "a file":
            (book / "000003" / "transaction.parquet").unlink()
        case "a batch":
            shutil.rmtree(book / "000002")
        case "the order":
            (book / "000001").rename(book / "x")
            (book / "000002").rename(book / "000001")
            (book / "x").rename(book / "000002")
        case _:
            await past.pool.execute("UPDATE archived_total SET paid_micros = paid_micros + 1 WHERE paid_micros > 0")

    assert (await past.checked()).problems


@pytest.mark.parametrize(
    ("added", "at"),
    [
        ("a file", "000002/outbox.parquet"),
        ("a copy", "000002 (copy)"),
        ("a batch", "000099"),
        ("a batch that a crash left behind", ".000003.0123abcd"),
        ("a book", "../book-old"),
        ("no text", "000002/manifest.json"),
    ],
)
async def test_whatever_is_put_into_the_archive_is_found(past: Past, added: str, at: str) -> None:
    await past.archive(maximum=5)
    book = past.root / f"book-{past.shop.book_id}"
    match added:
        case "a file":
            shutil.copy(book / "000002" / "transaction.parquet", book / at)
        case "no text":
            (book / at).write_bytes(b'{"book": "\xff"}')
        case "a book":
            shutil.copytree(book, past.root / "book-old")
        case _:
            shutil.copytree(book / "000001", book / at)

    problems = (await past.checked()).problems
    assert any(Path(at).name in problem or "the manifest is damaged" in problem for problem in problems)


async def test_what_the_books_carry_over_is_checked_by_verify_too(past: Past) -> None:
    await past.archive()
    await past.pool.execute("UPDATE archived_balance SET balance_micros = balance_micros + 1")

    found = {problem.split(":")[0] for problem in (await verify(past.pool)).problems}
    assert {"balances_follow_from_transfers", "archived_balances_sum_to_zero"} <= found


async def test_a_declined_refund_of_a_card_finds_its_original(past: Past) -> None:
    """While a rail may still decline a refund, its original stays: the reversal is booked onto it."""
    shop = past.shop
    buyer = await shop.sender_token(Method.CC)
    paid = await paid_by_card(past, buyer)
    shop.clock.forward(days=60)
    refund = accepted(await shop.perform(Refund(shop.request(), paid, None)))
    await past.archive()

    await shop.perform(ResolveCharge(refund, "simulated", Declined("InsufficientFunds", "No."), RailOperation.REFUND))
    await past.assert_proven()
