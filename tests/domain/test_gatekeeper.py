"""Payment instructions: what is read, what is refused and where, what holds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.paths import ROOT

from tallystick.domain.commands import LimitTerms, TokenType
from tallystick.domain.gatekeeper import (
    MAX_FAULTS,
    MAX_STATEMENTS,
    MAX_TEXT_LENGTH,
    ComparisonOperator,
    Condition,
    Declaration,
    Facts,
    Instruction,
    InstructionFault,
    LiteralType,
    TransactionRole,
    Variable,
    evaluate,
    incompatible,
    parse,
    possible_roles,
    usage_faults,
)
from tallystick.domain.gatekeeper.meaning import MAX_REASON_LENGTH
from tallystick.domain.gatekeeper.vocabulary import DECLARED, VARIABLES, WORDS
from tallystick.domain.limits import LimitKind
from tallystick.domain.periods import Period
from tallystick.domain.refusals import Refusal

RECIPIENT = (
    "MyRole == 'Recipient' orSay 'wrong role'; ChargeFeeTo == 'Caller' orSay 'fees'; "
    "PaymentMethod in ('abt','ach') orSay 'method';"
)
SENDER = (
    "MyRole == 'Sender'; string PaymentMethod := 'cc'; string MyTokenUsageLimit1Type := 'Amount';\n"
    "money MyTokenUsageLimit1 := 'USD 40'; duration MyTokenUsageLimit1Period := '1 months';"
)
REFUNDS = "MyRole == 'Sender'; OperationType == 'Refund';"

FACTS = Facts(
    my_role=TransactionRole.RECIPIENT,
    amount_micros=5_000_000,
    at=datetime(2027, 1, 31, 18, 0, tzinfo=UTC),
    payment_method="ABT",
    charge_fee_to="Caller",
    operation="Pay",
)


def read(text: str) -> Instruction:
    found = parse(text)
    assert isinstance(found, Instruction), [str(fault) for fault in found]
    return found


def faults(text: str) -> tuple[InstructionFault, ...]:
    found = parse(text)
    assert not isinstance(found, Instruction)
    return found


def only_fault(text: str) -> tuple[str, int, int]:
    (fault,) = faults(text)
    return fault.refusal.name, *fault.place


def test_a_recipient_text_is_read_with_its_reasons() -> None:
    assert read(RECIPIENT) == Instruction(
        (
            Condition(Variable.MY_ROLE, ComparisonOperator.EQUAL, "Recipient", "wrong role"),
            Condition(Variable.CHARGE_FEE_TO, ComparisonOperator.EQUAL, "Caller", "fees"),
            Condition(Variable.PAYMENT_METHOD, ComparisonOperator.IN, ("abt", "ach"), "method"),
        )
    )
    assert possible_roles(read(RECIPIENT)) == {TransactionRole.RECIPIENT}


def test_a_sender_text_gives_a_method_and_a_monthly_limit() -> None:
    instruction = read(SENDER)

    assert instruction.declarations[1] == Declaration(LiteralType.STRING, "MyTokenUsageLimit1Type", "Amount")
    assert instruction.payment_method == "cc"
    assert instruction.limits == (LimitTerms(LimitKind.AMOUNT, 40_000_000, Period(1, "Month")),)


def test_the_shortest_text_of_old_programs_is_read() -> None:
    assert possible_roles(read("MyRole=='Caller' orSay 'Roles do not match';")) == {TransactionRole.CALLER}


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("MyRole = 'Sender';", "MyRole == 'Sender';"),
        ("PaymentMethod in 'abt, ach,CC';", "PaymentMethod in ('abt', 'ach', 'cc');"),
        ("PaymentMethod in ('CC', 'cc');", "PaymentMethod in ('cc');"),
        ("\r\nMyRole\t!=\r'Sender'\n;\n", "MyRole != 'Sender';"),
        ("TransactionAmount<='USD 7.5';", "TransactionAmount <= 'USD 7.50';"),
        (
            "TransactionTimestamp < '2027-01-31T10:00:00-08:00';",
            "TransactionTimestamp < '2027-01-31T18:00:00+00:00';",
        ),
        ("MyRole == 'Sender' orSay 'it''s not me';", "MyRole == 'Sender' orSay 'it''s not me';"),
    ],
)
def test_other_ways_to_write_the_same(text: str, same: str) -> None:
    assert read(text) == read(same)
    assert str(read(text)) == same


@pytest.mark.parametrize(
    ("declarations", "limits"),
    [
        (
            "string MyTokenUsageLimit1Type := 'Count'; integer MyTokenUsageLimit1 := 5;",
            (LimitTerms(LimitKind.COUNT, 5, None),),
        ),
        (
            (
                "integer MyTokenUsageLimit2 := 3; duration MyTokenUsageLimit2Period := '36 Hours'; "
                "string MyTokenUsageLimit2Type := 'Count'; string MyTokenUsageLimit1Type := 'Amount'; "
                "money MyTokenUsageLimit1 := 'USD 0.000001';"
            ),
            (LimitTerms(LimitKind.AMOUNT, 1, None), LimitTerms(LimitKind.COUNT, 3, Period(36, "Hour"))),
        ),
        ("string PaymentMethod := 'ABT';", ()),
    ],
)
def test_limits_come_in_the_order_of_their_numbers(declarations: str, limits: tuple[LimitTerms, ...]) -> None:
    assert read(declarations).limits == limits


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        (" \n ", 2, 2),
        (";", 1, 1),
        ("MyRole == 'Sender'", 1, 19),
        ("MyRole == 'Sender';;", 1, 20),
        ("MyRole\n== Sender;", 2, 4),
        ("MyRole == 'Sender;\n", 1, 11),
        ("MyRole == 'Sen\x00der';", 1, 11),
        ('MyRole == "Sender";', 1, 11),
        ("MyRole 'Sender';", 1, 8),
        ("MyRole := 'Sender';", 1, 8),
        ("MyRole == 'sender';", 1, 11),
        ("MyRole == 'Owner';", 1, 11),
        ("MyRole == 1;", 1, 11),
        ("MyRole < 'Sender';", 1, 1),
        ("MyRole IN ('Sender');", 1, 1),
        ("MyRole in ();", 1, 12),
        ("MyRole in ('Sender',);", 1, 21),
        ("MyRole in ('Sender';", 1, 20),
        ("MyRole in (('Sender'));", 1, 12),
        ("MyRole in ('Sender' 'Caller');", 1, 21),
        ("MyRole == 'Sender' orSay;", 1, 25),
        ("MyRole == 'Sender' orElse 'no';", 1, 20),
        ("myRole == 'Sender';", 1, 1),
        ("Weather == 'fine';", 1, 1),
        ("PaymentMethod == 1;", 1, 18),
        ("OperationType == 'Deposit';", 1, 18),
        ("TransactionAmount <= 40;", 1, 22),
        ("TransactionAmount <= '40';", 1, 22),
        ("TransactionAmount <= 'EUR 40';", 1, 22),
        ("TransactionAmount <= 'USD -1';", 1, 22),
        ("TransactionAmount <= 'USD 1.0000001';", 1, 22),
        ("TransactionAmount in ('USD 1', 'USD 2');", 1, 1),
        ("TransactionTimestamp < '2027-13-01T00:00:00Z';", 1, 24),
        ("TransactionTimestamp < 'tomorrow';", 1, 24),
        ("TransactionTimestamp < '9999-12-31T23:59:59-23:59';", 1, 24),
        ("real MyTokenUsageLimit1 := 1;", 1, 1),
        ("money PaymentMethod := 'USD 1';", 1, 7),
        ("string MyRole := 'Sender';", 1, 8),
        ("string MyTokenUsageLimit3Type := 'Count';", 1, 8),
        ("string PaymentMethod == 'cc';", 1, 22),
        ("string PaymentMethod := 'cc' orSay 'no';", 1, 30),
        ("string PaymentMethod := 'cc';\nstring PaymentMethod := 'cc';", 2, 8),
        ("integer MyTokenUsageLimit1 := '5';", 1, 31),
        ("integer MyTokenUsageLimit1 := 5000000000;", 1, 31),
        ("money MyTokenUsageLimit1 := 5;", 1, 29),
        ("duration MyTokenUsageLimit1Period := 'a month';", 1, 38),
        ("duration MyTokenUsageLimit1Period := '1 fortnight';", 1, 38),
        ("string MyTokenUsageLimit1Period := '1 month';", 1, 8),
    ],
)
def test_faults_of_the_text_name_line_and_column(text: str, line: int, column: int) -> None:
    assert only_fault(text) == ("BadRule", line, column)


COUNT = "string MyTokenUsageLimit1Type := 'Count'; "


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("PaymentMethod == 'gold';", "InvalidPaymentMethod", 18),
        ("PaymentMethod in ('cc', 'gold');", "InvalidPaymentMethod", 25),
        ("PaymentMethod in 'cc, ';", "InvalidPaymentMethod", 18),
        ("string PaymentMethod := 'gold';", "InvalidPaymentMethod", 25),
        ("string MyTokenUsageLimit1Type := 'Weight';", "InvalidUsageType", 34),
        ("string MyTokenUsageLimit1Type := 'count'; integer MyTokenUsageLimit1 := 1;", "InvalidUsageType", 34),
        ("integer MyTokenUsageLimit1 := 5;", "InvalidUsageType", 9),
        (COUNT + "money MyTokenUsageLimit1 := 'USD 5';", "InvalidUsageType", 49),
        ("integer MyTokenUsageLimit1 := 1; string MyTokenUsageLimit1Type := 'Amount';", "InvalidUsageType", 9),
        (COUNT, "InvalidUsageLimitCount", 8),
        (COUNT + "integer MyTokenUsageLimit1 := 0;", "InvalidUsageLimitCount", 73),
        ("duration MyTokenUsageLimit2Period := '1 day';", "InvalidUsageLimitCount", 10),
        ("duration MyTokenUsageLimit1Period := '59 minutes';", "InvalidUsageDuration", 38),
        ("duration MyTokenUsageLimit1Period := '0 days';", "InvalidUsageDuration", 38),
        ("duration MyTokenUsageLimit1Period := '100000 years';", "InvalidUsageDuration", 38),
    ],
)
def test_faults_with_a_code_of_their_own(text: str, code: str, column: int) -> None:
    assert only_fault(text) == (code, 1, column)


def test_all_faults_are_found_in_one_go_in_the_order_of_the_text() -> None:
    text = (
        "MyRole == 'Nobody';\n"
        "PaymentMethod in ('abt;\n"
        "TransactionAmount <= 5; OperationType == 'Pay';\r\n"
        "string MyTokenUsageLimit1Type := 'Count';\r"
        "MyRole in ('Sender'; Weather == 'fine';"
    )

    assert [fault.place for fault in faults(text)] == [(1, 11), (2, 19), (3, 22), (4, 8), (5, 20), (5, 22)]


def test_a_fault_reads_as_a_sentence_with_its_place() -> None:
    (fault,) = faults("MyRole == 'Sender';\n  myrole == 'Sender';")

    assert str(fault) == 'Line 2, column 3: "myrole" cannot be asked about; did you mean MyRole.'
    refused = fault.refused()
    assert (refused.refusal, refused.message) == (Refusal.BadRule, str(fault))


def test_length_number_of_statements_and_of_faults_are_bounded() -> None:
    statement = "MyRole == 'Sender';"
    assert len(read(statement * MAX_STATEMENTS).conditions) == MAX_STATEMENTS
    assert only_fault(statement * (MAX_STATEMENTS + 1)) == ("BadRule", 1, len(statement) * MAX_STATEMENTS + 1)
    assert len(read(statement.ljust(MAX_TEXT_LENGTH)).conditions) == 1
    assert only_fault(statement.ljust(MAX_TEXT_LENGTH + 1)) == ("BadRule", 1, 1)
    assert len(faults(";" * MAX_TEXT_LENGTH)) == MAX_FAULTS
    assert only_fault(f"MyRole == 'Sender' orSay '{'x' * 201}';") == ("BadRule", 1, 26)
    assert len(str(faults(f"MyRole == '{'x' * 4000}';")[0])) < 200


@pytest.mark.parametrize(
    ("token_type", "text", "code"),
    [
        (TokenType.SINGLE_USE, SENDER, Refusal.CannotSpecifyUsageForSingleUseToken),
        (TokenType.SINGLE_USE, REFUNDS, None),
        (TokenType.MULTI_USE, SENDER, None),
        (TokenType.MULTI_USE, REFUNDS, Refusal.UsageNotDefined),
        (TokenType.RECURRING, SENDER, None),
        (TokenType.RECURRING, REFUNDS, Refusal.UsageNotDefined),
        (TokenType.UNRESTRICTED, RECIPIENT, None),
        (TokenType.UNRESTRICTED, SENDER, None),
    ],
)
def test_usage_limits_fit_the_type_of_token(token_type: TokenType, text: str, code: Refusal | None) -> None:
    assert [fault.refusal for fault in usage_faults(read(text), token_type)] == ([] if code is None else [code])


def test_all_conditions_must_hold_and_each_says_why_not() -> None:
    instruction = read(RECIPIENT)

    assert evaluate(instruction, FACTS) == ()
    wrong = replace(FACTS, payment_method="CC", charge_fee_to="Recipient")
    assert evaluate(instruction, wrong) == ("fees", "method")
    assert evaluate(instruction, replace(wrong, my_role=TransactionRole.SENDER)) == ("wrong role", "fees", "method")


def test_without_a_reason_the_condition_itself_is_said() -> None:
    assert evaluate(read("TransactionAmount < 'USD 5';"), FACTS) == (
        "The token requires: TransactionAmount < 'USD 5.00'.",
    )


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("TransactionAmount == 'USD 5'", True),
        ("TransactionAmount != 'USD 5'", False),
        ("TransactionAmount <= 'USD 5'", True),
        ("TransactionAmount < 'USD 5.000001'", True),
        ("TransactionAmount > 'USD 5'", False),
        ("TransactionAmount >= 'USD 5.000001'", False),
        ("TransactionTimestamp <= '2027-01-31T10:00:00-08:00'", True),
        ("TransactionTimestamp < '2027-01-31T10:00:00-08:00'", False),
        ("TransactionTimestamp > '2027-01-31T17:59:59Z'", True),
        ("PaymentMethod == 'abt'", True),
        ("PaymentMethod in 'ach, cc'", False),
        ("OperationType != 'Refund'", True),
        ("OperationType in ('Pay', 'Reserve')", True),
        ("MyRole == 'Caller'", False),
    ],
)
def test_each_operator_compares_as_it_says(condition: str, *, holds: bool) -> None:
    assert (evaluate(read(condition + ";"), FACTS) == ()) is holds


def test_a_declared_method_is_a_condition_too() -> None:
    assert evaluate(read("string PaymentMethod := 'abt';"), FACTS) == ()
    assert evaluate(read("string PaymentMethod := 'cc';"), FACTS) == ("The token is for payments by cc only.",)


def test_an_incompatible_transaction_is_told_every_reason() -> None:
    refused = incompatible(("fees", "method"))

    assert (refused.refusal, refused.message) == (Refusal.IncompatibleTokens, "fees method")


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("MyRole in ('Sender', 'Caller');", {TransactionRole.SENDER, TransactionRole.CALLER}),
        ("MyRole != 'Caller';", {TransactionRole.SENDER, TransactionRole.RECIPIENT}),
        ("OperationType == 'Pay';", set(TransactionRole)),
        ("MyRole == 'Sender'; MyRole == 'Recipient';", set()),
    ],
)
def test_roles_that_the_text_leaves_open(text: str, roles: set[TransactionRole]) -> None:
    assert possible_roles(read(text)) == roles


def test_the_guide_tells_the_truth() -> None:
    """Its examples are read, its faulty example has the fault it says, and no word of the language is left out."""
    guide = (ROOT / "docs" / "gatekeeper.md").read_text("utf-8")
    receiving, weekly, faulty = re.findall(r"^```\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)

    assert len(read(receiving).conditions) == 3
    assert len(read(weekly).limits) == 2
    assert f"`{faults(faulty)[0].refusal.name}` and “{faults(faulty)[0]}”" in " ".join(guide.split())
    for word in (*VARIABLES, *DECLARED, *(value for words in WORDS.values() for value in words)):
        assert word in guide
    for number in (MAX_TEXT_LENGTH, MAX_STATEMENTS, MAX_REASON_LENGTH, MAX_FAULTS):
        assert f"{number:,}" in guide.partition("Bounds:")[2]
