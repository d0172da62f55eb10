"""Statements held against the vocabulary: names, types, values, and that usage limits are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import TokenType
from tallystick.domain.gatekeeper.faults import FaultError, InstructionFault, Place, bad_rule
from tallystick.domain.gatekeeper.instruction import Condition, Declaration, Instruction
from tallystick.domain.gatekeeper.lexer import LexemeKind
from tallystick.domain.gatekeeper.literals import (
    ShortDurationError,
    read_duration,
    read_integer,
    read_moment,
    read_money,
)
from tallystick.domain.gatekeeper.syntax import MAX_FAULTS, RawCondition, RawDeclaration, read_statements
from tallystick.domain.gatekeeper.vocabulary import (
    DECLARED,
    LIMITS,
    ORDERED,
    PAYMENT_METHOD,
    PAYMENT_METHODS,
    VARIABLES,
    WORDS,
    ComparisonOperator,
    LimitNames,
    LiteralType,
    Variable,
    suggestion,
)
from tallystick.domain.limits import LimitKind
from tallystick.domain.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tallystick.domain.gatekeeper.lexer import Lexeme
    from tallystick.domain.periods import Period

MAX_REASON_LENGTH: Final = 200
_KIND_NAMES: Final = frozenset(names.kind for names in LIMITS)
_LIMIT_NAMES: Final = frozenset(names.limit for names in LIMITS)
_KINDS: Final = {kind.value: kind for kind in LimitKind}
_TYPE_OF_KIND: Final = {LimitKind.AMOUNT.value: LiteralType.MONEY, LimitKind.COUNT.value: LiteralType.INTEGER}


def parse(text: str) -> Instruction | tuple[InstructionFault, ...]:
    """The instruction that `text` is, or every fault in it, in the order of the text. Never raises."""
    statements, faults = read_statements(text)
    conditions: list[Condition] = []
    declared = _Declared()
    for statement in statements:
        try:
            if isinstance(statement, RawCondition):
                conditions.append(_condition(statement))
            else:
                declared.add(statement)
        except FaultError as error:
            faults.append(error.fault)
    faults += declared.incomplete_limits()
    if faults:
        return tuple(sorted(faults, key=lambda fault: fault.place)[:MAX_FAULTS])
    return Instruction(tuple(conditions), tuple(declared.values.values()))


def usage_faults(instruction: Instruction, token_type: TokenType) -> tuple[InstructionFault, ...]:
    """What is wrong with an instruction for tokens of this type; they concern the whole text.

    A single-use token is used up by its one use; a multi-use or recurring one without any limit would have none.
    Source: docs/protocol/errors.md, 4.
    """
    limited = bool(instruction.limits)
    if token_type is TokenType.SINGLE_USE and limited:
        message = "A single-use token cannot have usage limits."
        return (InstructionFault(Refusal.CannotSpecifyUsageForSingleUseToken, Place(1, 1), message),)
    if token_type in {TokenType.MULTI_USE, TokenType.RECURRING} and not limited:
        message = f"A {token_type.value} token needs a usage limit: declare {LIMITS[0].kind} and {LIMITS[0].limit}."
        return (InstructionFault(Refusal.UsageNotDefined, Place(1, 1), message),)
    return ()


class _Declared:
    """The declarations so far. Faulty ones count as given too, so that one mistake is reported once."""

    def __init__(self) -> None:
        self.values: dict[str, Declaration] = {}
        self._places: dict[str, Place] = {}

    def add(self, raw: RawDeclaration) -> None:
        name = raw.name.value
        if name not in DECLARED:
            hint = suggestion(name, DECLARED) or f"known are {', '.join(DECLARED)}"
            raise bad_rule(raw.name.place, f"{raw.name} cannot be declared; {hint}.")
        if name in self._places:
            raise bad_rule(raw.name.place, f"{name} was declared before, in line {self._places[name].line}.")
        self._places[name] = raw.name.place
        self.values[name] = _declaration(raw)

    def incomplete_limits(self) -> list[InstructionFault]:
        return [fault for names in LIMITS if (fault := self._incomplete(names)) is not None]

    def _incomplete(self, names: LimitNames) -> InstructionFault | None:
        """One fault at most, and none where a part is faulty itself."""
        given = [name for name in (names.kind, names.limit, names.period) if name in self._places]
        if not given or any(name not in self.values for name in given):
            return None
        place = self._places[given[0]]
        if names.limit not in given:
            return InstructionFault(
                Refusal.InvalidUsageLimitCount, place, f"{given[0]} needs {names.limit}, the limit itself."
            )
        if names.kind not in given:
            return InstructionFault(
                Refusal.InvalidUsageType, place, f"{given[0]} needs {names.kind}, 'Amount' or 'Count'."
            )
        kind, limit = self.values[names.kind], self.values[names.limit]
        wanted = _TYPE_OF_KIND[str(kind.value)]
        if limit.type is not wanted:
            message = f"A limit of type '{kind.value}' is declared as {wanted.value}, not as {limit.type.value}."
            return InstructionFault(Refusal.InvalidUsageType, self._places[names.limit], message)
        return None


def _condition(raw: RawCondition) -> Condition:
    variable = VARIABLES.get(raw.name.value)
    if variable is None:
        hint = suggestion(raw.name.value, VARIABLES) or f"known are {', '.join(VARIABLES)}"
        raise bad_rule(raw.name.place, f"{raw.name} cannot be asked about; {hint}.")
    is_word = variable in WORDS
    if (is_word and raw.operator in ORDERED) or (not is_word and raw.operator is ComparisonOperator.IN):
        usable = "==, != or in" if is_word else "==, !=, <, <=, > or >="
        raise bad_rule(raw.name.place, f"{variable.value} is compared by {usable}, not by {raw.operator.value}.")
    reason = None
    if raw.reason is not None:
        reason = raw.reason.value
        if len(reason) > MAX_REASON_LENGTH:
            raise bad_rule(raw.reason.place, f"A reason has at most {MAX_REASON_LENGTH} characters.")
    if raw.operator is ComparisonOperator.IN:
        choices = tuple(dict.fromkeys(_word(literal, variable) for literal in raw.literals))
        return Condition(variable, raw.operator, choices, reason)
    return Condition(variable, raw.operator, _condition_value(raw.literals[0], variable), reason)


def _condition_value(literal: Lexeme, variable: Variable) -> str | int | datetime:
    if variable in WORDS:
        return _word(literal, variable)
    if variable is Variable.TRANSACTION_AMOUNT:
        return _money(literal)
    try:
        return read_moment(_text(literal))
    except ValueError as error:
        raise _is_not(literal, error) from None


def _word(literal: Lexeme, variable: Variable) -> str:
    if variable is Variable.PAYMENT_METHOD:
        return _payment_method(literal)
    word = _text(literal)
    if word not in WORDS[variable]:
        hint = suggestion(word, WORDS[variable]) or f"known are {', '.join(WORDS[variable])}"
        raise bad_rule(literal.place, f"{variable.value} is never {literal}; {hint}.")
    return word


def _payment_method(literal: Lexeme) -> str:
    method = _text(literal).lower()
    if method not in PAYMENT_METHODS:
        message = f"{literal} is no payment method; known are {', '.join(PAYMENT_METHODS)}."
        raise FaultError(InstructionFault(Refusal.InvalidPaymentMethod, literal.place, message))
    return method


def _declaration(raw: RawDeclaration) -> Declaration:
    name = raw.name.value
    if raw.type not in DECLARED[name]:
        types = " or ".join(type_.value for type_ in DECLARED[name])
        raise bad_rule(raw.name.place, f"{name} is declared as {types}, not as {raw.type.value}.")
    value = _READERS[raw.type](raw.literal)
    if name == PAYMENT_METHOD:
        value = _payment_method(raw.literal)
    elif name in _KIND_NAMES and value not in _KINDS:
        hint = suggestion(str(value), _KINDS) or f"known are {', '.join(_KINDS)}"
        raise FaultError(
            InstructionFault(Refusal.InvalidUsageType, raw.literal.place, f"{raw.literal} is no type of limit; {hint}.")
        )
    elif name in _LIMIT_NAMES and value == 0:
        message = "A usage limit must be more than nothing."
        raise FaultError(InstructionFault(Refusal.InvalidUsageLimitCount, raw.literal.place, message))
    return Declaration(raw.type, name, value)


def _text(literal: Lexeme) -> str:
    if literal.kind is not LexemeKind.TEXT:
        raise bad_rule(literal.place, f"Expected a text in single quotes, found {literal}.")
    return literal.value


def _integer(literal: Lexeme) -> int:
    if literal.kind is not LexemeKind.INTEGER:
        raise bad_rule(literal.place, f"Expected a whole number without quotes, found {literal}.")
    try:
        return read_integer(literal.value)
    except ValueError as error:
        raise _is_not(literal, error) from None


def _money(literal: Lexeme) -> int:
    try:
        return read_money(_text(literal))
    except ValueError as error:
        raise _is_not(literal, error) from None


def _duration(literal: Lexeme) -> Period:
    try:
        return read_duration(_text(literal))
    except ShortDurationError as error:
        raise FaultError(
            InstructionFault(Refusal.InvalidUsageDuration, literal.place, f"{literal} is not {error}.")
        ) from None
    except ValueError as error:
        raise _is_not(literal, error) from None


def _is_not(literal: Lexeme, error: ValueError) -> FaultError:
    return bad_rule(literal.place, f"{literal} is not {error}.")


_READERS: Final[Mapping[LiteralType, Callable[[Lexeme], str | int | Period]]] = {
    LiteralType.STRING: _text,
    LiteralType.INTEGER: _integer,
    LiteralType.MONEY: _money,
    LiteralType.DURATION: _duration,
}
