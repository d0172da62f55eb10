"""What the model knows of one buyer at one seller: instruments, account, tokens, transactions. Amounts: micro-units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, unique

from tallystick.torture.model.operations import OperationKind, Outcome, TokenSlot

Content = tuple[OperationKind, int | None, TokenSlot | None, str | None]


@unique
class ModelRail(StrEnum):
    """What a payment network was asked to do."""

    CHARGE = "charge"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the buyer agreed to, and what is on the buyer's account at the beginning."""

    account: int
    funding_limit: int
    credit_limit: int
    total_limit: int
    funding_by_card: bool
    settlement_by_card: bool


@dataclass(frozen=True, slots=True)
class ModelTransaction:
    """One transaction. `asked`: what the network still has to answer. `method`: where the money is."""

    reference: str
    action: OperationKind
    amount: int
    method: str
    status: str
    asked: ModelRail | None = None
    fee: int = 0
    fee_returned: int = 0
    refunded: int = 0
    original: str | None = None
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class ModelState:
    """One possible truth. `cash`: what the seller has gained by this buyer, fees deducted.

    Transactions and answers are in the order of their references: the order in which they came to be makes no
    difference to anybody, so it must not make two truths of one.
    """

    terms: Terms
    account: int
    balance: int = 0
    coming_in: int = 0
    debt: int = 0
    being_settled: int = 0
    charged: int = 0
    cash: int = 0
    cancelled: frozenset[TokenSlot] = frozenset()
    transactions: tuple[ModelTransaction, ...] = ()
    answers: tuple[tuple[str, Content, Outcome], ...] = ()

    def __hash__(self) -> int:
        """Of the figures alone: what has grown long is compared only where they are equal."""
        figures = (self.account, self.balance, self.coming_in, self.debt, self.being_settled, self.charged, self.cash)
        return hash((figures, self.cancelled, len(self.transactions), len(self.answers)))

    def find(self, reference: str | None) -> ModelTransaction | None:
        """The transaction that a request with this reference made."""
        return next((made for made in self.transactions if made.reference == reference), None)

    def answered(self, reference: str | None) -> tuple[Content, Outcome] | None:
        """What was asked under a reference first, and what it came to."""
        return next((earlier[1:] for earlier in self.answers if earlier[0] == reference), None)

    def having(self, transaction: ModelTransaction) -> ModelState:
        """This state with a transaction as it is now."""
        others = (made for made in self.transactions if made.reference != transaction.reference)
        return replace(self, transactions=tuple(sorted((*others, transaction), key=_reference)))

    def having_answered(self, reference: str, content: Content, outcome: Outcome) -> ModelState:
        """This state with the answer that a reference has from now on."""
        answers = sorted((*self.answers, (reference, content, outcome)), key=_first)
        return replace(self, answers=tuple(answers))


def _reference(transaction: ModelTransaction) -> str:
    return transaction.reference


def _first(answer: tuple[str, Content, Outcome]) -> str:
    return answer[0]


def beginning(terms: Terms) -> ModelState:
    """A buyer who has agreed, and bought nothing yet."""
    return ModelState(terms, account=terms.account)
