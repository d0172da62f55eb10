"""A month's close is exact: each end is the next start, and both are what the accounts held when the months changed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.store.direct import taken, work
from tests.store.ledger.test_disputes import LOST, OPENED, WON, shop_of
from tests.store.ledger.test_payouts import ask, end, with_cash
from tests.store.ledger.test_refund_fundings import give_back
from tests.store.past import Past
from tests.support.books import Books, Buyer, OpenBooks
from tests.support.clock import START
from tests.support.owner import connection_of_owner

from tallystick.domain.accounts import AccountKind
from tallystick.domain.commands import FeePayer, Marketplace, Method, Pay, TokenTerms
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.rails.commands import Declined, RailOperation, ResolveCharge
from tallystick.services.buyer.months import Month
from tallystick.services.operations.audit import Actor
from tallystick.services.reports import month_close
from tallystick.services.reports.close_lines import CloseLine
from tallystick.services.reports.month_close import LineTotal, MonthAheadError, MonthArchivedError, MonthClose
from tallystick.services.seller.manual_operations import BookContext
from tallystick.store.closes.month_close import BookedPeriod, booked

FIRST = Month.of(START)
UNITS = 1_000_000


def context(shop: Books) -> BookContext:
    service = shop_of(shop).service
    return BookContext(service, Actor.command("test"), shop.party_id, "sandbox", (shop.book_id,), shop.clock())


async def closed(shop: Books, month: Month) -> MonthClose:
    found = await month_close.close(context(shop), month)
    assert found.adds_up
    return found


async def held(shop: Books) -> dict[AccountKind, int]:
    """How the accounts stand at this moment, debits less credits."""
    rows = await shop.pool.fetch(
        "SELECT kind, sum(balance_micros)::bigint AS micros FROM account WHERE book_id = $1 GROUP BY kind", shop.book_id
    )
    return {AccountKind(row["kind"]): row["micros"] for row in rows}


def shown(balances: Mapping[AccountKind, int], kind: AccountKind) -> int:
    """As the close shows it: what is owed is positive, too."""
    micros = balances.get(kind, 0)
    return -micros if kind in {AccountKind.PREPAID, AccountKind.FROZEN, AccountKind.DUES} else micros


def line(close: MonthClose, wanted: CloseLine) -> LineTotal:
    return next(one for one in close.lines if one.line is wanted)


async def allow_millionths(shop: Books) -> None:
    await shop.pool.execute("UPDATE book SET minimum_charge_micros = 1 WHERE book_id = $1", shop.book_id)


async def test_each_kind_has_its_number_gross_refunds_fees_and_net(shop: Books) -> None:
    await allow_millionths(shop)
    buyer = await shop.funded_buyer("20.00")
    charge = taken(await shop.pay(buyer, "4.000001"))
    await shop.own_transfers(on=False)  # from here on in the other form
    taken(await shop.pay(buyer, "0.000001"))
    taken(await shop.refund(charge, "1.00"))
    tab = await shop.postpaid_buyer(method=Method.ABT)
    await shop.deposit(tab, "50.00")
    taken(await shop.pay(tab, "12.00"))
    taken(await shop.settle(tab, "10.00"))
    taken(await shop.write_off(tab, "0.50"))
    fees = await shop.total("fees")

    found = await closed(shop, FIRST)

    balances = line(found, CloseLine.CHARGES_OF_BALANCES)
    assert balances == LineTotal(CloseLine.CHARGES_OF_BALANCES, 2, 4_000_002, UNITS, 0)
    assert balances.net_micros == 3_000_002
    assert line(found, CloseLine.CHARGES_ON_TABS) == LineTotal(CloseLine.CHARGES_ON_TABS, 1, 12 * UNITS, 0, 0)
    assert line(found, CloseLine.WRITE_OFFS) == LineTotal(CloseLine.WRITE_OFFS, 1, UNITS // 2, 0, 0)
    funded, settled = line(found, CloseLine.FUNDINGS), line(found, CloseLine.SETTLEMENTS)
    assert (funded.number, funded.gross_micros, settled.number, settled.gross_micros) == (1, 20 * UNITS, 1, 10 * UNITS)
    assert funded.fees_micros > 0
    assert settled.fees_micros > 0
    assert funded.fees_micros + settled.fees_micros == found.fees_micros == fees
    cash = found.balance(AccountKind.CASH)
    assert cash.moved == ((CloseLine.FUNDINGS, funded.net_micros), (CloseLine.SETTLEMENTS, settled.net_micros))
    assert (cash.start_micros, cash.end_micros) == (0, await shop.total("cash"))
    assert found.balance(AccountKind.PREPAID).end_micros == 20 * UNITS - 3_000_002
    assert found.balance(AccountKind.RECEIVABLE).end_micros == UNITS * 3 // 2
    assert not found.over


async def test_a_declined_refund_of_last_month_is_less_refunded_and_no_new_funding(shop: Books) -> None:
    buyer = await shop.prepaid_buyer(method=Method.CC)
    funding = taken(await shop.fund(buyer, "10.00"), "Pending")
    await work(shop)
    refund = taken(await give_back(shop, funding, "4.00"), "Pending")
    before = await held(shop)
    shop.clock.forward(days=40)
    declined = ResolveCharge(refund, "simulated", Declined("TransactionDenied", "no"), RailOperation.REFUND)
    assert await shop.perform(declined) == Done()

    march = line(await closed(shop, FIRST), CloseLine.FUNDINGS)
    april = line(await closed(shop, FIRST.next), CloseLine.FUNDINGS)

    assert (march.number, march.gross_micros, march.refunded_micros) == (1, 10 * UNITS, 4 * UNITS)
    assert march.net_micros == before[AccountKind.CASH]
    assert (april.number, april.gross_micros, april.refunded_micros) == (0, 0, -4 * UNITS)
    assert march.net_micros + april.net_micros == await shop.total("cash")


async def test_direct_payments_and_their_refunds(shop: Books) -> None:
    card = await shop.sender_token(Method.ABT)
    await shop.deposit(card, "30.00")
    charge = taken(await shop.pay(card, "7.00"))
    taken(await shop.refund(charge, "2.00"))

    found = line(await closed(shop, FIRST), CloseLine.DIRECT_PAYMENTS)

    assert (found.number, found.gross_micros, found.refunded_micros) == (1, 7 * UNITS, 2 * UNITS)
    assert found.net_micros == await shop.total("cash")


@pytest.mark.parametrize("end", [LOST, WON])
async def test_disputes_add_up_over_the_months_in_which_they_are_opened_and_end(
    shop: Books, end: DisputeStatus
) -> None:
    disputed = shop_of(shop)
    buyer, charge = await disputed.funded("10.00")
    taken(await shop.pay(buyer, "7.00"))
    await disputed.tell(charge, OPENED, "10.00", fee="15.00")
    opened = await held(shop)
    shop.clock.forward(days=40)
    await disputed.tell(charge, end, "10.00")

    march, april = await closed(shop, FIRST), await closed(shop, FIRST.next)

    disputes = line(march, CloseLine.DISPUTES)
    assert (disputes.gross_micros, disputes.fees_micros) == (10 * UNITS, 15 * UNITS)
    for change in march.balances:
        assert change.end_micros == shown(opened, change.kind)
    assert {one.kind: one.end_micros for one in march.balances if one.end_micros} == {
        one.kind: one.start_micros for one in april.balances if one.start_micros
    }


async def test_payments_through_another_seller_count_with_both(shop: Books, open_shop: OpenBooks) -> None:
    recipient = await open_shop()
    marketplace = Marketplace(
        await shop.recipient_token(recipient, TokenTerms(max_fixed_fee_micros=2 * UNITS)),
        FeePayer.CALLER,
        fixed_fee_micros=2 * UNITS,
    )
    buyer = await shop.sender_token(Method.ABT)
    await shop.deposit(buyer, "12.00")
    taken(await shop.perform(Pay(shop.request(), buyer.spending, 12 * UNITS, marketplace)))

    theirs, ours = await closed(recipient, FIRST), await closed(shop, FIRST)

    assert line(theirs, CloseLine.DIRECT_PAYMENTS) == LineTotal(CloseLine.DIRECT_PAYMENTS, 1, 12 * UNITS, 0, 0)
    assert line(theirs, CloseLine.SHARES_PAID) == LineTotal(CloseLine.SHARES_PAID, 1, 2 * UNITS, 0, 0)
    share = line(ours, CloseLine.SHARES_RECEIVED)
    assert (share.number, share.gross_micros, share.refunded_micros) == (1, 2 * UNITS, 0)
    assert share.fees_micros == await shop.total("fees") > 0, "whoever called pays the fee"
    assert ours.balance(AccountKind.CASH).end_micros == share.net_micros == await shop.total("cash")


async def test_payouts_that_were_not_sent_are_none(shop: Books) -> None:
    await with_cash(shop)
    for amount, sent in (("10.00", True), ("20.00", False)):
        await end(shop, taken(await ask(shop, amount), "Pending"), sent=sent)
    taken(await ask(shop, "5.00"), "Pending")

    found = await closed(shop, FIRST)

    assert line(found, CloseLine.PAYOUTS) == LineTotal(CloseLine.PAYOUTS, 2, 15 * UNITS, 0, 0)
    under_way = next(one for one in found.balances if one.kind is AccountKind.PAYOUTS_UNDER_WAY)
    assert (under_way.start_micros, under_way.end_micros) == (0, 5 * UNITS)


class _Life:
    """A shop to which something happens every few days, and what it held whenever a month began."""

    def __init__(self, shop: Books, chance: random.Random) -> None:
        self.shop, self.chance = shop, chance
        self.at_start: dict[Month, dict[AccountKind, int]] = {}
        self.charges: list[TransactionId] = []

    async def live(self, buyers: list[Buyer], tabs: list[Buyer], steps: int) -> None:
        month = FIRST
        for _ in range(steps):
            while month.next.begin <= self.shop.clock():
                month = month.next
                self.at_start[month] = await held(self.shop)
            await self._happen(buyers, tabs)
            self._go_on(month)

    def _go_on(self, month: Month) -> None:
        """Some days on, often to the very first moment of the next month or the last of this one."""
        clock, choice = self.shop.clock, self.chance.randrange(4)
        if choice == 0:
            clock.moment = month.end
        elif choice == 1:
            clock.moment = max(clock.moment, month.end - timedelta(milliseconds=1))
        else:
            clock.forward(days=self.chance.randrange(1, 9), minutes=self.chance.randrange(60))

    async def _happen(self, buyers: list[Buyer], tabs: list[Buyer]) -> None:
        chance, shop = self.chance, self.shop
        amount = f"{chance.randrange(1, 3_000_000) / 1_000_000:.6f}"
        deed = chance.randrange(7)
        if deed == 0:
            await shop.fund(chance.choice(buyers), f"{chance.randrange(1, 6)}.00")
            await work(shop)
        elif deed in {1, 2}:
            outcome = await shop.pay(chance.choice([*buyers, *tabs]), amount)
            self.charges += [outcome.transaction_id] if isinstance(outcome, Accepted) else []
        elif deed == 3 and self.charges:
            await shop.refund(chance.choice(self.charges), amount)
        elif deed == 4:
            await shop.settle(chance.choice(tabs), f"{chance.randrange(1, 3)}.00")
        elif deed == 5:
            await shop.write_off(chance.choice(tabs), amount)
        else:
            await shop.fund(buyers[-1], f"{chance.randrange(1, 6)}.00")  # by card: the rail may answer next month


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_start_and_end_is_what_the_accounts_held_then(shop: Books, seed: int) -> None:
    await allow_millionths(shop)
    tabs = [await shop.postpaid_buyer(method=Method.ABT) for _ in range(2)]
    buyers = [await shop.funded_buyer("10.00", limit="100.00") for _ in range(2)]
    for buyer in (*tabs, *buyers):
        await shop.deposit(buyer, "100.00")
    buyers.append(await shop.prepaid_buyer(limit="100.00", method=Method.CC))
    life = _Life(shop, random.Random(seed))  # noqa: S311 - a history, no secret
    await life.live(buyers, tabs, 45)

    last = Month.of(shop.clock())
    month, start = FIRST, dict[AccountKind, int]()
    assert len(life.at_start) > 3
    while month <= last:
        found = await closed(shop, month)
        assert {one.kind: one.start_micros for one in found.balances} == {
            one.kind: shown(start, one.kind) for one in found.balances
        }
        end = await held(shop) if month == last else life.at_start.get(month.next, await held(shop))
        assert {one.kind: one.end_micros for one in found.balances} == {
            one.kind: shown(end, one.kind) for one in found.balances
        }
        month, start = month.next, end


async def test_a_movement_that_is_lost_shows_as_the_difference(shop: Books) -> None:
    buyer = await shop.funded_buyer("20.00")
    taken(await shop.pay(buyer, "4.00"))
    found = await booked(shop.pool, shop.book_id, FIRST.begin, FIRST.end)
    assert month_close.add_up(FIRST, found, over=True).adds_up

    spent = next(one for one in found if one.period is BookedPeriod.WITHIN and one.debit is AccountKind.PREPAID)
    less = [replace(spent, amount_micros=spent.amount_micros - 1), *(one for one in found if one is not spent)]
    close = month_close.add_up(FIRST, less, over=True)

    assert not close.adds_up
    assert close.balance(AccountKind.PREPAID).difference_micros == -1
    assert close.balance(AccountKind.CASH).difference_micros == 0


async def test_months_and_those_that_have_not_begun(shop: Books) -> None:
    assert await month_close.months(context(shop)) == [FIRST]
    with pytest.raises(MonthAheadError):
        await month_close.close(context(shop), FIRST.next)
    shop.clock.moment = datetime(2027, 4, 1, tzinfo=UTC)
    assert await month_close.months(context(shop)) == [FIRST.next, FIRST]
    assert not (await closed(shop, FIRST)).over, "a payment that waited may still be booked"
    shop.clock.forward(minutes=2)
    assert (await closed(shop, FIRST)).over
    assert (await closed(shop, Month(2027, 2))).lines == ()


async def months_with_everything(past: Past) -> list[MonthClose]:
    """The closes of March to May, in which everything happened that the store's tests make happen."""
    shop = past.shop
    shop.clock.forward(days=30)  # 30 April
    taken(await shop.pay(past.prepaid, "0.25"))
    card = await shop.sender_token(Method.ABT)
    await shop.deposit(card, "30.00")
    charge = taken(await shop.pay(card, "7.00"))
    taken(await shop.refund(charge, "2.00"))
    shop.clock.forward(days=25, hours=12)  # midnight of 25 May
    return [await closed(shop, month) for month in (FIRST, Month(2027, 4), Month(2027, 5))]


@pytest.mark.parametrize("days", [[55], [40, 20], [62, 24]], ids=["a month", "within April", "within March"])
async def test_closes_are_the_same_whatever_went_to_the_archive(past: Past, days: list[int]) -> None:
    """Also where the archive ends within a month, and a month leaves in several batches and runs."""
    pytest.importorskip("pyarrow")
    before = await months_with_everything(past)
    assert before[1].balance(AccountKind.CASH).start_micros > 0
    assert {one.line for one in before[1].lines} >= {CloseLine.DIRECT_PAYMENTS, CloseLine.CHARGES_OF_BALANCES}

    for number in days:
        assert await past.archive(days=number, maximum=3)
        assert [await closed(past.shop, month) for month in (FIRST, Month(2027, 4), Month(2027, 5))] == before
    await past.assert_proven()


async def test_what_was_archived_without_its_sums_by_month_is_refused_and_carried_over(past: Past) -> None:
    """By a release that did not keep them."""
    pytest.importorskip("pyarrow")
    before = await months_with_everything(past)
    assert await past.archive(days=(past.shop.clock() - Month(2027, 4).begin).days)
    async with connection_of_owner(past.pool) as connection:
        await connection.execute("UPDATE archive_batch SET is_summed = false")
        await connection.execute("DELETE FROM archived_movement")

    assert [await closed(past.shop, month) for month in (Month(2027, 4), Month(2027, 5))] == before[1:]
    with pytest.raises(MonthArchivedError) as refused:
        await month_close.close(context(past.shop), FIRST)
    assert refused.value.before is not None
    assert FIRST.begin < refused.value.before <= past.shop.clock()
    await past.assert_proven()


async def test_the_archives_check_sees_sums_that_are_not_those_of_its_files(past: Past) -> None:
    pytest.importorskip("pyarrow")
    assert await past.archive()
    async with connection_of_owner(past.pool) as connection:
        await connection.execute("UPDATE archived_movement SET number = number + 1 WHERE credit = 'sales'")

    problems = (await past.checked()).problems

    assert problems
    assert all("than what is kept for the month" in one for one in problems)


@pytest.mark.parametrize("summed", [True, False])
async def test_a_dispute_that_went_to_the_archive_counts_when_it_moved(past: Past, *, summed: bool) -> None:
    """What it moved when it was lost is later than the archive ends. Without sums by month nothing is guessed."""
    pytest.importorskip("pyarrow")
    shop, disputed = past.shop, shop_of(past.shop)
    buyer, charge = await disputed.funded("10.00")
    taken(await shop.pay(buyer, "4.00"))
    await disputed.funded("50.00")  # cash that covers all of it
    await disputed.tell(charge, OPENED, "10.00", fee="15.00")
    shop.clock.forward(days=60)
    await disputed.tell(charge, LOST, "10.00")
    ended = Month.of(shop.clock())
    shop.clock.forward(days=30)
    before = [await closed(shop, month) for month in (ended, ended.next)]
    assert await past.archive(days=40)
    if summed:
        assert [await closed(shop, month) for month in (ended, ended.next)] == before
        return
    async with connection_of_owner(past.pool) as connection:
        await connection.execute("UPDATE archive_batch SET is_summed = false")
        await connection.execute("DELETE FROM archived_movement")

    with pytest.raises(MonthArchivedError):
        await month_close.close(context(shop), ended)
    found = await closed(shop, ended.next)
    assert found.balance(AccountKind.CASH).end_micros == await shop.total("cash")
