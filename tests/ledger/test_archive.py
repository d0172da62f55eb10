"""History moves out, and what stays still proves itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from tests.conftest import MakeDatabase
from tests.ledger.shop import Buyer, OpenShop, Shop

from tallystick.domain.commands import (
    Declined,
    Marketplace,
    Method,
    Paid,
    Pay,
    RailOperation,
    Refund,
    ResolveCharge,
    TokenTerms,
)
from tallystick.domain.ids import TokenId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.ledger import archive as archiving
from tallystick.ledger import authorizations, figures, reads
from tallystick.ledger.archive import AlreadyRunningError, Moved, TooRecentError
from tallystick.ledger.archive_check import Report, check
from tallystick.ledger.connections import Pool
from tallystick.ledger.database import open_pool
from tallystick.ledger.figures import NONE, Sum
from tallystick.ledger.migrate import migrate
from tallystick.ledger.verify import verify

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
async def migrated(make_database: MakeDatabase) -> str:
    """A migrated database that nobody uses: others are made from it, which is quicker than to migrate each."""
    url = await make_database()
    await migrate(url)
    return url


@pytest.fixture
async def own_pool(server_url: str, migrated: str) -> AsyncIterator[Pool]:
    """A database of the test's own: whoever archives, archives all books."""
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(server_url)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {urlsplit(migrated).path[1:]}")
    async with await open_pool(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}")), max_size=5) as opened:
        yield opened
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@dataclass
class Past:
    """A shop with a month behind it."""

    shop: Shop
    root: Path
    prepaid: Buyer
    tab: Buyer
    card: Buyer
    charge: TransactionId

    @property
    def pool(self) -> Pool:
        return self.shop.pool

    async def archive(self, days: int = 20, most: int = 100) -> list[Moved]:
        now = self.shop.clock()
        run = archiving.archive(self.pool, self.root, now - timedelta(days=days), now, most)
        return [moved async for moved in run]

    async def checked(self) -> Report:
        return await check(self.pool, self.root)

    async def assert_proven(self) -> None:
        assert (await verify(self.pool)).problems == []
        assert (await self.checked()).problems == []


def accepted(outcome: Outcome) -> TransactionId:
    assert isinstance(outcome, Accepted), outcome
    return outcome.transaction_id


@pytest.fixture
async def past(own_pool: Pool, open_shop: OpenShop, tmp_path: Path) -> Past:
    shop = await open_shop(own_pool)
    prepaid = await shop.funded_buyer("10.00")
    charge = accepted(await shop.pay(prepaid, "4.00", "order-1"))
    accepted(await shop.refund(charge, "1.00"))
    tab = await shop.postpaid_buyer(method=Method.ABT)
    await shop.deposit(tab, "50.00")
    for _ in range(12):
        accepted(await shop.pay(tab, "2.00"))
    accepted(await shop.settle(tab, "10.00"))
    accepted(await shop.write_off(tab, "1.00"))
    card = await shop.sender_token(Method.ABT)
    await shop.deposit(card, "30.00")
    accepted(await shop.pay(card, "7.00"))
    shop.clock.forward(days=30)
    accepted(await shop.pay(prepaid, "0.50"))
    return Past(shop, tmp_path / "archive", prepaid, tab, card, charge)


async def test_what_is_old_leaves_and_every_sum_stays(past: Past) -> None:
    shop = past.shop
    before = await verify(past.pool)
    balances = await past.pool.fetch("SELECT book_id, account_id, balance_micros FROM account ORDER BY 1, 2")

    batches = await past.archive(most=5)

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


async def test_people_see_the_same_figures_as_before(past: Past) -> None:
    async def figures() -> list[object]:
        found: list[object] = []
        for buyer in (past.prepaid, past.tab, past.card):
            (given,) = await authorizations.given_by(past.pool, buyer.party_id, 5)
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


async def test_figures_of_a_console_wait_until_who_is_at_them_is_done(past: Past) -> None:
    book_id = past.shop.book_id
    await figures.catch_up(past.pool, (book_id,), past.shop.clock(), commits=0)
    async with past.pool.acquire() as worker:
        adding_up = worker.transaction()
        await adding_up.start()
        await worker.execute("SELECT FROM figure_state WHERE book_id = $1 FOR UPDATE", book_id)
        run = asyncio.create_task(past.archive())
        await asyncio.wait((run,), timeout=1)
        assert not past.root.exists(), "nothing leaves before"
        await adding_up.rollback()
    assert await run

    assert await figure(past, past.shop, "charged") == Sum(12, 24_000_000)


@pytest.mark.parametrize("later", [True, False], ids=["a book that comes later", "a book that came before"])
async def test_a_recipient_keeps_its_figures_and_is_told_of_the_archive(
    past: Past, open_shop: OpenShop, later: bool
) -> None:
    """Its transfers leave with the caller's batches, whichever of the two books comes first."""
    other, token, buyer = await paid_through(past, open_shop, "20.00")
    while (other.book_id > past.shop.book_id) is not later:  # the numbers of books are random
        other, token, buyer = await paid_through(past, open_shop, "20.00")
    accepted(await pay_other(past.shop, buyer, token))
    past.shop.clock.forward(days=30)
    await past.archive()

    assert await figure(past, other, "direct") == Sum(1, 12_000_000)
    assert await archiving.archived_before(past.pool, other.book_id) == past.shop.clock() - timedelta(days=20)


async def figure(past: Past, shop: Shop, name: str) -> Sum:
    """What a figure of the last ninety days comes to, on the first page of a shop's console."""
    now = past.shop.clock() + timedelta(hours=1)
    state = await figures.catch_up(past.pool, (shop.book_id,), now, commits=100)
    weeks = (await figures.since(past.pool, now - timedelta(days=90), "week", state)).values()
    return sum((week.get(name, NONE) for week in weeks), NONE)


async def test_an_archived_payment_cannot_be_refunded_and_its_reference_is_free(past: Past) -> None:
    await past.archive()
    outcome = await past.shop.refund(past.charge)

    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.InvalidTransactionId
    accepted(await past.shop.pay(past.prepaid, "1.00", "order-1"))
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


async def paid_through(past: Past, open_shop: OpenShop, money: str) -> tuple[Shop, TokenId, Buyer]:
    """Another shop that may be paid through this one, by which token, and somebody with so much money to pay it."""
    other = await open_shop(past.pool)
    other.clock = past.shop.clock
    token = await past.shop.recipient_token(other, TokenTerms())
    buyer = await past.shop.sender_token(Method.ABT)
    await past.shop.deposit(buyer, money)
    return other, token, buyer


async def test_money_of_recipients_and_of_the_operator_goes_along(past: Past, open_shop: OpenShop) -> None:
    _, token, buyer = await paid_through(past, open_shop, "20.00")
    accepted(await pay_other(past.shop, buyer, token))
    past.shop.clock.forward(days=30)
    await past.archive()

    assert (await verify(past.pool)).transfers == 0
    await past.assert_proven()


async def pay_other(shop: Shop, buyer: Buyer, token: TokenId) -> Outcome:
    request = shop.request(None, pay="12.00")
    return await shop.perform(Pay(request, buyer.spending, parse_amount("12.00"), Marketplace(token)))


async def test_who_was_paid_through_another_seller_waits_with_it(past: Past, open_shop: OpenShop) -> None:
    """What holds the caller's history back holds the recipient's, too: neither's cash has a gap."""
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


async def test_nothing_is_lost_when_files_cannot_be_written(past: Past) -> None:
    past.root.parent.mkdir(exist_ok=True)
    past.root.write_text("in the way")
    before = (await verify(past.pool)).transactions
    with pytest.raises(OSError, match="archive"):
        await past.archive()
    assert (await verify(past.pool)).transactions == before

    past.root.unlink()
    await past.archive()
    await past.assert_proven()


async def test_a_batch_that_was_written_but_never_committed_is_written_again(past: Past) -> None:
    await past.archive(most=5)
    book = past.root / f"book-{past.shop.book_id}"
    shutil.copytree(book / "000002", book / "000005")
    assert any("no batch that the books know of" in problem for problem in (await past.checked()).problems)
    past.shop.clock.forward(days=30)
    await past.archive()

    await past.assert_proven()


@pytest.mark.parametrize("spoilt", ["a byte", "a manifest", "a file", "a batch", "the order", "a sum"])
async def test_whatever_is_changed_in_the_archive_is_found(past: Past, spoilt: str) -> None:
    await past.archive(most=5)
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


async def test_what_the_books_carry_over_is_checked_by_verify_too(past: Past) -> None:
    await past.archive()
    await past.pool.execute("UPDATE archived_balance SET balance_micros = balance_micros + 1")

    found = {problem.split(":")[0] for problem in (await verify(past.pool)).problems}
    assert {"balances_follow_from_transfers", "archived_balances_sum_to_zero"} <= found


async def test_payments_and_refunds_go_on_while_history_leaves(past: Past) -> None:
    shop = past.shop
    buyer = await shop.funded_buyer("20.00", limit="25.00")

    async def trade() -> list[Outcome]:
        return [await shop.pay(buyer, "0.05") for _ in range(60)] + [await shop.refund(past.charge, "0.01")]

    *_, outcomes = await asyncio.gather(past.archive(most=3), trade())

    assert all(isinstance(outcome, Accepted) for outcome in outcomes[:-1])
    assert await shop.balance(buyer) == parse_amount("17.00")
    await past.assert_proven()


async def test_only_one_archives_at_a_time(past: Past) -> None:
    now = past.shop.clock()
    run = archiving.archive(past.pool, past.root, now - timedelta(days=20), now, 5)
    await anext(run)
    with pytest.raises(AlreadyRunningError):
        await past.archive()
    await run.aclose()
    await past.archive()
    await past.assert_proven()


async def test_a_declined_refund_of_a_card_finds_its_original(past: Past) -> None:
    """While a rail may still say no to a refund, its original stays: the refusal is booked back onto it."""
    shop = past.shop
    buyer = await shop.sender_token(Method.CC)
    paid = await paid_by_card(past, buyer)
    shop.clock.forward(days=60)
    refund = accepted(await shop.perform(Refund(shop.request(), paid, None)))
    await past.archive()

    await shop.perform(ResolveCharge(refund, "simulated", Declined("InsufficientFunds", "No."), RailOperation.REFUND))
    await past.assert_proven()
