"""Payouts in the books: cash leaves at once, comes back where it was not sent, and is proven on its way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.store.direct import said, status, taken
from tests.store.past import Past
from tests.support.books import Books
from tests.support.master_key import VAULT

from tallystick.domain.banking.bank_accounts import BankAccount
from tallystick.domain.commands import RequestPayout, ReturnPayout
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Done, Outcome
from tallystick.domain.rails.commands import Declined, Paid, ResolvePayout
from tallystick.processors.payout_rail import NotSent, PayoutAnswer, PayoutInstruction, Sent
from tallystick.processors.simulated_payouts import SimulatedPayoutRail
from tallystick.services.context import Service
from tallystick.services.payouts.sending import LEASE, send_payouts
from tallystick.settings import Settings
from tallystick.store.ledger.running import proof as running_proof
from tallystick.store.ledger.verify import report_on, verify
from tallystick.store.payouts import destinations, payouts
from tallystick.store.records.trace_links import TraceLinks

ACCOUNT = BankAccount("Music Shop", iban="DE89370400440532013000")


async def bank_account(shop: Books) -> int:
    async with shop.pool.acquire() as connection, connection.transaction():
        now = shop.clock()
        return await destinations.give(
            connection, VAULT, shop.party_id, "sandbox", ACCOUNT, made_by=None, now=now, usable_at=now
        )


async def with_cash(shop: Books, amount: str = "50.00") -> None:
    """Money that came in from an account balance, so that there is no fee to reckon with."""
    buyer = await shop.sender_token()
    await shop.deposit(buyer, amount)
    taken(await shop.pay(buyer, amount))


async def ask(shop: Books, amount: str | None, *, rail: str = "manual", reserve: str = "0") -> Outcome:
    due = shop.clock() if rail == "simulated" else None
    command = RequestPayout(
        shop.request(None, payout=amount),
        None if amount is None else parse_amount(amount),
        rail,
        await bank_account(shop),
        due,
        parse_amount(reserve),
    )
    return await shop.perform(command)


async def end(shop: Books, payout: TransactionId, *, sent: bool = True) -> None:
    answer = Paid() if sent else Declined("PayoutNotSent", "wrong number")
    assert await shop.perform(ResolvePayout(payout, answer, "bank-1" if sent else None)) == Done()


async def kept(shop: Books) -> tuple[int, int, int]:
    found = await payouts.totals(shop.pool, [shop.book_id])
    return found.cash_micros, found.under_way_micros, found.paid_out_micros


def service_of(shop: Books) -> Service:
    return Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock)


async def test_cash_is_taken_first_and_paid_out_once_it_is_known_to_be_sent(shop: Books) -> None:
    await with_cash(shop)
    payout = taken(await ask(shop, "30.009999"), "Pending")

    held = await shop.total("cash")
    assert await kept(shop) == (held, 30_000_000, 0)
    assert said(await ask(shop, "1000.00")) == "InsufficientBalance"
    assert (await verify(shop.pool)).problems == []

    await end(shop, payout)
    await end(shop, payout)
    await end(shop, payout, sent=False)

    assert await status(shop, payout) == ("Success", "Success")
    assert await kept(shop) == (held, 0, 30_000_000)
    found = await payouts.find(shop.pool, shop.book_id, payout)
    assert found is not None
    assert (found.bank_reference, found.ended_at, found.returned_micros) == ("bank-1", shop.clock(), 0)
    assert (await verify(shop.pool)).problems == []


async def test_what_was_not_sent_is_cash_again(shop: Books) -> None:
    await with_cash(shop)
    before = await shop.total("cash")
    payout = taken(await ask(shop, "30.00"), "Pending")

    await end(shop, payout, sent=False)

    assert await status(shop, payout) == ("Failure", "PayoutNotSent")
    assert await kept(shop) == (before, 0, 0)
    assert (await verify(shop.pool)).problems == []


async def test_what_a_bank_sends_back_later_is_cash_again_once(shop: Books) -> None:
    await with_cash(shop)
    before = await shop.total("cash")
    payout = taken(await ask(shop, "30.00"), "Pending")
    assert said(await shop.perform(ReturnPayout(shop.request(), payout, "closed"))) == "OriginalTransactionIncomplete"
    await end(shop, payout)

    back = taken(await shop.perform(ReturnPayout(shop.request(), payout, "closed")))

    assert await kept(shop) == (before, 0, 0)
    again = await shop.perform(ReturnPayout(shop.request(), payout, "closed"))
    assert said(again) == "TransactionFullyRefundedAlready"
    assert said(await shop.perform(ReturnPayout(shop.request(), back, "closed"))) == "InvalidTransactionId"
    assert (await verify(shop.pool)).problems == []


async def test_all_above_a_reserve(shop: Books) -> None:
    await with_cash(shop)
    held = await shop.total("cash")
    taken(await ask(shop, None, reserve="20.00"), "Pending")
    assert (await kept(shop))[1] == held - parse_amount("20.00")
    assert said(await ask(shop, None, reserve="20.00")) == "InsufficientBalance"
    assert said(await ask(shop, "0.009")) == "AmountOutOfRange"


async def test_where_operator_and_seller_are_one_it_is_recorded_at_once(shop: Books) -> None:
    await with_cash(shop)
    command = RequestPayout(shop.request(), parse_amount("10.00"), "recorded", destination_id=None)
    payout = taken(await shop.perform(command), "Success")

    assert (await kept(shop))[1:] == (0, 10_000_000)
    found = await payouts.find(shop.pool, shop.book_id, payout)
    assert found is not None
    assert found.ended_at is not None
    assert (await verify(shop.pool)).problems == []


class ForgetfulRail:
    """The simulated rail, whose answers are lost: the process dies before it can write them down."""

    name = "simulated"

    def __init__(self, rail: SimulatedPayoutRail) -> None:
        self.rail, self.asked = rail, 0

    async def send(self, instruction: PayoutInstruction) -> PayoutAnswer:
        self.asked += 1
        answer = await self.rail.send(instruction)
        if self.asked < 3:
            raise ConnectionResetError("the answer is lost")
        return answer


async def sent(shop: Books) -> list[str]:
    """What the rail has sent for this shop's payouts."""
    rows = await shop.pool.fetch(
        "SELECT idempotency_key FROM simulated_payout JOIN payout ON idempotency_key = transaction_id"
        " WHERE book_id = $1",
        shop.book_id,
    )
    return [row["idempotency_key"] for row in rows]


async def send_all(shop: Books, rail: object) -> None:
    """Until nothing of this shop is under way; other shops' payouts are not ours to ask for."""
    while await shop.pool.fetchval(
        "SELECT count(*) FROM payout WHERE book_id = $1 AND due_at IS NOT NULL", shop.book_id
    ):
        await send_payouts(service_of(shop), {"simulated": rail})  # type: ignore[dict-item]
        shop.clock.forward(seconds=int(LEASE.total_seconds()))


async def test_a_payout_is_sent_in_the_trace_of_the_call_that_made_it(shop: Books) -> None:
    pytest.importorskip("opentelemetry")
    from tests.support.collector import collecting  # noqa: PLC0415 - needs an extra

    from tallystick.tracing.spans import Tracing  # noqa: PLC0415 - needs an extra

    await with_cash(shop)
    payout = taken(await ask(shop, "30.00", rail="simulated"), "Pending")
    trace, caller = "8" * 32, "00f067aa0ba902b7"
    links = TraceLinks(shop.pool, shop.clock)
    links.note(f"00-{trace}-{caller}-01", [payout])
    await links.write()
    with collecting() as collector:
        tracing = Tracing(collector.url)
        rail = SimulatedPayoutRail(shop.pool, shop.clock, faults=True)
        while await status(shop, payout) != ("Success", "Success"):
            await send_payouts(replace(service_of(shop), tracing=tracing), {"simulated": rail})
            shop.clock.forward(seconds=int(LEASE.total_seconds()))
        await asyncio.to_thread(tracing.close)
        span = collector.of(trace)["payout"]

    assert (span.parent_id, span.attributes["tallystick.outcome"]) == (caller, "Sent")
    assert span.attributes["tallystick.transaction_id"] == payout


class DeadRail:
    """Has been out of reach for days."""

    name = "simulated"

    async def send(self, _instruction: PayoutInstruction) -> PayoutAnswer:
        raise TimeoutError("out of reach")


async def test_a_rail_that_is_away_for_days_is_asked_once_an_hour(shop: Books) -> None:
    await with_cash(shop)
    payout = taken(await ask(shop, "30.00", rail="simulated"), "Pending")
    await shop.pool.execute(
        "UPDATE payout SET attempts = 80 WHERE book_id = $1 AND transaction_id = $2", shop.book_id, payout
    )

    await send_payouts(service_of(shop), {"simulated": DeadRail()})

    found = await payouts.find(shop.pool, shop.book_id, payout)
    assert found is not None
    assert (found.due_at, found.last_error) == (shop.clock() + timedelta(hours=1), "TimeoutError: out of reach")
    await send_all(shop, SimulatedPayoutRail(shop.pool, shop.clock, faults=True))
    assert await status(shop, payout) == ("Success", "Success")


async def test_a_lost_answer_is_asked_for_again_and_nothing_is_sent_twice(shop: Books) -> None:
    await with_cash(shop)
    payout = taken(await ask(shop, "30.00", rail="simulated"), "Pending")
    rail = ForgetfulRail(SimulatedPayoutRail(shop.pool, shop.clock, faults=True))

    await send_all(shop, rail)

    assert rail.asked >= 3
    assert await sent(shop) == [payout]
    assert await status(shop, payout) == ("Success", "Success")
    assert (await verify(shop.pool)).problems == []


async def test_a_worker_that_dies_between_the_cash_and_the_bank_leaves_it_to_another(shop: Books) -> None:
    await with_cash(shop)
    payout = taken(await ask(shop, "30.00", rail="simulated"), "Pending")
    (due,) = [one for one in await payouts.due(shop.pool, shop.clock(), 1000) if one.transaction_id == payout]
    assert await payouts.claim(shop.pool, due, shop.clock(), shop.clock() + LEASE), "and then it dies"
    assert not await payouts.claim(shop.pool, due, shop.clock(), shop.clock() + LEASE), "nobody takes it meanwhile"
    assert await sent(shop) == []

    shop.clock.forward(seconds=60)
    await send_all(shop, SimulatedPayoutRail(shop.pool, shop.clock, faults=True))

    assert await sent(shop) == [payout]
    assert (await kept(shop))[1:] == (0, 30_000_000)


async def test_what_the_rail_declines_comes_back(shop: Books) -> None:
    await with_cash(shop)
    before = await shop.total("cash")
    payout = taken(await ask(shop, "30.70", rail="simulated"), "Pending")

    await send_all(shop, SimulatedPayoutRail(shop.pool, shop.clock, faults=True))

    assert await status(shop, payout) == ("Failure", "TransactionDenied")
    assert await kept(shop) == (before, 0, 0)
    assert (await verify(shop.pool)).problems == []


async def test_a_key_stands_for_one_amount(shop: Books) -> None:
    rail = SimulatedPayoutRail(shop.pool, shop.clock, faults=True)
    key = shop.request().transaction_id
    assert isinstance(await rail.send(PayoutInstruction(key, 1_000_000, ACCOUNT)), Sent)
    assert isinstance(await rail.send(PayoutInstruction(key, 1_000_000, ACCOUNT)), Sent)
    with pytest.raises(ValueError, match="was used for"):
        await rail.send(PayoutInstruction(key, 2_000_000, ACCOUNT))
    other = shop.request().transaction_id
    assert isinstance(await rail.send(PayoutInstruction(other, 1_700_000, ACCOUNT)), NotSent)


async def test_the_running_proof_follows_a_payout_that_takes_days(past: Past) -> None:
    shop = past.shop
    payout = taken(await ask(shop, "5.00"), "Pending")
    for _ in range(3):
        proof = await running_proof.go_on(past.pool, shop.clock())
        assert proof is not None
        assert (proof.problems, proof.unexplained_micros) == ((), 0)
        shop.clock.forward(hours=3)
    await end(shop, payout)
    proof = await running_proof.go_on(past.pool, shop.clock())
    assert proof is not None
    assert (proof.problems, proof.unexplained_micros) == ((), 0)


async def test_the_archive_takes_payouts(past: Past) -> None:
    pytest.importorskip("pyarrow")
    shop = past.shop
    payout = taken(await ask(shop, "2.00"), "Pending")
    await end(shop, payout)
    shop.clock.forward(days=15)
    taken(await shop.perform(ReturnPayout(shop.request(), payout, "closed")))
    waiting = taken(await ask(shop, "1.00"), "Pending")
    shop.clock.forward(days=10)

    await past.archive(days=20)
    await past.assert_proven()
    await past.archive(days=8)
    await past.assert_proven()

    await end(shop, waiting)
    await past.assert_proven()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE payout SET amount_micros = amount_micros + 10000 WHERE book_id = $1 AND transaction_id = $2",
        "UPDATE payout SET ended_at = now() WHERE book_id = $1 AND transaction_id = $2",
        "DELETE FROM payout WHERE book_id = $1 AND transaction_id = $2",
        "DELETE FROM transaction WHERE book_id = $1 AND transaction_id = $2",
        "UPDATE transfer SET debit_account = 31 WHERE book_id = $1 AND transaction_id = $2",
        "DELETE FROM transfer WHERE book_id <> $1 AND transaction_id = $2",
        "UPDATE transaction SET refunded_micros = 10000 WHERE book_id = $1 AND transaction_id = $2",
    ],
)
async def test_verify_notices(past: Past, damage: str) -> None:
    payout = taken(await ask(past.shop, "2.00"), "Pending")
    assert (await verify(past.pool)).problems == []
    connection = await past.pool.acquire()
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(damage, past.shop.book_id, payout)
        assert (await report_on(connection)).problems != []
    finally:
        await transaction.rollback()
        await past.pool.release(connection)


async def test_verify_notices_what_the_simulated_rail_never_sent(past: Past) -> None:
    payout = taken(await ask(past.shop, "2.00", rail="simulated"), "Pending")
    connection = await past.pool.acquire()
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(
            "UPDATE payout SET ended_at = now() WHERE book_id = $1 AND transaction_id = $2",
            past.shop.book_id,
            payout,
        )
        await connection.execute(
            "UPDATE transaction SET status = 'Success', completed_at = received_at"
            " WHERE book_id = $1 AND transaction_id = $2",
            past.shop.book_id,
            payout,
        )
        problems = (await report_on(connection)).problems
        assert any(problem.startswith("simulated_payouts_agree") for problem in problems)
    finally:
        await transaction.rollback()
        await past.pool.release(connection)


async def test_a_bank_account_opens_for_its_seller_alone(shop: Books) -> None:
    number = await bank_account(shop)
    found = await destinations.find(shop.pool, number)
    assert found is not None
    assert found.open(VAULT) == ACCOUNT
    assert found.hint == "DE …3000"
    assert b"3704" not in found.account_sealed
    second = await bank_account(shop)
    current = await destinations.current(shop.pool, shop.party_id, "sandbox")
    assert current is not None
    assert current.destination_id == second
    replaced = await destinations.find(shop.pool, number)
    assert replaced is not None
    assert replaced.replaced_at is not None
