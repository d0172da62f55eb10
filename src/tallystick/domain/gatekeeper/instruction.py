"""An instruction as values: what the tokens' holders agreed to, free of how it was written; and back to text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tallystick.domain.commands import LimitTerms
from tallystick.domain.gatekeeper.lexer import quoted
from tallystick.domain.gatekeeper.literals import write_duration, write_money
from tallystick.domain.gatekeeper.vocabulary import LIMITS, PAYMENT_METHOD, ComparisonOperator, LiteralType, Variable
from tallystick.domain.limits import LimitKind
from tallystick.domain.periods import Period


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of each transaction that uses the token.

    `value` is a word, an amount in micro-units or a moment, as the variable asks for; of IN a tuple of words.
    `reason` is what to say when it does not hold.
    """

    variable: Variable
    operator: ComparisonOperator
    value: str | int | datetime | tuple[str, ...]
    reason: str | None = None

    @property
    def rule(self) -> str:
        """The condition without its reason, as text."""
        return f"{self.variable.value} {self.operator.value} {_condition_value(self.value)}"

    def __str__(self) -> str:
        return f"{self.rule};" if self.reason is None else f"{self.rule} orSay {quoted(self.reason)};"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A property of the token. `value`: micro-units for MONEY, a number for INTEGER, a Period for DURATION."""

    type: LiteralType
    name: str
    value: str | int | Period

    def __str__(self) -> str:
        return f"{self.type.value} {self.name} := {self._literal()};"

    def _literal(self) -> str:
        if isinstance(self.value, Period):
            return quoted(write_duration(self.value))
        if isinstance(self.value, str):
            return quoted(self.value)
        return quoted(write_money(self.value)) if self.type is LiteralType.MONEY else str(self.value)


@dataclass(frozen=True, slots=True)
class Instruction:
    """A whole text that has no fault. ``parse(str(instruction)) == instruction``."""

    conditions: tuple[Condition, ...] = ()
    declarations: tuple[Declaration, ...] = ()

    @property
    def payment_method(self) -> str | None:
        """The one payment method that the token is for, in lower case; None when none was declared."""
        value = self._declared(PAYMENT_METHOD)
        return value if isinstance(value, str) else None

    @property
    def limits(self) -> tuple[LimitTerms, ...]:
        """The usage limits in the order of their numbers."""
        terms = []
        for names in LIMITS:
            kind, limit, period = (self._declared(name) for name in (names.kind, names.limit, names.period))
            if isinstance(limit, int):
                terms.append(LimitTerms(LimitKind(kind), limit, period if isinstance(period, Period) else None))
        return tuple(terms)

    def _declared(self, name: str) -> str | int | Period | None:
        return next((declaration.value for declaration in self.declarations if declaration.name == name), None)

    def __str__(self) -> str:
        return "\n".join(str(statement) for statement in (*self.conditions, *self.declarations))


def _condition_value(value: str | int | datetime | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(quoted(choice) for choice in value)})"
    if isinstance(value, datetime):
        return quoted(value.isoformat())
    return quoted(value if isinstance(value, str) else write_money(value))
