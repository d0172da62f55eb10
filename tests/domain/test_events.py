"""Which event each change is: every status that a transaction can come to, and authorizations."""

from __future__ import annotations

import pytest

from tallystick.domain.messages.events import TYPES, type_of, was_answered_at_once
from tallystick.domain.outcomes import TransactionStatus
from tallystick.domain.state import Operation
from tallystick.domain.transitions import allowed_changes

OF_THE_OPERATOR = {Operation.DEPOSIT.value, Operation.RAIL_MOVEMENT.value}
"""What happens in the operator's own book: no seller's."""


@pytest.mark.parametrize("change", sorted({(operation, status) for operation, _, _, status in allowed_changes()}))
def test_every_status_that_a_transaction_can_come_to_is_an_event(change: tuple[str, str]) -> None:
    operation, status = change
    told = type_of(Operation(operation), TransactionStatus(status))
    assert (told is None) == (operation in OF_THE_OPERATOR)
    assert told is None or told in TYPES


def test_only_charges_in_their_first_status_were_answered_at_once() -> None:
    assert was_answered_at_once("charge.succeeded", 1)
    assert not was_answered_at_once("charge.succeeded", 2)
    assert not was_answered_at_once("top_up.succeeded", 1)
