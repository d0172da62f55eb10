"""What payments use of the limits that tokens have, and what is given back of it that was not charged after all."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tallystick.domain.commands import TokenType
from tallystick.domain.ids import TransactionId
from tallystick.domain.state import State, Transaction
from tallystick.domain.tokens import Token, TokenState, state_of
from tallystick.domain.transitions import check_token


def use(
    tokens: tuple[Token | None, ...], transaction_id: TransactionId, amount_micros: int, now: datetime
) -> tuple[Token, ...]:
    """Count the payment on each token that counts: those with usage limits, and single-use ones.

    Recipient tokens do too: one that a payment instruction made may have limits of its own. Raises Refused:
    TokenUsageError.
    """
    used = []
    for token in tokens:
        if token is not None and (token.limits or token.token_type is TokenType.SINGLE_USE):
            limits = tuple(limit.use(amount_micros, now) for limit in token.limits)
            used_by = None
            if token.token_type is TokenType.SINGLE_USE:
                check_token(state_of(token, now), TokenState.USED)
                used_by = transaction_id
            used.append(replace(token, limits=limits, used_by=used_by))
    return tuple(used)


def give_back(state: State, transaction: Transaction, now: datetime) -> tuple[Token, ...]:
    """The tokens of a payment that failed or was called off, without what it had used of their limits.

    So a card that is declined once does not end a subscription's month. A single-use token stays used: it was good for
    one try. A token that was replaced meanwhile took its figures along; they stay as they are.
    """
    amount_micros, used_at = transaction.amount_micros, transaction.received_at
    return tuple(
        replace(token, limits=tuple(limit.give_back(amount_micros, used_at, now) for limit in token.limits))
        for token in _limited(state, transaction)
    )


def give_back_rest(state: State, reservation: Transaction, settled_micros: int, now: datetime) -> tuple[Token, ...]:
    """The tokens of a reservation without what was held in vain of their limits: only what is settled is charged."""
    rest_micros, used_at = reservation.amount_micros - settled_micros, reservation.received_at
    if not rest_micros:
        return ()
    return tuple(
        replace(token, limits=tuple(limit.give_back_part(rest_micros, used_at, now) for limit in token.limits))
        for token in _limited(state, reservation)
    )


def _limited(state: State, transaction: Transaction) -> list[Token]:
    names = (transaction.sender_token_id, transaction.recipient_token_id)
    tokens = [state.tokens[name] for name in names if name is not None and name in state.tokens]
    return [token for token in tokens if token.limits]
