"""What each action may come to, one after the other: small, sequential, and written from the documentation.

A rule gives every possible outcome with the state after it; there are several only where nobody can see what has
happened, such as whether a network was asked already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Final

from tallystick.torture.model.money import CENT, MOST, declined, fault_of, fee, half_up, whole_cents
from tallystick.torture.model.operations import FaceName, OperationKind, Outcome, PlannedOperation, TokenSlot
from tallystick.torture.model.state import ModelRail, ModelState, ModelTransaction

Possible = list[tuple[Outcome, ModelState]]

_PENDING: Final = Outcome(status="Pending")
_SUCCESS: Final = Outcome(status="Success")
_DONE: Final = Outcome()
_BALANCE: Final = "balance"
_DEBT: Final = "debt"


class _RefusedError(Exception):
    """A rule says no, with one of the protocol's codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def apply(state: ModelState, operation: PlannedOperation) -> Possible:
    """What `operation` may come to. A reference answers the same request as before, and no other one, for ever.

    A refusal spends the reference in the query API, and does not in /v1.
    """
    reference = operation.reference
    if reference is None:
        return _decided(state, operation)
    earlier = state.answered(reference)
    if earlier is not None:
        content, outcome = earlier
        return [(outcome if content == operation.content else Outcome(code="DuplicateRequest"), state)]
    spares = operation.face is FaceName.JSON
    return [
        (outcome, after if spares and outcome.code else after.having_answered(reference, operation.content, outcome))
        for outcome, after in _decided(state, operation)
    ]


def _decided(state: ModelState, operation: PlannedOperation) -> Possible:
    try:
        return _RULES[operation.action](state, operation)
    except _RefusedError as refused:
        return [(Outcome(code=refused.code), state)]


def without_effect(state: ModelState, operation: PlannedOperation) -> bool:
    """Whether `operation` can change nothing any more, whenever it is carried out."""
    if operation.reference is not None:
        return state.answered(operation.reference) is not None
    if operation.action is OperationKind.CANCEL_TOKEN:
        return operation.token in state.cancelled
    about = state.find(operation.original)
    if about is None or about.action in {OperationKind.REFUND, OperationKind.WRITE_OFF}:
        return True
    return about.status not in {"Pending", "Reserved"} or about.asked is ModelRail.CAPTURE


def network_answers(state: ModelState, topics: Collection[str] | None = None) -> Iterator[ModelState]:
    """What the state may become by itself: each network that was asked may answer now.

    `topics`: only where that makes a difference to an operation that is about one of them.
    """
    for waiting in state.transactions:
        if waiting.asked is not None and (topics is None or not _topics_of(waiting).isdisjoint(topics)):
            yield _answered(state, waiting)


def topics(operation: PlannedOperation) -> frozenset[str]:
    """What an operation is about: a balance, a debt, a transaction. Operations without a common topic commute."""
    match operation.action:
        case OperationKind.FUND | OperationKind.PREPAID_BALANCE:
            return frozenset({_BALANCE})
        case OperationKind.SETTLE_DEBT | OperationKind.WRITE_OFF | OperationKind.DEBT_BALANCE:
            return frozenset({_DEBT})
        case OperationKind.PAY:
            own = {TokenSlot.PREPAID: _BALANCE, TokenSlot.CREDIT: _DEBT}
            return frozenset({own[operation.token]}) if operation.token in own else frozenset()
        case OperationKind.REFUND:
            return frozenset({_BALANCE, _DEBT, operation.original or ""})
        case _:
            return frozenset() if operation.original is None else frozenset({operation.original})


def _topics_of(waiting: ModelTransaction) -> frozenset[str]:
    own = {
        OperationKind.FUND: {_BALANCE},
        OperationKind.SETTLE_DEBT: {_DEBT},
        OperationKind.REFUND: {waiting.original or ""},
    }
    return frozenset({waiting.reference, *own.get(waiting.action, ())})


def _answered(state: ModelState, waiting: ModelTransaction) -> ModelState:
    if waiting.asked is not ModelRail.CAPTURE and declined(waiting.amount):
        return _not_done(state.having(replace(waiting, status="Failure", asked=None)), waiting)
    if waiting.asked is ModelRail.AUTHORIZE:
        return state.having(replace(waiting, status="Reserved", asked=None))
    after = state.having(replace(waiting, status="Success", asked=None))
    if waiting.action is OperationKind.REFUND:
        return after  # what the seller gives was taken when the refund was opened
    if waiting.action is OperationKind.FUND:
        after = replace(after, coming_in=after.coming_in - waiting.amount, balance=after.balance + waiting.amount)
    if waiting.action is OperationKind.SETTLE_DEBT:
        after = replace(after, being_settled=after.being_settled - waiting.amount, debt=after.debt - waiting.amount)
    return replace(after, cash=after.cash + waiting.amount - waiting.fee)


def _not_done(state: ModelState, given_up: ModelTransaction) -> ModelState:
    """Nothing comes of a transaction that was open: whatever was set aside for it is free again."""
    amount = given_up.amount
    match given_up.action:
        case OperationKind.FUND:
            return replace(state, coming_in=state.coming_in - amount)
        case OperationKind.SETTLE_DEBT:
            return replace(state, being_settled=state.being_settled - amount)
        case OperationKind.REFUND:
            original = state.find(given_up.original)
            if original is None:
                raise LookupError(given_up.original)
            returned, back = original.fee_returned - given_up.fee, original.refunded - amount
            unrefunded = replace(original, refunded=back, fee_returned=returned)
            return replace(state.having(unrefunded), cash=state.cash + amount - given_up.fee)
        case _:
            return state


def _refuse_if(wrong: bool, code: str) -> None:
    if wrong:
        raise _RefusedError(code)


def _refuse_fault(amount: int) -> None:
    if (fault := fault_of(amount)) is not None:
        raise _RefusedError(fault)


def _made(operation: PlannedOperation, **more: object) -> ModelTransaction:
    if operation.reference is None:
        raise ValueError(f"{operation.action} has a reference")
    transaction = ModelTransaction(operation.reference, operation.action, 0, "", "Success", original=operation.original)
    return replace(transaction, **more)  # type: ignore[arg-type]


def _fund(state: ModelState, operation: PlannedOperation) -> Possible:
    asked = _amount(operation)
    _refuse_if(TokenSlot.FUNDING in state.cancelled, "TokenNotActive_Sender")
    _refuse_if(not CENT <= asked <= MOST, "AmountOutOfRange")
    _refuse_if(state.balance + state.coming_in + asked > state.terms.funding_limit, "PrepaidFundingLimitExceeded")
    return _real_money(state, operation, whole_cents(asked), by_card=state.terms.funding_by_card)


def _settle_debt(state: ModelState, operation: PlannedOperation) -> Possible:
    asked = _amount(operation)
    _refuse_if(TokenSlot.SETTLEMENT in state.cancelled, "TokenNotActive_Sender")
    _refuse_if(not CENT <= asked <= MOST, "AmountOutOfRange")
    _refuse_if(asked > state.debt - state.being_settled, "SettleAmountGreaterThanDebt")
    return _real_money(state, operation, whole_cents(asked), by_card=state.terms.settlement_by_card)


def _real_money(state: ModelState, operation: PlannedOperation, amount: int, *, by_card: bool) -> Possible:
    """Money that comes in: from the buyer's account at once, by card when the network has answered."""
    taken = fee(amount)
    _refuse_if(taken >= amount, "InvalidParams")
    if by_card:
        rail = ModelRail.AUTHORIZE if operation.action is OperationKind.RESERVE else ModelRail.CHARGE
        opened = _made(operation, amount=amount, method="Card", status="Pending", asked=rail, fee=taken)
        after = state.having(opened)
        if operation.action is OperationKind.FUND:
            after = replace(after, coming_in=after.coming_in + amount)
        if operation.action is OperationKind.SETTLE_DEBT:
            after = replace(after, being_settled=after.being_settled + amount)
        return [(_PENDING, after)]
    _refuse_if(operation.action is OperationKind.RESERVE, "PaymentInstrumentNotCC")
    _refuse_fault(amount)
    _refuse_if(amount > state.account, "InsufficientBalance")
    after = state.having(_made(operation, amount=amount, method="Account", fee=taken))
    after = replace(after, account=after.account - amount, cash=after.cash + amount - taken)
    if operation.action is OperationKind.FUND:
        after = replace(after, balance=after.balance + amount)
    if operation.action is OperationKind.SETTLE_DEBT:
        after = replace(after, debt=after.debt - amount)
    return [(_SUCCESS, after)]


def _pay(state: ModelState, operation: PlannedOperation) -> Possible:
    asked = _amount(operation)
    _refuse_if(operation.token in state.cancelled, "TokenNotActive_Sender")
    if operation.token in {TokenSlot.CARD, TokenSlot.ACCOUNT}:
        _refuse_if(not CENT <= asked <= MOST, "AmountOutOfRange")
        return _real_money(state, operation, whole_cents(asked), by_card=operation.token is TokenSlot.CARD)
    _refuse_if(asked < CENT, "AmountOutOfRange")
    _refuse_if(
        operation.token is TokenSlot.CREDIT and state.charged + asked > state.terms.total_limit, "TokenUsageError"
    )
    _refuse_fault(asked)
    if operation.token is TokenSlot.CREDIT:
        _refuse_if(state.debt + asked > state.terms.credit_limit, "InsufficientBalance")
        owed = replace(state, debt=state.debt + asked, charged=state.charged + asked)
        return [(_SUCCESS, owed.having(_made(operation, amount=asked, method="Debt")))]
    _refuse_if(asked > state.balance, "InsufficientBalance")
    drawn = replace(state, balance=state.balance - asked)
    return [(_SUCCESS, drawn.having(_made(operation, amount=asked, method="Prepaid")))]


def _settle(state: ModelState, operation: PlannedOperation) -> Possible:
    held = _find(state, operation)
    _refuse_if(held.action is not OperationKind.RESERVE, "InvalidTransactionId")
    _refuse_if(held.asked is ModelRail.AUTHORIZE, "OriginalTransactionIncomplete")
    _refuse_if(held.status == "Failure", "OriginalTransactionFailed")
    _refuse_if(held.status != "Reserved", "InvalidTransactionState")
    asked = held.amount if operation.amount is None else operation.amount
    _refuse_if(asked > held.amount, "SettleAmountGreaterThanReserveAmount")
    _refuse_if(not CENT <= asked <= MOST, "AmountOutOfRange")
    amount = whole_cents(asked)
    _refuse_if(fee(amount) >= amount, "InvalidParams")
    captured = replace(held, status="Pending", asked=ModelRail.CAPTURE, amount=amount, fee=fee(amount))
    return [(_PENDING, state.having(captured))]


def _cancel(state: ModelState, operation: PlannedOperation) -> Possible:
    about = _find(state, operation)
    given_up = (Outcome(status="Cancelled"), state.having(replace(about, status="Cancelled", asked=None)))
    if about.status in {"Cancelled", "Reserved"}:
        return [given_up]
    if about.asked in {ModelRail.CHARGE, ModelRail.AUTHORIZE}:  # unless the network was asked, which nobody sees
        return [(given_up[0], _not_done(given_up[1], about)), (Outcome(code="InvalidTransactionState"), state)]
    raise _RefusedError("InvalidTransactionState")


def _refund(state: ModelState, operation: PlannedOperation) -> Possible:
    original = _find(state, operation)
    _refuse_if(original.action not in {OperationKind.PAY, OperationKind.RESERVE}, "TransactionTypeNotRefundable")
    _refuse_if(original.status in {"Pending", "Reserved"}, "OriginalTransactionIncomplete")
    _refuse_if(original.status != "Success", "OriginalTransactionFailed")
    left = original.amount - original.refunded
    _refuse_if(left == 0, "TransactionFullyRefundedAlready")
    asked = left if operation.amount is None else operation.amount
    _refuse_if(asked > left, "RefundAmountExceeded")
    if original.method in {"Card", "Account"}:
        return _refund_real_money(state, operation, original, asked)
    _refuse_if(asked < CENT and asked != left, "AmountOutOfRange")
    _refuse_if(original.method == "Debt" and asked > state.debt - state.being_settled, "RefundAmountExceeded")
    _refuse_fault(asked)
    after = state.having(replace(original, refunded=original.refunded + asked))
    after = after.having(_made(operation, amount=asked, method=original.method))
    if original.method == "Debt":
        return [(_SUCCESS, replace(after, debt=after.debt - asked))]
    return [(_SUCCESS, replace(after, balance=after.balance + asked))]


def _refund_real_money(
    state: ModelState, operation: PlannedOperation, original: ModelTransaction, asked: int
) -> Possible:
    """The fee goes back in proportion, counted over all refunds so far. The seller always has enough here."""
    _refuse_if(not CENT <= asked <= MOST, "AmountOutOfRange")
    amount = whole_cents(asked)
    refunded = original.refunded + amount
    returned = max(0, half_up(original.fee * refunded, original.amount) - original.fee_returned)
    if original.method == "Account":
        _refuse_fault(amount)
    after = state.having(replace(original, refunded=refunded, fee_returned=original.fee_returned + returned))
    after = replace(after, cash=after.cash - amount + returned)
    made = _made(operation, amount=amount, method=original.method, fee=returned)
    if original.method == "Card":
        return [(_PENDING, after.having(replace(made, status="Pending", asked=ModelRail.REFUND)))]
    return [(_SUCCESS, replace(after.having(made), account=after.account + amount))]


def _write_off(state: ModelState, operation: PlannedOperation) -> Possible:
    asked, most = _amount(operation), state.debt - state.being_settled
    _refuse_if(asked < CENT and asked != most, "AmountOutOfRange")
    _refuse_if(asked > most, "SettleAmountGreaterThanDebt")
    after = state.having(_made(operation, amount=asked, method="Debt"))
    return [(_SUCCESS, replace(after, debt=after.debt - asked))]


def _cancel_token(state: ModelState, operation: PlannedOperation) -> Possible:
    if operation.token is None:
        raise ValueError("a token is cancelled")
    _refuse_if(operation.token in state.cancelled and operation.face is FaceName.QUERY, "TokenNotActive")
    return [(_DONE, replace(state, cancelled=state.cancelled | {operation.token}))]


def _prepaid_balance(state: ModelState, _operation: PlannedOperation) -> Possible:
    return [(Outcome(values=(state.balance, state.coming_in)), state)]


def _debt_balance(state: ModelState, _operation: PlannedOperation) -> Possible:
    return [(Outcome(values=(state.debt, state.being_settled)), state)]


def _status(state: ModelState, operation: PlannedOperation) -> Possible:
    found = _find(state, operation)
    if operation.face is FaceName.QUERY:
        return [(Outcome(status=found.status), state)]
    taken = -found.fee if found.action is OperationKind.REFUND else found.fee  # a refund gives of the fee back
    return [(Outcome(status=found.status, values=(found.amount, taken)), state)]


def _find(state: ModelState, operation: PlannedOperation) -> ModelTransaction:
    found = state.find(operation.original)
    if found is None:
        raise _RefusedError("InvalidTransactionId")
    return found


def _amount(operation: PlannedOperation) -> int:
    if operation.amount is None:
        raise ValueError(f"{operation.action} has an amount")
    return operation.amount


_RULES: Final[dict[OperationKind, Callable[[ModelState, PlannedOperation], Possible]]] = {
    OperationKind.FUND: _fund,
    OperationKind.PAY: _pay,
    OperationKind.RESERVE: _pay,
    OperationKind.SETTLE: _settle,
    OperationKind.CANCEL: _cancel,
    OperationKind.REFUND: _refund,
    OperationKind.SETTLE_DEBT: _settle_debt,
    OperationKind.WRITE_OFF: _write_off,
    OperationKind.CANCEL_TOKEN: _cancel_token,
    OperationKind.PREPAID_BALANCE: _prepaid_balance,
    OperationKind.DEBT_BALANCE: _debt_balance,
    OperationKind.STATUS: _status,
}
