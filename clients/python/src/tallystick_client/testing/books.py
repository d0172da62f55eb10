"""The fake's books: authorizations, transactions and the rules about money, in whole micro-units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from tallystick_client.testing.refused import RefusedError

MICROS: Final = 1_000_000
CENT: Final = 10_000
LARGEST_FROM_OUTSIDE: Final = 10_000 * MICROS

Kind = Literal["prepaid", "postpaid"]
ACCOUNT_BALANCE: Final = "account_balance"
METHODS: Final = ("card", "bank_account", ACCOUNT_BALANCE)


def text(micros: int) -> str:
    """As the service writes amounts."""
    return f"{'-' if micros < 0 else ''}{abs(micros) // MICROS}.{abs(micros) % MICROS:06d}"


def shown(micros: int) -> str:
    """As people write them: with cents at least."""
    whole, _, places = text(micros).partition(".")
    return f"{whole}.{places.rstrip('0'):0<2}"


def micros_of(amount: str) -> int:
    """Of decimal text that was checked."""
    whole, _, places = amount.partition(".")
    return int(whole) * MICROS + int(f"{places:0<6}")


def usual_fee(micros: int) -> int:
    """The fee of the shipped schedule: 0.05, 5 % up to 5.00, nothing up to 10.00, 2.75 % of the rest; whole cents."""
    exact = 50_000 * 10_000 + min(micros, 5 * MICROS) * 500 + max(0, micros - 10 * MICROS) * 275
    return (exact + 5_000 * 10_000) // (10_000 * CENT) * CENT


@dataclass(slots=True)
class Authorization:
    """What a buyer agreed to, or is asked to. `held`: what is on a balance, or owed on a tab; `charged`: in all.

    `methods`: how the buyer may pay; `return_url`: where the buyer goes afterwards.
    """

    id: str
    kind: Kind
    limit: int
    total_limit: int | None
    description: str | None
    key: str
    created_at: datetime
    expires_at: datetime | None
    return_url: str = ""
    methods: tuple[str, ...] = METHODS
    method: str | None = None
    starts_at: datetime | None = None
    cancelled: bool = False
    held: int = 0
    pending: int = 0
    charged: int = 0

    def status(self, now: datetime) -> str:
        """As the service tells it."""
        if self.method is None:
            return "pending"
        if self.cancelled:
            return "cancelled"
        return "expired" if self._over(now) else "active"

    def _over(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def room(self) -> int:
        """The largest charge that would pass."""
        if self.kind == "prepaid":
            return self.held
        left = self.limit - self.held
        return max(0, left if self.total_limit is None else min(left, self.total_limit - self.charged))

    def settleable(self) -> int:
        """What of a debt is owed and not on its way."""
        return max(0, self.held - self.pending)

    def check_usable(self, now: datetime) -> None:
        """Raises RefusedError."""
        if self.cancelled:
            raise RefusedError("authorization_not_active", "The sender token has been cancelled.")
        if self._over(now):
            raise RefusedError("authorization_expired", "The authorization has expired.")


@dataclass(slots=True)
class Transaction:
    """Something that moved, or is about to. `object`: what /v1 calls it."""

    id: str
    object: str
    amount: int
    authorization: Authorization
    method: str
    key: str
    created_at: datetime
    status: str = "succeeded"
    status_code: str = "Success"
    fee: int = 0
    original: Transaction | None = None
    refunded: int = 0
    description: str | None = None
    note: str | None = None
    completed_at: datetime | None = None


@dataclass(slots=True)
class Books:
    """Everything of one seller. `smallest_charge`: in micro-units; `fee`: what the service keeps of real money.

    The smallest charge is at first that of a new sandbox.
    """

    smallest_charge: int = 1
    fee: Callable[[int], int] = usual_fee
    cash: int = 0
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    transactions: dict[str, Transaction] = field(default_factory=dict)
    declines: list[str] = field(default_factory=list)

    def authorization(self, authorization_id: str, name: str = "authorization") -> Authorization:
        """One that a buyer has agreed to. Raises RefusedError."""
        found = self.authorizations.get(authorization_id)
        if found is None or found.method is None:
            message = "There is no such authorization of this account, or nobody has agreed to it yet."
            raise RefusedError("authorization_not_found", message, field=name)
        return found

    def of_kind(self, authorization_id: str, kind: Kind) -> Authorization:
        """One of this kind. Raises RefusedError."""
        found = self.authorization(authorization_id)
        if found.kind != kind:
            message = f"This is for authorizations of the kind {kind}; this one is {found.kind}."
            raise RefusedError("authorization_not_for_this", message, field="authorization")
        return found

    def transaction(self, transaction_id: str, kind: str | None = None) -> Transaction:
        """One of a kind, or of any. Raises RefusedError."""
        found = self.transactions.get(transaction_id)
        if found is None or kind not in {None, found.object}:
            raise RefusedError("transaction_not_found", "There is no such transaction of this account.")
        return found

    def charge(self, made: Transaction) -> None:
        """Draw a balance down, or raise a tab. Raises RefusedError."""
        auth, amount = made.authorization, made.amount
        auth.check_usable(made.created_at)
        if amount < self.smallest_charge:
            raise self._out_of_range(self.smallest_charge)
        bounds = {
            "field": "amount",
            "limit": text(auth.limit),
            "available": text(auth.room()),
            "largest_amount": text(auth.room()),
        }
        if auth.kind == "prepaid":
            if amount > auth.held:
                message = f"The prepaid balance of {shown(auth.held)} does not cover {shown(amount)}."
                raise RefusedError("insufficient_balance", message, **bounds)
            auth.held -= amount
        else:
            if auth.total_limit is not None and auth.charged + amount > auth.total_limit:
                message = (
                    f"The charge would pass the total of {shown(auth.total_limit)} agreed for the whole authorization."
                )
                raise RefusedError("authorization_limit_exceeded", message, **bounds)
            if auth.held + amount > auth.limit:
                message = (
                    f"The charge would exceed the credit limit of {shown(auth.limit)}: {shown(auth.held)} is owed."
                )
                raise RefusedError("insufficient_balance", message, **bounds)
            auth.held, auth.charged = auth.held + amount, auth.charged + amount
        self._succeed(made)

    def top_up(self, made: Transaction) -> None:
        """Ask for real money for a balance. Raises RefusedError."""
        auth, amount = made.authorization, made.amount
        auth.check_usable(made.created_at)
        _check_from_outside(amount)
        after, room = auth.held + auth.pending + amount, auth.limit - auth.held - auth.pending
        if after > auth.limit:
            raise RefusedError(
                "balance_limit_exceeded",
                f"Funding {shown(amount)} would raise the balance to {shown(after)}, above {shown(auth.limit)}.",
                field="amount",
                limit=text(auth.limit),
                largest_amount=text(max(0, room)),
            )
        self._ask(made)

    def settle(self, made: Transaction) -> None:
        """Ask for real money for a tab; also after its end. Raises RefusedError."""
        _check_from_outside(made.amount)
        self._check_debt(made)
        self._ask(made)

    def write_off(self, made: Transaction) -> None:
        """Forgive. Raises RefusedError."""
        auth = made.authorization
        if made.amount != auth.settleable() and made.amount < self.smallest_charge:
            raise self._out_of_range(self.smallest_charge)
        self._check_debt(made)
        auth.held -= made.amount
        self._succeed(made)

    def refund(self, made: Transaction, asked: int | None) -> None:
        """Give back a charge, `asked` or all that is left of it. Raises RefusedError."""
        original = made.original
        if original is None or original.object != "charge":
            raise RefusedError("not_refundable", "Only a payment can be refunded.")
        auth, left = original.authorization, original.amount - original.refunded
        amount = left if asked is None else asked
        if amount > left or left == 0:
            message = f"Only {shown(left)} is left to refund."
            raise RefusedError("more_than_left_to_refund", message, field="amount", largest_amount=text(left))
        if amount != left and amount < self.smallest_charge:
            raise RefusedError("amount_out_of_range", f"The amount must be at least {shown(self.smallest_charge)}.")
        if auth.kind == "postpaid" and amount > auth.settleable():
            message = f"Only {shown(auth.settleable())} is owed and not being settled already."
            raise RefusedError("more_than_left_to_refund", message, field="amount", largest_amount=text(left))
        made.amount, original.refunded = amount, original.refunded + amount
        auth.held += amount if auth.kind == "prepaid" else -amount
        self._succeed(made)

    def come_through(self, now: datetime) -> None:
        """All that is pending comes to its end: it succeeds, or is declined where that was ordered."""
        for one in self.transactions.values():
            if one.status == "pending":
                one.authorization.pending -= one.amount
                one.completed_at = now
                if self.declines:
                    one.status, one.status_code = "failed", self.declines.pop(0)
                else:
                    one.status, one.status_code = "succeeded", "Success"
                    self._receive(one)

    def _ask(self, made: Transaction) -> None:
        """Money from outside: at once from an account balance, else it is pending. Fractions of cents stay there."""
        made.amount -= made.amount % CENT
        made.fee = self.fee(made.amount)
        if made.fee >= made.amount:
            raise RefusedError(
                "invalid_request", f"The amount must exceed the recipient's fee liability of {shown(made.fee)}."
            )
        if made.method == ACCOUNT_BALANCE:
            self._receive(made)
            self._succeed(made)
            return
        made.status, made.status_code = "pending", "PendingNetworkResponse"
        made.authorization.pending += made.amount
        self.transactions[made.id] = made

    def _receive(self, made: Transaction) -> None:
        made.authorization.held += made.amount if made.object == "top_up" else -made.amount
        self.cash += made.amount - made.fee

    def _succeed(self, made: Transaction) -> None:
        made.completed_at = made.created_at
        self.transactions[made.id] = made

    def _check_debt(self, made: Transaction) -> None:
        owed = made.authorization.settleable()
        if made.amount > owed:
            message = f"{shown(made.amount)} is more than the debt of {shown(owed)}."
            raise RefusedError("more_than_owed", message, field="amount", largest_amount=text(owed))

    @staticmethod
    def _out_of_range(smallest: int) -> RefusedError:
        message = f"The amount must be at least {shown(smallest)}."
        return RefusedError("amount_out_of_range", message, field="amount", smallest_amount=text(smallest))


def _check_from_outside(amount: int) -> None:
    if not CENT <= amount <= LARGEST_FROM_OUTSIDE:
        message = f"The amount must lie between {shown(CENT)} and {shown(LARGEST_FROM_OUTSIDE)}."
        raise RefusedError("amount_out_of_range", message)
