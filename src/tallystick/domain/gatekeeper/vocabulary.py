"""The words of the language as data: operators, types, variables, declared names and the values that they may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final


@unique
class ComparisonOperator(Enum):
    """How a condition compares."""

    EQUAL = "=="
    UNEQUAL = "!="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="
    IN = "in"


@unique
class LiteralType(Enum):
    """The types of declarations, by their names in the language."""

    STRING = "string"
    INTEGER = "integer"
    MONEY = "money"
    DURATION = "duration"


@unique
class TransactionRole(Enum):
    """The part that the holder of a token takes in a transaction."""

    CALLER = "Caller"
    SENDER = "Sender"
    RECIPIENT = "Recipient"


@unique
class Variable(Enum):
    """What a condition may ask about a transaction."""

    MY_ROLE = "MyRole"
    TRANSACTION_AMOUNT = "TransactionAmount"
    TRANSACTION_TIMESTAMP = "TransactionTimestamp"
    PAYMENT_METHOD = "PaymentMethod"
    CHARGE_FEE_TO = "ChargeFeeTo"
    OPERATION_TYPE = "OperationType"


ORDERED: Final = frozenset(
    {ComparisonOperator.BELOW, ComparisonOperator.AT_MOST, ComparisonOperator.ABOVE, ComparisonOperator.AT_LEAST}
)
"""Operators for amounts and moments only; `in` is for words only."""

PAYMENT_METHODS: Final = ("abt", "ach", "cc")
"""Account balance, bank account, card. Written in lower case, read in any."""

WORDS: Final[Mapping[Variable, tuple[str, ...]]] = {
    Variable.MY_ROLE: tuple(role.value for role in TransactionRole),
    Variable.PAYMENT_METHOD: PAYMENT_METHODS,
    Variable.CHARGE_FEE_TO: ("Caller", "Recipient"),
    Variable.OPERATION_TYPE: ("Pay", "Reserve", "Settle", "Refund", "FundPrepaid", "SettleDebt", "WriteOffDebt"),
}
"""The values of the variables that are words. The two others are an amount and a moment."""

VARIABLES: Final[Mapping[str, Variable]] = {variable.value: variable for variable in Variable}

PAYMENT_METHOD: Final = "PaymentMethod"
LIMIT_NUMBERS: Final = (1, 2)
"""A token has two usage limits at most."""


@dataclass(frozen=True, slots=True)
class LimitNames:
    """The three declared names that make one usage limit."""

    kind: str
    limit: str
    period: str


LIMITS: Final = tuple(
    LimitNames(f"MyTokenUsageLimit{n}Type", f"MyTokenUsageLimit{n}", f"MyTokenUsageLimit{n}Period")
    for n in LIMIT_NUMBERS
)

DECLARED: Final[Mapping[str, tuple[LiteralType, ...]]] = {
    PAYMENT_METHOD: (LiteralType.STRING,),
    **{names.kind: (LiteralType.STRING,) for names in LIMITS},
    **{names.limit: (LiteralType.MONEY, LiteralType.INTEGER) for names in LIMITS},
    **{names.period: (LiteralType.DURATION,) for names in LIMITS},
}
"""Every name that may be declared, and as what."""


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """``did you mean MyRole?`` where `word` differs from a known one by upper and lower case only."""
    same = (name for name in known if name.lower() == word.lower())
    found = next(same, None)
    return None if found is None else f"did you mean {found}"
