"""Histories: what the program of a seller asks for, for one buyer. The same seed gives the same history.

Amounts are chosen with the model at hand, so that balances are spent to the last cent, limits are met, and most of what
is asked for is possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from tallystick.torture.model.money import CENT, UNIT
from tallystick.torture.model.operations import (
    BY_JSON,
    FaceName,
    OperationKind,
    PlannedOperation,
    Round,
    TokenSlot,
)
from tallystick.torture.model.rules import apply, network_answers
from tallystick.torture.model.state import ModelState, ModelTransaction, Terms, beginning

SERVERS: Final = 4
"""Operations name one of so many processes; where fewer run, they share the numbers."""

_WAITS_AT: Final = 3
"""With so many transactions that wait for a network, their ends are waited for: each doubles the possible worlds."""

_WEIGHTS: Final = {
    "pay_prepaid": 22,
    "pay_credit": 16,
    "pay_account": 4,
    "pay_card": 4,
    "fund": 12,
    "reserve": 6,
    "settle": 7,
    "cancel": 4,
    "refund": 15,
    "settle_debt": 9,
    "write_off": 4,
    "prepaid_balance": 8,
    "debt_balance": 6,
    "status": 5,
}
_LATE: Final = {"cancel_token": 5}


@dataclass(frozen=True, slots=True)
class Shape:
    """How long a history is, how much of it goes by card, in percent of the usual, and how much by /v1 of what can.

    Cards need the worker: what it had in hand when it died waits for a minute.
    """

    rounds: int = 40
    cards: int = 100
    json: int = 50


def _happens(random: Random, percent: int) -> bool:
    return random.randrange(100) < percent


def terms_of(random: Random, shape: Shape) -> Terms:
    """What a buyer agrees to."""
    return Terms(
        account=random.choice((40, 80, 120)) * UNIT,
        funding_limit=random.choice((20, 50)) * UNIT,
        credit_limit=random.choice((8, 20)) * UNIT,
        total_limit=random.choice((30, 100)) * UNIT,
        funding_by_card=_happens(random, 30 * shape.cards // 100),
        settlement_by_card=_happens(random, 30 * shape.cards // 100),
    )


@dataclass(slots=True)
class Author:
    """Writes one history. `_state` is what comes of it when everything is carried out at once and in order."""

    random: Random
    terms: Terms
    shape: Shape
    _state: ModelState = field(init=False)
    _asked: list[PlannedOperation] = field(default_factory=list)
    _references: int = 0
    _rounds: int = 0

    def __post_init__(self) -> None:
        self._state = beginning(self.terms)

    def rounds(self) -> Iterator[Round]:
        """All rounds, one after the other."""
        yield self._written((self._operation(OperationKind.FUND, amount=self.random.randrange(5, 20) * UNIT),))
        while self._rounds < self.shape.rounds:
            waiting = [made for made in self._state.transactions if made.asked]
            if len(waiting) >= _WAITS_AT:
                yield from (self._waiting_for(made) for made in waiting)
            else:
                yield self._written(self._next())
        yield from (self._waiting_for(made) for made in self._state.transactions if made.asked)
        for read in (OperationKind.PREPAID_BALANCE, OperationKind.DEBT_BALANCE):
            yield self._written((self._anywhere(PlannedOperation(read), self._server()),))

    def _next(self) -> Round:
        kind = self.random.choices(("one", "race", "rivals", "same", "again", "other"), (54, 18, 8, 10, 6, 4))[0]
        with_reference = [operation for operation in self._asked if operation.reference is not None]
        if kind == "race":
            return tuple(self._any() for _ in range(self.random.choice((2, 2, 2, 3))))
        if kind == "rivals":
            return self._rivals()
        if kind == "same":
            operation, first = self._any(), self._server()
            copies = 1 if operation.reference is None else self.random.choice((2, 2, 3))
            return tuple(self._anywhere(operation, (first + number) % SERVERS) for number in range(copies))
        if kind == "again" and with_reference:
            return (self._anywhere(self.random.choice(with_reference), self._server()),)
        if kind == "other" and with_reference:
            earlier = self.random.choice(with_reference)
            return (replace(self._anywhere(earlier, self._server()), amount=(earlier.amount or UNIT) + CENT),)
        return (self._any(),)

    def _rivals(self) -> Round:
        """Two requests that want the same money, at different processes: there may not be enough for both."""
        first = self._any()
        reference = None
        if first.reference is not None:
            self._references += 1
            reference = f"r{self._references}"
        return first, replace(self._anywhere(first, (first.server + 1) % SERVERS), reference=reference)

    def _anywhere(self, operation: PlannedOperation, server: int) -> PlannedOperation:
        """The same request at a process, in either interface."""
        return replace(operation, server=server, face=self._face(operation.action, operation.token))

    def _face(self, action: OperationKind, token: TokenSlot | None) -> FaceName:
        """A tab's settlement token is no authorization by itself: /v1 cannot end it."""
        speaks = action in BY_JSON and not (action is OperationKind.CANCEL_TOKEN and token is TokenSlot.SETTLEMENT)
        return FaceName.JSON if speaks and self._happens(self.shape.json) else FaceName.QUERY

    def _written(self, requests: Round) -> Round:
        """Note a round, and carry it out in the order in which it is written; networks answer some of the time."""
        self._rounds += 1
        for operation in requests:
            self._asked.append(operation)
            self._state = apply(self._state, operation)[0][1]
        while self._happens(50) and (answered := next(network_answers(self._state), None)):
            self._state = answered
        return requests

    def _waiting_for(self, made: ModelTransaction) -> Round:
        """Ask for a status until it is final."""
        for answered in network_answers(self._state):
            found = answered.find(made.reference)
            if found is not None and found.asked is None:
                self._state = answered
                break
        asked = PlannedOperation(OperationKind.STATUS, original=made.reference, until_final=True)
        return (self._anywhere(asked, self._server()),)

    def _any(self) -> PlannedOperation:
        weights = _WEIGHTS | (_LATE if self._rounds > self.shape.rounds * 2 // 3 else {})
        by_card = {"pay_card", "reserve", "settle", "cancel"}
        shares = [weight * (self.shape.cards if name in by_card else 100) for name, weight in weights.items()]
        while True:
            makers = _MAKERS[self.random.choices(list(weights), shares)[0]]
            if (operation := makers(self)) is not None:
                return operation

    def _operation(
        self,
        action: OperationKind,
        *,
        token: TokenSlot | None = None,
        amount: int | None = None,
        original: str | None = None,
    ) -> PlannedOperation:
        reference = None
        if action in _WITH_REFERENCE:
            self._references += 1
            reference = f"r{self._references}"
        return PlannedOperation(
            action, amount, token, reference, original, self._server(), face=self._face(action, token)
        )

    def _happens(self, percent: int) -> bool:
        return _happens(self.random, percent)

    def _server(self) -> int:
        return self.random.randrange(SERVERS)

    def _part_of(self, most: int, *, cents: bool) -> int:
        """An amount of up to `most`, now and then just all of it, or a little more."""
        if self._happens(12):
            return max(CENT, most)
        if self._happens(12):
            return max(CENT, most + self.random.choice((1, CENT, UNIT)))
        amount = self.random.randint(CENT, max(CENT, most // self.random.choice((1, 2, 4, 8))))
        return max(CENT, amount - amount % CENT) if cents or self._happens(70) else amount

    def _one_of(self, wanted: Callable[[ModelTransaction], bool]) -> str | None:
        found = [made.reference for made in self._state.transactions if wanted(made)]
        return self.random.choice(found) if found else None

    def pay(self, token: TokenSlot) -> PlannedOperation:
        """A payment."""
        state = self._state
        most = {
            TokenSlot.PREPAID: state.balance,
            TokenSlot.CREDIT: self.terms.credit_limit - state.debt,
            TokenSlot.CARD: 20 * UNIT,
            TokenSlot.ACCOUNT: state.account // 4,
        }[token]
        return self._operation(
            OperationKind.PAY,
            token=token,
            amount=self._part_of(most, cents=token in {TokenSlot.CARD, TokenSlot.ACCOUNT}),
        )

    def fund(self) -> PlannedOperation:
        """Money onto the balance."""
        most = self.terms.funding_limit - self._state.balance - self._state.coming_in
        return self._operation(OperationKind.FUND, amount=self._part_of(most, cents=True))

    def reserve(self) -> PlannedOperation:
        """A hold on a card; once in a while on what cannot be held."""
        token = TokenSlot.ACCOUNT if self._happens(5) else TokenSlot.CARD
        return self._operation(OperationKind.RESERVE, token=token, amount=self._part_of(15 * UNIT, cents=True))

    def settle(self) -> PlannedOperation | None:
        """A charge of what is held."""
        original = self._one_of(lambda made: made.action is OperationKind.RESERVE)
        if original is None:
            return None
        held = self._state.find(original)
        amount = None if held is None or self._happens(40) else self._part_of(held.amount, cents=True)
        return self._operation(OperationKind.SETTLE, original=original, amount=amount)

    def cancel(self) -> PlannedOperation | None:
        """The end of something that is still open, or not."""
        original = self._one_of(lambda made: made.method == "Card" and made.action is not OperationKind.REFUND)
        return None if original is None else self._operation(OperationKind.CANCEL, original=original)

    def refund(self) -> PlannedOperation | None:
        """All or a part of a payment back."""
        original = self._one_of(
            lambda made: made.action in {OperationKind.PAY, OperationKind.RESERVE} or self._happens(5)
        )
        if original is None:
            return None
        made = self._state.find(original)
        left = 0 if made is None else made.amount - made.refunded
        amount = None if self._happens(25) else self._part_of(left, cents=False)
        return self._operation(OperationKind.REFUND, original=original, amount=amount)

    def settle_debt(self) -> PlannedOperation:
        """Money for what is owed."""
        most = self._state.debt - self._state.being_settled
        return self._operation(OperationKind.SETTLE_DEBT, amount=self._part_of(most, cents=True))

    def write_off(self) -> PlannedOperation:
        """A little of what is owed, forgiven."""
        most = (self._state.debt - self._state.being_settled) // 3
        return self._operation(OperationKind.WRITE_OFF, amount=self._part_of(most, cents=False))

    def read(self, action: OperationKind) -> PlannedOperation:
        """What a balance or a debt is."""
        return self._operation(action)

    def status(self) -> PlannedOperation | None:
        """How far a transaction is."""
        original = self._one_of(lambda _: True)
        return None if original is None else self._operation(OperationKind.STATUS, original=original)

    def cancel_token(self) -> PlannedOperation:
        """The end of one of the buyer's tokens."""
        return self._operation(OperationKind.CANCEL_TOKEN, token=self.random.choice(list(TokenSlot)))


_WITH_REFERENCE: Final = frozenset(
    {
        OperationKind.FUND,
        OperationKind.PAY,
        OperationKind.RESERVE,
        OperationKind.REFUND,
        OperationKind.SETTLE_DEBT,
        OperationKind.WRITE_OFF,
    }
)
_MAKERS: Final[dict[str, Callable[[Author], PlannedOperation | None]]] = {
    "pay_prepaid": lambda author: author.pay(TokenSlot.PREPAID),
    "pay_credit": lambda author: author.pay(TokenSlot.CREDIT),
    "pay_account": lambda author: author.pay(TokenSlot.ACCOUNT),
    "pay_card": lambda author: author.pay(TokenSlot.CARD),
    "fund": Author.fund,
    "reserve": Author.reserve,
    "settle": Author.settle,
    "cancel": Author.cancel,
    "refund": Author.refund,
    "settle_debt": Author.settle_debt,
    "write_off": Author.write_off,
    "prepaid_balance": lambda author: author.read(OperationKind.PREPAID_BALANCE),
    "debt_balance": lambda author: author.read(OperationKind.DEBT_BALANCE),
    "status": Author.status,
    "cancel_token": Author.cancel_token,
}


def write(seed: str, shape: Shape) -> tuple[Terms, tuple[Round, ...]]:
    """The terms and the history of one buyer."""
    random = Random(seed)  # noqa: S311 - a history, not a secret
    terms = terms_of(random, shape)
    return terms, tuple(Author(random, terms, shape).rounds())
