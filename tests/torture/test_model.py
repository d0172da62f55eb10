"""The model by itself: it explains a service that is right, and notices one that is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.torture.perfect import Spoil, play, rightly

from tallystick.domain.commands import Method
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.torture.model.history import Shape, write
from tallystick.torture.model.money import CENT, UNIT, fee, half_up
from tallystick.torture.model.operations import (
    Answer,
    OperationCall,
    OperationKind,
    Outcome,
    PlannedOperation,
    TokenSlot,
)
from tallystick.torture.model.rules import apply
from tallystick.torture.model.state import ModelState, Terms, beginning
from tallystick.torture.model.story import amount, lines, requests
from tallystick.torture.model.worlds import first_worlds, step

TERMS = Terms(100 * UNIT, 50 * UNIT, 20 * UNIT, 100 * UNIT, funding_by_card=False, settlement_by_card=False)


def funded(state: ModelState, micros: int) -> ModelState:
    ((outcome, after),) = apply(state, PlannedOperation(OperationKind.FUND, micros, reference="first"))
    assert outcome == Outcome(status="Success")
    return after


def pay(micros: int, reference: str) -> PlannedOperation:
    return PlannedOperation(OperationKind.PAY, micros, TokenSlot.PREPAID, reference)


@pytest.mark.parametrize("lost_percent", [0, 30])
def test_a_service_that_is_right_is_explained(lost_percent: int) -> None:
    for seed in range(12):
        assert play(f"right/{seed}", lost_percent=lost_percent)


def forget_reference(operation: PlannedOperation, _before: ModelState, after: ModelState) -> ModelState:
    """Answers are told once only."""
    return replace(after, answers=tuple(known for known in after.answers if known[0] != operation.reference))


def lose_update(operation: PlannedOperation, before: ModelState, after: ModelState) -> ModelState:
    """A payment is written down, and the balance stays."""
    return replace(after, balance=before.balance) if operation.action is OperationKind.PAY else after


def refund_twice(operation: PlannedOperation, before: ModelState, after: ModelState) -> ModelState:
    if operation.action is not OperationKind.REFUND or after.balance == before.balance:
        return after
    return replace(after, balance=2 * after.balance - before.balance)


def keep_token(_operation: PlannedOperation, before: ModelState, after: ModelState) -> ModelState:
    return replace(after, cancelled=before.cancelled)


def answer_early(operation: PlannedOperation, before: ModelState, after: ModelState) -> ModelState:
    """A tenth of what is answered does not happen."""
    return before if operation.action is OperationKind.PAY and (operation.amount or 0) % 10 == 0 else after


@pytest.mark.parametrize("spoil", [forget_reference, lose_update, refund_twice, keep_token, answer_early])
def test_a_service_that_is_wrong_is_noticed(spoil: Spoil) -> None:
    noticed = next((seed for seed in range(40) if not play(f"wrong/{seed}", spoil)), None)
    assert noticed is not None, "no history shows it"
    assert play(f"wrong/{noticed}", rightly)


def test_lost_requests_may_have_happened_or_not_and_the_next_answer_decides() -> None:
    worlds = step(
        first_worlds(TERMS),
        [OperationCall(PlannedOperation(OperationKind.FUND, 5 * UNIT, reference="f"), None, "lost")],
    )
    read = PlannedOperation(OperationKind.PREPAID_BALANCE)

    for balance in (0, 5 * UNIT):
        assert step(worlds, [OperationCall(read, Answer(Outcome(values=(balance, 0))))])
    assert not step(worlds, [OperationCall(read, Answer(Outcome(values=(UNIT, 0))))])

    happened = step(worlds, [OperationCall(read, Answer(Outcome(values=(5 * UNIT, 0))))])
    assert not step(happened, [OperationCall(read, Answer(Outcome(values=(0, 0))))])


def test_the_same_request_must_have_the_same_transaction() -> None:
    fund = PlannedOperation(OperationKind.FUND, 5 * UNIT, reference="f")
    told = Outcome(status="Success")
    worlds = step(first_worlds(TERMS), [OperationCall(fund, Answer(told, "one"))])

    assert step(worlds, [OperationCall(replace(fund, server=3), Answer(told, "one"))])
    assert not step(worlds, [OperationCall(fund, Answer(told, "two"))])
    assert not step(worlds, [OperationCall(replace(fund, amount=6 * UNIT), Answer(told, "one"))])


def test_of_two_payments_at_once_one_may_be_too_much_and_either_may_be_first() -> None:
    fund = OperationCall(
        PlannedOperation(OperationKind.FUND, 5 * UNIT, reference="f"), Answer(Outcome(status="Success"), "one")
    )
    worlds = step(first_worlds(TERMS), [fund])
    made, refused = Answer(Outcome(status="Success"), "two"), Answer(Outcome(code="InsufficientBalance"))
    small, large = pay(2 * UNIT, "small"), pay(4 * UNIT, "large")

    assert step(worlds, [OperationCall(small, made), OperationCall(large, refused)])
    assert step(worlds, [OperationCall(small, refused), OperationCall(large, made)])
    assert not step(worlds, [OperationCall(small, refused), OperationCall(large, refused)])
    assert not step(
        worlds, [OperationCall(small, made), OperationCall(large, Answer(Outcome(status="Success"), "three"))]
    )


def test_a_history_follows_from_its_seed_and_has_everything_in_it() -> None:
    assert write("7/0/0", Shape()) == write("7/0/0", Shape())
    asked = [operation for seed in range(30) for requests in write(f"{seed}", Shape())[1] for operation in requests]
    assert {operation.action for operation in asked} == set(OperationKind)
    assert {operation.server for operation in asked} == {0, 1, 2, 3}
    together = [requests for seed in range(5) for requests in write(f"{seed}", Shape())[1] if len(requests) > 1]
    assert any(len({(one.reference, one.content) for one in requests}) == 1 for requests in together)  # the same, twice
    assert any(len({one.action for one in requests}) > 1 for requests in together)


@pytest.mark.parametrize("method", [Method.CC, Method.ACH, Method.ABT])
def test_the_models_fees_are_the_shipped_ones(method: Method) -> None:
    """Two programs, written from the same table: the one comparison of the model with what it judges."""
    shipped = read_fee_schedules(None)[method]
    for micros in (*range(CENT, 12 * UNIT, 7 * CENT), 90 * UNIT, 10_000 * UNIT):
        assert fee(micros) == shipped.fee(micros)


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"), [(5_000, 1, CENT), (4_999, 1, 0), (15_000, 1, 2 * CENT), (10, 3, 0)]
)
def test_halves_are_rounded_up(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


REFUSALS: list[tuple[str, Callable[[ModelState], ModelState], PlannedOperation]] = [
    ("InsufficientBalance", lambda state: state, pay(UNIT, "p")),
    ("AmountOutOfRange", lambda state: funded(state, UNIT), pay(1, "p")),
    (
        "PrepaidFundingLimitExceeded",
        lambda state: state,
        PlannedOperation(OperationKind.FUND, 51 * UNIT, reference="f"),
    ),
    ("InvalidParams", lambda state: state, PlannedOperation(OperationKind.FUND, 5 * CENT, reference="f")),
    ("AccessFailure", lambda state: state, PlannedOperation(OperationKind.FUND, 600_000, reference="f")),
    (
        "SettleAmountGreaterThanDebt",
        lambda state: state,
        PlannedOperation(OperationKind.SETTLE_DEBT, UNIT, reference="s"),
    ),
    (
        "TransactionTypeNotRefundable",
        lambda state: funded(state, UNIT),
        PlannedOperation(OperationKind.REFUND, None, None, "r", "first"),
    ),
]


@pytest.mark.parametrize(("code", "before", "operation"), REFUSALS)
def test_refusals(code: str, before: Callable[[ModelState], ModelState], operation: PlannedOperation) -> None:
    state = before(beginning(TERMS))
    ((outcome, after),) = apply(state, operation)
    assert outcome.code == code
    assert replace(after, answers=()) == replace(state, answers=())  # nothing but the reference is spent
    assert [known[0] for known in after.answers] == [*(known[0] for known in state.answers), operation.reference]


def test_a_story_can_be_read() -> None:
    fund = PlannedOperation(OperationKind.FUND, 5_130_000, reference="r1")
    told = [
        [OperationCall(fund, Answer(Outcome(status="Success"), "T1"), server=2)],
        [
            OperationCall(pay(UNIT, "r2"), None, "ReadError"),
            OperationCall(PlannedOperation(OperationKind.DEBT_BALANCE), Answer(Outcome(values=(0, CENT)))),
        ],
    ]
    assert list(lines(told)) == [
        "  1. FundPrepaid 5.13 as r1 at process 2: Success, transaction T1",
        "  2. Pay 1.00 with the prepaid token as r2 at process 0: no answer (ReadError)",
        "   & GetDebtBalance at process 0: 0.00 and 0.01",
    ]
    assert amount(13_370) == "0.01337"


def test_a_story_tells_once_what_was_asked_again_and_again() -> None:
    asked = PlannedOperation(OperationKind.STATUS, original="r1", until_final=True)
    pending = OperationCall(asked, Answer(Outcome(status="Pending")))
    told = [
        [pending],
        [OperationCall(asked, None, "ReadError", 1)],
        [pending],
        [OperationCall(pay(UNIT, "r2"), None, "ReadError")],
    ]
    assert list(lines(told)) == [
        "  1. GetTransactionStatus of r1 at process 0: Pending",
        "     and so on, 2 times more, at last at process 0: Pending",
        "  2. Pay 1.00 with the prepaid token as r2 at process 0: no answer (ReadError)",
    ]
    assert requests(told) == 2
