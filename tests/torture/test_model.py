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
    BY_JSON,
    Answer,
    FaceName,
    OperationCall,
    OperationKind,
    Outcome,
    PlannedOperation,
    TokenSlot,
)
from tallystick.torture.model.rules import apply
from tallystick.torture.model.state import ModelState, Terms, beginning
from tallystick.torture.model.story import amount, lines, requests
from tallystick.torture.model.worlds import Worlds, first_worlds, step

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
    success = Outcome(status="Success")
    worlds = step(first_worlds(TERMS), [OperationCall(fund, Answer(success, "one"))])

    assert step(worlds, [OperationCall(replace(fund, server=3), Answer(success, "one"))])
    assert not step(worlds, [OperationCall(fund, Answer(success, "two"))])
    assert not step(worlds, [OperationCall(replace(fund, amount=6 * UNIT), Answer(success, "one"))])


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
    assert {operation.action for operation in asked if operation.face is FaceName.JSON} == BY_JSON
    together = [requests for seed in range(5) for requests in write(f"{seed}", Shape())[1] if len(requests) > 1]
    assert any(len({(one.reference, one.content) for one in requests}) == 1 for requests in together)  # the same, twice
    assert any(len({one.action for one in requests}) > 1 for requests in together)
    assert any(
        len({one.face for one in requests}) > 1 for requests in together if len({one.content for one in requests}) == 1
    )
    by_query = [one for requests in write("7/0/0", Shape(json=0))[1] for one in requests]
    assert {one.face for one in by_query} == {FaceName.QUERY}


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
    story = [
        [OperationCall(fund, Answer(Outcome(status="Success"), "T1"), server=2)],
        [
            OperationCall(pay(UNIT, "r2"), None, "ReadError"),
            OperationCall(PlannedOperation(OperationKind.DEBT_BALANCE), Answer(Outcome(values=(0, CENT)))),
        ],
        [OperationCall(by_json(pay(UNIT, "r2")), told("Success", UNIT, "T2", made=True))],
    ]
    assert list(lines(story)) == [
        "  1. FundPrepaid 5.13 as r1 at process 2: Success, transaction T1",
        "  2. Pay 1.00 with the prepaid token as r2 at process 0: no answer (ReadError)",
        "   & GetDebtBalance at process 0: 0.00 and 0.01",
        "  3. Pay 1.00 with the prepaid token as r2 by JSON at process 0: Success (1.00 and 0.00), transaction T2 made",
    ]
    assert amount(13_370) == "0.01337"


def test_a_story_tells_once_what_was_asked_again_and_again() -> None:
    asked = PlannedOperation(OperationKind.STATUS, original="r1", until_final=True)
    pending = OperationCall(asked, Answer(Outcome(status="Pending")))
    story = [
        [pending],
        [OperationCall(asked, None, "ReadError", 1)],
        [pending],
        [OperationCall(pay(UNIT, "r2"), None, "ReadError")],
    ]
    assert list(lines(story)) == [
        "  1. GetTransactionStatus of r1 at process 0: Pending",
        "     and so on, 2 times more, at last at process 0: Pending",
        "  2. Pay 1.00 with the prepaid token as r2 at process 0: no answer (ReadError)",
    ]
    assert requests(story) == 2


def by_json(operation: PlannedOperation) -> PlannedOperation:
    return replace(operation, face=FaceName.JSON)


def told(status: str, micros: int, transaction_id: str, *, made: bool) -> Answer:
    return Answer(Outcome(status=status, values=(micros, 0)), transaction_id, made)


def after(*calls: OperationCall) -> Worlds:
    """What is possible after a balance of 5.00 was funded, and then these, one after the other."""
    first = PlannedOperation(OperationKind.FUND, 5 * UNIT, reference="f")
    worlds = step(first_worlds(TERMS), [OperationCall(first, Answer(Outcome(status="Success"), "one"))])
    for call in calls:
        worlds = step(worlds, [call])
    return worlds


def test_a_reference_is_one_in_both_interfaces() -> None:
    asked, success = pay(2 * UNIT, "p"), Answer(Outcome(status="Success"), "two")
    paid = after(OperationCall(asked, success))

    assert step(paid, [OperationCall(by_json(asked), told("Success", 2 * UNIT, "two", made=False))])
    assert not step(paid, [OperationCall(by_json(asked), told("Success", 2 * UNIT, "two", made=True))])
    assert not step(paid, [OperationCall(by_json(asked), told("Success", 2 * UNIT, "three", made=False))])
    assert not step(paid, [OperationCall(by_json(asked), told("Success", UNIT, "two", made=False))])

    made = after(OperationCall(by_json(asked), told("Success", 2 * UNIT, "two", made=True)))
    assert step(made, [OperationCall(asked, success)])
    assert not after(OperationCall(by_json(asked), told("Success", 2 * UNIT, "two", made=False)))


def test_a_conflict_names_the_transaction_of_the_reference_where_there_is_one() -> None:
    asked, other = pay(2 * UNIT, "p"), by_json(pay(UNIT, "p"))
    conflict = Outcome(code="DuplicateRequest")
    paid = after(OperationCall(asked, Answer(Outcome(status="Success"), "two")))
    assert step(paid, [OperationCall(other, Answer(conflict, "two"))])
    assert not step(paid, [OperationCall(other, Answer(conflict, "one"))])
    assert not step(paid, [OperationCall(other, Answer(conflict))])

    refused = after(OperationCall(pay(9 * UNIT, "p"), Answer(Outcome(code="InsufficientBalance"))))
    assert step(refused, [OperationCall(other, Answer(conflict))])
    assert not step(refused, [OperationCall(other, Answer(conflict, "one"))])


def test_a_refusal_spends_a_reference_in_the_query_api_alone() -> None:
    asked, refusal = pay(6 * UNIT, "p"), Answer(Outcome(code="InsufficientBalance"))
    more = OperationCall(
        PlannedOperation(OperationKind.FUND, 2 * UNIT, reference="g"), Answer(Outcome(status="Success"), "more")
    )
    paid = OperationCall(by_json(asked), told("Success", 6 * UNIT, "two", made=True))

    assert after(OperationCall(by_json(asked), refusal), more, paid)
    assert not after(OperationCall(asked, refusal), more, paid)
    assert after(OperationCall(asked, refusal), more, OperationCall(by_json(asked), refusal))
    assert not after(OperationCall(by_json(asked), refusal), more, OperationCall(by_json(asked), refusal))


def test_what_was_lost_and_then_refused_by_json_may_happen_yet_until_the_reference_is_spent() -> None:
    asked = by_json(pay(6 * UNIT, "p"))
    refused = OperationCall(asked, Answer(Outcome(code="InsufficientBalance")))
    lost = after(OperationCall(asked, None, "ReadError"), refused)
    assert any(asked in world.unanswered for world in lost)

    spent = step(lost, [replace(refused, operation=replace(asked, face=FaceName.QUERY))])
    assert not any(world.unanswered for world in spent)


def test_json_shows_a_transaction_as_it_is_a_moment_later() -> None:
    card = PlannedOperation(OperationKind.PAY, 2 * UNIT, TokenSlot.CARD, "c")
    status = PlannedOperation(OperationKind.STATUS, original="c")

    def answer(word: str) -> OperationCall:
        return OperationCall(
            by_json(card), Answer(Outcome(status=word, values=(2 * UNIT, fee(2 * UNIT))), "two", made=True)
        )

    assert after(answer("Pending"), OperationCall(status, Answer(Outcome(status="Success"))))
    assert not after(answer("Success"), OperationCall(status, Answer(Outcome(status="Pending"))))
    assert not after(answer("Reserved"))
    again = OperationCall(card, Answer(Outcome(status="Pending"), "two"))
    assert after(answer("Success"), again), "the query API tells the first answer"


def test_an_authorization_of_a_balance_ends_with_both_of_its_tokens() -> None:
    end = by_json(PlannedOperation(OperationKind.CANCEL_TOKEN, token=TokenSlot.FUNDING))
    over = Answer(Outcome(code="TokenNotActive_Sender"))
    ended = after(OperationCall(end, Answer(Outcome())))
    assert step(ended, [OperationCall(pay(UNIT, "p"), over)])
    assert step(ended, [OperationCall(PlannedOperation(OperationKind.FUND, UNIT, reference="g"), over)])
    assert step(ended, [OperationCall(end, Answer(Outcome()))])

    half = after(OperationCall(end, None, "ReadError"), OperationCall(pay(UNIT, "p"), over))
    made = Answer(Outcome(status="Success"), "more")
    assert step(half, [OperationCall(PlannedOperation(OperationKind.FUND, UNIT, reference="g"), made)])
