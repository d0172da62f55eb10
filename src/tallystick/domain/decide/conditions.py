"""Conditions of installed tokens, checked when they are used. Source: docs/protocol/semantics.md, 12."""

from __future__ import annotations

from datetime import datetime

from tallystick.domain.commands import Method, Pay, Reserve
from tallystick.domain.gatekeeper import Facts, Instruction, TransactionRole, evaluate, incompatible, parse
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.tokens import Token


def check_instruction(text: str | None, facts: Facts) -> None:
    """Every condition of a token's instruction must hold.

    An instruction that an older release accepted and this one cannot read allows nothing. Raises Refused:
    IncompatibleTokens.
    """
    if text is None:
        return
    instruction = parse(text)
    if not isinstance(instruction, Instruction):
        raise Refused(Refusal.IncompatibleTokens, f"The token's payment instruction has a fault. {instruction[0]}")
    failures = evaluate(instruction, facts)
    if failures:
        raise incompatible(failures)


def check_conditions(token: Token | None, role: str, command: Pay | Reserve, method: Method, now: datetime) -> None:
    """As check_instruction, for a token in a payment; `role` is the part that its holder takes."""
    if token is None:
        return
    facts = Facts(
        my_role=TransactionRole(role),
        amount_micros=command.amount_micros,
        at=now,
        payment_method=method.value,
        charge_fee_to=command.marketplace.fee_payer.value,
        operation=type(command).__name__,
    )
    check_instruction(token.instruction, facts)
