"""Scopes of keys: numbers that the database has, names that programs have."""

from __future__ import annotations

import pytest

from tallystick.domain.scopes import CHARGES_ONLY, EVERYTHING, MONEY, READ_ONLY, KeyScope, scope_names, scopes_of
from tallystick.services.api.registry import ACTIONS


def test_the_numbers_that_databases_have_stay() -> None:
    assert [(scope.name, scope.value) for scope in KeyScope] == [
        ("READ", 1),
        ("CHARGE", 2),
        ("FUND", 4),
        ("REFUND", 8),
        ("SETTLE", 16),
        ("WRITE_OFF", 32),
        ("TOKENS", 64),
        ("HOSTED_LINKS", 128),
        ("NOTIFICATIONS", 256),
        ("PAY_OUT", 512),
        ("WEBHOOKS", 1024),
    ]
    assert sum(KeyScope) == EVERYTHING
    assert EVERYTHING & ~KeyScope.PAY_OUT & ~KeyScope.WEBHOOKS == 511  # what 0024_keys.sql gives to keys of before


def test_names_lead_to_their_scopes_and_back() -> None:
    assert scopes_of(scope_names(EVERYTHING)) == scopes_of(["everything"]) == EVERYTHING
    assert scope_names(CHARGES_ONLY) == ["read", "charge", "notifications"]
    assert scopes_of([]) == 0
    with pytest.raises(ValueError, match="there is no scope 'Read'"):
        scopes_of(["read", "Read"])


def test_what_reads_only_moves_no_money() -> None:
    assert not READ_ONLY & MONEY
    moving = {action.name for action in ACTIONS.values() if action.scopes & MONEY}
    assert moving == {action.name for action in ACTIONS.values() if action.moves_money} | {
        "CancelToken",
        "InstallPaymentInstruction",
    }


def test_every_action_needs_a_scope() -> None:
    assert {name: scope_names(action.scopes) for name, action in ACTIONS.items() if action.scopes != KeyScope.READ} == {
        "FundPrepaid": ["fund"],
        "Pay": ["charge"],
        "Reserve": ["charge"],
        "Settle": ["charge"],
        "Cancel": ["charge"],
        "Refund": ["refund"],
        "SettleDebt": ["settle"],
        "WriteOffDebt": ["write_off"],
        "CancelToken": ["tokens"],
        "InstallPaymentInstruction": ["tokens"],
        "CancelSubscriptionAndRefund": ["refund", "tokens"],
        "VerifySignature": ["notifications"],
    }
