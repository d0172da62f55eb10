"""Statements of the bank through the database: payouts arrive and come back once, and so do fees; the rest is named."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("lxml")

from tests.conftest import MakeDatabase
from tests.store.direct import taken
from tests.support.books import Books, new_seller
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY
from tests.support.statements import camt, entry

from tallystick.domain.banking.arrivals import BankFindingKind
from tallystick.domain.banking.bank_accounts import BankAccount
from tallystick.domain.commands import RequestPayout
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.rails.commands import Paid, ResolvePayout
from tallystick.services.context import Service
from tallystick.services.operations.audit import Actor
from tallystick.services.payouts import bank_statements, desk
from tallystick.services.payouts.bank_statements import GivenStatement, StatementError
from tallystick.services.rails import operator_books
from tallystick.settings import Settings
from tallystick.store.ledger.verify import verify
from tallystick.store.payouts import destinations
from tallystick.wiring import open_service

UNITS = 1_000_000
IBAN = "DE75512108001245126199"
BY_COMMAND = Actor.command("a test")
ONLY_THERE, ONLY_HERE, DIFFERENT = BankFindingKind.ONLY_THERE, BankFindingKind.ONLY_HERE, BankFindingKind.DIFFERENT


@dataclass
class Desk:
    """A service with a seller who has cash; each test has days of its own."""

    service: Service
    books: Books
    clock: TestClock
    destination: int

    @property
    def day(self) -> str:
        return f"{self.clock():%Y-%m-%d}"

    async def payout(self, amount: str = "20.00", *, sent: str | None = None, rail: str = "manual") -> TransactionId:
        command = RequestPayout(self.books.request(), parse_amount(amount), rail, self.destination)
        payout = taken(await self.books.perform(command), "Pending")
        if sent is not None:
            await self.books.perform(ResolvePayout(payout, Paid(), sent))
        return payout

    async def in_file(self, *amounts: str) -> tuple[str, list[TransactionId]]:
        message_id = secrets.token_hex(12)
        payouts = [await self.payout(amount, rail="file") for amount in amounts]
        await self.service.pool.execute(
            "UPDATE payout SET message_id = $1 WHERE book_id = $2 AND transaction_id = ANY($3)",
            message_id,
            self.books.book_id,
            payouts,
        )
        return message_id, payouts

    def entry(self, amount: str, payout: str = "", **more: Any) -> str:  # noqa: ANN401 - as `entry` takes them

        return entry(amount, end_to_end_id=payout, day=self.day, **more)

    async def give(self, *entries: str) -> GivenStatement:
        content = camt(*entries, name=secrets.token_hex(4), since=self.day, until=self.day)
        (given,) = await bank_statements.take_in(self.service, "sandbox", content.encode(), "x.xml")
        return given

    async def give_table(self, *rows: str, account: str = "") -> GivenStatement:
        """The same days as a table; each row: amount, kind, fee, reference."""
        lines = ["date,amount,kind,fee,reference,account", *(f"{self.day},{row},{account}" for row in rows)]
        (given,) = await bank_statements.take_in(self.service, "sandbox", "\n".join(lines).encode(), "x.csv")
        return given

    async def book(self, *entries: str) -> GivenStatement:
        return await self.again(await self.give(*entries))

    async def again(self, given: GivenStatement) -> GivenStatement:
        return await bank_statements.book(self.service, BY_COMMAND, "sandbox", given)

    async def state(self, payout: TransactionId) -> str:
        found = await desk.find(self.service, payout)
        assert found is not None
        if found.returned_micros:
            return "returned"
        return "under way" if found.ended_at is None else found.status

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
        payout_sender_iban=IBAN,
    )
    clock = TestClock()
    async with open_service(settings, clock) as service:
        await operator_books.split(service, BY_COMMAND, "sandbox", 2)
        yield service, clock


@pytest.fixture
async def bank(opened: tuple[Service, TestClock]) -> AsyncIterator[Desk]:
    service, clock = opened
    clock.forward(days=30)  # beyond what an earlier test has left
    seller, _, books = await new_seller(service, clock)
    buyer = await books.sender_token()
    await books.deposit(buyer, "500.00")
    taken(await books.pay(buyer, "500.00"))
    async with service.pool.acquire() as connection, connection.transaction():
        destination = await destinations.give(
            connection,
            service.vault,
            seller.party_id,
            "sandbox",
            BankAccount("Music Shop", iban="DE89370400440532013000"),
            made_by=None,
            now=clock(),
            usable_at=clock(),
        )
    yield Desk(service, books, clock, destination)
    assert (await verify(service.pool)).problems == []


def found(given: GivenStatement) -> list[tuple[BankFindingKind, str, int]]:
    return [(one.kind, one.name, one.unexplained_micros) for one in given.report.findings]


async def test_a_payout_arrives_once_however_often_it_is_read(bank: Desk) -> None:
    payout = await bank.payout()
    left = bank.entry("-20.00", payout, bank_reference="B-77")

    looked_at = await bank.give(left)
    outlook = await bank_statements.outlook(bank.service, "sandbox", looked_at)
    assert (outlook.arriving, outlook.returning, outlook.findings) == ((payout,), (), ())
    assert await bank.state(payout) == "under way", "looking changes nothing"

    first = await bank.again(looked_at)
    again = await bank.again(first)
    overlapping = await bank.book(left)

    for booked in (first, again, overlapping):
        assert (booked.report.arrived, booked.report.returned, found(booked)) == (1, 0, [])
    assert await bank.state(payout) == "Success"
    kept = await desk.find(bank.service, payout)
    assert kept is not None
    assert kept.bank_reference == "B-77"
    assert len(await bank_statements.of_payout(bank.service, "sandbox", payout)) == 1


async def test_what_bounces_is_cash_again_once(bank: Desk) -> None:
    before = await bank.books.total("cash")
    payout = await bank.payout()
    await bank.book(bank.entry("-20.00", payout, bank_reference="B-1"))
    bank.clock.forward(days=2)
    back = bank.entry("20.00", payout, bank_reference="B-2")

    first, second = await asyncio.gather(bank.book(back), bank.book(back))
    await bank.book(back)

    assert (first.report.returned, second.report.returned) == (1, 1)
    assert (found(first), found(second)) == ([], [])
    assert await bank.state(payout) == "returned"
    assert await bank.books.total("cash") == before
    rows = await bank.service.pool.fetch(
        "SELECT transaction_id FROM transaction WHERE book_id = $1 AND operation = 'PayoutReturn'", bank.books.book_id
    )
    assert len(rows) == 1


async def test_both_on_one_statement(bank: Desk) -> None:
    payout = await bank.payout()
    booked = await bank.book(bank.entry("20.00", payout, bank_reference="B"), bank.entry("-20.00", payout))
    assert await bank.state(payout) == "returned"
    assert found(booked) == []


async def test_it_comes_back_only_after_a_statement_says_that_it_left(bank: Desk) -> None:
    payout = await bank.payout()
    back = await bank.book(bank.entry("20.00", payout))
    assert found(back) == [(BankFindingKind.CAME_FIRST, payout, 20 * UNITS)]
    assert await bank.state(payout) == "under way"

    await bank.book(bank.entry("-20.00", payout))

    assert await bank.state(payout) == "returned", "by both together"
    assert found(await bank.again(back)) == []


async def test_taken_twice_and_given_back_once_has_arrived(bank: Desk) -> None:
    payout = await bank.payout()
    twice = await bank.book(
        bank.entry("-20.00", payout, bank_reference="1"), bank.entry("-20.00", payout, bank_reference="2")
    )
    assert found(twice) == [(DIFFERENT, payout, 40 * UNITS)]
    assert await bank.state(payout) == "under way", "people have to look"

    corrected = await bank.book(bank.entry("20.00", payout, bank_reference="3"))

    assert await bank.state(payout) == "Success"
    assert found(corrected) == []
    assert found(await bank.again(twice)) == []


async def test_another_amount_is_named_and_nothing_is_told(bank: Desk) -> None:
    payout = await bank.payout()
    booked = await bank.book(bank.entry("-19.99", payout))
    assert found(booked) == [(DIFFERENT, payout, 19_990_000)]
    assert booked.report.unexplained_micros == 19_990_000
    assert await bank.state(payout) == "under way"


async def test_what_people_said_was_not_sent_but_left(bank: Desk) -> None:
    payout = await bank.payout()
    record = await desk.find(bank.service, payout)
    assert record is not None
    await desk.mark_failed(bank.service, BY_COMMAND, record, "a wrong number")
    booked = await bank.book(bank.entry("-20.00", payout))
    assert found(booked) == [(DIFFERENT, payout, 20 * UNITS)]


async def test_of_two_who_say_different_things_at_once_one_is_told_so(bank: Desk) -> None:
    """Both had the page before them while it was under way; only what counts is in the audit log."""
    payout = await bank.payout()
    record = await desk.find(bank.service, payout)
    assert record is not None
    await desk.mark_failed(bank.service, BY_COMMAND, record, "a wrong number")

    with pytest.raises(desk.PayoutStateError, match="Failure"):
        await desk.mark_sent(bank.service, BY_COMMAND, record, "B-1")
    await desk.mark_failed(bank.service, BY_COMMAND, record, "a wrong number")

    assert await bank.state(payout) == "Failure"
    said = await bank.service.pool.fetch("SELECT action FROM audit_entry WHERE subject = $1", payout)
    assert {row["action"] for row in said} == {"payout.failed"}


async def test_a_file_that_two_people_say_was_sent_at_once_was_sent(bank: Desk) -> None:
    message_id, payouts = await bank.in_file(*["1.00"] * 6)

    await asyncio.gather(*(desk.mark_file_sent(bank.service, BY_COMMAND, message_id, None) for _ in range(3)))

    assert {await bank.state(payout) for payout in payouts} == {"Success"}


async def test_one_debit_for_a_whole_file(bank: Desk) -> None:
    message_id, payouts = await bank.in_file("20.00", "30.00", "40.00")
    record = await desk.find(bank.service, payouts[2])
    assert record is not None
    await desk.mark_failed(bank.service, BY_COMMAND, record, "the bank did not take it")

    booked = await bank.book(entry("-50.00", message_id=message_id, day=bank.day))

    assert (booked.report.arrived, found(booked)) == (2, [])
    assert [await bank.state(payout) for payout in payouts] == ["Success", "Success", "Failure"]
    bank.clock.forward(days=1)
    back = await bank.book(bank.entry("30.00", payouts[1]))
    assert found(back) == []
    assert [await bank.state(payout) for payout in payouts] == ["Success", "returned", "Failure"]


async def test_a_file_with_another_sum_is_only_at_the_bank(bank: Desk) -> None:
    message_id, payouts = await bank.in_file("20.00", "30.00")
    booked = await bank.book(entry("-49.00", message_id=message_id, day=bank.day, bank_reference="B-9"))
    assert found(booked) == [(ONLY_THERE, "B-9", 49 * UNITS)]
    assert {await bank.state(payout) for payout in payouts} == {"under way"}


async def test_a_payout_by_the_reference_that_people_wrote_down(bank: Desk) -> None:
    name = secrets.token_hex(6)
    payout = await bank.payout(sent=name)
    booked = await bank.book(bank.entry("-20.00", bank_reference=name))
    assert found(booked) == []
    assert [one.reference for one in await bank_statements.of_payout(bank.service, "sandbox", payout)] == [name]


async def test_a_reference_that_several_share_names_none(bank: Desk) -> None:
    name = secrets.token_hex(6)
    payouts = [await bank.payout(sent=name) for _ in range(2)]
    booked = await bank.book(bank.entry("-20.00", bank_reference=name))
    not_yet = [(BankFindingKind.NOT_YET, payout, 0) for payout in sorted(payouts)]
    assert found(booked) == [*not_yet, (ONLY_THERE, name, 20 * UNITS)]
    for payout in payouts:
        assert await bank_statements.of_payout(bank.service, "sandbox", payout) == []


async def test_fees_are_the_operators_and_booked_once(bank: Desk) -> None:
    before = await bank.account("rail_fees")
    payout = await bank.payout()
    entries = (
        bank.entry("-0.30", fee=True, bank_reference=secrets.token_hex(4)),
        bank.entry("-20.10", payout, charges="0.10"),
    )
    first, second = await asyncio.gather(bank.book(*entries), bank.book(*entries))
    await bank.book(*entries)

    assert (first.report.fees_micros, second.report.fees_micros, found(first)) == (400_000, 400_000, [])
    assert await bank.account("rail_fees") - before == 400_000
    assert await bank.state(payout) == "Success"


KNOWN_FEE = BankFindingKind.KNOWN_FEE


async def test_a_fee_that_another_statement_tells_in_other_words_is_booked_once(bank: Desk) -> None:
    before = await bank.account("rail_fees")
    await bank.book(bank.entry("-0.30", fee=True, bank_reference="B-1"))
    table = await bank.give_table("-0.30,fee,,fee of the month", "-0.40,fee,,for a letter")

    outlook = await bank_statements.outlook(bank.service, "sandbox", table)
    booked = await bank.again(table)

    assert outlook.fees_micros == booked.report.fees_micros == 400_000
    assert found(booked) == [(KNOWN_FEE, "fee of the month", 0)]
    assert outlook.findings == booked.report.findings
    assert await bank.account("rail_fees") - before == 700_000
    assert found(await bank.again(booked)) == found(booked), "also when it is held against the books again"

    (finding,) = booked.report.findings
    assert finding.entry_id is not None
    for _ in range(2):
        other = await bank_statements.book(bank.service, BY_COMMAND, "sandbox", table, [finding.entry_id])
        assert found(other) == []
        assert other.report.fees_micros == 700_000
        assert await bank.account("rail_fees") - before == 1_000_000, "once, however often it is said"
    assert found(await bank.again(table)) == []
    said = await bank.service.pool.fetch(
        "SELECT details FROM audit_entry WHERE action = 'bank.statement' AND details ->> 'other_fees' = $1",
        finding.entry_id,
    )
    assert len(said) == 2


async def test_as_many_fees_are_booked_as_the_statement_with_most_of_them_has(bank: Desk) -> None:
    """Two letters cost the same, and the first statement had one of them; a charge was part of a payment."""
    before = await bank.account("rail_fees")
    payout = await bank.payout()
    await bank.book(bank.entry("-0.30", fee=True, bank_reference="B-1"), bank.entry("-20.10", payout, charges="0.10"))

    both = await bank.again(await bank.give_table("-0.30,fee,,C-1", "-0.30,fee,,C-2", "-0.10,fee,,C-3"))
    of_camt = await bank.book(
        bank.entry("-0.30", fee=True, bank_reference="B-1"), bank.entry("-0.30", fee=True, bank_reference="B-2")
    )

    assert found(both) == [(KNOWN_FEE, "C-1", 0), (KNOWN_FEE, "C-3", 0)]
    assert found(of_camt) == [(KNOWN_FEE, "B-2", 0)]
    assert await bank.account("rail_fees") - before == 700_000


async def test_of_two_forms_that_are_booked_at_once_one_is_booked(bank: Desk) -> None:
    before = await bank.account("rail_fees")
    given = [
        await bank.give(bank.entry("-0.30", fee=True), bank.entry("-0.30", fee=True)),
        await bank.give_table("-0.30,fee,,C-1", "-0.30,fee,,C-2"),
        await bank.give_table("-0.30,fee,,D-1", "-0.30,fee,,D-2"),
    ]

    await asyncio.gather(*(bank.again(one) for one in given))

    assert await bank.account("rail_fees") - before == 600_000


async def test_fees_of_two_accounts_are_two(bank: Desk) -> None:
    before = await bank.account("rail_fees")
    for account in ("US1111", "US2222"):
        assert found(await bank.again(await bank.give_table("-0.30,fee,,C-1", account=account))) == []
    assert await bank.account("rail_fees") - before == 600_000


async def test_another_currency_moves_nothing(bank: Desk) -> None:
    before = await bank.account("rail_fees")
    payout = await bank.payout()
    booked = await bank.book(
        bank.entry("-20.00", payout, currency="EUR", bank_reference="B-1"),
        bank.entry("-0.30", fee=True, currency="EUR", bank_reference="B-2"),
    )
    assert {kind for kind, _, _ in found(booked)} == {BankFindingKind.OTHER_CURRENCY}
    assert await bank.state(payout) == "under way"
    assert await bank.account("rail_fees") == before


async def test_what_was_said_to_be_sent_and_never_left_is_named(bank: Desk) -> None:
    payout = await bank.payout(sent="B-1")
    assert found(await bank.book(bank.entry("-0.30", fee=True))) == [(BankFindingKind.NOT_YET, payout, 0)]

    bank.clock.forward(days=3)
    late = await bank.book(bank.entry("-0.30", fee=True))
    assert found(late) == [(ONLY_HERE, payout, 20 * UNITS)]

    bank.clock.forward(days=1)
    await bank.book(bank.entry("-20.00", payout))
    assert found(await bank.again(late)) == [], "it took its time"


async def test_a_payout_of_a_rail_that_answers_by_itself_is_none_of_the_banks(bank: Desk) -> None:
    command = RequestPayout(
        bank.books.request(), 20 * UNITS, "simulated", bank.destination, bank.clock() + timedelta(days=400)
    )
    payout = taken(await bank.books.perform(command), "Pending")
    booked = await bank.book(bank.entry("-20.00", payout, bank_reference="B-1"))
    assert found(booked) == [(ONLY_THERE, "B-1", 20 * UNITS)]
    assert await bank.state(payout) == "under way"


async def test_money_that_comes_in_is_named(bank: Desk) -> None:
    booked = await bank.book(bank.entry("7.00", "a customer", bank_reference="B-1"))
    assert found(booked) == [(ONLY_THERE, "B-1", 7 * UNITS)]


async def test_an_account_that_payouts_do_not_leave_from_is_refused_for_real_money(bank: Desk) -> None:
    content = camt(account="DE89370400440532013000").encode()
    with pytest.raises(StatementError, match="another one"):
        await bank_statements.take_in(bank.service, "live", content, "x.xml")
    (given,) = await bank_statements.take_in(bank.service, "live", camt().encode(), "x.xml")
    assert given.account == "…6199"
    assert given.account != IBAN
