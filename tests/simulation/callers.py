"""Callers: they ask for something, and ask again until they know what became of it, as good programs do."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from msgspec.structs import replace
from tests.simulation.cast import MICROS, OPERATOR, OTHER, OTHER_SELLER, SELLER, SHOP, Buyer, Cast

from tallystick.domain.accounts import AccountKind
from tallystick.domain.commands import (
    Cancel,
    CancelToken,
    Command,
    FeePayer,
    FundPrepaid,
    Marketplace,
    Pay,
    Refund,
    RefundFunding,
    Request,
    RequestPayout,
    Reserve,
    ReturnPayout,
    Settle,
    SettleDebt,
    WriteOffDebt,
    is_money_command,
)
from tallystick.domain.ids import (
    TRANSACTION_ENTROPY_BYTES,
    BookId,
    PartyId,
    TransactionId,
    book_of_transaction,
    make_transaction_id,
)
from tallystick.domain.outcomes import Accepted, Done, Outcome, TransactionStatus
from tallystick.domain.rails.commands import BookMovement, Declined, Deposit, Paid, ResolvePayout
from tallystick.domain.refusals import Refusal, Refused

ASK_AGAIN: Final = frozenset({Refusal.ConcurrentModification, Refusal.ServiceUnavailable})
"""Nothing was done, and the reference is still free."""


_MIXED: Final = (28, 15, 12, 12, 6, 10, 7, 7, 12, 3)
_BUSY: Final = (70, 23, 1, 6, 1, 2, 1, 1, 90, 1)
_REFUNDING: Final = (70, 23, 1, 6, 1, 30, 1, 1, 1, 1)


@dataclass(slots=True)
class Question:
    """One thing that a caller wants, however often it asks. `attempts`: what each came to; an exception: unknown."""

    book_id: BookId
    command: Command
    attempts: list[Outcome | Exception] = field(default_factory=list)
    longest_seconds: float = 0.0
    first_asked: float | None = None
    last_told: float = 0.0
    """When the last answer came."""

    @property
    def reference(self) -> str | None:
        return self.command.request.caller_reference if is_money_command(self.command) else None

    @property
    def answers(self) -> list[Outcome]:
        """What the caller was told for good."""
        return [
            told
            for told in self.attempts
            if isinstance(told, Accepted | Done) or (isinstance(told, Refused) and told.refusal not in ASK_AGAIN)
        ]

    @property
    def accepted(self) -> Accepted | None:
        return next((told for told in self.answers if isinstance(told, Accepted)), None)

    @property
    def is_unknown(self) -> bool:
        """Whether the caller may have been told less than what happened."""
        return not all(isinstance(told, Accepted | Done | Refused) for told in self.attempts)


@dataclass(slots=True)
class Inventor:
    """Makes up commands that belong together: refunds of what was paid, settlements of what was reserved."""

    dice: random.Random
    cast: Cast
    clock: Callable[[], datetime]
    busy: bool = False
    refunding: bool = False
    asked: list[Question] = field(default_factory=list)
    _count: int = 0

    def next(self) -> Question:
        """Something new, seldom something that was asked for before, by another caller who lost its mind."""
        if self.asked and self.dice.random() < (0.02 if self.busy else 0.1):
            return self.dice.choice(self.asked)
        question = self._question()
        self.asked.append(question)
        return question

    def again(self, command: Command) -> Command:
        """The same request once more, as the API makes it: with a transaction id of its own."""
        if not is_money_command(command):
            return command
        book_id = book_of_transaction(command.request.transaction_id)
        return replace(command, request=replace(command.request, transaction_id=self.fresh_id(book_id)))

    def _question(self) -> Question:  # noqa: C901 - one case for each kind
        dice = self.dice
        buyer = dice.choice(self.cast.buyers)
        kind = dice.choices(
            ("pay", "charge", "direct", "fund", "settle debt", "refund", "reserve", "finish", "elsewhere", "rest"),
            (_REFUNDING if self.refunding else _BUSY) if self.busy else _MIXED,
        )[0]
        command: Command | None
        match kind:
            case "pay":
                command = Pay(self._request(), buyer.prepaid_token, self._amount())
            case "charge":
                command = Pay(self._request(), buyer.tab_token, self._amount())
            case "direct":
                command = self._direct(buyer)
            case "fund":
                command = FundPrepaid(self._request(), buyer.funding_token, buyer.prepaid, self._cents(1, 10))
            case "settle debt":
                command = SettleDebt(self._request(), buyer.settlement_token, buyer.tab, self._cents(1, 5))
            case "refund":
                command = self._refund()
            case "reserve":
                command = Reserve(self._request(), buyer.card_token, self._cents(1, 5))
            case "finish":
                command = self._finish()
            case "elsewhere":
                return Question(OTHER, self._elsewhere(buyer))
            case _:
                command = self._rest(buyer)
        if command is None:
            command = Pay(self._request(), buyer.prepaid_token, self._amount())
        return Question(OPERATOR if isinstance(command, Deposit | BookMovement) else SHOP, command)

    def _elsewhere(self, buyer: Buyer) -> Command:
        """At the other seller's: payments of both share their commits."""
        request = self._request(OTHER, OTHER_SELLER)
        if self.dice.random() < 0.3:
            return FundPrepaid(request, buyer.elsewhere_funding, buyer.elsewhere, self._cents(1, 10))
        return Pay(request, buyer.elsewhere_token, self._amount())

    def _direct(self, buyer: Buyer) -> Pay:
        token = self.dice.choice((buyer.card_token, buyer.abt_token))
        marketplace = Marketplace()
        if self.dice.random() < 0.4:
            marketplace = Marketplace(self.cast.recipient_token, FeePayer.CALLER, fixed_fee_micros=MICROS // 2)
        return Pay(self._request(), token, self._cents(1, 6), marketplace)

    def _refund(self) -> Refund | RefundFunding | None:
        if self.dice.random() < 0.2:
            return self._give_back()
        paid = [
            question.accepted.transaction_id
            for question in self.asked
            if isinstance(question.command, Pay) and question.accepted is not None and question.book_id == SHOP
        ]
        if not paid:
            return None
        amount = self._cents(0, 1) if self.dice.random() < 0.7 else None
        if self.refunding:  # several at once of one payment, and not more than it was
            return Refund(self._request(), self.dice.choice(paid[-3:]), self.dice.choice((7, 5_000)))
        return Refund(self._request(), self.dice.choice(paid), amount)

    def _give_back(self) -> RefundFunding | None:
        filled = [
            question.accepted.transaction_id
            for question in self.asked
            if isinstance(question.command, FundPrepaid) and question.accepted is not None and question.book_id == SHOP
        ]
        return RefundFunding(self._request(), self.dice.choice(filled), None) if filled else None

    def _finish(self) -> Settle | Cancel | None:
        pending = [
            (question.command, question.accepted.transaction_id)
            for question in self.asked
            if question.accepted is not None
            and question.accepted.status is TransactionStatus.PENDING
            and question.book_id == SHOP
        ]
        held = [transaction_id for command, transaction_id in pending if isinstance(command, Reserve)]
        if held and self.dice.random() < 0.7:
            return Settle(self.dice.choice(held), None)
        return Cancel(self.dice.choice(pending)[1]) if pending else None

    def _rest(self, buyer: Buyer) -> Command:
        dice = self.dice
        if dice.random() < 0.4:
            return self._payout()
        if dice.random() < 0.5:
            return WriteOffDebt(self._request(), buyer.tab, self._amount())
        if dice.random() < 0.5:
            return CancelToken(dice.choice((buyer.tab_token, buyer.prepaid_token)), SELLER)
        if dice.random() < 0.5:
            kept = dice.choice(("mv_1", "mv_2", "mv_3"))  # a rail tells each several times, and one with two sums
            return BookMovement(
                self.fresh_id(OPERATOR),
                "simulated",
                kept,
                AccountKind.RAIL_FEES,
                self._cents(0, 1) if kept == "mv_1" else 590_000,
            )
        return Deposit(self.fresh_id(OPERATOR), buyer.party_id, "simulated", self._cents(1, 5))

    def _payout(self) -> Command:
        """One more, or what became of one: it was sent, it was not, the bank has sent it back."""
        asked = [
            question.accepted.transaction_id
            for question in self.asked
            if isinstance(question.command, RequestPayout) and question.accepted is not None
        ]
        if not asked or self.dice.random() < 0.4:
            return RequestPayout(self._request(), self._cents(1, 5), "manual", destination_id=1)
        payout = self.dice.choice(asked)
        if self.dice.random() < 0.3:
            return ReturnPayout(self._request(), payout, "no such account")
        return ResolvePayout(payout, Paid() if self.dice.random() < 0.7 else Declined("PayoutNotSent", "no"))

    def _amount(self) -> int:
        if self.busy:
            return self.dice.choice((7, 10_000, 150_000, 990_000))
        return self.dice.choice((7, 990_000, MICROS, 3 * MICROS, self.dice.randrange(10_000, 5 * MICROS)))

    def _cents(self, least: int, most: int) -> int:
        return self.dice.randrange(least * 100 + 20, most * 100 + 20) * 10_000

    def fresh_id(self, book_id: BookId) -> TransactionId:
        """The id of a new transaction."""
        self._count += 1
        at = int(self.clock().timestamp() * 1000) + self._count
        return make_transaction_id(book_id, at, self.dice.randbytes(TRANSACTION_ENTROPY_BYTES))

    def _request(self, book_id: BookId = SHOP, seller: PartyId = SELLER) -> Request:
        transaction_id = self.fresh_id(book_id)
        reference = f"reference {self._count}"
        return Request(transaction_id, seller, reference, reference.encode(), self.clock(), caller_description="goods")
