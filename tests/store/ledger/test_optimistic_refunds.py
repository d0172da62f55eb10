"""Refunds of payments from instruments lock nothing: what happens when another process writes first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import asyncpg
import pytest
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.db.connections import Connection
from tallystick.domain.commands import Command, Pay, Refund, RefundPolicy
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision
from tallystick.store.ledger.apply import VersionConflictError
from tallystick.store.ledger.memory.refunds_beside import WaitingRefunds
from tallystick.store.ledger.optimistic.refunds import (
    RefundSnapshot,
    decide_refunds,
    is_refund_of_payment,
    read_refunds,
)


def refusal(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal


async def paid(shop: Books, buyer: Buyer, amount: str = "4.00") -> TransactionId:
    outcome = await shop.pay(buyer, amount)
    assert isinstance(outcome, Accepted), outcome
    return outcome.transaction_id


async def rival_of(shop: Books, open_shop: OpenBooks) -> Books:
    """The same shop, in another process's committer."""
    committer = (await open_shop()).committer
    return Books(shop.pool, committer, shop.clock, shop.party_id, shop.book_id, shop.operator_book_id)


class Rivalry:
    """A connection on which something else happens after the first statement, as another process would do it."""

    def __init__(self, connection: Connection, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._connection, self._meanwhile = connection, meanwhile

    async def fetch(self, *arguments: Any) -> Sequence[asyncpg.Record]:  # noqa: ANN401 - passed on as they come
        rows = await self._connection.fetch(*arguments)
        await self._meanwhile()
        return rows

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the connection's
        return getattr(self._connection, name)


async def refund_while(
    shop: Books, refunds: Sequence[Refund], meanwhile: Callable[[], Awaitable[object]]
) -> Sequence[Decision] | None:
    committer = shop.committer
    async with shop.pool.acquire() as connection:
        rivalry = cast("Connection", Rivalry(connection, meanwhile))
        snapshot = await read_refunds(rivalry, shop.book_id, refunds, (), committer.clock, committer.rules)
        if snapshot is None:
            return None
        decided = decide_refunds(snapshot, refunds)
        await decided.write(connection, committer.clock())
        return decided.decisions


async def rows_of(shop: Books) -> tuple[int, int, int]:
    row = await shop.pool.fetchrow(
        "SELECT (SELECT count(*) FROM transaction WHERE book_id = $1) AS transactions,"
        " (SELECT count(*) FROM transfer WHERE book_id = $1) AS transfers,"
        " (SELECT count(*) FROM answered_reference WHERE book_id = $1) AS answers",
        shop.book_id,
    )
    assert row is not None
    return row["transactions"], row["transfers"], row["answers"]


async def claim(shop: Books, payment: TransactionId, micros: int | None) -> None:
    """As if there were a dispute of a payment, and no more; None: as it was."""
    await shop.pool.execute(
        "UPDATE transaction SET disputed_micros = $3 WHERE book_id = $1 AND transaction_id = $2",
        shop.book_id,
        payment,
        micros,
    )


def nothing_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def locks(*_: object) -> None:
        raise AssertionError("this locks")

    monkeypatch.setattr("tallystick.store.ledger.group_commits.load", locks)


@pytest.mark.parametrize("own_transfers", [False, True])
async def test_refunds_lock_nothing_and_share_a_commit(
    own_transfers: bool, shop: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a balance and on a tab, the whole and parts, several of one payment."""
    await shop.own_transfers(on=own_transfers)
    buyer, tab = await shop.funded_buyer("10.00"), await shop.postpaid_buyer("10.00")
    spent, owed = await paid(shop, buyer), await paid(shop, tab)
    before = shop.committer.statistics.groups
    nothing_locks(monkeypatch)
    outcomes = await asyncio.gather(
        shop.refund(spent, "1.00"), shop.refund(owed), shop.refund(spent, "1.50"), shop.refund(spent, "9.00")
    )
    assert all(isinstance(outcome, Accepted) for outcome in outcomes[:3])
    assert refusal(outcomes[3]) is Refusal.RefundAmountExceeded
    assert shop.committer.statistics.groups == before + 1
    assert await shop.balance(buyer) == parse_amount("8.50")
    assert await shop.balance(tab) == 0
    rest = await shop.refund(spent)
    assert isinstance(rest, Accepted)
    amount = await shop.pool.fetchval(
        "SELECT amount_micros FROM transaction WHERE book_id = $1 AND transaction_id = $2",
        shop.book_id,
        rest.transaction_id,
    )
    assert amount == parse_amount("1.50")
    assert refusal(await shop.refund(spent)) is Refusal.TransactionFullyRefundedAlready


async def test_the_same_refund_is_answered_as_before(shop: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer = await shop.funded_buyer("10.00")
    payment = await paid(shop, buyer)
    command = Refund(shop.request("back", refund=payment), payment, parse_amount("1.00"))
    another = Refund(shop.request("back", refund="another"), payment, parse_amount("2.00"))
    nothing_locks(monkeypatch)
    first, again = await asyncio.gather(shop.perform(command), shop.perform(command))
    assert isinstance(first, Accepted)
    assert [again, await shop.perform(command)] == [first, first]
    assert refusal(await shop.perform(another)) is Refusal.DuplicateRequest
    assert await shop.balance(buyer) == parse_amount("7.00")


@pytest.mark.parametrize("what", ["refund", "pay", "answer", "dispute"])
async def test_what_changed_meanwhile_is_not_refunded_over(what: str, shop: Books, open_shop: OpenBooks) -> None:
    """Payment, balance or reference: nothing at all is written."""
    buyer, rival = await shop.funded_buyer("10.00"), await rival_of(shop, open_shop)
    payment, other = await paid(shop, buyer), await paid(shop, await shop.funded_buyer())
    command = Refund(shop.request("back"), payment, parse_amount("3.00"))
    rows: list[tuple[int, int, int]] = []

    async def happens() -> None:
        if what == "refund":
            assert isinstance(await rival.refund(payment, "2.00"), Accepted)
        elif what == "pay":
            assert isinstance(await rival.pay(buyer, "2.00"), Accepted)
        elif what == "answer":
            answered = await rival.perform(Refund(rival.request("back"), other, None))
            assert isinstance(answered, Accepted)
        else:
            await claim(shop, payment, 1)
        rows.append(await rows_of(shop))

    with pytest.raises(VersionConflictError):
        await refund_while(shop, [command], happens)
    assert rows == [await rows_of(shop)]
    await claim(shop, payment, None)


async def test_after_a_conflict_the_refund_is_decided_under_locks(
    shop: Books, open_shop: OpenBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than is left then is refused; less is refunded. The next group locks at once."""
    buyer, rival = await shop.funded_buyer("10.00"), await rival_of(shop, open_shop)
    payment = await paid(shop, buyer)
    rivals = [lambda: rival.refund(payment, "3.00")]
    looked = 0

    async def late(
        connection: Connection,
        book_id: BookId,
        refunds: Sequence[Refund],
        *more: Any,  # noqa: ANN401 - passed on
    ) -> RefundSnapshot | None:
        nonlocal looked
        looked += 1
        if rivals:
            connection = cast("Connection", Rivalry(connection, rivals.pop()))
        return await read_refunds(connection, book_id, refunds, *more)

    monkeypatch.setattr("tallystick.store.ledger.optimistic.refund_commits.read_refunds", late)
    before = shop.committer.statistics.version_conflicts
    assert refusal(await shop.refund(payment, "2.00")) is Refusal.RefundAmountExceeded
    assert shop.committer.statistics.version_conflicts == before + 1
    assert isinstance(await shop.refund(payment, "1.00"), Accepted)
    assert looked == 2, "the first one of each process; the second one has locked"
    assert await shop.balance(buyer) == parse_amount("10.00")


async def test_two_processes_that_refund_one_payment_give_back_no_more_than_it_was(
    shop: Books, open_shop: OpenBooks
) -> None:
    buyer, rival = await shop.funded_buyer("10.00"), await rival_of(shop, open_shop)
    payment = await paid(shop, buyer)
    outcomes = await asyncio.gather(*(one.refund(payment, "0.50") for _ in range(6) for one in (shop, rival)))
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(accepted) == 8
    assert await shop.balance(buyer) == parse_amount("10.00")


async def test_an_answer_that_was_lost_is_found(shop: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks after the commit: the same group asks again, with locks, and hears what it came to."""
    buyer = await shop.funded_buyer("10.00")
    payment = await paid(shop, buyer)

    written = WaitingRefunds.write

    async def lost(*arguments: Any) -> None:  # noqa: ANN401 - passed on as they come
        await written(*arguments)
        raise ConnectionResetError

    monkeypatch.setattr(WaitingRefunds, "write", lost)
    assert isinstance(await shop.refund(payment, "1.00"), Accepted)
    assert await shop.balance(buyer) == parse_amount("7.00")
    assert (await rows_of(shop))[0] == 3, "a funding, a payment, one refund"


async def test_what_needs_more_goes_the_other_way(shop: Books) -> None:
    """An unknown payment, one in real money, a disputed one, a share alone, and whoever shares a group with them."""
    buyer, card = await shop.funded_buyer("10.00"), await shop.sender_token()
    payment, disputed = await paid(shop, buyer), await paid(shop, buyer, "1.00")
    await shop.deposit(card, "5.00")
    direct = await paid(shop, card, "2.00")
    await claim(shop, disputed, 1)

    async def nothing() -> None:
        pass

    for original in (TransactionId("0" * 35), direct, disputed):
        refunds = [Refund(shop.request(), one, parse_amount("0.50")) for one in (payment, original)]
        assert await refund_while(shop, refunds, nothing) is None
    await claim(shop, disputed, None)
    others: list[Command] = [
        Refund(shop.request(), payment, None, RefundPolicy.MARKETPLACE_ONLY),
        Pay(shop.request(), buyer.spending, 1),
    ]
    assert not any(map(is_refund_of_payment, others))
    assert isinstance(await shop.refund(direct, "0.50"), Accepted)
    assert refusal(await shop.refund(TransactionId("0" * 35))) is Refusal.InvalidTransactionId
