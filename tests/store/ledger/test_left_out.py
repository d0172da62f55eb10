"""What a payment that is its own transfer leaves out is read as if it said it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, replace

import pytest
from msgspec import structs
from tests.conftest import MakeDatabase
from tests.store.ledger.remembering import Remembering, shop_that_remembers
from tests.support.books import Books, Buyer, OpenBooks
from tests.support.earlier_schemas import go_back

from tallystick.db.database import open_pool
from tallystick.db.migrate import FILES, finish, migrate
from tallystick.domain.commands import InstallToken, Pay, Refund, Request, TokenPurpose, TokenType
from tallystick.domain.ids import IdKind, TokenId, TransactionId
from tallystick.domain.outcomes import Accepted, Done, Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import KEPT_OF_FINGERPRINT, Transaction
from tallystick.store.events import events
from tallystick.store.ledger.load import load
from tallystick.store.ledger.verify import verify
from tallystick.store.queries import reads, transaction_detail, transaction_list
from tallystick.store.queries.transaction_list import About, TransactionLine, TransactionQuery

LEFT_OUT = """
SELECT num_nulls(instrument_id, sender_token_id, status_code, status_number, fee_micros, refunded_micros, fee_payer,
                 marketplace_fee_micros, marketplace_refunded_micros, fee_refunded_micros),
       answered.status IS NULL, length(answered.fingerprint)
  FROM transaction JOIN answered_reference AS answered USING (book_id, transaction_id)
 WHERE book_id = $1 AND transaction_id = $2
"""


INDEXES = "SELECT indexname FROM pg_indexes WHERE tablename = 'transaction'"
NAME_INSTRUMENT = """
UPDATE transaction SET instrument_id = account.subject
  FROM account
 WHERE account.book_id = $1 AND account.account_id = own_debit_account
   AND transaction.book_id = $1 AND transaction_id = $2 AND instrument_id IS NULL
"""
"""As payments were written before that leave out the rest."""


@pytest.fixture
async def remembering(shop: Books) -> AsyncIterator[Remembering]:
    async with shop_that_remembers(shop) as remembering:
        yield remembering


def asking(shop: Books, reference: str, fingerprint: bytes) -> Request:
    return structs.replace(shop.request(reference), fingerprint=fingerprint)


async def pay(shop: Books, buyer: Buyer, reference: str) -> Outcome:
    return await shop.perform(Pay(asking(shop, reference, b"f" * 32), buyer.spending, 1_000_000))


def made(outcome: Outcome) -> TransactionId:
    assert isinstance(outcome, Accepted), outcome
    return TransactionId(outcome.transaction_id)


async def lines(shop: Books, buyer: Buyer, names: list[TransactionId]) -> list[list[TransactionLine]]:
    """Some transactions, as each list has them that they are in."""
    wanted = TransactionQuery((shop.book_id,), shop.party_id, "sandbox")
    subjects = {About.BOOK: None, About.INSTRUMENT: buyer.instrument, About.TOKEN: buyer.spending}
    pages = [
        await transaction_list.page(shop.pool, replace(wanted, about=about, subject=subject, operation="Pay"), 50)
        for about, subject in {**subjects, About.BUYER: str(buyer.party_id)}.items()
    ]
    pages.append(await transaction_list.page(shop.pool, replace(wanted, text=buyer.spending.lower()), 50))
    found = [page.lines for page in pages] + [await transaction_list.named(shop.pool, wanted, names)]
    return [[line for line in piece if line.transaction_id in names] for piece in found]


async def told(shop: Books, buyer: Buyer, name: TransactionId) -> dict[str, object]:
    """All that readers say of a payment, less what tells one from another."""
    record = await reads.transaction(shop.pool, shop.book_id, name)
    assert record is not None
    for party_id in (shop.party_id, buyer.party_id):  # as who called for it, and as who paid at somebody else's
        query = reads.ActivityQuery((shop.book_id,), party_id, "sandbox", name, f"{name}0", True, 9, 0)
        listed = [entry.transaction for entry in await reads.activity(shop.pool, query)]
        assert listed
        assert {replace(each, instrument_kind=record.instrument_kind) for each in listed} == {record}
    (line,) = {line for (line,) in await lines(shop, buyer, [name])}
    (event,) = (await events.transactions(shop.pool, shop.book_id, [name])).values()
    loaded = await as_loaded(shop, name)
    remains = await transaction_detail.remains(shop.pool, shop.book_id, name)
    of_it = {"record": asdict(record), "line": asdict(line), "event": asdict(event), "loaded": to_dict(loaded)}
    own = {"transaction_id", "caller_reference", "requested_at", "received_at", "completed_at"}
    return {
        "first answer": remains.first_answer,
        "refunded": (remains.refunded_micros, remains.marketplace_refunded_micros),
        **{kind: {key: value for key, value in values.items() if key not in own} for kind, values in of_it.items()},
    }


def to_dict(transaction: Transaction) -> dict[str, object]:
    return {name: getattr(transaction, name) for name in transaction.__struct_fields__}


async def as_loaded(shop: Books, name: TransactionId) -> Transaction:
    async with shop.pool.acquire() as connection, connection.transaction():
        command = Refund(shop.request(), name, None)
        loaded = await load(connection, shop.book_id, [command], shop.clock, shop.committer.rules)
        return loaded.state.transactions[name]


async def test_it_reads_like_a_payment_that_says_all(remembering: Remembering) -> None:
    shop = remembering.shop
    buyer = await remembering.buyer()
    from_memory = made(await pay(shop, buyer, "from memory"))
    named = made(await pay(shop, buyer, "named"))
    assert await shop.pool.execute(NAME_INSTRUMENT, shop.book_id, named) == "UPDATE 1"
    await shop.own_transfers(on=False)
    whole = made(await pay(remembering.rival, buyer, "whole"))
    await shop.own_transfers(on=True)
    read_for = made(await pay(remembering.rival, buyer, "read for"))

    forms = [
        tuple(await shop.pool.fetchrow(LEFT_OUT, shop.book_id, name) or ())
        for name in (from_memory, named, whole, read_for)
    ]
    assert forms == [
        (10, True, KEPT_OF_FINGERPRINT),
        (9, True, KEPT_OF_FINGERPRINT),
        (0, False, 32),
        (10, True, KEPT_OF_FINGERPRINT),
    ]
    expected = await told(shop, buyer, whole)
    for name in (from_memory, named, read_for):
        assert await told(shop, buyer, name) == expected
    for name in (from_memory, named, whole, read_for):
        made(await shop.refund(name, "0.40"))
    expected = await told(shop, buyer, whole)
    for name in (from_memory, named, read_for):
        assert await told(shop, buyer, name) == expected


async def test_a_token_that_took_the_place_of_another_is_named(remembering: Remembering) -> None:
    """No page of ours edits the token of an instrument, but the books know how."""
    shop = remembering.shop
    buyer = await shop.funded_buyer()
    by_the_first = made(await shop.pay(buyer, "1.00"))
    edited = InstallToken(
        token_id=TokenId(shop.token(IdKind.PREPAID_SENDER)),
        purpose=TokenPurpose.PREPAID_SENDER,
        token_type=TokenType.MULTI_USE,
        sender_id=buyer.party_id,
        caller_reference=f"edited {buyer.spending}",
        method=None,
        payment_method_id=None,
        valid_from=shop.clock(),
        expires_at=None,
        replaces=buyer.spending,
    )
    assert await shop.perform(edited) == Done()
    renewed = replace(buyer, spending=edited.token_id)
    by_the_second = [made(await shop.pay(renewed, "1.00")) for _ in range(3)]
    assert (remembering.memory.hits, remembering.memory.misses) == (2, 2), "the last two were decided from memory"

    wanted = TransactionQuery((shop.book_id,), shop.party_id, "sandbox", About.TOKEN)
    for token_id, names in ((buyer.spending, [by_the_first]), (edited.token_id, by_the_second)):
        for name in names:
            record = await reads.transaction(shop.pool, shop.book_id, name)
            assert record is not None
            assert record.token_id == token_id
        page = await transaction_list.page(shop.pool, replace(wanted, subject=token_id), 50)
        assert {line.transaction_id for line in page.lines} == {*names}


async def test_the_beginning_of_a_fingerprint_tells_requests_apart(shop: Books) -> None:
    buyer = await shop.funded_buyer()
    request = asking(shop, "the one", b"a" * 32)
    first = await shop.perform(Pay(request, buyer.spending, 1_000_000))

    assert await shop.perform(Pay(asking(shop, "the one", b"a" * 32), buyer.spending, 1_000_000)) == first
    longer = "UPDATE answered_reference SET fingerprint = $2 WHERE transaction_id = $1 AND fingerprint = $3"
    kept, before = b"a" * KEPT_OF_FINGERPRINT, b"a" * 16
    assert await shop.pool.execute(longer, made(first), before, kept) == "UPDATE 1", "as it was kept before"
    assert await shop.perform(Pay(asking(shop, "the one", b"a" * 32), buyer.spending, 1_000_000)) == first
    for other in (b"b" + b"a" * 31, b"a" * 10 + b"b" + b"a" * 21, b"a" * 10):
        answer = await shop.perform(Pay(asking(shop, "the one", other), buyer.spending, 1_000_000))
        assert isinstance(answer, Refused)
        assert answer.refusal is Refusal.DuplicateRequest


async def test_payments_that_an_earlier_schema_has_stay_as_they_are(
    make_database: MakeDatabase, open_shop: OpenBooks
) -> None:
    url = await make_database()
    await migrate(url)
    async with await open_pool(url, max_size=3) as pool:
        shop = await open_shop(pool)
        buyers = [await shop.funded_buyer(), await shop.postpaid_buyer()]
        old = [made(await shop.pay(buyer, "1.00")) for buyer in (*buyers, *buyers)]
        await go_back(pool, "0060")
        kept = "SELECT * FROM transaction WHERE transaction_id = ANY($1) ORDER BY transaction_id"
        before, file = await pool.fetch(kept, old), "SELECT pg_relation_filenode('transaction')"
        assert {row["instrument_id"] for row in before} == {buyer.instrument for buyer in buyers}
        filled = await pool.fetchval(file)

        assert (await migrate(url))[-1] == max(FILES)

        await pool.expire_connections()
        assert await pool.fetchval(file) == filled, "no row was written anew"
        assert await pool.fetch(kept, old) == before
        assert {row[0] for row in await pool.fetch(INDEXES)} >= {"transaction_token", "transaction_of_token"}
        await finish(url)
        assert "transaction_token" not in {row[0] for row in await pool.fetch(INDEXES)}

        new = [made(await shop.pay(buyer, "1.00")) for buyer in buyers]
        assert {row["instrument_id"] for row in await pool.fetch(kept, new)} == {None}
        for name in (*old[:2], *new):
            made(await shop.refund(name, "0.25"))
        wanted = TransactionQuery((shop.book_id,), shop.party_id, "sandbox", About.INSTRUMENT, operation="Pay")
        for number, buyer in enumerate(buyers):
            page = await transaction_list.page(pool, replace(wanted, subject=buyer.instrument), 50)
            assert [line.transaction_id for line in page.lines] == [new[number], *reversed(old[number::2])]
        assert (await verify(pool)).problems == []
