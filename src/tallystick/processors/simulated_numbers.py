"""The numbers that the sandbox takes for cards and bank accounts, each a behaviour of the simulated rail.

No other number is taken, so that nobody's real card lands here. Where Stripe has a test number for a behaviour, it is
the same one. docs/sandbox.md lists them, and a test holds the list against this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final

from tallystick.domain.commands import Method
from tallystick.processors.declines import AUTHENTICATION_REQUIRED


@unique
class Behaviour(Enum):
    """What the simulated rail does with orders for a card or bank account. Most values are codes of declines."""

    PAYS = "pays"
    BUSY = "processing_error"
    NO_FUNDS = "insufficient_funds"
    STOLEN = "stolen_card"
    EXPIRED = "expired_card"
    NO_ACCOUNT = "no_account"
    REQUIRES_ACTION = AUTHENTICATION_REQUIRED
    PENDING = "pending"
    LATE_FAILURE = "debit_not_authorized"
    LOST_ANSWER = "lost_answer"
    LATE_SUCCESS = "late_success"
    REFUND_FAILS = "refund_fails"
    REFUND_FAILS_LATER = "refund_fails_later"

    @property
    def declines(self) -> bool:
        """Whether orders end with a decline whose code this is."""
        return self in _DECLINING

    @property
    def takes_its_time(self) -> bool:
        """Whether orders stay pending for much longer than usual."""
        return self in {Behaviour.PENDING, Behaviour.LATE_FAILURE}


_DECLINING: Final = frozenset(
    {
        Behaviour.BUSY,
        Behaviour.NO_FUNDS,
        Behaviour.STOLEN,
        Behaviour.EXPIRED,
        Behaviour.NO_ACCOUNT,
        Behaviour.LATE_FAILURE,
    }
)


@dataclass(frozen=True, slots=True)
class SimulatedNumber:
    """One number that the sandbox takes. `tells`: what happens, in words for the list of them."""

    method: Method
    number: str
    behaviour: Behaviour
    tells: str
    brand: str = "Visa"

    @property
    def last_four(self) -> str:
        """What is kept of it."""
        return self.number[-4:]

    @property
    def grouped(self) -> str:
        """As it stands on a card."""
        if self.method is not Method.CC:
            return self.number
        return " ".join(self.number[start : start + 4] for start in range(0, len(self.number), 4))


def _card(number: str, behaviour: Behaviour, tells: str, brand: str = "Visa") -> SimulatedNumber:
    return SimulatedNumber(Method.CC, number, behaviour, tells, brand)


def _account(number: str, behaviour: Behaviour, tells: str) -> SimulatedNumber:
    return SimulatedNumber(Method.ACH, number, behaviour, tells, "Bank account")


ROUTING_NUMBER: Final = "110000000"
"""The one bank that the sandbox has."""

NUMBERS: Final = (
    _card("4242424242424242", Behaviour.PAYS, "Pays."),
    _card("5555555555554444", Behaviour.PAYS, "Pays.", "Mastercard"),
    _card("378282246310005", Behaviour.PAYS, "Pays.", "American Express"),
    _card("4000000000009995", Behaviour.NO_FUNDS, "Declined for lack of funds: soft, another time it may go well."),
    _card("4000000000000119", Behaviour.BUSY, "Declined since a system is not available: soft (TemporaryDecline)."),
    _card("4000000000009979", Behaviour.STOLEN, "Declined as stolen: hard, not worth another try."),
    _card("4000000000000069", Behaviour.EXPIRED, "Declined as expired, whatever is on the card: hard."),
    _card("4000002760003184", Behaviour.REQUIRES_ACTION, "Fails until the buyer has confirmed, then pays."),
    _card("4000000000003014", Behaviour.PENDING, "Stays pending for a minute, then pays."),
    _card("4000000000003022", Behaviour.LATE_FAILURE, "Stays pending for a minute, then is declined: hard."),
    _card("4000000000003030", Behaviour.LOST_ANSWER, "Pays, but the first answer is lost: it is asked for again."),
    _card("4000000000003048", Behaviour.LATE_SUCCESS, "Declined, and paid after all: the money is given back."),
    _card("4000000000005126", Behaviour.REFUND_FAILS, "Pays, but takes no money back: refunds fail."),
    _card("4000000000003055", Behaviour.REFUND_FAILS_LATER, "Pays; a refund goes well, and comes back a minute later."),
    _account("000123456789", Behaviour.PAYS, "Pays."),
    _account("000111111116", Behaviour.NO_ACCOUNT, "Declined: there is no such account. Hard."),
    _account("000222222227", Behaviour.NO_FUNDS, "Declined for lack of funds: soft."),
    _account("000333333335", Behaviour.LATE_FAILURE, "Stays pending for a minute, then is declined: hard."),
    _account("000777777771", Behaviour.PENDING, "Stays pending for a minute, then pays."),
)

BY_NUMBER: Final[Mapping[tuple[Method, str], SimulatedNumber]] = {(one.method, one.number): one for one in NUMBERS}


def rail_token(behaviour: Behaviour, random: str) -> str:
    """What the simulated rail calls a card or bank account: its behaviour, and random text without a full stop."""
    return f"{behaviour.value}.{random}"


def behaviour_of(token: str) -> Behaviour:
    """How a card or bank account behaves; those that were entered in early versions have no behaviour, and pay."""
    named, dot, _ = token.partition(".")
    return Behaviour(named) if dot and named in _VALUES else Behaviour.PAYS


_VALUES: Final = frozenset(behaviour.value for behaviour in Behaviour)
