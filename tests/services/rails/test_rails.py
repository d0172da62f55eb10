from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from tests.store.direct import status
from tests.support.books import Books, Buyer
from tests.support.fake_rail import FakeRail
from tests.support.master_key import VAULT

from tallystick.domain.commands import Declined, Method, Paid, RailOperation, ReturnCharge
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Done
from tallystick.processors.rail import (
    DisputeFound,
    DisputeStatus,
    HintKind,
    PaymentMethodFound,
    RailAnswer,
    RailEventRefusedError,
    RailHint,
    RailOrder,
    StillPending,
    Unknown,
)
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail, signed_event
from tallystick.processors.simulated_numbers import Behaviour, rail_token
from tallystick.services.context import Service
from tallystick.services.rails import events
from tallystick.services.rails.events import NoSuchRailError
from tallystick.services.rails.orders import KEY_MARGIN, LOOK_ONCE_MORE
from tallystick.settings import Settings
from tallystick.store.ledger.committer import Committer
from tallystick.store.queries import stuck_work
from tallystick.store.rails import rail_events, rail_operations, rail_requests
from tallystick.worker import Worker

DELAY = timedelta(seconds=5)
EVENTS_KEY = b"of the tests' provider"


def simulated(shop: Books) -> SimulatedRail:
    return SimulatedRail(shop.pool, shop.clock, DELAY, faults=True, events_key=EVENTS_KEY)


@dataclass
class OtherRail(FakeRail):
    """A rail with a name of its own, which says what it is told to say, and remembers what it was asked."""

    name = "other"
    answers: list[RailAnswer | Unknown] = field(default_factory=list)
    performed: list[RailOrder] = field(default_factory=list)
    looked_for: list[tuple[str | None, str]] = field(default_factory=list)
    method: PaymentMethodFound | None = None
    dispute: DisputeFound | None = None

    async def perform(self, order: RailOrder) -> RailAnswer:
        self.performed.append(order)
        answer = self.answers.pop(0) if self.answers else Paid(f"other_{secrets.token_hex(4)}", 20_000)
        assert not isinstance(answer, Unknown)
        return answer

    async def look_again(
        self,
        reference: str | None,
        idempotency_key: str,
        asked_first: datetime,  # noqa: ARG002 - not needed here
    ) -> RailAnswer | Unknown:
        self.looked_for.append((reference, idempotency_key))
        return self.answers.pop(0)

    async def find_dispute(self, reference: str) -> DisputeFound | None:
        assert self.dispute is None or reference == self.dispute.reference
        return self.dispute

    async def find_method(self, rail_token: str) -> PaymentMethodFound | None:
        assert self.method is None or rail_token == self.method.rail_token
        return self.method


def service_of(shop: Books, *rails: FakeRail) -> Service:
    on = Rails((simulated(shop), *rails))
    return Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock, rails=on)


def worker_of(shop: Books, *rails: FakeRail) -> Worker:
    service = service_of(shop, *rails)
    return Worker(service, service.rails)


async def card_is(shop: Books, buyer: Buyer, rail: str, token: str) -> None:
    await shop.pool.execute(
        "UPDATE payment_method SET rail = $2, rail_token = $3 WHERE party_id = $1", buyer.party_id, rail, token
    )


async def funding(shop: Books, amount: str = "10.00", *, rail: str = "simulated", token: str = "") -> TransactionId:
    buyer = await shop.prepaid_buyer("50.00", Method.CC)
    await card_is(shop, buyer, rail, token or secrets.token_hex(8))
    opened = await shop.fund(buyer, amount)
    assert isinstance(opened, Accepted)
    return opened.transaction_id


async def paid_at(shop: Books, rail: FakeRail, card: str) -> tuple[Buyer, Accepted, Worker]:
    """Somebody pays 8.00 by a card at a rail, whose worker has asked it."""
    buyer = await shop.sender_token(Method.CC)
    await card_is(shop, buyer, rail.name, card)
    paid = await shop.pay(buyer, "8.00")
    assert isinstance(paid, Accepted)
    worker = worker_of(shop, rail)
    await worker.step()
    return buyer, paid, worker


async def rows(shop: Books, transaction_id: TransactionId) -> dict[str, rail_operations.RailOperationRecord]:
    found = await rail_operations.of_transaction(shop.pool, shop.book_id, transaction_id)
    return {one.operation.value: one for one in found}


async def rail_balance(shop: Books, rail: str) -> int:
    balance = await shop.pool.fetchval(
        "SELECT balance_micros FROM account WHERE book_id = $1 AND kind = 'rail' AND subject = $2",
        shop.operator_book_id,
        rail,
    )
    return int(balance or 0)


async def test_what_the_rail_calls_an_order_and_keeps_of_it_stays_known(shop: Books) -> None:
    opened = await funding(shop)
    worker = worker_of(shop)
    await worker.step()
    pending = (await rows(shop, opened))["charge"]
    assert pending.reference is not None, "known as soon as the rail has said it"
    assert pending.fee_micros is None
    shop.clock.forward(seconds=5)
    await worker.step()

    assert await status(shop, opened) == ("Success", "Success")
    paid = (await rows(shop, opened))["charge"]
    assert (paid.rail, paid.reference) == ("simulated", pending.reference)
    assert paid.fee_micros == 590_000
    found = await rail_operations.by_reference(shop.pool, "simulated", str(pending.reference), "sandbox")
    assert found == paid
    assert await rail_operations.by_reference(shop.pool, "simulated", str(pending.reference), "live") is None


async def test_each_rail_has_its_own_account(shop: Books) -> None:
    """It is made with the first money that comes in there."""
    other = OtherRail(answers=[Paid("other_1", 20_000)])
    opened = await funding(shop, "7.00", rail="other")
    before = await rail_balance(shop, "other")

    await worker_of(shop, other).step()

    assert await status(shop, opened) == ("Success", "Success")
    assert await rail_balance(shop, "other") == before + parse_amount("7.00")
    assert [order.rail_token for order in other.performed] != []


async def test_a_payment_at_a_rail_that_is_not_on_waits(shop: Books) -> None:
    opened = await funding(shop, rail="gone")
    await worker_of(shop).step()

    assert await status(shop, opened) == ("Pending", "PendingNetworkResponse")
    error = await shop.pool.fetchval("SELECT last_error FROM rail_request WHERE transaction_id = $1", opened)
    assert error == "RailMissingError: the rail gone is not on for sandbox books"
    gone = OtherRail()
    gone.name = "gone"
    shop.clock.forward(seconds=2)
    await worker_of(shop, gone).step()
    assert await status(shop, opened) == ("Success", "Success")


async def test_a_refund_goes_where_the_payment_came_from(shop: Books) -> None:
    """Also when the authorization is paid from another card at another rail by then."""
    other = OtherRail()
    buyer, paid, worker = await paid_at(shop, other, "the first card")
    reference = (await rows(shop, paid.transaction_id))["charge"].reference
    newer = await shop.sender_token(Method.CC)
    await shop.pool.execute(
        "UPDATE token SET payment_method_id = (SELECT payment_method_id FROM payment_method WHERE party_id = $2)"
        " WHERE token_id = $1",
        buyer.spending,
        newer.party_id,
    )

    refund = await shop.refund(paid.transaction_id, "3.00")
    assert isinstance(refund, Accepted)
    await worker.step()

    assert await status(shop, refund.transaction_id) == ("Success", "Success")
    asked = other.performed[-1]
    assert (asked.operation, asked.rail_token) == (RailOperation.REFUND, "the first card")
    assert (asked.earlier_key, asked.earlier_reference) == (paid.transaction_id, reference)


async def test_an_order_with_a_reference_is_looked_up(shop: Books) -> None:
    """Asked again with its key, a rail would only repeat what it said first."""
    other = OtherRail(answers=[StillPending(timedelta(seconds=30), "other_9"), Paid("other_9", 0)])
    opened = await funding(shop, rail="other")
    worker = worker_of(shop, other)
    await worker.step()
    shop.clock.forward(seconds=30)
    await worker.step()

    assert await status(shop, opened) == ("Success", "Success")
    assert len(other.performed) == 1
    assert other.looked_for == [("other_9", opened)]


async def test_an_order_whose_key_may_be_forgotten_is_never_sent_again(shop: Books) -> None:
    class SilentRail(OtherRail):
        async def perform(self, order: RailOrder) -> RailAnswer:
            self.performed.append(order)
            raise TimeoutError

    other = SilentRail(answers=[Unknown(), Paid("other_late", 0)])
    opened = await funding(shop, rail="other")
    worker = worker_of(shop, other)
    await worker.step()
    assert len(other.performed) == 1
    shop.clock.forward(seconds=int((other.remembers_keys_for - KEY_MARGIN).total_seconds()) + 1)
    await worker.step()
    assert await status(shop, opened) == ("Pending", "PendingNetworkResponse"), "nothing is guessed"
    shop.clock.forward(seconds=3600)
    await worker.step()

    assert await status(shop, opened) == ("Success", "Success")
    assert len(other.performed) == 1
    assert other.looked_for == [(None, opened)] * 2


async def test_an_order_that_was_sent_by_a_clock_that_was_ahead_is_looked_for(shop: Books) -> None:
    """By the clock that is right again it was sent in the future: its key may be forgotten for all that one knows."""

    class SilentRail(OtherRail):
        async def perform(self, order: RailOrder) -> RailAnswer:
            self.performed.append(order)
            raise TimeoutError

    other = SilentRail(answers=[Paid("other_found", 0)])
    opened = await funding(shop, rail="other")
    worker = worker_of(shop, other)
    three_days = int(timedelta(days=3).total_seconds())
    shop.clock.forward(seconds=three_days)
    await worker.step()
    shop.clock.forward(seconds=-three_days)
    assert await stuck_work.ask_again(shop.pool, shop.book_id, opened, shop.clock())

    await worker.step()

    assert await status(shop, opened) == ("Success", "Success")
    assert (len(other.performed), other.looked_for) == (1, [(None, opened)])


async def test_what_is_paid_after_all_goes_back_and_shows(shop: Books) -> None:
    opened = await funding(shop, token=rail_token(Behaviour.LATE_SUCCESS, secrets.token_hex(8)))
    worker = worker_of(shop)
    before = await rail_balance(shop, "simulated")
    await worker.step()
    assert await status(shop, opened) == ("Failure", "TransactionDenied")

    shop.clock.forward(seconds=int(LOOK_ONCE_MORE.total_seconds()))
    for _ in range(3):
        await worker.step()
        shop.clock.forward(seconds=6)

    assert await status(shop, opened) == ("Failure", "TransactionDenied"), "it stays what the seller was told"
    known = await rows(shop, opened)
    assert set(known) == {"charge", "return"}
    assert known["return"].reference
    moved = [one async for one in simulated(shop).list_movements(shop.clock() - timedelta(days=1), shop.clock())]
    own = [one.amount_micros for one in moved if (one.idempotency_key or "").startswith(opened)]
    assert sorted(own) == [-10_000_000, 10_000_000]
    assert await rail_balance(shop, "simulated") == before


async def test_a_late_success_is_given_back_once(shop: Books) -> None:
    """The rail's own event and our own look find the same, in any order, any number of times."""
    opened = await funding(shop, token=rail_token(Behaviour.LATE_SUCCESS, secrets.token_hex(8)))
    worker = worker_of(shop)
    await worker.step()
    shop.clock.forward(seconds=6)
    reference = str((await rows(shop, opened))["charge"].reference)
    for number in range(2):
        hint = RailHint(f"{opened}-{number}", HintKind.ORDER, reference)
        assert await events.receive(worker.service, "simulated", *signed_event(EVENTS_KEY, hint))
    for _ in range(4):
        await worker.step()
        shop.clock.forward(seconds=1800)

    returns = await shop.pool.fetchval(
        "SELECT count(*) FROM simulated_charge WHERE idempotency_key = $1", f"{opened}.return"
    )
    assert returns == 1


@pytest.mark.parametrize("when", ["at once", "after it was given back"])
async def test_two_that_ask_for_the_same_return_ask_once(shop: Books, when: str) -> None:
    """The rail's event and our own look may both find the late success before either has asked."""
    other = OtherRail(answers=[Declined("TransactionDenied", "no", "generic_decline", reference="twice_7")])
    other.name = f"asked-{secrets.token_hex(4)}"  # what it is asked later is of no concern to other tests
    opened = await funding(shop, rail=other.name)
    worker = worker_of(shop, other)
    await worker.step()
    command = ReturnCharge(opened)
    if when == "at once":
        rival = Committer(shop.pool, shop.committer.rules, shop.clock)
        outcomes = await asyncio.gather(shop.perform(command), rival.perform(shop.book_id, command))
        await rival.close()
        assert list(outcomes) == [Done(), Done()]
        waiting = await shop.pool.fetchval("SELECT count(*) FROM rail_request WHERE transaction_id = $1", opened)
        assert waiting == 1
        await worker.step()
    else:
        for _ in range(2):
            assert await shop.perform(command) == Done()
            await worker.step()

    assert [order.operation for order in other.performed] == [RailOperation.CHARGE, RailOperation.RETURN]
    assert await shop.pool.fetchval("SELECT count(*) FROM rail_request WHERE transaction_id = $1", opened) == 0


async def test_a_return_that_the_rail_refuses_waits_for_a_person(shop: Books) -> None:
    answers: list[RailAnswer | Unknown] = [
        Declined("TransactionDenied", "no", "generic_decline", reference="other_7"),
        Paid("other_7", 0),
        Declined("TransactionDenied", "no", "declined"),
    ]
    other = OtherRail(answers=answers)
    opened = await funding(shop, rail="other")
    worker = worker_of(shop, other)
    await worker.step()
    shop.clock.forward(seconds=int(LOOK_ONCE_MORE.total_seconds()))
    await worker.step()
    await worker.step()

    waiting = await shop.pool.fetchrow(
        "SELECT operation, last_error FROM rail_request WHERE transaction_id = $1", opened
    )
    assert waiting is not None
    assert waiting["operation"] == "return"
    assert "see to it at the rail" in waiting["last_error"]
    assert other.performed[-1].earlier_reference == "other_7"

    shop.clock.forward(seconds=3600)
    await worker.step()
    assert (await rows(shop, opened))["return"].reference, "and is tried again"


async def test_an_event_comes_once_and_hurries_what_waits(shop: Books) -> None:
    opened = await funding(shop, token=rail_token(Behaviour.PENDING, secrets.token_hex(8)))
    worker = worker_of(shop)
    await worker.step()
    hint = RailHint(f"event of {opened}", HintKind.ORDER, "whatever", opened)
    sent = signed_event(EVENTS_KEY, hint)

    assert await events.receive(worker.service, "simulated", *sent)
    assert not await events.receive(worker.service, "simulated", *sent), "it came before"
    await worker.follow_up_events()

    due = await rail_requests.due(shop.pool, shop.clock(), 1000)
    assert opened in {request.transaction_id for request in due}


async def test_only_the_rail_itself_sends_events(shop: Books) -> None:
    service = worker_of(shop).service
    sent = signed_event(b"another key", RailHint("1", HintKind.ORDER, "x"))

    with pytest.raises(RailEventRefusedError):
        await events.receive(service, "simulated", *sent)
    with pytest.raises(NoSuchRailError):
        await events.receive(service, "none", *sent)


async def test_an_event_about_nothing_of_ours_is_done_with(shop: Books) -> None:
    worker = worker_of(shop)
    event_id = secrets.token_hex(8)
    hint = RailHint(event_id, HintKind.REFUND, f"made by hand {event_id}")
    await events.receive(worker.service, "simulated", *signed_event(EVENTS_KEY, hint))
    await worker.follow_up_events()

    row = await shop.pool.fetchrow("SELECT due_at, last_error FROM rail_event WHERE event_id = $1", event_id)
    assert row is not None
    assert (row["due_at"], row["last_error"]) == (None, None)


async def refund_event(shop: Books, rail: str, reference: str) -> str:
    """The rail sends an event about a refund; its id."""
    event_id = secrets.token_hex(8)
    await rail_events.add(
        shop.pool,
        rail,
        event_id,
        environment="sandbox",
        object_kind="refund",
        reference=reference,
        idempotency_key=None,
        now=shop.clock(),
    )
    return event_id


async def error_of(shop: Books, event_id: str) -> str | None:
    error: str | None = await shop.pool.fetchval("SELECT last_error FROM rail_event WHERE event_id = $1", event_id)
    return error


async def test_a_refund_that_fails_after_all_is_booked_back_once(shop: Books) -> None:
    other = OtherRail()
    _, paid, worker = await paid_at(shop, other, "a card")
    cash, held = await shop.total("cash"), await rail_balance(shop, "other")
    refund = await shop.refund(paid.transaction_id, "3.00")
    assert isinstance(refund, Accepted)
    await worker.step()
    reference = str((await rows(shop, refund.transaction_id))["refund"].reference)
    for _ in range(2):
        event_id = await refund_event(shop, "other", reference)
        other.answers = [Declined("TransactionDenied", "The card takes no money back.", "declined")]
        await worker.follow_up_events()
        assert await error_of(shop, event_id) is None, "nobody has to see to it"

    assert (await shop.total("cash"), await rail_balance(shop, "other")) == (cash, held)
    told = await shop.pool.fetch(
        "SELECT operation, status_code, status_message FROM transaction WHERE book_id = $1 AND original_id = $2",
        shop.book_id,
        refund.transaction_id,
    )
    assert [tuple(row) for row in told] == [("RefundReversal", "RefundFailed", "The card takes no money back.")]
    assert (await rows(shop, refund.transaction_id))["refund"].decline == "declined"


async def test_a_refund_whose_failure_is_told_before_its_success_just_fails(shop: Books) -> None:
    """The event comes while the rail is still being asked: it is asked at once, and there is nothing to reverse."""
    other = OtherRail()
    _, paid, worker = await paid_at(shop, other, "a card")
    cash = await shop.total("cash")
    refund = await shop.refund(paid.transaction_id, "3.00")
    assert isinstance(refund, Accepted)
    other.answers = [StillPending(timedelta(days=1), f"re_{refund.transaction_id}")]
    await worker.step()
    await refund_event(shop, "other", f"re_{refund.transaction_id}")
    other.answers = [Declined("TransactionDenied", "The card takes no money back.", "declined")]
    await worker.follow_up_events()
    await worker.step()

    assert await status(shop, refund.transaction_id) == ("Failure", "TransactionDenied")
    assert await shop.total("cash") == cash


async def test_a_return_that_fails_after_all_is_shown_to_people(shop: Books) -> None:
    other = OtherRail(answers=[Declined("TransactionDenied", "no", "generic_decline", reference="late_8")])
    other.name = f"late-{secrets.token_hex(4)}"  # what it is asked later is of no concern to other tests
    opened = await funding(shop, rail=other.name)
    worker = worker_of(shop, other)
    await worker.step()
    assert await shop.perform(ReturnCharge(opened)) == Done()
    await worker.step()
    event_id = await refund_event(shop, other.name, str((await rows(shop, opened))["return"].reference))
    other.answers = [Declined("TransactionDenied", "The card takes no money back.", "declined")]
    await worker.follow_up_events()

    assert "see to it at the rail" in str(await error_of(shop, event_id))


async def test_a_dispute_that_the_rail_tells_of_is_booked(shop: Books) -> None:
    other = OtherRail()
    _, paid, worker = await paid_at(shop, other, "a card")
    reference = str((await rows(shop, paid.transaction_id))["charge"].reference)
    dispute = f"dp_{secrets.token_hex(6)}"
    other.dispute = DisputeFound(dispute, reference, DisputeStatus.OPENED, 8_000_000, 0, "USD")
    for event_id in (secrets.token_hex(8), secrets.token_hex(8)):
        await rail_events.add(
            shop.pool,
            "other",
            event_id,
            environment="sandbox",
            object_kind="dispute",
            reference=dispute,
            idempotency_key=None,
            now=shop.clock(),
        )
        await worker.follow_up_events()

    booked = await shop.pool.fetch(
        "SELECT original_id, status, rail FROM dispute WHERE book_id = $1 AND reference = $2", shop.book_id, dispute
    )
    assert [tuple(row.values()) for row in booked] == [(paid.transaction_id, "opened", "other")]


async def test_a_card_that_the_rail_has_updated_is_updated_for_everybody(shop: Books) -> None:
    token = secrets.token_hex(8)
    buyers = [await shop.prepaid_buyer("50.00", Method.CC) for _ in range(2)]
    for buyer in buyers:
        await card_is(shop, buyer, "other", token)
    other = OtherRail(method=PaymentMethodFound(token, Method.CC, "Visa", "7777", datetime(2033, 1, 31).date()))  # noqa: DTZ001
    worker = worker_of(shop, other)
    await rail_events.add(
        shop.pool,
        "other",
        secrets.token_hex(8),
        environment="sandbox",
        object_kind="method",
        reference=token,
        idempotency_key=None,
        now=shop.clock(),
    )
    await worker.follow_up_events()

    found = await shop.pool.fetch(
        "SELECT label, last_four, expires_on FROM payment_method WHERE rail_token = $1", token
    )
    assert [tuple(row.values()) for row in found] == [("Visa", "7777", datetime(2033, 1, 31).date())] * 2  # noqa: DTZ001
