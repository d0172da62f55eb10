"""Whether a transaction keeps the conditions of a token."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tallystick.domain.gatekeeper.instruction import Condition, Instruction
from tallystick.domain.gatekeeper.vocabulary import ComparisonOperator, TransactionRole, Variable
from tallystick.domain.refusals import Refusal, Refused

_COMPARE: Final[Mapping[ComparisonOperator, Callable[[Any, Any], bool]]] = {
    ComparisonOperator.EQUAL: operator.eq,
    ComparisonOperator.UNEQUAL: operator.ne,
    ComparisonOperator.BELOW: operator.lt,
    ComparisonOperator.AT_MOST: operator.le,
    ComparisonOperator.ABOVE: operator.gt,
    ComparisonOperator.AT_LEAST: operator.ge,
    ComparisonOperator.IN: lambda fact, choices: fact in choices,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """A transaction as the holder of one token sees it.

    `my_role` is the holder's part in it, `at` the aware moment by the book's clock, `payment_method` one of the
    protocol's PaymentMethod in any case, `operation` one of its FPSOperation.
    """

    my_role: TransactionRole
    amount_micros: int
    at: datetime
    payment_method: str
    charge_fee_to: str
    operation: str

    def of(self, variable: Variable) -> str | int | datetime:
        """What a variable stands for in this transaction."""
        values: Mapping[Variable, str | int | datetime] = {
            Variable.MY_ROLE: self.my_role.value,
            Variable.TRANSACTION_AMOUNT: self.amount_micros,
            Variable.TRANSACTION_TIMESTAMP: self.at,
            Variable.PAYMENT_METHOD: self.payment_method.lower(),
            Variable.CHARGE_FEE_TO: self.charge_fee_to,
            Variable.OPERATION_TYPE: self.operation,
        }
        return values[variable]


def evaluate(instruction: Instruction, facts: Facts) -> tuple[str, ...]:
    """A reason for each condition that does not hold: its own orSay text, or the condition. Empty: all hold.

    A declared payment method is a condition too. Usage limits are not checked here: they change with each use.
    """
    failures = [
        _reason(condition)
        for condition in instruction.conditions
        if not _COMPARE[condition.operator](facts.of(condition.variable), condition.value)
    ]
    method = instruction.payment_method
    if method is not None and method != facts.of(Variable.PAYMENT_METHOD):
        failures.append(f"The token is for payments by {method} only.")
    return tuple(failures)


def incompatible(failures: Sequence[str]) -> Refused:
    """The refusal of a transaction that breaks conditions of its tokens."""
    return Refused(Refusal.IncompatibleTokens, " ".join(failures))


def possible_roles(instruction: Instruction) -> frozenset[TransactionRole]:
    """The parts in a transaction that the conditions on MyRole leave to the token's holder."""
    conditions = [condition for condition in instruction.conditions if condition.variable is Variable.MY_ROLE]
    return frozenset(
        role
        for role in TransactionRole
        if all(_COMPARE[condition.operator](role.value, condition.value) for condition in conditions)
    )


def _reason(condition: Condition) -> str:
    return condition.reason or f"The token requires: {condition.rule}."
