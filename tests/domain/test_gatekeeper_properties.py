"""Any text is answered, any instruction survives being written and read, any transaction is judged."""

from __future__ import annotations

from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.conftest import fuzz

from tallystick.domain.commands import TokenType
from tallystick.domain.gatekeeper import (
    MAX_FAULTS,
    ComparisonOperator,
    Condition,
    Declaration,
    Facts,
    Instruction,
    LiteralType,
    TransactionRole,
    Variable,
    evaluate,
    parse,
    possible_roles,
    usage_faults,
)
from tallystick.domain.gatekeeper.vocabulary import LIMITS, PAYMENT_METHOD, PAYMENT_METHODS, WORDS
from tallystick.domain.periods import Period

EQUALITY = (ComparisonOperator.EQUAL, ComparisonOperator.UNEQUAL)
NOT_IN = tuple(operator for operator in ComparisonOperator if operator is not ComparisonOperator.IN)
MAX_MICROS = 10**18 - 1

amounts = st.integers(min_value=0, max_value=MAX_MICROS)
limits_micros = st.integers(min_value=1, max_value=MAX_MICROS)
moments = st.datetimes(
    min_value=datetime(1000, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9999, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
reasons = st.none() | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60)
periods = st.builds(Period, st.integers(1, 99_999), st.sampled_from(["Hour", "Day", "Week", "Month", "Year"]))


def word_conditions(variable: Variable) -> st.SearchStrategy[Condition]:
    words = st.sampled_from(WORDS[variable])
    choices = st.lists(words, min_size=1, unique=True).map(tuple)
    return st.builds(Condition, st.just(variable), st.sampled_from(EQUALITY), words, reasons) | st.builds(
        Condition, st.just(variable), st.just(ComparisonOperator.IN), choices, reasons
    )


def ordered_conditions(variable: Variable, values: st.SearchStrategy[object]) -> st.SearchStrategy[Condition]:
    return st.builds(Condition, st.just(variable), st.sampled_from(NOT_IN), values, reasons)


conditions = st.one_of(
    *(word_conditions(variable) for variable in WORDS),
    ordered_conditions(Variable.TRANSACTION_AMOUNT, amounts),
    ordered_conditions(Variable.TRANSACTION_TIMESTAMP, moments),
)


@st.composite
def declarations(draw: st.DrawFn) -> tuple[Declaration, ...]:
    drawn = []
    if draw(st.booleans()):
        drawn.append(Declaration(LiteralType.STRING, PAYMENT_METHOD, draw(st.sampled_from(PAYMENT_METHODS))))
    for names in draw(st.lists(st.sampled_from(LIMITS), unique=True)):
        kind = draw(st.sampled_from(["Amount", "Count"]))
        drawn.append(Declaration(LiteralType.STRING, names.kind, kind))
        if kind == "Amount":
            drawn.append(Declaration(LiteralType.MONEY, names.limit, draw(limits_micros)))
        else:
            drawn.append(Declaration(LiteralType.INTEGER, names.limit, draw(st.integers(1, 999_999_999))))
        if draw(st.booleans()):
            drawn.append(Declaration(LiteralType.DURATION, names.period, draw(periods)))
    return tuple(draw(st.permutations(drawn)))


instructions = st.builds(Instruction, st.lists(conditions, max_size=6).map(tuple), declarations()).filter(
    lambda instruction: bool(instruction.conditions or instruction.declarations)
)
facts = st.builds(
    Facts,
    my_role=st.sampled_from(TransactionRole),
    amount_micros=amounts,
    at=moments,
    payment_method=st.sampled_from(["ABT", "ACH", "CC", "Prepaid", "Debt"]),
    charge_fee_to=st.sampled_from(["Caller", "Recipient"]),
    operation=st.sampled_from(WORDS[Variable.OPERATION_TYPE]),
)
fragments = st.sampled_from(
    [
        *("MyRole", "TransactionAmount", "TransactionTimestamp", "PaymentMethod", "string", "money", "duration"),
        *("MyTokenUsageLimit1Type", "MyTokenUsageLimit1", "MyTokenUsageLimit1Period", "integer", "in", "orSay"),
        *("==", "=", "!=", "<", "<=", ":=", "(", ")", ",", ";", ";", ";", "'", "''", " ", "\n", "\r\n", "\t"),
        *("'Sender'", "'cc'", "'USD 5'", "'Count'", "'1 month'", "'2027-01-31T10:00:00Z'", "7", "0", "9999999999"),
        *("\0", "é", "\u2028", "\ud800", "-", "\\"),
    ]
)
near_texts = st.lists(fragments, max_size=60).map(" ".join) | st.lists(fragments, max_size=60).map("".join)
any_texts = st.text(max_size=300) | st.text("MyRole=<>!':;,() \r\n'in0", max_size=300)


@pytest.mark.timeout(600)  # the long run takes minutes
@fuzz()
@given(near_texts | any_texts)
def test_any_text_is_an_instruction_or_has_faults_inside_it(text: str) -> None:
    found = parse(text)

    if isinstance(found, Instruction):
        assert parse(str(found)) == found
    else:
        assert 1 <= len(found) <= MAX_FAULTS
        assert list(found) == sorted(found, key=lambda fault: fault.place)
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for fault in found:
            assert fault.place.line <= len(lines)
            assert 1 <= fault.place.column <= len(lines[fault.place.line - 1]) + 1
            assert fault.message.endswith(".")


@pytest.mark.timeout(600)  # the long run takes minutes
@fuzz(500)
@given(instructions, st.data())
def test_a_spoilt_instruction_never_raises(instruction: Instruction, data: st.DataObject) -> None:
    text = str(instruction)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    found = parse(text[:start] + data.draw(fragments) + text[end:])

    assert isinstance(found, Instruction) or found


@given(instructions)
def test_what_is_written_is_read_as_the_same(instruction: Instruction) -> None:
    assert parse(str(instruction)) == instruction


@given(instructions, facts)
def test_every_transaction_is_judged(instruction: Instruction, facts: Facts) -> None:
    failures = evaluate(instruction, facts)

    maximum = len(instruction.conditions) + (instruction.payment_method is not None)
    assert len(failures) <= maximum
    assert all(failures)
    if facts.my_role not in possible_roles(instruction):
        assert failures


@given(instructions, facts)
def test_an_instruction_holds_where_each_of_its_parts_does(instruction: Instruction, facts: Facts) -> None:
    one_by_one = [evaluate(Instruction((condition,)), facts) for condition in instruction.conditions]
    declared = evaluate(Instruction((), instruction.declarations), facts)

    assert evaluate(instruction, facts) == tuple(reason for part in (*one_by_one, declared) for reason in part)


@given(instructions, st.sampled_from(TokenType))
def test_single_use_and_limits_exclude_each_other(instruction: Instruction, token_type: TokenType) -> None:
    faults = usage_faults(instruction, token_type)

    if token_type is TokenType.SINGLE_USE:
        assert bool(faults) == bool(instruction.limits)
    elif token_type is TokenType.UNRESTRICTED:
        assert not faults
    else:
        assert bool(faults) != bool(instruction.limits)
