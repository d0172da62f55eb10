"""Reconciliation through the database: fees are booked once, what is off is named, `verify` knows what was booked."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.conftest import MakeDatabase
from tests.store.direct import said, taken, work
from tests.support.books import Books, new_seller
from tests.support.clock import TestClock
from tests.support.fake_rail import FakeRail
from tests.support.master_key import MASTER_KEY
from tests.support.owner import connection_of_owner

from tallystick.domain.commands import Declined, Method
from tallystick.domain.ids import TransactionId
from tallystick.domain.rails.reconciliation import DayReport, FindingKind
from tallystick.processors.rail import MovementKind, Rail, RailAnswer, RailMovement, Unknown
from tallystick.processors.rails import Rails
from tallystick.processors.simulated_numbers import Behaviour, rail_token
from tallystick.services.context import Service
from tallystick.services.operations.audit import Actor
from tallystick.services.rails import operator_books, refunds
from tallystick.services.rails.reconciliation import days_of, find, reconcile, reconcile_if_due
from tallystick.settings import Settings
from tallystick.store.ledger.verify import STATEMENTS, verify
from tallystick.store.queries import authorization_history, authorizations
from tallystick.store.rails import rail_operations
from tallystick.wiring import open_service

UNITS = 1_000_000
Spoil = Callable[[list[RailMovement]], list[RailMovement]]


class ToldRail(FakeRail):
    """Tells what the simulated rail tells, as a test has spoilt it."""

    def __init__(self, service: Service, spoil: Spoil = list) -> None:
        self.service = service
        self.spoil = spoil
        self.says: RailAnswer | None = None
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.asked: list[tuple[datetime, datetime]] = []

    async def list_movements(self, since: datetime, until: datetime) -> AsyncIterator[RailMovement]:
        self.asked.append((since, until))
        for movement in self.spoil([one async for one in self.simulated.list_movements(since, until)]):
            yield movement

    async def look_again(
        self, reference: str | None, idempotency_key: str, asked_first: datetime
    ) -> RailAnswer | Unknown:
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.says is not None:
            return self.says
        return await self.simulated.look_again(reference, idempotency_key, asked_first)

    @property
    def simulated(self) -> Rail:
        return self.service.rails.find("sandbox", "simulated")


@dataclass
class Desk:
    """A service with a seller; each test has a day of its own."""

    service: Service
    books: Books
    clock: TestClock

    async def charged(self, amount: str) -> TransactionId:
        buyer = await self.books.prepaid_buyer(limit="100.00", method=Method.CC)
        charge = taken(await self.books.fund(buyer, amount), "Pending")
        await work(self.books)
        return charge

    async def read(self, spoil: Spoil = list) -> DayReport:
        self.clock.forward(seconds=1)  # no two readings begin at one moment
        day = self.clock().date()
        (report,) = await reconcile(self.service, ToldRail(self.service, spoil), "sandbox", days_of(day, day))
        return report

    async def account(self, kind: str) -> int:
        found = await self.service.pool.fetchval(
            "SELECT sum(balance_micros)::bigint FROM account JOIN book USING (book_id)"
            " WHERE party_id IS NULL AND environment = 'sandbox' AND kind = $1",
            kind,
        )
        return found or 0


@pytest.fixture(scope="module")
async def opened(
    make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, TestClock]]:
    settings = Settings(
        data_directory=tmp_path_factory.mktemp("data"),
        database_url=await make_migrated(),
        master_key=MASTER_KEY,
        rail_delay_ms=0,
    )
    clock = TestClock()
    async with open_service(settings, clock) as service:
        await operator_books.split(service, Actor.command("a test"), "sandbox", 2)
        yield service, clock


@pytest.fixture
async def desk(opened: tuple[Service, TestClock]) -> AsyncIterator[Desk]:
    service, clock = opened
    clock.forward(days=60)  # beyond what an earlier test has left
    _, _, books = await new_seller(service, clock)
    yield Desk(service, books, clock)
    report = await verify(service.pool)
    assert report.problems == []


def findings(report: DayReport) -> list[tuple[FindingKind, str, int]]:
    return [(one.kind, one.name, one.unexplained_micros) for one in report.findings]


async def test_a_day_is_explained_and_its_fees_are_booked_once(desk: Desk) -> None:
    before = await desk.account("rail_fees")
    await desk.charged("10.00")
    await desk.charged("20.00")

    first = await desk.read()
    again = await desk.read()

    assert first.movements == 2
    assert first.findings == ()
    assert first.moved_micros == 30 * UNITS
    assert first.fees_micros > 0
    assert again == first
    assert await desk.account("rail_fees") - before == first.fees_micros, "the second reading books nothing"
    kept = await find(desk.service, "sandbox", "simulated", desk.clock().date())
    assert kept is not None
    assert kept.report == first


async def test_two_that_read_at_once_book_once(desk: Desk) -> None:
    before = await desk.account("rail_fees")
    for _ in range(3):
        await desk.charged("10.00")

    first, second = await asyncio.gather(desk.read(), desk.read())

    assert first == second
    assert await desk.account("rail_fees") - before == first.fees_micros


async def test_what_is_dropped_is_only_in_the_books(desk: Desk) -> None:
    await desk.charged("10.00")
    lost = await desk.charged("20.00")

    report = await desk.read(lambda told: [one for one in told if one.idempotency_key != lost])

    assert findings(report) == [(FindingKind.ONLY_HERE, lost, 20 * UNITS)]
    assert (await desk.read()).findings == (), "told after all, it is explained"


async def test_what_is_charged_twice_is_another_sum(desk: Desk) -> None:
    charge = await desk.charged("10.00")

    report = await desk.read(lambda told: [*told, *told, *(replace(one, movement_id="second") for one in told)])

    assert findings(report) == [(FindingKind.DIFFERENT, charge, 10 * UNITS)]


async def test_what_is_changed_later_is_named_and_booked_as_before(desk: Desk) -> None:
    before = await desk.account("rail_fees")
    await desk.charged("10.00")
    first = await desk.read()

    report = await desk.read(lambda told: [replace(one, fee_micros=one.fee_micros + UNITS) for one in told])

    assert [(kind, micros) for kind, _, micros in findings(report)] == [(FindingKind.CHANGED, UNITS)]
    assert await desk.account("rail_fees") - before == first.fees_micros
    assert [kind for kind, _, _ in findings(await desk.read(lambda _: []))] == [FindingKind.GONE]
    assert (await desk.read()).findings == ()


async def test_what_was_charged_by_hand_is_named_and_is_the_operators(desk: Desk) -> None:
    moment = desk.clock().astimezone(UTC)
    held, rail = await desk.account("suspense"), await desk.account("rail")
    by_hand = RailMovement("ch_by_hand", MovementKind.CHARGE, "ch_1", 7 * UNITS, 500_000, "USD", moment)
    part = RailMovement("re_by_hand", MovementKind.REFUND, "re_1", -2 * UNITS, 0, "USD", moment, None, "ch_1")

    for _ in range(2):
        report = await desk.read(lambda told: [*told, by_hand, part])

        assert findings(report) == [(FindingKind.BY_HAND, "ch_by_hand", 0), (FindingKind.BY_HAND, "re_by_hand", 0)]
        assert report.unexplained_micros == 0
        assert report.moved_micros == 5 * UNITS
        assert report.fees_micros == 500_000, "the rail kept its fee all the same"
        assert await desk.account("suspense") - held == -5 * UNITS
        assert await desk.account("rail") - rail == 5 * UNITS - 500_000


async def test_what_was_found_to_be_nobodys_stays_so(desk: Desk) -> None:
    """It is booked: were it taken for one of ours later, the rail's account would have it twice."""
    charge = await desk.charged("10.00")
    stranger = lambda told: [replace(one, idempotency_key=None, reference="pi_unknown") for one in told]  # noqa: E731
    first = await desk.read(stranger)

    again = await desk.read()

    name = f"sim_mv_{charge}"
    assert findings(first) == [(FindingKind.BY_HAND, name, 0), (FindingKind.ONLY_HERE, charge, 10 * UNITS)]
    assert findings(again) == findings(first), "the charge in the books is what people have to look at"


async def by_hand(desk: Desk, charge: TransactionId, amount: int, name: str = "re") -> RailMovement:
    """A refund of a charge of ours that somebody made at the rail."""
    (order,) = await rail_operations.of_transaction(desk.service.pool, desk.books.book_id, charge)
    reference, moment = f"{name}_{charge}", desk.clock().astimezone(UTC)
    return RailMovement(
        f"mv_{reference}", MovementKind.REFUND, reference, -amount, 0, "USD", moment, None, order.reference
    )


async def test_a_refund_that_was_made_by_hand_is_booked_as_one(desk: Desk) -> None:
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    cash, rail = await desk.books.total("cash"), await desk.account("rail")
    refund = await by_hand(desk, paid, 4 * UNITS)

    first, second = await asyncio.gather(*(desk.read(lambda told: [*told, refund]) for _ in range(2)))
    assert first.unexplained_micros == second.unexplained_micros == 0
    assert (await desk.read(lambda told: [*told, refund])).findings == ()

    row = await desk.service.pool.fetchrow(
        "SELECT count(*), min(operation), min(status), sum(amount_micros), sum(fee_micros) FROM transaction"
        " WHERE book_id = $1 AND original_id = $2",
        desk.books.book_id,
        paid,
    )
    assert row is not None
    count, operation, status, amount, fee = row
    assert (count, operation, status, amount) == (1, "Refund", "Success", 4 * UNITS)
    assert fee < 0
    assert await desk.books.total("cash") == cash - 4 * UNITS - fee
    assert await desk.account("rail") == rail - 4 * UNITS - (await desk.read(lambda told: [*told, refund])).fees_micros
    assert said(await desk.books.refund(paid, "6.01")) == "RefundAmountExceeded"


@pytest.mark.parametrize("kind", ["a balance", "a debt"])
async def test_one_of_an_instrument_changes_what_is_left_or_owed(desk: Desk, kind: str) -> None:
    books = desk.books
    if kind == "a balance":
        buyer = await books.prepaid_buyer(limit="100.00", method=Method.CC)
        charge = taken(await books.fund(buyer, "10.00"), "Pending")
        await work(books)
        taken(await books.pay(buyer, "6.00"))
    else:
        buyer = await books.postpaid_buyer(method=Method.CC)
        taken(await books.pay(buyer, "20.00"))
        charge = taken(await books.settle(buyer, "10.00"), "Pending")
        await work(books)
    refund = await by_hand(desk, charge, 3 * UNITS)

    report = await desk.read(lambda told: [*told, refund])

    assert report.findings == ()
    left = await desk.service.pool.fetchval(
        "SELECT abs(balance_micros) FROM account WHERE book_id = $1 AND subject = $2", books.book_id, buyer.instrument
    )
    assert left == (1 * UNITS if kind == "a balance" else 13 * UNITS)
    (given,) = await authorizations.authorizations_of(desk.service.pool, buyer.party_id, 5)
    assert given.spent_micros == (6 * UNITS if kind == "a balance" else 20 * UNITS)
    entry = (await authorization_history.page(desk.service.pool, given, 5))[0]
    assert entry.running_micros == left


async def test_what_does_not_fit_stays_listed_until_it_does(desk: Desk) -> None:
    """More was given back than is left on the balance; once it is there again, the books follow."""
    books = desk.books
    buyer = await books.prepaid_buyer(limit="100.00", method=Method.CC)
    charge = taken(await books.fund(buyer, "10.00"), "Pending")
    await work(books)
    taken(await books.pay(buyer, "8.00"))
    refund = await by_hand(desk, charge, 5 * UNITS)

    first = await desk.read(lambda told: [*told, refund])
    assert findings(first) == [(FindingKind.ONLY_THERE, refund.movement_id, 5 * UNITS)]
    assert await books.balance(buyer) == 2 * UNITS, "nothing is booked in part"

    taken(await books.fund(buyer, "9.00"), "Pending")
    await work(books)
    assert (await desk.read(lambda told: [*told, refund])).findings == ()
    assert await books.balance(buyer) == 6 * UNITS


async def test_never_more_than_was_captured_and_not_refunded(desk: Desk) -> None:
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    other = await desk.charged("50.00")  # for the seller to have cash
    await work(desk.books)
    too_much = [await by_hand(desk, paid, 6 * UNITS, name) for name in ("re_a", "re_b")]

    report = await desk.read(lambda told: [*told, *too_much])

    assert [(kind, micros) for kind, _, micros in findings(report)] == [(FindingKind.ONLY_THERE, 6 * UNITS)]
    assert other
    refunded = await desk.service.pool.fetchval(
        "SELECT refunded_micros FROM transaction WHERE transaction_id = $1", paid
    )
    assert refunded == 6 * UNITS


async def test_what_was_booked_as_nobodys_is_no_refund_later(desk: Desk) -> None:
    """The rail's name of the charge was not known when its refund by hand was read: one of the two is booked."""
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    refund = await by_hand(desk, paid, 4 * UNITS)
    held, rail = await desk.account("suspense"), await desk.account("rail")
    cash = await desk.books.total("cash")
    first = await desk.read(lambda told: [*told, replace(refund, charge_reference="pi_not_known_yet")])
    fees_micros = first.fees_micros

    again = await desk.read(lambda told: [*told, refund])

    assert findings(again) == findings(first) == [(FindingKind.BY_HAND, refund.movement_id, 0)]
    assert await desk.account("suspense") - held == 4 * UNITS
    assert await desk.account("rail") - rail == -4 * UNITS - fees_micros
    assert await desk.books.total("cash") == cash


async def test_of_two_readings_at_once_of_which_one_knows_the_charge_one_books(desk: Desk) -> None:
    """The one that does not know it waits where it has decided; the other one decides, and waits; then both go on."""
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    given = await by_hand(desk, paid, 1 * UNITS, "re_first")
    await desk.read(lambda told: [*told, given])
    back = replace(given, movement_id=f"{given.movement_id}_back", amount_micros=1_000)  # the rail is asked about it
    refund = await by_hand(desk, paid, 4 * UNITS)
    stranger = replace(refund, charge_reference="pi_not_known_yet")
    held, rail, cash = await desk.account("suspense"), await desk.account("rail"), await desk.books.total("cash")
    both_have_decided, first_is_over = asyncio.Event(), asyncio.Event()

    async def second_begins() -> None:
        begun.append(asyncio.create_task(reconcile(desk.service, knowing, "sandbox", days_of(day, day))))
        await both_have_decided.wait()

    async def second_waits() -> None:
        both_have_decided.set()
        await first_is_over.wait()

    begun: list[asyncio.Task[list[DayReport]]] = []
    unknowing = ToldRail(desk.service, lambda told: [*told, given, back, stranger])
    knowing = ToldRail(desk.service, lambda told: [*told, given, back, refund])
    unknowing.meanwhile, knowing.meanwhile = second_begins, second_waits
    desk.clock.forward(seconds=1)
    day = desk.clock().date()

    await reconcile(desk.service, unknowing, "sandbox", days_of(day, day))
    first_is_over.set()
    await begun[0]

    assert await desk.account("rail") - rail == -4 * UNITS, "it left once"
    assert await desk.account("suspense") - held == 4 * UNITS, "as nobody's, which was said first"
    assert await desk.books.total("cash") == cash


async def test_one_that_was_made_by_hand_may_come_back_too(desk: Desk) -> None:
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    cash = await desk.books.total("cash")
    refund = await by_hand(desk, paid, 4 * UNITS)
    await desk.read(lambda told: [*told, refund])
    back = replace(refund, movement_id=f"{refund.movement_id}-back", amount_micros=4 * UNITS)
    rail = ToldRail(desk.service, lambda told: [*told, refund, back])
    rail.says = Declined("TransactionDenied", "The card is closed.", "lost_or_stolen_card_refund")
    desk.clock.forward(seconds=1)
    day = desk.clock().date()

    (report,) = await reconcile(desk.service, rail, "sandbox", days_of(day, day))

    assert report.findings == ()
    assert await desk.books.total("cash") == cash


@pytest.mark.parametrize("told", ["by the statement", "by an event, and before the statement"])
async def test_a_refund_that_comes_back_is_found_and_booked_as_such(desk: Desk, told: str) -> None:
    """The card's bank sends it back a minute later: the statement has both, and the books come to the same."""
    buyer = await desk.books.sender_token(Method.CC)
    token = rail_token(Behaviour.REFUND_FAILS_LATER, secrets.token_hex(8))
    await desk.service.pool.execute(
        "UPDATE payment_method SET rail_token = $2 WHERE party_id = $1", buyer.party_id, token
    )
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    cash = await desk.books.total("cash")
    refund = taken(await desk.books.refund(paid, "4.00"), "Pending")
    await work(desk.books)
    assert (await desk.read()).findings == ()
    desk.clock.forward(seconds=120)
    if told != "by the statement":
        simulated = desk.service.rails.find("sandbox", "simulated")
        (record,) = await rail_operations.of_transaction(desk.service.pool, desk.books.book_id, refund)
        failed = await simulated.look_again(record.reference, f"{refund}.refund", desk.clock())
        assert isinstance(failed, Declined)
        assert await refunds.reverse(desk.service, record, failed) is None

    report = await desk.read()

    assert report.movements == 3
    assert report.findings == ()
    assert await desk.books.total("cash") == cash
    assert (await desk.read()).findings == ()
    assert await desk.books.total("cash") == cash, "and once"
    reversals = await desk.service.pool.fetchval("SELECT count(*) FROM transaction WHERE original_id = $1", refund)
    assert reversals == 1


async def test_what_goes_to_the_bank_leaves_the_rail(desk: Desk) -> None:
    rail, bank = await desk.account("rail"), await desk.account("bank")
    moment = desk.clock().astimezone(UTC)
    sent = RailMovement("po_1", MovementKind.PAYOUT, "po_1", -3 * UNITS, 0, "USD", moment)
    back = RailMovement("po_2", MovementKind.PAYOUT, "po_1", 1 * UNITS, 0, "USD", moment)

    report = await desk.read(lambda _: [sent, back])

    assert report.findings == ()
    assert report.bank_micros == 2 * UNITS
    assert await desk.account("bank") - bank == 2 * UNITS
    assert await desk.account("rail") - rail == -2 * UNITS


async def test_yesterday_is_read_once_and_again_while_it_is_not_explained(desk: Desk) -> None:
    lost = await desk.charged("10.00")
    rail = ToldRail(desk.service, lambda told: [one for one in told if one.idempotency_key != lost])
    rails = Rails((rail,), {})
    await desk.read(rail.spoil)
    desk.clock.forward(days=1, hours=3)

    assert await reconcile_if_due(desk.service, rails) == 0, "its day was read, by hand"
    desk.clock.forward(days=1)
    rail.spoil = list
    assert await reconcile_if_due(desk.service, rails) == 1
    assert await reconcile_if_due(desk.service, rails) == 0

    since, until = rail.asked[-1]
    assert until - since == timedelta(days=2), "the day that was open, and the one that was not read"


async def test_a_rail_that_fails_stops_no_other(desk: Desk) -> None:
    def fails(_: Sequence[RailMovement]) -> list[RailMovement]:
        raise OSError("no answer")

    failing, working = ToldRail(desk.service, fails), ToldRail(desk.service)
    failing.name = "failing"

    assert await reconcile_if_due(desk.service, Rails((failing, working), {})) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE rail_booking SET amount_micros = amount_micros + 1 WHERE movement_id = $1",
        "DELETE FROM rail_booking WHERE movement_id = $1",
        "UPDATE rail_booking SET transaction_id = 'gone' WHERE movement_id = $1",
    ],
)
async def test_verify_sees_a_booking_that_is_not_what_was_moved(desk: Desk, damage: str) -> None:
    charge = await desk.charged("10.00")
    await desk.read()
    name = await desk.service.pool.fetchval("SELECT movement_id FROM rail_movement WHERE transaction_id = $1", charge)
    async with connection_of_owner(desk.service.pool) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(damage, name)
        rows = await connection.fetch(STATEMENTS["rail_movements_are_booked"])
        await transaction.rollback()

    assert rows
